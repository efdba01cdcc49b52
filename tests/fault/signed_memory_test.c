/* SPDX-License-Identifier: 0BSD */
/* Memory that runs out at the first, second, third ... request, until a run
 * is clean: each failure is ERR_NOMEM, leaves outputs as they were, and leaks
 * nothing (the sanitizers watch). */
#include "base/limits.h"
#include "form/cbor.h"
#include "form/keyfile.h"
#include "form/parcel.h"
#include "sync/slip.h"

#include "failing_heap.h"
#include "unit.h"

/* ---- bodies ---- */

static struct identity *id;

typedef int fault_body(struct buf *out);

/* Run ${body} with failure 0, 1, 2 ... until it succeeds. */
static void sweep(fault_body *body)
{
  int rc = ERR_NOMEM;
  long n = 0;
  for (; rc != 0 && n < 1000; n++) {
    struct buf out = {0};
    NEED(buf_put(&out, "kept", 4) == 0);
    heap_fail(n + 1, HEAP_ONCE);
    rc = body(&out);
    heap_heal();
    EXPECT(rc == 0 || rc == ERR_NOMEM);
    EXPECT((out.n > 4) == (rc == 0));
    EXPECT(memcmp(out.p, "kept", 4) == 0);
    buf_free(&out);
  }
  EXPECT_INT(rc, 0);
  EXPECT(n > 1); /* it did fail before */
}

/* Large enough for the signed message to go to the heap. */
static int parcel_body(struct buf *out)
{
  static struct cid cids[PARCEL_RECORDS_MAX];
  struct parcel p;
  struct err e = {0};
  for (size_t i = 0; i < PARCEL_RECORDS_MAX; i++) {
    uint8_t digest[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
    cid_make(&cids[i], CID_DAG_CBOR, digest);
  }
  int rc =
      parcel_write(out, id, 1, span_of("a", 1), cids, PARCEL_RECORDS_MAX, &e);
  EXPECT_INT(e.code, rc);
  if (rc < 0) {
    return rc;
  }
  NEED(parcel_read(&p, span_of(out->p + 4, out->n - 4), NULL) == 0);
  if ((rc = parcel_verify(&p, false, NULL)) < 0) {
    out->n = 4;
  }
  return rc;
}

static int keyfile_body(struct buf *out)
{
  struct identity *back = NULL;
  int rc = keyfile_encode(out, id, NULL, NULL);
  if (rc == 0) {
    struct span file = span_of(out->p + 4, out->n - 4);
    NEED(keyfile_decode(&back, file, NULL, NULL) == 0);
  }
  identity_del(back);
  return rc;
}

static int sealed_body(struct buf *out)
{
  struct identity *back = NULL;
  int rc = keyfile_encode(out, id, "pass", NULL);
  if (rc == 0) {
    struct span file = span_of(out->p + 4, out->n - 4);
    rc = keyfile_decode(&back, file, "pass", NULL);
  }
  if (rc < 0) {
    EXPECT(back == NULL);
    out->n = 4;
  }
  identity_del(back);
  return rc;
}

static int slip_body(struct buf *out)
{
  static const uint8_t salt[SLIP_SALT_SIZE] = {0};
  static uint8_t have[8 * 1000];
  struct slip_writer w = {0};
  struct slip_wish wish = {span_of("edu/*", 5), 0, span_of(have, sizeof have),
                           span_of(NULL, 0)};
  for (size_t i = 0; i < 1000; i++) {
    have[8 * i + 6] = (uint8_t)(i >> 8);
    have[8 * i + 7] = (uint8_t)i;
  }
  int rc = slip_add(&w, &wish, NULL);
  EXPECT_INT(w.count, rc == 0 ? 1 : 0);
  if (rc == 0) {
    rc = slip_finish(&w, out, id, salt, 0, 0, NULL);
  }
  slip_writer_free(&w);
  return rc;
}

static void test_parcel(void)
{
  sweep(parcel_body);
}

static void test_keyfile(void)
{
  sweep(keyfile_body);
}

static void test_sealed_keyfile(void)
{
  sweep(sealed_body);
}

static void test_slip(void)
{
  sweep(slip_body);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  NEED(identity_new(&id, NULL) == 0);
  RUN(test_parcel);
  RUN(test_keyfile);
  RUN(test_sealed_keyfile);
  RUN(test_slip);
  identity_del(id);
  return unit_done();
}
