/* SPDX-License-Identifier: MIT */
#include "self/tasks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "self/raw.h"

#define FIRST_ROOM 1024

static struct {
	pid_t *tids;
	size_t cap;
} room;

/* libc's mmap() and mremap() are bare system calls, but for errno where memory has run out. */
static int make_room(size_t cap)
{
	void *map;

	if (cap <= room.cap)
		return 0;
	if (room.tids)
		map = mremap(room.tids, room.cap * sizeof(pid_t), cap * sizeof(pid_t),
		             MREMAP_MAYMOVE);
	else
		map = mmap(NULL, cap * sizeof(pid_t), PROT_READ | PROT_WRITE,
		           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	room.tids = map;
	room.cap = cap;
	return 0;
}

int mt_tasks_begin(struct mt_tasks *tasks, int fd)
{
	int error = make_room(FIRST_ROOM);

	if (!error)
		*tasks = (struct mt_tasks){ .fd = fd, .tids = room.tids };
	return error;
}

/* ---- Listing ------------------------------------------------------------- */

/* One reading of the folder. */
struct reading {
	struct mt_tasks *tasks;
	size_t expected; /* the place of the next thread, if all is as it was */
	size_t seen;
};

static pid_t tid_of_name(const char *name)
{
	pid_t tid = 0;

	while (*name >= '0' && *name <= '9')
		tid = tid * 10 + (*name++ - '0');
	return tid;
}

static bool is_known(struct reading *reading, pid_t tid)
{
	const struct mt_tasks *tasks = reading->tasks;
	size_t i = reading->expected;

	if (i >= tasks->count || tasks->tids[i] != tid) {
		i = 0;
		while (i < tasks->count && tasks->tids[i] != tid)
			i++;
	}
	reading->expected = i + 1;
	return i < tasks->count;
}

static int note_thread(struct reading *reading, pid_t tid)
{
	struct mt_tasks *tasks = reading->tasks;

	reading->seen++;
	if (is_known(reading, tid))
		return 0;
	if (tasks->count == room.cap) {
		int error = make_room(2 * room.cap);

		if (error)
			return error;
		tasks->tids = room.tids;
	}
	tasks->tids[tasks->count++] = tid;
	return 0;
}

static int note_entries(struct reading *reading, const char *entries, size_t len)
{
	int error = 0;

	for (size_t at = 0; at < len && !error;) {
		const struct dirent64 *entry = (const void *)(entries + at);
		pid_t tid = tid_of_name(entry->d_name);

		if (tid)
			error = note_thread(reading, tid);
		at += entry->d_reclen;
	}
	return error;
}

/* The kernel's count, which a folder shows as its links: one for each thread, and two as any. */
static size_t count_threads(int fd)
{
	struct statx status = { 0 };

	mt_raw(SYS_statx, fd, MT_ARG(""), AT_EMPTY_PATH, STATX_NLINK, MT_ARG(&status));
	return status.stx_nlink < 2 ? 0 : status.stx_nlink - 2;
}

int mt_tasks_list(struct mt_tasks *tasks, bool *whole)
{
	char entries[2048] __attribute__((aligned(8)));
	struct reading reading = { .tasks = tasks };
	size_t before = count_threads(tasks->fd);
	long len;

	mt_raw(SYS_lseek, tasks->fd, 0, SEEK_SET, 0, 0);
	while ((len = mt_raw(SYS_getdents64, tasks->fd, MT_ARG(entries), sizeof(entries), 0, 0)) >
	       0) {
		int error = note_entries(&reading, entries, (size_t)len);

		if (error)
			return error;
	}
	*whole = reading.seen == before && before == count_threads(tasks->fd);
	return (int)len;
}

/* ---- States -------------------------------------------------------------- */

static void make_path(char *path, pid_t tid)
{
	char digits[16];
	size_t count = 0;

	path = stpcpy(path, "/proc/");
	for (; tid; tid /= 10)
		digits[count++] = (char)('0' + tid % 10);
	while (count)
		*path++ = digits[--count];
	strcpy(path, "/stat");
}

char mt_task_state(pid_t tid)
{
	char path[32], status[128];
	const char *name_end;
	long fd, len;

	make_path(path, tid);
	fd = mt_raw(SYS_openat, AT_FDCWD, MT_ARG(path), O_RDONLY | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return 0;
	len = mt_raw(SYS_read, fd, MT_ARG(status), sizeof(status) - 1, 0, 0);
	mt_raw(SYS_close, fd, 0, 0, 0, 0);
	status[len < 0 ? 0 : len] = '\0';
	/* "4242 (name) Z …", and the name may have parentheses of its own. */
	name_end = strrchr(status, ')');
	return name_end && name_end[1] ? name_end[2] : 0;
}

bool mt_task_is_dead(pid_t tid)
{
	char state = mt_task_state(tid);

	return !state || state == 'Z' || state == 'X';
}
