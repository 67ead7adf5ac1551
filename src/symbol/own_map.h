/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: large sections mapped once more, by ourselves. Pages that were read can
 * be given back, as those of libelf's mapping cannot (it may write into it): what is looked through
 * from end to end then does not stay in our memory.
 */
#ifndef MT_SYMBOL_OWN_MAP_H
#define MT_SYMBOL_OWN_MAP_H

#include <gelf.h>

#include "symbol/scan.h"

struct mt_module_file;

/* The file of the module that has the DWARF, opened anew; -1: it cannot be. */
int mt_debug_file_open(struct mt_module_file *file);

/* Maps a section of the file open at `fd`, which libelf has at *bytes, if it is large and the file
 * has it as it is there. True: *bytes is the mapping now, and to be ended by mt_own_map_end(). */
bool mt_own_map(int fd, const GElf_Shdr *header, struct mt_bytes *bytes);
void mt_own_map_end(struct mt_bytes bytes);

/* Gives the pages of such a mapping back; they are read again when they are needed. */
void mt_own_map_release(struct mt_bytes bytes);

#endif
