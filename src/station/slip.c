/* SPDX-License-Identifier: 0BSD */
#include "sync/slip.h"

#include "base/check.h"
#include "base/mem.h"
#include "station/admit.h"
#include "station/outfile.h"
#include "station/station.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SALT_SIZE 16
#define PAGE 256

struct slipping {
  struct station *st;
  uint8_t salt[SALT_SIZE];
  struct buf names; /* collections that are here */
  uint64_t *have;   /* handles of the wish under way */
  size_t have_n, have_cap;
  struct buf handles; /* the same as bytes, in order */
  struct buf want;    /* links, without the head of their list */
  size_t want_n;
  struct cid last_want;
  struct err *e; /* for the sink that notes them */
  uint64_t parcels;
};

static int note_handle(struct slipping *s, uint64_t ref, struct err *e)
{
  struct cid cid;
  int rc = s->st->store->ops->get_ref(s->st->store, ref, &cid, NULL, e);
  if (rc < 0) {
    return rc;
  }
  if (s->have_n == s->have_cap) {
    size_t cap = s->have_cap > 0 ? s->have_cap * 2 : PAGE;
    uint64_t *have = mem_resize(s->have, cap, sizeof *have);
    if (have == NULL) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    s->have = have;
    s->have_cap = cap;
  }
  s->have[s->have_n++] = slip_handle(s->salt, &cid);
  return 0;
}

static int note_collection(struct slipping *s, struct span name, struct err *e)
{
  uint64_t refs[PAGE], after = 0;
  int n;
  do {
    n = s->st->store->ops->since(s->st->store, name, after, refs, PAGE, e);
    for (int i = 0; i < n; i++) {
      int rc = note_handle(s, refs[i], e);
      if (rc < 0) {
        return rc;
      }
      after = refs[i];
    }
  } while (n == PAGE);
  return n < 0 ? n : 0;
}

static int compare_handle(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static int pack_handles(struct slipping *s)
{
  int rc = 0;
  buf_clear(&s->handles);
  if (s->have_n > 0) {
    qsort(s->have, s->have_n, sizeof *s->have, compare_handle);
  }
  for (size_t i = 0; rc == 0 && i < s->have_n; i++) {
    uint8_t bytes[SLIP_HANDLE_SIZE];
    if (i > 0 && s->have[i] == s->have[i - 1]) {
      continue;
    }
    for (int k = 0; k < SLIP_HANDLE_SIZE; k++) {
      bytes[k] = (uint8_t)(s->have[i] >> (56 - 8 * k));
    }
    rc = buf_put(&s->handles, bytes, sizeof bytes);
  }
  return rc;
}

static int note_want(void *ud, const struct cid *cid, const char *kind,
                     const struct cid *wanted_by)
{
  struct slipping *s = ud;
  (void)kind;
  (void)wanted_by;
  if (s->want_n == SLIP_MISSING_MAX) {
    return 1; /* the next slip asks for the rest */
  }
  if (s->want_n > 0 && cid_equal(cid, &s->last_want)) {
    return 0; /* wanted by several: they come one after the other */
  }
  int wants = admit_wants(s->st, cid, s->e);
  if (wants <= 0) {
    return wants; /* by the follow rules we don't want this file */
  }
  s->want_n++;
  s->last_want = *cid;
  int rc = cbor_put_link(&s->want, cid);
  return rc < 0 ? err_set(s->e, rc, "not enough memory") : 0;
}

static int add_wish(struct slipping *s, struct slip_writer *w,
                    struct span pattern, int64_t files, struct err *e)
{
  struct slip_wish wish = {.collection = pattern, .files = files};
  struct buf want = {0};
  int rc = 0;
  s->have_n = 0;
  for (size_t at = 0; rc == 0 && at < s->names.n;) {
    struct span name =
        span_of(s->names.p + at, strlen((const char *)s->names.p + at));
    if (pattern_matches(pattern, name)) {
      rc = note_collection(s, name, e);
    }
    at += name.n + 1;
  }
  if (rc < 0) {
    return rc;
  }
  s->parcels += s->have_n;
  /* What is missing stands in the first wish: it is named block by block. */
  size_t links = w->count == 0 ? s->want_n : 0;
  if ((rc = pack_handles(s)) < 0 || (rc = cbor_put_list(&want, links)) < 0 ||
      (links > 0 && (rc = buf_put(&want, s->want.p, s->want.n)) < 0)) {
    rc = err_set(e, rc, "not enough memory");
  } else {
    wish.have = buf_span(&s->handles);
    wish.want = buf_span(&want);
    rc = slip_add(w, &wish, e);
  }
  buf_free(&want);
  return rc;
}

static int add_wishes(struct slipping *s, struct slip_writer *w,
                      const struct slip_options *opt, struct err *e)
{
  struct buf follows = {0};
  int rc = station_follows(s->st, &follows, e);
  for (size_t at = 0; rc == 0 && at < follows.n;) {
    const char *pattern = (const char *)follows.p + at;
    const char *size = pattern + strlen(pattern) + 1;
    int64_t files = strtoll(size, NULL, 10);
    at += strlen(pattern) + 1 + strlen(size) + 1;
    if (opt->files >= 0 && opt->files < files) {
      files = opt->files;
    }
    rc = add_wish(s, w, span_of(pattern, strlen(pattern)),
                  files > CBOR_INT_MAX ? CBOR_INT_MAX : files, e);
  }
  if (rc == 0 && w->count == 0) { /* who follows nothing takes all */
    rc = add_wish(s, w, span_of("*", 1),
                  opt->files >= 0 && opt->files < CBOR_INT_MAX ? opt->files
                                                               : CBOR_INT_MAX,
                  e);
  }
  buf_free(&follows);
  return rc;
}

static int read_file(struct buf *out, const char *path, struct err *e)
{
  struct stat info;
  int rc = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &info) < 0) {
    rc = err_sys(e, errno, "can't read the slip %s", path);
    goto done;
  }
  if (!S_ISREG(info.st_mode) || info.st_size > (off_t)SLIP_SIZE_MAX) {
    rc = err_set(e, ERR_LIMIT, "%s is no slip: not a file of up to %u bytes",
                 path, SLIP_SIZE_MAX);
    goto done;
  }
  if (buf_reserve(out, (size_t)info.st_size + 1) < 0) {
    rc = err_set(e, ERR_NOMEM, "not enough memory");
    goto done;
  }
  while (out->n < out->cap) {
    ssize_t n = read(fd, out->p + out->n, out->cap - out->n);
    if (n < 0 && errno != EINTR) {
      rc = err_sys(e, errno, "can't read the slip %s", path);
      goto done;
    }
    if (n == 0) {
      break;
    }
    out->n += n > 0 ? (size_t)n : 0;
  }

done:
  if (fd >= 0) {
    (void)close(fd);
  }
  return rc;
}

int slip_load(struct slip *out, struct buf *bytes, const char *path,
              struct err *e)
{
  struct err why = {0};
  int rc = read_file(bytes, path, e);
  if (rc < 0) {
    return rc;
  }
  if ((rc = slip_read(out, buf_span(bytes), &why)) == 0) {
    rc = slip_verify(out, &why);
  }
  return rc == 0 ? 0 : err_set(e, rc, "%s is no slip: %s", path, why.text);
}

/* A slip replaces an older one, and nothing else: a slip of the keyboard must
 * not cost somebody's work. */
static int may_replace(const char *path, struct err *e)
{
  struct slip old;
  struct buf bytes = {0};
  struct stat info;
  int rc = 0;
  if (lstat(path, &info) == 0 &&
      (rc = slip_load(&old, &bytes, path, NULL)) < 0) {
    rc = rc == ERR_NOMEM
             ? err_set(e, rc, "not enough memory")
             : err_set(e, ERR_EXIST,
                       "%s exists and is no slip: only slips are written over",
                       path);
  }
  buf_free(&bytes);
  return rc;
}

static int write_file(const char *path, struct span bytes, struct err *e)
{
  struct outfile f;
  int rc = may_replace(path, e);
  if (rc < 0) {
    return rc;
  }
  rc = outfile_start_path(&f, path, e);
  if (rc == 0 && (rc = outfile_write(&f, bytes, e)) == 0) {
    rc = outfile_finish(&f, path, true, e);
  }
  outfile_drop(&f);
  return rc;
}

int station_slip(struct station *st, const char *path,
                 const struct slip_options *opt, struct slip_report *out,
                 struct err *e)
{
  struct slipping s = {.st = st, .e = e};
  struct slip_writer w = {0};
  struct buf file = {0};
  int rc = station_alive(st, e);
  if (rc < 0) {
    return rc;
  }
  if (st->id == NULL) {
    return err_set(e, ERR_ACCESS,
                   "a slip is signed: the key file of %s is needed", st->path);
  }
  crypt_random(s.salt, sizeof s.salt);
  if ((rc = station_refresh(st, e)) < 0 ||
      (rc = station_collections(st, &s.names, e)) < 0 ||
      (rc = station_missing(st, note_want, &s, e)) < 0 ||
      (rc = add_wishes(&s, &w, opt, e)) < 0) {
    goto done;
  }
  struct slip_report report = {.wishes = w.count, .parcels = s.parcels};
  if ((rc = slip_finish(&w, &file, st->id, s.salt, station_now(st), opt->budget,
                        e)) < 0 ||
      (rc = write_file(path, buf_span(&file), e)) < 0) {
    goto done;
  }
  report.bytes = file.n;
  *out = report;

done:
  slip_writer_free(&w);
  mem_free(s.have);
  buf_free(&s.names);
  buf_free(&s.handles);
  buf_free(&s.want);
  buf_free(&file);
  return rc;
}
