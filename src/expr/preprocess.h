/* SPDX-License-Identifier: MIT */
/*
 * Macros in what a person writes: C11 6.10.3, as far as one line goes. Names that stand beside `::`
 * or behind $ are none of C's, and stay as they are.
 */
#ifndef MT_EXPR_PREPROCESS_H
#define MT_EXPR_PREPROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* Where definitions come from: what stands behind #define ("LIMIT 40", "SUM(a,b) ((a) + (b))"). */
struct mt_macro_source {
	bool (*find)(void *arg, const char *name, size_t len, const char **definition);
	void *arg;
};

/*
 * Appends the text with its macros expanded; *any says whether there was one. SYNTAX: a macro has
 * other parameters than it is given, or what comes of it is longer than MT_EXPR_MAX_LEN.
 */
struct mt_error *mt_preprocess(const struct mt_macro_source *source, const char *text,
                               struct mt_buf *out, bool *any);

#endif
