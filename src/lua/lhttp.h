/* SPDX-License-Identifier: 0BSD */
/* What the two files of mahatta.http share. */
#ifndef LUA_LHTTP_H
#define LUA_LHTTP_H

#include "base/buf.h"
#include "lua/lutil.h"

#include <microhttpd.h>

#define HTTP "mahatta.http"

struct visit;

struct lhttp {
  struct MHD_Daemon *daemon; /* NULL: closed */
  lua_State *L;              /* of the call that steps it; NULL: none */
  int epoll;
  struct visit *visits;
  bool ended; /* a connection, since this was last set to false */
};

/* One request and its response. */
struct exchange {
  struct lhttp *server;
  struct MHD_Connection *connection;
  const char *method;
  struct buf target, body; /* the address as it came */
  bool begun, refusing, refused, answered;
  unsigned status;
  struct MHD_Response *response; /* made, and not queued yet */
};

/* Where the client is, as text; NULL where that can't be told. */
#define LHTTP_ADDRESS_SIZE 46
const char *lhttp_address(struct MHD_Connection *c,
                          char text[LHTTP_ADDRESS_SIZE]);

/* Ask the host's `refuse` about a request with a body: ${x->refused} tells,
 * and the response is in ${x} then. */
void lanswer_refuse(struct exchange *x);

/* Let the host's `handler` answer; the response is in ${x}, NULL only when
 * memory ran out. */
void lanswer_handle(struct exchange *x);

#endif
