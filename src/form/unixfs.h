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
 * a negative code, which the builder hands back (the sink describes it). */
typedef int unixfs_sink(void *ud, const struct cid *cid, struct span bytes);

/* A balanced tree under construction: memory grows with depth * width, not
 * with the file. */
struct unixfs_builder;
int unixfs_builder_new(struct unixfs_builder **out, unixfs_sink *sink, void *ud,
                       struct err *e) MUST_USE;
void unixfs_builder_del(struct unixfs_builder *b);

/* Next leaf: a raw block of ${size} bytes of the file, 1 .. BLOCK_SIZE_MAX
 * (else ERR_MISUSE). ERR_LIMIT over UNIXFS_FILE_SIZE_MAX. */
int unixfs_add_leaf(struct unixfs_builder *b, const struct cid *leaf,
                    uint64_t size, struct err *e) MUST_USE;

/* The file's root: for one leaf the leaf itself; for none, the raw block of
 * no bytes (the caller stores it). The builder is then empty and may build
 * the next file; after an error it may only be deleted. */
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
  struct span name; /* directory entries */
  uint64_t part;    /* files: bytes of the file below this link */
};

struct unixfs_links {
  size_t at_link, at_size, left; /* zero-initialise */
  bool started;
};

/* Decode strictly (canonical dag-pb: links before data, fields in order,
 * minimal varints, no unknown fields): for a file the claimed size must equal
 * inline data + blocksizes, with as many blocksizes as links, none of them 0,
 * without overflow, <= UNIXFS_FILE_SIZE_MAX; its links have no names and lead
 * to raw or dag-pb blocks. A directory's names have up to UNIXFS_NAME_MAX
 * bytes, which may be any. Symlinks and HAMT shards decode, and the callers
 * refuse them. ERR_INVALID / ERR_LIMIT. Tsize is a hint: read over, and so are
 * mode and mtime. */
int unixfs_read(struct unixfs_node *out, struct span block,
                struct err *e) MUST_USE;
bool unixfs_link_next(const struct unixfs_node *n, struct unixfs_links *it,
                      struct unixfs_link *out);

/* ---- walking a file ----
 * Sans-IO, without recursion: next tells which block comes; the caller loads
 * it and proves its CID, then feeds it, and gets the bytes that stand there,
 * in the order of the file; or skips it (not held, or seen before), and
 * everything below it with it. What a node claims is checked against what
 * each part turns out to be, so that no more than the claimed size is given
 * out, no way is longer than UNIXFS_DEPTH_MAX, and no more blocks are asked
 * for than a file of that size can sensibly have (UNIXFS_VISITS_FREE,
 * UNIXFS_PART_AVG_MIN). */

#define UNIXFS_SIZE_UNKNOWN UINT64_MAX

struct unixfs_step {
  struct cid cid;
  uint64_t size;   /* bytes of the file in and below this block, or unknown */
  uint64_t offset; /* where they begin in the file */
  unsigned depth;  /* 0: the root */
};

struct unixfs_walk {
  struct unixfs_step *todo; /* a stack: the last one is next */
  size_t n, cap;
  struct unixfs_step now; /* taken by next, not yet fed */
  bool has_now;
  uint64_t size; /* of the file; unknown until the root was fed */
  uint64_t visits;
};

/* Begin at ${root}; ${size} as the record claims it, or UNIXFS_SIZE_UNKNOWN.
 * ERR_LIMIT over UNIXFS_FILE_SIZE_MAX. ${w} need not be initialised, and is
 * to be freed whatever the result. */
int unixfs_walk_start(struct unixfs_walk *w, const struct cid *root,
                      uint64_t size, struct err *e) MUST_USE;
void unixfs_walk_free(struct unixfs_walk *w);

/* Which block comes next: 1, or 0 at the end, or ERR_LIMIT when the visits
 * are used up. A step that is neither fed nor skipped is given again. */
int unixfs_walk_next(struct unixfs_walk *w, struct unixfs_step *out,
                     struct err *e) MUST_USE;

/* Give the block of the step that next told; its bytes of the file come out
 * in ${leaf} (a view into ${block}; may be empty). ERR_INVALID: not a file, or
 * not of the size that was claimed for it; ERR_LIMIT: too deep or too large;
 * then the walk is over. */
int unixfs_walk_feed(struct unixfs_walk *w, struct span block,
                     struct span *leaf, struct err *e) MUST_USE;

/* Pass over the step that next told. Skipping a root of unknown size leaves
 * nothing to walk. */
void unixfs_walk_skip(struct unixfs_walk *w);

#endif
