/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: the call frame information behind a module, and its row for one pc.
 */
#ifndef MT_SYMBOL_CFI_H
#define MT_SYMBOL_CFI_H

#include "cfi/row.h"
#include "symbol/image.h"
#include "symbol/module.h"

/* What a file keeps: its tables, opened on demand. */
struct mt_file_cfi;

void mt_file_cfi_destroy(struct mt_file_cfi *cfi);

/* The bounds of the FDE that covers `addr`, a file address: a function, or a part of one that the
 * compiler has put elsewhere. From .eh_frame, else .debug_frame. */
bool mt_file_cfi_bounds(struct mt_module_file *file, uint64_t addr, uint64_t *start, uint64_t *end);

/* The row for `pc`; false where no information covers it, or none that makes sense for the image's
 * machine. */
bool mt_cfi_row_at(struct mt_image *image, uint64_t pc, struct mt_cfi_row *row);

#endif
