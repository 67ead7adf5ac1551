/* SPDX-License-Identifier: MIT */
/*
 * The tables of call frame information of one module (.eh_frame as the Linux Standard Base has it,
 * .debug_frame as DWARF 5 section 6.4.1) and the search for the entry that covers an address. All
 * addresses are of one sort: those in the file, or, where the section is read from the memory of a
 * program that runs, those that it runs at.
 *
 * We read these tables ourselves, since libdw 0.188 cannot be trusted with hostile ones: a register
 * number near 2^60 in a CFA program overflows the size that it reallocates, and an expression that
 * two overlapping entries use in two roles runs into an assertion.
 */
#ifndef MT_CFI_TABLE_H
#define MT_CFI_TABLE_H

#include "base/vec.h"
#include "cfi/reader.h"
#include "x86/machine.h"

/* What the FDEs of one kind have in common (CIE). */
struct mt_cfi_cie {
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_column;
	uint8_t pointer_encoding; /* DW_EH_PE_… */
	bool has_augmentation;    /* 'z': FDEs too carry data of a given length */
	bool is_signal;           /* 'S': the caller was interrupted, it did not call */
	struct mt_cfi_span program;
};

/* The entry of one function, or of a part of it (FDE). */
struct mt_cfi_fde {
	uint64_t start;
	uint64_t end;
	struct mt_cfi_cie cie;
	struct mt_cfi_span program;
};

/* Where an FDE is, by the start of its function. */
struct mt_cfi_index_entry {
	uint64_t start;
	size_t offset;
};

struct mt_cfi_section {
	enum mt_machine machine; /* whose registers and words the entries speak of */
	struct mt_cfi_span span;
	uint64_t addr; /* of the first byte; counts in .eh_frame only */
	bool is_eh_frame;
	struct mt_cfi_span search_table; /* .eh_frame_hdr's: pairs of int32_t, from search_base */
	uint64_t search_base;
	MT_VEC(struct mt_cfi_index_entry) index; /* without a search table: our own */
};

/* A zeroed section is empty and valid; one without an index owns nothing. */
void mt_cfi_section_deinit(struct mt_cfi_section *section);

/*
 * Reads .eh_frame_hdr, whose bytes stand at `addr`, for a section whose machine is set: sets its
 * `addr`, and the search table where there is one of the usual form. Its span is for the caller to
 * find. False: not such a header.
 */
bool mt_cfi_header_read(struct mt_cfi_span header, uint64_t addr, struct mt_cfi_section *section);

/* Makes the index of a section without a search table. Without memory it ends early: the functions
 * left out have no information then. */
void mt_cfi_section_index(struct mt_cfi_section *section);

/* The entry that covers `addr`. */
bool mt_cfi_section_find(const struct mt_cfi_section *section, uint64_t addr,
                         struct mt_cfi_fde *fde);

#endif
