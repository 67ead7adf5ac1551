/* SPDX-License-Identifier: MIT */
#include "base/writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

/*
 * `leaving` and `failure` are the thread's from the post to `begin` until its post to `done`, and
 * the owner's otherwise; `busy` is the owner's note of which of the two holds.
 */
struct mt_writer {
	int fd;
	int begin, done;
	bool has_thread;
	bool busy;
	pthread_t thread;
	struct mt_buf gathering, leaving;
	int failure;
};

MT_DEFINE_CLEANUP(mt_writer, struct mt_writer, mt_writer_destroy)

/* ---- The thread ---------------------------------------------------------- */

static int write_whole(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t wrote = write(fd, data, len);

		if (wrote < 0 && errno != EINTR)
			return errno;
		if (wrote > 0) {
			data += wrote;
			len -= (size_t)wrote;
		}
	}
	return 0;
}

/*
 * The thread has file descriptors of its own: a table that threads share grows only after a grace
 * period of RCU, milliseconds each time (fs/file.c, expand_fdtable()), and its owner opens one for
 * each thread that it watches. Should it fail, that is all.
 */
static void *write_what_leaves(void *arg)
{
	struct mt_writer *writer = arg;
	eventfd_t count;

	unshare(CLONE_FILES);
	eventfd_write(writer->done, 1);
	while (eventfd_read(writer->begin, &count) == 0) {
		writer->failure =
		    write_whole(writer->fd, writer->leaving.data, writer->leaving.len);
		eventfd_write(writer->done, 1);
	}
	return NULL;
}

/* ---- Its owner ----------------------------------------------------------- */

/* What is opened from now on is not the thread's: it closes with its owner. */
static void wait_for_start(struct mt_writer *writer)
{
	struct pollfd started = { .fd = writer->done, .events = POLLIN };
	eventfd_t count;

	while (poll(&started, 1, -1) < 0 && errno == EINTR)
		continue;
	eventfd_read(writer->done, &count);
}

struct mt_error *mt_writer_create(int fd, struct mt_writer **out)
{
	struct mt_writer *writer MT_CLEANUP(mt_writer_cleanup) = mt_alloc(sizeof(*writer));
	int err;

	if (!writer)
		return mt_error_nomem();
	writer->fd = fd;
	writer->begin = writer->done = -1;
	writer->begin = eventfd(0, EFD_CLOEXEC);
	writer->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (writer->begin < 0 || writer->done < 0)
		return mt_error_sys(errno, "cannot create an eventfd");
	err = pthread_create(&writer->thread, NULL, write_what_leaves, writer);
	if (err)
		return mt_error_sys(err, "cannot start the thread that writes");
	writer->has_thread = true;
	wait_for_start(writer);
	*out = MT_TAKE(writer);
	return NULL;
}

void mt_writer_destroy(struct mt_writer *writer)
{
	if (!writer)
		return;
	if (writer->has_thread) {
		pthread_cancel(writer->thread); /* also out of a write that waits */
		pthread_join(writer->thread, NULL);
	}
	mt_fd_cleanup(&writer->begin);
	mt_fd_cleanup(&writer->done);
	mt_buf_deinit(&writer->gathering);
	mt_buf_deinit(&writer->leaving);
	free(writer);
}

struct mt_buf *mt_writer_text(struct mt_writer *writer)
{
	return &writer->gathering;
}

static bool is_busy(struct mt_writer *writer)
{
	eventfd_t count;

	if (writer->busy && eventfd_read(writer->done, &count) == 0)
		writer->busy = false;
	return writer->busy;
}

void mt_writer_push(struct mt_writer *writer)
{
	struct mt_buf out;

	if (is_busy(writer))
		return;
	if (!writer->failure && !mt_buf_ok(&writer->gathering))
		writer->failure = ENOMEM;
	if (writer->failure)
		mt_buf_clear(&writer->gathering);
	if (!writer->gathering.len)
		return;
	out = writer->gathering;
	writer->gathering = writer->leaving;
	writer->leaving = out;
	mt_buf_clear(&writer->gathering);
	writer->busy = true;
	eventfd_write(writer->begin, 1);
}

int mt_writer_fd(const struct mt_writer *writer)
{
	return writer->done;
}

bool mt_writer_is_done(const struct mt_writer *writer)
{
	return !writer->busy && !writer->gathering.len;
}

int mt_writer_failure(const struct mt_writer *writer)
{
	return writer->busy ? 0 : writer->failure;
}
