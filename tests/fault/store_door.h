/* SPDX-License-Identifier: 0BSD */
/* The store's door, in the way of every operation: each asks the table of
 * faults (FAULT_DOOR), and what it is told goes back to the station as if the
 * engine had said it. A change that is refused takes its group back with it, as
 * store.h has it. For the one program that includes it, and that the linker
 * gives this store_sqlite_open. */
#ifndef STORE_DOOR_H
#define STORE_DOOR_H

#include "fault_table.h"

#include "store/store.h"

static struct {
  const struct store_ops *real;
  int code;  /* the answer */
  bool lost; /* a group is: the engine goes on to say so, in its own code */
} door;

static bool door_shut(void)
{
  return fault_hits(FAULT_DOOR);
}

static int door_answer(struct err *e)
{
  return err_set(e, door.code, "the store was told to fail");
}

/* The engine refuses a pair without a key, and takes back what waited. */
static int door_refuse(struct store *s, struct err *e)
{
  struct store_pair nothing = {{NULL, 0}, {(const uint8_t *)"", 0}};
  struct store_batch batch = {.kv = &nothing, .kv_n = 1};
  struct err why;
  NEED(door.real->append(s, &batch, NULL, NULL, &why) < 0);
  door.lost = true;
  return door_answer(e);
}

/* What the engine says of a group that was lost, in the code that lost it. */
static int door_after(int rc, struct err *e)
{
  return rc == ERR_LIMIT && door.lost ? door_answer(e) : rc;
}

static int door_put(struct store *s, const struct store_block *b, size_t n,
                    bool file, uint64_t *numbers, bool *fresh, struct err *e)
{
  return door_shut()
             ? door_refuse(s, e)
             : door_after(door.real->put(s, b, n, file, numbers, fresh, e), e);
}

static int door_append(struct store *s, const struct store_batch *batch,
                       uint64_t *numbers, bool *fresh, struct err *e)
{
  return door_shut()
             ? door_refuse(s, e)
             : door_after(door.real->append(s, batch, numbers, fresh, e), e);
}

/* An end that is refused ends it all the same. */
static int door_group(struct store *s, bool on, struct err *e)
{
  int rc = door_shut() ? on ? door_answer(e) : door_refuse(s, e) : 0;
  if (rc < 0 && on) {
    return rc;
  }
  rc = door_after(door.real->group(s, on, e), e);
  door.lost = door.lost && on;
  return rc;
}

/* Those that are only asked. */
#define DOOR(name, parameters, arguments)                                      \
  static int door_##name parameters                                            \
  {                                                                            \
    return door_shut() ? door_answer(e) : door.real->name arguments;           \
  }                                                                            \
  _Static_assert(true, "a declaration")

DOOR(get,
     (struct store * s, const struct cid *c, struct buf *out, struct err *e),
     (s, c, out, e));
DOOR(get_ref,
     (struct store * s, uint64_t ref, struct cid *cid, struct buf *out,
      struct err *e),
     (s, ref, cid, out, e));
DOOR(find,
     (struct store * s, const struct cid *c, size_t n, uint64_t *refs,
      struct err *e),
     (s, c, n, refs, e));
DOOR(find_prefix,
     (struct store * s, uint64_t prefix, uint64_t *refs, struct cid *cids,
      size_t max, struct err *e),
     (s, prefix, refs, cids, max, e));
DOOR(walk,
     (struct store * s, uint64_t after, bool file, uint64_t *refs, size_t max,
      struct err *e),
     (s, after, file, refs, max, e));
DOOR(sweep_start, (struct store * s, struct err *e), (s, e));
DOOR(mark, (struct store * s, const struct cid *c, size_t n, struct err *e),
     (s, c, n, e));
DOOR(sweep, (struct store * s, size_t limit, uint64_t *freed, struct err *e),
     (s, limit, freed, e));
DOOR(since,
     (struct store * s, struct span collection, uint64_t after, uint64_t *refs,
      size_t max, struct err *e),
     (s, collection, after, refs, max, e));
DOOR(count,
     (struct store * s, struct span collection, uint64_t *out, struct err *e),
     (s, collection, out, e));
DOOR(collections,
     (struct store * s, struct span after, struct buf *names, size_t max,
      struct err *e),
     (s, after, names, max, e));
DOOR(ends,
     (struct store * s, struct span after, struct buf *names,
      struct store_end *ends, size_t max, struct err *e),
     (s, after, names, ends, max, e));
DOOR(rows,
     (struct store * s, uint8_t name, struct span key, int64_t sort,
      uint64_t ref, bool descending, int64_t *sorts, uint64_t *refs, size_t max,
      struct err *e),
     (s, name, key, sort, ref, descending, sorts, refs, max, e));
DOOR(kv_get,
     (struct store * s, struct span key, struct buf *out, struct err *e),
     (s, key, out, e));
DOOR(kv_list,
     (struct store * s, struct span prefix, struct span after, struct buf *out,
      size_t max, struct err *e),
     (s, prefix, after, out, max, e));
DOOR(query,
     (struct store * s, const struct store_query *q, struct store_hit *hits,
      size_t max, struct err *e),
     (s, q, hits, max, e));
DOOR(tally,
     (struct store * s, const struct store_query *q, struct store_tally *out,
      struct err *e),
     (s, q, out, e));
DOOR(explain,
     (struct store * s, const struct store_query *q, uint64_t ref,
      double *parts, struct err *e),
     (s, q, ref, parts, e));
DOOR(holding,
     (struct store * s, const struct span *term, size_t n, uint64_t *docs,
      uint64_t *all, struct err *e),
     (s, term, n, docs, all, e));
DOOR(alike,
     (struct store * s, const struct store_like *like, size_t n,
      struct store_alike *out, size_t max, size_t *counts, struct err *e),
     (s, like, n, out, max, counts, e));
DOOR(prefix,
     (struct store * s, struct span prefix, struct store_alike *out, size_t max,
      struct err *e),
     (s, prefix, out, max, e));
DOOR(tidy, (struct store * s, bool all, struct err *e), (s, all, e));
DOOR(derived_reset, (struct store * s, struct err *e), (s, e));
DOOR(search_reset, (struct store * s, struct err *e), (s, e));
DOOR(derived_digest, (struct store * s, uint8_t out[32], struct err *e),
     (s, out, e));
DOOR(stats, (struct store * s, struct store_stats *out, struct err *e),
     (s, out, e));
DOOR(room, (struct store * s, struct store_room *out, struct err *e),
     (s, out, e));
DOOR(check, (struct store * s, struct err *e), (s, e));
DOOR(audit, (struct store * s, struct buf *docs, struct err *e), (s, docs, e));
DOOR(version, (struct store * s, uint64_t *out, struct err *e), (s, out, e));

static const struct store_ops door_ops = {.put = door_put,
                                          .append = door_append,
                                          .group = door_group,
                                          .get = door_get,
                                          .get_ref = door_get_ref,
                                          .find = door_find,
                                          .find_prefix = door_find_prefix,
                                          .walk = door_walk,
                                          .sweep_start = door_sweep_start,
                                          .mark = door_mark,
                                          .sweep = door_sweep,
                                          .since = door_since,
                                          .count = door_count,
                                          .collections = door_collections,
                                          .ends = door_ends,
                                          .rows = door_rows,
                                          .kv_get = door_kv_get,
                                          .kv_list = door_kv_list,
                                          .query = door_query,
                                          .tally = door_tally,
                                          .explain = door_explain,
                                          .holding = door_holding,
                                          .alike = door_alike,
                                          .prefix = door_prefix,
                                          .tidy = door_tidy,
                                          .derived_reset = door_derived_reset,
                                          .search_reset = door_search_reset,
                                          .derived_digest = door_derived_digest,
                                          .stats = door_stats,
                                          .room = door_room,
                                          .check = door_check,
                                          .audit = door_audit,
                                          .version = door_version};

int __real_store_sqlite_open(struct store **out, const char *path,
                             const struct store_options *opt, struct err *e);
int __wrap_store_sqlite_open(struct store **out, const char *path,
                             const struct store_options *opt, struct err *e);

int __wrap_store_sqlite_open(struct store **out, const char *path,
                             const struct store_options *opt, struct err *e)
{
  static struct store_ops ops;
  int rc = __real_store_sqlite_open(out, path, opt, e);
  if (rc == 0) {
    door.real = (*out)->ops;
    ops = door_ops; /* those that can't fail are the engine's */
    ops.engine = door.real->engine;
    ops.close = door.real->close;
    ops.hold = door.real->hold;
    (*out)->ops = &ops;
  }
  return rc;
}

#endif
