/* SPDX-License-Identifier: 0BSD */
#include "station/outfile.h"

#include "base/limits.h"
#include "station_shelf.h"

#include <dirent.h>
#include <sys/stat.h>

static struct home h;
static struct err e;

/* How many files lie in the folder. */
static int files_there(void)
{
  DIR *d = opendir(h.dir);
  struct dirent *entry;
  int n = 0;
  NEED(d != NULL);
  while ((entry = readdir(d)) != NULL) {
    n += entry->d_name[0] != '.';
  }
  (void)closedir(d);
  return n;
}

static bool holds(const char *name, const char *want)
{
  struct buf b = {0};
  shelf_read(home_file(&h, name), &b);
  bool same = span_is(buf_span(&b), want);
  buf_free(&b);
  return same;
}

static void test_whole_or_not_at_all(void)
{
  struct outfile f;
  home_folder(&h);
  NEED(outfile_start_path(&f, home_file(&h, "a"), &e) == 0);
  EXPECT_INT(outfile_write(&f, span_of("hello ", 6), &e), 0);
  EXPECT_INT(outfile_write(&f, span_of(NULL, 0), &e), 0);
  EXPECT_INT(outfile_write(&f, span_of("world", 5), &e), 0);
  EXPECT_INT(f.bytes, 11);
  EXPECT(access(home_file(&h, "a"), F_OK) != 0);
  EXPECT_INT(outfile_finish(&f, home_file(&h, "a"), false, &e), 0);
  EXPECT(holds("a", "hello world"));
  outfile_drop(&f);
  outfile_drop(&f);
  EXPECT_INT(files_there(), 1);

  NEED(outfile_start_path(&f, home_file(&h, "b"), &e) == 0);
  EXPECT_INT(outfile_write(&f, span_of("x", 1), &e), 0);
  outfile_drop(&f);
  EXPECT_INT(files_there(), 1);
  home_end(&h);
}

static void test_never_over_another(void)
{
  struct outfile f;
  home_folder(&h);
  shelf_write(home_file(&h, "a"), span_of("old", 3));
  NEED(outfile_start_path(&f, home_file(&h, "a"), &e) == 0);
  EXPECT_INT(outfile_write(&f, span_of("new", 3), &e), 0);
  EXPECT_INT(outfile_finish(&f, "a", false, &e), ERR_EXIST);
  EXPECT(holds("a", "old"));
  EXPECT_INT(outfile_finish(&f, "b", false, &e), 0); /* another name */
  EXPECT(holds("b", "new"));
  outfile_drop(&f);

  NEED(outfile_start_path(&f, home_file(&h, "a"), &e) == 0);
  EXPECT_INT(outfile_write(&f, span_of("newer", 5), &e), 0);
  EXPECT_INT(outfile_finish(&f, "a", true, &e), 0);
  EXPECT(holds("a", "newer"));
  outfile_drop(&f);

  /* A link that somebody laid there is not followed. */
  NEED(symlink("b", home_file(&h, "link")) == 0);
  NEED(outfile_start_path(&f, home_file(&h, "link"), &e) == 0);
  EXPECT_INT(outfile_finish(&f, "link", false, &e), ERR_EXIST);
  EXPECT_INT(outfile_finish(&f, "link", true, &e), 0);
  EXPECT(holds("b", "new"));
  outfile_drop(&f);
  EXPECT_INT(files_there(), 3);
  home_end(&h);
}

static void test_bad_paths(void)
{
  char path[PATH_BYTES_MAX + 2];
  struct outfile f;
  home_folder(&h);
  EXPECT_INT(outfile_start_path(&f, "", &e), ERR_INVALID);
  outfile_drop(&f);
  EXPECT_INT(outfile_start_path(&f, home_file(&h, "x/"), &e), ERR_INVALID);
  outfile_drop(&f);
  EXPECT_INT(outfile_start_path(&f, home_file(&h, "none/x"), &e), ERR_NOENT);
  outfile_drop(&f);
  shelf_write(home_file(&h, "file"), span_of("x", 1));
  EXPECT_INT(outfile_start_path(&f, home_file(&h, "file/x"), &e), ERR_NOENT);
  outfile_drop(&f);
  /* PATH_BYTES_MAX bytes are tried (and too long for this system), one more
   * is refused by us. */
  memset(path, 'a', sizeof path);
  path[1] = '/';
  path[PATH_BYTES_MAX] = '\0';
  int rc = outfile_start_path(&f, path, &e);
  EXPECT(rc < 0 && rc != ERR_INVALID);
  outfile_drop(&f);
  path[PATH_BYTES_MAX] = 'a';
  path[PATH_BYTES_MAX + 1] = '\0';
  EXPECT_INT(outfile_start_path(&f, path, &e), ERR_INVALID);
  outfile_drop(&f);
  EXPECT_INT(files_there(), 1);
  home_end(&h);
}

static void test_full_disk(void)
{
  struct outfile f;
  FILE *full = fopen("/dev/full", "wb");
  if (full == NULL) {
    unit_skip(1, "no /dev/full here");
    return;
  }
  home_folder(&h);
  NEED(outfile_start_path(&f, home_file(&h, "a"), &e) == 0);
  NEED(dup2(fileno(full), f.fd) == f.fd);
  EXPECT_INT(outfile_write(&f, span_of("x", 1), &e), ERR_FULL);
  EXPECT_INT(f.bytes, 0);
  outfile_drop(&f);
  EXPECT_INT(files_there(), 0);
  (void)fclose(full);
  home_end(&h);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_whole_or_not_at_all);
  RUN(test_never_over_another);
  RUN(test_bad_paths);
  RUN(test_full_disk);
  return unit_done();
}
