/* SPDX-License-Identifier: 0BSD */
/* CIDs, in the one form that we take: CIDv1, sha2-256, full digest, codec
 * raw, dag-pb or dag-cbor. 36 bytes: 01 codec 12 20 digest[32]. Everything
 * else (CIDv0, identity, sha-1, truncated digests, non-minimal varints) is
 * refused: one meaning, one spelling. */
#ifndef FORM_CID_H
#define FORM_CID_H

#include "base/buf.h"
#include "base/err.h"

#define CID_SIZE 36
#define CID_TEXT_SIZE 59 /* 'b' + 58 characters of base32; no NUL counted */

enum cid_codec { CID_RAW = 0x55, CID_DAG_PB = 0x70, CID_DAG_CBOR = 0x71 };

struct cid {
  uint8_t b[CID_SIZE];
};

static inline enum cid_codec cid_codec(const struct cid *c)
{
  return (enum cid_codec)c->b[1];
}

static inline const uint8_t *cid_digest(const struct cid *c)
{
  return c->b + 4;
}

/* Is it one of enum cid_codec? */
bool cid_codec_known(uint8_t codec);

/* The CID of ${n} bytes at ${p} under ${codec}: hashes them. */
int cid_of(struct cid *out, enum cid_codec codec, const void *p,
           size_t n) MUST_USE;

/* Put a CID together from a digest of 32 bytes. Cannot fail. */
void cid_make(struct cid *out, enum cid_codec codec, const uint8_t *digest);

/* Read exactly CID_SIZE bytes. ERR_INVALID says in ${e} what is wrong. */
int cid_read(struct cid *out, const uint8_t *p, size_t n,
             struct err *e) MUST_USE;

/* Does ${p} (CID_SIZE bytes readable) start with a CID of our form? */
bool cid_looks(const uint8_t *p);

/* Parse the text form: exactly CID_TEXT_SIZE lower-case characters. */
int cid_parse(struct cid *out, const char *text, size_t n,
              struct err *e) MUST_USE;

/* Write the text form and a NUL. Cannot fail. */
void cid_text(char out[CID_TEXT_SIZE + 1], const struct cid *c);

/* 0 when the bytes hash to the CID, else ERR_HASH (or ERR_NOMEM). */
int cid_verify(const struct cid *c, const void *p, size_t n) MUST_USE;

static inline int cid_compare(const struct cid *a, const struct cid *b)
{
  return span_compare(span_of(a->b, CID_SIZE), span_of(b->b, CID_SIZE));
}

static inline bool cid_equal(const struct cid *a, const struct cid *b)
{
  return cid_compare(a, b) == 0;
}

#endif
