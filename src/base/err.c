/* SPDX-License-Identifier: 0BSD */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set_text(struct err *e, int code, const char *fmt, va_list args)
    ERR_PRINTF(3, 0);
static void set_text(struct err *e, int code, const char *fmt, va_list args)
{
  e->code = code;
  if (vsnprintf(e->text, sizeof e->text, fmt, args) < 0) {
    e->text[0] = '\0';
  }
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
  if (e != NULL) {
    va_list args;
    va_start(args, fmt);
    set_text(e, code, fmt, args);
    va_end(args);
  }
  return code;
}

static int code_of_errno(int saved_errno)
{
  switch (saved_errno) {
  case ENOENT:
  case ENOTDIR:
    return ERR_NOENT;
  case EEXIST:
    return ERR_EXIST;
  case EACCES:
  case EPERM:
    return ERR_ACCESS;
  case EROFS:
    return ERR_READONLY;
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return ERR_FULL;
  case ENOMEM:
    return ERR_NOMEM;
  case EAGAIN:
  case EBUSY:
    return ERR_BUSY;
  default:
    return ERR_IO;
  }
}

int err_sys(struct err *e, int saved_errno, const char *fmt, ...)
{
  int code = code_of_errno(saved_errno);
  if (e != NULL) {
    va_list args;
    va_start(args, fmt);
    set_text(e, code, fmt, args);
    va_end(args);
    size_t used = strlen(e->text);
    (void)snprintf(e->text + used, sizeof e->text - used, ": %s",
                   strerror(saved_errno));
  }
  return code;
}

const char *err_name(int code)
{
  static const char *const names[] = {
      "OK",     "ENOMEM", "EIO",       "EFULL",   "ECORRUPT", "EINVALID",
      "ELIMIT", "ENOENT", "EEXIST",    "EBUSY",   "EACCES",   "EMISUSE",
      "ESIG",   "EHASH",  "EREADONLY", "ECLOSED", "EPOLICY",  "EQUOTA"};
  int i = -code;
  if (i < 0 || i >= (int)(sizeof names / sizeof names[0])) {
    return "EUNKNOWN";
  }
  return names[i];
}
