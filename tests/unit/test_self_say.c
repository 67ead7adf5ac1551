/* SPDX-License-Identifier: MIT */
/* Text made in signal handlers. printf() and strtod() are the referees. */
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "self/number.h"
#include "self/report.h"
#include "self/say.h"
#include "unit.h"

/* ---- Listening ----------------------------------------------------------- */

static int ends[2]; /* each write(2) into the second is one message at the first */
static struct mt_say say;
static char heard[8192];

static void begin(void)
{
	if (!ends[0])
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	mt_say_begin(&say, ends[1]);
}

/* What one write(2) wrote; "" where there was none. */
static const char *next_message(void)
{
	ssize_t len = recv(ends[0], heard, sizeof(heard) - 1, MSG_DONTWAIT);

	heard[len < 0 ? 0 : len] = '\0';
	return heard;
}

static const char *end(void)
{
	ck_assert_int_eq(mt_say_end(&say), 0);
	return next_message();
}

#define SAYS(call, wanted)                                                                         \
	do {                                                                                       \
		begin();                                                                           \
		call;                                                                              \
		ck_assert_str_eq(end(), wanted);                                                   \
	} while (0)

/* ---- Numbers ------------------------------------------------------------- */

static const uint64_t numbers[] = {
	0, 1, 9, 10, 99, 100, 12345, UINT32_MAX, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX,
};

START_TEST(integers_are_printfs)
{
	char wanted[32];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		snprintf(wanted, sizeof(wanted), "%" PRIu64, numbers[i]);
		SAYS(mt_say_unsigned(&say, numbers[i]), wanted);
		snprintf(wanted, sizeof(wanted), "%" PRId64, (int64_t)numbers[i]);
		SAYS(mt_say_signed(&say, (int64_t)numbers[i]), wanted);
		snprintf(wanted, sizeof(wanted), "0x%" PRIx64, numbers[i]);
		SAYS(mt_say_hex(&say, numbers[i], 1), wanted);
		snprintf(wanted, sizeof(wanted), "0x%08" PRIx64, numbers[i]);
		SAYS(mt_say_hex(&say, numbers[i], 8), wanted);
	}
	SAYS(mt_say_digits(&say, 7, 10, 3), "007");
	SAYS(mt_say_bytes(&say, "\x01\xab\0", 3), "01 ab 00");
	SAYS(mt_say_bytes(&say, "", 0), "");
}
END_TEST

static void check_floating(double number)
{
	double read;
	char *rest;

	begin();
	mt_say_floating(&say, number);
	read = strtod(end(), &rest);
	ck_assert_msg(!*rest && fabs(read - number) <=
	                            fabs(number) * 1e-6 + 5e-7 * (fabs(number) >= 1e-3),
	              "%.17g is %s", number, heard);
}

START_TEST(floating_numbers_are_near_enough)
{
	double number = 4.9e-324;

	while (number < DBL_MAX / 3) {
		check_floating(number);
		number *= 2.7;
	}
	check_floating(-12345.678);
	SAYS(mt_say_floating(&say, 0), "0");
	SAYS(mt_say_floating(&say, 1), "1");
	SAYS(mt_say_floating(&say, -0.5), "-0.5");
	SAYS(mt_say_floating(&say, 999999999), "999999999");
	SAYS(mt_say_floating(&say, 1e9), "1e+9");
	SAYS(mt_say_floating(&say, 9.9999999e20), "1e+21");
	SAYS(mt_say_floating(&say, 1.5e-7), "1.5e-7");
	SAYS(mt_say_floating(&say, (double)NAN), "nan");
	SAYS(mt_say_floating(&say, -(double)INFINITY), "-inf");
}
END_TEST

START_TEST(values_by_size_and_sort)
{
	const int8_t byte = -5;
	const int32_t word = -65536;
	const uint64_t wide = UINT64_C(0x7ffff7dd18c0);
	const float half = 0.5F;

	SAYS(mt_number_say(&say, &byte, 1, MEMTRAP_SIGNED), "-5");
	SAYS(mt_number_say(&say, &byte, 1, MEMTRAP_UNSIGNED), "251");
	SAYS(mt_number_say(&say, &word, 4, MEMTRAP_SIGNED), "-65536 (0xffff0000)");
	SAYS(mt_number_say(&say, &word, 4, MEMTRAP_UNSIGNED), "4294901760 (0xffff0000)");
	SAYS(mt_number_say(&say, &wide, 8, MEMTRAP_SIGNED), "0x7ffff7dd18c0");
	SAYS(mt_number_say(&say, &half, 4, MEMTRAP_FLOATING), "0.5");
}
END_TEST

START_TEST(values_as_numbers)
{
	const uint8_t bytes[8] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80 };

	ck_assert_uint_eq(memtrap_unsigned(bytes, 1), 0xfe);
	ck_assert_uint_eq(memtrap_unsigned(bytes, 2), 0xfffe);
	ck_assert_uint_eq(memtrap_unsigned(bytes, 4), 0xfffffffe);
	ck_assert_uint_eq(memtrap_unsigned(bytes, 8), 0x80fffffffffffffe);
	ck_assert_int_eq(memtrap_signed(bytes, 1), -2);
	ck_assert_int_eq(memtrap_signed(bytes, 4), -2);
	ck_assert_int_eq(memtrap_signed(bytes, 8), (int64_t)0x80fffffffffffffe);
	ck_assert_uint_eq(memtrap_unsigned(bytes, 3), 0);
	ck_assert_uint_eq(memtrap_unsigned(NULL, 4), 0);
	ck_assert_int_eq(memtrap_signed(NULL, 4), 0);
}
END_TEST

/* ---- Time ---------------------------------------------------------------- */

/* The clock's text may be of either side of a moment. */
static void check_time(struct tm *(*broken_down)(const time_t *, struct tm *))
{
	char before[16], after[16];
	struct timespec now;
	struct tm tm;
	time_t second = time(NULL);

	strftime(before, sizeof(before), "%T.", broken_down(&second, &tm));
	clock_gettime(CLOCK_MONOTONIC, &now);
	begin();
	mt_say_time(&say, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	end();
	second = time(NULL);
	strftime(after, sizeof(after), "%T.", broken_down(&second, &tm));
	ck_assert_msg(strncmp(heard, before, 9) == 0 || strncmp(heard, after, 9) == 0,
	              "%s, and not %s", heard, before);
	ck_assert_uint_eq(strlen(heard), strlen("12:33:01.123456"));
}

START_TEST(the_time_of_day_is_local_once_the_zone_is_known)
{
	static const char *const zones[] = { "XXX-5:30", "XXX+11", "UTC", "XXX-13" };

	check_time(gmtime_r);
	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		mt_say_learn_zone();
		check_time(localtime_r);
	}
}
END_TEST

/* ---- Writing ------------------------------------------------------------- */

START_TEST(lines_are_written_whole)
{
	char line[64];
	size_t lines = 0;

	begin();
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "line %d with some words in it\n", i);
		mt_say_text(&say, line);
	}
	ck_assert_int_eq(mt_say_end(&say), 0);
	while (*next_message()) {
		ck_assert_int_eq(heard[strlen(heard) - 1], '\n');
		for (const char *c = heard; *c; c++)
			lines += *c == '\n';
	}
	ck_assert_uint_eq(lines, 100);
}
END_TEST

START_TEST(a_line_longer_than_the_buffer_comes_in_parts)
{
	size_t len = 0;

	begin();
	for (int i = 0; i < 5000; i++)
		mt_say_text(&say, "x");
	ck_assert_int_eq(mt_say_end(&say), 0);
	while (*next_message())
		len += strlen(heard);
	ck_assert_uint_eq(len, 5000);
}
END_TEST

START_TEST(the_first_error_is_told)
{
	int full = open("/dev/full", O_WRONLY);

	mt_say_begin(&say, -1);
	mt_say_text(&say, "x");
	errno = 77;
	ck_assert_int_eq(mt_say_end(&say), -EBADF);
	ck_assert_int_eq(errno, 77);
	mt_say_begin(&say, full);
	for (int i = 0; i < 5000; i++)
		mt_say_text(&say, "x");
	ck_assert_int_eq(mt_say_end(&say), -ENOSPC);
	close(full);
}
END_TEST

/* ---- Code ---------------------------------------------------------------- */

START_TEST(code_by_name_and_module)
{
	char wanted[64];

	SAYS(mt_say_code(&say, (uintptr_t)lfind), "lfind+0x0 [libc.so.6]");
	SAYS(mt_say_code(&say, (uintptr_t)begin + 1), "begin+0x1 [test_self_say]");
	SAYS(mt_say_code(&say, 0x10), "0x10");
	SAYS(mt_say_return(&say, (uintptr_t)begin + 1), "begin+0x1 [test_self_say]");
	/* After a call that does not return, the next function begins. */
	begin();
	mt_say_return(&say, (uintptr_t)begin);
	end();
	snprintf(wanted, sizeof(wanted), "begin+");
	ck_assert_ptr_null(strstr(heard, wanted));
}
END_TEST

/* ---- Registers ----------------------------------------------------------- */

START_TEST(registers_by_name)
{
	struct mt_regs regs;
	char wanted[64];

	for (uint8_t reg = 0; reg < MT_REG_COUNT; reg++)
		regs.r[reg] = 0x1111111111111110 + reg;
	regs.r[MT_REG_RFLAGS] = 0x246;
	begin();
	mt_report_registers(&say, &regs);
	end();
	for (uint8_t reg = 0; reg < MT_REG_RFLAGS; reg++) {
		snprintf(wanted, sizeof(wanted), "%-3s %016" PRIx64, mt_reg_name(reg), regs.r[reg]);
		ck_assert_msg(strstr(heard, wanted), "no %s in\n%s", wanted, heard);
	}
	ck_assert_ptr_nonnull(strstr(heard, "eflags 0x246 PF ZF IF\n"));
}
END_TEST

MT_UNIT_MAIN("self_say", integers_are_printfs, floating_numbers_are_near_enough,
             values_by_size_and_sort, values_as_numbers,
             the_time_of_day_is_local_once_the_zone_is_known, lines_are_written_whole,
             a_line_longer_than_the_buffer_comes_in_parts, the_first_error_is_told,
             code_by_name_and_module, registers_by_name)
