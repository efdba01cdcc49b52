/* SPDX-License-Identifier: 0BSD */
/* Files in and out: each step moves a few megabytes at most. */
#include "base/check.h"
#include "base/mem.h"
#include "form/chunk.h"
#include "form/hash.h"
#include "form/unixfs.h"
#include "station/admit.h"
#include "station/later.h"
#include "station/names.h"
#include "station/outfile.h"
#include "station/station.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW_SIZE (4u * 1024 * 1024)
#define WINDOW_LEAVES (WINDOW_SIZE / CHUNK_MIN)
#define LEAF_MAX UNIXFS_LEAF_SIZE /* of either cut */
#define EXPORT_STEP_BYTES (2u * 1024 * 1024)
#define EXPORT_STEP_BLOCKS 256 /* leaves may be of a byte each */
#define NAME_TRIES 100

/* ---- in ---- */

struct file_add {
  struct job job;
  int fd;
  enum file_cut cut;
  bool end;           /* the file is read to its end */
  struct stat before; /* of the file, when it was opened */
  bool counted;       /* in st->importing */
  uint8_t *window;    /* WINDOW_SIZE bytes, ${have} of them read */
  size_t have;
  struct hash *whole;
  struct unixfs_builder *tree;
  struct buf nodes; /* finished dag-pb nodes that wait to be stored */
  struct cid node_cid[WINDOW_LEAVES + UNIXFS_DEPTH_MAX];
  size_t node_end[WINDOW_LEAVES + UNIXFS_DEPTH_MAX];
  size_t node_n;
  uint64_t blocks;
  struct admit_counts counts;
  struct err *e; /* of the step under way, for keep_node */
};

static int keep_node(void *ud, const struct cid *cid, struct span bytes)
{
  struct file_add *a = ud;
  CHECK(a->node_n < sizeof a->node_end / sizeof a->node_end[0]);
  int rc = buf_put(&a->nodes, bytes.p, bytes.n);
  if (rc == 0) {
    a->node_cid[a->node_n] = *cid;
    a->node_end[a->node_n++] = a->nodes.n;
  }
  return rc < 0 ? err_set(a->e, rc, "not enough memory") : 0;
}

static int read_window(struct file_add *a, struct err *e)
{
  while (!a->end && a->have < WINDOW_SIZE) {
    ssize_t n = read(a->fd, a->window + a->have, WINDOW_SIZE - a->have);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return err_sys(e, errno, "can't read the file");
    }
    a->end = n == 0;
    a->have += (size_t)n;
  }
  return 0;
}

/* Length of the next leaf, or 0 when more must be read first. */
static size_t next_leaf(const struct file_add *a, size_t at)
{
  size_t left = a->have - at;
  if (left == 0 || (left < LEAF_MAX && !a->end)) {
    return 0;
  }
  left = left < LEAF_MAX ? left : LEAF_MAX;
  return a->cut == FILE_CUT_CONTENT ? chunk_cut(a->window + at, left) : left;
}

static int store_nodes(struct file_add *a, struct err *e)
{
  struct store_block block[WINDOW_LEAVES + UNIXFS_DEPTH_MAX];
  size_t at = 0;
  if (a->node_n == 0) {
    return 0;
  }
  for (size_t i = 0; i < a->node_n; i++) {
    block[i].cid = a->node_cid[i];
    block[i].bytes = span_of(a->nodes.p + at, a->node_end[i] - at);
    at = a->node_end[i];
  }
  int rc = admit_files(a->job.st, block, a->node_n, &a->counts, e);
  a->blocks += a->node_n;
  a->node_n = 0;
  buf_clear(&a->nodes);
  return rc;
}

static int store_leaves(struct file_add *a, struct err *e)
{
  struct store_block block[WINDOW_LEAVES + 1];
  size_t at = 0, n = 0, leaf;
  int rc = 0;
  while (n < WINDOW_LEAVES && (leaf = next_leaf(a, at)) > 0) {
    block[n].bytes = span_of(a->window + at, leaf);
    if ((rc = cid_of(&block[n].cid, CID_RAW, a->window + at, leaf)) < 0) {
      return err_set(e, rc, "not enough memory");
    }
    if ((rc = unixfs_add_leaf(a->tree, &block[n].cid, leaf, e)) < 0) {
      return rc;
    }
    at += leaf;
    n++;
  }
  if ((rc = hash_add(a->whole, a->window, at)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  bool whole = a->end && n == 1 && at == a->have && a->blocks == 0;
  if (whole) {
    rc = later_put(a->job.st, &block[0], e);
  } else if (n > 0) {
    rc = admit_files(a->job.st, block, n, &a->counts, e);
  }
  if (rc < 0) {
    return rc;
  }
  a->blocks += n;
  a->have -= at;
  memmove(a->window, a->window + at, a->have);
  a->job.done += at;
  return store_nodes(a, e);
}

/* Until a record lists it, a sweep must know of it. */
static int note_imported(struct station *st, const struct cid *root)
{
  if (st->imported_n == st->imported_cap) {
    size_t cap = st->imported_cap > 0 ? st->imported_cap * 2 : 16;
    struct cid *list = mem_resize(st->imported, cap, sizeof *list);
    if (list == NULL) {
      return ERR_NOMEM;
    }
    st->imported = list;
    st->imported_cap = cap;
  }
  st->imported[st->imported_n++] = *root;
  return 0;
}

static void uncount(struct file_add *a)
{
  a->job.st->importing -= a->counted;
  a->counted = false;
}

/* What was read while somebody wrote is no version of the file that ever
 * was. */
static int check_unchanged(struct file_add *a, struct err *e)
{
  struct stat now;
  if (fstat(a->fd, &now) < 0) {
    return err_sys(e, errno, "can't look at the file again");
  }
  if (now.st_size != a->before.st_size ||
      (off_t)a->job.done != a->before.st_size ||
      now.st_mtim.tv_sec != a->before.st_mtim.tv_sec ||
      now.st_mtim.tv_nsec != a->before.st_mtim.tv_nsec) {
    return err_set(e, ERR_BUSY,
                   "the file changed while it was read: add it "
                   "again when nobody writes to it");
  }
  return 0;
}

static int finish_add(struct file_add *a, struct err *e)
{
  struct job_result *r = &a->job.result;
  uint64_t size;
  int rc = check_unchanged(a, e);
  if (rc < 0) {
    return rc;
  }
  if (a->job.done == 0) { /* the builder names it, we store it */
    struct store_block none = {.bytes = span_of("", 0)};
    if ((rc = cid_of(&none.cid, CID_RAW, "", 0)) < 0) {
      return err_set(e, rc, "not enough memory");
    }
    if ((rc = later_put(a->job.st, &none, e)) < 0) {
      return rc;
    }
    a->blocks = 1;
  }
  if ((rc = unixfs_finish(a->tree, &r->link, &size, e)) < 0 ||
      (rc = store_nodes(a, e)) < 0) {
    return rc;
  }
  if ((rc = hash_end(a->whole, r->sha256)) < 0 ||
      (rc = note_imported(a->job.st, &r->link)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  uncount(a);
  r->has_link = r->has_sha256 = true;
  a->job.total = a->job.done;
  job_num(&a->job, "size", (int64_t)size);
  job_num(&a->job, "blocks", (int64_t)a->blocks);
  return JOB_DONE;
}

static int add_step(struct job *j, struct err *e)
{
  struct file_add *a = (struct file_add *)j;
  int rc;
  a->e = e;
  if ((rc = read_window(a, e)) < 0 || (rc = store_leaves(a, e)) < 0) {
    return rc;
  }
  if ((off_t)a->job.done > a->before.st_size) {
    return check_unchanged(a, e); /* it grows: its end may never come */
  }
  return a->end && a->have == 0 ? finish_add(a, e) : JOB_MORE;
}

static void add_clean(struct job *j)
{
  struct file_add *a = (struct file_add *)j;
  if (a->fd >= 0) {
    (void)close(a->fd);
  }
  uncount(a);
  mem_free(a->window);
  hash_del(a->whole);
  unixfs_builder_del(a->tree);
  buf_free(&a->nodes);
}

static int open_source(const char *path, struct stat *out, struct err *e)
{
  struct stat info;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return err_sys(e, errno, "can't read %s", path);
  }
  if (fstat(fd, &info) < 0) {
    int rc = err_sys(e, errno, "can't read %s", path);
    (void)close(fd);
    return rc;
  }
  if (!S_ISREG(info.st_mode)) {
    (void)close(fd);
    return err_set(e, ERR_INVALID, "%s is not a plain file", path);
  }
  if (info.st_size > UNIXFS_FILE_SIZE_MAX) {
    (void)close(fd);
    return err_set(e, ERR_LIMIT, "%s has %lld bytes, more than %lld", path,
                   (long long)info.st_size, UNIXFS_FILE_SIZE_MAX);
  }
  *out = info;
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return fd;
}

int files_add(struct job **out, struct station *st, const char *path,
              enum file_cut cut, struct err *e)
{
  static const struct job_ops ops = {add_step, add_clean};
  struct stat before = {0};
  int rc = station_writable(st, e);
  if (rc < 0) {
    return rc;
  }
  int fd = open_source(path, &before, e);
  if (fd < 0) {
    return fd;
  }
  struct file_add *a = mem_zero(sizeof *a);
  if (a == NULL) {
    (void)close(fd);
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  job_init(&a->job, st, &ops);
  st->importing++;
  a->counted = true;
  a->fd = fd;
  a->before = before;
  a->job.total = (uint64_t)before.st_size;
  /* What fits one block is one, in any policy. */
  a->cut = before.st_size <= (off_t)UNIXFS_LEAF_SIZE ? FILE_CUT_FIXED : cut;
  a->window = mem_alloc(WINDOW_SIZE);
  a->whole = hash_new();
  rc = unixfs_builder_new(&a->tree, keep_node, a, e);
  if (rc == 0 && (a->window == NULL || a->whole == NULL)) {
    rc = err_set(e, ERR_NOMEM, "not enough memory");
  }
  if (rc < 0) {
    job_del(&a->job);
    return rc;
  }
  *out = &a->job;
  return 0;
}

/* ---- the way out: blocks in order, each verified ---- */

struct walk {
  struct station *st;
  struct unixfs_walk at;
  struct buf block;
};

static int walk_start(struct walk *w, struct station *st,
                      const struct cid *root, struct err *e)
{
  w->st = st;
  if (cid_codec(root) == CID_DAG_CBOR) {
    return err_set(e, ERR_INVALID, "this id names a record, not a file");
  }
  return unixfs_walk_start(&w->at, root, UNIXFS_SIZE_UNKNOWN, e);
}

/* A block's bytes, appended to ${out} and hashed. */
static int load_block(struct station *st, const struct cid *id, struct buf *out,
                      struct err *e)
{
  char text[CID_TEXT_SIZE + 1];
  size_t start = out->n;
  int rc = st->store->ops->get(st->store, id, out, e);
  cid_text(text, id);
  if (rc == ERR_NOENT) {
    return err_set(e, rc, "block %s is missing here", text);
  }
  if (rc < 0) {
    return rc;
  }
  rc = cid_verify(id, out->p + start, out->n - start);
  if (rc < 0) {
    return rc == ERR_HASH ? err_set(e, ERR_CORRUPT,
                                    "block %s rests damaged on this disk", text)
                          : err_set(e, rc, "not enough memory");
  }
  return 0;
}

/* Load and feed the next block; ${leaf} is valid until the next call. 1, or 0
 * at the end. */
static int walk_next(struct walk *w, struct span *leaf, struct err *e)
{
  struct unixfs_step step;
  int rc = unixfs_walk_next(&w->at, &step, e);
  if (rc <= 0) {
    return rc;
  }
  buf_clear(&w->block);
  if ((rc = load_block(w->st, &step.cid, &w->block, e)) < 0) {
    return rc;
  }
  rc = unixfs_walk_feed(&w->at, buf_span(&w->block), leaf, e);
  return rc < 0 ? rc : 1;
}

static void walk_free(struct walk *w)
{
  unixfs_walk_free(&w->at);
  buf_free(&w->block);
}

/* ---- out ---- */

struct file_export {
  struct job job;
  struct walk walk;
  struct outfile out;
  struct buf parts; /* the cleaned name */
  char *dir;
};

static int set_path(struct file_export *x, const char *last)
{
  struct buf path = {0};
  const char *name = names_last(buf_span(&x->parts));
  int rc = buf_put(&path, x->dir, strlen(x->dir));
  for (const char *p = (const char *)x->parts.p; rc == 0; p += strlen(p) + 1) {
    const char *part = p == name ? last : p;
    rc = buf_byte(&path, '/');
    rc = rc < 0 ? rc : buf_put(&path, part, strlen(part));
    if (p == name) {
      break;
    }
  }
  if (rc == 0 && (rc = buf_byte(&path, 0)) == 0) {
    x->job.result.path = (char *)path.p;
  } else {
    buf_free(&path);
  }
  return rc;
}

/* Under the first name that is free. */
static int place_export(struct file_export *x, struct err *e)
{
  const char *name = names_last(buf_span(&x->parts));
  struct buf tried = {0};
  int rc = ERR_EXIST;
  for (int n = 1; rc == ERR_EXIST && n <= NAME_TRIES; n++) {
    buf_clear(&tried);
    if ((rc = names_numbered(&tried, name, n)) < 0) {
      rc = err_set(e, rc, "not enough memory");
      break;
    }
    rc = outfile_finish(&x->out, (const char *)tried.p, false, e);
  }
  if (rc == 0 && (rc = set_path(x, (const char *)tried.p)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  buf_free(&tried);
  return rc;
}

static int export_step(struct job *j, struct err *e)
{
  struct file_export *x = (struct file_export *)j;
  uint64_t until = j->done + EXPORT_STEP_BYTES;
  int rc = 1;
  for (int i = 0; rc > 0 && i < EXPORT_STEP_BLOCKS && j->done < until; i++) {
    struct span leaf = {0};
    rc = walk_next(&x->walk, &leaf, e);
    if (rc > 0) {
      int wrote = outfile_write(&x->out, leaf, e);
      rc = wrote < 0 ? wrote : rc;
      j->done += leaf.n;
      j->total = x->walk.at.size;
    }
  }
  if (rc != 0) {
    return rc < 0 ? rc : JOB_MORE;
  }
  if ((rc = place_export(x, e)) < 0) {
    return rc;
  }
  job_num(j, "size", (int64_t)j->done);
  return JOB_DONE;
}

static void export_clean(struct job *j)
{
  struct file_export *x = (struct file_export *)j;
  outfile_drop(&x->out);
  walk_free(&x->walk);
  buf_free(&x->parts);
  mem_free(x->dir);
}

static int open_target(struct file_export *x, struct err *e)
{
  int dirfd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dirfd < 0) {
    return err_sys(e, errno, "can't open the folder %s", x->dir);
  }
  int below = names_open_dir(dirfd, buf_span(&x->parts), e);
  (void)close(dirfd);
  return below < 0 ? below : outfile_start(&x->out, below, e);
}

int files_export(struct job **out, struct station *st, const struct cid *root,
                 const char *dir, struct span name, struct err *e)
{
  static const struct job_ops ops = {export_step, export_clean};
  int rc = station_alive(st, e);
  if (rc < 0 || (rc = later_flush(st, e)) < 0) {
    return rc;
  }
  struct file_export *x = mem_zero(sizeof *x);
  if (x == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  job_init(&x->job, st, &ops);
  x->out.fd = x->out.dirfd = -1;
  size_t n = strlen(dir);
  x->dir = mem_alloc(n + 1);
  if (x->dir == NULL || names_clean(&x->parts, name) < 0) {
    rc = err_set(e, ERR_NOMEM, "not enough memory");
    goto fail;
  }
  memcpy(x->dir, dir, n + 1);
  if ((rc = walk_start(&x->walk, st, root, e)) < 0 ||
      (rc = open_target(x, e)) < 0) {
    goto fail;
  }
  *out = &x->job;
  return 0;

fail:
  job_del(&x->job);
  return rc;
}

/* ---- read ---- */

struct reader {
  struct walk walk;
  struct cid root;
  uint64_t from;    /* bytes before it are not asked for */
  struct span rest; /* of the leaf under work, which ${walk} holds */
};

/* The next leaf with bytes from ${r->from} on. Parts that end before it are
 * passed over, not loaded. */
static int reader_leaf(struct reader *r, struct span *leaf, struct err *e)
{
  struct unixfs_step step;
  int rc;
  while ((rc = unixfs_walk_next(&r->walk.at, &step, e)) > 0 && r->from > 0 &&
         step.size != UNIXFS_SIZE_UNKNOWN &&
         step.offset + step.size <= r->from) {
    unixfs_walk_skip(&r->walk.at);
  }
  if (rc <= 0 || (rc = walk_next(&r->walk, leaf, e)) <= 0) {
    return rc;
  }
  if (step.offset < r->from) {
    uint64_t before = r->from - step.offset;
    size_t cut = before < leaf->n ? (size_t)before : leaf->n;
    *leaf = span_of(leaf->p == NULL ? NULL : leaf->p + cut, leaf->n - cut);
  }
  return rc;
}

static int reader_start(struct reader *r, struct station *st, struct err *e)
{
  int rc = walk_start(&r->walk, st, &r->root, e);
  if (rc == 0) {
    r->rest = span_of(NULL, 0);
    rc = reader_leaf(r, &r->rest, e);
  }
  return rc < 0 ? rc : 0;
}

/* Until the root was fed the size is unknown: so the root is fed at once. */
int reader_new(struct reader **out, struct station *st, const struct cid *root,
               struct err *e)
{
  int rc = station_alive(st, e);
  if (rc < 0 || (rc = later_flush(st, e)) < 0) {
    return rc;
  }
  struct reader *r = mem_zero(sizeof *r);
  if (r == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  station_ref(st);
  r->root = *root;
  if ((rc = reader_start(r, st, e)) < 0) {
    r->walk.st = st;
    reader_del(r);
    return rc;
  }
  *out = r;
  return 0;
}

int reader_seek(struct reader *r, uint64_t offset, struct err *e)
{
  struct station *st = r->walk.st;
  int rc = station_alive(st, e);
  if (rc < 0) {
    return rc;
  }
  if (offset > r->walk.at.size) {
    return err_set(e, ERR_INVALID, "the file ends before byte %" PRIu64,
                   offset);
  }
  unixfs_walk_free(&r->walk.at);
  r->from = offset;
  rc = reader_start(r, st, e);
  r->walk.st = st;
  return rc;
}

int reader_next(struct reader *r, size_t max, struct span *out, struct err *e)
{
  int rc = station_alive(r->walk.st, e);
  *out = span_of(NULL, 0);
  if (rc < 0) {
    return rc;
  }
  rc = 1;
  while (r->rest.n == 0 && rc > 0) {
    rc = reader_leaf(r, &r->rest, e);
  }
  if (rc > 0) {
    *out = span_of(r->rest.p, r->rest.n < max ? r->rest.n : max);
    r->rest = span_of(r->rest.p + out->n, r->rest.n - out->n);
  }
  if (rc < 0) {
    r->rest = span_of(NULL, 0);
  }
  return rc < 0 ? rc : 0;
}

uint64_t reader_size(const struct reader *r)
{
  return r->walk.at.size;
}

void reader_del(struct reader *r)
{
  if (r != NULL) {
    walk_free(&r->walk);
    station_unref(r->walk.st);
    mem_free(r);
  }
}

int station_block(struct station *st, const struct cid *id, struct buf *out,
                  struct err *e)
{
  int rc = station_alive(st, e);
  if (rc < 0 || (rc = later_flush(st, e)) < 0) {
    return rc;
  }
  return load_block(st, id, out, e);
}
