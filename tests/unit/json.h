/* SPDX-License-Identifier: 0BSD */
/* Reads the JSON of test vectors, which is known to be well formed: a row of
 * nodes, each with the index of the node after all that it holds. */
#ifndef JSON_H
#define JSON_H

#include "hex.h"
#include "vector_file.h"

struct json_node {
  char kind;      /* { [ " or the first character of a bare word */
  const char *at; /* behind the quote of a string */
  size_t n;       /* of strings (escapes as they stand) and bare words */
  size_t next;    /* the node behind this one and its content */
};

struct json {
  struct buf file;
  struct json_node *nodes;
  size_t count, room;
};

#define JSON_DEPTH 32

static inline struct json_node *json_add(struct json *j, const char *at)
{
  if (j->count == j->room) {
    j->room = j->room > 0 ? 2 * j->room : 1024;
    j->nodes = realloc(j->nodes, j->room * sizeof *j->nodes);
    NEED(j->nodes != NULL);
  }
  struct json_node *node = &j->nodes[j->count++];
  node->kind = *at;
  node->at = at;
  node->n = 0;
  node->next = j->count;
  return node;
}

/* Length of the string or bare word at ${p}. */
static inline size_t json_length(const char *p, bool string)
{
  size_t n = 0;
  while (string ? p[n] != '"' : strchr(",]} \t\r\n", p[n]) == NULL) {
    NEED(p[n] != '\0');
    n += string && p[n] == '\\' ? 2 : 1;
  }
  return n;
}

static inline void json_scan(struct json *j)
{
  size_t open[JSON_DEPTH], depth = 0;
  const char *p = (const char *)j->file.p;
  while (*p != '\0') {
    if (*p == '{' || *p == '[') {
      NEED(depth < JSON_DEPTH);
      open[depth++] = j->count;
      (void)json_add(j, p++);
    } else if (*p == '}' || *p == ']') {
      NEED(depth > 0);
      j->nodes[open[--depth]].next = j->count;
      p++;
    } else if (strchr(",: \t\r\n", *p) != NULL) {
      p++;
    } else {
      bool string = *p == '"';
      struct json_node *node = json_add(j, p);
      node->at += string;
      node->n = json_length(node->at, string);
      p = node->at + node->n + string;
    }
  }
  NEED(depth == 0 && j->count > 0);
}

/* False when the vectors are not there. json_free it in any case. */
static inline bool json_load(struct json *j, const char *name)
{
  memset(j, 0, sizeof *j);
  if (!vector_load(&j->file, name)) {
    return false;
  }
  NEED(buf_byte(&j->file, 0) == 0);
  json_scan(j);
  return true;
}

static inline void json_free(struct json *j)
{
  buf_free(&j->file);
  free(j->nodes);
}

/* Walk a list's or map's nodes: for (i = node + 1; i < json_end(j, node);
 * i = json_end(j, i)). A map's keys and values take turns. */
static inline size_t json_end(const struct json *j, size_t node)
{
  return j->nodes[node].next;
}

/* Does the node hold just ${text} (without escapes)? */
static inline bool json_is(const struct json *j, size_t node, const char *text)
{
  const struct json_node *x = &j->nodes[node];
  return x->n == strlen(text) && memcmp(x->at, text, x->n) == 0;
}

/* The value of ${key} in the map ${map}, or 0 when absent. */
static inline size_t json_get(const struct json *j, size_t map, const char *key)
{
  NEED(j->nodes[map].kind == '{');
  for (size_t i = map + 1; i < json_end(j, map); i = json_end(j, i + 1)) {
    if (json_is(j, i, key)) {
      return i + 1;
    }
  }
  return 0;
}

/* ${key}'s string as the bytes that its hex says. */
static inline struct buf json_hex(const struct json *j, size_t map,
                                  const char *key)
{
  struct buf b = {0};
  size_t node = json_get(j, map, key);
  NEED(node != 0 && j->nodes[node].kind == '"');
  hex_add(&b, j->nodes[node].at, j->nodes[node].n);
  return b;
}

#endif
