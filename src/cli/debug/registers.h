/* SPDX-License-Identifier: MIT */
/*
 * Registers as values: their types, so that they can be printed, computed with and set.
 */
#ifndef MT_CLI_DEBUG_REGISTERS_H
#define MT_CLI_DEBUG_REGISTERS_H

#include "cli/debug/value.h"

/* The type that a register is shown in, of its size: $rax a long, $rsp a pointer, $xmm0 a union of
 * vectors. Static; NULL: no register is called so. */
const struct mt_type *mt_register_type(const char *name);

/* What it holds in the selected frame. */
struct mt_error *mt_register_value(struct mt_shell *shell, const char *name,
                                   struct mt_value *value);

struct mt_error *mt_register_write(struct mt_shell *shell, const char *name, const uint8_t *bytes,
                                   size_t size);

#endif
