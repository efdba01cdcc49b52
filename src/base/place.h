/* SPDX-License-Identifier: 0BSD */
/* Gives a finished file its name without ever replacing another. */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

/* Rename ${part} to ${name}, both in the folder ${dirfd} (or AT_FDCWD, with
 * paths): 0, or -1 with errno; EEXIST when there is something of that name.
 * Not durable before the folder is synced. */
int place_new(int dirfd, const char *part, const char *name);

#endif
