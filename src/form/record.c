/* SPDX-License-Identifier: 0BSD */
#include "form/record.h"

#include "base/check.h"
#include "base/limits.h"
#include "form/parcel.h"
#include "form/plain.h"

#include <string.h>

/* ---- shapes ---- */

static int refuse(struct err *e, const char *key, const char *why)
{
  return err_set(e, ERR_INVALID, "record: `%s` %s", key, why);
}

static int too_long(struct err *e, const char *key, size_t n, size_t max)
{
  return err_set(e, ERR_LIMIT, "record: `%s` of %zu bytes; at most %zu", key, n,
                 max);
}

/* Take one item of ${kind} from the value ${value} of ${key}. */
static int expect(struct cbor_item *out, struct span value, enum cbor_kind kind,
                  const char *key, struct err *e)
{
  static const char *const names[] = {"an item", "an integer", "bytes",
                                      "text",    "a list",     "a map",
                                      "a link",  "a bool",     "null"};
  struct cbor_reader r = cbor_reader_of(value);
  if (cbor_next(&r, out) != kind) {
    return err_set(e, ERR_INVALID, "record: `%s` is not %s", key, names[kind]);
  }
  return 0;
}

/* Text of 1 .. ${max} bytes. */
static int expect_text(struct span *out, struct span value, size_t max,
                       const char *key, struct err *e)
{
  struct cbor_item item;
  int rc = expect(&item, value, CBOR_TEXT, key, e);
  if (rc < 0) {
    return rc;
  }
  if (item.bytes.n == 0) {
    return refuse(e, key, "is empty");
  }
  if (item.bytes.n > max) {
    return too_long(e, key, item.bytes.n, max);
  }
  *out = item.bytes;
  return 0;
}

static int expect_plain(struct span *out, struct span value, size_t max,
                        const char *key, struct err *e)
{
  int rc = expect_text(out, value, max, key, e);
  if (rc == 0 && !plain_text(*out)) {
    rc = refuse(e, key, "has control or direction characters");
  }
  return rc;
}

/* A language tag by its letters alone: BCP 47's registry grows (F52). */
static int check_lang(struct span s, const char *key, struct err *e)
{
  if (s.n > RECORD_LANG_MAX) {
    return too_long(e, key, s.n, RECORD_LANG_MAX);
  }
  bool ok = s.n > 0;
  for (size_t i = 0; ok && i < s.n; i++) {
    uint8_t c = s.p[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool later = (c >= '0' && c <= '9') || c == '-';
    ok = letter || (later && i > 0);
  }
  return ok ? 0 : refuse(e, key, "holds a malformed language tag");
}

/* Text, or a map lang -> text with one entry at least; each text of at most
 * ${max} bytes. */
static int check_texts(struct span value, size_t max, const char *key,
                       struct err *e)
{
  struct cbor_reader r = cbor_reader_of(value);
  struct cbor_item item;
  enum cbor_kind kind = cbor_next(&r, &item);
  if (kind == CBOR_TEXT) {
    return item.bytes.n <= max ? 0 : too_long(e, key, item.bytes.n, max);
  }
  if (kind != CBOR_MAP || item.count == 0) {
    return refuse(e, key, "is neither text nor a map of texts by language");
  }
  for (size_t left = item.count; left > 0; left--) {
    (void)cbor_next(&r, &item);
    int rc = check_lang(item.bytes, key, e);
    if (rc < 0) {
      return rc;
    }
    if (cbor_next(&r, &item) != CBOR_TEXT) {
      return refuse(e, key, "has a language without text");
    }
    if (item.bytes.n > max) {
      return too_long(e, key, item.bytes.n, max);
    }
  }
  return 0;
}

/* ---- files (F54) ---- */

enum { HAS_DATA = 1, HAS_NAME = 2, HAS_SIZE = 4 };

static int file_data(struct record_file *f, struct span value, struct err *e)
{
  struct cbor_item item;
  int rc = expect(&item, value, CBOR_LINK, "files.data", e);
  if (rc < 0) {
    return rc;
  }
  cbor_item_cid(&f->data, &item);
  if (cid_codec(&f->data) == CID_DAG_CBOR) {
    return refuse(e, "files.data", "is a link to a record, not to a file");
  }
  return 0;
}

static int file_size(struct record_file *f, struct span value, struct err *e)
{
  struct cbor_item item;
  int rc = expect(&item, value, CBOR_INT, "files.size", e);
  if (rc == 0 && item.num < 0) {
    rc = refuse(e, "files.size", "is below 0");
  }
  f->size = item.num;
  return rc;
}

static int file_sha256(struct record_file *f, struct span value, struct err *e)
{
  struct cbor_item item;
  int rc = expect(&item, value, CBOR_BYTES, "files.sha256", e);
  if (rc == 0 && item.bytes.n != 32) {
    rc = refuse(e, "files.sha256", "has not 32 bytes");
  }
  f->sha256 = item.bytes.p;
  return rc;
}

/* One pair of a file's map; marks in ${seen} what is there. */
static int file_pair(struct record_file *f, struct span key, struct span value,
                     unsigned *seen, struct err *e)
{
  if (span_is(key, "data")) {
    *seen |= HAS_DATA;
    return file_data(f, value, e);
  }
  if (span_is(key, "name")) {
    *seen |= HAS_NAME;
    return expect_text(&f->name, value, RECORD_NAME_MAX, "files.name", e);
  }
  if (span_is(key, "size")) {
    *seen |= HAS_SIZE;
    return file_size(f, value, e);
  }
  if (span_is(key, "type")) {
    return expect_plain(&f->type, value, RECORD_NAME_MAX, "files.type", e);
  }
  return span_is(key, "sha256") ? file_sha256(f, value, e) : 0;
}

/* Take one file's map from ${r}. */
static int take_file(struct record_file *out, struct cbor_reader *r,
                     struct err *e)
{
  struct cbor_item item;
  unsigned seen = 0;
  memset(out, 0, sizeof *out);
  if (cbor_next(r, &item) != CBOR_MAP) {
    return refuse(e, "files", "has an entry that is no map");
  }
  for (size_t left = item.count; left > 0; left--) {
    (void)cbor_next(r, &item);
    int rc = file_pair(out, item.bytes, cbor_skip(r), &seen, e);
    if (rc < 0) {
      return rc;
    }
  }
  if (seen != (HAS_DATA | HAS_NAME | HAS_SIZE)) {
    return refuse(e, "files", "has an entry without data, name or size");
  }
  return 0;
}

/* ---- the reserved keys (F51, F57) ---- */

static int read_key(struct record *out, struct span value, struct err *e)
{
  return expect_text(&out->key, value, RECORD_KEY_MAX, "key", e);
}

static int read_lang(struct record *out, struct span value, struct err *e)
{
  int rc = expect_text(&out->lang, value, RECORD_LANG_MAX, "lang", e);
  return rc < 0 ? rc : check_lang(out->lang, "lang", e);
}

static int read_tags(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  struct span tag;
  int rc = expect(&item, value, CBOR_LIST, "tags", e);
  if (rc < 0) {
    return rc;
  }
  if (item.count > RECORD_TAGS_MAX) {
    return err_set(e, ERR_LIMIT, "record: %zu `tags`; at most %d", item.count,
                   RECORD_TAGS_MAX);
  }
  struct cbor_reader r = cbor_reader_of(value);
  (void)cbor_next(&r, &item);
  for (size_t left = item.count; rc == 0 && left > 0; left--) {
    rc = expect_plain(&tag, cbor_skip(&r), RECORD_TAG_MAX, "tags", e);
  }
  out->tags = value;
  return rc;
}

static int read_text(struct record *out, struct span value, struct err *e)
{
  out->text = value;
  return check_texts(value, RECORD_SIZE_MAX, "text", e);
}

static int read_title(struct record *out, struct span value, struct err *e)
{
  out->title = value;
  return check_texts(value, RECORD_TITLE_MAX, "title", e);
}

static int read_type(struct record *out, struct span value, struct err *e)
{
  int rc = expect_plain(&out->type, value, RECORD_TYPE_MAX, "type", e);
  if (rc == 0 && span_is(out->type, "withdraw")) {
    out->kind = RECORD_WITHDRAW;
  } else if (rc == 0 && span_is(out->type, "label")) {
    out->kind = RECORD_LABEL;
  }
  return rc;
}

static int read_about(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  int rc = expect(&item, value, CBOR_LINK, "about", e);
  if (rc < 0) {
    return rc;
  }
  cbor_item_cid(&out->about, &item);
  if (cid_codec(&out->about) != CID_DAG_CBOR) {
    return refuse(e, "about", "is no link to a record");
  }
  out->has_about = true;
  return 0;
}

static int read_files(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  struct record_file file;
  int rc = expect(&item, value, CBOR_LIST, "files", e);
  if (rc < 0) {
    return rc;
  }
  if (item.count > RECORD_FILES_MAX) {
    return err_set(e, ERR_LIMIT, "record: %zu `files`; at most %d", item.count,
                   RECORD_FILES_MAX);
  }
  struct cbor_reader r = cbor_reader_of(value);
  (void)cbor_next(&r, &item);
  for (size_t left = item.count; rc == 0 && left > 0; left--) {
    rc = take_file(&file, &r, e);
  }
  out->files = value;
  return rc;
}

static int read_value(struct record *out, struct span value, struct err *e)
{
  return expect_plain(&out->value, value, RECORD_LABEL_MAX, "value", e);
}

static int read_reason(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  int rc = expect(&item, value, CBOR_TEXT, "reason", e);
  (void)out; /* shown to people, not acted upon */
  if (rc == 0 && item.bytes.n > RECORD_REASON_MAX) {
    rc = too_long(e, "reason", item.bytes.n, RECORD_REASON_MAX);
  }
  return rc;
}

static int read_source(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  (void)out;
  return expect(&item, value, CBOR_TEXT, "source", e);
}

static int read_created(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  (void)out;
  return expect(&item, value, CBOR_TEXT, "created", e);
}

static int read_expires(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  int rc = expect(&item, value, CBOR_INT, "expires", e);
  if (rc == 0 && item.num <= 0) {
    rc = refuse(e, "expires", "is not after 1970"); /* 0 means: never */
  }
  out->expires = item.num;
  return rc;
}

static int read_license(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  (void)out;
  return expect(&item, value, CBOR_TEXT, "license", e);
}

static int read_negated(struct record *out, struct span value, struct err *e)
{
  struct cbor_item item;
  int rc = expect(&item, value, CBOR_BOOL, "negated", e);
  out->negated = item.num == 1;
  return rc;
}

/* In canonical order, as the keys of a record come: so one pass over both
 * finds them, and `type` is known before all that depends on it. */
static const struct field {
  const char *name;
  int (*read)(struct record *out, struct span value, struct err *e);
  enum record_kind only; /* reserved in this kind; RECORD_PLAIN: in all */
} fields[] = {
    {"key", read_key, RECORD_PLAIN},
    {"lang", read_lang, RECORD_PLAIN},
    {"tags", read_tags, RECORD_PLAIN},
    {"text", read_text, RECORD_PLAIN},
    {"type", read_type, RECORD_PLAIN},
    {"about", read_about, RECORD_PLAIN},
    {"files", read_files, RECORD_PLAIN},
    {"title", read_title, RECORD_PLAIN},
    {"value", read_value, RECORD_LABEL},
    {"reason", read_reason, RECORD_WITHDRAW},
    {"source", read_source, RECORD_PLAIN},
    {"created", read_created, RECORD_PLAIN},
    {"expires", read_expires, RECORD_LABEL},
    {"license", read_license, RECORD_PLAIN},
    {"negated", read_negated, RECORD_LABEL},
};

#define FIELDS (sizeof fields / sizeof fields[0])

/* Walk the record's pairs beside the table. */
static int read_pairs(struct record *out, struct cbor_reader *r, size_t pairs,
                      struct err *e)
{
  size_t at = 0; /* fields before it are behind us */
  for (; pairs > 0; pairs--) {
    struct cbor_item item;
    (void)cbor_next(r, &item);
    struct span value = cbor_skip(r);
    int order = 1;
    while (at < FIELDS &&
           (order = cbor_key_compare(
                span_of(fields[at].name, strlen(fields[at].name)),
                item.bytes)) < 0) {
      at++;
    }
    if (at == FIELDS || order != 0) {
      continue; /* the application's own */
    }
    if (fields[at].only != RECORD_PLAIN && fields[at].only != out->kind) {
      continue;
    }
    int rc = fields[at].read(out, value, e);
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

/* What must be there (F51, F57). */
static int check_whole(const struct record *r, struct err *e)
{
  if (r->type.n == 0) {
    return refuse(e, "type", "is missing");
  }
  if (r->kind != RECORD_PLAIN && !r->has_about) {
    return refuse(e, "about", "is missing");
  }
  if (r->kind == RECORD_LABEL && r->value.n == 0) {
    return refuse(e, "value", "is missing");
  }
  return 0;
}

int record_read(struct record *out, struct span block, struct err *e)
{
  struct record rec = {0};
  struct cbor_item item;
  if (block.n > RECORD_SIZE_MAX) {
    return err_set(e, ERR_LIMIT, "record of %zu bytes; at most %u", block.n,
                   RECORD_SIZE_MAX);
  }
  int rc = cbor_check(block.p, block.n, e);
  if (rc < 0) {
    return rc;
  }
  if (parcel_looks(block)) {
    return err_set(e, ERR_INVALID, "record: this is a parcel"); /* F31 */
  }
  struct cbor_reader r = cbor_reader_of(block);
  if (cbor_next(&r, &item) != CBOR_MAP) {
    return err_set(e, ERR_INVALID, "record: not a map");
  }
  if (item.count > RECORD_KEYS_MAX) {
    return err_set(e, ERR_LIMIT, "record of %zu keys; at most %d", item.count,
                   RECORD_KEYS_MAX);
  }
  if ((rc = read_pairs(&rec, &r, item.count, e)) < 0 ||
      (rc = check_whole(&rec, e)) < 0) {
    return rc;
  }
  rec.bytes = block;
  rec.corrects = rec.has_about && span_is(rec.type, "correction");
  *out = rec;
  return 0;
}

/* ---- walks ---- */

bool record_text_next(struct record_texts *it, struct span value,
                      struct span *lang, struct span *text)
{
  struct cbor_item item;
  *lang = span_of(NULL, 0);
  if (!it->started) {
    it->started = true;
    it->left = 0;
    it->r = cbor_reader_of(value);
    enum cbor_kind kind = cbor_next(&it->r, &item);
    if (kind == CBOR_TEXT) {
      *text = item.bytes;
      return true;
    }
    it->left = kind == CBOR_MAP ? item.count : 0;
  }
  if (it->left == 0) {
    return false;
  }
  it->left--;
  (void)cbor_next(&it->r, &item);
  *lang = item.bytes;
  CHECK(cbor_next(&it->r, &item) == CBOR_TEXT);
  *text = item.bytes;
  return true;
}

bool record_file_next(struct record_files *it, struct span files,
                      struct record_file *out)
{
  struct cbor_item item;
  if (!it->started) {
    it->started = true;
    it->r = cbor_reader_of(files);
    it->left = cbor_next(&it->r, &item) == CBOR_LIST ? item.count : 0;
  }
  if (it->left == 0) {
    return false;
  }
  it->left--;
  /* record_read took the same steps over the same bytes. */
  CHECK(take_file(out, &it->r, NULL) == 0);
  return true;
}
