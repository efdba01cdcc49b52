/* SPDX-License-Identifier: 0BSD */
#include "form/cid.h"

#include "base/check.h"
#include "form/hash.h"

#include <string.h>

#define CID_VERSION 0x01
#define CID_SHA2_256 0x12

_Static_assert(CID_SIZE == 4 + HASH_SIZE, "head and digest");
_Static_assert(CID_TEXT_SIZE == 1 + (CID_SIZE * 8 + 4) / 5, "base32 length");

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";

bool cid_codec_known(uint8_t codec)
{
  return codec == CID_RAW || codec == CID_DAG_PB || codec == CID_DAG_CBOR;
}

int cid_of(struct cid *out, enum cid_codec codec, const void *p, size_t n)
{
  uint8_t digest[HASH_SIZE];
  int rc = hash_sha256(digest, p, n);
  if (rc == 0) {
    cid_make(out, codec, digest);
  }
  return rc;
}

void cid_make(struct cid *out, enum cid_codec codec, const uint8_t *digest)
{
  CHECK(cid_codec_known((uint8_t)codec));
  out->b[0] = CID_VERSION;
  out->b[1] = (uint8_t)codec;
  out->b[2] = CID_SHA2_256;
  out->b[3] = HASH_SIZE;
  memcpy(out->b + 4, digest, HASH_SIZE);
}

bool cid_looks(const uint8_t *p)
{
  return p[0] == CID_VERSION && cid_codec_known(p[1]) && p[2] == CID_SHA2_256 &&
         p[3] == HASH_SIZE;
}

/* Say why CID_SIZE bytes that cid_looks refused are no CID of ours. */
static int refuse(const uint8_t *p, struct err *e)
{
  if (p[0] == CID_SHA2_256 && p[1] == HASH_SIZE) {
    return err_set(e, ERR_INVALID, "CID is of version 0; only 1 is taken");
  }
  if (p[0] != CID_VERSION) {
    return err_set(e, ERR_INVALID, "CID version byte is %u, not 1", p[0]);
  }
  if (!cid_codec_known(p[1])) {
    return err_set(e, ERR_INVALID,
                   "CID codec 0x%02x is not raw, dag-pb or dag-cbor", p[1]);
  }
  if (p[2] != CID_SHA2_256) {
    return err_set(e, ERR_INVALID, "CID hash 0x%02x is not sha2-256", p[2]);
  }
  return err_set(e, ERR_INVALID, "CID digest of %u bytes, not %d", p[3],
                 HASH_SIZE);
}

int cid_read(struct cid *out, const uint8_t *p, size_t n, struct err *e)
{
  if (n != CID_SIZE) {
    return err_set(e, ERR_INVALID, "CID of %zu bytes, not %d", n, CID_SIZE);
  }
  if (!cid_looks(p)) {
    return refuse(p, e);
  }
  memcpy(out->b, p, CID_SIZE);
  return 0;
}

/* Value of a base32 character, or -1. */
static int digit(char c)
{
  if (c >= 'a' && c <= 'z') {
    return c - 'a';
  }
  return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

int cid_parse(struct cid *out, const char *text, size_t n, struct err *e)
{
  if (n != CID_TEXT_SIZE) {
    return err_set(e, ERR_INVALID, "CID text of %zu characters, not %d", n,
                   CID_TEXT_SIZE);
  }
  if (text[0] != 'b') {
    return err_set(e, ERR_INVALID, "CID text does not start with 'b'");
  }
  uint8_t bytes[CID_SIZE];
  unsigned acc = 0, bits = 0;
  size_t at = 0;
  for (size_t i = 1; i < n; i++) {
    int v = digit(text[i]);
    if (v < 0) {
      return err_set(e, ERR_INVALID,
                     "CID text: character %zu is not lower-case base32", i + 1);
    }
    acc = (acc << 5 | (unsigned)v) & 0xfffu; /* 12 bits: 7 kept, 5 new */
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (uint8_t)(acc >> bits);
    }
  }
  CHECK(at == CID_SIZE && bits == 2);
  if ((acc & 3u) != 0) {
    return err_set(e, ERR_INVALID, "CID text: left-over bits are not zero");
  }
  return cid_read(out, bytes, sizeof bytes, e);
}

void cid_text(char out[CID_TEXT_SIZE + 1], const struct cid *c)
{
  unsigned acc = 0, bits = 0;
  size_t at = 0;
  out[at++] = 'b';
  for (size_t i = 0; i < CID_SIZE; i++) {
    acc = (acc << 8 | c->b[i]) & 0xfffu;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out[at++] = base32[acc >> bits & 31u];
    }
  }
  CHECK(bits == 3);
  out[at++] = base32[acc << 2 & 31u];
  CHECK(at == CID_TEXT_SIZE);
  out[at] = '\0';
}

int cid_verify(const struct cid *c, const void *p, size_t n)
{
  uint8_t digest[HASH_SIZE];
  int rc = hash_sha256(digest, p, n);
  if (rc < 0) {
    return rc;
  }
  return memcmp(digest, cid_digest(c), HASH_SIZE) == 0 ? 0 : ERR_HASH;
}
