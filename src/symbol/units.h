/* SPDX-License-Identifier: MIT */
/*
 * The units of a file's DWARF: where they lie, which one covers an address. Made on demand, and
 * without reading more of a unit than its header and first DIE.
 */
#ifndef MT_SYMBOL_UNITS_H
#define MT_SYMBOL_UNITS_H

#include "symbol/module.h"
#include "symbol/recent.h"

/* Offsets in the section, of the header, of the first DIE, and one past the last byte. */
struct mt_unit {
	uint64_t offset;
	uint64_t die;
	uint64_t end;
};

/* A section with units: .debug_info or .debug_types of the file, .debug_info of its dwz alternate.
 */
struct mt_space {
	Dwarf *dwarf;
	bool is_types;
	struct mt_bytes bytes;
	bool is_own;           /* mapped by ourselves (own_map.h) */
	struct mt_unit *units; /* by offset */
	size_t count;
	struct mt_recent recent; /* of named.c */
};

enum { MT_SPACE_MAX = 3 };

/* What the first DIE of a unit says about other sections. UINT64_MAX: nothing. */
struct mt_unit_root {
	const struct mt_unit *unit;
	uint64_t str_base;  /* where its entries in .debug_str_offsets start */
	uint64_t stmt_list; /* its header in .debug_line */
};

struct mt_indexing;

struct mt_cu_range {
	uint64_t start, end;
	uint64_t die; /* of the unit that covers it */
};

struct mt_units {
	struct mt_space spaces[MT_SPACE_MAX];
	size_t space_count;
	struct mt_bytes str, alt_str, str_offsets, line, line_str, abbrev, alt_abbrev;
	bool is_split; /* of a .dwo file */
	bool str_is_own;
	struct mt_module_file *file;

	struct mt_units **splits; /* with -gsplit-dwarf: those of the .dwo files, or a package's */
	size_t split_count;
	struct mt_package *package; /* NULL: none is known of */
	bool tried_package;

	struct mt_unit_root *roots; /* of spaces[0], by str_base; see mt_units_read_roots() */
	size_t root_count;
	bool tried_roots;

	struct mt_cu_range *ranges; /* by start */
	size_t range_count;
	bool tried_ranges;

	struct mt_indexing *indexing; /* see indexing.h; NULL as long as nobody has asked */
};

/* NULL without DWARF, or memory. Owned by the file. */
struct mt_units *mt_units_of(struct mt_module_file *file);
void mt_units_destroy(struct mt_units *units);

/* The DIE that has what the unit of that file says: `cu` itself, or with -gsplit-dwarf its like in
 * the .dwo file or the package. False when that is missing. */
bool mt_unit_whole(struct mt_module_file *file, Dwarf_Die *cu, Dwarf_Die *whole);

/* The unit that holds that offset of the section, or NULL. */
const struct mt_unit *mt_unit_at(const struct mt_space *space, uint64_t offset);

/* The DIE at that offset; false for a damaged one. */
bool mt_space_die(const struct mt_space *space, uint64_t offset, Dwarf_Die *die);

/* Gives back what a look through the space and the names of its DIEs has taken of memory. */
void mt_space_release(const struct mt_space *space, const struct mt_units *units);

/* Fills in `roots`. Reads every unit's first DIE, once. */
void mt_units_read_roots(struct mt_units *units);

/* The first unit whose part of .debug_str_offsets has an entry at that offset, or NULL. Those that
 * share the part follow it in `roots`. */
const struct mt_unit_root *mt_units_root_of_string(struct mt_units *units, uint64_t offset);

/* The compilation unit whose code covers file address `addr`. */
bool mt_units_cu_at(struct mt_module_file *file, uint64_t addr, Dwarf_Die *cu);

#endif
