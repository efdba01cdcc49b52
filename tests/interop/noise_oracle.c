/* SPDX-License-Identifier: 0BSD */
/* One end of a Noise session on standard input and output:
 *   noise_oracle initiator|responder PROLOGUE
 * Each message comes behind its length in two bytes, most significant first.
 * Each message of the handshake gives back the payload of the one before;
 * then come the handshake's hash, the peer's key and the last payload in a
 * sealed message; then each sealed message is answered by its like. After the
 * answer to "rekey" both ways get new keys. Ends well at the end of input. */
#include "sync/noise.h"

#include <stdio.h>
#include <string.h>

static uint8_t message[NOISE_MESSAGE_MAX], payload[NOISE_MESSAGE_MAX];
static size_t payload_size;

static int put(int n)
{
  size_t size = (size_t)n;
  if (n < 0 || putchar(n >> 8) == EOF || putchar(n & 0xff) == EOF ||
      fwrite(message, 1, size, stdout) != size || fflush(stdout) != 0) {
    return -1;
  }
  return 0;
}

/* False at the end of input. */
static bool get(struct span *m)
{
  int high = getchar(), low = getchar();
  if (high == EOF || low == EOF) {
    return false;
  }
  *m = span_of(message, (size_t)high << 8 | (size_t)low);
  return fread(message, 1, m->n, stdin) == m->n;
}

static int shake_hands(struct noise *n, struct err *e)
{
  struct span m;
  while (!noise_ready(n)) {
    if (noise_may_write(n)) {
      if (put(noise_write(n, message, sizeof message,
                          span_of(payload, payload_size), e)) < 0) {
        return -1;
      }
      continue;
    }
    int size = get(&m) ? noise_read(n, payload, sizeof payload, m, e) : -1;
    if (size < 0) {
      return -1;
    }
    payload_size = (size_t)size;
  }
  return 0;
}

static int seal(struct noise *n, struct err *e)
{
  return put(noise_seal(n, message, sizeof message,
                        span_of(payload, payload_size), e));
}

static int tell(struct noise *n, struct err *e)
{
  uint8_t head[NOISE_HASH_SIZE + NOISE_KEY_SIZE];
  if (payload_size > NOISE_PAYLOAD_MAX - sizeof head) {
    payload_size = NOISE_PAYLOAD_MAX - sizeof head;
  }
  memcpy(head, noise_hash(n), NOISE_HASH_SIZE);
  memcpy(head + NOISE_HASH_SIZE, noise_peer(n), NOISE_KEY_SIZE);
  memmove(payload + sizeof head, payload, payload_size);
  memcpy(payload, head, sizeof head);
  payload_size += sizeof head;
  return seal(n, e);
}

static int answer_all(struct noise *n, struct err *e)
{
  struct span m;
  while (get(&m)) {
    int size = noise_open(n, payload, sizeof payload, m, e);
    if (size < 0) {
      return -1;
    }
    payload_size = (size_t)size;
    if (seal(n, e) < 0) {
      return -1;
    }
    if (span_is(span_of(payload, payload_size), "rekey") &&
        (noise_rekey_out(n) < 0 || noise_rekey_in(n) < 0)) {
      return -1;
    }
  }
  return 0;
}

int main(int argc, char **argv)
{
  struct noise n;
  struct err e = {0};
  uint8_t keys[2][NOISE_KEY_SIZE];
  if (argc != 3 || crypt_start(&e) < 0) {
    fprintf(stderr, "noise_oracle initiator|responder PROLOGUE %s\n", e.text);
    return 2;
  }
  crypt_random(keys, sizeof keys);
  noise_start(&n, strcmp(argv[1], "initiator") == 0, keys[0], keys[1],
              span_of(argv[2], strlen(argv[2])));
  int rc = shake_hands(&n, &e);
  if (rc == 0) {
    rc = tell(&n, &e);
  }
  if (rc == 0) {
    rc = answer_all(&n, &e);
  }
  noise_end(&n);
  if (rc < 0) {
    fprintf(stderr, "%s: %s\n", err_name(e.code), e.text);
  }
  return rc < 0;
}
