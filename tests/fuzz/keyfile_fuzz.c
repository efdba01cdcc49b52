/* SPDX-License-Identifier: 0BSD */
/* A key file from a stranger, without a passphrase: what opens is one of ours
 * in the clear, and writing it again gives the same bytes. */
#include "form/keyfile.h"

#include "fuzz/demand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct identity *id = NULL;
  struct buf again = {0};
  struct err e = {0};
  demand(crypt_start(NULL) == 0);
  int rc = keyfile_decode(&id, span_of(data, size), NULL, &e);
  demand((rc < 0) == (e.text[0] != '\0') && (rc < 0) == (id == NULL));
  if (rc == 0) {
    demand(keyfile_encode(&again, id, NULL, NULL) == 0);
    demand(span_equal(buf_span(&again), span_of(data, size)));
  }
  identity_del(id);
  buf_free(&again);
  return 0;
}
