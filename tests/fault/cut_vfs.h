/* SPDX-License-Identifier: 0BSD */
/* SQLite's way to the disk of cut_disk.h: a VFS for one connection a file and
 * one thread. It syncs the folder where the VFS of Unix does: with a new
 * journal or WAL, and when it removes one. */
#ifndef CUT_VFS_H
#define CUT_VFS_H

#include "cut_disk.h"

#include <sqlite3.h>

#define VFS_SHM 8
#define VFS_SHM_SIZE 32768

struct vfs_file {
  sqlite3_file base;
  int file;
  bool new_name; /* its folder was not yet synced */
  void *shm[VFS_SHM];
};

static struct vfs_file *vfs_of(sqlite3_file *f)
{
  return (struct vfs_file *)(void *)f;
}

static bool cut_path(const char *path)
{
  return strncmp(path, "/cut", 4) == 0 && (path[4] == '/' || path[4] == '\0');
}

/* The name below the disk's folder; "" for the folder. */
static const char *cut_below(const char *path)
{
  return cut_path(path) ? path + 4 + (path[4] == '/') : path;
}

static int vfs_shm_unmap(sqlite3_file *file, int remove_it)
{
  struct vfs_file *f = vfs_of(file);
  (void)remove_it;
  for (int i = 0; i < VFS_SHM; i++) {
    free(f->shm[i]);
    f->shm[i] = NULL;
  }
  return SQLITE_OK;
}

static int vfs_close(sqlite3_file *file)
{
  return vfs_shm_unmap(file, 0);
}

static int vfs_read(sqlite3_file *file, void *to, int want, sqlite3_int64 from)
{
  const struct disk_file *f = &disk.file[vfs_of(file)->file];
  size_t n = (size_t)want, at = (size_t)from;
  size_t there = at < f->n ? f->n - at : 0;
  size_t have = there < n ? there : n;
  if (have > 0) {
    memcpy(to, f->p + at, have);
  }
  memset((uint8_t *)to + have, 0, n - have);
  return have < n ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int vfs_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
  disk_do_write(vfs_of(file)->file, (size_t)at, p, (size_t)n);
  return SQLITE_OK;
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 n)
{
  disk_do_size(vfs_of(file)->file, (size_t)n);
  return SQLITE_OK;
}

static int vfs_sync(sqlite3_file *file, int flags)
{
  struct vfs_file *f = vfs_of(file);
  (void)flags;
  disk_do_sync(f->file);
  if (f->new_name) {
    disk_do_sync_names();
    f->new_name = false;
  }
  return SQLITE_OK;
}

static int vfs_size(sqlite3_file *file, sqlite3_int64 *out)
{
  *out = (sqlite3_int64)disk.file[vfs_of(file)->file].n;
  return SQLITE_OK;
}

static int vfs_lock(sqlite3_file *file, int level)
{
  (void)file;
  (void)level;
  return SQLITE_OK;
}

static int vfs_reserved(sqlite3_file *file, int *out)
{
  (void)file;
  *out = 0;
  return SQLITE_OK;
}

static int vfs_control(sqlite3_file *file, int op, void *arg)
{
  (void)file;
  (void)op;
  (void)arg;
  return SQLITE_NOTFOUND;
}

static int vfs_sector(sqlite3_file *file)
{
  (void)file;
  return 4096;
}

static int vfs_traits(sqlite3_file *file)
{
  (void)file;
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int vfs_shm_map(sqlite3_file *file, int page, int size, int extend,
                       void volatile **out)
{
  struct vfs_file *f = vfs_of(file);
  NEED(page < VFS_SHM && size == VFS_SHM_SIZE);
  if (f->shm[page] == NULL && extend) {
    f->shm[page] = calloc(1, VFS_SHM_SIZE);
    NEED(f->shm[page] != NULL);
  }
  *out = f->shm[page];
  return SQLITE_OK;
}

static int vfs_shm_lock(sqlite3_file *file, int from, int n, int flags)
{
  (void)file;
  (void)from;
  (void)n;
  (void)flags;
  return SQLITE_OK;
}

static void vfs_shm_barrier(sqlite3_file *file)
{
  (void)file;
}

static const sqlite3_io_methods vfs_methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_lock,
    .xCheckReservedLock = vfs_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector,
    .xDeviceCharacteristics = vfs_traits,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file,
                    int flags, int *out_flags)
{
  struct vfs_file *f = vfs_of(file);
  const char *name = path != NULL ? cut_below(path) : "";
  int journal =
      SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  (void)vfs;
  memset(f, 0, sizeof *f);
  f->file = name[0] != '\0' ? disk_find(&disk, name) : -1;
  if (f->file < 0 && !(flags & SQLITE_OPEN_CREATE)) {
    return SQLITE_CANTOPEN;
  }
  if (f->file < 0) {
    f->file = disk_do_make(name, 0644);
    f->new_name = (flags & journal) != 0;
  }
  f->base.pMethods = &vfs_methods;
  if (out_flags != NULL) {
    *out_flags = flags;
  }
  return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
  (void)vfs;
  if (disk_find(&disk, cut_below(path)) < 0) {
    return SQLITE_IOERR_DELETE_NOENT;
  }
  disk_do_entry("", -1, cut_below(path));
  if (sync) {
    disk_do_sync_names();
  }
  return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
  int file = disk_find(&disk, cut_below(path));
  (void)vfs;
  /* As that of Unix: one without bytes is not there. */
  *out = file >= 0 && (flags != SQLITE_ACCESS_EXISTS || disk.file[file].n > 0);
  return SQLITE_OK;
}

static int vfs_path(sqlite3_vfs *vfs, const char *path, int room, char *out)
{
  (void)vfs;
  return snprintf(out, (size_t)room, "%s", path) < room ? SQLITE_OK
                                                        : SQLITE_CANTOPEN;
}

/* From now on the VFS of every connection that asks for none. */
static void cut_vfs_start(void)
{
  static sqlite3_vfs vfs;
  vfs = *sqlite3_vfs_find(NULL);
  vfs.zName = "cut";
  vfs.pNext = NULL;
  vfs.szOsFile = sizeof(struct vfs_file);
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_path;
  NEED(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

#endif
