/* SPDX-License-Identifier: 0BSD */
#include "form/unixfs.h"

#include "base/check.h"

#include <string.h>

/* Protobuf tags: field number * 8 + wire type (0 varint, 2 bytes). */
enum {
  NODE_DATA = 0x0a,
  NODE_LINK = 0x12,
  LINK_HASH = 0x0a,
  LINK_NAME = 0x12,
  LINK_TSIZE = 0x18,
  DATA_TYPE = 0x08,
  DATA_BYTES = 0x12,
  DATA_FILESIZE = 0x18,
  DATA_BLOCKSIZE = 0x20,
  DATA_HASHTYPE = 0x28,
  DATA_FANOUT = 0x30,
  DATA_MODE = 0x38,
  DATA_MTIME = 0x42
};

#define PB_VARINT_BYTES_MAX 10 /* protobuf's numbers have 64 bits */

struct pb {
  const uint8_t *start, *p, *end; /* ${start}: of the block, for messages */
  struct err *e;
};

static int bad(const struct pb *r, const char *what)
{
  return err_set(r->e, ERR_INVALID, "dag-pb: %s at byte %td", what,
                 r->p - r->start);
}

/* Take a varint in its shortest form. */
static int take_varint(struct pb *r, uint64_t *out)
{
  uint64_t v = 0;
  for (int i = 0; i < PB_VARINT_BYTES_MAX && r->p + i < r->end; i++) {
    uint8_t byte = r->p[i];
    if (i == PB_VARINT_BYTES_MAX - 1 && byte > 1) {
      return bad(r, "a number of more than 64 bits");
    }
    v |= (uint64_t)(byte & 0x7fu) << 7 * i;
    if ((byte & 0x80u) == 0) {
      if (byte == 0 && i > 0) {
        return bad(r, "a number that is not in its shortest form");
      }
      r->p += i + 1;
      *out = v;
      return 0;
    }
  }
  return bad(r, "a number that is cut short");
}

/* Does the field ${tag} come next? Takes its tag. All tags are one byte. */
static bool take_tag(struct pb *r, uint8_t tag)
{
  if (r->p == r->end || *r->p != tag) {
    return false;
  }
  r->p++;
  return true;
}

/* Take a length and that many bytes. */
static int take_bytes(struct pb *r, struct span *out)
{
  uint64_t n = 0;
  int rc = take_varint(r, &n);
  if (rc < 0) {
    return rc;
  }
  if (n > (uint64_t)(r->end - r->p)) {
    return bad(r, "a length beyond the end");
  }
  *out = span_of(r->p, (size_t)n);
  r->p += n;
  return 0;
}

/* Take a PBLink: Hash, then Name and Tsize where they are. */
static int take_link(struct pb *r, struct unixfs_link *out)
{
  struct span body = {NULL, 0}, hash = {NULL, 0};
  uint64_t tsize;
  memset(out, 0, sizeof *out);
  int rc = take_bytes(r, &body);
  if (rc < 0) {
    return rc;
  }
  struct pb in = {r->start, body.p, body.p + body.n, r->e};
  if (!take_tag(&in, LINK_HASH)) {
    return bad(&in, "a link without Hash");
  }
  rc = take_bytes(&in, &hash);
  if (rc < 0) {
    return rc;
  }
  rc = cid_read(&out->cid, hash.p, hash.n, r->e);
  if (rc < 0) {
    return rc;
  }
  if (take_tag(&in, LINK_NAME)) {
    rc = take_bytes(&in, &out->name);
    if (rc < 0) {
      return rc;
    }
  }
  if (take_tag(&in, LINK_TSIZE)) {
    rc = take_varint(&in, &tsize); /* a hint, and often wrong: read over */
    if (rc < 0) {
      return rc;
    }
  }
  return in.p == in.end ? 0 : bad(&in, "an unknown field in a link");
}

/* The fields of the UnixFS message besides the node's own. */
struct data_fields {
  uint64_t type;
  uint64_t sizes; /* how many blocksizes */
  uint64_t sum;   /* of them, without overflow */
  bool has_bytes, has_filesize;
  bool has_zero; /* a blocksize of 0 */
};

static int take_blocksizes(struct pb *r, struct unixfs_node *out,
                           struct data_fields *d)
{
  const uint8_t *start = r->p;
  while (take_tag(r, DATA_BLOCKSIZE)) {
    uint64_t size = 0;
    int rc = take_varint(r, &size);
    if (rc < 0) {
      return rc;
    }
    if (size > (uint64_t)UNIXFS_FILE_SIZE_MAX - d->sum) {
      return err_set(r->e, ERR_LIMIT, "UnixFS: parts of more than %lld bytes",
                     UNIXFS_FILE_SIZE_MAX);
    }
    d->has_zero = d->has_zero || size == 0;
    d->sum += size;
    d->sizes++;
  }
  out->raw_sizes = span_of(start, (size_t)(r->p - start));
  return 0;
}

/* hashType and fanout (HAMT shards), mode and mtime (UnixFS 1.5): their form
 * is checked, their content is nobody's business here. */
static int take_rest(struct pb *r, bool hamt)
{
  static const uint8_t numbers[] = {DATA_HASHTYPE, DATA_FANOUT, DATA_MODE};
  for (size_t i = 0; i < sizeof numbers; i++) {
    if (!hamt && numbers[i] != DATA_MODE) {
      continue;
    }
    uint64_t ignored;
    int rc = take_tag(r, numbers[i]) ? take_varint(r, &ignored) : 0;
    if (rc < 0) {
      return rc;
    }
  }
  struct span mtime;
  int rc = take_tag(r, DATA_MTIME) ? take_bytes(r, &mtime) : 0;
  if (rc < 0) {
    return rc;
  }
  return r->p == r->end ? 0 : bad(r, "an unknown or misplaced UnixFS field");
}

static int take_data(struct pb *r, struct unixfs_node *out,
                     struct data_fields *d)
{
  if (!take_tag(r, DATA_TYPE)) {
    return bad(r, "not UnixFS: no type");
  }
  int rc = take_varint(r, &d->type);
  if (rc < 0) {
    return rc;
  }
  d->has_bytes = take_tag(r, DATA_BYTES);
  rc = d->has_bytes ? take_bytes(r, &out->data) : 0;
  if (rc < 0) {
    return rc;
  }
  d->has_filesize = take_tag(r, DATA_FILESIZE);
  rc = d->has_filesize ? take_varint(r, &out->file_size) : 0;
  if (rc < 0) {
    return rc;
  }
  rc = take_blocksizes(r, out, d);
  return rc < 0 ? rc : take_rest(r, d->type == 5);
}

/* What is true of every link, given what the node is. */
static int check_links(const struct unixfs_node *n, struct err *e)
{
  struct pb r = {n->bytes.p, n->raw_links.p, n->raw_links.p + n->raw_links.n,
                 e};
  bool file = n->type == UNIXFS_FILE;
  while (take_tag(&r, NODE_LINK)) {
    struct unixfs_link link;
    int rc = take_link(&r, &link);
    if (rc < 0) {
      return rc;
    }
    if (file && link.name.n > 0) {
      return bad(&r, "a file's link with a name");
    }
    if (file && cid_codec(&link.cid) == CID_DAG_CBOR) {
      return bad(&r, "a file's link to dag-cbor");
    }
    if (link.name.n > UNIXFS_NAME_MAX) {
      return bad(&r, "a name that is too long");
    }
  }
  return 0;
}

static int check_file(struct unixfs_node *n, const struct data_fields *d,
                      struct err *e)
{
  if (n->links > UNIXFS_LINKS_MAX) {
    return err_set(e, ERR_LIMIT, "UnixFS: %zu links, at most %d", n->links,
                   UNIXFS_LINKS_MAX);
  }
  if (d->type == 0 && n->links > 0) {
    return err_set(e, ERR_INVALID, "UnixFS: a raw leaf with links");
  }
  if (!d->has_filesize || d->sizes != n->links) {
    return err_set(e, ERR_INVALID, "UnixFS: %zu links, but %llu sizes%s",
                   n->links, (unsigned long long)d->sizes,
                   d->has_filesize ? "" : " and no file size");
  }
  if (n->file_size > (uint64_t)UNIXFS_FILE_SIZE_MAX) {
    return err_set(e, ERR_LIMIT, "UnixFS: a file of %llu bytes, at most %lld",
                   (unsigned long long)n->file_size, UNIXFS_FILE_SIZE_MAX);
  }
  if (d->has_zero) {
    return err_set(e, ERR_INVALID, "UnixFS: a part of no bytes");
  }
  uint64_t held = d->sum + n->data.n;
  if (n->file_size != held) {
    return err_set(e, ERR_INVALID,
                   "UnixFS: claims %llu bytes, its parts make %llu",
                   (unsigned long long)n->file_size, (unsigned long long)held);
  }
  n->type = n->links > 0 ? UNIXFS_FILE : UNIXFS_RAW_LEAF;
  return check_links(n, e);
}

static int check_dir(const struct unixfs_node *n, const struct data_fields *d,
                     struct err *e)
{
  if (d->has_bytes && n->type == UNIXFS_DIR) {
    return err_set(e, ERR_INVALID, "UnixFS: a directory with inline bytes");
  }
  if (d->sizes > 0 || n->file_size > 0) {
    return err_set(e, ERR_INVALID, "UnixFS: a directory with sizes");
  }
  if (n->bytes.n > UNIXFS_DIR_NODE_MAX) {
    return err_set(e, ERR_LIMIT,
                   "UnixFS: a directory of %zu bytes, at most "
                   "%u",
                   n->bytes.n, UNIXFS_DIR_NODE_MAX);
  }
  return check_links(n, e);
}

static int check_symlink(const struct unixfs_node *n,
                         const struct data_fields *d, struct err *e)
{
  if (n->links > 0 || d->sizes > 0 ||
      (d->has_filesize && n->file_size != n->data.n)) {
    return err_set(e, ERR_INVALID, "UnixFS: a symlink with parts");
  }
  return 0;
}

/* Type by number as UnixFS has it, then what must hold for it. */
static int check_type(struct unixfs_node *n, const struct data_fields *d,
                      struct err *e)
{
  static const enum unixfs_type types[] = {UNIXFS_RAW_LEAF, UNIXFS_DIR,
                                           UNIXFS_FILE,     UNIXFS_OTHER,
                                           UNIXFS_SYMLINK,  UNIXFS_HAMT};
  if (d->type >= sizeof types / sizeof *types) {
    return err_set(e, ERR_INVALID, "UnixFS: unknown type %llu",
                   (unsigned long long)d->type);
  }
  n->type = types[d->type];
  switch (n->type) {
  case UNIXFS_RAW_LEAF:
  case UNIXFS_FILE:
    return check_file(n, d, e);
  case UNIXFS_DIR:
  case UNIXFS_HAMT:
    return check_dir(n, d, e);
  case UNIXFS_SYMLINK:
    return check_symlink(n, d, e);
  case UNIXFS_OTHER:
  default: /* metadata: long out of use */
    return err_set(e, ERR_INVALID, "UnixFS: type %llu is not read",
                   (unsigned long long)d->type);
  }
}

/* Walk the links at the block's start, without looking into them. */
static int take_links(struct pb *r, struct unixfs_node *out)
{
  const uint8_t *start = r->p;
  while (take_tag(r, NODE_LINK)) {
    struct span body;
    int rc = take_bytes(r, &body);
    if (rc < 0) {
      return rc;
    }
    out->links++;
  }
  out->raw_links = span_of(start, (size_t)(r->p - start));
  return 0;
}

int unixfs_read(struct unixfs_node *out, struct span block, struct err *e)
{
  struct data_fields d = {0};
  struct span data = {NULL, 0};
  memset(out, 0, sizeof *out);
  if (block.n > BLOCK_SIZE_MAX) {
    return err_set(e, ERR_LIMIT, "dag-pb: a block of %zu bytes, at most %u",
                   block.n, BLOCK_SIZE_MAX);
  }
  if (block.n == 0) {
    return err_set(e, ERR_INVALID, "dag-pb: an empty block is not UnixFS");
  }
  struct pb r = {block.p, block.p, block.p + block.n, e};
  out->bytes = block;
  int rc = take_links(&r, out);
  if (rc < 0) {
    return rc;
  }
  if (!take_tag(&r, NODE_DATA)) {
    return bad(&r, "not UnixFS: no Data after the links");
  }
  rc = take_bytes(&r, &data);
  if (rc < 0) {
    return rc;
  }
  if (r.p != r.end) {
    return bad(&r, "bytes after the Data");
  }
  struct pb in = {block.p, data.p, data.p + data.n, e};
  rc = take_data(&in, out, &d);
  return rc < 0 ? rc : check_type(out, &d, e);
}

bool unixfs_link_next(const struct unixfs_node *n, struct unixfs_links *it,
                      struct unixfs_link *out)
{
  if (!it->started) {
    it->started = true;
    it->left = n->links;
  }
  if (it->left == 0) {
    return false;
  }
  /* unixfs_read has passed the same bytes with the same functions. */
  struct pb r = {n->bytes.p, n->raw_links.p + it->at_link,
                 n->raw_links.p + n->raw_links.n, NULL};
  CHECK(take_tag(&r, NODE_LINK) && take_link(&r, out) == 0);
  it->at_link = (size_t)(r.p - n->raw_links.p);
  if (n->raw_sizes.n > 0) {
    struct pb s = {n->bytes.p, n->raw_sizes.p + it->at_size,
                   n->raw_sizes.p + n->raw_sizes.n, NULL};
    CHECK(take_tag(&s, DATA_BLOCKSIZE) && take_varint(&s, &out->part) == 0);
    it->at_size = (size_t)(s.p - n->raw_sizes.p);
  }
  it->left--;
  return true;
}
