/* SPDX-License-Identifier: MIT */
/*
 * A signal's siginfo as programs for i386 have it (Linux arch/x86/include/asm,
 * include/linux/compat.h: struct compat_siginfo), which their core files hold; everywhere else it
 * is siginfo_t, as PTRACE_GETSIGINFO gives it to us.
 */
#ifndef MT_TARGET_SIGINFO_H
#define MT_TARGET_SIGINFO_H

#include <signal.h>
#include <stdint.h>

#define MT_SIGINFO_SIZE 128 /* of both */

/* What the signal's kind has no member for is zero afterwards. */
void mt_siginfo_from_i386(const uint8_t bytes[MT_SIGINFO_SIZE], siginfo_t *info);
void mt_siginfo_to_i386(const siginfo_t *info, uint8_t bytes[MT_SIGINFO_SIZE]);

#endif
