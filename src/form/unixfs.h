/* SPDX-License-Identifier: 0BSD */
/* UnixFS files as DAGs of raw leaves and dag-pb nodes: profile
 * unixfs-v1-2025 (IPIP-499): CIDv1, 1 MiB raw leaves, balanced, 1024 links a
 * node. The ids are those of `ipfs add` with that profile. */
#ifndef FORM_UNIXFS_H
#define FORM_UNIXFS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "form/cid.h"

/* ---- building ---- */

/* Gets each finished dag-pb node. ${bytes} are lent for the call. Return 0 or
 * a negative code, which the builder hands back. */
typedef int unixfs_sink(void *ud, const struct cid *cid, struct span bytes);

/* A balanced tree under construction: memory grows with depth * width, not
 * with the file. */
struct unixfs_builder;
int unixfs_builder_new(struct unixfs_builder **out, unixfs_sink *sink,
                       void *ud, struct err *e) MUST_USE;
void unixfs_builder_del(struct unixfs_builder *b);

/* Next leaf: a raw block of ${size} bytes of the file. */
int unixfs_add_leaf(struct unixfs_builder *b, const struct cid *leaf,
                    uint64_t size, struct err *e) MUST_USE;

/* The file's root: for one leaf the leaf itself; for none, the raw block of
 * no bytes (the caller stores it). */
int unixfs_finish(struct unixfs_builder *b, struct cid *root, uint64_t *size,
                  struct err *e) MUST_USE;

/* ---- reading ---- */

enum unixfs_type {
  UNIXFS_RAW_LEAF, /* dag-pb node of type Raw (0), or file without links */
  UNIXFS_DIR,
  UNIXFS_FILE,
  UNIXFS_SYMLINK,
  UNIXFS_HAMT,
  UNIXFS_OTHER
};

/* A view into a dag-pb block. */
struct unixfs_node {
  enum unixfs_type type;
  struct span data;      /* inline bytes of the file, may be empty */
  uint64_t file_size;    /* as claimed; checked against the parts */
  size_t links;          /* <= UNIXFS_LINKS_MAX for files */
  struct span raw_links; /* where the links lie, for unixfs_link_next */
  struct span raw_sizes; /* where the blocksizes lie */
  struct span bytes;
};

struct unixfs_link {
  struct cid cid;
  struct span name;  /* directory entries */
  uint64_t part;     /* files: bytes of the file below this link */
};

struct unixfs_links {
  size_t at_link, at_size, left; /* zero-initialise */
  bool started;
};

/* Decode strictly (canonical dag-pb: links before data, fields in order,
 * minimal varints, no unknown fields): for a file the claimed size must equal
 * inline data + blocksizes, with as many blocksizes as links, without
 * overflow, <= UNIXFS_FILE_SIZE_MAX. Symlinks and HAMT shards decode, and the
 * callers refuse them. ERR_INVALID / ERR_LIMIT. Tsize is a hint: read over.
 */
int unixfs_read(struct unixfs_node *out, struct span block,
                struct err *e) MUST_USE;
bool unixfs_link_next(const struct unixfs_node *n, struct unixfs_links *it,
                      struct unixfs_link *out);

#endif
