/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: the making of an index, aside, on threads that step back for whatever
 * else wants the processor. Nobody waits for it: as long as it is not there, names are scanned for.
 */
#ifndef MT_SYMBOL_INDEX_MAKE_H
#define MT_SYMBOL_INDEX_MAKE_H

#include "symbol/index_file.h"

struct mt_index_make;

/*
 * Begins to write the index of `spaces` into the file open at *fd, which is taken over. The array,
 * and what it points to, have to stay until mt_index_make_end(). `threads` is how many may work at
 * once. NULL when no thread can be made.
 */
struct mt_index_make *mt_index_make_begin(const struct mt_index_space *spaces, size_t count,
                                          const struct mt_index_subject *subject, unsigned threads,
                                          int *fd);

/* Whether it is at its end, well or not. */
bool mt_index_make_is_over(const struct mt_index_make *make);

/* How much of the work is done. */
unsigned mt_index_make_percent(const struct mt_index_make *make);

/* Stops it if it still works, and waits for that. True when the file is written whole: then *fd is
 * open on it. NULL is allowed. */
bool mt_index_make_end(struct mt_index_make *make, int *fd);

#endif
