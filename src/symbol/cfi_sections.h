/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: finds the tables of call frame information in a file. Addresses are file
 * addresses.
 */
#ifndef MT_SYMBOL_CFI_SECTIONS_H
#define MT_SYMBOL_CFI_SECTIONS_H

#include <libelf.h>

#include "cfi/table.h"

/* Finds .eh_frame through the program headers, which stripped files have too, or by its name. A
 * file that has none, or is not for x86, leaves the section empty. The ELF must outlive it. */
void mt_cfi_open_eh_frame(Elf *elf, struct mt_cfi_section *section);

/* The same for .debug_frame, which is found by its name alone. */
void mt_cfi_open_debug_frame(Elf *elf, struct mt_cfi_section *section);

#endif
