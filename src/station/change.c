/* SPDX-License-Identifier: 0BSD */
#include "station/change.h"

#include "base/check.h"
#include "base/mem.h"
#include "form/hash.h"
#include "station/document.h"
#include "station/texts.h"
#include "station/way.h"

#include <string.h>

#define DROP_PAGE 500

struct change *change_new(struct analyser *an)
{
  struct change *c = mem_zero(sizeof *c);
  if (c != NULL) {
    c->analyser = an;
  }
  return c;
}

void change_del(struct change *c)
{
  if (c == NULL) {
    return;
  }
  mem_free(c->add.row);
  mem_free(c->drop.row);
  mem_free(c->docs.doc);
  mem_free(c->undocs.doc);
  mem_free(c->retags.doc);
  mem_free(c->counters.counter);
  buf_free(&c->tokens);
  buf_free(&c->forget);
  mem_free(c);
}

void change_clear(struct change *c)
{
  c->blocks = c->logs = c->erases = c->kvs = 0;
  c->add.n = c->drop.n = c->docs.n = c->undocs.n = c->retags.n = 0;
  c->counters.n = 0;
  buf_clear(&c->tokens);
  buf_clear(&c->forget);
  c->failed = c->erase_first = false;
}

uint64_t change_block(struct change *c, const struct cid *cid,
                      struct span bytes)
{
  CHECK(c->blocks < STORE_BATCH_MAX);
  c->block[c->blocks].cid = *cid;
  c->block[c->blocks].bytes = bytes;
  return STORE_NEW(c->blocks++);
}

/* Room for one more element of ${size} bytes; NULL when memory runs out. */
static void *grow(void *array, size_t n, size_t *cap, size_t size)
{
  if (n < *cap) {
    return array;
  }
  size_t more = *cap > 0 ? *cap * 2 : 64;
  void *p = mem_resize(array, more, size);
  if (p != NULL) {
    *cap = more;
  }
  return p;
}

static void note_row(struct change *c, struct change_rows *to,
                     const struct change_row *row)
{
  struct change_row *rows = grow(to->row, to->n, &to->cap, sizeof *rows);
  if (rows == NULL) {
    c->failed = true;
    return;
  }
  to->row = rows;
  rows[to->n++] = *row;
}

static struct change_row row_of(enum idx name, struct span key, int64_t sort,
                                uint64_t ref)
{
  struct change_row row = {
      .name = name, .key_n = key.n, .sort = sort, .ref = ref};
  CHECK(key.n <= CHANGE_KEY_MAX);
  if (key.n > 0) {
    memcpy(row.key, key.p, key.n);
  }
  return row;
}

void change_add(struct change *c, enum idx name, struct span key, int64_t sort,
                uint64_t ref)
{
  struct change_row row = row_of(name, key, sort, ref);
  note_row(c, &c->add, &row);
}

void change_drop(struct change *c, enum idx name, struct span key, int64_t sort,
                 uint64_t ref)
{
  struct change_row row = row_of(name, key, sort, ref);
  note_row(c, &c->drop, &row);
}

void change_add_listed(struct change *c, uint64_t record, uint64_t parcel)
{
  struct span none = {NULL, 0};
  bool fresh = (record & STORE_NEW(0)) != 0;
  struct change_row row =
      row_of(IDX_LISTED, none, (int64_t)(record & ~STORE_NEW(0)), parcel);
  row.sort_new = fresh;
  note_row(c, &c->add, &row);
}

void change_kv(struct change *c, struct span key, struct span value)
{
  CHECK(c->kvs < sizeof c->kv / sizeof c->kv[0]);
  c->kv[c->kvs].key = key;
  c->kv[c->kvs].value = value;
  c->kvs++;
}

/* Sums of what strangers claim stay numbers. */
static int64_t add_within(int64_t a, int64_t b)
{
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) {
    return a < 0 ? INT64_MIN : INT64_MAX;
  }
  return sum;
}

void change_count(struct change *c, struct span key, int64_t by)
{
  struct change_counters *all = &c->counters;
  CHECK(key.n <= CHANGE_COUNTER_MAX);
  for (size_t i = all->n; i-- > 0;) {
    struct change_counter *old = &all->counter[i];
    if (span_equal(span_of(old->key, old->key_n), key)) {
      old->by = add_within(old->by, by);
      return;
    }
  }
  struct change_counter *counter =
      grow(all->counter, all->n, &all->cap, sizeof *counter);
  if (counter == NULL) {
    c->failed = true;
    return;
  }
  all->counter = counter;
  counter += all->n++;
  memcpy(counter->key, key.p, key.n);
  counter->key_n = key.n;
  counter->by = by;
}

int change_counter(struct station *st, struct span key, int64_t *out,
                   struct err *e)
{
  struct buf value = {0};
  int rc = st->store->ops->kv_get(st->store, key, &value, e);
  uint64_t v = 0;
  for (size_t i = 0; rc == 0 && i < value.n && i < 8; i++) {
    v = v << 8 | value.p[i];
  }
  buf_free(&value);
  *out = (int64_t)v;
  return rc == ERR_NOENT ? 0 : rc;
}

/* ---- search documents ---- */

static void note_doc(struct change *c, struct change_docs *to, uint64_t ref,
                     const struct record *rec, struct span text,
                     const struct facets *facets)
{
  struct change_doc doc = {.ref = ref, .start = c->tokens.n};
  int rc = 0;
  if (rec->kind != RECORD_PLAIN) {
    return; /* withdrawals and labels are found through what they are about */
  }
  if (to != &c->retags) {
    rc = document_terms(&c->tokens, &doc.length, rec, text, c->analyser);
  }
  doc.middle = c->tokens.n;
  if (rc == 0 && facets != NULL) {
    doc.time = facets->time;
    rc = document_facets(&c->tokens, rec, facets_span(facets));
  }
  doc.end = c->tokens.n;
  struct change_doc *docs =
      rc < 0 ? NULL : grow(to->doc, to->n, &to->cap, sizeof *docs);
  if (docs == NULL) {
    c->failed = true;
    return;
  }
  to->doc = docs;
  docs[to->n++] = doc;
}

void change_doc(struct change *c, uint64_t ref, const struct record *rec,
                struct span text, const struct facets *facets)
{
  note_doc(c, &c->docs, ref, rec, text, facets);
}

void change_retag(struct change *c, uint64_t ref, const struct record *rec,
                  const struct facets *facets)
{
  note_doc(c, &c->retags, ref, rec, span_of(NULL, 0), facets);
}

void change_undoc(struct change *c, uint64_t ref, const struct record *rec,
                  struct span text)
{
  note_doc(c, &c->undocs, ref, rec, text, NULL);
}

void change_forget_text(struct change *c, uint64_t ref)
{
  change_drop(c, IDX_TEXT, span_of(NULL, 0), 0, ref);
  if (buf_put(&c->forget, &ref, sizeof ref) < 0) {
    c->failed = true;
  }
}

/* ---- commit ---- */

static struct store_row *rows_out(const struct change_rows *rows)
{
  struct store_row *out = mem_resize(NULL, rows->n, sizeof *out);
  for (size_t i = 0; out != NULL && i < rows->n; i++) {
    const struct change_row *r = &rows->row[i];
    out[i].name = (uint8_t)r->name;
    out[i].key = span_of(r->key, r->key_n);
    out[i].sort = r->sort;
    out[i].sort_new = r->sort_new;
    out[i].ref = r->ref;
  }
  return out;
}

static struct store_doc *docs_out(const struct change *c,
                                  const struct change_docs *docs)
{
  struct store_doc *out = mem_resize(NULL, docs->n, sizeof *out);
  for (size_t i = 0; out != NULL && i < docs->n; i++) {
    const struct change_doc *d = &docs->doc[i];
    out[i] =
        (struct store_doc){.ref = d->ref,
                           .time = d->time,
                           .length = d->length,
                           .terms = buf_part(&c->tokens, d->start, d->middle),
                           .facets = buf_part(&c->tokens, d->middle, d->end)};
  }
  return out;
}

/* The pairs: those that were given, counters as they will be, file texts that
 * go, and the note of by which way the blocks come. */
struct pairs {
  struct store_pair *pair;
  size_t n;
  uint8_t *keys;
  uint8_t way[WAY_KEY_SIZE];
};

static int count_out(struct pairs *p, struct change *c, struct station *st,
                     struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < c->counters.n; i++) {
    struct change_counter *counter = &c->counters.counter[i];
    struct span key = span_of(counter->key, counter->key_n);
    int64_t v = 0;
    rc = change_counter(st, key, &v, e);
    v = add_within(v, counter->by);
    v = v < 0 ? 0 : v;
    for (int k = 0; k < 8; k++) {
      counter->value[k] = (uint8_t)((uint64_t)v >> (56 - 8 * k));
    }
    p->pair[p->n++] = (struct store_pair){
        key, v == 0 ? span_of(NULL, 0) : span_of(counter->value, 8)};
  }
  return rc;
}

static int pairs_out(struct pairs *p, struct change *c, struct station *st,
                     struct err *e)
{
  size_t texts = c->forget.n / sizeof(uint64_t);
  p->n = 0;
  p->pair =
      mem_resize(NULL, c->kvs + c->counters.n + texts + 1, sizeof *p->pair);
  p->keys = mem_resize(NULL, texts, TEXT_KEY_SIZE);
  if (p->pair == NULL || p->keys == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  for (; p->n < c->kvs; p->n++) {
    p->pair[p->n] = c->kv[p->n];
  }
  for (size_t i = 0; i < texts; i++) {
    uint8_t *key = p->keys + i * TEXT_KEY_SIZE;
    uint64_t ref;
    memcpy(&ref, c->forget.p + i * sizeof ref, sizeof ref);
    text_key(key, ref);
    p->pair[p->n++] =
        (struct store_pair){span_of(key, TEXT_KEY_SIZE), {NULL, 0}};
  }
  int rc = count_out(p, c, st, e);
  if (rc == 0 && c->blocks > 0) {
    rc = way_note(st, false, p->way, &p->pair[p->n], e);
    p->n += rc > 0;
  }
  return rc < 0 ? rc : 0;
}

static void pairs_free(struct pairs *p)
{
  mem_free(p->pair);
  mem_free(p->keys);
}

int change_commit(struct change *c, struct station *st, struct span collection,
                  uint64_t *numbers, bool *fresh, struct err *e)
{
  struct store_row *add = rows_out(&c->add), *drop = rows_out(&c->drop);
  struct store_doc *docs = docs_out(c, &c->docs);
  struct store_doc *undocs = docs_out(c, &c->undocs);
  struct store_doc *retags = docs_out(c, &c->retags);
  struct pairs pairs;
  int rc = pairs_out(&pairs, c, st, e);
  if (rc < 0) {
    goto done;
  }
  if (c->failed || add == NULL || drop == NULL || docs == NULL ||
      undocs == NULL || retags == NULL) {
    rc = err_set(e, ERR_NOMEM, "not enough memory for a change of %zu blocks",
                 c->blocks);
    goto done;
  }
  struct store_batch batch = {.collection = collection,
                              .blocks = c->block,
                              .blocks_n = c->blocks,
                              .erase = c->erase,
                              .erase_n = c->erases,
                              .erase_first = c->erase_first,
                              .log = c->log,
                              .log_n = c->logs,
                              .drop = drop,
                              .drop_n = c->drop.n,
                              .add = add,
                              .add_n = c->add.n,
                              .undocs = undocs,
                              .undocs_n = c->undocs.n,
                              .retags = retags,
                              .retags_n = c->retags.n,
                              .docs = docs,
                              .docs_n = c->docs.n,
                              .kv = pairs.pair,
                              .kv_n = pairs.n};
  rc = st->store->ops->append(st->store, &batch, numbers, fresh, e);
  if (rc == 0 && c->blocks > 0) {
    way_noted(st, false);
  }

done:
  mem_free(add);
  mem_free(drop);
  mem_free(docs);
  mem_free(undocs);
  mem_free(retags);
  pairs_free(&pairs);
  return rc;
}

/* ---- keys ---- */

int64_t cid_order(const struct cid *c)
{
  const uint8_t *p = cid_digest(c);
  uint64_t v = 0;
  for (int i = 0; i < 8; i++) {
    v = v << 8 | p[i];
  }
  return (int64_t)v;
}

int coll_key(uint8_t out[COLL_KEY_SIZE], struct span collection)
{
  uint8_t digest[HASH_SIZE];
  int rc = hash_sha256(digest, collection.p, collection.n);
  if (rc == 0) {
    memcpy(out, digest, COLL_KEY_SIZE);
  }
  return rc;
}

int change_drop_kv(struct station *st, struct span prefix, struct err *e)
{
  struct store_pair pair[DROP_PAGE];
  struct buf pairs = {0};
  struct kv_reader r = {0};
  size_t n = 0;
  int rc = st->store->ops->kv_list(st->store, prefix, span_of("", 0), &pairs,
                                   DROP_PAGE, e);
  r.pairs = buf_span(&pairs);
  while (rc >= 0 && n < DROP_PAGE &&
         kv_next(&r, &pair[n].key, &pair[n].value)) {
    pair[n++].value = span_of(NULL, 0);
  }
  struct store_batch batch = {.kv = pair, .kv_n = n};
  if (rc >= 0 && n > 0) {
    rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
  }
  buf_free(&pairs);
  return rc < 0 ? rc : (int)n;
}

int label_key(uint8_t out[CHANGE_KEY_MAX], const uint8_t *author,
              const struct cid *about)
{
  return version_key(out, span_of("", 0), author,
                     span_of(about->b, sizeof about->b));
}

int placed_key(uint8_t out[CHANGE_KEY_MAX], struct span collection,
               const struct cid *record)
{
  static const uint8_t anybody[CRYPT_KEY_SIZE];
  return version_key(out, collection, anybody,
                     span_of(record->b, sizeof record->b));
}

int author_key(uint8_t out[CHANGE_KEY_MAX], struct span collection,
               const uint8_t *author)
{
  return version_key(out, collection, author, span_of(NULL, 0));
}

int version_key(uint8_t out[CHANGE_KEY_MAX], struct span collection,
                const uint8_t *author, struct span key)
{
  uint8_t text[CRYPT_KEY_SIZE + COLLECTION_NAME_MAX + 1 + RECORD_KEY_MAX];
  uint8_t digest[HASH_SIZE];
  size_t n = CRYPT_KEY_SIZE;
  CHECK(collection.n <= COLLECTION_NAME_MAX && key.n <= RECORD_KEY_MAX);
  memcpy(text, author, CRYPT_KEY_SIZE);
  memcpy(text + n, collection.p, collection.n);
  n += collection.n;
  text[n++] = 0; /* no name holds a zero byte */
  if (key.n > 0) {
    memcpy(text + n, key.p, key.n);
  }
  int rc = hash_sha256(digest, text, n + key.n);
  if (rc == 0) {
    memcpy(out, digest, CHANGE_KEY_MAX);
  }
  return rc;
}
