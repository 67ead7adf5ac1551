/* SPDX-License-Identifier: MIT */
/*
 * What the lines of JSON are made of, and values of the program's types among it. This room's own:
 * nothing else knows jansson.
 */
#ifndef MT_RECORD_JSON_VALUE_H
#define MT_RECORD_JSON_VALUE_H

#include <jansson.h>
#include <stdint.h>

#include "symbol/type.h"

/* A string of digits above INT64_MAX. */
json_t *mt_json_number(uint64_t value);

json_t *mt_json_hex(uint64_t value);

/* Null for NULL, and for what is not UTF-8. */
json_t *mt_json_text(const char *text);

/*
 * `bytes`, `size` of them, as a value of `type`: numbers, true and false, names of enumerators,
 * pointers in hexadecimal; a struct or union as an object by the names of its members (those of
 * anonymous members and of base classes among them, where a member hides one of a base class with
 * its name), an array as an array, a char array as a string up to the NUL. What JSON has nothing
 * for (128 bits, NaN, no UTF-8) and fewer bytes than the type needs are text, as
 * mt_value_format() has them. A part that lies past the bytes is null, and so is one too deep.
 */
json_t *mt_json_value(struct mt_image *image, const struct mt_type *type, const uint8_t *bytes,
                      size_t size);

#endif
