/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: abbreviations (DWARF 5 section 7.5.3) made into steps over the attributes
 * of a DIE, for the maker of the index, which reads every DIE of a file on several threads. libdw
 * is for one thread, and made for other questions. Nothing is trusted: what is not understood makes
 * a table bad, and its unit is left to those who scan.
 */
#ifndef MT_SYMBOL_INDEX_ABBREV_H
#define MT_SYMBOL_INDEX_ABBREV_H

#include "symbol/scan.h"

enum mt_step_kind {
	MT_STEP_FIXED,    /* `size` bytes, of one or several attributes */
	MT_STEP_LEB,      /* one LEB128 */
	MT_STEP_TEXT,     /* up to a NUL */
	MT_STEP_BLOCK,    /* a length of `size` bytes (0: ULEB128), and as many bytes */
	MT_STEP_NAME,     /* DW_AT_name, in `form` */
	MT_STEP_ORIGIN,   /* DW_AT_specification or DW_AT_abstract_origin, in `form` */
	MT_STEP_STR_BASE, /* DW_AT_str_offsets_base */
};

struct mt_abbrev_step {
	uint8_t kind;
	uint16_t form;
	uint32_t size;
};

struct mt_abbrev {
	uint32_t first, count; /* of its steps */
	uint16_t tag;          /* 0: there is none with this code */
	bool has_children;
	bool is_static; /* has DW_AT_external or DW_AT_declaration */
};

/* A zeroed one is empty. */
struct mt_abbrevs {
	MT_VEC(struct mt_abbrev) all; /* code 1 is the first */
	MT_VEC(struct mt_abbrev_step) steps;
};

/* A place in bytes; `bad` once something reached over their end. */
struct mt_cursor {
	const uint8_t *at, *end;
	bool bad;
};

uint64_t mt_cursor_fixed(struct mt_cursor *cursor, size_t size); /* at most 8 bytes */
uint64_t mt_cursor_uleb(struct mt_cursor *cursor);
void mt_cursor_skip(struct mt_cursor *cursor, uint64_t size);
/* Passes over the bytes of the value that one step is about. */
void mt_cursor_step(struct mt_cursor *cursor, const struct mt_abbrev_step *step);

/* How a value in that form is passed over: kind and size of *step. False: the form is not known. */
bool mt_form_step(unsigned form, unsigned version, unsigned address_size,
                  struct mt_abbrev_step *step);

/* Reads the table at `offset` of .debug_abbrev in place of what *abbrevs holds. False when it is
 * damaged, or without memory. */
bool mt_abbrevs_read(struct mt_abbrevs *abbrevs, struct mt_bytes section, uint64_t offset,
                     unsigned version, unsigned address_size);

/* The one with that code, or NULL. */
const struct mt_abbrev *mt_abbrev_of(const struct mt_abbrevs *abbrevs, uint64_t code);

void mt_abbrevs_deinit(struct mt_abbrevs *abbrevs);

#endif
