/* SPDX-License-Identifier: MIT */
#ifndef MT_CLI_DEBUG_FORMATTERS_H
#define MT_CLI_DEBUG_FORMATTERS_H

#include "base/error.h"

struct mt_shell;

/* Reads memtrap's own formatters and the person's (docs/FORMATTERS.md) into shell->formatters. A
 * file with a mistake in it is an error; the others are there nevertheless. */
struct mt_error *mt_formatters_load(struct mt_shell *shell);

#endif
