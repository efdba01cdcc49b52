/* SPDX-License-Identifier: 0BSD */
#include "station/names.h"

#include "base/utf8.h"
#include "form/plain.h"
#include "station_shelf.h"

#include <fcntl.h>
#include <sys/stat.h>

/* The parts of what ${name} becomes, joined by '/'. */
static const char *clean(struct span name)
{
  static char out[8192];
  struct buf b = {0};
  NEED(names_clean(&b, name) == 0);
  NEED(b.n > 0 && b.n < sizeof out && b.p[b.n - 1] == 0);
  for (size_t i = 0; i + 1 < b.n; i++) {
    out[i] = b.p[i] == 0 ? '/' : (char)b.p[i];
  }
  out[b.n - 1] = '\0';
  buf_free(&b);
  return out;
}

static void test_hostile_names(void)
{
  static const struct {
    const char *name, *want;
  } cases[] = {
      {"a.txt", "a.txt"},
      {"a/b/c.txt", "a/b/c.txt"},
      {"/etc/passwd", "etc/passwd"},
      {"../../etc/passwd", "etc/passwd"},
      {"..", "file"},
      {".", "file"},
      {"", "file"},
      {"///", "file"},
      {"a//b", "a/b"},
      {"a/./b/../c", "a/b/c"},
      {"..\\..\\win.ini", "win.ini"},
      {"C:\\x", "C_/x"},
      {".bashrc", "_.bashrc"},
      {"-rf", "_-rf"},
      {"~root", "_~root"},
      {"...", "file"},
      {". .", "file"},
      {" . ", "file"},
      {"a. . .", "a"},
      {"  a  ", "a"},
      {"con", "_con"},
      {"CON.txt", "_CON.txt"},
      {"Con .txt", "_Con .txt"},
      {"aux.tar.gz", "_aux.tar.gz"},
      {"com1", "_com1"},
      {"LPT9.x", "_LPT9.x"},
      {"com\xc2\xb9", "_com\xc2\xb9"},
      {"com", "com"},
      {"com10", "com10"},
      {"cont", "cont"},
      {"nul", "_nul"},
      {"a\nb", "a_b"},
      {"a\x1b[2Jb", "a_[2Jb"},
      {"a\x7f", "a_"},
      {"a\xc2\x85", "a_"},
      {"x\xe2\x80\xaegnp.exe", "x_gnp.exe"},
      {"x\xe2\x80\x8b", "x_"},
      {"a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"},
      {"\xff\xfe", "__"},
      {"\xd9\x86\xdb\x8c\xd9\x86\xe2\x80\x8c.pdf",
       "\xd9\x86\xdb\x8c\xd9\x86\xe2\x80\x8c.pdf"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    EXPECT_TEXT(clean(span_of(cases[i].name, strlen(cases[i].name))),
                cases[i].want);
  }
  EXPECT_TEXT(clean(span_of("a\0b", 3)), "a_b");
}

static void test_part_length(void)
{
  char name[400];
  for (size_t n = NAME_PART_MAX - 1; n <= NAME_PART_MAX + 1; n++) {
    memset(name, 'a', sizeof name);
    memcpy(name + n - 4, ".pdf", 4);
    const char *got = clean(span_of(name, n));
    EXPECT_INT(strlen(got), n < NAME_PART_MAX ? n : NAME_PART_MAX);
    EXPECT(strcmp(got + strlen(got) - 4, ".pdf") == 0);
  }
  /* An ending that is too long is no ending. */
  memset(name, 'a', sizeof name);
  name[300 - 18] = '.';
  EXPECT_INT(strlen(clean(span_of(name, 300))), NAME_PART_MAX);
  EXPECT(strchr(clean(span_of(name, 300)), '.') == NULL);
  name[300 - 18] = 'a';
  name[300 - 17] = '.';
  EXPECT(strchr(clean(span_of(name, 300)), '.') != NULL);
  /* No character is split. */
  for (size_t i = 0; i + 1 < sizeof name; i += 2) {
    memcpy(name + i, "\xd9\x86", 2);
  }
  for (size_t n = 238; n <= 260; n += 2) {
    const char *got = clean(span_of(name, n));
    EXPECT(utf8_valid((const uint8_t *)got, strlen(got)));
    EXPECT(strlen(got) <= NAME_PART_MAX);
  }
}

static void test_parts_count(void)
{
  for (int n = NAME_PARTS_MAX - 1; n <= NAME_PARTS_MAX + 1; n++) {
    char name[200] = "";
    const char *want = name;
    size_t used = 0;
    for (int i = 0; i < n; i++) {
      if (i == n - NAME_PARTS_MAX) {
        want = name + used;
      }
      int len = snprintf(name + used, sizeof name - used, "%d%s", i,
                         i + 1 < n ? "/" : "");
      NEED(len > 0 && (used += (size_t)len) < sizeof name);
    }
    EXPECT_TEXT(clean(span_of(name, strlen(name))), want);
  }
}

/* What comes out of any bytes is fit for a disk. */
static void test_any_bytes(void)
{
  struct buf noise = {0}, b = {0};
  int faults = 0;
  for (uint64_t round = 0; round < 3000; round++) {
    shelf_noise(&noise, 1 + round % 300, round);
    for (size_t i = 0; round % 2 && i < noise.n; i++) {
      noise.p[i] = (uint8_t) "./\\ -~conaux1\n\xe2\x80\xae."[noise.p[i] % 18];
    }
    buf_clear(&b);
    NEED(names_clean(&b, buf_span(&noise)) == 0);
    for (size_t at = 0; at < b.n;) {
      const char *part = (const char *)b.p + at;
      size_t n = strlen(part);
      faults += n == 0 || n > NAME_PART_MAX || part[0] == '.' ||
                part[0] == '-' || strchr(part, '/') != NULL ||
                strchr(part, '\\') != NULL || !plain_text(span_of(part, n));
      at += n + 1;
    }
  }
  EXPECT_INT(faults, 0);
  buf_free(&noise);
  buf_free(&b);
}

static void test_numbered(void)
{
  static const struct {
    const char *name;
    int n;
    const char *want;
  } cases[] = {{"a.txt", 0, "a.txt"},     {"a.txt", 1, "a.txt"},
               {"a.txt", 2, "a (2).txt"}, {"a", 99, "a (99)"},
               {"a.b.c", 3, "a.b (3).c"}, {".x", 2, ".x (2)"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buf b = {0};
    NEED(names_numbered(&b, cases[i].name, cases[i].n) == 0);
    EXPECT_TEXT((const char *)b.p, cases[i].want);
    EXPECT_INT(b.n, strlen(cases[i].want) + 1);
    buf_free(&b);
  }
}

static void test_last(void)
{
  EXPECT_TEXT(names_last(span_of("a\0b\0c", 6)), "c");
  EXPECT_TEXT(names_last(span_of("a", 2)), "a");
}

/* Folders are made below, and never through a link that somebody laid. */
static void test_open_dir(void)
{
  struct home h;
  struct err e = {0};
  struct stat info;
  home_folder(&h);
  int fd = open(h.dir, O_RDONLY | O_DIRECTORY);
  NEED(fd >= 0);
  int below = names_open_dir(fd, span_of("a\0b\0f", 6), &e);
  EXPECT(below >= 0);
  (void)close(below);
  EXPECT(stat(home_file(&h, "a/b"), &info) == 0 && S_ISDIR(info.st_mode));
  below = names_open_dir(fd, span_of("a\0b\0f", 6), &e);
  EXPECT(below >= 0);
  (void)close(below);
  NEED(symlink("/tmp", home_file(&h, "link")) == 0);
  EXPECT(names_open_dir(fd, span_of("link\0f", 7), &e) < 0);
  EXPECT(e.text[0] != '\0');
  shelf_write(home_file(&h, "plain"), span_of("x", 1));
  EXPECT_INT(names_open_dir(fd, span_of("plain\0f", 8), &e), ERR_NOENT);
  below = names_open_dir(fd, span_of("f", 2), &e);
  EXPECT(below >= 0);
  (void)close(below);
  (void)close(fd);
  home_end(&h);
}

int main(void)
{
  RUN(test_hostile_names);
  RUN(test_part_length);
  RUN(test_parts_count);
  RUN(test_any_bytes);
  RUN(test_numbered);
  RUN(test_last);
  RUN(test_open_dir);
  return unit_done();
}
