/* SPDX-License-Identifier: 0BSD */
/* The session's outside: bytes in, bytes out, and who may say what when. */
#include "base/check.h"
#include "base/mem.h"
#include "form/zpack.h"
#include "sync/session_int.h"

#include <string.h>

int session_nomem(struct err *e)
{
  return err_set(e, ERR_NOMEM, "not enough memory");
}

int session_breach(struct err *e, const char *what)
{
  return err_set(e, ERR_INVALID, "the peer broke the protocol: %s", what);
}

int session_put(struct session *s, enum frame_type t, struct span body,
                struct err *e)
{
  return channel_put(&s->channel, (uint8_t)t, body, e);
}

int session_ask(struct session *s, enum session_question q, struct span name)
{
  s->asks = q;
  s->asks_about = name;
  s->asks_for = NULL;
  return SESSION_ASK;
}

int session_entry_put(struct buf *out, enum session_entry kind, struct span a,
                      struct span b)
{
  uint8_t head[4] = {(uint8_t)kind};
  wire_put(head + 1, a.n + b.n, 3);
  if (buf_reserve(out, sizeof head + a.n + b.n) < 0 ||
      buf_put(out, head, sizeof head) < 0 || buf_put(out, a.p, a.n) < 0 ||
      buf_put(out, b.p, b.n) < 0) {
    return ERR_NOMEM;
  }
  return 0;
}

/* ---- life ---- */

int session_new(struct session **out, const struct session_host *host,
                const struct session_options *opt, struct err *e)
{
  struct session *s = mem_zero(sizeof *s);
  if (s == NULL) {
    return session_nomem(e);
  }
  s->host = *host;
  s->initiator = opt->initiator;
  s->quiet = opt->quiet;
  s->level = opt->level;
  s->id = opt->id;
  s->credit = SESSION_CREDIT;
  s->topic = mem_zero((SESSION_TOPICS_MAX + 1) * sizeof *s->topic);
  s->zpack = opt->zpack != NULL ? opt->zpack : zpack_new();
  s->own_zpack = opt->zpack == NULL;
  if (s->topic == NULL || s->zpack == NULL ||
      channel_start(&s->channel, opt->initiator, opt->secret, opt->once, e) <
          0) {
    session_del(s);
    return session_nomem(e);
  }
  *out = s;
  return 0;
}

static void free_all(struct session *s)
{
  for (size_t i = 0; s->topic != NULL && i <= s->topics; i++) {
    topic_free(s, &s->topic[i]);
  }
  greeting_free(s);
  mem_free(s->scratch);
  buf_free(&s->todo);
  buf_free(&s->raw);
  buf_free(&s->made);
  mem_free(s->peel);
  mem_free(s->topic);
  if (s->own_zpack) {
    zpack_del(s->zpack);
  }
  s->entries = span_of(NULL, 0);
  s->peel = NULL;
  s->scratch = NULL;
  s->topic = NULL;
  s->topics = 0;
  s->zpack = NULL;
}

void session_del(struct session *s)
{
  if (s == NULL) {
    return;
  }
  free_all(s);
  channel_end(&s->channel);
  crypt_wipe(s, sizeof *s);
  mem_free(s);
}

/* It is over, one way or the other: nothing is kept but what it says. What
 * has come and waits is stored in any case; where that fails, so does it. */
static int end_with(struct session *s, int rc, struct err *e)
{
  struct err why = *e;
  struct err flushing;
  int flushed = s->host.flush(s->host.ud, &flushing);
  if (rc == 0 && flushed < 0) {
    rc = flushed;
    why = flushing;
  }
  s->state = rc == 0 ? SESSION_DONE : SESSION_FAILED;
  if (rc < 0) {
    s->error = why;
    s->error.code = rc;
    *e = s->error;
  }
  s->asks = SESSION_ASKS_NOTHING;
  s->busy = false;
  free_all(s);
  return rc;
}

static int ended(const struct session *s, struct err *e)
{
  if (s->state == SESSION_FAILED) {
    *e = s->error;
    return s->error.code;
  }
  return 0;
}

/* ---- frames in ---- */

/* Who may send it? */
static bool may_send(bool initiator, uint8_t type)
{
  switch ((enum frame_type)type) {
  case FRAME_OPEN:
  case FRAME_MORE:
  case FRAME_NAMES:
  case FRAME_SETTLED:
    return initiator;
  case FRAME_SAME:
  case FRAME_REFUSE:
  case FRAME_PART:
  case FRAME_TELL:
  case FRAME_MANY:
  case FRAME_NAMED:
    return !initiator;
  case FRAME_HELLO:
  case FRAME_WISH:
  case FRAME_LIST:
  case FRAME_LACK:
  case FRAME_BLOCKS:
  case FRAME_SENT:
  case FRAME_CREDIT:
  case FRAME_GET:
  case FRAME_FINISHED:
  case FRAME_FULL:
    return true;
  }
  return false;
}

static int take_greeting(struct session *s, const struct frame *f,
                         struct err *e)
{
  if (f->type == FRAME_HELLO) {
    return s->hello_in ? session_breach(e, "a second hello")
                       : greeting_hello(s, f->body, e);
  }
  if (!s->hello_in) {
    return session_breach(e, "no hello came first");
  }
  if (f->type == FRAME_WISH) {
    return s->wishes.whole ? session_breach(e, "wishes after the last")
                           : greeting_wish(s, f->body, e);
  }
  return session_breach(e, "the wishes are not whole");
}

static int take_frame(struct session *s, const struct frame *f, struct err *e)
{
  if (!may_send(!s->initiator, f->type)) {
    return err_set(e, ERR_INVALID,
                   "the peer broke the protocol: frame %u is not its to send",
                   f->type);
  }
  if (f->type != FRAME_BLOCKS && f->body.n > SESSION_CONTROL_MAX) {
    return err_set(e, ERR_LIMIT, "a frame %u of %zu bytes", f->type, f->body.n);
  }
  if (!s->wishes.whole || f->type <= FRAME_WISH) {
    return take_greeting(s, f, e);
  }
  if (s->finished_in && f->type != FRAME_BLOCKS && f->type != FRAME_CREDIT) {
    return session_breach(e, "it had finished");
  }
  /* What ended the round may have come with what begins the next. */
  int rc = exchange_end_round(s, e);
  if (rc < 0) {
    return rc;
  }
  switch ((int)f->type) {
  case FRAME_NAMES:
    return greeting_names(s, f->body, e);
  case FRAME_NAMED:
    return greeting_named(s, f->body, e);
  case FRAME_OPEN:
  case FRAME_SAME:
  case FRAME_REFUSE:
  case FRAME_PART:
  case FRAME_MORE:
  case FRAME_LIST:
  case FRAME_TELL:
  case FRAME_MANY:
  case FRAME_LACK:
    return topic_frame(s, f, e);
  default:
    return exchange_frame(s, f, e);
  }
}

/* Both have finished and nothing is left to say. */
static bool is_over(const struct session *s)
{
  return s->finished_in && s->finished_out && s->entries.n == 0 &&
         s->wanted_at == s->wanted_n && !channel_pending(&s->channel);
}

/* A fault of ours, or the peer's: the session is over with it. */
static int conclude(struct session *s, int rc, struct err *e)
{
  if (rc < 0) {
    return end_with(s, rc, e);
  }
  if (rc == 0 && s->asks == SESSION_ASKS_NOTHING && is_over(s)) {
    return end_with(s, 0, e);
  }
  return rc;
}

int session_feed(struct session *s, struct span bytes, size_t *taken,
                 struct err *e)
{
  int rc = ended(s, e);
  *taken = 0;
  if (rc < 0) {
    return rc;
  }
  while (s->state < SESSION_DONE) {
    struct frame f;
    size_t n;
    if (s->asks != SESSION_ASKS_NOTHING) {
      return SESSION_ASK;
    }
    if ((s->entries.n > 0 || s->entries_asked) &&
        (rc = exchange_take(s, e)) != 0) {
      return conclude(s, rc, e);
    }
    rc = channel_feed(&s->channel, span_of(bytes.p + *taken, bytes.n - *taken),
                      &n, &f, e);
    *taken += n;
    s->bytes_in += n;
    if (rc > 0) {
      rc = take_frame(s, &f, e);
      if (rc < 0) {
        return end_with(s, rc, e);
      }
    } else {
      return conclude(s, rc, e);
    }
  }
  /* What comes after the end is none of ours. */
  return *taken == bytes.n
             ? 0
             : err_set(e, ERR_INVALID, "the peer spoke after the end");
}

/* ---- bytes out ---- */

static int work(struct session *s, struct err *e)
{
  int rc = 0;
  s->busy = false;
  if (!channel_ready(&s->channel) || s->asks != SESSION_ASKS_NOTHING) {
    return 0;
  }
  if (s->state == SESSION_HANDSHAKE) {
    s->state = SESSION_GREETING;
  }
  if ((rc = greeting_work(s, e)) != 0 || !greeting_done(s)) {
    return rc;
  }
  s->state = SESSION_SYNCING;
  if ((rc = topic_work(s, e)) != 0) {
    return rc;
  }
  return exchange_work(s, e);
}

int session_pull(struct session *s, struct buf *out, size_t max, struct err *e)
{
  size_t was = out->n;
  int rc = ended(s, e);
  if (rc < 0) {
    return rc;
  }
  while (s->state < SESSION_DONE && out->n - was < max) {
    rc = channel_pull(&s->channel, out, max - (out->n - was), e);
    if (rc < 0) {
      return end_with(s, rc, e);
    }
    s->bytes_out += (uint64_t)rc;
    if (rc > 0) {
      continue;
    }
    if ((rc = conclude(s, work(s, e), e)) < 0) {
      return rc;
    }
    if (rc == 0 || s->busy || s->asks != SESSION_ASKS_NOTHING) {
      break;
    }
  }
  return (int)(out->n - was);
}

bool session_busy(const struct session *s)
{
  return s->state < SESSION_DONE && s->busy;
}

/* ---- questions ---- */

enum session_question session_asked(const struct session *s,
                                    struct span *collection)
{
  *collection = s->asks_about;
  return s->asks;
}

int session_answer(struct session *s, int64_t value, struct err *e)
{
  enum session_question asked = s->asks;
  int rc = 0;
  if (asked == SESSION_ASKS_NOTHING) {
    return err_set(e, ERR_MISUSE, "the session asks nothing");
  }
  s->asks = SESSION_ASKS_NOTHING;
  if (asked == SESSION_ASKS_ADMIT) {
    rc = s->host.answer(s->host.ud, value, e);
  } else if (s->asks_for != NULL) {
    topic_answer(s->asks_for, asked, value);
  } else {
    s->answer = value;
    s->answered = true;
  }
  return rc < 0 ? end_with(s, rc, e) : 0;
}

int session_eof(struct session *s, struct err *e)
{
  int rc = ended(s, e);
  if (rc < 0 || s->state == SESSION_DONE) {
    return rc;
  }
  if (s->asks == SESSION_ASKS_NOTHING && is_over(s)) {
    return end_with(s, 0, e);
  }
  rc = err_set(e, ERR_CLOSED,
               "the connection ended before both were through; what has come "
               "is kept, the next session goes on from there");
  return end_with(s, rc, e);
}

void session_status(const struct session *s, struct session_status *out)
{
  memset(out, 0, sizeof *out);
  out->state = s->state;
  out->peer = s->hello_in ? s->peer : NULL;
  out->bytes_in = s->bytes_in;
  out->bytes_out = s->bytes_out;
  out->in = s->in;
  out->out = s->out;
  out->parcels_due = s->parcels_due;
  out->blocks_due = s->blocks_due;
  out->blocks_gone = s->blocks_gone;
  out->peer_full = s->peer_full;
  out->collections = s->collections;
  out->fallbacks = s->fallbacks;
  out->error = s->error;
}
