/* SPDX-License-Identifier: 0BSD */
/* Replays kept inputs through a fuzz target without libFuzzer:
 *   cbor_replay FOLDER...
 * A target that crashes takes this program with it; the last lines then name
 * the input. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_SIZE_MAX (16u * 1024 * 1024)
#define PATH_SIZE 4096

/* A build that counts coverage has no sanitizers. */
#pragma weak __sanitizer_set_death_callback

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
/* Not there where it is built without sanitizers, to see what is reached. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*call)(void));

/* Targets bring mutators, which want libFuzzer's: nothing is changed here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
  (void)data;
  (void)max_size;
  return size;
}

static char current[PATH_SIZE]; /* path of the input in work */
static int passed, failed;

static void on_death(void)
{
  fprintf(stderr, "input: %s\n", current);
}

static int read_input(uint8_t **data, size_t *size)
{
  FILE *f = fopen(current, "rb");
  uint8_t *p = malloc(INPUT_SIZE_MAX);
  size_t n = 0;
  int rc = -1;

  if (f == NULL || p == NULL) {
    goto done;
  }
  n = fread(p, 1, INPUT_SIZE_MAX, f);
  if (ferror(f) != 0 || n == INPUT_SIZE_MAX) {
    goto done;
  }
  /* Exactly as large as the input, so that ASan sees the byte after it. */
  *data = malloc(n == 0 ? 1 : n);
  if (*data != NULL) {
    memcpy(*data, p, n);
    *size = n;
    rc = 0;
  }
done:
  free(p);
  if (f != NULL) {
    fclose(f);
  }
  return rc;
}

static void replay_file(void)
{
  uint8_t *data = NULL;
  size_t size = 0;

  if (read_input(&data, &size) != 0) {
    failed++;
    printf("not read, or too large: %s\n", current);
    return;
  }
  (void)LLVMFuzzerTestOneInput(data, size);
  passed++;
  free(data);
}

static void replay_folder(const char *folder)
{
  DIR *dir = opendir(folder);
  struct dirent *entry = NULL;

  if (dir == NULL) {
    failed++;
    printf("no such folder: %s\n", folder);
    return;
  }
  while ((entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] != '.') {
      snprintf(current, sizeof current, "%s/%s", folder, entry->d_name);
      replay_file();
    }
  }
  closedir(dir);
}

int main(int argc, char **argv)
{
  if (__sanitizer_set_death_callback != NULL) {
    if (__sanitizer_set_death_callback != NULL) {
      __sanitizer_set_death_callback(on_death);
    }
  }
  for (int i = 1; i < argc; i++) {
    replay_folder(argv[i]);
  }
  printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
