/* SPDX-License-Identifier: MIT */
/*
 * Line tables as a debugger steps through them (DWARF 5 section 6.2), and names of the program in
 * bulk, for lists and completion. Addresses are the process's.
 */
#ifndef MT_SYMBOL_LINES_H
#define MT_SYMBOL_LINES_H

#include "symbol/image.h"

/* Instructions one after the other that belong to one line. */
struct mt_line_range {
	uint64_t start;
	uint64_t end; /* one past the last */
	uint64_t row; /* where the part that has pc begins: the line may have several statements */
	uint64_t row_end;    /* one past it */
	bool begins;         /* `row` is a good place to stop (is_stmt) */
	struct mt_line line; /* line 0, file NULL: the compiler says that it is no line's */
};

/*
 * The range that holds `pc`. Rows that follow each other with the same file and line are one range,
 * whatever their columns; of rows with one address the last one counts that begins a statement, or
 * else the last one. False without a line table for pc. Ranges end with their function
 * (sequence) at the latest.
 */
bool mt_line_range_at(struct mt_image *image, uint64_t pc, struct mt_line_range *range);

/* The ranges from `start` to `end`, in the order of their addresses; false from `each` ends it. */
void mt_line_ranges_each(struct mt_image *image, uint64_t start, uint64_t end,
                         bool (*each)(const struct mt_line_range *range, void *arg), void *arg);

/* The folder that relative paths in the line table for `pc` start from (DW_AT_comp_dir), or NULL.
 * Owned by the image. */
const char *mt_source_folder_at(struct mt_image *image, uint64_t pc);

/*
 * Every source file that a line table names, each name once a unit; false from `each` ends it.
 * Reads the headers of all line tables: takes time with much DWARF. `path` is owned by the image.
 */
void mt_sources_each(struct mt_image *image, bool (*each)(const char *path, void *arg), void *arg);

/* Every ELF symbol of all modules (debug files too), demangled: functions or objects; false from
 * `each` ends it. Takes time in large programs. */
void mt_symbols_each(struct mt_image *image, bool functions,
                     bool (*each)(const struct mt_symbol *symbol, void *arg), void *arg);

#endif
