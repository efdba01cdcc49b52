/* SPDX-License-Identifier: 0BSD */
/* What must hold once everybody has met enough. */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "station/sketches.h"
#include "wire.h"

/* ---- what a station shows ---- */

struct shown {
  struct world *w;
  const struct post *p;
  struct buf lines; /* each with a zero byte */
  size_t n;
};

static int compare_deed(const void *a, const void *b)
{
  const struct deed *x = a, *y = b;
  return cid_compare(&x->id, &y->id);
}

static inline const struct deed *deed_of(const struct world *w,
                                         const struct cid *id)
{
  struct deed key = {.id = *id};
  return w->deeds == 0 ? NULL
                       : bsearch(&key, w->sorted, w->deeds, sizeof *w->deed,
                                 compare_deed);
}

/* What its policy dislikes is not here; unless it has published it. */
static inline void check_policy(const struct shown *s, const struct entry *en)
{
  const struct deed *d = deed_of(s->w, &en->cid);
  if (post_dislikes(s->p, &en->cid) &&
      (d == NULL || &s->w->post[d->by] != s->p)) {
    FAIL(s->w, "station %zu shows what its policy refused",
         (size_t)(s->p - s->w->post));
  }
}

/* Nobody can have put that into an honest station's mouth. The deeds are
 * sorted by now. */
static inline void check_author(const struct shown *s, const struct entry *en)
{
  const struct world *w = s->w;
  const struct deed *d = deed_of(w, &en->cid);
  bool told = d != NULL && s->p != &w->post[d->by] &&
              memcmp(en->author, w->post[d->by].key, CRYPT_KEY_SIZE) == 0;
  if (told && keeps(&w->post[d->by], d)) {
    FAIL(w, "station %zu shows what station %zu does not speak of",
         (size_t)(s->p - w->post), d->by);
  }
  if (d != NULL &&
      memcmp(en->author, w->post[d->by].key, CRYPT_KEY_SIZE) == 0 &&
      span_equal(buf_span(&en->collection),
                 text_of(collections[d->collection]))) {
    return;
  }
  for (size_t i = 0; i < w->n; i++) {
    if (is_honest(&w->post[i]) &&
        memcmp(en->author, w->post[i].key, CRYPT_KEY_SIZE) == 0) {
      FAIL(w, "station %zu has never published what is shown as its own", i);
    }
  }
}

/* Does the parcel hold? One that did is known by its CID. */
static inline bool parcel_holds(struct world *w, const struct entry *en,
                                struct span block, struct parcel *p)
{
  uint64_t name = (uint64_t)cid_order(&en->parcel);
  struct err e;
  if (cid_verify(&en->parcel, block.p, block.n) < 0 ||
      parcel_read(p, block, &e) < 0) {
    return false;
  }
  if (!refset_has(&w->holds, name)) {
    if (parcel_verify(p, crypt_author_ok(p->author), &e) < 0) {
      return false;
    }
    NEED(refset_add(&w->holds, name) > 0);
  }
  return memcmp(p->author, en->author, CRYPT_KEY_SIZE) == 0 &&
         p->time == en->time;
}

static inline void check_entry(const struct shown *s, const struct entry *en)
{
  struct buf b = {0};
  struct parcel p;
  struct err e;
  struct cid listed;
  bool lists = false;
  NEED(cid_verify(&en->cid, en->block.p, en->block.n) == 0);
  NEED(station_block(s->p->h.st, &en->parcel, &b, &e) == 0);
  bool good = parcel_holds(s->w, en, buf_span(&b), &p);
  for (size_t i = 0; good && i < p.count; i++) {
    parcel_record(&p, i, &listed);
    lists = lists || cid_equal(&listed, &en->cid);
  }
  buf_free(&b);
  if (!good || !lists) {
    FAIL(s->w, "station %zu shows a record whose parcel does not hold",
         (size_t)(s->p - s->w->post));
  }
}

static inline void put_line(struct shown *s, const char *line)
{
  NEED(buf_put(&s->lines, line, strlen(line) + 1) == 0);
  s->n++;
}

static int note_entry(void *ud, const struct entry *en)
{
  struct shown *s = ud;
  char line[400], id[CID_TEXT_SIZE + 1], by[CRYPT_DID_MAX];
  cid_text(id, &en->cid);
  did_text(by, en->author);
  check_entry(s, en);
  check_author(s, en);
  check_policy(s, en);
  (void)snprintf(line, sizeof line, "%s %s %lld", id, by, (long long)en->time);
  put_line(s, line);
  return 0;
}

static int compare_lines(const void *a, const void *b)
{
  const char *const *x = a, *const *y = b;
  return strcmp(*x, *y);
}

/* In an order that does not hang on who came first. */
static inline void sort_lines(struct shown *s)
{
  const char **line = mem_resize(NULL, s->n + 1, sizeof *line);
  struct buf sorted = {0};
  size_t at = 0;
  NEED(line != NULL);
  for (size_t i = 0; i < s->n; i++) {
    line[i] = (const char *)s->lines.p + at;
    at += strlen(line[i]) + 1;
  }
  qsort(line, s->n, sizeof *line, compare_lines);
  for (size_t i = 0; i < s->n; i++) {
    NEED(buf_put(&sorted, line[i], strlen(line[i]) + 1) == 0);
  }
  buf_free(&s->lines);
  s->lines = sorted;
  mem_free(line);
}

/* All versions of all records of a collection, then the current ones. */
static inline void show_list(struct shown *s, const char *collection)
{
  struct err e;
  for (int history = 1; history >= 0; history--) {
    struct page page = {0};
    struct page_query q = {
        .collection = text_of(collection), .history = history > 0, .max = 100};
    struct shown part = {.w = s->w, .p = s->p};
    while (!page.ended) {
      NEED(station_page(s->p->h.st, &q, &page, note_entry, &part, &e) == 0);
    }
    sort_lines(&part);
    NEED(buf_put(&s->lines, part.lines.p, part.lines.n) == 0);
    put_line(s, history > 0 ? "current:" : "end");
    buf_free(&part.lines);
  }
}

static inline void show_digest(struct shown *s, const char *collection)
{
  struct sketches_state state;
  struct err e;
  char line[128];
  NEED(sketches_get(s->p->h.st, text_of(collection), NULL, &state, &e) == 0);
  (void)snprintf(line, sizeof line, "%s: %llu parcels, set %08llx%08llx",
                 collection, (unsigned long long)state.count,
                 (unsigned long long)wire_get(state.digest, 4),
                 (unsigned long long)wire_get(state.digest + 4, 4));
  put_line(s, line);
}

static int note_missing(void *ud, const struct cid *cid, const char *kind,
                        const struct cid *wanted_by)
{
  char line[200], id[CID_TEXT_SIZE + 1];
  (void)wanted_by; /* one of several, whichever came first */
  cid_text(id, cid);
  (void)snprintf(line, sizeof line, "missing %s %s", kind, id);
  put_line(ud, line);
  return 0;
}

static inline void show_missing(struct shown *s)
{
  struct err e;
  NEED(station_missing(s->p->h.st, note_missing, s, &e) == 0);
  sort_lines(s);
}

/* ---- who is to agree with whom ---- */

static inline void must_equal(struct world *w, const struct shown *a,
                              const struct shown *b, const char *what)
{
  size_t at = 0;
  if (span_equal(buf_span(&a->lines), buf_span(&b->lines))) {
    return;
  }
  while (at < a->lines.n && at < b->lines.n) {
    const char *x = (const char *)a->lines.p + at;
    const char *y = (const char *)b->lines.p + at;
    if (strcmp(x, y) != 0) {
      printf("  the first: %s\n  the other: %s\n", x, y);
      break;
    }
    at += strlen(x) + 1;
  }
  FAIL(w, "stations %zu and %zu (habit %zu%s) differ: %s",
       (size_t)(a->p - w->post), (size_t)(b->p - w->post), b->p->habit,
       b->p->quiet ? ", quiet" : "", what);
}

static inline void check_collection(struct world *w, size_t c)
{
  struct shown hub = {.w = w, .p = &w->post[HUB]};
  show_digest(&hub, collections[c]);
  show_list(&hub, collections[c]);
  for (size_t i = 1; i < w->n; i++) {
    struct post *p = &w->post[i];
    struct shown own = {.w = w, .p = p};
    if (!is_honest(p) || !post_follows(p, collections[c])) {
      continue;
    }
    show_digest(&own, collections[c]);
    show_list(&own, collections[c]);
    bool told = is_plain(p) || (p->refuses == REFUSES_PEERS &&
                                strcmp(collections[c], UNSPOKEN) != 0);
    if (told) {
      must_equal(w, &hub, &own, collections[c]);
    }
    buf_free(&own.lines);
  }
  buf_free(&hub.lines);
}

/* Who wants all has all that the hub has, file by file. (Others have files
 * that they published themselves, or found on a stick.) */
static inline void check_missing(struct world *w)
{
  struct shown hub = {.w = w, .p = &w->post[HUB]};
  show_missing(&hub);
  for (size_t i = 1; i < w->n; i++) {
    struct shown own = {.w = w, .p = &w->post[i]};
    if (is_plain(own.p) && own.p->habit == TAKES_ALL) {
      show_missing(&own);
      must_equal(w, &hub, &own, "what is missing");
      buf_free(&own.lines);
    }
  }
  buf_free(&hub.lines);
}

/* Does it show what that station published? (Others may list it, too: then it
 * stays after it was taken back.) */
static inline bool shows_of(struct post *p, const struct cid *id,
                            const struct post *by)
{
  struct entry en = {0};
  struct err e;
  int rc = station_get(p->h.st, id, &en, &e);
  NEED(rc == 0 || rc == ERR_NOENT);
  bool shows = rc == 0 && memcmp(en.author, by->key, CRYPT_KEY_SIZE) == 0;
  entry_free(&en);
  return shows;
}

/* What was published is at the hub, unless it was taken back. */
static inline void check_deeds(struct world *w)
{
  for (size_t i = 0; i < w->deeds; i++) {
    const struct deed *d = &w->deed[i];
    const struct post *p = &w->post[d->by];
    if (!is_honest(p) || d->lost || keeps(p, d)) {
      continue;
    }
    if (d->withdrawal == 0 && !home_has(&w->post[HUB].h, &d->id)) {
      FAIL(w, "what station %zu published is lost", d->by);
    }
    if (d->withdrawal > 0 && !w->deed[d->withdrawal - 1].lost &&
        shows_of(&w->post[HUB], &d->id, p)) {
      FAIL(w, "what station %zu took back is still there", d->by);
    }
  }
}

/* ---- each for itself ---- */

static inline void check_sound(struct world *w, size_t i)
{
  if (!home_sound(&w->post[i].h)) {
    FAIL(w, "station %zu: a rebuild gives something else", i);
  }
}

static inline void check_store(struct world *w, size_t i)
{
  static const char *const names[] = {"bad", NULL};
  struct job *j = NULL;
  struct err e;
  int64_t bad = -1;
  NEED(station_verify(&j, w->post[i].h.st, true, &e) == 0);
  NEED(run_values(j, names, &bad, &e) == 0);
  if (bad != 0) {
    FAIL(w, "station %zu: verify finds %lld bad blocks", i, (long long)bad);
  }
}

static inline void check_world(struct world *w)
{
  w->sorted = mem_resize(NULL, w->deeds + 1, sizeof *w->sorted);
  NEED(w->sorted != NULL);
  if (w->deeds > 0) {
    memcpy(w->sorted, w->deed, w->deeds * sizeof *w->deed);
    qsort(w->sorted, w->deeds, sizeof *w->deed, compare_deed);
  }
  for (size_t c = 0; c < COLLECTIONS; c++) {
    check_collection(w, c);
  }
  check_missing(w);
  check_deeds(w);
  for (size_t i = 0; i < w->n; i++) {
    check_store(w, i);
  }
  for (int k = 0; k < 3; k++) {
    check_sound(w, dice_below(&w->dice, w->n));
  }
}

#endif
