/* SPDX-License-Identifier: 0BSD */
/* Topics: collections that are compared, and the collection of collections.
 * The initiator opens them and, as a rule, works out what differs. */
#include "base/check.h"
#include "base/mem.h"
#include "form/parcel.h"
#include "sync/handles.h"
#include "sync/session_int.h"

#include <string.h>

#define QUEUE_FULL (2 * SESSION_CONTROL_MAX) /* then nothing new is begun */
#define OPEN_HEAD 8u /* topic, level, how it is named, bits, window (3) */
#define NAMED_NOT 0u
#define NAMED_TOKEN 1u
#define NAMED_TEXT 2u
#define REPLY_HEAD (2u + 8u + HASH_SIZE) /* topic, count, digest */

size_t topic_id(const struct session *s, const struct topic *t)
{
  return (size_t)(t - s->topic);
}

/* ---- life ---- */

int topic_slot(struct session *s, struct topic *t, uint32_t n, struct err *e)
{
  struct slot *slot = mem_zero(sizeof *slot);
  CHECK(t->slot == NULL);
  t->slot = slot;
  if (slot == NULL) {
    return session_nomem(e);
  }
  slot->keyed = t->level == LEVEL_KEYED;
  s->slots[slot->keyed]++;
  slot->n = slot->undone = n;
  slot->mine = mem_resize(NULL, n, sizeof *slot->mine);
  slot->cells = mem_resize(NULL, n, sizeof *slot->cells);
  slot->part = mem_resize(NULL, n, sizeof *slot->part);
  if (slot->part != NULL) {
    memset(slot->part, 0, n * sizeof(struct sketch_part *));
  }
  if (slot->mine == NULL || slot->cells == NULL || slot->part == NULL) {
    return session_nomem(e);
  }
  memset(slot->mine, 0, n * sizeof *slot->mine);
  memset(slot->cells, 0, n * sizeof *slot->cells);
  return 0;
}

void topic_drop_slot(struct session *s, struct topic *t)
{
  struct slot *slot = t->slot;
  if (slot == NULL) {
    return;
  }
  for (uint32_t i = 0; slot->part != NULL && i < slot->n; i++) {
    mem_free(slot->part[i]);
  }
  mem_free(slot->part);
  mem_free(slot->mine);
  mem_free(slot->cells);
  s->slots[slot->keyed]--;
  mem_free(slot);
  t->slot = NULL;
}

void topic_free(struct session *s, struct topic *t)
{
  topic_drop_slot(s, t);
  buf_free(&t->name);
  buf_free(&t->ours);
  buf_free(&t->theirs);
  mem_free(t->sum);
  memset(t, 0, sizeof *t);
}

static struct topic *find_name(const struct session *s, struct span name)
{
  for (size_t i = 1; i <= s->topics; i++) {
    struct topic *t = &s->topic[i];
    if (t->state != TOPIC_FREE && span_equal(buf_span(&t->name), name)) {
      return t;
    }
  }
  return NULL;
}

static struct topic *find_free(struct session *s)
{
  for (size_t i = 1; i <= SESSION_TOPICS_MAX; i++) {
    if (s->topic[i].state == TOPIC_FREE) {
      s->topics = i > s->topics ? i : s->topics;
      return &s->topic[i];
    }
  }
  return NULL;
}

/* Give ${t} its name, and see who wants it. */
static int begin(struct session *s, struct topic *t, struct span name,
                 struct err *e)
{
  int follow = session_follows(s, name, e);
  if (follow < 0) {
    return follow;
  }
  if (buf_put(&t->name, name.p, name.n) < 0) {
    return session_nomem(e);
  }
  t->follow = follow > 0;
  t->gives = wishes_want(s, name) != 0;
  /* Not of the catalogue: it isn't here, or the policy keeps it from this
   * peer. One answer to both, the policy's, or it would tell them apart. */
  t->unsure = s->host.asks_serve && catalogue_find(s, name) == NULL;
  t->state = TOPIC_WAITS;
  return 0;
}

int topic_add(struct session *s, struct span name, struct err *e)
{
  if (find_name(s, name) != NULL) {
    return 0;
  }
  struct topic *t = find_free(s);
  if (s->collections == SESSION_NAMES_MAX) {
    return 0; /* another session's */
  }
  s->collections++;
  if (t != NULL) {
    return begin(s, t, name, e);
  }
  return buf_put(&s->todo, name.p, name.n) < 0 || buf_byte(&s->todo, 0) < 0
             ? session_nomem(e)
             : 0;
}

/* ---- our side of a set ---- */

static int catalogue_next(void *host, uint64_t *cursor,
                          uint8_t (*out)[SET_DIGEST_SIZE], size_t max,
                          struct err *e)
{
  const struct session *s = host;
  size_t n = 0;
  (void)e;
  for (; n < max && *cursor < s->catalogue.n; n++, (*cursor)++) {
    memset(out[n], 0, SET_DIGEST_SIZE);
    wire_put(out[n], s->catalogue.entry[*cursor].handle, 8);
  }
  return (int)n;
}

static int catalogue_has(void *host, uint64_t handle, struct err *e)
{
  const struct session *s = host;
  (void)e;
  for (size_t i = 0; i < s->catalogue.n; i++) {
    if (s->catalogue.entry[i].handle == handle) {
      return 1;
    }
  }
  return 0;
}

static int snapshot_catalogue(struct session *s, struct topic *t,
                              struct sketch *sketch, struct err *e)
{
  t->set.count = s->catalogue.n;
  t->set.set = (struct sync_set){s, catalogue_next, catalogue_has};
  if (sketch != NULL) {
    *sketch = *s->catalogue.sketch;
  }
  return setsum_digest(t->set.digest, &s->catalogue.sum) < 0 ? session_nomem(e)
                                                             : 0;
}

int topic_snapshot(struct session *s, struct topic *t, struct sketch *sketch,
                   struct err *e)
{
  memset(&t->set, 0, sizeof t->set);
  if (topic_id(s, t) == CATALOGUE) {
    return snapshot_catalogue(s, t, sketch, e);
  }
  if (t->follow && t->level == LEVEL_SKETCH) {
    mem_free(t->sum);
    if ((t->sum = mem_zero(sizeof *t->sum)) == NULL) {
      return session_nomem(e);
    }
  }
  t->set.sketch = sketch;
  t->set.sum = t->sum;
  return s->host.snapshot(s->host.ud, topic_id(s, t), buf_span(&t->name),
                          &t->set, e);
}

static int hello_of(struct session *s, struct topic *t, struct sketch_hello *h,
                    struct err *e)
{
  if (s->scratch == NULL &&
      (s->scratch = mem_zero(sizeof *s->scratch)) == NULL) {
    return session_nomem(e);
  }
  int rc = topic_snapshot(s, t, s->scratch, e);
  if (rc == 0) {
    sketch_hello_of(h, s->scratch, t->set.count, t->set.digest);
  }
  return rc;
}

/* ---- initiator: opening ---- */

static int put_open(struct session *s, struct topic *t, struct err *e)
{
  struct sketch_hello hello;
  struct buf body = {0};
  uint8_t head[OPEN_HEAD], token[TOKEN_SIZE];
  struct span name = buf_span(&t->name);
  int rc = hello_of(s, t, &hello, e);
  if (rc < 0) {
    return rc;
  }
  bool whole = topic_id(s, t) == CATALOGUE;
  bool text = !whole && (wishes_want(s, name) & WANTS_PREFIX) != 0;
  wire_put(head, topic_id(s, t), 2);
  head[2] = (uint8_t)t->level;
  head[3] = (uint8_t)(whole ? NAMED_NOT : text ? NAMED_TEXT : NAMED_TOKEN);
  head[4] = (uint8_t)t->bits;
  wire_put(head + 5, t->window, 3);
  if (!whole && !text) {
    session_token(s, token, name);
    name = span_of(token, sizeof token);
  }
  if (buf_put(&body, head, sizeof head) < 0 ||
      sketch_hello_put(&body, &hello) < 0 ||
      buf_put(&body, name.p, name.n) < 0) {
    rc = session_nomem(e);
  } else {
    rc = session_put(s, FRAME_OPEN, buf_span(&body), e);
  }
  buf_free(&body);
  t->state = TOPIC_ASKED;
  return rc;
}

int topic_escalate(struct session *s, struct topic *t, struct err *e)
{
  uint64_t most = t->set.count > t->hello.count ? t->set.count : t->hello.count;
  topic_drop_slot(s, t);
  buf_clear(&t->ours);
  buf_clear(&t->theirs);
  mem_free(t->sum);
  t->sum = NULL;
  t->doubted = false;
  s->fallbacks++;
  t->state = TOPIC_WAITS;
  if (t->level == LEVEL_SKETCH && topic_id(s, t) != CATALOGUE &&
      sketch_plan_parts(&t->bits, t->differ)) {
    t->level = LEVEL_KEYED;
    return 0;
  }
  if (t->level == LEVEL_IDS) {
    return session_breach(e, "it does not have what it listed");
  }
  t->level = LEVEL_IDS;
  t->window = 0;
  for (t->bits = 0; most >> t->bits > SESSION_WINDOW_IDS; t->bits++) {
    if (t->bits == SESSION_WINDOW_BITS_MAX) {
      return err_set(e, ERR_LIMIT, "a collection of %llu parcels",
                     (unsigned long long)most);
    }
  }
  if (topic_id(s, t) == CATALOGUE) {
    t->bits = 0; /* one list of all: see put_list */
  }
  return 0;
}

/* ---- responder: answering ---- */

static int put_reply(struct session *s, struct topic *t, enum frame_type type,
                     struct err *e)
{
  uint8_t id[2];
  wire_put(id, topic_id(s, t), 2);
  return session_put(s, type, span_of(id, sizeof id), e);
}

/* Topic, count, digest: the initiator's list is asked for, and ours is what its
 * sum has to come to. */
static int put_tell(struct session *s, struct topic *t, struct err *e)
{
  uint8_t body[REPLY_HEAD];
  wire_put(body, topic_id(s, t), 2);
  wire_put(body + 2, t->set.count, 8);
  memcpy(body + 10, t->set.digest, HASH_SIZE);
  t->state = TOPIC_TOLD;
  return session_put(s, FRAME_TELL, span_of(body, sizeof body), e);
}

/* Topic, number of the sketch, count, digest, estimate: then a part of it. */
static int put_part(struct session *s, struct topic *t, uint32_t k, uint32_t to,
                    uint32_t syndromes, struct err *e)
{
  struct slot *slot = t->slot;
  struct buf body = {0};
  uint8_t head[1 + REPLY_HEAD + 8];
  wire_put(head, topic_id(s, t), 2);
  head[2] = (uint8_t)k;
  wire_put(head + 3, t->set.count, 8);
  memcpy(head + 11, t->set.digest, HASH_SIZE);
  wire_put(head + 1 + REPLY_HEAD, t->differ, 8);
  int rc = buf_put(&body, head, sizeof head);
  if (rc == 0) {
    rc = sketch_part_put(&body, &slot->mine[k], slot->cells[k], to, syndromes);
  }
  slot->cells[k] = to;
  rc = rc < 0 ? session_nomem(e)
              : session_put(s, FRAME_PART, buf_span(&body), e);
  buf_free(&body);
  return rc;
}

/* How many handles one list may have. */
static size_t list_max(const struct session *s, const struct topic *t)
{
  return topic_id(s, t) == CATALOGUE ? SESSION_NAMES_MAX : SESSION_LIST_MAX;
}

/* All our handles, which are few. */
static int put_list(struct session *s, struct topic *t, struct err *e)
{
  uint8_t batch[64][SET_DIGEST_SIZE];
  uint64_t cursor = 0;
  int n;
  buf_clear(&t->ours);
  while ((n = t->set.set.next(t->set.set.host, &cursor, batch, 64, e)) > 0) {
    for (int i = 0; i < n; i++) {
      uint64_t handle = sketch_handle(batch[i]);
      if (buf_put(&t->ours, &handle, sizeof handle) < 0) {
        return session_nomem(e);
      }
    }
  }
  if (n < 0) {
    return n;
  }
  CHECK(t->ours.n / 8 <= list_max(s, t));
  handles_sort(handles_of(&t->ours), t->ours.n / 8);
  return put_handles(s, t, FRAME_LIST, handles_of(&t->ours), t->ours.n / 8, 0,
                     e);
}

static int answer_sketch(struct session *s, struct topic *t, struct err *e)
{
  struct sketch_hello mine;
  struct sketch_plan plan;
  int rc = hello_of(s, t, &mine, e);
  if (rc < 0) {
    return rc;
  }
  if (mine.count == t->hello.count &&
      memcmp(mine.digest, t->hello.digest, HASH_SIZE) == 0) {
    t->state = TOPIC_SETTLED;
    return put_reply(s, t, FRAME_SAME, e);
  }
  t->differ = sketch_estimate(&mine, &t->hello);
  bool few = sketch_plan(&plan, t->differ);
  uint64_t size =
      few ? (uint64_t)plan.cells * SKETCH_CELL_SIZE + 8u * plan.syndromes
          : UINT64_MAX;
  t->state = TOPIC_ASKED;
  if (mine.count <= list_max(s, t) &&
      (8 * mine.count <= size || t->level == LEVEL_IDS)) {
    return put_list(s, t, e);
  }
  if (topic_id(s, t) != CATALOGUE && t->hello.count <= SESSION_LIST_MAX &&
      8 * t->hello.count <= size) {
    return put_tell(s, t, e);
  }
  if (!few) {
    uint8_t body[2 + 16];
    wire_put(body, topic_id(s, t), 2);
    wire_put(body + 2, t->differ, 8);
    wire_put(body + 10, mine.count, 8);
    return session_put(s, FRAME_MANY, span_of(body, sizeof body), e);
  }
  if ((rc = topic_slot(s, t, 1, e)) < 0) {
    return rc;
  }
  t->slot->mine[0] = *s->scratch;
  return put_part(s, t, 0, plan.cells, plan.syndromes, e);
}

/* The walk is done: throwaway sketches go out, or the window's handles. */
static int answer_scanned(struct session *s, struct topic *t, struct err *e)
{
  struct sketch_plan plan = {0};
  int rc = 0;
  t->state = TOPIC_ASKED;
  if (t->level == LEVEL_IDS) {
    return put_handles(s, t, FRAME_LIST, handles_of(&t->ours), t->ours.n / 8, 0,
                       e);
  }
  /* No syndromes: a few cells more. */
  if (!sketch_plan(&plan, (t->differ >> t->bits) + 16)) {
    plan.cells = SKETCH_CELLS;
  }
  for (uint32_t k = 0; rc == 0 && k < t->slot->n; k++) {
    uint32_t cells = plan.cells + plan.cells / 8;
    rc = put_part(s, t, k, cells < SKETCH_CELLS ? cells : SKETCH_CELLS, 0, e);
  }
  return rc;
}

/* About how many differ, for a topic that is opened once more. */
static int reckon(struct session *s, struct topic *t, struct err *e)
{
  struct sketch_hello mine;
  int rc = hello_of(s, t, &mine, e);
  t->differ = rc < 0 ? 0 : sketch_estimate(&mine, &t->hello);
  return rc;
}

/* ---- work ---- */

/* Ask the policy what it has not said of it: SESSION_ASK, or 0. */
static int ask(struct session *s, struct topic *t)
{
  bool ranks = t->gives && s->host.asks_order && topic_id(s, t) != CATALOGUE;
  if (!t->unsure && (t->refused || t->ranked || !ranks)) {
    return 0;
  }
  int rc = session_ask(s, t->unsure ? SESSION_ASKS_SERVE : SESSION_ASKS_ORDER,
                       buf_span(&t->name));
  s->asks_for = t;
  return rc;
}

void topic_answer(struct topic *t, enum session_question q, int64_t value)
{
  if (q == SESSION_ASKS_SERVE) {
    t->unsure = false;
    t->refused = value == 0;
  } else {
    t->ranked = true;
    t->rank = value;
  }
}

/* Throwaway sketches of one collection at a time are enough: they are large,
 * and both ends see them in the same order. */
static bool needs_slot(const struct session *s, const struct topic *t)
{
  return t->level == LEVEL_KEYED
             ? s->slots[true] > 0
             : !s->initiator && s->slots[false] >= SESSION_SKETCHES_MAX;
}

/* Does another one walk? One at a time is enough. */
static bool other_scans(const struct session *s)
{
  for (size_t i = 1; i <= s->topics; i++) {
    if (s->topic[i].state == TOPIC_SCANS) {
      return true;
    }
  }
  return false;
}

static int proceed(struct session *s, struct topic *t, struct err *e)
{
  int rc;
  if (t->state == TOPIC_SCANS) {
    rc = scan_step(s, t, e);
    if (rc != 0) {
      s->busy = rc > 0;
      return rc;
    }
    rc = s->initiator ? put_open(s, t, e) : answer_scanned(s, t, e);
    return rc < 0 ? rc : 1;
  }
  if (t->state != TOPIC_WAITS || needs_slot(s, t) ||
      channel_queued(&s->channel) > QUEUE_FULL) {
    return 0;
  }
  if ((rc = ask(s, t)) != 0) {
    return rc;
  }
  if (!t->refused && topic_id(s, t) != CATALOGUE &&
      (rc = s->host.ready(s->host.ud, buf_span(&t->name), e)) != 0) {
    s->busy = rc > 0;
    return rc < 0 ? rc : 1;
  }
  if (t->refused) {
    t->state = TOPIC_SETTLED;
    rc = s->initiator ? 0 : put_reply(s, t, FRAME_REFUSE, e);
  } else if (t->level != LEVEL_SKETCH && topic_id(s, t) != CATALOGUE) {
    if (other_scans(s)) {
      return 0;
    }
    rc = s->initiator ? 0 : reckon(s, t, e);
    rc = rc < 0 ? rc : scan_start(s, t, e);
  } else {
    rc = s->initiator ? put_open(s, t, e) : answer_sketch(s, t, e);
  }
  return rc < 0 ? rc : 1;
}

int topic_work(struct session *s, struct err *e)
{
  int rc = 0;
  struct topic *whole = &s->topic[CATALOGUE];
  if (s->initiator && whole->state == TOPIC_FREE) {
    whole->state = TOPIC_WAITS;
  }
  for (size_t i = 0; rc == 0 && i <= s->topics; i++) {
    rc = proceed(s, &s->topic[i], e);
  }
  return rc;
}

bool topic_all_settled(const struct session *s)
{
  if (s->topic[CATALOGUE].state != TOPIC_SETTLED || s->naming > 0) {
    return false;
  }
  for (size_t i = 1; i <= s->topics; i++) {
    if (s->topic[i].state != TOPIC_FREE && s->topic[i].state != TOPIC_SETTLED) {
      return false;
    }
  }
  return true;
}

/* ---- what came, and the next round ---- */

void topic_came(struct session *s, const struct session_parcel *p)
{
  struct topic *t = find_name(s, p->name);
  if (t != NULL && t->sum != NULL && t->state == TOPIC_SETTLED) {
    setsum_add(t->sum, p->digest);
  }
}

/* Does the other end have what it said, no more and no less? */
static int adds_up(const struct topic *t, bool *yes, struct err *e)
{
  uint8_t digest[HASH_SIZE];
  if (setsum_digest(digest, t->sum) < 0) {
    return session_nomem(e);
  }
  *yes = t->sum->count == t->hello.count &&
         memcmp(digest, t->hello.digest, HASH_SIZE) == 0;
  return 0;
}

bool topic_proves(const struct session *s)
{
  for (size_t i = 1; i <= s->topics; i++) {
    if (s->topic[i].state == TOPIC_SETTLED && s->topic[i].sum != NULL) {
      return true;
    }
  }
  return false;
}

int topic_doubts(struct session *s, struct buf *out, struct err *e)
{
  for (size_t i = 1; i <= s->topics; i++) {
    struct topic *t = &s->topic[i];
    uint8_t id[2];
    bool yes = true;
    if (t->state == TOPIC_SETTLED && t->sum != NULL &&
        adds_up(t, &yes, e) < 0) {
      return ERR_NOMEM;
    }
    wire_put(id, i, sizeof id);
    if (!yes && buf_put(out, id, sizeof id) < 0) {
      return session_nomem(e);
    }
  }
  return 0;
}

static int check(struct session *s, struct topic *t, struct err *e)
{
  bool yes = true;
  int rc = t->sum != NULL ? adds_up(t, &yes, e) : 0;
  if (rc < 0) {
    return rc;
  }
  if (!yes || t->doubted) {
    return topic_escalate(s, t, e);
  }
  if (t->level == LEVEL_IDS && t->window + 1 < 1u << t->bits) {
    t->window++;
    t->state = TOPIC_WAITS;
    buf_clear(&t->ours);
    buf_clear(&t->theirs);
    return 0;
  }
  topic_free(s, t);
  return 0;
}

static int take_todo(struct session *s, struct err *e)
{
  size_t at = 0;
  int rc = 0;
  struct topic *t;
  while (rc == 0 && at < s->todo.n && (t = find_free(s)) != NULL) {
    const char *p = (const char *)s->todo.p + at;
    struct span name = span_of(p, strlen(p));
    if (find_name(s, name) == NULL) { /* a peer may name it twice */
      rc = begin(s, t, name, e);
    }
    at += name.n + 1;
  }
  buf_shift(&s->todo, at);
  return rc;
}

int topic_next_round(struct session *s, struct err *e)
{
  int rc = 0;
  mem_free(s->peel);
  mem_free(s->scratch);
  s->peel = NULL;
  s->scratch = NULL;
  for (size_t i = 1; rc == 0 && i <= s->topics; i++) {
    struct topic *t = &s->topic[i];
    if (t->state == TOPIC_SETTLED && !s->initiator) {
      topic_free(s, t);
    } else if (t->state == TOPIC_SETTLED) {
      rc = check(s, t, e);
    }
  }
  if (rc == 0 && s->initiator) {
    rc = take_todo(s, e);
  }
  return rc < 0 ? rc : !topic_all_settled(s);
}

/* ---- frames ---- */

/* A collection of ours that the initiator named: 1, or 0: not spoken of. */
static int opened_name(struct session *s, uint8_t how, struct span named,
                       struct buf *name, struct err *e)
{
  struct err why;
  int rc = 1;
  if (how == NAMED_TOKEN && named.n == TOKEN_SIZE) {
    rc = greeting_name_of(s, named.p, name, e);
  } else if (how == NAMED_TEXT && collection_check(named, &why) == 0) {
    rc = buf_put(name, named.p, named.n) < 0 ? session_nomem(e) : 1;
  } else {
    return session_breach(e, "a collection is named amiss");
  }
  return rc <= 0 || catalogue_find(s, buf_span(name)) != NULL
             ? rc
             : session_follows(s, buf_span(name), e);
}

static int take_open(struct session *s, struct topic *t, struct span body,
                     struct err *e)
{
  struct buf name = {0};
  if (body.n < OPEN_HEAD + SKETCH_HELLO_SIZE || body.p[2] >= LEVELS) {
    return session_breach(e, "a topic is opened amiss");
  }
  if ((t->state == TOPIC_ASKED || t->state == TOPIC_TOLD) &&
      body.p[2] > t->level) {
    topic_free(s, t); /* once more, in a dearer way */
  }
  if (t->state != TOPIC_FREE) {
    return session_breach(e, "a topic is opened twice");
  }
  struct span hello = span_of(body.p + OPEN_HEAD, SKETCH_HELLO_SIZE);
  struct span named = span_of(hello.p + hello.n, body.n - OPEN_HEAD - hello.n);
  bool whole = topic_id(s, t) == CATALOGUE;
  uint32_t bits = body.p[4];
  uint32_t window = (uint32_t)wire_get(body.p + 5, 3);
  int rc = sketch_hello_read(&t->hello, hello, e);
  if (rc < 0) {
    return rc;
  }
  if ((whole && body.p[2] == LEVEL_KEYED) ||
      bits > (body.p[2] == LEVEL_IDS ? SESSION_WINDOW_BITS_MAX
                                     : SKETCH_SCAN_BITS_MAX) ||
      window >> bits > 0 || whole != (body.p[3] == NAMED_NOT)) {
    return session_breach(e, "a topic is opened amiss");
  }
  t->level = (enum level)body.p[2];
  t->bits = bits;
  t->window = window;
  if (whole) {
    t->state = TOPIC_WAITS;
    return 0;
  }
  s->topic[CATALOGUE].state = TOPIC_SETTLED;
  topic_drop_slot(s, &s->topic[CATALOGUE]);
  rc = opened_name(s, body.p[3], named, &name, e);
  s->topics = topic_id(s, t) > s->topics ? topic_id(s, t) : s->topics;
  if (rc > 0 && find_name(s, buf_span(&name)) != NULL) {
    rc = session_breach(e, "a collection is opened twice");
  } else if (rc > 0) {
    rc = begin(s, t, buf_span(&name), e);
    s->collections += t->level == LEVEL_SKETCH;
  } else if (rc == 0) {
    t->state = TOPIC_SETTLED;
    rc = put_reply(s, t, FRAME_REFUSE, e);
  }
  buf_free(&name);
  return rc;
}

static int take_more(struct session *s, struct topic *t, struct span body,
                     struct err *e)
{
  if (t->state != TOPIC_ASKED || t->slot == NULL || body.n != 3 ||
      body.p[2] >= t->slot->n || t->slot->cells[body.p[2]] == SKETCH_CELLS) {
    return session_breach(e, "more of a sketch that there is not");
  }
  uint32_t to = sketch_plan_more(t->slot->cells[body.p[2]]);
  return put_part(s, t, body.p[2], to, 0, e);
}

/* Count and digest of the other end, in a reply's head. */
static int take_reply_head(struct topic *t, const uint8_t *p, struct err *e)
{
  uint64_t count = wire_get(p, 8);
  if (count > CBOR_INT_MAX) {
    return session_breach(e, "a count is too large");
  }
  t->hello.count = count;
  memcpy(t->hello.digest, p + 8, HASH_SIZE);
  return 0;
}

static int take_part(struct session *s, struct topic *t, struct span body,
                     struct err *e)
{
  size_t head = 1 + REPLY_HEAD + 8;
  if (t->state != TOPIC_ASKED || t->level == LEVEL_IDS || body.n < head ||
      body.p[2] >> t->bits > 0) {
    return session_breach(e, "a sketch that nobody asked for");
  }
  int rc = take_reply_head(t, body.p + 3, e);
  t->differ = wire_get(body.p + 1 + REPLY_HEAD, 8);
  return rc < 0 ? rc
                : decode_part(s, t, body.p[2],
                              span_of(body.p + head, body.n - head), e);
}

static int take_list(struct session *s, struct topic *t, struct span body,
                     struct err *e)
{
  size_t head = 1 + REPLY_HEAD;
  bool ours_to_take =
      s->initiator ? t->state == TOPIC_ASKED : t->state == TOPIC_TOLD;
  if (!ours_to_take || t->level == LEVEL_KEYED || t->slot != NULL ||
      body.n < head || body.p[2] > LACK_LAST) {
    return session_breach(e, "a list that nobody asked for");
  }
  size_t most = is_window(s, t) ? 4 * SESSION_WINDOW_IDS : list_max(s, t);
  int rc = take_reply_head(t, body.p + 3, e);
  if (rc == 0) {
    rc = decode_handles(&t->theirs, span_of(body.p + head, body.n - head), most,
                        e);
  }
  return rc < 0 || body.p[2] == 0 ? rc : decode_list(s, t, e);
}

static int take_many(struct session *s, struct topic *t, struct span body,
                     struct err *e)
{
  if (t->state != TOPIC_ASKED || t->level == LEVEL_IDS || body.n != 18) {
    return session_breach(e, "no sketch, but none was asked for");
  }
  t->differ = wire_get(body.p + 2, 8);
  t->hello.count = wire_get(body.p + 10, 8);
  if (t->hello.count > CBOR_INT_MAX) {
    return session_breach(e, "a count is too large");
  }
  return topic_escalate(s, t, e);
}

static int take_tell(struct session *s, struct topic *t, struct span body,
                     struct err *e)
{
  if (t->state != TOPIC_ASKED || t->level != LEVEL_SKETCH || t->slot != NULL ||
      topic_id(s, t) == CATALOGUE || body.n != REPLY_HEAD ||
      t->set.count > SESSION_LIST_MAX) {
    return session_breach(e, "a list was asked for amiss");
  }
  /* Its sum is the proof: our set less what it lacks, and what comes. */
  int rc = take_reply_head(t, body.p + 2, e);
  if (rc < 0 || (rc = topic_snapshot(s, t, NULL, e)) < 0) {
    return rc;
  }
  if (t->set.count > SESSION_LIST_MAX) { /* it has grown meanwhile */
    return topic_escalate(s, t, e);
  }
  t->state = TOPIC_TOLD;
  return put_list(s, t, e);
}

static int take_lack(struct session *s, struct topic *t, struct span body,
                     struct err *e)
{
  bool ours_to_take =
      s->initiator ? t->state == TOPIC_TOLD : t->state == TOPIC_ASKED;
  if (!ours_to_take || body.n < 3 || body.p[2] > (LACK_LAST | LACK_SEND) ||
      topic_id(s, t) == CATALOGUE) {
    return session_breach(e, "a lack of what was not compared");
  }
  return decode_lack(s, t, body.p[2], span_of(body.p + 3, body.n - 3), e);
}

int topic_frame(struct session *s, const struct frame *f, struct err *e)
{
  if (f->body.n < 2) {
    return session_breach(e, "a frame without a topic");
  }
  uint64_t id = wire_get(f->body.p, 2);
  bool first = id == CATALOGUE && f->type == FRAME_OPEN;
  if (id > SESSION_TOPICS_MAX || s->settled || (!greeting_done(s) && !first)) {
    return session_breach(e, "a topic out of turn");
  }
  struct topic *t = &s->topic[id];
  switch ((int)f->type) {
  case FRAME_OPEN:
    return take_open(s, t, f->body, e);
  case FRAME_MORE:
    return take_more(s, t, f->body, e);
  case FRAME_PART:
    return take_part(s, t, f->body, e);
  case FRAME_LIST:
    return take_list(s, t, f->body, e);
  case FRAME_TELL:
    return take_tell(s, t, f->body, e);
  case FRAME_MANY:
    return take_many(s, t, f->body, e);
  case FRAME_LACK:
    return take_lack(s, t, f->body, e);
  default: /* FRAME_SAME, FRAME_REFUSE */
    break;
  }
  if (t->state != TOPIC_ASKED || f->body.n != 2) {
    return session_breach(e, "an answer that nobody asked for");
  }
  t->state = TOPIC_SETTLED;
  mem_free(t->sum);
  t->sum = NULL;
  return 0;
}
