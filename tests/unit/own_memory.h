/* SPDX-License-Identifier: MIT */
/* The test's own memory, read as that of another process would be: bad addresses are errors. */
#ifndef MT_TESTS_OWN_MEMORY_H
#define MT_TESTS_OWN_MEMORY_H

#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"

static inline struct mt_error *read_own(void *arg, uint64_t addr, void *out, size_t len)
{
	struct iovec to = { .iov_base = out, .iov_len = len };
	struct iovec from = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)len)
		return NULL;
	return mt_error_new(MT_ERR_UNREADABLE, "cannot read %zu bytes", len);
}

#endif
