/* SPDX-License-Identifier: 0BSD */
/* Which records have files whose text nobody read yet, and what was read.
 *
 * What can be read is for the host to say: it reads files in processes of
 * their own, when it has time; nothing here waits for that. A record whose
 * files are not here stays listed as unread, so each round looks at the newest
 * of the list, where those that just came are, and at a share of the rest. */
#include "base/mem.h"
#include "station/admit.h"
#include "station/later.h"
#include "station/listing.h"
#include "station/texts.h"

#include <string.h>

/* ---- what is unread ---- */

static struct span place_key(void)
{
  static const char name[] = "station/unread";
  return span_of(name, sizeof name - 1);
}

/* Where the last round stopped: a record's number; 0: it saw all. */
static int load_place(struct station *st, uint64_t *out, struct err *e)
{
  struct buf b = {0};
  int rc = st->store->ops->kv_get(st->store, place_key(), &b, e);
  *out = 0;
  for (size_t i = 0; rc == 0 && b.n == 8 && i < b.n; i++) {
    *out = *out << 8 | b.p[i];
  }
  buf_free(&b);
  return rc == ERR_NOENT ? 0 : rc;
}

static int save_place(struct station *st, uint64_t place, struct err *e)
{
  uint8_t b[8];
  for (size_t i = 0; i < sizeof b; i++) {
    b[i] = (uint8_t)(place >> (56 - 8 * i));
  }
  struct store_pair pair = {place_key(),
                            span_of(place > 0 ? b : NULL, sizeof b)};
  struct store_batch batch = {.kv = &pair, .kv_n = 1};
  return st->store->ops->append(st->store, &batch, NULL, NULL, e);
}

/* Up to ${max} records below *${before}, which moves: how many there were. */
static int give_unread(struct station *st, uint64_t *before, size_t max,
                       unread_sink *sink, void *ud, struct err *e)
{
  int64_t *sorts = mem_resize(NULL, max, sizeof *sorts);
  uint64_t *refs = mem_resize(NULL, max, sizeof *refs);
  struct store *store = st->store;
  struct cid id;
  int rc = 0;
  int n = sorts == NULL || refs == NULL
              ? err_set(e, ERR_NOMEM, "not enough memory")
              : store->ops->rows(store, IDX_TEXT, span_of(NULL, 0), 0, *before,
                                 true, sorts, refs, max, e);
  for (int i = 0; rc == 0 && i < n; i++) {
    rc = store->ops->get_ref(store, refs[i], &id, NULL, e);
    if (rc == 0) {
      rc = sink(ud, &id);
    } else if (rc == ERR_NOENT || rc == ERR_CORRUPT) {
      rc = 0; /* gone meanwhile, or damaged: verify tells of that */
    }
    *before = refs[i];
  }
  mem_free(sorts);
  mem_free(refs);
  return rc < 0 ? rc : n;
}

int station_unread(struct station *st, size_t max, unread_sink *sink, void *ud,
                   struct err *e)
{
  uint64_t before = UINT64_MAX >> 1, place = 0, old;
  int rc, n;
  if ((rc = station_writable(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = load_place(st, &old, e)) < 0) {
    return rc;
  }
  max = max > STORE_LIST_MAX ? STORE_LIST_MAX : max;
  n = give_unread(st, &before, max - max / 2, sink, ud, e);
  bool more = n > 0 && (size_t)n == max - max / 2;
  if (more) {
    place = old > 0 && old < before ? old : before;
    n = give_unread(st, &place, max / 2, sink, ud, e);
    more = n > 0 && (size_t)n == max / 2;
  }
  place = more ? place : 0;
  if (n >= 0 && place != old) {
    rc = save_place(st, place, e);
  }
  return n < 0 ? n : rc < 0 ? rc : more;
}

/* ---- what was read ---- */

/* The document with the new text for the one with the old, if there is one. */
static int change_text(struct station *st, struct change *c, uint64_t ref,
                       const struct record *rec, const struct file_read *in,
                       struct err *e)
{
  struct facets facets = {0};
  struct file_text old = {0};
  bool indexed = ref <= st->unindexed_after;
  int rc = listing_facets(st, ref, &facets, e);
  if (rc == 0 && facets.listings == 0) {
    rc = err_set(e, ERR_NOENT, "no such record here");
  }
  if (rc == 0 && (rc = file_text_get(st, ref, &old, e)) == 0 && indexed &&
      !span_equal(buf_span(&old.text), in->text)) {
    change_undoc(c, ref, rec, buf_span(&old.text));
    change_doc(c, ref, rec, in->text, &facets);
  }
  if (rc == 0 && in->done) {
    change_drop(c, IDX_TEXT, span_of(NULL, 0), 0, ref);
  } else if (rc == 0) {
    change_add(c, IDX_TEXT, span_of(NULL, 0), 0, ref);
  }
  facets_free(&facets);
  buf_free(&old.text);
  return rc;
}

static int put_one(struct station *st, struct change *c,
                   const struct file_read *in, struct err *e)
{
  uint8_t key[TEXT_KEY_SIZE];
  struct buf block = {0}, value = {0};
  struct record rec;
  uint64_t ref = 0;
  int rc = st->store->ops->find(st->store, &in->id, 1, &ref, e);
  if (rc == 0 && (ref == 0 || cid_codec(&in->id) != CID_DAG_CBOR)) {
    rc = err_set(e, ERR_NOENT, "no such record here");
  }
  change_clear(c);
  if (rc == 0 &&
      (rc = st->store->ops->get_ref(st->store, ref, NULL, &block, e)) == 0 &&
      (rc = record_read(&rec, buf_span(&block), e)) == 0 &&
      !file_text_fits(&rec)) {
    rc = err_set(e, ERR_NOENT, "a record without files");
  }
  if (rc == 0 && (rc = change_text(st, c, ref, &rec, in, e)) == 0 &&
      (rc = file_text_put(st, &value, in->text, in->files, in->done, e)) == 0) {
    text_key(key, ref);
    change_kv(c, span_of(key, sizeof key), buf_span(&value));
    rc = change_commit(c, st, span_of(NULL, 0), NULL, NULL, e);
  }
  buf_free(&block);
  buf_free(&value);
  return rc;
}

int station_put_texts(struct station *st, const struct file_read *in, size_t n,
                      size_t *gone, struct err *e)
{
  struct err lost;
  int rc;
  *gone = 0;
  for (size_t i = 0; i < n; i++) {
    if (in[i].text.n > FILE_TEXT_MAX) {
      return err_set(e, ERR_LIMIT,
                     "%zu bytes of text; a record's files have "
                     "%u",
                     in[i].text.n, FILE_TEXT_MAX);
    }
  }
  if ((rc = station_writable(st, e)) < 0 || (rc = later_flush(st, e)) < 0 ||
      (rc = station_refresh(st, e)) < 0) {
    return rc;
  }
  struct change *c = change_new(st->analyser);
  rc = c == NULL ? err_set(e, ERR_NOMEM, "not enough memory")
                 : station_gather(st, e);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = put_one(st, c, &in[i], e);
    if (rc == ERR_NOENT || rc == ERR_INVALID) {
      ++*gone; /* withdrawn since, or never a record */
      rc = 0;
    }
  }
  int ended = station_settle(st, rc < 0 ? &lost : e);
  change_del(c);
  return rc < 0 ? rc : ended;
}

int station_file_text(struct station *st, const struct cid *id,
                      struct buf *text, uint32_t *files, struct err *e)
{
  struct file_text known = {0};
  uint64_t ref = 0;
  int rc;
  if ((rc = station_alive(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = st->store->ops->find(st->store, id, 1, &ref, e)) < 0) {
    return rc;
  }
  rc = ref == 0 ? 0 : file_text_get(st, ref, &known, e);
  if (rc == 0 && !known.known) {
    rc = err_set(e, ERR_NOENT, "no text was read out of this record's files");
  }
  if (rc == 0) {
    *files = known.files;
    rc = buf_put(text, known.text.p, known.text.n);
    rc = rc < 0 ? err_set(e, rc, "not enough memory") : 0;
  }
  buf_free(&known.text);
  return rc;
}
