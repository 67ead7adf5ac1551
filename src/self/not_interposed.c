/* SPDX-License-Identifier: MIT */
/* The static library stands before nothing. In the shared one interpose.c and interpose_thread.c
 * have these names too, and win. */
#include "self/interpose.h"

__attribute__((weak)) int mt_libc_sigaction(int signal, const struct sigaction *action,
                                            struct sigaction *old)
{
	return sigaction(signal, action, old);
}

__attribute__((weak)) bool mt_sees_new_threads(void)
{
	return false;
}
