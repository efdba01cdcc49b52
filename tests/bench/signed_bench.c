/* SPDX-License-Identifier: 0BSD */
/* What admitting costs before the store: hashes, signatures, parcels,
 * records. Prints figures of one core. */
#include "base/limits.h"
#include "base/mem.h"
#include "form/cbor.h"
#include "form/hash.h"
#include "form/parcel.h"
#include "form/record.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int bench_hash(void)
{
  size_t large = 256 * 1024;
  uint8_t *data = mem_zero(large), out[HASH_SIZE];
  int bad = data == NULL;
  double start = seconds();
  for (int i = 0; i < 2000 && !bad; i++) {
    bad |= hash_sha256(out, data, large);
  }
  printf("hash: 256 KiB %.0f MB/s", 2000 * 0.262144 / (seconds() - start));
  start = seconds();
  for (int i = 0; i < 500000 && !bad; i++) {
    bad |= hash_sha256(out, data, 480);
  }
  printf(", 480 bytes %.3f us\n", (seconds() - start) * 2);
  mem_free(data);
  return bad;
}

/* A parcel of ${count} records: read, and verify with and without the
 * author's point. */
static int bench_parcel(const struct identity *id, size_t count)
{
  struct cid *cids = mem_alloc(count * sizeof *cids);
  struct buf b = {0};
  struct parcel p;
  int bad = cids == NULL;
  for (size_t i = 0; i < count && !bad; i++) {
    bad |= cid_of(&cids[i], CID_DAG_CBOR, &i, sizeof i);
  }
  bad = bad || parcel_write(&b, id, 1, span_of("a", 1), cids, count, NULL) < 0;
  double start = seconds();
  for (int i = 0; i < 20000 && !bad; i++) {
    bad |= parcel_read(&p, buf_span(&b), NULL);
  }
  printf("parcel: %zu records: read %.2f us", count, (seconds() - start) * 50);
  for (int known = 0; known < 2; known++) {
    start = seconds();
    for (int i = 0; i < 2000 && !bad; i++) {
      bad |= parcel_verify(&p, known == 1, NULL);
    }
    printf(", verify %.0f us%s", (seconds() - start) * 500,
           known == 1 ? " (known author)\n" : "");
  }
  buf_free(&b);
  mem_free(cids);
  return bad;
}

/* A record of about 480 bytes. */
static int put_record(struct buf *b)
{
  static const char text[] =
      "Three laws, with worked examples for the ninth class. An object at "
      "rest stays at rest; force is mass times acceleration; each action has "
      "its equal and opposite reaction. With exercises and their solutions.";
  struct cid c;
  int rc = cid_of(&c, CID_RAW, "x", 1);
  rc |= cbor_put_map(b, 6);
  rc |= cbor_put_key(b, "tags") | cbor_put_list(b, 2);
  rc |= cbor_put_key(b, "physics") | cbor_put_key(b, "mechanics");
  rc |= cbor_put_key(b, "text") | cbor_put_text(b, text, sizeof text - 1);
  rc |= cbor_put_key(b, "type") | cbor_put_key(b, "lesson");
  rc |= cbor_put_key(b, "files") | cbor_put_list(b, 1) | cbor_put_map(b, 4);
  rc |= cbor_put_key(b, "data") | cbor_put_link(b, &c);
  rc |= cbor_put_key(b, "name") | cbor_put_key(b, "newton.pdf");
  rc |= cbor_put_key(b, "size") | cbor_put_int(b, 1234567);
  rc |= cbor_put_key(b, "type") | cbor_put_key(b, "application/pdf");
  rc |= cbor_put_key(b, "title") | cbor_put_map(b, 2);
  rc |= cbor_put_key(b, "ar") | cbor_put_key(b, "قوانين نيوتن للحركة");
  rc |= cbor_put_key(b, "en") | cbor_put_key(b, "Newton's laws of motion");
  rc |= cbor_put_key(b, "license") | cbor_put_key(b, "CC-BY-4.0");
  return rc;
}

static int bench_record(void)
{
  struct buf b = {0};
  struct record r;
  int bad = put_record(&b);
  double start = seconds();
  for (int i = 0; i < 500000 && !bad; i++) {
    bad |= cbor_check(b.p, b.n, NULL);
  }
  double check = (seconds() - start) * 2;
  start = seconds();
  for (int i = 0; i < 500000 && !bad; i++) {
    bad |= record_read(&r, buf_span(&b), NULL);
  }
  double read = (seconds() - start) * 2;
  printf("record: %zu bytes: check %.3f us, read %.3f us (%.3f beyond)\n", b.n,
         check, read, read - check);
  buf_free(&b);
  return bad;
}

int main(void)
{
  struct identity *id = NULL;
  double start = seconds();
  int bad = crypt_start(NULL);
  printf("start and self-test: %.2f ms\n", (seconds() - start) * 1e3);
  bad = bad || identity_new(&id, NULL) < 0 || bench_hash() || bench_record() ||
        bench_parcel(id, 1) || bench_parcel(id, PARCEL_RECORDS_MAX);
  identity_del(id);
  return bad ? 1 : 0;
}
