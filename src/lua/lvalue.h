/* SPDX-License-Identifier: 0BSD */
/* Values of the data model, to and from strict DAG-CBOR. */
#ifndef LUA_LVALUE_H
#define LUA_LVALUE_H

#include "lua/lutil.h"

/* Append the value at ${idx} to ${out} (which must lie in a box: this may
 * raise for lack of memory). Raises for what the data model can't hold,
 * naming the place. */
void lvalue_encode(lua_State *L, int idx, struct buf *out);

/* Push the value of ${bytes}, which cbor_check has passed. */
void lvalue_push(lua_State *L, struct span bytes);

/* Push a link; the link at ${idx}, or NULL when that is none. */
void lvalue_push_link(lua_State *L, const struct cid *cid);
const struct cid *lvalue_link(lua_State *L, int idx);
void lvalue_push_bytes(lua_State *L, const void *p, size_t n);
void lvalue_push_id(lua_State *L, const struct cid *cid); /* its text */

/* Functions of the module: encode, decode, link, id, bytes, map, null. */
void lvalue_open(lua_State *L); /* into the table on top */

#endif
