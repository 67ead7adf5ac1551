/* SPDX-License-Identifier: MIT */
/*
 * Allocation, with a switch by which a test makes each allocation fail in turn (curl's torture
 * mode). All of memtrap allocates through these; memory is released with free().
 */
#ifndef MT_BASE_ALLOC_H
#define MT_BASE_ALLOC_H

#include <stddef.h>

/* Zeroed memory, or NULL. */
void *mt_alloc(size_t size) __attribute__((malloc, warn_unused_result));

/* `count * size` zeroed bytes, or NULL, also when the product overflows. */
void *mt_alloc_array(size_t count, size_t size) __attribute__((malloc, warn_unused_result));

/* As reallocarray(3): the old block stays valid on failure. */
void *mt_realloc_array(void *block, size_t count, size_t size) __attribute__((warn_unused_result));

char *mt_strdup(const char *text) __attribute__((malloc, warn_unused_result));
char *mt_strndup(const char *text, size_t len) __attribute__((malloc, warn_unused_result));

/* For tests: the allocation after `count` more ones fails, and all later ones. Negative: none does.
 */
void mt_alloc_fail_after(long count);

#endif
