/* SPDX-License-Identifier: 0BSD */
/* A key file from a stranger, without a passphrase: what opens is one of ours
 * in the clear, and writing it again gives the same bytes. */
#include "form/keyfile.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct identity *id = NULL;
  struct buf again = {0};
  if (crypt_start(NULL) != 0) {
    abort();
  }
  if (keyfile_decode(&id, span_of(data, size), NULL, NULL) == 0 &&
      (keyfile_encode(&again, id, NULL, NULL) != 0 ||
       !span_equal(buf_span(&again), span_of(data, size)))) {
    abort();
  }
  identity_del(id);
  buf_free(&again);
  return 0;
}
