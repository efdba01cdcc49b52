/* SPDX-License-Identifier: 0BSD */
/* The transcript of src/PROTOCOL.md is what two sessions really say: the
 * responder has two parcels of "edu/physics", the initiator follows that and
 * has the first. (Parcels of session_host.h, not real ones: the protocol does
 * not mind.) `transcript_test print` prints it for the page. */
#include "session_host.h"
#include "vector_file.h"

#include <stdarg.h>

#define LINE_HEX 32 /* bytes */

static const char *const names[] = {
    "?",       "HELLO",  "WISH", "OPEN",   "SAME", "REFUSE",  "PART",
    "MORE",    "LIST",   "TELL", "MANY",   "LACK", "NAMES",   "NAMED",
    "SETTLED", "BLOCKS", "SENT", "CREDIT", "GET",  "FINISHED"};

static struct buf said;

static void say(const char *fmt, ...)
{
  char line[256];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(line, sizeof line, fmt, args);
  va_end(args);
  NEED(n >= 0 && (size_t)n < sizeof line);
  NEED(buf_put(&said, line, (size_t)n) == 0);
}

static void say_hex(struct span bytes)
{
  for (size_t at = 0; at < bytes.n; at += LINE_HEX) {
    say("     ");
    for (size_t i = at; i < bytes.n && i < at + LINE_HEX; i++) {
      say("%s%02x", i > at && i % 8 == 0 ? " " : "", bytes.p[i]);
    }
    say("\n");
  }
}

/* What a sealed message holds, by a copy of its reader's state. */
static void say_frames(const struct session *reader, struct span message)
{
  struct noise copy = reader->channel.noise;
  static uint8_t plain[NOISE_MESSAGE_MAX];
  struct err e;
  int n = noise_open(&copy, plain, sizeof plain, message, &e);
  NEED(n > 0);
  for (size_t at = 0; at < (size_t)n;) {
    size_t size = (size_t)wire_get(plain + at + 1, 3);
    NEED(plain[at] < sizeof names / sizeof names[0]);
    say("   %s, %zu bytes\n", names[plain[at]], size);
    say_hex(span_of(plain + at + FRAME_HEAD, size));
    at += FRAME_HEAD + size;
  }
}

static void say_messages(struct pair *p, int i, struct span bytes)
{
  const char *who = i == 0 ? "I" : "R";
  for (size_t at = 0; at < bytes.n;) {
    size_t n = (size_t)wire_get(bytes.p + at, 2);
    struct span message = span_of(bytes.p + at + 2, n);
    struct err e = {0};
    NEED(at + 2 + n <= bytes.n);
    if (!channel_ready(&p->s[1 - i]->channel)) {
      say("%s: handshake, %zu bytes\n", who, n);
      say_hex(message);
    } else {
      say("%s: sealed, %zu bytes\n", who, n);
      say_frames(p->s[1 - i], message);
    }
    NEED(host_feed(p->s[1 - i], &p->host[1 - i], span_of(bytes.p + at, 2 + n),
                   &e) == 0);
    at += 2 + n;
  }
}

static void talk(void)
{
  static struct pair p;
  int quiet = 0;
  p.host[0].wish[0] = "edu/physics";
  p.host[1].wish[0] = "*";
  host_add(&p.host[0], "edu/physics", 0, 1);
  host_add(&p.host[1], "edu/physics", 0, 2);
  pair_begin(&p);
  for (int i = 0; quiet < 4; i = 1 - i) {
    struct buf out = {0};
    struct err e = {0};
    NEED(host_pull(p.s[i], &p.host[i], &out, 1u << 20, &e) >= 0);
    say_messages(&p, i, buf_span(&out));
    quiet = out.n == 0 ? quiet + 1 : 0;
    buf_free(&out);
  }
  EXPECT_INT(host_status(p.s[0]).state, SESSION_DONE);
  EXPECT_INT(host_status(p.s[1]).state, SESSION_DONE);
  EXPECT_INT(p.host[0].set[0].n, 2);
  pair_free(&p);
}

static void test_the_page_has_it(void)
{
  struct buf page = {0};
  talk();
  NEED(file_load(&page, "src/PROTOCOL.md"));
  EXPECT(page.n > said.n && memmem(page.p, page.n, said.p, said.n) != NULL);
  buf_free(&page);
}

int main(int argc, char **argv)
{
  if (argc > 1 && strcmp(argv[1], "print") == 0) {
    talk();
    (void)fwrite(said.p, 1, said.n, stdout);
    return 0;
  }
  RUN(test_the_page_has_it);
  buf_free(&said);
  return unit_done();
}
