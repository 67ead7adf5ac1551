/* SPDX-License-Identifier: MIT */
/* Memory of another process, as those see it who need not know how it is read. */
#ifndef MT_BASE_MEMORY_H
#define MT_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Reads all of `len` bytes at `addr`; MT_ERR_UNREADABLE otherwise, and `out` is undefined then. */
typedef struct mt_error *(*mt_memory_reader)(void *arg, uint64_t addr, void *out, size_t len);

/* Writes all of them, or fails with MT_ERR_UNREADABLE. */
typedef struct mt_error *(*mt_memory_writer)(void *arg, uint64_t addr, const void *bytes,
                                             size_t len);

#endif
