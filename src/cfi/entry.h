/* SPDX-License-Identifier: MIT */
/*
 * One entry of .eh_frame or .debug_frame as it stands there.
 */
#ifndef MT_CFI_ENTRY_H
#define MT_CFI_ENTRY_H

#include "cfi/table.h"

/* The entry at `offset`: reads it when it is an FDE with a sound CIE. `next`, which is set whenever
 * the length can be read, else to the section's end, is where the entry after it starts. */
bool mt_cfi_fde_read(const struct mt_cfi_section *section, size_t offset, size_t *next,
                     struct mt_cfi_fde *fde);

/* A pointer in one of .eh_frame's encodings, DW_EH_PE_…; `here` is the file address at which it
 * stands. False for those that a file alone cannot resolve. */
bool mt_cfi_read_pointer(struct mt_cfi_reader *in, enum mt_machine machine, uint8_t encoding,
                         uint64_t here, uint64_t *value);

#endif
