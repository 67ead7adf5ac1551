/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: the parts of mt_image_locate(). */
#ifndef MT_SYMBOL_LOCATE_H
#define MT_SYMBOL_LOCATE_H

#include "base/error.h"
#include "symbol/image.h"

enum { MT_LOCATIONS_MAX = 32 };

struct mt_location_list {
	struct mt_location *data;
	size_t len;
	size_t cap;
};

/* Adds an address, unless it is there already, or the list is full. `what` is copied. */
struct mt_error *mt_location_add(struct mt_location_list *list, uint64_t addr, const char *what);

/* The functions by that name in the module, where they start to do their work; inlined copies too.
 * `scope`, which may be NULL, is the end of a source file's path. Adds nothing when there is none.
 */
struct mt_error *mt_locate_function(struct mt_image *image, const struct mt_module *module,
                                    const char *scope, const char *name,
                                    struct mt_location_list *list);

/* Where the function at file addresses [start, end) has its arguments in place, by the line table;
 * `start` when that is not known. */
uint64_t mt_past_prologue(struct mt_module_file *file, uint64_t start, uint64_t end);

/* The addresses of that line, or of the next one that has code. Where that is a function's first
 * instruction, past its prologue, and the first is the location's `entry`. */
struct mt_error *mt_locate_line(struct mt_image *image, const struct mt_module *module,
                                const char *file, unsigned line, struct mt_location_list *list);

#endif
