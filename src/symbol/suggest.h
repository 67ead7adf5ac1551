/* SPDX-License-Identifier: MIT */
#ifndef MT_SYMBOL_SUGGEST_H
#define MT_SYMBOL_SUGGEST_H

#include "base/buf.h"
#include "symbol/image.h"

/* Appends the variables of the module (with `code`: functions) whose names are near `name`, as
 * "; did you mean a or b?"; nothing when there are none. Bounded work. */
void mt_suggest_names(const struct mt_module *module, const char *name, bool code,
                      struct mt_buf *text);

#endif
