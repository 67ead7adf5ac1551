/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: text that is safe to make in a signal handler. One buffer on the stack; when it
 * is full the lines that are complete go out by write(2), so that reports of several threads mix
 * line by line at worst; the rest goes at the end.
 */
#ifndef MT_SELF_SAY_H
#define MT_SELF_SAY_H

#include <stddef.h>
#include <stdint.h>

struct mt_say {
	int fd;
	int error; /* of the first write(2) that failed: a negative errno; else 0 */
	size_t len;
	char text[1024];
};

void mt_say_begin(struct mt_say *say, int fd);
void mt_say_text(struct mt_say *say, const char *text);
void mt_say_unsigned(struct mt_say *say, uint64_t number);
void mt_say_signed(struct mt_say *say, int64_t number);
/* "0x…"; `digits`: at least so many, with zeros. */
void mt_say_hex(struct mt_say *say, uint64_t number, unsigned digits);
/* The digits alone, exactly so many. */
void mt_say_digits(struct mt_say *say, uint64_t number, unsigned base, unsigned digits);
/* As "%g" of printf, with some more digits. */
void mt_say_floating(struct mt_say *say, double number);
/* Bytes in the order of memory, "01 02 …". */
void mt_say_bytes(struct mt_say *say, const void *bytes, size_t len);
/* A moment of CLOCK_MONOTONIC as the time of day, "12:33:01.123456". */
void mt_say_time(struct mt_say *say, uint64_t monotonic_ns);

/* A code address, without locks: "function+0x12 [libfoo.so]", else "0x1234 [libfoo.so]" by the
 * address in the file, else the number. */
void mt_say_code(struct mt_say *say, uintptr_t addr);
/* The same for a return address, which may stand behind the function that it belongs to. */
void mt_say_return(struct mt_say *say, uintptr_t addr);

/* Writes what is left; returns 0 or the first error. */
int mt_say_end(struct mt_say *say);

/* Learns the time zone, which can't be asked for in a signal handler: until then, the time of day
 * is UTC. Not signal-safe. */
void mt_say_learn_zone(void);

#endif
