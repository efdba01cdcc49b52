/* SPDX-License-Identifier: 0BSD */
/* Words that every text is full of. */
#ifndef TEXT_STOP_H
#define TEXT_STOP_H

#include "text/lang.h"

/* Is the folded word ${token} one of those of ${lang}? */
bool stop_word(enum lang lang, struct span token);

#endif
