/* SPDX-License-Identifier: MIT */
/* What the files of packages share: package.c finds units, package_unit.c makes files of them,
 * package_ranges.c has what they say of addresses. */
#ifndef MT_SYMBOL_PACKAGE_PRIVATE_H
#define MT_SYMBOL_PACKAGE_PRIVATE_H

#include "base/buf.h"
#include "base/hash.h"
#include "symbol/package.h"
#include "symbol/package_index.h"

/* A section of the package; `size` 0: it has none. */
struct mt_package_bytes {
	uint64_t offset, size; /* in the file */
};

struct mt_package {
	struct mt_package *next; /* of all that are open */
	struct mt_module_file *file;
	int fd;
	uint64_t file_size;
	Elf *elf;
	bool is_64;
	struct mt_package_bytes sections[MT_PACKAGE_SECTIONS];
	struct mt_package_bytes str;
	struct mt_package_index units, types;
	struct mt_package_unit *made; /* by signature, as those of types */
	struct mt_package_unit *made_types;
	struct mt_package_unit *by_dwarf; /* all of them */
	size_t made_count;
	uint64_t *addr_bases, *ranges_bases; /* of all skeletons, sorted */
	size_t base_count;
	bool tried_bases;
};

/* A unit as libdw sees it. `dwarf` NULL: it is damaged. */
struct mt_package_unit {
	uint64_t signature;
	UT_hash_handle hh, hh_dwarf;
	uint8_t *map;
	size_t size;
	Elf *elf;
	Dwarf *dwarf;
	Dwarf_Die first;    /* of a type unit, the type */
	Dwarf_Die skeleton; /* of no type unit */
};

/* What a unit's skeleton has for it. */
struct mt_package_skeleton {
	Dwarf_Die cu;
	uint64_t signature;
	bool is_gnu; /* of DWARF 4 */
	uint8_t address_size;
	bool has_addr, has_ranges; /* the bases are there */
	uint64_t addr_base, ranges_base, low_pc;
	uint64_t addr_end, ranges_end; /* where the next unit's part begins */
};

/* Makes the file of a unit; `skeleton` is NULL for a type unit. False: damaged, or no memory. */
bool mt_package_unit_make(struct mt_package *package, const struct mt_package_row *row,
                          const struct mt_package_skeleton *skeleton, struct mt_package_unit *unit);
void mt_package_unit_end(struct mt_package_unit *unit);

/* The skeleton's own words; false: it is none. */
bool mt_package_skeleton_of(Dwarf_Die *cu, struct mt_package_skeleton *skeleton);

/*
 * Appends a unit's range lists as they would be with base address 0: libdw does not know a base
 * that stands in the skeleton. Of DWARF 5 (.debug_rnglists) each list of the table gets an entry
 * that sets it; of DWARF 4 (.debug_ranges) it is added. False: they are damaged, or too odd for it.
 */
bool mt_package_rnglists(struct mt_bytes lists, uint64_t base, uint8_t address_size,
                         struct mt_buf *out);
void mt_package_ranges(struct mt_bytes ranges, uint64_t base, uint8_t address_size,
                       struct mt_buf *out);

#endif
