/* SPDX-License-Identifier: MIT */
/* Inside src/self: values that are numbers. Signal-safe. */
#ifndef MT_SELF_NUMBER_H
#define MT_SELF_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "memtrap/memtrap.h"
#include "self/say.h"

/* Whether so many bytes are a number. */
bool mt_is_number(size_t len);

/* A float or a double; 0 for another length. */
double mt_number_floating(const void *value, size_t len);

/* A number in decimal; in hexadecimal too where it is large, and alone where it is huge (an
 * address). */
void mt_number_say(struct mt_say *say, const void *value, size_t len, enum memtrap_number number);

#endif
