/* SPDX-License-Identifier: MIT */
/* Which libraries a program will have, without running it. */
#ifndef MT_TARGET_LIBRARIES_H
#define MT_TARGET_LIBRARIES_H

#include "base/error.h"
#include "base/vec.h"

/* Absolute paths, in the order in which names are looked up. Zeroed: none. */
struct mt_libraries {
	MT_VEC(char *) paths;
};

void mt_libraries_deinit(struct mt_libraries *libraries);

/*
 * Asks the program's own dynamic linker what it would load (ld.so(8), --list), what LD_PRELOAD
 * names included: no code of the program or of a library runs. A library that is not found is left
 * out, since the program won't start without it. `libraries` must be zeroed.
 */
struct mt_error *mt_libraries_list(const char *interpreter, const char *program,
                                   struct mt_libraries *libraries);

#endif
