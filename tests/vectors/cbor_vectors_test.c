/* SPDX-License-Identifier: 0BSD */
/* Public samples of CBOR, most of them of wider forms than ours. For each
 * group stands here why we refuse what we refuse: a sample that is taken, or
 * that is refused for another reason, fails. */
#include "form/cbor.h"

#include "cbor_copy.h"
#include "json.h"
#include "sweep.h"

#include <dirent.h>

static int verdict(struct span s)
{
  struct buf again = {0};
  int rc = cbor_check(s.p, s.n, NULL);
  if (rc == 0) {
    EXPECT_INT(cbor_copy(&again, s), 0);
    EXPECT(span_equal(s, buf_span(&again)));
  }
  buf_free(&again);
  return rc;
}

/* The reason of a refusal, or "" for what is taken. */
static const char *reason(struct err *e, struct span s)
{
  memset(e, 0, sizeof *e);
  (void)!sweep_one(s, verdict);
  (void)!cbor_check(s.p, s.n, e);
  return e->text;
}

static bool starts(const char *text, const char *head)
{
  return strncmp(text, head, strlen(head)) == 0;
}

/* Why a fixture of dag-cbor is not ours, by its folder's name. NULL: it is. */
static const char *fixture_reason(const char *name)
{
  static const struct {
    const char *head, *why;
  } table[] = {
      {"float--", "float"},
      {"float-0", "float"},
      {"float-1", "float"},
      {"float-8", "float"},
      /* 64-bit integers that JavaScript can't hold. */
      {"int-11959030306112471731", "integer beyond"},
      {"int-18446744073709551615", "integer beyond"},
      {"int-9223372036854775807", "integer beyond"},
      {"int--11959030306112471732", "integer beyond"},
      {"int--9223372036854775808", "integer beyond"},
      {"int--9007199254740992", "integer beyond"},
      {"int--9007199254740993", "integer beyond"},
      /* Version 0, identity, other hashes, other codecs, short digests. */
      {"cid-Qm", "link"},
      {"cid-arrayof", "link"},
      {"cid-mapof", "link"},
      {"cid-bafkqabiaaebagba", "link"},
      {"cid-bagcqcera", "link"},
      {"cid-bagy", "link"},
      {"cid-bahaa", "link"},
      {"cid-z8mWaJ1dZ9fH5EetPuRsj8jj26pXsgpsr", "link"},
      {"dagpb_1", "link"},
      {"dagpb_2", "link"},
      {"dagpb_4", "link"},
      {"dagpb_7", "link"},
      {"dagpb_Links_Hash_some", "link"},
      {"dagpb_simple_forms_2", "link"},
      {"dagpb_simple_forms_3", "link"},
      {"dagpb_simple_forms_4", "link"},
      /* Random values; the first item that is not ours. */
      {"garbage-00", "link"},
      {"garbage-01", "link"},
      {"garbage-02", "link"},
      {"garbage-05", "link"},
      {"garbage-06", "link"},
      {"garbage-14", "link"},
      {"garbage-16", "link"},
      {"garbage-17", "link"},
      {"garbage-18", "link"},
      {"garbage-03", "float"},
      {"garbage-07", "float"},
      {"garbage-09", "float"},
      {"garbage-11", "float"},
      {"garbage-15", "float"},
      {"garbage-19", "float"},
      {"garbage-20", "float"},
      {"garbage-22", "float"},
      {"garbage-24", "float"},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    if (starts(name, table[i].head)) {
      return table[i].why;
    }
  }
  return NULL;
}

static int fixtures_taken, fixtures_refused;

static void check_fixture(const char *folder, const char *file)
{
  struct buf b = {0};
  struct err e;
  char path[1024];
  NEED(snprintf(path, sizeof path, "dag-cbor/codec-fixtures/fixtures/%s/%s",
                folder, file) < (int)sizeof path);
  NEED(vector_load(&b, path));
  const char *why = reason(&e, buf_span(&b));
  const char *want = fixture_reason(folder);
  bool right = want == NULL ? why[0] == '\0' : starts(why, want);
  if (!right) {
    printf("  %s: \"%s\"\n", folder, why);
  }
  EXPECT(right);
  /* The file's name is its CID. */
  struct cid c;
  EXPECT_INT(cid_parse(&c, file, CID_TEXT_SIZE, NULL), 0);
  EXPECT_INT(cid_verify(&c, b.p, b.n), 0);
  fixtures_taken += why[0] == '\0';
  fixtures_refused += why[0] != '\0';
  buf_free(&b);
}

static void check_folder(const char *root, const char *folder)
{
  char path[4096];
  NEED(snprintf(path, sizeof path, "%s/%s", root, folder) < (int)sizeof path);
  DIR *d = opendir(path);
  NEED(d != NULL);
  for (struct dirent *f = readdir(d); f != NULL; f = readdir(d)) {
    const char *end = strrchr(f->d_name, '.');
    if (end != NULL && strcmp(end, ".dag-cbor") == 0) {
      check_fixture(folder, f->d_name);
    }
  }
  closedir(d);
}

static void test_fixtures(void)
{
  char root[2048];
  const char *vectors = getenv("VECTORS");
  NEED(snprintf(root, sizeof root, "%s/dag-cbor/codec-fixtures/fixtures",
                vectors == NULL ? "" : vectors) < (int)sizeof root);
  DIR *d = vectors == NULL ? NULL : opendir(root);
  if (d == NULL) {
    unit_skip(128, "no vectors");
    return;
  }
  for (struct dirent *f = readdir(d); f != NULL; f = readdir(d)) {
    if (f->d_name[0] != '.') {
      check_folder(root, f->d_name);
    }
  }
  closedir(d);
  EXPECT_INT(fixtures_taken, 66);
  EXPECT_INT(fixtures_refused, 62);
}

/* ---- the hostile samples of our own ---- */

static bool own_taken(const struct json *j, size_t name)
{
  return json_is(j, name, "nested arrays depth 32") ||
         json_is(j, name, "text with NUL");
}

static void test_own(void)
{
  struct json j;
  if (!json_load(&j, "own-hostile/cbor/own-malformed.json")) {
    unit_skip(49, "no vectors");
    json_free(&j);
    return;
  }
  int count = 0;
  for (size_t i = 1; i < json_end(&j, 0); i = json_end(&j, i)) {
    struct buf b = json_hex(&j, i, "hex");
    size_t name = json_get(&j, i, "name");
    bool taken = sweep_one(buf_span(&b), verdict) == 0;
    if (taken != own_taken(&j, name)) {
      printf("  %.*s\n", (int)j.nodes[name].n, j.nodes[name].at);
      EXPECT(false);
    }
    count++;
    buf_free(&b);
  }
  EXPECT_INT(count, 49);
  json_free(&j);
}

/* ---- samples that are no CBOR at all ---- */

static void all_refused(const char *path, int want)
{
  struct json j;
  int count = 0;
  if (!json_load(&j, path)) {
    unit_skip(want, "no vectors");
    json_free(&j);
    return;
  }
  for (size_t i = 1; i < json_end(&j, 0); i = json_end(&j, i)) {
    struct buf b = json_hex(&j, i, "hex");
    EXPECT(sweep_one(buf_span(&b), verdict) < 0);
    count++;
    buf_free(&b);
  }
  EXPECT_INT(count, want);
  json_free(&j);
}

static void test_not_well_formed(void)
{
  all_refused("cbor-malformed/qcbor_not_well_formed.json", 122);
  all_refused("cbor-malformed/libcbor_bad_inputs.json", 9);
}

/* ---- generic CBOR: RFC 7049, appendix A ---- */

/* 82 samples; we refuse floats and special floats, indefinite lengths, tags
 * (dates, big numbers, URIs ...), 64-bit integers, undefined and unassigned
 * simple values, and one map with number keys. */
static void test_rfc7049(void)
{
  static const struct {
    const char *why;
    int count;
  } want[] = {
      {"", 34},
      {"float", 22},
      {"indefinite length", 11},
      {"tag that is not 42", 8},
      {"integer beyond", 2},
      {"simple value", 4},
      {"map key that is not text", 1},
  };
  enum { GROUPS = sizeof want / sizeof want[0] };
  struct json j;
  int got[GROUPS] = {0}, count = 0;
  if (!json_load(&j, "cbor-malformed/rfc7049_appendix_a.json")) {
    unit_skip(82, "no vectors");
    json_free(&j);
    return;
  }
  for (size_t i = 1; i < json_end(&j, 0); i = json_end(&j, i)) {
    struct buf b = json_hex(&j, i, "hex");
    struct err e;
    const char *why = reason(&e, buf_span(&b));
    for (int g = 0; g < GROUPS; g++) {
      got[g] +=
          want[g].why[0] == '\0' ? why[0] == '\0' : starts(why, want[g].why);
    }
    count++;
    buf_free(&b);
  }
  EXPECT_INT(count, 82);
  for (int g = 0; g < GROUPS; g++) {
    if (got[g] != want[g].count) {
      printf("  \"%s\": %d, expected %d\n", want[g].why, got[g], want[g].count);
      EXPECT(false);
    }
  }
  json_free(&j);
}

/* ---- DASL: strict DAG-CBOR, with floats and other CIDs ---- */

/* Samples that must come back as they are there, and that we refuse. */
static bool dasl_narrower(const char *why)
{
  return starts(why, "float") || starts(why, "integer beyond") ||
         starts(why, "tag that is not 42") /* big numbers */ ||
         starts(why, "link that is not") /* BLAKE3 */ ||
         starts(why, "map key that is not text");
}

/* Samples that are bad there and good here: other profiles' rules. */
static bool dasl_wider(const struct json *j, size_t name)
{
  return json_is(j, name, "text not in Unicode Normalization Form C") ||
         json_is(j, name, "CIDv1 that isn't raw or cbor");
}

static int check_dasl_file(const char *name)
{
  struct json j;
  char path[256];
  int count = 0;
  NEED(snprintf(path, sizeof path,
                "cbor-malformed/dasl-testing/fixtures/cbor/%s.json",
                name) < (int)sizeof path);
  if (!json_load(&j, path)) {
    json_free(&j);
    return 0;
  }
  for (size_t i = 1; i < json_end(&j, 0); i = json_end(&j, i)) {
    struct buf b = json_hex(&j, i, "data");
    struct err e;
    const char *why = reason(&e, buf_span(&b));
    size_t title = json_get(&j, i, "name");
    bool good = json_is(&j, json_get(&j, i, "type"), "roundtrip");
    bool right = good ? why[0] == '\0' || dasl_narrower(why)
                      : why[0] != '\0' || dasl_wider(&j, title);
    if (!right) {
      printf("  %.*s: \"%s\"\n", (int)j.nodes[title].n, j.nodes[title].at, why);
      EXPECT(false);
    }
    count++;
    buf_free(&b);
  }
  json_free(&j);
  return count;
}

static void test_dasl(void)
{
  static const char *const files[] = {
      "short_form", "floats",     "cid",    "integer_range",
      "utf8",       "indefinite", "concat", "numeric_reduction",
      "tags",       "map_keys",   "simple",
  };
  int count = 0;
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    count += check_dasl_file(files[i]);
  }
  if (count == 0) {
    unit_skip(105, "no vectors");
    return;
  }
  EXPECT_INT(count, 105);
}

/* js-dag-cbor's own: special floats, undefined, a link without its prefix,
 * unsorted and doubled keys. */
static void test_js(void)
{
  all_refused("cbor-malformed/js-dag-cbor_hex_from_tests.json", 18);
}

int main(void)
{
  RUN(test_fixtures);
  RUN(test_own);
  RUN(test_not_well_formed);
  RUN(test_rfc7049);
  RUN(test_dasl);
  RUN(test_js);
  return unit_done();
}
