/* SPDX-License-Identifier: 0BSD */
#include "station/station.h"

#include "base/check.h"
#include "base/mem.h"
#include "station/brought.h"
#include "station/outfile.h"
#include "station/sketches.h"
#include "station/slip_plan.h"
#include "station/wants.h"
#include "sync/handles.h"
#include "sync/slip_text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE 256
/* Of a slip with a limit, the part that names missing blocks one by one. */
#define WANT_SHARE 4
#define SLIP_HEAD 192u /* bytes beside wishes and sets, at most */
#define SHORTS_MAX 16  /* SMS that somebody may be asked to type in */

struct slipping {
  struct station *st;
  const struct slip_options *opt;
  uint8_t salt[SLIP_SALT_SIZE];
  struct buf follows;  /* pairs as station_follows gives them */
  struct buf patterns; /* of those, each with a zero byte */
  struct slip_plan plan;
  struct slip_writer w;
  uint64_t *have; /* handles of the wish under way */
  size_t have_n, have_cap;
  struct buf handles; /* the same as bytes, in order */
  struct buf want;    /* links, without the head of their list */
  size_t want_n, want_max;
};

/* ---- handles ---- */

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

static int pack_handles(struct slipping *s)
{
  int rc = 0;
  buf_clear(&s->handles);
  handles_sort(s->have, s->have_n);
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

/* ---- missing blocks ---- */

/* What own and vouched authors list first, then one for each who wants any;
 * what is over is left out by chance, so that the next slip asks for the rest.
 */
static int find_wants(struct slipping *s, struct err *e)
{
  struct refset named = {0};
  if (s->want_max == 0) {
    return 0;
  }
  struct wants *w = mem_zero(sizeof *w);
  if (w == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  int rc = 1;
  w->st = s->st;
  w->most = s->want_max;
  wants_begin(w);
  while (rc > 0) {
    rc = wants_step(w, e);
  }
  for (size_t i = 0; rc >= 0 && i < w->n; i++) {
    rc = refset_add_cid(&named, &w->want[i].cid); /* several may want it */
    if (rc > 0) {
      rc = cbor_put_link(&s->want, &w->want[i].cid);
      s->want_n++;
    }
    rc = rc < 0 ? err_set(e, rc, "not enough memory") : 0;
  }
  refset_free(&named);
  wants_free(w);
  mem_free(w);
  return rc;
}

/* ---- what is wished for ---- */

/* Largest file by the follow rule ${pattern} ("*" when there is none). */
static int64_t rule_files(const struct slipping *s, struct span pattern)
{
  int64_t files = CBOR_INT_MAX;
  for (size_t at = 0; at < s->follows.n;) {
    const char *rule = (const char *)s->follows.p + at;
    const char *size = rule + strlen(rule) + 1;
    if (span_equal(span_of(rule, strlen(rule)), pattern)) {
      files = strtoll(size, NULL, 10);
    }
    at += strlen(rule) + 1 + strlen(size) + 1;
  }
  if (s->opt->files >= 0 && s->opt->files < files) {
    files = s->opt->files;
  }
  return files > CBOR_INT_MAX ? CBOR_INT_MAX : files;
}

/* Patterns of the follow rules; who follows nothing takes all. */
static int read_follows(struct slipping *s, struct err *e)
{
  int rc = station_follows(s->st, &s->follows, e);
  for (size_t at = 0; rc == 0 && at < s->follows.n;) {
    const char *pattern = (const char *)s->follows.p + at;
    const char *size = pattern + strlen(pattern) + 1;
    at += strlen(pattern) + 1 + strlen(size) + 1;
    rc = buf_put(&s->patterns, pattern, strlen(pattern) + 1);
  }
  if (rc == 0 && s->patterns.n == 0) {
    rc = buf_put(&s->patterns, "*", 2);
  }
  return rc == ERR_NOMEM ? err_set(e, rc, "not enough memory") : rc;
}

/* One wish, with the handles of the collections that it tells: those of its
 * pattern, or ${only} one. */
static int add_wish(struct slipping *s, struct span pattern,
                    const struct slip_item *only, struct err *e)
{
  struct slip_wish wish = {.collection = only != NULL ? only->name : pattern,
                           .files = rule_files(s, pattern)};
  struct buf want = {0};
  /* What is missing stands in the first wish: it is named block by block. */
  size_t links = s->w.count == 0 ? s->want_n : 0;
  int rc = 0;
  s->have_n = 0;
  for (size_t i = 0; rc == 0 && i < s->plan.n; i++) {
    const struct slip_item *it = &s->plan.item[i];
    if (it->told && !it->sketched && span_equal(it->pattern, pattern) &&
        (only == NULL || only == it)) {
      rc = note_collection(s, it->name, e);
    }
  }
  if (rc < 0) {
    return rc;
  }
  if ((rc = pack_handles(s)) < 0 || (rc = cbor_put_list(&want, links)) < 0 ||
      (links > 0 && (rc = buf_put(&want, s->want.p, s->want.n)) < 0)) {
    rc = err_set(e, rc, "not enough memory");
  } else {
    wish.have = buf_span(&s->handles);
    wish.want = buf_span(&want);
    rc = slip_add(&s->w, &wish, e);
  }
  buf_free(&want);
  return rc;
}

static int add_wishes(struct slipping *s, struct err *e)
{
  struct span patterns = buf_span(&s->patterns);
  int rc = 0;
  for (size_t i = 0; s->plan.narrow && rc == 0 && i < s->plan.n; i++) {
    const struct slip_item *it = &s->plan.item[i];
    rc = it->told ? add_wish(s, it->pattern, it, e) : 0;
  }
  for (size_t at = 0; !s->plan.narrow && rc == 0 && at < patterns.n;) {
    const char *text = (const char *)patterns.p + at;
    rc = add_wish(s, span_of(text, strlen(text)), NULL, e);
    at += strlen(text) + 1;
  }
  return rc;
}

/* ---- sketches ---- */

static int add_set(struct slipping *s, const struct slip_item *it,
                   struct sketch *sk, struct err *e)
{
  struct sketches_state state;
  struct buf part = {0};
  int rc = sketches_get(s->st, it->name, sk, &state, e);
  if (rc == 0 &&
      (rc = sketch_part_put(&part, sk, 0, it->cells, it->syndromes)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  if (rc == 0) {
    struct slip_set set = {it->name, (int64_t)state.count, state.digest,
                           buf_span(&part)};
    rc = slip_add_set(&s->w, &set, e);
  }
  buf_free(&part);
  return rc;
}

static int add_sets(struct slipping *s, struct err *e)
{
  struct sketch *sk = mem_alloc(sizeof *sk);
  int rc = sk == NULL ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
  for (size_t i = 0; rc == 0 && i < s->plan.n; i++) {
    const struct slip_item *it = &s->plan.item[i];
    rc = it->told && it->sketched ? add_set(s, it, sk, e) : 0;
  }
  mem_free(sk);
  return rc;
}

/* ---- the whole ---- */

static int begin(struct slipping *s, struct station *st,
                 const struct slip_options *opt, struct err *e)
{
  s->st = st;
  s->opt = opt;
  s->want_max = SLIP_MISSING_MAX;
  if (opt->max > 0 && opt->max / WANT_SHARE / CBOR_LINK_SIZE < s->want_max) {
    s->want_max = opt->max / WANT_SHARE / CBOR_LINK_SIZE;
  }
  int rc = station_alive(st, e);
  if (rc == 0 && st->id == NULL) {
    rc = err_set(e, ERR_ACCESS,
                 "a slip is signed: the key file of %s is needed", st->path);
  }
  if (rc < 0 || (rc = station_refresh(st, e)) < 0) {
    return rc;
  }
  return read_follows(s, e);
}

static void end(struct slipping *s)
{
  slip_plan_free(&s->plan);
  slip_writer_free(&s->w);
  mem_free(s->have);
  buf_free(&s->follows);
  buf_free(&s->patterns);
  buf_free(&s->handles);
  buf_free(&s->want);
}

static int make_plan(struct slipping *s, struct err *e)
{
  struct slip_plan_options how = {s->opt->expect, s->opt->exact, s->opt->max};
  struct span patterns = buf_span(&s->patterns);
  size_t head = SLIP_HEAD + s->want.n, fixed[2] = {head, head};
  for (size_t at = 0; at < patterns.n;) {
    size_t n = strlen((const char *)patterns.p + at) + 1;
    fixed[0] += SLIP_WISH_FRAME + n;
    at += n;
  }
  return slip_plan_make(&s->plan, s->st, patterns, &how, fixed, e);
}

static void tell(const struct slipping *s, struct slip_report *out)
{
  struct slip_report r = {.wishes = s->w.count,
                          .sketches = s->w.sets_n,
                          .left_out = s->plan.left_out};
  for (size_t i = 0; i < s->plan.n; i++) {
    r.parcels += s->plan.item[i].told ? s->plan.item[i].count : 0;
  }
  *out = r;
}

static int make(struct station *st, const struct slip_options *opt,
                struct buf *file, struct slip_report *out, struct err *e)
{
  struct slipping s = {0};
  int rc = begin(&s, st, opt, e);
  if (rc < 0) {
    goto done;
  }
  crypt_random(s.salt, sizeof s.salt);
  if ((rc = find_wants(&s, e)) < 0 || (rc = make_plan(&s, e)) < 0 ||
      (rc = add_wishes(&s, e)) < 0 || (rc = add_sets(&s, e)) < 0 ||
      (rc = slip_finish(&s.w, file, st->id, s.salt, station_now(st),
                        opt->budget, e)) < 0) {
    goto done;
  }
  if (opt->max > 0 && file->n > opt->max) {
    rc = err_set(e, ERR_LIMIT,
                 "the wishes alone are more than a slip of %zu bytes holds",
                 opt->max);
    goto done;
  }
  tell(&s, out);
  out->bytes = file->n;

done:
  end(&s);
  return rc;
}

/* A slip replaces an older one, and nothing else: a slip of the keyboard must
 * not cost somebody's work. */
static int may_replace(const char *path, struct err *e)
{
  struct brought old = {0};
  struct stat info;
  int rc = 0;
  if (lstat(path, &info) == 0 && (rc = brought_load(&old, path, NULL)) < 0) {
    rc = rc == ERR_NOMEM
             ? err_set(e, rc, "not enough memory")
             : err_set(e, ERR_EXIST,
                       "%s exists and is no slip: only slips are written over",
                       path);
  }
  brought_free(&old);
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
  struct buf file = {0};
  int rc = make(st, opt, &file, out, e);
  if (rc == 0) {
    rc = write_file(path, buf_span(&file), e);
  }
  buf_free(&file);
  return rc;
}

int station_slip_text(struct station *st, const struct slip_options *opt,
                      struct buf *text, struct slip_report *out, struct err *e)
{
  struct buf file = {0};
  int rc = make(st, opt, &file, out, e);
  if (rc == 0 && (rc = slip_scan_put(text, buf_span(&file))) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  buf_free(&file);
  return rc;
}

/* ---- for SMS ---- */

/* The greatest f of which 2^f - 1 is not over ${files}. */
static uint8_t files_power(int64_t files)
{
  uint8_t f = 0;
  while (f < 62 && (INT64_C(1) << (f + 1)) - 1 <= files) {
    f++;
  }
  return files >= CBOR_INT_MAX ? 63 : f;
}

static int short_line(struct slipping *s, const struct slip_item *it,
                      struct sketch *sk, struct buf *lines, struct err *e)
{
  struct slip_short line = {.files = files_power(rule_files(s, it->pattern)),
                            .syndromes = SLIP_SHORT_SYNDROMES};
  struct sketches_state state;
  uint8_t hash[HASH_SIZE];
  int rc = sketches_get(s->st, it->name, sk, &state, e);
  if (rc < 0) {
    return rc;
  }
  if (state.count > UINT32_MAX) {
    return err_set(e, ERR_LIMIT, "a short slip counts to 2^32");
  }
  if (hash_sha256(hash, it->name.p, it->name.n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  line.count = (uint32_t)state.count;
  memcpy(line.who, s->st->self, sizeof line.who);
  memcpy(line.coll, hash, sizeof line.coll);
  memcpy(line.digest, state.digest, sizeof line.digest);
  memcpy(line.syndrome, sk->syndrome, sizeof line.syndrome);
  if ((rc = slip_short_put(lines, &line)) < 0 ||
      (rc = buf_byte(lines, '\n')) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  return 0;
}

int station_slip_short(struct station *st, const struct slip_options *opt,
                       struct buf *lines, struct slip_report *out,
                       struct err *e)
{
  struct slipping s = {0};
  struct slip_item **order = NULL;
  struct sketch *sk = mem_alloc(sizeof *sk);
  int rc = sk == NULL ? err_set(e, ERR_NOMEM, "not enough memory")
                      : begin(&s, st, opt, e);
  if (rc == 0 && (rc = make_plan(&s, e)) == 0) {
    rc = slip_plan_dearest(&order, &s.plan, st, e);
  }
  size_t n = s.plan.n < SHORTS_MAX ? s.plan.n : SHORTS_MAX;
  struct slip_report r = {.wishes = n, .sketches = n};
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = short_line(&s, order[i], sk, lines, e);
    r.parcels += order[i]->count;
  }
  r.left_out = s.plan.n - n;
  r.bytes = lines->n;
  if (rc == 0) {
    *out = r;
  }
  mem_free(order);
  mem_free(sk);
  end(&s);
  return rc;
}
