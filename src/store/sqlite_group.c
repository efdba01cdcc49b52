/* SPDX-License-Identifier: 0BSD */
/* Changes that wait for one commit together. The transaction begins with the
 * first of them (sq_begin), and sq_end leaves it open. */
#include "store/sqlite_int.h"

int sq_group_lost(struct sq *s, int code, struct err *e)
{
  return err_set(e, code, "%s: what was stored together was taken back",
                 s->path);
}

bool sq_is_lost(const struct sq *s)
{
  return sqlite3_get_autocommit(s->db) ||
         (s->big_open && sqlite3_get_autocommit(s->files));
}

int sq_lost(const struct sq *s, struct err *e)
{
  return s->lost.code == 0 ? sq_nomem(e)
                           : err_set(e, s->lost.code, "%s", s->lost.text);
}

int sq_big_commit(struct sq *s, struct err *e)
{
  if (!s->big_open) {
    return 0;
  }
  int rc = sq_is_lost(s) ? sq_lost(s, e) : sq_exec(s, Q_BIG_COMMIT, e);
  s->big_open = rc < 0;
  return rc;
}

static int group_end(struct sq *s, struct err *e)
{
  int fault = s->group_fault;
  bool open = s->group_open;
  s->grouped = s->group_open = false;
  s->group_fault = 0;
  if (fault < 0) {
    return sq_group_lost(s, fault, e);
  }
  if (!open) {
    return 0;
  }
  int rc = sq_end(s, sq_big_commit(s, e), e);
  sq_gone_try(s);
  return rc;
}

int sq_group(struct store *st, bool on, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, true, e);
  if (rc < 0 || (!on && !s->grouped)) {
    return rc;
  }
  if (on && s->grouped) {
    return err_set(e, ERR_MISUSE, "groups don't nest");
  }
  if (!on) {
    return group_end(s, e);
  }
  s->grouped = true;
  return 0;
}
