/* SPDX-License-Identifier: 0BSD */
#include "form/keyfile.h"

#include "base/limits.h"
#include "hex.h"
#include "sweep.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define HEAD                                                                   \
  "mahatta key 1\n"                                                            \
  "note whoever has this file publishes in your name: keep it secret\n"
#define DID "did did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw\n"
#define SALT "salt 000102030405060708090a0b0c0d0e0f\n"
#define ZERO32                                                                 \
  "0000000000000000000000000000000000000000000000000000000000000000"
#define COMMIT "commit " ZERO32 "\n"
#define SEALED "sealed " ZERO32 ZERO32 "0000000000000000\n"

static struct identity *make(void)
{
  struct identity *id = NULL;
  struct buf seed = hex_buf(SEED);
  NEED(identity_from_seed(&id, seed.p, NULL) == 0);
  buf_free(&seed);
  return id;
}

static bool same(const struct identity *a, const struct identity *b)
{
  return memcmp(identity_key(a), identity_key(b), CRYPT_KEY_SIZE) == 0;
}

/* Decode ${file} with ${pass}; the code. */
static int decode(struct span file, const char *pass, struct err *e)
{
  struct identity *id = NULL, *want = make();
  int rc = keyfile_decode(&id, file, pass, e);
  EXPECT((rc == 0) == (id != NULL));
  if (rc == 0) {
    EXPECT(same(id, want));
  }
  identity_del(id);
  identity_del(want);
  return rc;
}

static int decode_span(struct span s)
{
  return decode(s, NULL, NULL);
}

static void test_clear(void)
{
  struct identity *id = make();
  struct buf b = {0};
  EXPECT_INT(keyfile_encode(&b, id, NULL, NULL), 0);
  EXPECT(span_is(buf_span(&b), HEAD DID "seed " SEED "\n"));
  EXPECT_INT(decode(buf_span(&b), NULL, NULL), 0);
  EXPECT_INT(decode(buf_span(&b), "not needed", NULL), 0);
  EXPECT_INT(sweep_one(buf_span(&b), decode_span), 0);
  EXPECT_INT(sweep_cuts(buf_span(&b), decode_span), 0);
  EXPECT_INT(sweep_flips(buf_span(&b), decode_span), 0);
  NEED(buf_byte(&b, '\n') == 0);
  EXPECT_INT(decode(buf_span(&b), NULL, NULL), ERR_INVALID);
  buf_free(&b);
  identity_del(id);
}

static void test_sealed(void)
{
  static const char pass[] = "correct horse battery staple";
  static const char kdf[] = "\nkdf argon2id 67108864 3\n";
  struct identity *id = make();
  struct buf b = {0}, other = {0};
  struct err e = {0};
  EXPECT_INT(keyfile_encode(&b, id, pass, NULL), 0);
  EXPECT_INT(keyfile_encode(&other, id, pass, NULL), 0);
  EXPECT(!span_equal(buf_span(&b), buf_span(&other))); /* salt and nonce */
  EXPECT(memmem(b.p, b.n, kdf, sizeof kdf - 1) != NULL);
  EXPECT_INT(decode(buf_span(&b), pass, NULL), 0);
  EXPECT_INT(decode(buf_span(&b), "wrong", &e), ERR_SIG);
  EXPECT_TEXT(e.text, "key file: the passphrase is wrong");
  EXPECT_INT(decode(buf_span(&b), "", &e), ERR_INVALID);
  EXPECT_INT(decode(buf_span(&b), NULL, &e), ERR_ACCESS);
  EXPECT_TEXT(e.text, "key file: it needs a passphrase");
  EXPECT_INT(sweep_cuts(buf_span(&b), decode_span), 0);
  EXPECT_INT(sweep_flips(buf_span(&b), decode_span), 0);
  /* Damage in the salt, the commitment, the sealed line: each is found. */
  static const size_t from_end[] = {2, 100, 140, 150, 220, 235, 250};
  for (size_t i = 0; i < sizeof from_end / sizeof from_end[0]; i++) {
    uint8_t *at = b.p + b.n - from_end[i];
    uint8_t old = *at;
    *at = old == '0' ? '1' : '0';
    EXPECT(decode(buf_span(&b), pass, NULL) < 0);
    *at = old;
  }
  EXPECT_INT(decode(buf_span(&b), pass, NULL), 0);
  buf_free(&b);
  buf_free(&other);
  identity_del(id);
}

/* FORMAT.md shows this very file. */
static void test_known_answer(void)
{
  static const char file[] =
      HEAD DID "kdf argon2id 67108864 3\n" SALT
               "commit ae5cc37d33cac4fff1d0575367ecf9f808c3a0de"
               "43d725837e8c51d4ad05f460\n"
               "sealed 000102030405060708090a0b0c0d0e0f1011121314151617"
               "17ebfcd7b0a822f020e15bb4d2deb2119cba4e91baa467448f79"
               "ac19aa0e1e0bb8b57d6dfeea4295bdbdb5bcd0153239\n";
  EXPECT_INT(decode(span_of(file, sizeof file - 1),
                    "correct horse battery staple", NULL),
             0);
}

/* The station's id in front is bound: another one's does not open. */
static void test_bound(void)
{
  struct identity *id = make(), *other = NULL, *got = NULL;
  struct buf b = {0};
  char did[CRYPT_DID_MAX];
  NEED(identity_new(&other, NULL) == 0);
  NEED(keyfile_encode(&b, id, "pass", NULL) == 0);
  did_text(did, identity_key(other));
  memcpy(b.p + strlen(HEAD) + 4, did, CRYPT_DID_SIZE);
  EXPECT_INT(keyfile_decode(&got, buf_span(&b), "pass", NULL), ERR_SIG);
  buf_clear(&b);
  NEED(keyfile_encode(&b, id, NULL, NULL) == 0);
  memcpy(b.p + strlen(HEAD) + 4, did, CRYPT_DID_SIZE);
  EXPECT_INT(keyfile_decode(&got, buf_span(&b), NULL, NULL), ERR_INVALID);
  EXPECT(got == NULL);
  buf_free(&b);
  identity_del(id);
  identity_del(other);
}

static void refuses(int code, const char *text, const char *why)
{
  struct err e = {0};
  EXPECT_INT(decode(span_of(text, strlen(text)), "pass", &e), code);
  if (strstr(e.text, why) == NULL) {
    printf("  for %s\n", text);
    EXPECT_TEXT(e.text, why);
  }
}

#define KDF(what) HEAD DID "kdf " what "\n" SALT COMMIT SEALED

static void test_refuses(void)
{
  refuses(ERR_INVALID, "", "not a key file");
  refuses(ERR_INVALID, "mahatta key 2\n", "not a key file of version 1");
  refuses(ERR_INVALID, HEAD, "`did` is not in its place");
  refuses(ERR_INVALID, HEAD "did x", "`did` is cut short");
  refuses(ERR_INVALID, HEAD "did x\n", "station id of 1 characters");
  refuses(ERR_INVALID, HEAD DID, "`seed` is not in its place");
  refuses(ERR_INVALID, HEAD DID "seed 00\n", "`seed` has the wrong length");
  refuses(ERR_INVALID, HEAD DID "seed " ZERO32 "\n", "do not fit");
  refuses(ERR_INVALID, HEAD DID "seed " SEED "\n\n", "bytes after its end");
  refuses(ERR_INVALID, KDF("argon2i 67108864 3"), "is not argon2id");
  refuses(ERR_INVALID, KDF("argon2"), "is not argon2id");
  refuses(ERR_INVALID, KDF("argon2id "), "lacks a number");
  refuses(ERR_INVALID, KDF("argon2id 67108864"), "lacks the passes");
  refuses(ERR_INVALID, KDF("argon2id 67108864 "), "lacks a number");
  refuses(ERR_INVALID, KDF("argon2id 67108864 03"), "malformed number");
  refuses(ERR_INVALID, KDF("argon2id 67108864 3 "), "does not have");
  refuses(ERR_INVALID, KDF("argon2id 1234567890123456789 3"), "malformed");
  refuses(ERR_INVALID, HEAD DID "kdf argon2id 67108864 3\n" COMMIT,
          "`salt` is not in its place");
  refuses(ERR_INVALID, KDF("argon2id 67108864 3") "x", "bytes after its end");
}

/* n - 1, n, n + 1 of what a stranger's file may cost. With salt and
 * commitment of nothing the verdict is "wrong passphrase" where it works. */
static void test_costs(void)
{
  refuses(ERR_INVALID, KDF("argon2id 7168 1"), "does not have");
  refuses(ERR_SIG, KDF("argon2id 8192 1"), "passphrase is wrong");
  refuses(ERR_SIG, KDF("argon2id 9216 1"), "passphrase is wrong");
  refuses(ERR_INVALID, KDF("argon2id 8193 1"), "does not have");
  refuses(ERR_INVALID, KDF("argon2id 8192 0"), "does not have");
  refuses(ERR_SIG, KDF("argon2id 8192 15"), "passphrase is wrong");
  refuses(ERR_SIG, KDF("argon2id 8192 16"), "passphrase is wrong");
  refuses(ERR_LIMIT, KDF("argon2id 8192 17"), "wants more than");
  refuses(ERR_LIMIT, KDF("argon2id 1073742848 1"), "wants more than");
  refuses(ERR_LIMIT, KDF("argon2id 999999999999998976 1"), "wants more");
  /* At the cap the parameters are taken; no passphrase, no work. */
  static const char cap[] = KDF("argon2id 1073741824 16");
  static const char below[] = KDF("argon2id 1073740800 15");
  EXPECT_INT(decode(span_of(cap, sizeof cap - 1), NULL, NULL), ERR_ACCESS);
  EXPECT_INT(decode(span_of(below, sizeof below - 1), NULL, NULL), ERR_ACCESS);
}

/* A file that asks for too much is refused before any work, of which one would
 * take seconds. (Of the processor: others may be busy.) */
static void test_refuses_soon(void)
{
  static const char text[] = KDF("argon2id 999999999999998976 17");
  struct identity *id = NULL;
  struct timespec a, b;
  NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a) == 0);
  for (int i = 0; i < 100; i++) {
    EXPECT_INT(
        keyfile_decode(&id, span_of(text, sizeof text - 1), "pass", NULL),
        ERR_LIMIT);
  }
  NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b) == 0);
  EXPECT(b.tv_sec - a.tv_sec <= 1);
}

static void test_passphrase_limit(void)
{
  char pass[PASSPHRASE_MAX + 2];
  struct identity *id = make();
  struct buf b = {0};
  memset(pass, 'x', sizeof pass);
  for (size_t n = PASSPHRASE_MAX - 1; n <= PASSPHRASE_MAX + 1; n++) {
    pass[n] = '\0';
    buf_clear(&b);
    bool fits = n <= PASSPHRASE_MAX;
    EXPECT_INT(keyfile_encode(&b, id, pass, NULL), fits ? 0 : ERR_LIMIT);
    EXPECT((b.n > 0) == fits);
    if (fits) {
      EXPECT_INT(decode(buf_span(&b), pass, NULL), 0);
    }
    pass[n] = 'x';
  }
  EXPECT_INT(keyfile_encode(&b, id, "", NULL), ERR_INVALID);
  buf_free(&b);
  identity_del(id);
}

static void test_size_limit(void)
{
  struct buf b = {0};
  NEED(buf_put(&b, HEAD DID "seed ", strlen(HEAD DID "seed ")) == 0);
  while (b.n < KEYFILE_SIZE_MAX - 1) {
    NEED(buf_byte(&b, '0') == 0);
  }
  EXPECT_INT(decode(buf_span(&b), NULL, NULL), ERR_INVALID);
  NEED(buf_byte(&b, '0') == 0);
  EXPECT_INT(decode(buf_span(&b), NULL, NULL), ERR_INVALID);
  NEED(buf_byte(&b, '0') == 0);
  EXPECT_INT(decode(buf_span(&b), NULL, NULL), ERR_LIMIT);
  buf_free(&b);
}

/* ---- on disk ---- */

static char folder[] = "/tmp/keyfile-test-XXXXXX";

static const char *at(const char *name)
{
  static char path[256];
  NEED(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
  return path;
}

static int load(const char *path, const char *pass, struct err *e)
{
  struct identity *id = NULL;
  int rc = keyfile_load(&id, path, pass, e);
  EXPECT((rc == 0) == (id != NULL));
  identity_del(id);
  return rc;
}

static void test_disk(void)
{
  struct stat st;
  struct identity *id = make(), *back = NULL;
  struct err e = {0};
  mode_t old = umask(0);
  EXPECT_INT(keyfile_save(at("key"), id, NULL, &e), 0);
  EXPECT_TEXT(e.text, "");
  (void)umask(old);
  NEED(stat(at("key"), &st) == 0);
  EXPECT_INT(st.st_mode & 0777, 0600);
  EXPECT_INT(keyfile_load(&back, at("key"), NULL, NULL), 0);
  NEED(back != NULL);
  EXPECT(same(id, back));
  EXPECT_INT(keyfile_save(at("key"), id, NULL, NULL), ERR_EXIST);
  EXPECT_INT(load(at("key"), NULL, NULL), 0); /* it is still there */
  EXPECT_INT(keyfile_save(at("sealed"), id, "pass", NULL), 0);
  EXPECT_INT(load(at("sealed"), "pass", NULL), 0);
  EXPECT_INT(load(at("sealed"), "Pass", NULL), ERR_SIG);
  EXPECT_INT(load(at("sealed"), NULL, NULL), ERR_ACCESS);
  EXPECT_INT(keyfile_save(at("no/key"), id, NULL, NULL), ERR_NOENT);
  EXPECT_INT(load(at("none"), NULL, NULL), ERR_NOENT);
  identity_del(id);
  identity_del(back);
}

static void test_modes(void)
{
  static const mode_t bad[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666};
  struct err e = {0};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    NEED(chmod(at("key"), bad[i]) == 0);
    EXPECT_INT(load(at("key"), NULL, &e), ERR_ACCESS);
    EXPECT(strstr(e.text, "lets others in") != NULL);
  }
  NEED(chmod(at("key"), 0400) == 0);
  EXPECT_INT(load(at("key"), NULL, NULL), 0);
  NEED(chmod(at("key"), 0600) == 0);
  EXPECT_INT(load(at("key"), NULL, NULL), 0);
}

static void test_not_plain(void)
{
  struct identity *id = make();
  NEED(symlink("key", at("link")) == 0);
  EXPECT_INT(load(at("link"), NULL, NULL), ERR_ACCESS);
  EXPECT_INT(keyfile_save(at("link"), id, NULL, NULL), ERR_EXIST);
  NEED(symlink("nowhere", at("dangling")) == 0);
  EXPECT_INT(keyfile_save(at("dangling"), id, NULL, NULL), ERR_EXIST);
  NEED(mkfifo(at("pipe"), 0600) == 0);
  EXPECT_INT(load(at("pipe"), NULL, NULL), ERR_ACCESS); /* and at once */
  EXPECT_INT(load(folder, NULL, NULL), ERR_ACCESS);
  identity_del(id);
}

static void test_foreign(void)
{
  if (geteuid() != 0) {
    unit_skip(1, "only root can give a file away");
    return;
  }
  struct err e = {0};
  NEED(chown(at("key"), 12345, 12345) == 0);
  EXPECT_INT(load(at("key"), NULL, &e), ERR_ACCESS);
  EXPECT(strstr(e.text, "somebody else") != NULL);
  NEED(chown(at("key"), 0, 0) == 0);
}

static void test_large(void)
{
  FILE *f = fopen(at("large"), "wb");
  NEED(f != NULL && fchmod(fileno(f), 0600) == 0);
  for (int i = 0; i <= KEYFILE_SIZE_MAX; i++) {
    NEED(fputc('x', f) == 'x');
  }
  NEED(fclose(f) == 0);
  EXPECT_INT(load(at("large"), NULL, NULL), ERR_LIMIT);
  NEED(truncate(at("large"), KEYFILE_SIZE_MAX) == 0);
  EXPECT_INT(load(at("large"), NULL, NULL), ERR_INVALID);
}

/* The disk is full in the middle of the file: an error, and no half file. */
static void test_full_disk(void)
{
  struct rlimit old, small;
  struct identity *id = make();
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  NEED(handler != SIG_ERR && getrlimit(RLIMIT_FSIZE, &old) == 0);
  small = old;
  small.rlim_cur = 100;
  NEED(setrlimit(RLIMIT_FSIZE, &small) == 0);
  int rc = keyfile_save(at("full"), id, NULL, NULL);
  NEED(setrlimit(RLIMIT_FSIZE, &old) == 0);
  NEED(signal(SIGXFSZ, handler) != SIG_ERR);
  EXPECT_INT(rc, ERR_FULL);
  EXPECT(access(at("full"), F_OK) != 0);
  EXPECT_INT(keyfile_save(at("full"), id, NULL, NULL), 0);
  EXPECT_INT(unlink(at("full")), 0);
  identity_del(id);
}

static void test_path_limit(void)
{
  char path[PATH_BYTES_MAX + 2];
  struct identity *id = make();
  memset(path, 'x', sizeof path);
  path[PATH_BYTES_MAX + 1] = '\0';
  EXPECT_INT(keyfile_save(path, id, NULL, NULL), ERR_LIMIT);
  path[PATH_BYTES_MAX] = '\0'; /* within ours, beyond the system's */
  EXPECT_INT(keyfile_save(path, id, NULL, NULL), ERR_IO);
  identity_del(id);
}

static void clean(void)
{
  static const char *const names[] = {"key",      "sealed", "link",
                                      "dangling", "pipe",   "large"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    EXPECT_INT(unlink(at(names[i])), 0);
  }
  /* Nothing else was left behind. */
  EXPECT_INT(rmdir(folder), 0);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  NEED(mkdtemp(folder) != NULL);
  RUN(test_clear);
  RUN(test_sealed);
  RUN(test_known_answer);
  RUN(test_bound);
  RUN(test_refuses);
  RUN(test_costs);
  RUN(test_refuses_soon);
  RUN(test_passphrase_limit);
  RUN(test_size_limit);
  RUN(test_disk);
  RUN(test_modes);
  RUN(test_not_plain);
  RUN(test_foreign);
  RUN(test_large);
  RUN(test_full_disk);
  RUN(test_path_limit);
  RUN(clean);
  return unit_done();
}
