/* SPDX-License-Identifier: MIT */
/* Inside src/self: where a module is mapped that was looked into as a file. */
#ifndef MT_SELF_MAPPED_H
#define MT_SELF_MAPPED_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What is added to the file addresses of the module with that build-id (in hexadecimal); where that
 * is empty, of the module that is the file `path`. False: no such module is mapped. Not
 * signal-safe.
 */
bool mt_mapped_module(const char *path, const char *build_id, uintptr_t *base);

#endif
