/* SPDX-License-Identifier: 0BSD */
/* base/: buf, err, mem, check. */
#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- err ---- */

static void test_err_set(void)
{
  struct err e = {0};
  EXPECT_INT(err_set(&e, ERR_HASH, "%s %d", "block", 7), ERR_HASH);
  EXPECT_INT(e.code, ERR_HASH);
  EXPECT_TEXT(e.text, "block 7");
  EXPECT_INT(err_set(NULL, ERR_IO, "nobody listens"), ERR_IO);
}

/* The text is cut at one byte less than there is room. */
static void test_err_cut(void)
{
  char words[ERR_TEXT_MAX + 2];
  struct err e;
  for (size_t n = ERR_TEXT_MAX - 2; n <= ERR_TEXT_MAX + 1; n++) {
    size_t want = n < ERR_TEXT_MAX ? n : ERR_TEXT_MAX - 1;
    memset(words, 'a', sizeof words);
    words[n] = '\0';
    (void)err_set(&e, ERR_IO, "%s", words);
    EXPECT_INT(strlen(e.text), want);
    (void)err_sys(&e, EIO, "%s", words);
    EXPECT_INT(strlen(e.text), ERR_TEXT_MAX - 1);
  }
}

static void test_err_sys(void)
{
  static const struct {
    int saved, code;
  } cases[] = {
      {ENOENT, ERR_NOENT},  {ENOTDIR, ERR_NOENT}, {EEXIST, ERR_EXIST},
      {EACCES, ERR_ACCESS}, {EPERM, ERR_ACCESS},  {EROFS, ERR_READONLY},
      {ENOSPC, ERR_FULL},   {EDQUOT, ERR_FULL},   {EFBIG, ERR_FULL},
      {ENOMEM, ERR_NOMEM},  {EAGAIN, ERR_BUSY},   {EBUSY, ERR_BUSY},
      {EIO, ERR_IO},        {ELOOP, ERR_IO}};
  struct err e;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char want[200];
    (void)snprintf(want, sizeof want, "can't: %s", strerror(cases[i].saved));
    EXPECT_INT(err_sys(&e, cases[i].saved, "can't"), cases[i].code);
    EXPECT_INT(e.code, cases[i].code);
    EXPECT_TEXT(e.text, want);
    EXPECT_INT(err_sys(NULL, cases[i].saved, "can't"), cases[i].code);
  }
}

static void test_err_name(void)
{
  EXPECT_TEXT(err_name(ERR_OK), "OK");
  EXPECT_TEXT(err_name(ERR_NOMEM), "ENOMEM");
  EXPECT_TEXT(err_name(ERR_CORRUPT), "ECORRUPT");
  EXPECT_TEXT(err_name(ERR_CLOSED), "ECLOSED");
  EXPECT_TEXT(err_name(ERR_POLICY), "EPOLICY");
  EXPECT_TEXT(err_name(ERR_QUOTA), "EQUOTA");
  EXPECT_TEXT(err_name(ERR_QUOTA - 1), "EUNKNOWN");
  EXPECT_TEXT(err_name(1), "EUNKNOWN");
  for (int code = ERR_QUOTA; code < 0; code++) {
    EXPECT(strcmp(err_name(code), "EUNKNOWN") != 0);
    for (int other = code + 1; other <= 0; other++) {
      EXPECT(strcmp(err_name(code), err_name(other)) != 0);
    }
  }
}

/* ---- check ---- */

/* Run ${broken} in a child; its exit status, what it said on stderr into
 * ${line}. */
static int in_child(void (*broken)(void), char *line, size_t room)
{
  int ends[2], status = 0;
  NEED(pipe(ends) == 0);
  (void)fflush(stdout);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    (void)dup2(ends[1], 2);
    (void)signal(SIGABRT, SIG_DFL);
    broken();
    _exit(0);
  }
  (void)close(ends[1]);
  memset(line, 0, room);
  for (size_t at = 0; at + 1 < room;) {
    ssize_t n = read(ends[0], line + at, room - 1 - at);
    if (n <= 0) {
      break;
    }
    at += (size_t)n;
  }
  (void)close(ends[0]);
  NEED(waitpid(child, &status, 0) == child);
  return status;
}

static void hook(const char *file, int line, const char *what)
{
  (void)fprintf(stderr, "hook: %s %d %s", strrchr(file, '/') + 1, line > 0,
                what);
  _exit(42);
}

static volatile int three = 3;

static void hooked(void)
{
  check_set_hook(hook);
  CHECK(three == 3);
  CHECK(three == 4);
}

static void hook_taken_off(void)
{
  check_set_hook(hook);
  check_set_hook(NULL);
  check_failed("a.c", 7, "x > 0");
}

static void shifted_too_far(void)
{
  struct buf b = {0};
  check_set_hook(hook);
  buf_shift(&b, 1);
}

static void sound(void)
{
  CHECK(three == 3);
}

static void test_check_hook(void)
{
  char line[200];
  int status = in_child(hooked, line, sizeof line);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 42);
  EXPECT_TEXT(line, "hook: base_test.c 1 three == 4");
  status = in_child(shifted_too_far, line, sizeof line);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 42);
  EXPECT_TEXT(line, "hook: buf.c 1 n <= b->n");
  EXPECT_INT(in_child(sound, line, sizeof line), 0);
  EXPECT_TEXT(line, "");
}

/* Without a hook: a line on stderr, and abort. */
static void test_check_default(void)
{
  char line[200];
  EXPECT(in_child(hook_taken_off, line, sizeof line) != 0);
  EXPECT(strstr(line, "broken invariant at a.c:7: x > 0\n") != NULL);
}

/* ---- mem ---- */

static void test_mem(void)
{
  unsigned char *p = mem_alloc(0);
  EXPECT(p != NULL);
  mem_free(p);
  mem_free(NULL);
  p = mem_zero(100);
  NEED(p != NULL);
  for (int i = 0; i < 100; i++) {
    EXPECT_INT(p[i], 0);
  }
  p[99] = 7;
  p = mem_resize(p, 20, 10);
  NEED(p != NULL);
  EXPECT_INT(p[99], 7);
  mem_free(p);
  p = mem_zero(0);
  EXPECT(p != NULL);
  mem_free(p);
  p = mem_resize(NULL, 8, 0);
  EXPECT(p != NULL);
  mem_free(p);
  p = mem_resize(NULL, 0, 8);
  EXPECT(p != NULL);
  mem_free(p);
}

/* A product that wraps is refused, and the memory stays. */
static void test_mem_overflow(void)
{
  uint64_t *p = mem_resize(NULL, 2, sizeof *p);
  NEED(p != NULL);
  p[1] = 42;
  volatile size_t many = SIZE_MAX / sizeof *p + 1;
  EXPECT(mem_resize(p, many, sizeof *p) == NULL);
  EXPECT(mem_resize(p, SIZE_MAX, 2) == NULL);
  EXPECT_INT(p[1], 42);
  mem_free(p);
}

/* ---- spans and bufs ---- */

static void test_spans(void)
{
  struct span none = {NULL, 0}, a = span_of("a", 1), ab = span_of("ab", 2);
  EXPECT(span_equal(none, span_of("x", 0)));
  EXPECT(!span_equal(none, a));
  EXPECT(span_equal(a, span_of("ab", 1)));
  EXPECT(!span_equal(a, ab));
  EXPECT_INT(span_compare(none, none), 0);
  EXPECT(span_compare(none, a) < 0 && span_compare(a, none) > 0);
  EXPECT(span_compare(a, ab) < 0 && span_compare(ab, a) > 0);
  EXPECT(span_compare(span_of("b", 1), ab) > 0);
  EXPECT(span_compare(span_of("\xff", 1), span_of("\x01", 1)) > 0);
  EXPECT_INT(span_compare(ab, span_of("ab", 2)), 0);
  EXPECT(span_is(ab, "ab") && !span_is(ab, "a") && !span_is(ab, "abc"));
  EXPECT(span_is(none, ""));
}

static void test_buf_grows(void)
{
  struct buf b = {0};
  EXPECT_INT(buf_put(&b, NULL, 0), 0);
  EXPECT_INT(b.n, 0);
  for (int i = 0; i < 1000; i++) {
    NEED(buf_byte(&b, (uint8_t)i) == 0);
  }
  EXPECT_INT(b.n, 1000);
  EXPECT(b.cap >= 1000);
  for (int i = 0; i < 1000; i++) {
    EXPECT_INT(b.p[i], (uint8_t)i);
  }
  uint8_t *was = b.p;
  buf_clear(&b);
  EXPECT_INT(b.n, 0);
  NEED(buf_reserve(&b, 1000) == 0);
  EXPECT(b.p == was);
  buf_free(&b);
  EXPECT(b.p == NULL && b.n == 0 && b.cap == 0);
  buf_free(&b);
  NEED(buf_put(&b, "again", 5) == 0);
  EXPECT(span_is(buf_span(&b), "again"));
  buf_free(&b);
}

/* Room for exactly what was asked, at each size about a doubling. */
static void test_buf_reserve_edges(void)
{
  for (size_t n = 63; n <= 65; n++) {
    struct buf b = {0};
    NEED(buf_reserve(&b, n) == 0);
    EXPECT(b.cap >= n && b.n == 0);
    memset(b.p, 1, n);
    b.n = n;
    NEED(buf_byte(&b, 2) == 0);
    EXPECT(b.p[n - 1] == 1 && b.p[n] == 2);
    buf_free(&b);
  }
}

static void test_buf_too_much(void)
{
  struct buf b = {0};
  NEED(buf_put(&b, "kept", 4) == 0);
  uint8_t *p = b.p;
  EXPECT_INT(buf_reserve(&b, SIZE_MAX), ERR_NOMEM);
  EXPECT_INT(buf_reserve(&b, SIZE_MAX / 2), ERR_NOMEM);
  EXPECT_INT(buf_reserve(&b, SIZE_MAX / 2 - 3), ERR_NOMEM);
  EXPECT(b.p == p && span_is(buf_span(&b), "kept"));
  buf_free(&b);
}

static void test_buf_shift(void)
{
  struct buf b = {0};
  NEED(buf_put(&b, "abcdef", 6) == 0);
  buf_shift(&b, 0);
  EXPECT(span_is(buf_span(&b), "abcdef"));
  buf_shift(&b, 2);
  EXPECT(span_is(buf_span(&b), "cdef"));
  buf_shift(&b, 4);
  EXPECT_INT(b.n, 0);
  buf_shift(&b, 0);
  buf_free(&b);
}

int main(void)
{
  RUN(test_err_set);
  RUN(test_err_cut);
  RUN(test_err_sys);
  RUN(test_err_name);
  RUN(test_check_hook);
  RUN(test_check_default);
  RUN(test_mem);
  RUN(test_mem_overflow);
  RUN(test_spans);
  RUN(test_buf_grows);
  RUN(test_buf_reserve_edges);
  RUN(test_buf_too_much);
  RUN(test_buf_shift);
  return unit_done();
}
