/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: the tables of call frame information of one file (.eh_frame as the Linux
 * Standard Base has it, .debug_frame as DWARF 5 section 6.4.1) and the search for the entry that
 * covers an address. Addresses are file addresses.
 *
 * We read these tables ourselves, since libdw 0.188 cannot be trusted with hostile ones: a register
 * number near 2^60 in a CFA program overflows the size that it reallocates, and an expression that
 * two overlapping entries use in two roles runs into an assertion.
 */
#ifndef MT_SYMBOL_CFI_TABLE_H
#define MT_SYMBOL_CFI_TABLE_H

#include <libelf.h>

#include "base/vec.h"
#include "symbol/cfi_reader.h"
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
	uint64_t addr; /* file address of the first byte; counts in .eh_frame only */
	bool is_eh_frame;
	struct mt_cfi_span search_table; /* .eh_frame_hdr's: pairs of int32_t, from search_base */
	uint64_t search_base;
	MT_VEC(struct mt_cfi_index_entry) index; /* without a search table: our own */
};

/* A zeroed section is empty and valid. */
void mt_cfi_section_deinit(struct mt_cfi_section *section);

/* Finds .eh_frame through the program headers, which stripped files have too, or by its name. A
 * file that has none, or is not for x86, leaves the section empty. The ELF must outlive it. */
void mt_cfi_open_eh_frame(Elf *elf, struct mt_cfi_section *section);

/* The same for .debug_frame, which is found by its name alone. */
void mt_cfi_open_debug_frame(Elf *elf, struct mt_cfi_section *section);

/* The entry that covers `addr`. */
bool mt_cfi_section_find(const struct mt_cfi_section *section, uint64_t addr,
                         struct mt_cfi_fde *fde);

#endif
