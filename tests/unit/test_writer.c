/* SPDX-License-Identifier: MIT */
/* Output that keeps nobody waiting, held against pipes that nobody reads. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/writer.h"
#include "unit.h"

#define PAGE 4096
#define LONG_TEXT ((size_t)100 * PAGE)

struct pair {
	int read, write;
	struct mt_writer *writer;
};

/* A writer into a pipe that takes one page. */
static struct pair open_pair(void)
{
	struct pair pair;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[1], F_SETPIPE_SZ, PAGE), PAGE);
	pair.read = fds[0];
	pair.write = fds[1];
	MT_CK_OK(mt_writer_create(pair.write, &pair.writer));
	return pair;
}

static void close_pair(struct pair *pair)
{
	mt_writer_destroy(pair->writer);
	mt_fd_cleanup(&pair->read);
	mt_fd_cleanup(&pair->write);
}

/* Text whose every byte tells its place. */
static char letter(size_t i)
{
	return (char)('a' + i % 23);
}

static void append(struct mt_writer *writer, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		mt_buf_char(mt_writer_text(writer), letter(i));
}

static void expect(int fd, size_t from, size_t to)
{
	char bytes[PAGE];

	while (from < to) {
		size_t want = to - from < sizeof(bytes) ? to - from : sizeof(bytes);
		ssize_t got = read(fd, bytes, want);

		ck_assert_int_gt(got, 0);
		for (ssize_t i = 0; i < got; i++)
			ck_assert_int_eq(bytes[i], letter(from++));
	}
}

static void wait_until_done(struct mt_writer *writer)
{
	struct pollfd wake = { .fd = mt_writer_fd(writer), .events = POLLIN };

	mt_writer_push(writer);
	while (!mt_writer_is_done(writer)) {
		ck_assert_int_eq(poll(&wake, 1, 20000), 1);
		mt_writer_push(writer);
	}
}

START_TEST(what_is_pushed_comes_out_in_order)
{
	struct pair pair = open_pair();

	ck_assert(mt_writer_is_done(pair.writer));
	for (size_t i = 0; i < PAGE; i += 64) {
		append(pair.writer, i, i + 64);
		mt_writer_push(pair.writer);
	}
	wait_until_done(pair.writer);
	expect(pair.read, 0, PAGE);
	ck_assert_int_eq(mt_writer_failure(pair.writer), 0);
	close_pair(&pair);
}
END_TEST

START_TEST(nobody_waits_for_a_reader_who_does_not_read)
{
	struct pair pair = open_pair();
	struct pollfd wake = { .fd = mt_writer_fd(pair.writer), .events = POLLIN };

	append(pair.writer, 0, LONG_TEXT);
	mt_writer_push(pair.writer);
	/* The first push is stuck; what comes meanwhile gathers. */
	for (size_t i = LONG_TEXT; i < 2 * LONG_TEXT; i += PAGE) {
		append(pair.writer, i, i + PAGE);
		mt_writer_push(pair.writer);
	}
	ck_assert(!mt_writer_is_done(pair.writer));
	ck_assert_uint_eq(mt_writer_text(pair.writer)->len, LONG_TEXT);
	ck_assert_int_eq(poll(&wake, 1, 0), 0);
	expect(pair.read, 0, LONG_TEXT);
	ck_assert_int_eq(poll(&wake, 1, 20000), 1);
	mt_writer_push(pair.writer);
	ck_assert_uint_eq(mt_writer_text(pair.writer)->len, 0);
	expect(pair.read, LONG_TEXT, 2 * LONG_TEXT);
	wait_until_done(pair.writer);
	close_pair(&pair);
}
END_TEST

START_TEST(a_writer_that_is_stuck_can_be_ended)
{
	struct pair pair = open_pair();

	append(pair.writer, 0, LONG_TEXT);
	mt_writer_push(pair.writer);
	expect(pair.read, 0, 3 * PAGE); /* it is in the middle of it */
	close_pair(&pair);
}
END_TEST

START_TEST(a_write_that_fails_is_told_and_the_rest_is_dropped)
{
	struct mt_writer *writer;
	int full MT_AUTO_FD = open("/dev/full", O_WRONLY | O_CLOEXEC);

	MT_CK_OK(mt_writer_create(full, &writer));
	append(writer, 0, PAGE);
	wait_until_done(writer);
	ck_assert_int_eq(mt_writer_failure(writer), ENOSPC);
	append(writer, 0, PAGE);
	mt_writer_push(writer);
	ck_assert(mt_writer_is_done(writer));
	ck_assert_int_eq(mt_writer_failure(writer), ENOSPC);
	mt_writer_destroy(writer);
}
END_TEST

START_TEST(text_that_memory_ran_out_for_is_a_failure)
{
	struct pair pair = open_pair();

	append(pair.writer, 0, 10);
	mt_alloc_fail_after(0);
	append(pair.writer, 10, PAGE);
	mt_alloc_fail_after(-1);
	mt_writer_push(pair.writer);
	ck_assert_int_eq(mt_writer_failure(pair.writer), ENOMEM);
	ck_assert(mt_writer_is_done(pair.writer));
	close_pair(&pair);
}
END_TEST

START_TEST(a_writer_without_memory_is_an_error)
{
	struct mt_writer *writer = NULL;

	mt_alloc_fail_after(0);
	MT_CK_FAILS(mt_writer_create(STDERR_FILENO, &writer), MT_ERR_NOMEM, "memory");
	mt_alloc_fail_after(-1);
	ck_assert_ptr_null(writer);
}
END_TEST

/* The thread that writes has none of what its owner opens: a watch's breakpoints end with its
 * files. */
START_TEST(what_its_owner_opens_later_closes_with_its_owner)
{
	struct pair pair = open_pair();
	char byte;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	close(fds[0]);
	close_pair(&pair);
}
END_TEST

MT_UNIT_MAIN("writer", what_its_owner_opens_later_closes_with_its_owner,
             what_is_pushed_comes_out_in_order, nobody_waits_for_a_reader_who_does_not_read,
             a_writer_that_is_stuck_can_be_ended,
             a_write_that_fails_is_told_and_the_rest_is_dropped,
             text_that_memory_ran_out_for_is_a_failure, a_writer_without_memory_is_an_error)
