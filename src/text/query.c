/* SPDX-License-Identifier: 0BSD */
#include "text/query.h"

#include "base/utf8.h"

#include <string.h>

#define DAY_S 86400

static bool is_space(uint32_t cp)
{
  return cp <= ' ' || cp == 0xa0 || cp == 0x3000 ||
         (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
         cp == 0x202f;
}

/* Marks of direction, which a right-to-left field puts before what is typed
 * or pasted there. */
static bool is_direction(uint32_t cp)
{
  return cp == 0x200e || cp == 0x200f || cp == 0x061c ||
         (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
         cp == 0xfeff;
}

/* The quote that closes a phrase which ${cp} opens; 0: it opens none. */
static uint32_t closing(uint32_t cp)
{
  switch (cp) {
  case '"':
    return '"';
  case 0x201c: /* as in English; and where people mean it the other way */
  case 0x201d:
  case 0x201e:
    return 0x201d;
  case 0xab:
    return 0xbb;
  case 0xbb:
    return 0xab;
  default:
    return 0;
  }
}

static bool closes(uint32_t cp, uint32_t close)
{
  return cp == close || (close == 0x201d && cp == 0x201c);
}

/* ---- reading on ---- */

struct reader {
  struct span text;
  size_t at;
  /* No quote of this kind is left, looked for once: else a text of opening
   * quotes would be searched to its end for each of them. */
  bool none_plain, none_curly, none_left, none_right;
};

static uint32_t peek(const struct reader *r, size_t at, size_t *len)
{
  *len = 0;
  return at < r->text.n ? utf8_next(r->text.p + at, r->text.n - at, len)
                        : ' '; /* the end parts as a space does */
}

static void skip_blank(struct reader *r)
{
  size_t len;
  while (r->at < r->text.n) {
    uint32_t cp = peek(r, r->at, &len);
    if (!is_space(cp) && !is_direction(cp)) {
      return;
    }
    r->at += len;
  }
}

static bool *none_of(struct reader *r, uint32_t close)
{
  return close == '"'      ? &r->none_plain
         : close == 0x201d ? &r->none_curly
         : close == 0xbb   ? &r->none_right
                           : &r->none_left;
}

/* A phrase that opens at r->at: its inside, or false, and nothing read. */
static bool read_quoted(struct reader *r, struct span *inside)
{
  size_t len, from;
  uint32_t close = closing(peek(r, r->at, &len));
  if (close == 0 || *none_of(r, close)) {
    return false;
  }
  from = r->at + len;
  for (size_t at = from; at < r->text.n; at += len) {
    if (closes(peek(r, at, &len), close)) {
      *inside = span_of(r->text.p + from, at - from);
      r->at = at + len;
      return true;
    }
  }
  *none_of(r, close) = true;
  return false;
}

/* Up to the next space. */
static struct span read_chunk(struct reader *r)
{
  size_t from = r->at, len;
  while (r->at < r->text.n && !is_space(peek(r, r->at, &len))) {
    r->at += len;
  }
  return span_of(r->text.p + from, r->at - from);
}

/* ---- dates ---- */

/* A digit, Arabic and Persian ones too, or -1. */
static int digit(uint32_t cp)
{
  static const uint32_t zero[] = {'0', 0x0660, 0x06f0};
  for (size_t i = 0; i < 3; i++) {
    if (cp >= zero[i] && cp <= zero[i] + 9) {
      return (int)(cp - zero[i]);
    }
  }
  return -1;
}

static int month_days(int year, int month)
{
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[month - 1] + (month == 2 && leap);
}

static int64_t seconds_of(int year, int month, int day)
{
  int64_t days = day - 1;
  for (int y = 1970; y < year; y++) {
    days += 337 + month_days(y, 2);
  }
  for (int m = 1; m < month; m++) {
    days += month_days(year, m);
  }
  return days * DAY_S;
}

/* YYYY, YYYY-MM or YYYY-MM-DD, parted by - or / or . */
static bool read_date(struct span s, int64_t *time)
{
  int part[3] = {0, 1, 1}, digits[3] = {0, 0, 0};
  size_t n = 0, len;
  for (size_t i = 0; i < s.n; i += len) {
    uint32_t cp = utf8_next(s.p + i, s.n - i, &len);
    int d = digit(cp);
    if (d >= 0 && digits[n] < 4) {
      part[n] = (digits[n]++ == 0 ? 0 : part[n]) * 10 + d;
    } else if ((cp == '-' || cp == '/' || cp == '.') && digits[n] > 0 &&
               n < 2) {
      n++;
    } else {
      return false;
    }
  }
  if (digits[0] != 4 || digits[n] == 0 || digits[1] > 2 || digits[2] > 2 ||
      part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
      part[2] > month_days(part[0], part[1])) {
    return false;
  }
  *time = seconds_of(part[0], part[1], part[2]);
  return true;
}

/* ---- parts ---- */

/* Does ${s} begin with the name of a field and a colon? */
static bool read_field(struct span s, enum query_field *field, size_t *len)
{
  static const char *const name[] = {"lang",   "type",  "author", "collection",
                                     "before", "after", "has"};
  for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
    size_t n = strlen(name[i]);
    if (s.n > n && s.p[n] == ':' && memcmp(s.p, name[i], n) == 0) {
      *field = (enum query_field)i;
      *len = n + 1;
      return true;
    }
  }
  return false;
}

static bool value_holds(struct query_part *p)
{
  switch (p->field) {
  case QUERY_BEFORE:
  case QUERY_AFTER:
    return read_date(p->text, &p->time);
  case QUERY_HAS:
    return span_is(p->text, "file");
  case QUERY_LANG:
  case QUERY_TYPE:
  case QUERY_AUTHOR:
  case QUERY_COLLECTION:
    break;
  }
  return p->text.n > 0;
}

/* field:value at r->at, or false, and nothing read. */
static bool read_field_part(struct reader *r, struct query_part *p)
{
  size_t from = r->at, len;
  struct span rest = span_of(r->text.p + from, r->text.n - from);
  if (!read_field(rest, &p->field, &len)) {
    return false;
  }
  p->kind = QUERY_FIELD;
  r->at += len;
  /* No date is in quotes: a part that was found stays read, or a text of
   * quotes would be searched again for each of them. */
  bool plain = p->field >= QUERY_BEFORE;
  if (plain || !read_quoted(r, &p->text)) {
    p->text = read_chunk(r);
  }
  if (!value_holds(p)) {
    r->at = from;
    return false;
  }
  return true;
}

static bool blank(struct span s)
{
  size_t len;
  for (size_t i = 0; i < s.n; i += len) {
    uint32_t cp = utf8_next(s.p + i, s.n - i, &len);
    if (!is_space(cp) && !is_direction(cp)) {
      return false;
    }
  }
  return true;
}

/* The part at r->at, which is no space. False when there is nothing in it. */
static bool read_part(struct reader *r, struct query_part *p)
{
  size_t len;
  memset(p, 0, sizeof *p);
  uint32_t cp = peek(r, r->at, &len);
  if (cp == '-' || cp == 0x2212) {
    size_t next;
    uint32_t after = peek(r, r->at + len, &next);
    if (!is_space(after) && after != '-') {
      p->negated = true;
      r->at += len;
    }
  }
  if (read_quoted(r, &p->text)) {
    p->kind = QUERY_PHRASE;
  } else if (!read_field_part(r, p)) {
    p->kind = QUERY_WORDS;
    p->text = read_chunk(r);
  }
  return !blank(p->text);
}

/* Words that follow one another are one part: they may stand beside one
 * another in a document as well. */
static bool joins(const struct query *q, const struct query_part *p,
                  bool sealed)
{
  if (q->parts == 0 || sealed || p->kind != QUERY_WORDS || p->negated) {
    return false;
  }
  const struct query_part *last = &q->part[q->parts - 1];
  return last->kind == QUERY_WORDS && !last->negated;
}

/* "OR": the next part is an alternative to the last one, of which only the
 * last word counts. False when there is none that could have one. */
static bool read_or(struct query *q, struct span last_chunk)
{
  struct query_part *last = q->parts > 0 ? &q->part[q->parts - 1] : NULL;
  if (last == NULL || last->negated) {
    return false;
  }
  if (last->kind == QUERY_WORDS && last->text.p != last_chunk.p) {
    if (q->parts == QUERY_PARTS_MAX) {
      return false;
    }
    struct query_part alone = *last;
    last->text.n = (size_t)(last_chunk.p - last->text.p);
    alone.text = last_chunk;
    alone.alternative = false;
    q->part[q->parts++] = alone;
  }
  return true;
}

void query_read(struct query *out, struct span text)
{
  struct reader r = {.text = text};
  struct span chunk = {0}; /* the last word of the last part */
  bool either = false, sealed = false;
  out->parts = 0;
  for (skip_blank(&r); r.at < text.n; skip_blank(&r)) {
    struct query_part p;
    if (!read_part(&r, &p)) {
      continue;
    }
    if (!either && p.kind == QUERY_WORDS && !p.negated &&
        span_is(p.text, "OR") && read_or(out, chunk)) {
      either = true;
      continue;
    }
    if (!either && joins(out, &p, sealed)) {
      struct span *last = &out->part[out->parts - 1].text;
      last->n = (size_t)(p.text.p + p.text.n - last->p);
    } else if (out->parts < QUERY_PARTS_MAX) {
      p.alternative = either && !p.negated;
      out->part[out->parts++] = p;
    } else {
      return;
    }
    chunk = p.text;
    sealed = either;
    either = false;
  }
}
