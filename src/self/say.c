/* SPDX-License-Identifier: MIT */
#include "self/say.h"

#include <errno.h>
#include <float.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "self/frames.h"
#include "self/names.h"

#define NS_PER_S UINT64_C(1000000000)
#define S_PER_DAY (24 * 60 * 60)
#define MILLION 1000000

/* ---- The buffer ---------------------------------------------------------- */

void mt_say_begin(struct mt_say *say, int fd)
{
	say->fd = fd;
	say->error = 0;
	say->len = 0;
}

static void write_all(struct mt_say *say, size_t len)
{
	int saved = errno;
	ssize_t done;

	for (size_t at = 0; at < len && !say->error;) {
		done = write(say->fd, say->text + at, len - at);
		if (done >= 0)
			at += (size_t)done;
		else if (errno != EINTR)
			say->error = -errno;
	}
	errno = saved;
}

/* Writes the lines that are complete, or all where there is none. */
static void make_room(struct mt_say *say)
{
	const char *newline = memrchr(say->text, '\n', say->len);
	size_t len = newline ? (size_t)(newline + 1 - say->text) : say->len;

	write_all(say, len);
	say->len -= len;
	memmove(say->text, say->text + len, say->len);
}

static void put(struct mt_say *say, const char *text, size_t len)
{
	while (len) {
		size_t room = sizeof(say->text) - say->len;
		size_t part = len < room ? len : room;

		memcpy(say->text + say->len, text, part);
		say->len += part;
		text += part;
		len -= part;
		if (say->len == sizeof(say->text))
			make_room(say);
	}
}

int mt_say_end(struct mt_say *say)
{
	write_all(say, say->len);
	say->len = 0;
	return say->error;
}

/* ---- Numbers ------------------------------------------------------------- */

void mt_say_text(struct mt_say *say, const char *text)
{
	put(say, text, strlen(text));
}

void mt_say_digits(struct mt_say *say, uint64_t number, unsigned base, unsigned digits)
{
	char text[64];

	for (unsigned i = digits; i-- > 0; number /= base)
		text[i] = "0123456789abcdef"[number % base];
	put(say, text, digits);
}

static unsigned digits_of(uint64_t number, unsigned base)
{
	unsigned digits = 1;

	while (number /= base)
		digits++;
	return digits;
}

void mt_say_unsigned(struct mt_say *say, uint64_t number)
{
	mt_say_digits(say, number, 10, digits_of(number, 10));
}

void mt_say_signed(struct mt_say *say, int64_t number)
{
	if (number < 0)
		mt_say_text(say, "-");
	mt_say_unsigned(say, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void mt_say_hex(struct mt_say *say, uint64_t number, unsigned digits)
{
	unsigned needed = digits_of(number, 16);

	mt_say_text(say, "0x");
	mt_say_digits(say, number, 16, needed > digits ? needed : digits);
}

void mt_say_bytes(struct mt_say *say, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < len; i++) {
		if (i)
			mt_say_text(say, " ");
		mt_say_digits(say, byte[i], 16, 2);
	}
}

/* Six digits behind the point, less the zeros at the end. */
static void say_millionths(struct mt_say *say, uint64_t millionths)
{
	unsigned digits = 6;
	uint64_t part = millionths % MILLION;

	mt_say_unsigned(say, millionths / MILLION);
	if (!part)
		return;
	for (; part % 10 == 0; part /= 10)
		digits--;
	mt_say_text(say, ".");
	mt_say_digits(say, part, 10, digits);
}

/* 1.5e+20: at least 1 and below 10, and how often it is to be multiplied by ten. */
static void say_scaled(struct mt_say *say, double number)
{
	int exponent = 0;

	while (number >= 9.9999995) {
		number /= 10;
		exponent++;
	}
	while (number < 0.99999995) {
		number *= 10;
		exponent--;
	}
	say_millionths(say, (uint64_t)(number * MILLION + 0.5));
	mt_say_text(say, exponent < 0 ? "e" : "e+");
	mt_say_signed(say, exponent);
}

void mt_say_floating(struct mt_say *say, double number)
{
	double magnitude = number < 0 ? -number : number;

	if (number != number) {
		mt_say_text(say, "nan");
		return;
	}
	mt_say_text(say, number < 0 ? "-" : "");
	if (magnitude > DBL_MAX)
		mt_say_text(say, "inf");
	else if (magnitude == 0 || (magnitude >= 1e-3 && magnitude < 1e9))
		say_millionths(say, (uint64_t)(magnitude * MILLION + 0.5));
	else
		say_scaled(say, magnitude);
}

/* ---- Time ---------------------------------------------------------------- */

static long zone; /* seconds east of UTC */

void mt_say_learn_zone(void)
{
	time_t now = time(NULL);
	struct tm local;

	if (localtime_r(&now, &local))
		__atomic_store_n(&zone, local.tm_gmtoff, __ATOMIC_RELAXED);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void mt_say_time(struct mt_say *say, uint64_t monotonic_ns)
{
	uint64_t real_ns = monotonic_ns + clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	uint64_t second = real_ns / NS_PER_S + (uint64_t)__atomic_load_n(&zone, __ATOMIC_RELAXED);

	second %= S_PER_DAY;
	mt_say_digits(say, second / 3600, 10, 2);
	mt_say_text(say, ":");
	mt_say_digits(say, second / 60 % 60, 10, 2);
	mt_say_text(say, ":");
	mt_say_digits(say, second % 60, 10, 2);
	mt_say_text(say, ".");
	mt_say_digits(say, real_ns % NS_PER_S / 1000, 10, 6);
}

/* ---- Code ---------------------------------------------------------------- */

/* `addr` by the names of what holds `inside`. */
static void say_place(struct mt_say *say, uintptr_t addr, uintptr_t inside)
{
	uintptr_t start, base;
	const char *path;
	char name[160];

	if (mt_function_name(inside, name, sizeof(name), &start)) {
		mt_say_text(say, name);
		mt_say_text(say, "+");
		mt_say_hex(say, addr - start, 1);
	} else {
		mt_say_hex(say, mt_code_module(inside, &base, &path) ? addr - base : addr, 1);
	}
	if (mt_module_name(inside, name, sizeof(name)) && *name) {
		mt_say_text(say, " [");
		mt_say_text(say, name);
		mt_say_text(say, "]");
	}
}

void mt_say_code(struct mt_say *say, uintptr_t addr)
{
	say_place(say, addr, addr);
}

void mt_say_return(struct mt_say *say, uintptr_t addr)
{
	say_place(say, addr, addr - 1);
}
