/* SPDX-License-Identifier: 0BSD */
/* Blocks in segments: finding, reading, adding, erasing. */
#include "store/sqlite_int.h"

#include "base/check.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

struct slot {
  uint8_t codec; /* 0: a hole */
  uint32_t length, offset;
  const uint8_t *digest;
};

static uint32_t get32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
         p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
  p[0] = (uint8_t)(v >> 24);
  p[1] = (uint8_t)(v >> 16);
  p[2] = (uint8_t)(v >> 8);
  p[3] = (uint8_t)v;
}

static bool slot_read(struct span head, uint64_t i, struct slot *out)
{
  if (i >= head.n / HEAD_ENTRY) {
    return false;
  }
  const uint8_t *p = head.p + i * HEAD_ENTRY;
  out->codec = p[0];
  out->length = get32(p + 1);
  out->offset = get32(p + 5);
  out->digest = p + 9;
  return p[0] != 0;
}

static bool slot_is(const struct slot *slot, const struct cid *c)
{
  return slot->codec == c->b[1] && memcmp(slot->digest, cid_digest(c), 32) == 0;
}

/* ---- the cache of segments ---- */

static void cache_clear(struct sq *s)
{
  for (int i = 0; i < SEG_CACHE; i++) {
    s->cache[i].id = 0;
  }
}

void sq_blocks_free(struct sq *s)
{
  for (int i = 0; i < SEG_CACHE; i++) {
    buf_free(&s->cache[i].head);
    buf_free(&s->cache[i].raw);
  }
  buf_free(&s->build.head);
  buf_free(&s->build.raw);
  buf_free(&s->strays);
  mem_free(s->tail.cell);
}

int sq_blocks_load(struct sq *s, struct err *e)
{
  cache_clear(s);
  buf_clear(&s->strays);
  s->build.id = 0;
  int rc = sq_terms_load(s, e);
  return rc < 0 ? rc : tail_load(s, e);
}

int sq_blocks_refresh(struct sq *s, struct err *e)
{
  int64_t folded = 0, files = 0;
  int rc = 0;
  cache_clear(s);
  s->coll_id = 0;
  if ((rc = sq_terms_load(s, e)) < 0 ||
      (rc = sq_state_get(s, "folded_seg", &folded, e)) < 0 ||
      (rc = sq_state_get(s, "folded_file", &files, e)) < 0) {
    return rc;
  }
  if (s->data_version == -1 || folded != s->folded_seg ||
      files != s->folded_file) {
    return tail_load(s, e);
  }
  return tail_extend(s, e);
}

/* The least recently used place. */
static struct seg_cache *cache_victim(struct sq *s)
{
  struct seg_cache *best = &s->cache[0];
  for (int i = 1; i < SEG_CACHE; i++) {
    if (s->cache[i].id == 0 || s->cache[i].tick < best->tick) {
      best = &s->cache[i];
    }
    if (best->id == 0) {
      break;
    }
  }
  best->id = 0;
  buf_clear(&best->head);
  buf_clear(&best->raw);
  best->from = best->size = 0;
  if (best->raw.cap > SEG_KEEP) {
    buf_free(&best->raw);
  }
  return best;
}

static int bad_segment(struct sq *s, int64_t id, struct err *e)
{
  return err_set(e, ERR_CORRUPT, "%s: segment %" PRId64 " is damaged", s->path,
                 id);
}

/* The frames of a segment's data column that hold its plain bytes ${from} to
 * ${to}, into ${c}. */
static int expand(struct sq *s, struct seg_cache *c, struct span data,
                  uint64_t from, uint64_t to)
{
  uint64_t plain = 0;
  int rc = 0;
  if (data.n == c->size) {
    return buf_put(&c->raw, data.p, data.n);
  }
  for (size_t at = 0; rc == 0 && at < data.n && plain < to;) {
    struct span rest = span_of(data.p + at, data.n - at);
    int64_t n = zpack_frame_size(rest), size = zpack_content_size(rest);
    if (n <= 0 || size < 0 || (uint64_t)size > c->size - plain) {
      return ERR_CORRUPT;
    }
    /* A block without a byte may lie where a frame ends. */
    if (plain + (uint64_t)size > from || plain + (uint64_t)size >= to) {
      c->from = c->raw.n == 0 ? plain : c->from;
      rc = zpack_expand(s->zpack, &c->raw, span_of(rest.p, (size_t)n),
                        (size_t)size, NULL);
    }
    at += (size_t)n;
    plain += (uint64_t)size;
  }
  return rc;
}

/* How much of a segment is asked for. */
enum part { PART_HEAD, PART_BLOCK, PART_WHOLE };

static bool cache_has(const struct seg_cache *c, uint64_t number,
                      enum part part)
{
  struct slot slot;
  if (c->id != (int64_t)(number / SEG_SLOTS) || part == PART_HEAD) {
    return c->id == (int64_t)(number / SEG_SLOTS);
  }
  if (part == PART_WHOLE) {
    return c->from == 0 && c->raw.n == c->size;
  }
  return !slot_read(buf_span(&c->head), number % SEG_SLOTS, &slot) ||
         (slot.offset >= c->from && slot.offset - c->from <= c->raw.n &&
          slot.length <= c->raw.n - (slot.offset - c->from));
}

static int fill_raw(struct sq *s, uint64_t number, enum part part,
                    struct seg_cache *c, struct span data, struct err *e)
{
  struct slot slot;
  uint64_t from = 0, to = c->size;
  if (c->size > SEG_RAW + BLOCK_SIZE_MAX || data.n > c->size) {
    return bad_segment(s, c->id, e);
  }
  if (part == PART_BLOCK) {
    if (!slot_read(buf_span(&c->head), number % SEG_SLOTS, &slot)) {
      return 0;
    }
    from = slot.offset;
    to = from + slot.length;
  }
  int rc = expand(s, c, data, from, to);
  if (rc == ERR_NOMEM) {
    return sq_nomem(e);
  }
  return rc < 0 || !cache_has(c, number, part) ? bad_segment(s, c->id, e) : 0;
}

static int cache_fill(struct sq *s, uint64_t number, enum part part,
                      struct seg_cache *c, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, part == PART_HEAD ? Q_SEG_HEAD : Q_SEG_ALL, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)(number / SEG_SLOTS));
  if ((rc = sq_step(s, st, e)) <= 0) {
    return rc < 0 ? rc : err_set(e, ERR_NOENT, "there is no such block");
  }
  struct span head = sq_column(st, 1);
  rc = buf_put(&c->head, head.p, head.n) < 0 ? sq_nomem(e) : 0;
  c->id = (int64_t)(number / SEG_SLOTS);
  c->size = (uint64_t)sqlite3_column_int64(st, 0);
  if (rc == 0 && part != PART_HEAD) {
    rc = fill_raw(s, number, part, c, sq_column(st, 2), e);
  }
  sqlite3_reset(st);
  c->id = rc == 0 ? c->id : 0;
  return rc;
}

/* The segment that ${number} is in. */
static int cache_get(struct sq *s, uint64_t number, enum part part,
                     struct seg_cache **out, struct err *e)
{
  struct seg_cache *c = NULL;
  for (int i = 0; i < SEG_CACHE && c == NULL; i++) {
    c = cache_has(&s->cache[i], number, part) ? &s->cache[i] : NULL;
  }
  if (c == NULL) {
    c = cache_victim(s);
    int rc = cache_fill(s, number, part, c, e);
    if (rc < 0) {
      return rc;
    }
  }
  c->tick = ++s->tick;
  *out = c;
  return 0;
}

/* ---- finding ---- */

/* Is ${n} the block that ${c} names? 1, 0, or an error. */
static int number_is(struct sq *s, uint64_t n, const struct cid *c,
                     struct err *e)
{
  struct slot slot;
  struct seg_cache *seg = NULL;
  int64_t id = (int64_t)(n / SEG_SLOTS);
  if (n & FILE_BIT) {
    return sq_file_is(s, n, c, e);
  }
  if (id == s->build.id) {
    return slot_read(buf_span(&s->build.head), n % SEG_SLOTS, &slot) &&
           slot_is(&slot, c);
  }
  int rc = cache_get(s, n, PART_HEAD, &seg, e);
  if (rc < 0) {
    return rc == ERR_NOENT ? 0 : rc;
  }
  return slot_read(buf_span(&seg->head), n % SEG_SLOTS, &slot) &&
         slot_is(&slot, c);
}

static int find_folded(struct sq *s, uint64_t prefix, const struct cid *c,
                       uint64_t *out, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_KEY_GET, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)prefix);
  while ((rc = sq_step(s, st, e)) > 0) {
    uint64_t n = (uint64_t)sqlite3_column_int64(st, 0);
    rc = number_is(s, n, c, e);
    if (rc != 0) {
      sqlite3_reset(st);
      if (rc > 0) {
        *out = n;
      }
      return rc < 0 ? rc : 0;
    }
  }
  return rc;
}

int sq_find1(struct sq *s, const struct cid *c, uint64_t *out, struct err *e)
{
  uint64_t prefix = tail_prefix(cid_digest(c)), n = 0, file = 0;
  size_t at = 0;
  *out = 0;
  /* A block may be here twice, as a block and as one of a file: the one that
   * no sweep takes away wins. */
  while ((n = tail_next(s, prefix, &at)) != 0) {
    int rc = number_is(s, n, c, e);
    if (rc < 0) {
      return rc;
    }
    if (rc > 0 && !(n & FILE_BIT)) {
      *out = n;
      return 0;
    }
    file = rc > 0 ? n : file;
  }
  int rc = find_folded(s, prefix, c, out, e);
  if (rc == 0 && *out == 0) {
    *out = file;
  }
  return rc;
}

int sq_find(struct store *st, const struct cid *c, size_t n, uint64_t *refs,
            struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot_many(s, n, e)) < 0) {
    return rc;
  }
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = sq_find1(s, &c[i], &refs[i], e);
    if (rc == 0 && (refs[i] & FILE_BIT)) {
      sq_file_mark(s, refs[i]);
    }
  }
  sq_release(s);
  return rc;
}

/* Numbers under ${prefix}, those of files left out. */
static int prefix_numbers(struct sq *s, uint64_t prefix, uint64_t *refs,
                          size_t max, struct err *e)
{
  sqlite3_stmt *st = NULL;
  uint64_t number;
  size_t n = 0, at = 0;
  while (n < max && (number = tail_next(s, prefix, &at)) != 0) {
    refs[n] = number;
    n += !(number & FILE_BIT);
  }
  int rc = sq_get(s, Q_KEY_GET, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)prefix);
  while (n < max && (rc = sq_step(s, st, e)) > 0) {
    refs[n] = (uint64_t)sqlite3_column_int64(st, 0);
    n += !(refs[n] & FILE_BIT);
  }
  sqlite3_reset(st);
  return rc < 0 ? rc : (int)n;
}

int sq_find_prefix(struct store *st, uint64_t prefix, uint64_t *refs,
                   struct cid *cids, size_t max, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  int n = prefix_numbers(s, prefix, refs, list_max(max), e), here = 0;
  for (int i = 0; i < n && rc >= 0; i++) {
    refs[here] = refs[i];
    rc = sq_read(s, refs[i], &cids[here], NULL, e);
    here += rc == 0;
    rc = rc == ERR_NOENT || rc == ERR_CORRUPT ? 0 : rc; /* damaged there */
  }
  sq_release(s);
  return rc < 0 || n < 0 ? (rc < 0 ? rc : n) : here;
}

/* ---- reading ---- */

int sq_read(struct sq *s, uint64_t n, struct cid *cid, struct buf *out,
            struct err *e)
{
  struct slot slot;
  struct seg_cache *seg = NULL;
  if (n & FILE_BIT) {
    return sq_file_read(s, n, cid, out, e);
  }
  int rc = cache_get(s, n, out != NULL ? PART_BLOCK : PART_HEAD, &seg, e);
  if (rc < 0) {
    return rc;
  }
  if (!slot_read(buf_span(&seg->head), n % SEG_SLOTS, &slot)) {
    return err_set(e, ERR_NOENT, "there is no such block");
  }
  if (out != NULL &&
      buf_put(out, seg->raw.p + (slot.offset - seg->from), slot.length) < 0) {
    return sq_nomem(e);
  }
  if (cid != NULL && !cid_codec_known(slot.codec)) {
    return bad_segment(s, seg->id, e);
  }
  if (cid != NULL) {
    cid_make(cid, (enum cid_codec)slot.codec, slot.digest);
  }
  return 0;
}

int sq_get_ref(struct store *st, uint64_t ref, struct cid *cid, struct buf *out,
               struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  rc = sq_read(s, ref, cid, out, e);
  sq_release(s);
  return rc;
}

int sq_block_get(struct store *st, const struct cid *c, struct buf *out,
                 struct err *e)
{
  struct sq *s = sq_of(st);
  uint64_t n = 0;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  rc = sq_find1(s, c, &n, e);
  if (rc == 0) {
    rc = n == 0 ? err_set(e, ERR_NOENT, "this block is not here")
                : sq_read(s, n, NULL, out, e);
  }
  sq_release(s);
  return rc;
}

static int walk_segments(struct sq *s, uint64_t after, uint64_t *refs,
                         size_t max, struct err *e)
{
  struct slot slot;
  sqlite3_stmt *st = NULL;
  size_t n = 0;
  int rc = sq_get(s, Q_SEG_WALK, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)(after / SEG_SLOTS));
  while (n < max && (rc = sq_step(s, st, e)) > 0) {
    uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);
    struct span head = sq_column(st, 1);
    for (uint64_t i = 0; n < max && i < head.n / HEAD_ENTRY; i++) {
      if (id * SEG_SLOTS + i > after && slot_read(head, i, &slot)) {
        refs[n++] = id * SEG_SLOTS + i;
      }
    }
  }
  sqlite3_reset(st);
  return rc < 0 ? rc : (int)n;
}

static int walk_files(struct sq *s, uint64_t after, uint64_t *refs, size_t max,
                      struct err *e)
{
  sqlite3_stmt *st = NULL;
  size_t n = 0;
  int rc = sq_get(s, Q_FILE_WALK, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)(after & ~FILE_BIT));
  sqlite3_bind_int64(st, 2, (int64_t)max);
  while (n < max && (rc = sq_step(s, st, e)) > 0) {
    refs[n++] = FILE_BIT | (uint64_t)sqlite3_column_int64(st, 0);
  }
  sqlite3_reset(st);
  return rc < 0 ? rc : (int)n;
}

int sq_walk(struct store *st, uint64_t after, bool file, uint64_t *refs,
            size_t max, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  max = list_max(max);
  rc = file ? walk_files(s, after, refs, max, e)
            : walk_segments(s, after, refs, max, e);
  sq_release(s);
  return rc;
}

/* ---- adding ---- */

/* A segment's frames into s->pack. Where a slot is damaged no frame ends. */
static int squeeze(struct sq *s, struct span head, struct span raw,
                   struct err *e)
{
  int level = raw.n < SQ_PAGE ? SEG_LEVEL_SMALL : SEG_LEVEL;
  size_t from = 0, slots = head.n / HEAD_ENTRY;
  int rc = 0;
  buf_clear(&s->pack);
  for (size_t i = 0; rc == 0 && i <= slots && from < raw.n; i++) {
    struct slot slot;
    size_t to = raw.n;
    if (i < slots) {
      to = slot_read(head, i, &slot) ? (size_t)slot.offset + slot.length : 0;
    }
    if (to <= raw.n && (to >= from + SEG_FRAME || i == slots)) {
      rc = zpack_squeeze(s->zpack, &s->pack, span_of(raw.p + from, to - from),
                         level, e);
      from = to;
    }
  }
  return rc;
}

/* Write a segment's row: ${q} inserts it or changes it. */
static int seg_write(struct sq *s, enum sq_stmt q, int64_t id, struct span head,
                     struct span raw, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = 0;
  if ((rc = sq_get(s, q, &st, e)) < 0 || (rc = squeeze(s, head, raw, e)) < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, id);
  sqlite3_bind_int64(st, 2, (int64_t)raw.n);
  sq_bind(st, 3, head);
  sq_bind(st, 4, s->pack.n < raw.n ? buf_span(&s->pack) : raw);
  return sq_run(s, st, e);
}

static int build_flush(struct sq *s, struct err *e)
{
  int rc = 0;
  if (s->build.id != 0) {
    rc = seg_write(s, Q_SEG_PUT, s->build.id, buf_span(&s->build.head),
                   buf_span(&s->build.raw), e);
    s->build.id = 0;
    if (s->build.raw.cap > SEG_KEEP) {
      buf_free(&s->build.raw);
    }
  }
  return rc;
}

static int build_room(struct sq *s, size_t more, struct err *e)
{
  struct seg_build *b = &s->build;
  if (b->id != 0 &&
      (b->raw.n + more > SEG_RAW || b->head.n / HEAD_ENTRY >= SEG_SLOTS)) {
    int rc = build_flush(s, e);
    if (rc < 0) {
      return rc;
    }
  }
  if (b->id == 0) {
    b->id = ++s->last_seg;
    buf_clear(&b->head);
    buf_clear(&b->raw);
  }
  return 0;
}

static int build_add(struct sq *s, const struct store_block *blk,
                     uint64_t *number, struct err *e)
{
  struct seg_build *b = &s->build;
  uint8_t entry[HEAD_ENTRY];
  int rc = build_room(s, blk->bytes.n, e);
  if (rc < 0) {
    return rc;
  }
  entry[0] = blk->cid.b[1];
  put32(entry + 1, (uint32_t)blk->bytes.n);
  put32(entry + 5, (uint32_t)b->raw.n);
  memcpy(entry + 9, cid_digest(&blk->cid), 32);
  *number = (uint64_t)b->id * SEG_SLOTS + b->head.n / HEAD_ENTRY;
  if (buf_put(&b->head, entry, sizeof entry) < 0 ||
      buf_put(&b->raw, blk->bytes.p, blk->bytes.n) < 0) {
    return sq_nomem(e);
  }
  s->counts.blocks++;
  s->counts.block_bytes += blk->bytes.n;
  return tail_add(s, tail_prefix(entry + 9), *number, e);
}

int sq_blocks_put(struct sq *s, const struct store_block *b, size_t n,
                  struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    if (b[i].bytes.n > BLOCK_SIZE_MAX) {
      return err_set(e, ERR_LIMIT, "a block of %zu bytes, at most %u",
                     b[i].bytes.n, BLOCK_SIZE_MAX);
    }
    rc = sq_find1(s, &b[i].cid, &s->number[i], e);
    /* One that is only here as a file's may be swept: it is stored again. */
    s->fresh[i] = rc == 0 && (s->number[i] == 0 || s->number[i] & FILE_BIT);
    if (s->fresh[i]) {
      rc = build_add(s, &b[i], &s->number[i], e);
    }
  }
  return rc == 0 ? build_flush(s, e) : rc;
}

/* ---- erasing ---- */

/* The segment's bytes without slot ${at}; its entry becomes a hole. One that
 * is damaged may claim bytes that are not there: then none go with it. */
static void cut_out(struct seg_cache *c, uint64_t at, struct slot *gone)
{
  struct buf *raw = &c->raw;
  if (gone->offset > raw->n || gone->length > raw->n - gone->offset) {
    memset(c->head.p + at * HEAD_ENTRY, 0, HEAD_ENTRY);
    return;
  }
  memmove(raw->p + gone->offset, raw->p + gone->offset + gone->length,
          raw->n - gone->offset - gone->length);
  raw->n -= gone->length;
  for (size_t i = 0; i < c->head.n / HEAD_ENTRY; i++) {
    uint8_t *p = c->head.p + i * HEAD_ENTRY;
    uint32_t offset = get32(p + 5);
    if (offset > gone->offset) {
      put32(p + 5, offset - gone->length);
    }
  }
  memset(c->head.p + at * HEAD_ENTRY, 0, HEAD_ENTRY);
}

/* The same where the bytes can't be made out any more: they go when no slot
 * is left. */
static int cut_torn(struct sq *s, int64_t id, struct seg_cache *c, uint64_t at,
                    struct err *e)
{
  struct slot other;
  sqlite3_stmt *st = NULL;
  bool any = false;
  memset(c->head.p + at * HEAD_ENTRY, 0, HEAD_ENTRY);
  for (uint64_t i = 0; i < c->head.n / HEAD_ENTRY; i++) {
    any = any || slot_read(buf_span(&c->head), i, &other);
  }
  if (!any) {
    return seg_write(s, Q_SEG_CHANGE, id, buf_span(&c->head), span_of(NULL, 0),
                     e);
  }
  int rc = sq_get(s, Q_SEG_REHEAD, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, id);
  sq_bind(st, 2, buf_span(&c->head));
  return sq_run(s, st, e);
}

static int forget_number(struct sq *s, uint64_t n, uint64_t prefix,
                         uint32_t length, struct err *e)
{
  int rc = 0;
  if (length > s->counts.block_bytes) {
    length = (uint32_t)s->counts.block_bytes; /* it was damaged */
  }
  s->counts.blocks--;
  s->counts.block_bytes -= length;
  if ((int64_t)(n / SEG_SLOTS) > s->folded_seg) {
    tail_drop(s, prefix, n);
    return 0;
  }
  if ((rc = tail_drop_folded(s, prefix, n, e)) < 0 ||
      (rc = sq_state_add(s, "blocks", -1, e)) < 0) {
    return rc;
  }
  return sq_state_add(s, "block_bytes", -(int64_t)length, e);
}

static int erase_one(struct sq *s, uint64_t n, struct err *e)
{
  struct slot slot;
  struct seg_cache *c = NULL;
  if (n & FILE_BIT) {
    return sq_file_erase(s, n, e);
  }
  int rc = cache_get(s, n, PART_WHOLE, &c, e);
  bool torn = rc == ERR_CORRUPT;
  if (torn) {
    rc = cache_get(s, n, PART_HEAD, &c, e);
  }
  if (rc < 0 || !slot_read(buf_span(&c->head), n % SEG_SLOTS, &slot)) {
    return rc == ERR_NOENT ? 0 : rc;
  }
  int64_t id = c->id;
  uint64_t prefix = tail_prefix(slot.digest);
  /* The cache must not outlive a rollback, nor hold the segment once more as
   * it was. What ${c} points at stays. */
  cache_clear(s);
  if (torn) {
    rc = cut_torn(s, id, c, n % SEG_SLOTS, e);
  } else {
    cut_out(c, n % SEG_SLOTS, &slot);
    rc = seg_write(s, Q_SEG_CHANGE, id, buf_span(&c->head), buf_span(&c->raw),
                   e);
  }
  return rc < 0 ? rc : forget_number(s, n, prefix, slot.length, e);
}

int sq_blocks_erase(struct sq *s, const uint64_t *n, size_t count,
                    struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < count; i++) {
    rc = erase_one(s, n[i], e);
  }
  if (rc == 0) {
    rc = tail_drop_strays(s, e);
  }
  if (count > 0) {
    cache_clear(s);
    s->scrub = true;
  }
  return rc;
}
