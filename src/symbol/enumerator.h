/* SPDX-License-Identifier: MIT */
/* Enumerators of the whole program by name. */
#ifndef MT_SYMBOL_ENUMERATOR_H
#define MT_SYMBOL_ENUMERATOR_H

#include "symbol/type.h"

/* `scope`, which may be NULL, is the end of the name of the enumeration, or of the namespace or
 * class that it stands in ("state", "ns::Task"). The executable's come first. False: there is none.
 */
bool mt_enumerator_of_image(struct mt_image *image, const char *scope, const char *name,
                            const struct mt_type **type, int64_t *value);

#endif
