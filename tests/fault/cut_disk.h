/* SPDX-License-Identifier: 0BSD */
/* A disk in memory that remembers what was asked of it and in which order, and
 * gives what may be left of it after the power was cut: of what was not synced
 * any part, in sectors, in any order, and rubbish where a file grew. Below
 * SQLite it is a VFS (cut_vfs.h), below our own files the calls of libc
 * (cut_calls.h): both write the one log, so that states span the files.
 *
 * Names are as little durable as bytes: a new file has none until its folder
 * was synced; a rename is one step. */
#ifndef CUT_DISK_H
#define CUT_DISK_H

#include "unit/unit.h"

#define DISK_FILES 128 /* ever made, in one recording */
#define DISK_NAMES 32
#define DISK_NAME_MAX 48
#define DISK_SECTOR 512

struct disk_file {
  uint8_t *p;
  size_t n, cap;
  unsigned mode;
};

struct disk_name {
  char text[DISK_NAME_MAX]; /* "": free */
  int file;
};

struct disk {
  struct disk_file file[DISK_FILES];
  int files;
  struct disk_name name[DISK_NAMES];
};

enum disk_kind {
  DISK_WRITE,
  DISK_SIZE,      /* truncated or made longer */
  DISK_ENTRY,     /* ${name} is ${file}'s now, and ${gone} nobody's */
  DISK_SYNC,      /* of ${file} */
  DISK_SYNC_NAMES /* of the folder */
};

struct disk_op {
  enum disk_kind kind;
  int file; /* -1: ${gone} was removed */
  size_t at, n;
  uint8_t *bytes;
  unsigned mode; /* of a new name's file */
  char name[DISK_NAME_MAX], gone[DISK_NAME_MAX];
};

/* The disk that the calls and the VFS work on, and its log. */
static struct disk disk;
static bool disk_recording;
static struct disk_op *disk_log;
static size_t disk_log_n, disk_log_cap;

/* ---- one disk ---- */

static void disk_free(struct disk *d)
{
  for (int i = 0; i < DISK_FILES; i++) {
    free(d->file[i].p);
  }
  memset(d, 0, sizeof *d);
}

static void disk_resize(struct disk_file *f, size_t n)
{
  if (n > f->cap) {
    f->cap = n + n / 2 + 4096;
    f->p = realloc(f->p, f->cap);
    NEED(f->p != NULL);
  }
  if (n > f->n) {
    memset(f->p + f->n, 0, n - f->n);
  }
  f->n = n;
}

static void disk_put(struct disk_file *f, size_t at, const void *p, size_t n)
{
  if (n == 0) {
    return;
  }
  if (at + n > f->n) {
    disk_resize(f, at + n);
  }
  memcpy(f->p + at, p, n);
}

static struct disk_name *disk_name_of(struct disk *d, const char *name)
{
  for (int i = 0; i < DISK_NAMES; i++) {
    if (d->name[i].text[0] != '\0' && strcmp(d->name[i].text, name) == 0) {
      return &d->name[i];
    }
  }
  return NULL;
}

static int disk_find(struct disk *d, const char *name)
{
  const struct disk_name *n = disk_name_of(d, name);
  return n != NULL ? n->file : -1;
}

static void disk_entry(struct disk *d, const char *name, int file,
                       const char *gone)
{
  struct disk_name *old = gone[0] != '\0' ? disk_name_of(d, gone) : NULL;
  if (old != NULL) {
    old->text[0] = '\0';
  }
  if (name[0] == '\0') {
    return;
  }
  struct disk_name *n = disk_name_of(d, name);
  for (int i = 0; n == NULL && i < DISK_NAMES; i++) {
    n = d->name[i].text[0] == '\0' ? &d->name[i] : NULL;
  }
  NEED(n != NULL);
  memcpy(n->text, name, strlen(name) + 1);
  n->file = file;
}

/* Buffers that ${to} has are used again. */
static void disk_copy(struct disk *to, const struct disk *from)
{
  to->files = from->files;
  memcpy(to->name, from->name, sizeof to->name);
  for (int i = 0; i < from->files; i++) {
    to->file[i].n = 0;
    to->file[i].mode = from->file[i].mode;
    disk_put(&to->file[i], 0, from->file[i].p, from->file[i].n);
  }
}

static uint64_t disk_hash(const struct disk *d)
{
  uint64_t h = 1469598103934665603u;
  for (int i = 0; i < DISK_NAMES; i++) {
    if (d->name[i].text[0] == '\0') {
      continue;
    }
    const struct disk_file *f = &d->file[d->name[i].file];
    uint64_t one = f->n;
    for (const char *p = d->name[i].text; *p != '\0'; p++) {
      one = (one ^ (uint8_t)*p) * 1099511628211u;
    }
    for (size_t at = 0; at + 8 <= f->n; at += 8) {
      uint64_t word;
      memcpy(&word, f->p + at, 8);
      one = (one ^ word) * 0x9e3779b97f4a7c15u;
      one ^= one >> 29;
    }
    for (size_t at = f->n - f->n % 8; at < f->n; at++) {
      one = (one ^ f->p[at]) * 1099511628211u;
    }
    h += one; /* names have no order */
  }
  return h;
}

/* ---- the log ---- */

static void disk_log_clear(void)
{
  for (size_t i = 0; i < disk_log_n; i++) {
    free(disk_log[i].bytes);
  }
  disk_log_n = 0;
}

static void disk_note(const struct disk_op *op)
{
  if (!disk_recording) {
    return;
  }
  if (disk_log_n == disk_log_cap) {
    disk_log_cap = disk_log_cap * 2 + 256;
    disk_log = realloc(disk_log, disk_log_cap * sizeof *disk_log);
    NEED(disk_log != NULL);
  }
  struct disk_op *to = &disk_log[disk_log_n++];
  *to = *op;
  if (op->bytes != NULL) {
    to->bytes = malloc(op->n > 0 ? op->n : 1);
    NEED(to->bytes != NULL);
    memcpy(to->bytes, op->bytes, op->n);
  }
}

/* ---- what the VFS and the calls do ---- */

static void disk_do_write(int file, size_t at, const void *p, size_t n)
{
  struct disk_op op = {.kind = DISK_WRITE, .file = file, .at = at, .n = n};
  uint8_t *copy = malloc(n > 0 ? n : 1);
  NEED(copy != NULL);
  memcpy(copy, p, n);
  op.bytes = copy;
  disk_note(&op);
  free(copy);
  disk_put(&disk.file[file], at, p, n);
}

static void disk_do_size(int file, size_t n)
{
  struct disk_op op = {.kind = DISK_SIZE, .file = file, .n = n};
  disk_note(&op);
  disk_resize(&disk.file[file], n);
}

static void disk_do_entry(const char *name, int file, const char *gone)
{
  struct disk_op op = {.kind = DISK_ENTRY, .file = file};
  op.mode = file >= 0 ? disk.file[file].mode : 0;
  (void)snprintf(op.name, sizeof op.name, "%s", name);
  (void)snprintf(op.gone, sizeof op.gone, "%s", gone);
  disk_note(&op);
  disk_entry(&disk, name, file, gone);
}

/* A new file; without a name when ${name} is "". */
static int disk_do_make(const char *name, unsigned mode)
{
  NEED(disk.files < DISK_FILES);
  NEED(strlen(name) < DISK_NAME_MAX);
  int file = disk.files++;
  disk.file[file].n = 0;
  disk.file[file].mode = mode;
  if (name[0] != '\0') {
    disk_do_entry(name, file, "");
  }
  return file;
}

static void disk_do_sync(int file)
{
  struct disk_op op = {.kind = DISK_SYNC, .file = file};
  disk_note(&op);
}

static void disk_do_sync_names(void)
{
  struct disk_op op = {.kind = DISK_SYNC_NAMES};
  disk_note(&op);
}

/* ---- what is left after a cut ---- */

static uint64_t cut_seed = 0x2545f4914f6cdd1du;

static uint32_t cut_dice(uint32_t below)
{
  cut_seed ^= cut_seed << 13;
  cut_seed ^= cut_seed >> 7;
  cut_seed ^= cut_seed << 17;
  return (uint32_t)(cut_seed >> 33) % below;
}

static void op_apply(struct disk *d, const struct disk_op *op)
{
  switch (op->kind) {
  case DISK_WRITE:
    disk_put(&d->file[op->file], op->at, op->bytes, op->n);
    return;
  case DISK_SIZE:
    disk_resize(&d->file[op->file], op->n);
    return;
  case DISK_ENTRY:
    if (op->file >= 0) {
      d->file[op->file].mode = op->mode;
    }
    disk_entry(d, op->name, op->file, op->gone);
    return;
  case DISK_SYNC:
  case DISK_SYNC_NAMES:
    return;
  }
}

/* Some sectors of a write: the others hold what they held, or rubbish where
 * the file grew. Bytes of a sector outside the write are never harmed. */
static void op_tear(struct disk *d, const struct disk_op *op)
{
  if (op->kind != DISK_WRITE) {
    return;
  }
  struct disk_file *f = &d->file[op->file];
  size_t was = f->n;
  for (size_t from = op->at; from < op->at + op->n;) {
    size_t end = (from / DISK_SECTOR + 1) * DISK_SECTOR;
    end = end < op->at + op->n ? end : op->at + op->n;
    uint32_t fate = cut_dice(8);
    if (fate < 4) {
      disk_put(f, from, op->bytes + (from - op->at), end - from);
    } else if (fate == 4 && end > was) {
      uint8_t rubbish[DISK_SECTOR];
      memset(rubbish, (int)cut_dice(256), sizeof rubbish);
      disk_put(f, from, rubbish, end - from);
    }
    from = end;
  }
}

enum cut_mode {
  CUT_NONE,   /* nothing but what was synced */
  CUT_ALL,    /* everything, as after kill -9 */
  CUT_PREFIX, /* in order, and the next one torn */
  CUT_ANY,    /* each whole, torn or not at all */
  CUT_BUT_ONE,
  CUT_FILES, /* all of one file, none of another */
  CUT_MODES
};

/* Into ${out}: ${durable} and of the ${n} operations ${pending} what ${mode}
 * leaves. */
static void cut_state(struct disk *out, const struct disk *durable,
                      const size_t *pending, size_t n, enum cut_mode mode)
{
  uint32_t pick = n > 0 ? cut_dice((uint32_t)n) : 0;
  uint32_t files = cut_dice(1u << 30);
  disk_copy(out, durable);
  for (size_t i = 0; i < n; i++) {
    const struct disk_op *op = &disk_log[pending[i]];
    uint32_t fate = cut_dice(4);
    bool whole = mode == CUT_ALL || (mode == CUT_PREFIX && i < pick) ||
                 (mode == CUT_ANY && fate < 2) ||
                 (mode == CUT_BUT_ONE && i != pick) ||
                 (mode == CUT_FILES && (files >> (op->file + 1) % 24 & 1) != 0);
    if (whole) {
      op_apply(out, op);
    } else if ((mode == CUT_ANY && fate == 2) ||
               (mode == CUT_PREFIX && i == pick)) {
      op_tear(out, op);
    }
  }
}

/* The walk over a log: what is durable, and what waits, before operation
 * ${at}. */
struct cut_walk {
  struct disk durable;
  size_t *pending, pending_n;
  size_t at;
  uint32_t lies; /* of 100 syncs so many do nothing */
};

static void cut_start(struct cut_walk *w, const struct disk *base)
{
  memset(w, 0, sizeof *w);
  disk_copy(&w->durable, base);
  w->pending_n = w->at = 0;
  w->lies = 0;
  w->pending = malloc((disk_log_n + 1) * sizeof *w->pending);
  NEED(w->pending != NULL);
}

static void cut_end(struct cut_walk *w)
{
  free(w->pending);
  w->pending = NULL;
  disk_free(&w->durable);
}

static void cut_sync(struct cut_walk *w, const struct disk_op *sync)
{
  size_t kept = 0;
  for (size_t i = 0; i < w->pending_n; i++) {
    const struct disk_op *op = &disk_log[w->pending[i]];
    bool names = op->kind == DISK_ENTRY;
    if (names == (sync->kind == DISK_SYNC_NAMES) &&
        (names || op->file == sync->file)) {
      op_apply(&w->durable, op);
    } else {
      w->pending[kept++] = w->pending[i];
    }
  }
  w->pending_n = kept;
}

/* Past the next operation; false at the end of the log. */
static bool cut_next(struct cut_walk *w)
{
  if (w->at == disk_log_n) {
    return false;
  }
  const struct disk_op *op = &disk_log[w->at];
  if (op->file >= w->durable.files) {
    w->durable.files = op->file + 1;
  }
  if (op->kind == DISK_SYNC || op->kind == DISK_SYNC_NAMES) {
    if (w->lies == 0 || cut_dice(100) >= w->lies) {
      cut_sync(w, op);
    }
  } else {
    w->pending[w->pending_n++] = w->at;
  }
  w->at++;
  return true;
}

#endif
