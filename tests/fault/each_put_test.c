/* SPDX-License-Identifier: 0BSD */
/* Whatever writes into a buf, with each request, put and digest failing in
 * turn: ERR_NOMEM, what was in the buf before is all that is in it, and
 * nothing leaks (under the sanitizers). */
#include "failing_digest.h"

#include "failing_buf.h"
#include "form/hash.h"
#include "form/keyfile.h"
#include "form/parcel.h"
#include "form/qr.h"
#include "sync/sketch.h"
#include "sync/slip.h"
#include "sync/slip_text.h"

static struct identity *id;

typedef int put_body(struct buf *out);

/* Returns how many requests there were. */
static long sweep(put_body *body)
{
  for (long at = 1;; at++) {
    struct buf out = {0};
    NEED(buf_put(&out, "kept", 4) == 0);
    heap_fail(at, at % 2 ? HEAP_ONCE : HEAP_FROM);
    int rc = body(&out);
    bool clean = heap.requests < at;
    heap_heal();
    EXPECT_INT(rc, clean ? 0 : ERR_NOMEM);
    EXPECT(clean ? out.n > 4 : out.n == 4);
    EXPECT(memcmp(out.p, "kept", 4) == 0);
    buf_free(&out);
    if (clean || rc == 0) {
      return at - 1;
    }
  }
}

static int put_parcel(struct buf *out)
{
  struct cid cid[2];
  struct err e = {0};
  for (int i = 0; i < 2; i++) {
    uint8_t digest[HASH_SIZE] = {(uint8_t)i};
    cid_make(&cid[i], CID_DAG_CBOR, digest);
  }
  int rc = parcel_write(out, id, 1, span_of("a", 1), cid, 2, &e);
  EXPECT_INT(e.code, rc);
  return rc;
}

static int put_keyfile(struct buf *out)
{
  return keyfile_encode(out, id, NULL, NULL);
}

static int put_sealed_keyfile(struct buf *out)
{
  return keyfile_encode(out, id, "pass", NULL);
}

/* A slip with a wish and a set. */
static struct buf part; /* of the set's sketch */

static int put_slip(struct buf *out)
{
  static const uint8_t salt[SLIP_SALT_SIZE] = {0}, digest[HASH_SIZE] = {1};
  static const uint8_t have[8] = {1};
  struct slip_writer w = {0};
  struct err e = {0};
  struct slip_wish wish = {span_of("edu/*", 5), 0, span_of(have, 8),
                           span_of(NULL, 0)};
  struct slip_set set = {span_of("edu/x", 5), 1, digest, buf_span(&part)};
  int rc = slip_add(&w, &wish, &e);
  rc = rc < 0 ? rc : slip_add_set(&w, &set, &e);
  rc = rc < 0 ? rc : slip_finish(&w, out, id, salt, 0, 0, &e);
  EXPECT_INT(e.code, rc);
  slip_writer_free(&w);
  return rc;
}

static int put_scan(struct buf *out)
{
  return slip_scan_put(out, span_of("some slip", 9));
}

static int read_scan(struct buf *out)
{
  struct err e = {0};
  int rc = slip_scan_read(out, span_of("MAHATTA:BB8BB8", 14), &e);
  EXPECT_INT(e.code, rc);
  return rc;
}

static int put_short(struct buf *out)
{
  struct slip_short s = {.count = 3, .syndromes = 2, .syndrome = {7, 8}};
  return slip_short_put(out, &s);
}

/* The code itself is libqrencode's, which has a heap of its own. */
static struct qr code;

static int put_terminal(struct buf *out)
{
  return qr_terminal(out, &code);
}

static int put_svg(struct buf *out)
{
  return qr_svg(out, &code);
}

static int put_png(struct buf *out)
{
  struct err e = {0};
  int rc = qr_png(out, &code, &e);
  EXPECT_INT(e.code, rc);
  return rc;
}

static void test_signed(void)
{
  EXPECT(sweep(put_parcel) > 10);
  EXPECT(sweep(put_keyfile) > 10);
  EXPECT(sweep(put_sealed_keyfile) > 10);
  EXPECT(sweep(put_slip) > 50);
}

static void test_text(void)
{
  EXPECT(sweep(put_scan) > 10);
  EXPECT(sweep(read_scan) >= 4);
  EXPECT(sweep(put_short) > 20);
}

static void test_qr(void)
{
  struct err e = {0};
  for (long at = 1;; at++) {
    heap_fail(at, HEAP_ONCE);
    int rc = qr_make(&code, span_of("MAHATTA:BB8", 11), &e);
    bool clean = heap.requests < at;
    heap_heal();
    EXPECT_INT(rc, clean ? 0 : ERR_NOMEM);
    if (clean || rc == 0) {
      break;
    }
    EXPECT(code.module == NULL);
  }
  EXPECT(sweep(put_terminal) > 100);
  EXPECT(sweep(put_svg) > 100);
  EXPECT(sweep(put_png) >= 2);
  qr_free(&code);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  NEED(identity_new(&id, NULL) == 0);
  static struct sketch sketch;
  sketch_add(&sketch, 5);
  NEED(sketch_part_put(&part, &sketch, 0, 10, 0) == 0);
  RUN(test_signed);
  RUN(test_text);
  RUN(test_qr);
  buf_free(&part);
  identity_del(id);
  return unit_done();
}
