/* SPDX-License-Identifier: 0BSD */
/* Names as they come from elsewhere: varints, CIDs in bytes and in text, keys
 * of authors, names of collections and what follows them. What is taken has
 * one spelling, and that is the one that came. */
#include "form/car.h"
#include "form/cid.h"
#include "form/crypt.h"
#include "form/parcel.h"

#include "fuzz/demand.h"

static void check_varint(struct span s)
{
  uint8_t again[VARINT_BYTES_MAX];
  uint64_t v;
  int n = varint_read(s, &v);
  demand(n >= ERR_INVALID && n <= (int)sizeof again);
  if (n > 0) {
    demand(v <= INT64_MAX && varint_put(again, v) == (size_t)n);
    demand(memcmp(again, s.p, (size_t)n) == 0);
  } else if (n == 0) { /* cut short: every byte says that more comes */
    demand(s.n < sizeof again);
    for (size_t i = 0; i < s.n; i++) {
      demand(s.p[i] >= 0x80);
    }
  }
}

static void check_cid(struct span s)
{
  struct cid c, back;
  char text[CID_TEXT_SIZE + 1];
  struct err e = {0};
  int rc = cid_read(&c, s.p, s.n, &e);
  demand((rc < 0) == (e.text[0] != '\0'));
  demand((rc == 0) == (s.n == CID_SIZE && cid_looks(s.p)));
  if (rc == 0) {
    demand(memcmp(c.b, s.p, CID_SIZE) == 0);
    cid_text(text, &c);
    demand(cid_parse(&back, text, CID_TEXT_SIZE, NULL) == 0);
    demand(cid_equal(&back, &c));
  }
}

static void check_text(struct span s)
{
  struct cid c;
  uint8_t key[CRYPT_KEY_SIZE];
  char text[CID_TEXT_SIZE + 1], did[CRYPT_DID_MAX];
  struct err e = {0};
  int rc = cid_parse(&c, (const char *)s.p, s.n, &e);
  demand((rc < 0) == (e.text[0] != '\0'));
  if (rc == 0) {
    cid_text(text, &c);
    demand(span_is(s, text) && cid_looks(c.b));
  }
  e = (struct err){0};
  rc = did_parse(key, (const char *)s.p, s.n, &e);
  demand((rc < 0) == (e.text[0] != '\0'));
  if (rc == 0) {
    did_text(did, key);
    demand(span_is(s, did) && crypt_author_ok(key));
  }
}

/* Up to the first line's end a pattern, then a name. */
static void check_names(struct span s)
{
  struct err e = {0};
  size_t cut = 0;
  while (cut < s.n && s.p[cut] != '\n') {
    cut++;
  }
  struct span pattern = span_of(s.p, cut);
  struct span name = span_of(s.p + cut, s.n - cut);
  if (name.n > 0) {
    name = span_of(name.p + 1, name.n - 1);
  }
  int rc = pattern_check(pattern, &e);
  demand((rc < 0) == (e.text[0] != '\0'));
  bool is_name = collection_check(pattern, NULL) == 0;
  demand(!is_name || rc == 0);
  if (rc == 0 && is_name) { /* it follows itself alone */
    demand(pattern_matches(pattern, pattern));
    demand(pattern_matches(pattern, name) == span_equal(pattern, name));
  } else if (rc == 0 && collection_check(name, NULL) == 0) {
    size_t head = pattern.n - 1; /* without its star */
    demand(pattern.p[head] == '*');
    demand(pattern_matches(pattern, name) ==
           (name.n > head && memcmp(name.p, pattern.p, head) == 0));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct span s = span_of(data, size);
  demand(crypt_start(NULL) == 0);
  check_varint(s);
  check_cid(s);
  check_text(s);
  check_names(s);
  return 0;
}
