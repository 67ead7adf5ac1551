/* SPDX-License-Identifier: MIT */
/* Inside src/self: how a failure reaches the caller. */
#ifndef MT_SELF_FAIL_H
#define MT_SELF_FAIL_H

/*
 * Keeps the sentence for memtrap_error() on this thread and returns -err. `fmt` as in printf; not
 * signal-safe. The sentence names the thing: "no debug register is free for 8 bytes at 0x…: …".
 */
int mt_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same, with ": " and strerror(err) behind it. */
int mt_fail_sys(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
