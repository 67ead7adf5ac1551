/* SPDX-License-Identifier: MIT */
/*
 * How the programs here tell the truth of their types, one fact a line, its parts divided by tabs:
 *
 *	size	type	bytes
 *	member	type	name	offset in bytes	its size
 *	bits	type	name	first bit	how many
 */
#ifndef SHAPES_H
#define SHAPES_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define TELL_SIZE(type) printf("size\t%s\t%zu\n", #type, sizeof(type))

#define TELL_MEMBER(type, name)                                                                    \
	printf("member\t%s\t%s\t%zu\t%zu\n", #type, #name, offsetof(type, name),                   \
	       sizeof(((type *)0)->name))

/* Where the bits are, the machine is asked: those that change when the field is filled. */
#define TELL_BITS(type, name)                                                                      \
	do {                                                                                       \
		type value_;                                                                       \
		unsigned char bytes_[sizeof(type)];                                                \
		memset(&value_, 0, sizeof(value_));                                                \
		value_.name -= 1;                                                                  \
		memcpy(bytes_, &value_, sizeof(value_));                                           \
		tell_bits(#type, #name, bytes_, sizeof(bytes_));                                   \
	} while (0)

static inline void tell_bits(const char *type, const char *name, const unsigned char *bytes,
                             size_t size)
{
	size_t first = 8 * size, count = 0;

	for (size_t bit = 0; bit < 8 * size; bit++) {
		if (!(bytes[bit / 8] >> bit % 8 & 1))
			continue;
		if (!count++)
			first = bit;
	}
	printf("bits\t%s\t%s\t%zu\t%zu\n", type, name, first, count);
}

#endif
