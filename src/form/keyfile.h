/* SPDX-License-Identifier: 0BSD */
/* Key file: how an identity rests on disk. A short text; FORMAT.md has it. */
#ifndef FORM_KEYFILE_H
#define FORM_KEYFILE_H

#include "base/buf.h"
#include "base/err.h"
#include "form/crypt.h"

/* Make the file ${path}, 0600, with O_EXCL and O_NOFOLLOW (ERR_EXIST when
 * there is one), synced with its folder before return. ${pass} NULL: in the
 * clear; else sealed with XChaCha20-Poly1305 under Argon2id (KDF_MEM_BYTES,
 * KDF_PASSES) with a key commitment. An empty passphrase is ERR_INVALID, one
 * over PASSPHRASE_MAX bytes ERR_LIMIT. ERR_ACCESS when the disk can't keep
 * the file from others; on every failure nothing is left behind. */
int keyfile_save(const char *path, const struct identity *id, const char *pass,
                 struct err *e) MUST_USE;

/* Read it. ERR_ACCESS when group or others can read or write it, when it is
 * not a plain file of ours (or root's), or when it needs a passphrase and
 * ${pass} is NULL; ERR_SIG for a wrong passphrase; ERR_LIMIT for a file or
 * parameters over the caps. A ${pass} that a file in the clear does not need
 * is passed over. */
int keyfile_load(struct identity **out, const char *path, const char *pass,
                 struct err *e) MUST_USE;

/* The same on bytes, for other ways to keep them. keyfile_encode appends to
 * ${out}; whoever frees that should crypt_wipe it first. */
int keyfile_encode(struct buf *out, const struct identity *id, const char *pass,
                   struct err *e) MUST_USE;
int keyfile_decode(struct identity **out, struct span file, const char *pass,
                   struct err *e) MUST_USE;

#endif
