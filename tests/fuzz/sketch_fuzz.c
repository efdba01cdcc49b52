/* SPDX-License-Identifier: 0BSD */
/* A peer's sketch: its parts, each after two bytes of length, against a set of
 * forty. What is done has to account for all that came. */
#include "sync/peel.h"

#include "sketch_shelf.h"

#include "fuzz/demand.h"
#include "fuzz/pieces.h"

#define OURS 40

PIECES_MUTATOR(0, 0)

static struct sketch ours, with_found;
static struct sketch_part part;
static struct peel out;

static void check_done(void)
{
  with_found = ours;
  for (uint32_t i = 0; i < out.n; i++) {
    if (out.ours[i]) {
      sketch_remove(&with_found, out.handle[i]);
    } else {
      sketch_add(&with_found, out.handle[i]);
    }
  }
  if (part.count > 0) {
    sketch_fold(&with_found.cells, part.count);
  }
  for (uint32_t i = 0; i < part.count; i++) {
    demand(with_found.cells.sum[i] == part.cells.sum[i]);
    demand(with_found.cells.check[i] == part.cells.check[i]);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct shelf shelf = {{0, OURS}, {0, 0}, 0};
  struct sync_set set = shelf_set(&shelf);
  struct sketch_hello hello;
  memset(&ours, 0, sizeof ours);
  memset(&part, 0, sizeof part);
  for (uint64_t i = 0; i < OURS; i++) {
    sketch_add(&ours, sketch_handle(shelf_digest(i).b));
  }
  if (sketch_hello_read(&hello, span_of(data, size), NULL) == 0) {
    demand(sketch_estimate(&hello, &hello) == 0);
  }
  while (size >= 2) {
    size_t n = (size_t)data[0] << 8 | data[1];
    n = n < size - 2 ? n : size - 2;
    if (sketch_part_read(&part, span_of(data + 2, n), NULL) == 0) {
      int verdict = peel(&out, &ours, &part, &set, NULL);
      demand(verdict >= PEEL_DONE && verdict <= PEEL_BAD);
      demand(out.n <= part.count + part.syndromes);
      if (verdict == PEEL_DONE) {
        check_done();
      }
    }
    data += 2 + n;
    size -= 2 + n;
  }
  return 0;
}
