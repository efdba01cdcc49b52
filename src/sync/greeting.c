/* SPDX-License-Identifier: 0BSD */
/* Who speaks, what each follows, and which collections differ. */
#include "base/check.h"
#include "base/mem.h"
#include "form/parcel.h"
#include "sync/handles.h"
#include "sync/session_int.h"

#include <stdlib.h>
#include <string.h>

#define SIGN_DOMAIN "mahatta/session/1" /* its NUL is signed, too */
#define HELLO_SIZE (2 + CRYPT_KEY_SIZE + CRYPT_SIG_SIZE)
#define BUILD_STEP 256 /* collections in one slice */
/* Each costs a walk over the catalogue: no more than are needed for all. */
#define NAMES_FRAMES_MAX (8 * SESSION_NAMES_MAX / SESSION_CONTROL_MAX + 1)

/* ---- salt ---- */

void session_salted(const struct session *s, uint8_t out[HASH_SIZE],
                    const char *what, struct span a, struct span b)
{
  uint8_t inner[CRYPT_DIGEST_SIZE];
  const uint8_t *h = noise_hash(&s->channel.noise);
  CHECK(h != NULL);
  /* Each part is hashed on its own: none can be mistaken for the next. */
  crypt_hash_pair(out, span_of(h, NOISE_HASH_SIZE),
                  span_of(what, strlen(what) + 1));
  crypt_hash_pair(inner, span_of(out, HASH_SIZE), a);
  crypt_hash_pair(out, span_of(inner, sizeof inner), b);
}

void session_token(const struct session *s, uint8_t out[TOKEN_SIZE],
                   struct span name)
{
  uint8_t full[HASH_SIZE];
  session_salted(s, full, "collection", name, span_of(NULL, 0));
  memcpy(out, full, TOKEN_SIZE);
}

/* ---- hello ---- */

static int put_hello(struct session *s, struct err *e)
{
  uint8_t body[HELLO_SIZE] = {SESSION_VERSION, s->quiet ? HELLO_QUIET : 0};
  const struct noise *n = &s->channel.noise;
  memcpy(body + 2, identity_key(s->id), CRYPT_KEY_SIZE);
  int rc = crypt_sign(body + 2 + CRYPT_KEY_SIZE, s->id, SIGN_DOMAIN,
                      span_of(n->key, NOISE_KEY_SIZE),
                      span_of(noise_hash(n), NOISE_HASH_SIZE));
  if (rc < 0) {
    return session_nomem(e);
  }
  s->hello_out = true;
  return session_put(s, FRAME_HELLO, span_of(body, sizeof body), e);
}

int greeting_hello(struct session *s, struct span body, struct err *e)
{
  const struct noise *n = &s->channel.noise;
  if (body.n != HELLO_SIZE) {
    return session_breach(e, "a hello has another length");
  }
  if (body.p[0] != SESSION_VERSION) {
    return err_set(e, ERR_INVALID,
                   "the peer speaks version %u of the protocol, we speak %d",
                   body.p[0], SESSION_VERSION);
  }
  const uint8_t *key = body.p + 2;
  int rc = crypt_verify(key + CRYPT_KEY_SIZE, key, crypt_author_ok(key),
                        SIGN_DOMAIN, span_of(noise_peer(n), NOISE_KEY_SIZE),
                        span_of(noise_hash(n), NOISE_HASH_SIZE));
  if (rc < 0) {
    return rc == ERR_NOMEM
               ? session_nomem(e)
               : err_set(e, ERR_SIG,
                         "the peer is not who it says: its signature fails");
  }
  memcpy(s->peer, key, sizeof s->peer);
  s->peer_quiet = (body.p[1] & HELLO_QUIET) != 0;
  s->hello_in = true;
  return 0;
}

/* ---- wishes ---- */

/* A pattern that ends in "*" is a prefix; others are names. */
static bool is_prefix(struct span pattern)
{
  return pattern.n > 0 && pattern.p[pattern.n - 1] == '*';
}

static int put_wish(struct session *s, struct buf *body, struct span pattern)
{
  uint8_t token[TOKEN_SIZE];
  if (is_prefix(pattern)) {
    return buf_byte(body, WISH_PREFIX) < 0 ||
                   buf_byte(body, (uint8_t)pattern.n) < 0
               ? ERR_NOMEM
               : buf_put(body, pattern.p, pattern.n);
  }
  session_token(s, token, pattern);
  return buf_byte(body, WISH_TOKEN) < 0 ? ERR_NOMEM
                                        : buf_put(body, token, sizeof token);
}

static int put_wishes(struct session *s, struct err *e)
{
  struct buf body = {0};
  struct span pattern;
  int rc = buf_byte(&body, 0), more = 1;
  for (size_t i = 0; rc == 0 && more > 0; i++) {
    more = s->host.wish(s->host.ud, i, &pattern, e);
    if (more < 0) {
      buf_free(&body);
      return more;
    }
    size_t most = more > 0 && pattern.n > TOKEN_SIZE ? pattern.n : TOKEN_SIZE;
    if (more > 0 && body.n + 2 + most > SESSION_CONTROL_MAX) {
      rc = session_put(s, FRAME_WISH, buf_span(&body), e);
      body.n = 1;
    }
    if (more > 0 && rc == 0) {
      rc = put_wish(s, &body, pattern);
    }
  }
  if (rc == 0) {
    body.p[0] = 1;
    rc = session_put(s, FRAME_WISH, buf_span(&body), e);
  }
  buf_free(&body);
  s->wish_out = true;
  return rc < 0 ? session_nomem(e) : 0;
}

/* One wish at ${p}: its length, 0 when it is cut or no wish, or a code. */
static int take_wish(struct wishes *w, struct span p, struct err *e)
{
  struct err why;
  if (p.p[0] == WISH_TOKEN && p.n > TOKEN_SIZE) {
    return buf_put(&w->tokens, p.p + 1, TOKEN_SIZE) < 0 ? session_nomem(e)
                                                        : 1 + (int)TOKEN_SIZE;
  }
  if (p.p[0] != WISH_PREFIX || p.n < 2 || p.n < 2u + p.p[1]) {
    return 0;
  }
  struct span pattern = span_of(p.p + 2, p.p[1]);
  if (pattern_check(pattern, &why) < 0 || !is_prefix(pattern)) {
    return 0;
  }
  if (buf_put(&w->prefixes, pattern.p, pattern.n) < 0 ||
      buf_byte(&w->prefixes, 0) < 0) {
    return session_nomem(e);
  }
  return 2 + (int)pattern.n;
}

int greeting_wish(struct session *s, struct span body, struct err *e)
{
  struct wishes *w = &s->wishes;
  size_t at = 1;
  if (body.n < 1 || body.p[0] > 1) {
    return session_breach(e, "wishes begin otherwise");
  }
  while (at < body.n) {
    int n = take_wish(w, span_of(body.p + at, body.n - at), e);
    if (n <= 0) {
      return n < 0 ? n : session_breach(e, "a wish is none");
    }
    if (++w->n > SESSION_WISHES_MAX) {
      return err_set(e, ERR_LIMIT, "the peer follows more than %u patterns",
                     SESSION_WISHES_MAX);
    }
    at += (size_t)n;
  }
  w->whole = body.p[0] == 1;
  return 0;
}

unsigned wishes_want(const struct session *s, struct span name)
{
  const struct wishes *w = &s->wishes;
  uint8_t token[TOKEN_SIZE];
  unsigned how = 0;
  for (size_t at = 0; !s->quiet && at < w->prefixes.n;) {
    const char *p = (const char *)w->prefixes.p + at;
    if (pattern_matches(span_of(p, strlen(p)), name)) {
      how = WANTS_PREFIX;
      break;
    }
    at += strlen(p) + 1;
  }
  if (w->tokens.n > 0) {
    session_token(s, token, name);
  }
  for (size_t at = 0; at < w->tokens.n; at += TOKEN_SIZE) {
    if (memcmp(w->tokens.p + at, token, TOKEN_SIZE) == 0) {
      return how | WANTS_TOKEN;
    }
  }
  return how;
}

int session_follows(struct session *s, struct span name, struct err *e)
{
  struct span pattern;
  int rc;
  for (size_t i = 0; (rc = s->host.wish(s->host.ud, i, &pattern, e)) > 0; i++) {
    if (pattern_matches(pattern, name)) {
      return 1;
    }
  }
  return rc;
}

/* ---- the catalogue ---- */

struct span catalogue_name(const struct session *s, const struct entry_of *en)
{
  const char *p = (const char *)s->catalogue.names.p + en->name;
  return span_of(p, strlen(p));
}

/* Does one of us follow it by its whole name? 1, 0, a code. */
static int is_named(struct session *s, struct span name, struct err *e)
{
  struct span pattern;
  int rc = 0;
  for (size_t i = 0; (rc = s->host.wish(s->host.ud, i, &pattern, e)) > 0; i++) {
    if (!is_prefix(pattern) && span_equal(pattern, name)) {
      return 1;
    }
  }
  return rc < 0 ? rc : (wishes_want(s, name) & WANTS_TOKEN) != 0;
}

/* Of too many, those whose tokens begin with zeros are spoken of, and what is
 * followed by its name: another part in each session, the same at both ends. */
static int is_kept(struct session *s, const uint8_t token[TOKEN_SIZE],
                   struct span name, struct err *e)
{
  int thin = s->catalogue.thin;
  return thin == 0 || wire_get(token, 4) >> (32 - thin) == 0
             ? 1
             : is_named(s, name, e);
}

/* Leave half of them out, or more. */
static int catalogue_thin(struct session *s, struct err *e)
{
  struct catalogue *cat = &s->catalogue;
  struct buf names = {0};
  int rc = 0;
  while (rc >= 0 && cat->n == SESSION_NAMES_MAX && cat->thin < 32) {
    size_t kept = 0;
    cat->thin++;
    for (size_t i = 0; rc >= 0 && i < cat->n; i++) {
      struct entry_of en = cat->entry[i];
      struct span name = catalogue_name(s, &en);
      if ((rc = is_kept(s, en.token, name, e)) > 0) {
        en.name = (uint32_t)names.n;
        cat->entry[kept++] = en;
        rc = buf_put(&names, name.p, name.n) < 0 || buf_byte(&names, 0) < 0
                 ? session_nomem(e)
                 : 0;
      }
    }
    if (rc >= 0) {
      cat->n = kept;
      buf_free(&cat->names);
      cat->names = names;
      names = (struct buf){0};
    }
  }
  buf_free(&names);
  return rc < 0 ? rc : 0;
}

static int catalogue_put(struct session *s, const struct session_collection *c,
                         struct err *e)
{
  struct catalogue *cat = &s->catalogue;
  uint8_t of_name[HASH_SIZE], of_state[HASH_SIZE], count[8];
  session_token(s, of_name, c->name); /* TOKEN_SIZE bytes of it */
  int rc = cat->n == SESSION_NAMES_MAX ? catalogue_thin(s, e) : 0;
  if (rc < 0 || (rc = is_kept(s, of_name, c->name, e)) <= 0) {
    return rc;
  }
  if (cat->n == cat->cap) {
    size_t cap = cat->cap > 0 ? cat->cap * 2 : 16;
    struct entry_of *entry = mem_resize(cat->entry, cap, sizeof *entry);
    if (entry == NULL) {
      return session_nomem(e);
    }
    cat->entry = entry;
    cat->cap = cap;
  }
  struct entry_of *en = &cat->entry[cat->n];
  en->name = (uint32_t)cat->names.n;
  if (buf_put(&cat->names, c->name.p, c->name.n) < 0 ||
      buf_byte(&cat->names, 0) < 0) {
    return session_nomem(e);
  }
  wire_put(count, c->count, sizeof count);
  memcpy(en->token, of_name, TOKEN_SIZE);
  session_salted(s, of_state, "state", span_of(count, sizeof count),
                 span_of(c->digest, sizeof c->digest));
  /* Half for the name: so the other end sees that it knows it already. */
  uint64_t handle = wire_get(of_name, 4) << 32 | wire_get(of_state, 4);
  en->handle = handle > 0 ? handle : 1;
  cat->n++;
  return 0;
}

/* Is the collection to be spoken of? 1, 0, a code; ASKED: the policy says. */
#define ASKED 2
static int belongs(struct session *s, struct span name, struct err *e)
{
  int follows = session_follows(s, name, e);
  if (follows < 0 || (follows == 0 && wishes_want(s, name) == 0)) {
    return follows;
  }
  if (s->host.asks_serve && !s->answered) {
    (void)session_ask(s, SESSION_ASKS_SERVE, name);
    return ASKED;
  }
  bool serves = !s->host.asks_serve || s->answer != 0;
  s->answered = false;
  return serves;
}

static int compare_entry(const void *a, const void *b)
{
  const struct entry_of *x = a, *y = b;
  return memcmp(x->token, y->token, TOKEN_SIZE);
}

static int finish_catalogue(struct session *s, struct err *e)
{
  struct catalogue *cat = &s->catalogue;
  cat->sketch = mem_zero(sizeof *cat->sketch);
  if (cat->sketch == NULL) {
    return session_nomem(e);
  }
  if (cat->n > 0) {
    qsort(cat->entry, cat->n, sizeof *cat->entry, compare_entry);
  }
  for (size_t i = 0; i < cat->n; i++) {
    uint8_t digest[HASH_SIZE];
    uint8_t handle[8];
    wire_put(handle, cat->entry[i].handle, sizeof handle);
    crypt_hash_pair(digest, span_of(handle, sizeof handle),
                    span_of(cat->entry[i].token, TOKEN_SIZE));
    setsum_add(&cat->sum, digest);
    sketch_add(cat->sketch, cat->entry[i].handle);
  }
  cat->built = true;
  return 1;
}

static int build_catalogue(struct session *s, struct err *e)
{
  struct catalogue *cat = &s->catalogue;
  for (int i = 0; i < BUILD_STEP; i++) {
    struct session_collection c;
    int rc = s->host.collection(s->host.ud, buf_span(&cat->at), &c, e);
    if (rc == SESSION_SLICE) {
      break;
    }
    if (rc <= 0) {
      return rc < 0 ? rc : finish_catalogue(s, e);
    }
    if ((rc = belongs(s, c.name, e)) < 0) {
      return rc;
    }
    if (rc == ASKED) {
      return 1; /* the same again, with an answer */
    }
    if (rc > 0 && (rc = catalogue_put(s, &c, e)) < 0) {
      return rc;
    }
    buf_clear(&cat->at);
    if (buf_put(&cat->at, c.name.p, c.name.n) < 0) {
      return session_nomem(e);
    }
  }
  s->busy = true;
  return 1;
}

const struct entry_of *catalogue_find(const struct session *s, struct span name)
{
  struct entry_of key;
  const struct catalogue *cat = &s->catalogue;
  if (cat->n == 0) {
    return NULL;
  }
  session_token(s, key.token, name);
  return bsearch(&key, cat->entry, cat->n, sizeof key, compare_entry);
}

int greeting_name_of(struct session *s, const uint8_t token[TOKEN_SIZE],
                     struct buf *name, struct err *e)
{
  struct entry_of key;
  const struct entry_of *en = NULL;
  uint8_t own[TOKEN_SIZE];
  struct span found = {0};
  int rc = 0;
  memcpy(key.token, token, TOKEN_SIZE);
  if (s->catalogue.n > 0) {
    en = bsearch(&key, s->catalogue.entry, s->catalogue.n, sizeof key,
                 compare_entry);
  }
  if (en != NULL) {
    found = catalogue_name(s, en);
  }
  /* One that we follow and have nothing of. */
  for (size_t i = 0; found.n == 0; i++) {
    struct span pattern;
    if ((rc = s->host.wish(s->host.ud, i, &pattern, e)) <= 0) {
      return rc;
    }
    if (!is_prefix(pattern)) {
      session_token(s, own, pattern);
      if (memcmp(own, token, TOKEN_SIZE) == 0) {
        found = pattern;
      }
    }
  }
  buf_clear(name);
  return buf_put(name, found.p, found.n) < 0 ? session_nomem(e) : 1;
}

/* ---- what differs ---- */

static int compare_name(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a >> 32, y = *(const uint64_t *)b >> 32;
  return x < y ? -1 : x > y;
}

/* ${theirs} of the names that we have another state of need no naming. Ours
 * ascend. */
static bool known_name(const uint64_t *ours, size_t n, uint64_t theirs)
{
  return n > 0 && bsearch(&theirs, ours, n, sizeof *ours, compare_name) != NULL;
}

static int add_ours(struct session *s, const uint64_t *ours, size_t n,
                    struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < s->catalogue.n; i++) {
    const struct entry_of *en = &s->catalogue.entry[i];
    if (handles_have(ours, n, en->handle)) {
      rc = topic_add(s, catalogue_name(s, en), e);
    }
  }
  return rc;
}

int greeting_differ(struct session *s, const uint64_t *ours, size_t ours_n,
                    const uint64_t *theirs, size_t theirs_n, struct err *e)
{
  struct buf ask = {0};
  int rc = ours_n > 0 ? add_ours(s, ours, ours_n, e) : 0;
  for (size_t i = 0; rc == 0 && i < theirs_n; i++) {
    uint8_t handle[8];
    if (known_name(ours, ours_n, theirs[i])) {
      continue;
    }
    wire_put(handle, theirs[i], sizeof handle);
    if (buf_put(&ask, handle, sizeof handle) < 0) {
      rc = session_nomem(e);
    } else if (ask.n + sizeof handle > SESSION_CONTROL_MAX) {
      rc = session_put(s, FRAME_NAMES, buf_span(&ask), e);
      s->naming++;
      buf_clear(&ask);
    }
  }
  if (rc == 0 && ask.n > 0) {
    rc = session_put(s, FRAME_NAMES, buf_span(&ask), e);
    s->naming++;
  }
  buf_free(&ask);
  return rc;
}

/* ---- names ---- */

static int flush_named(struct session *s, struct buf *body, bool last,
                       struct err *e)
{
  body->p[0] = last;
  int rc = session_put(s, FRAME_NAMED, buf_span(body), e);
  body->n = 1;
  return rc;
}

/* Responder: name those of its catalogue that the peer follows. */
int greeting_names(struct session *s, struct span body, struct err *e)
{
  struct buf out = {0};
  size_t n = body.n / 8;
  if (body.n % 8 != 0 || s->topic[CATALOGUE].state != TOPIC_ASKED ||
      ++s->naming > NAMES_FRAMES_MAX) {
    return session_breach(e, "names were asked for amiss");
  }
  uint64_t *asked = mem_resize(NULL, n + 1, sizeof *asked);
  if (asked == NULL) {
    return session_nomem(e);
  }
  for (size_t i = 0; i < n; i++) {
    asked[i] = wire_get(body.p + 8 * i, 8);
  }
  handles_sort(asked, n);
  int rc = buf_byte(&out, 0) < 0 ? session_nomem(e) : 0;
  for (size_t i = 0; rc == 0 && i < s->catalogue.n; i++) {
    const struct entry_of *en = &s->catalogue.entry[i];
    struct span name = catalogue_name(s, en);
    if (!handles_have(asked, n, en->handle) || wishes_want(s, name) == 0) {
      continue;
    }
    if (out.n + 1 + name.n > SESSION_CONTROL_MAX) {
      rc = flush_named(s, &out, false, e);
    }
    if (rc == 0 && (buf_byte(&out, (uint8_t)name.n) < 0 ||
                    buf_put(&out, name.p, name.n) < 0)) {
      rc = session_nomem(e);
    }
  }
  if (rc == 0) {
    rc = flush_named(s, &out, true, e);
  }
  mem_free(asked);
  buf_free(&out);
  return rc;
}

int greeting_named(struct session *s, struct span body, struct err *e)
{
  size_t at = 1;
  struct err why;
  if (s->naming == 0 || body.n < 1 || body.p[0] > 1) {
    return session_breach(e, "names that nobody asked for");
  }
  while (at < body.n) {
    struct span name = span_of(body.p + at + 1, body.p[at]);
    at += 1 + name.n;
    if (at > body.n || collection_check(name, &why) < 0) {
      return session_breach(e, "a name is none");
    }
    if (++s->named > SESSION_NAMES_MAX) {
      return err_set(e, ERR_LIMIT, "the peer names more than %u collections",
                     SESSION_NAMES_MAX);
    }
    int rc = session_follows(s, name, e);
    if (rc > 0) { /* others were not asked for, whatever it says */
      rc = topic_add(s, name, e);
    }
    if (rc < 0) {
      return rc;
    }
  }
  s->naming -= body.p[0] == 1;
  return 0;
}

/* ---- the order of things ---- */

bool greeting_done(const struct session *s)
{
  return s->hello_out && s->wish_out && s->wishes.whole && s->catalogue.built;
}

int greeting_work(struct session *s, struct err *e)
{
  int rc;
  /* Who calls says first who it is; no name for whoever only dials. */
  if (!s->hello_out && (s->initiator || s->hello_in)) {
    rc = put_hello(s, e);
    return rc < 0 ? rc : 1;
  }
  if (!s->wish_out && s->hello_in) { /* not before we know to whom */
    rc = put_wishes(s, e);
    return rc < 0 ? rc : 1;
  }
  if (s->wish_out && s->wishes.whole && !s->catalogue.built) {
    return build_catalogue(s, e);
  }
  return 0;
}

void greeting_free(struct session *s)
{
  buf_free(&s->wishes.tokens);
  buf_free(&s->wishes.prefixes);
  buf_free(&s->catalogue.names);
  buf_free(&s->catalogue.at);
  mem_free(s->catalogue.entry);
  mem_free(s->catalogue.sketch);
  memset(&s->catalogue, 0, sizeof s->catalogue);
}
