/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_DEBUG_MEMORY_H
#define MT_CLI_DEBUG_MEMORY_H

#include "cli/debug/shell.h"

/* Says memory from `addr` on, as x does; what the format leaves out is as it was the last time. An
 * empty `x` goes on behind it. */
struct mt_error *mt_examine(struct mt_shell *shell, uint64_t addr, const struct mt_format *format);

#endif
