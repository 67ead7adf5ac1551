/* SPDX-License-Identifier: MIT */
/* Inside src/self: which back end serves. */
#ifndef MT_SELF_CHOOSE_H
#define MT_SELF_CHOOSE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "self/backend.h"

/* The back end for a trap that is being set, tried when it is chosen. 0 or a negative errno with
 * the sentence. Under the lock. */
int mt_backend_choose(const struct mt_backend **backend);

/* Whether a SIGTRAP is of a back end's making that is or was in use, as mt_backend.owns. */
bool mt_backend_owns(const siginfo_t *info, uint32_t *cookie, bool *late);

#endif
