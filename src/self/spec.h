/* SPDX-License-Identifier: MIT */
/* Inside src/self: what a caller asks for, checked. */
#ifndef MT_SELF_SPEC_H
#define MT_SELF_SPEC_H

#include "memtrap/memtrap.h"

/* A copy whose defaults are filled in, and whose thread is 0 or a tid. 0, or a negative errno with
 * the sentence. */
int mt_spec_check(const struct memtrap_spec *spec, struct memtrap_spec *checked);

#endif
