/* SPDX-License-Identifier: 0BSD */
#include "form/keyfile.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A plain file is head, did and seed; a sealed one head, did, kdf, salt,
 * commit, sealed (F80 to F82). Lines end in a line feed. */
static const char head[] =
    "mahatta key 1\n"
    "note whoever has this file publishes in your name: keep it secret\n";
static const char info_domain[] = "mahatta/key/1"; /* its NUL included */

#define SEALED_SIZE (CRYPT_NONCE_SIZE + CRYPT_SEED_SIZE + CRYPT_TAG_SIZE)
#define KDF_MEM_BYTES_MIN 8192 /* Argon2's own floor */
#define ENCODED_MAX 1024       /* the longest key file we write is about 600 */

_Static_assert(ENCODED_MAX <= KEYFILE_SIZE_MAX, "what we write, we read");

/* ---- text ---- */

/* Append "${name} ${hex of p}\n". */
static int put_hex(struct buf *b, const char *name, const uint8_t *p, size_t n)
{
  static const char digits[] = "0123456789abcdef";
  int rc = buf_put(b, name, strlen(name));
  if (rc == 0) {
    rc = buf_byte(b, ' ');
  }
  for (size_t i = 0; rc == 0 && i < n; i++) {
    uint8_t pair[2] = {(uint8_t)digits[p[i] >> 4], (uint8_t)digits[p[i] & 15u]};
    rc = buf_put(b, pair, sizeof pair);
  }
  return rc < 0 ? rc : buf_byte(b, '\n');
}

/* What is left of a file that is being read. */
struct cursor {
  struct span s;
  struct err *e;
};

static int refuse(const struct cursor *c, const char *name, const char *why)
{
  return err_set(c->e, ERR_INVALID, "key file: the line `%s` %s", name, why);
}

static bool at_name(const struct cursor *c, const char *name)
{
  size_t n = strlen(name);
  return c->s.n > n && memcmp(c->s.p, name, n) == 0 && c->s.p[n] == ' ';
}

/* Take the line "${name} value\n". */
static int take_line(struct cursor *c, const char *name, struct span *value)
{
  if (!at_name(c, name)) {
    return refuse(c, name, "is not in its place");
  }
  size_t skip = strlen(name) + 1;
  const uint8_t *end = memchr(c->s.p, '\n', c->s.n);
  if (end == NULL) {
    return refuse(c, name, "is cut short");
  }
  size_t line = (size_t)(end - c->s.p);
  *value = span_of(c->s.p + skip, line - skip);
  c->s.p += line + 1;
  c->s.n -= line + 1;
  return 0;
}

static int hex_digit(uint8_t c)
{
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_hex(struct cursor *c, const char *name, uint8_t *out, size_t n)
{
  struct span v;
  int rc = take_line(c, name, &v);
  if (rc < 0) {
    return rc;
  }
  if (v.n != 2 * n) {
    return refuse(c, name, "has the wrong length");
  }
  for (size_t i = 0; i < n; i++) {
    int high = hex_digit(v.p[2 * i]), low = hex_digit(v.p[2 * i + 1]);
    if (high < 0 || low < 0) {
      return refuse(c, name, "is not lower-case hex");
    }
    out[i] = (uint8_t)(high << 4 | low);
  }
  return 0;
}

/* A decimal number without leading zeros, up to ${end} or a blank. */
static int take_number(struct cursor *c, struct span *v, uint64_t *out)
{
  uint64_t n = 0;
  size_t i = 0;
  for (; i < v->n && v->p[i] >= '0' && v->p[i] <= '9'; i++) {
    if (i == 18 || (i == 1 && v->p[0] == '0')) {
      return refuse(c, "kdf", "has a malformed number");
    }
    n = n * 10 + (uint64_t)(v->p[i] - '0');
  }
  if (i == 0) {
    return refuse(c, "kdf", "lacks a number");
  }
  v->p += i;
  v->n -= i;
  *out = n;
  return 0;
}

/* "argon2id MEM PASSES". The caps come before any work (F85). */
static int take_cost(struct cursor *c, struct crypt_cost *cost)
{
  static const char name[] = "argon2id ";
  const size_t skip = sizeof name - 1;
  struct span v;
  int rc = take_line(c, "kdf", &v);
  if (rc < 0) {
    return rc;
  }
  if (v.n < skip || memcmp(v.p, name, skip) != 0) {
    return refuse(c, "kdf", "is not argon2id");
  }
  v = span_of(v.p + skip, v.n - skip);
  if ((rc = take_number(c, &v, &cost->mem_bytes)) < 0) {
    return rc;
  }
  if (v.n == 0 || v.p[0] != ' ') {
    return refuse(c, "kdf", "lacks the passes");
  }
  v = span_of(v.p + 1, v.n - 1);
  if ((rc = take_number(c, &v, &cost->passes)) < 0) {
    return rc;
  }
  if (v.n != 0 || cost->passes < 1 || cost->mem_bytes < KDF_MEM_BYTES_MIN ||
      cost->mem_bytes % 1024 != 0) {
    return refuse(c, "kdf", "has parameters that Argon2 does not have");
  }
  if (cost->mem_bytes > KDF_MEM_BYTES_MAX || cost->passes > KDF_PASSES_MAX) {
    return err_set(c->e, ERR_LIMIT,
                   "key file: wants more than %llu bytes or "
                   "%d passes",
                   KDF_MEM_BYTES_MAX, KDF_PASSES_MAX);
  }
  return 0;
}

/* ---- sealing ---- */

static int check_pass(const char *pass, struct err *e)
{
  if (pass[0] == '\0') {
    return err_set(e, ERR_INVALID, "key file: the passphrase is empty");
  }
  if (strnlen(pass, PASSPHRASE_MAX + 1) > PASSPHRASE_MAX) {
    return err_set(e, ERR_LIMIT, "key file: a passphrase over %d bytes",
                   PASSPHRASE_MAX);
  }
  return 0;
}

/* AEAD key and commitment from the passphrase (F83); both are bound to all of
 * the file that stands before the commitment. */
static int derive(uint8_t out[CRYPT_DERIVED_SIZE], const char *pass,
                  const uint8_t *salt, const struct crypt_cost *cost,
                  struct span public)
{
  uint8_t secret[CRYPT_SECRET_SIZE];
  struct buf info = {0};
  int rc = crypt_stretch(secret, span_of(pass, strlen(pass)), salt, cost);
  if (rc < 0 || (rc = buf_put(&info, info_domain, sizeof info_domain)) < 0 ||
      (rc = buf_put(&info, public.p, public.n)) < 0) {
    goto done;
  }
  crypt_derive(out, secret, buf_span(&info));
done:
  crypt_wipe(secret, sizeof secret);
  buf_free(&info);
  return rc;
}

/* Append the lines of a sealed file. ${b} holds head and did from ${start}
 * on, and has room for all that comes. */
static int put_sealed(struct buf *b, size_t start, const uint8_t *seed,
                      const char *pass)
{
  const struct crypt_cost cost = {KDF_MEM_BYTES, KDF_PASSES};
  uint8_t salt[CRYPT_SALT_SIZE], sealed[SEALED_SIZE];
  uint8_t keys[CRYPT_DERIVED_SIZE] = {0};
  char line[64];
  int n = snprintf(line, sizeof line, "kdf argon2id %" PRIu64 " %" PRIu64 "\n",
                   cost.mem_bytes, cost.passes);
  CHECK(n > 0 && n < (int)sizeof line);
  crypt_random(salt, sizeof salt);
  crypt_random(sealed, CRYPT_NONCE_SIZE);
  int rc = buf_put(b, line, (size_t)n);
  if (rc < 0 || (rc = put_hex(b, "salt", salt, sizeof salt)) < 0) {
    goto done;
  }
  struct span public = span_of(b->p + start, b->n - start);
  if ((rc = derive(keys, pass, salt, &cost, public)) < 0) {
    goto done;
  }
  crypt_seal(sealed + CRYPT_NONCE_SIZE, span_of(seed, CRYPT_SEED_SIZE), public,
             sealed, keys);
  rc = put_hex(b, "commit", keys + CRYPT_SECRET_SIZE, CRYPT_SECRET_SIZE);
  if (rc == 0) {
    rc = put_hex(b, "sealed", sealed, sizeof sealed);
  }
done:
  crypt_wipe(keys, sizeof keys);
  return rc;
}

int keyfile_encode(struct buf *out, const struct identity *id, const char *pass,
                   struct err *e)
{
  uint8_t seed[CRYPT_SEED_SIZE];
  char did[CRYPT_DID_MAX];
  size_t start = out->n;
  int rc = pass != NULL ? check_pass(pass, e) : 0;
  if (rc < 0) {
    return rc;
  }
  identity_seed(seed, id);
  did_text(did, identity_key(id));
  /* All the room at once: growing later would leave copies of the seed. */
  if ((rc = buf_reserve(out, ENCODED_MAX)) < 0 ||
      (rc = buf_put(out, head, sizeof head - 1)) < 0 ||
      (rc = buf_put(out, "did ", 4)) < 0 ||
      (rc = buf_put(out, did, CRYPT_DID_SIZE)) < 0 ||
      (rc = buf_byte(out, '\n')) < 0) {
    goto done;
  }
  rc = pass == NULL ? put_hex(out, "seed", seed, sizeof seed)
                    : put_sealed(out, start, seed, pass);
done:
  crypt_wipe(seed, sizeof seed);
  if (rc < 0) {
    out->n = start;
    return err_set(e, rc, "key file: out of memory");
  }
  CHECK(out->n - start <= ENCODED_MAX);
  return 0;
}

/* ---- opening ---- */

/* The seed of a sealed file, from its line `kdf` on. */
static int take_sealed(struct cursor *c, const uint8_t *start, const char *pass,
                       uint8_t seed[CRYPT_SEED_SIZE])
{
  struct crypt_cost cost;
  uint8_t salt[CRYPT_SALT_SIZE], commit[CRYPT_SECRET_SIZE];
  uint8_t sealed[SEALED_SIZE], keys[CRYPT_DERIVED_SIZE] = {0};
  int rc = take_cost(c, &cost);
  if (rc < 0 || (rc = take_hex(c, "salt", salt, sizeof salt)) < 0) {
    return rc;
  }
  struct span public = span_of(start, (size_t)(c->s.p - start));
  if ((rc = take_hex(c, "commit", commit, sizeof commit)) < 0 ||
      (rc = take_hex(c, "sealed", sealed, sizeof sealed)) < 0) {
    return rc;
  }
  if (c->s.n > 0) {
    return err_set(c->e, ERR_INVALID, "key file: bytes after its end");
  }
  if (pass == NULL) {
    return err_set(c->e, ERR_ACCESS, "key file: it needs a passphrase");
  }
  if ((rc = check_pass(pass, c->e)) < 0) {
    return rc;
  }
  if ((rc = derive(keys, pass, salt, &cost, public)) < 0) {
    (void)err_set(c->e, rc, "key file: out of memory");
  } else if (!crypt_equal(commit, keys + CRYPT_SECRET_SIZE, sizeof commit)) {
    rc = err_set(c->e, ERR_SIG, "key file: the passphrase is wrong");
  } else {
    rc = crypt_open(
        seed,
        span_of(sealed + CRYPT_NONCE_SIZE, SEALED_SIZE - CRYPT_NONCE_SIZE),
        public, sealed, keys);
    if (rc < 0) {
      (void)err_set(c->e, rc, "key file: the sealed line is damaged");
    }
  }
  crypt_wipe(keys, sizeof keys);
  return rc;
}

static int take_seed(struct cursor *c, uint8_t seed[CRYPT_SEED_SIZE])
{
  int rc = take_hex(c, "seed", seed, CRYPT_SEED_SIZE);
  if (rc == 0 && c->s.n > 0) {
    rc = err_set(c->e, ERR_INVALID, "key file: bytes after its end");
  }
  return rc;
}

/* An identity from ${seed} that must be the one whose key is ${key}. */
static int make_identity(struct identity **out, const uint8_t *seed,
                         const uint8_t *key, struct err *e)
{
  struct identity *id = NULL;
  int rc = identity_from_seed(&id, seed, e);
  if (rc < 0) {
    return rc;
  }
  if (!crypt_equal(identity_key(id), key, CRYPT_KEY_SIZE)) {
    identity_del(id);
    return err_set(e, ERR_INVALID, "key file: did and seed do not fit");
  }
  *out = id;
  return 0;
}

int keyfile_decode(struct identity **out, struct span file, const char *pass,
                   struct err *e)
{
  struct cursor c = {file, e};
  struct span did;
  uint8_t seed[CRYPT_SEED_SIZE] = {0}, key[CRYPT_KEY_SIZE];
  const size_t skip = sizeof head - 1;
  if (file.n > KEYFILE_SIZE_MAX) {
    return err_set(e, ERR_LIMIT, "key file of %zu bytes; at most %d", file.n,
                   KEYFILE_SIZE_MAX);
  }
  if (file.n < skip || memcmp(file.p, head, skip) != 0) {
    return err_set(e, ERR_INVALID, "not a key file of version 1");
  }
  c.s = span_of(file.p + skip, file.n - skip);
  int rc = take_line(&c, "did", &did);
  if (rc < 0 || (rc = did_parse(key, (const char *)did.p, did.n, e)) < 0) {
    return rc;
  }
  rc = at_name(&c, "kdf") ? take_sealed(&c, file.p, pass, seed)
                          : take_seed(&c, seed);
  if (rc == 0) {
    rc = make_identity(out, seed, key, e);
  }
  crypt_wipe(seed, sizeof seed);
  return rc;
}

/* ---- on disk ---- */

static int write_all(int fd, struct span s)
{
  while (s.n > 0) {
    ssize_t n = write(fd, s.p, s.n);
    if (n < 0 && errno != EINTR) {
      return -1;
    }
    if (n > 0) {
      s = span_of(s.p + n, s.n - (size_t)n);
    }
  }
  return 0;
}

/* Sync the folder that holds ${path}, so that the new name lasts. */
static int sync_folder(const char *path, struct err *e)
{
  char folder[PATH_BYTES_MAX + 1];
  const char *slash = strrchr(path, '/');
  /* With its slash, so that the root needs no case of its own. */
  size_t n = slash == NULL ? 0 : (size_t)(slash - path) + 1;
  memcpy(folder, path, n);
  folder[n] = '\0';
  int fd = open(n > 0 ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return err_sys(e, errno, "key file: can't open its folder");
  }
  int rc = fsync(fd) == 0 ? 0
                          : err_sys(e, errno,
                                    "key file: syncing its "
                                    "folder failed");
  (void)close(fd); /* opened for reading: nothing can be lost */
  return rc;
}

/* Is what ${fd} stands for hidden from all but its owner (F86)? */
static int check_private(int fd, struct err *e)
{
  struct stat st;
  if (fstat(fd, &st) != 0) {
    return err_sys(e, errno, "key file: fstat failed");
  }
  if (!S_ISREG(st.st_mode)) {
    return err_set(e, ERR_ACCESS, "key file: not a plain file");
  }
  if ((st.st_mode & 077) != 0) {
    return err_set(e, ERR_ACCESS,
                   "key file: mode %03o lets others in; it "
                   "must be 600",
                   (unsigned)(st.st_mode & 0777));
  }
  if (st.st_uid != geteuid() && st.st_uid != 0) {
    return err_set(e, ERR_ACCESS, "key file: it belongs to somebody else");
  }
  return 0;
}

static int fill(int fd, struct span content, struct err *e)
{
  if (fchmod(fd, 0600) != 0) {
    return err_sys(e, errno, "key file: can't make it private");
  }
  int rc = check_private(fd, e);
  if (rc < 0) {
    return rc;
  }
  if (write_all(fd, content) != 0 || fsync(fd) != 0) {
    return err_sys(e, errno, "key file: writing it failed");
  }
  return 0;
}

/* The bytes under the name ${part}, synced. */
static int write_part(const char *part, struct span content, struct err *e)
{
  int fd =
      open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return err_sys(e, errno, "key file: can't make it");
  }
  int rc = fill(fd, content, e);
  if (close(fd) != 0 && rc == 0) {
    rc = err_sys(e, errno, "key file: closing it failed");
  }
  if (rc < 0) {
    (void)unlink(part); /* ours: O_EXCL made it; the first error counts */
  }
  return rc;
}

/* It gets its name when it is whole: a power cut must not leave a torn one,
 * with which no station would open again. */
static int save(const char *path, struct span content, struct err *e)
{
  char part[PATH_BYTES_MAX + 32];
  uint64_t tag;
  struct stat info;
  if (lstat(path, &info) == 0) {
    return err_sys(e, EEXIST, "key file: can't make it");
  }
  crypt_random(&tag, sizeof tag);
  (void)snprintf(part, sizeof part, "%s.%016" PRIx64 ".part", path, tag);
  int rc = write_part(part, content, e);
  if (rc < 0) {
    return rc;
  }
  if (place_new(AT_FDCWD, part, path) != 0) {
    rc = err_sys(e, errno, "key file: can't make it");
    (void)unlink(part);
    return rc;
  }
  rc = sync_folder(path, e);
  if (rc < 0) {
    (void)unlink(path); /* ours: nothing was replaced */
  }
  return rc;
}

int keyfile_save(const char *path, const struct identity *id, const char *pass,
                 struct err *e)
{
  struct buf b = {0};
  if (strnlen(path, PATH_BYTES_MAX + 1) > PATH_BYTES_MAX) {
    return err_set(e, ERR_LIMIT, "key file: a path over %d bytes",
                   PATH_BYTES_MAX);
  }
  int rc = keyfile_encode(&b, id, pass, e);
  if (rc == 0) {
    rc = save(path, buf_span(&b), e);
  }
  if (b.p != NULL) {
    crypt_wipe(b.p, b.cap);
  }
  buf_free(&b);
  return rc;
}

/* Read up to ${room} bytes; the count, or -1 and errno. */
static ssize_t read_all(int fd, uint8_t *p, size_t room)
{
  size_t have = 0;
  while (have < room) {
    ssize_t n = read(fd, p + have, room - have);
    if (n == 0) {
      break;
    }
    if (n < 0 && errno != EINTR) {
      return -1;
    }
    have += n > 0 ? (size_t)n : 0;
  }
  return (ssize_t)have;
}

int keyfile_load(struct identity **out, const char *path, const char *pass,
                 struct err *e)
{
  uint8_t bytes[KEYFILE_SIZE_MAX + 1]; /* one more tells that it is too long */
  /* O_NONBLOCK: opening a pipe must not wait for its other end. */
  int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ELOOP) {
    return err_set(e, ERR_ACCESS, "key file: not a plain file");
  }
  if (fd < 0) {
    return err_sys(e, errno, "key file: can't open it");
  }
  int rc = check_private(fd, e);
  ssize_t n = 0;
  if (rc == 0 && (n = read_all(fd, bytes, sizeof bytes)) < 0) {
    rc = err_sys(e, errno, "key file: reading it failed");
  }
  (void)close(fd); /* opened for reading: nothing can be lost */
  if (rc == 0) {
    rc = keyfile_decode(out, span_of(bytes, (size_t)n), pass, e);
  }
  crypt_wipe(bytes, sizeof bytes);
  return rc;
}
