/* SPDX-License-Identifier: 0BSD */
/* Each allocation of a sketch's bytes fails in turn: ERR_NOMEM, and what was
 * in the buffer before is all that is in it. This program brings its own
 * base/mem. */
#include "form/crypt.h"
#include "sync/setsum.h"
#include "sync/sketch.h"
#include "failing_heap.h"
#include "unit.h"

static struct sketch sketch;
static struct setsum sum;

static int put_part(struct buf *b)
{
  return sketch_part_put(b, &sketch, 0, 100, SKETCH_SYNDROMES);
}

static int put_hello(struct buf *b)
{
  uint8_t digest[HASH_SIZE] = {0};
  struct sketch_hello h;
  sketch_hello_of(&h, &sketch, 1, digest);
  return sketch_hello_put(b, &h);
}

static int put_rest(struct buf *b)
{
  struct sketch_rest r = {&sketch, &sum, 1};
  return sketch_rest_put(b, &r);
}

static void sweep(int (*body)(struct buf *), long least)
{
  for (long at = 1;; at++) {
    struct buf b = {0};
    heap_fail(at, HEAP_FROM);
    int rc = body(&b);
    bool clean = heap.requests < at;
    EXPECT_INT(rc, clean ? 0 : ERR_NOMEM);
    EXPECT(clean == (b.n > 0));
    free(b.p);
    if (clean || rc != ERR_NOMEM) {
      EXPECT(heap.requests >= least);
      break;
    }
  }
  heap_heal();
}

static void test_memory(void)
{
  sweep(put_part, 3);
  sweep(put_hello, 1);
  sweep(put_rest, 1);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  sketch_add(&sketch, 5);
  RUN(test_memory);
  return unit_done();
}
