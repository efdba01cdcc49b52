/* SPDX-License-Identifier: 0BSD */
/* One error: a code that programs compare and a sentence that people read.
 *
 * Fallible functions of the core return 0 (or a count >= 0) or a negative
 * ERR_ code, and describe it in the struct err that the caller lends as last
 * argument. Every error is born in err_set(), so one breakpoint finds each.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

enum err_code {
  ERR_OK = 0,
  ERR_NOMEM = -1,     /* memory ran out */
  ERR_IO = -2,        /* the disk or the system refused */
  ERR_FULL = -3,      /* no space left, or over the budget that was set */
  ERR_CORRUPT = -4,   /* our own store holds something it never wrote */
  ERR_INVALID = -5,   /* foreign bytes break a rule of FORMAT.md */
  ERR_LIMIT = -6,     /* larger than limits.h allows */
  ERR_NOENT = -7,     /* there is no such thing */
  ERR_EXIST = -8,     /* it is there already */
  ERR_BUSY = -9,      /* another process writes; try again */
  ERR_ACCESS = -10,   /* permissions forbid it, or are too open */
  ERR_MISUSE = -11,   /* the caller broke this API's contract */
  ERR_SIG = -12,      /* a signature or a passphrase does not hold */
  ERR_HASH = -13,     /* bytes differ from the CID that names them */
  ERR_READONLY = -14, /* the handle was opened for reading */
  ERR_CLOSED = -15,   /* the station was closed meanwhile */
  ERR_POLICY = -16,   /* the host's own callback refused */
  ERR_QUOTA = -17     /* strangers have taken what they may of the disk */
};

#define ERR_TEXT_MAX 480

struct err {
  int code;
  char text[ERR_TEXT_MAX];
};

#if defined(__GNUC__)
#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define MUST_USE __attribute__((warn_unused_result))
#else
#define ERR_PRINTF(f, a)
#define MUST_USE
#endif

/* Fill ${e} (which may be NULL) and return ${code}. The text is cut at
 * ERR_TEXT_MAX - 1 bytes. Foreign strings must be escaped by the caller. */
int err_set(struct err *e, int code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* The same for a failed system call: appends strerror(${saved_errno}) and
 * picks the code that fits it. */
int err_sys(struct err *e, int saved_errno, const char *fmt, ...)
    ERR_PRINTF(3, 4);

/* Upper-case name of a code as scripts see it, such as "ECORRUPT". Never
 * NULL; an unknown code is "EUNKNOWN". Cannot fail. */
const char *err_name(int code);

#endif
