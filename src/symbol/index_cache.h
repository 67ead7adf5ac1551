/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: the folder with the indexes that were made, $XDG_CACHE_HOME/memtrap or
 * ~/.cache/memtrap, a file for each build-id.
 *
 * Only what is ours is used: a folder or a file of another owner, or that others may write to, is
 * left alone as if it were not there. So root with a user's HOME (`sudo -E`) neither believes the
 * user's files nor leaves its own among them.
 */
#ifndef MT_SYMBOL_INDEX_CACHE_H
#define MT_SYMBOL_INDEX_CACHE_H

#include "symbol/index_file.h"

/* What all files together may take; those that were not used for longest go. */
#define MT_INDEX_CACHE_MAX (1ull << 30)

/* The folder, opened; made if `make`. -1: there is none that may be used. */
int mt_index_cache_open(bool make);

/* The file of that subject, opened for reading, and now the latest used; -1: there is none. */
int mt_index_cache_find(int folder, const struct mt_index_subject *subject);

/* A new file, open for reading and writing, that nobody finds yet; `name` gets its name, of at most
 * NAME_MAX bytes. -1 on failure. */
int mt_index_cache_create(int folder, char *name);

/* Gives it its right name, in place of a file that has that; or takes it away. Tidies up. */
void mt_index_cache_keep(int folder, const struct mt_index_subject *subject, const char *name);
void mt_index_cache_drop(int folder, const char *name);

/* Takes away the oldest files until all together have at most `max` bytes. */
void mt_index_cache_tidy(int folder, uint64_t max);

#endif
