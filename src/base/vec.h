/* SPDX-License-Identifier: MIT */
/*
 * Growable arrays of any type:
 *
 *	MT_VEC(int) fds = { 0 };
 *	if (!mt_vec_push(&fds, fd))
 *		return mt_error_nomem();
 *	for (size_t i = 0; i < fds.len; i++) use(fds.data[i]);
 *	mt_vec_deinit(&fds);
 *
 * A zeroed vector is empty and valid. Elements move when it grows: keep indices, not pointers.
 */
#ifndef MT_BASE_VEC_H
#define MT_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MT_VEC(type)                                                                               \
	struct {                                                                                   \
		type *data;                                                                        \
		size_t len;                                                                        \
		size_t cap;                                                                        \
	}

/* Makes room for `want` elements of `size` bytes in the block at *data; false without memory. */
bool mt_vec_grow(void **data, size_t *cap, size_t want, size_t size);

#define mt_vec_reserve(vec, want)                                                                  \
	((want) <= (vec)->cap ||                                                                   \
	 mt_vec_grow((void **)&(vec)->data, &(vec)->cap, (want), sizeof(*(vec)->data)))

/* Appends a copy of `item`; false without memory, and the vector is as before. */
#define mt_vec_push(vec, item)                                                                     \
	(mt_vec_reserve(vec, (vec)->len + 1) && ((vec)->data[(vec)->len++] = (item), true))

/* Removes element i; the last one takes its place. */
#define mt_vec_swap_remove(vec, i) ((vec)->data[(i)] = (vec)->data[--(vec)->len])

/* Removes element i; the rest keeps its order. */
#define mt_vec_remove(vec, i)                                                                      \
	((void)memmove(&(vec)->data[(i)], &(vec)->data[(i) + 1],                                   \
	               (--(vec)->len - (i)) * sizeof(*(vec)->data)))

#define mt_vec_deinit(vec)                                                                         \
	do {                                                                                       \
		free((vec)->data);                                                                 \
		(vec)->data = NULL;                                                                \
		(vec)->len = (vec)->cap = 0;                                                       \
	} while (0)

#endif
