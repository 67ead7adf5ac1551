/* SPDX-License-Identifier: MIT */
/* The types of registers, so that they can be printed, computed with and set. */
#ifndef MT_EXPR_REGISTER_TYPE_H
#define MT_EXPR_REGISTER_TYPE_H

#include "symbol/type.h"

/* The type that a register is shown in, of its size: $rax a long, $rsp a pointer, $xmm0 a union of
 * vectors. Static; NULL: no register is called so. */
const struct mt_type *mt_register_type(const char *name);

#endif
