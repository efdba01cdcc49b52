/* SPDX-License-Identifier: 0BSD */
#include "form/hash.h"

#include "hex.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION                                                                \
  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static bool gives(const void *p, size_t n, const char *want)
{
  uint8_t out[HASH_SIZE];
  return hash_sha256(out, p, n) == 0 && hex_is(span_of(out, sizeof out), want);
}

static void test_known_answers(void)
{
  char *as = malloc(1000000);
  NEED(as != NULL);
  memset(as, 'a', 1000000);
  EXPECT(gives(NULL, 0, EMPTY));
  EXPECT(gives("abc", 3, ABC));
  EXPECT(gives(as, 1000000, MILLION));
  free(as);
}

/* In pieces of every size around the block of 64 bytes, and twice with the
 * same state: the answer is that of one shot. */
static void test_stream(void)
{
  uint8_t data[300], one[HASH_SIZE], pieces[HASH_SIZE];
  struct hash *h = hash_new();
  NEED(h != NULL);
  for (size_t i = 0; i < sizeof data; i++) {
    data[i] = (uint8_t)(i * 7);
  }
  for (size_t step = 1; step <= 130; step++) {
    for (size_t at = 0; at < sizeof data; at += step) {
      size_t left = sizeof data - at;
      EXPECT_INT(hash_add(h, data + at, left < step ? left : step), 0);
    }
    EXPECT_INT(hash_end(h, pieces), 0);
    EXPECT_INT(hash_sha256(one, data, sizeof data), 0);
    EXPECT(memcmp(one, pieces, sizeof one) == 0);
  }
  EXPECT_INT(hash_add(h, NULL, 0), 0);
  EXPECT_INT(hash_end(h, pieces), 0);
  EXPECT(hex_is(span_of(pieces, sizeof pieces), EMPTY));
  EXPECT_INT(hash_end(h, pieces), 0); /* nothing added since */
  EXPECT(hex_is(span_of(pieces, sizeof pieces), EMPTY));
  hash_del(h);
  hash_del(NULL);
}

static void *hash_much(void *bad)
{
  for (int i = 0; i < 2000; i++) {
    uint8_t out[HASH_SIZE];
    if (hash_sha256(out, "abc", 3) != 0 || out[0] != 0xba) {
      *(bool *)bad = true;
    }
  }
  return NULL;
}

static void test_threads(void)
{
  pthread_t threads[8];
  bool bad[8] = {false};
  for (int i = 0; i < 8; i++) {
    NEED(pthread_create(&threads[i], NULL, hash_much, &bad[i]) == 0);
  }
  for (int i = 0; i < 8; i++) {
    NEED(pthread_join(threads[i], NULL) == 0);
    EXPECT(!bad[i]);
  }
}

/* A child after fork hashes with what its parent fetched. */
static void test_fork(void)
{
  int status = -1;
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    _exit(gives("abc", 3, ABC) ? 0 : 1);
  }
  NEED(waitpid(child, &status, 0) == child);
  EXPECT_INT(status, 0);
}

int main(void)
{
  RUN(test_threads); /* first: the method is fetched in a race */
  RUN(test_known_answers);
  RUN(test_stream);
  RUN(test_fork);
  return unit_done();
}
