/* SPDX-License-Identifier: MIT */
#include "self/peek.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096

/*
 * The kernel copies through mappings of its own (mm/process_vm_access.c), which no debug register
 * watches. A sandbox may know no such call: then we read as everybody does.
 */
static size_t peek_in_page(uintptr_t addr, void *out, size_t len)
{
	struct iovec to = { out, len };
	struct iovec from = { (void *)addr, len };
	int saved = errno;
	ssize_t got = process_vm_readv(getpid(), &to, 1, &from, 1, 0);

	if (got < 0 && (errno == EPERM || errno == ENOSYS)) {
		memcpy(out, (const void *)addr, len);
		got = (ssize_t)len;
	}
	errno = saved;
	return got < 0 ? 0 : (size_t)got;
}

size_t mt_peek(uintptr_t addr, void *out, size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t left = PAGE - (addr + done) % PAGE;
		size_t want = len - done < left ? len - done : left;
		size_t got = peek_in_page(addr + done, (char *)out + done, want);

		done += got;
		if (got < want)
			break;
	}
	return done;
}
