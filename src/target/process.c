/* SPDX-License-Identifier: MIT */
#include "target/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/vec.h"

MT_DEFINE_CLEANUP(mt_dir, DIR, closedir)

#define PROC_PATH_LEN 64
#define PAGE_LEN ((size_t)4096)
/* Of one mt_process_read_some(). */
#define MAX_PAGES 16
/* How often a list of threads is read again that does not fit the kernel's count. */
#define LISTING_TRIES 64

/* ---- Files of /proc ------------------------------------------------------ */

/* Reads a small file whole; returns its length, 0 on failure, and always ends the text with a NUL.
 */
static size_t read_proc(pid_t pid, const char *file, char *out, size_t size)
{
	char path[PROC_PATH_LEN];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);

	int fd MT_AUTO_FD = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, out, size - 1);

	if (len < 0)
		len = 0;
	out[len] = '\0';
	return (size_t)len;
}

/* A decimal number after `key` in /proc/TID/status; 0 when it isn't there. */
static pid_t status_number(pid_t tid, const char *key)
{
	char text[4096];

	read_proc(tid, "status", text, sizeof(text));

	const char *line = strstr(text, key);

	return line ? (pid_t)strtol(line + strlen(key), NULL, 10) : 0;
}

/* ---- Threads ------------------------------------------------------------- */

static int compare_tids(const void *a, const void *b)
{
	return (*(const pid_t *)a > *(const pid_t *)b) - (*(const pid_t *)a < *(const pid_t *)b);
}

static struct mt_error *read_task_folder(pid_t pid, struct mt_tids *tids)
{
	char path[PROC_PATH_LEN];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);

	DIR *dir MT_CLEANUP(mt_dir_cleanup) = opendir(path);

	if (!dir)
		return errno == ENOENT
		           ? mt_error_new(MT_ERR_NOT_FOUND, "there is no process %d", (int)pid)
		           : mt_error_sys(errno, "cannot list the threads of process %d", (int)pid);
	tids->list.len = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid > 0 && !mt_vec_push(&tids->list, tid))
			return mt_error_nomem();
	}
	if (tids->list.len)
		qsort(tids->list.data, tids->list.len, sizeof(pid_t), compare_tids);
	return NULL;
}

/*
 * The folder is no snapshot: threads that begin and end while it is read can make it pass over
 * others. The kernel's own count, before and after, tells a reading that cannot be whole.
 */
struct mt_error *mt_process_threads(pid_t pid, struct mt_tids *tids)
{
	for (int try = 0;; try++) {
		size_t before = (size_t)status_number(pid, "\nThreads:");

		MT_TRY(read_task_folder(pid, tids));

		size_t after = (size_t)status_number(pid, "\nThreads:");

		if ((before == after && after == tids->list.len) || after == 0 ||
		    try == LISTING_TRIES)
			return NULL;
	}
}

bool mt_tids_contains(const struct mt_tids *tids, pid_t tid)
{
	return tids->list.len &&
	       bsearch(&tid, tids->list.data, tids->list.len, sizeof(pid_t), compare_tids) != NULL;
}

void mt_tids_deinit(struct mt_tids *tids)
{
	mt_vec_deinit(&tids->list);
}

/* Visits the threads of `now` that are not in `before`; `open` tells how many were not done. */
static struct mt_error *visit_new_threads(const struct mt_tids *before, const struct mt_tids *now,
                                          mt_thread_visitor each, void *arg, size_t *open_count)
{
	*open_count = 0;
	for (size_t i = 0; i < now->list.len; i++) {
		bool done = false;

		if (mt_tids_contains(before, now->list.data[i]))
			continue;
		/* cppcheck-suppress returnDanglingLifetime ; the error does not point to `done` */
		MT_TRY(each(now->list.data[i], &done, arg));
		*open_count += !done;
	}
	return NULL;
}

struct mt_error *mt_process_each_thread(pid_t pid, mt_thread_visitor each, void *arg)
{
	struct mt_tids lists[2] = { 0 };
	struct mt_error *error;
	size_t open_count = 0;

	for (unsigned round = 0;; round++) {
		struct mt_tids *before = &lists[round & 1], *now = &lists[!(round & 1)];

		error = mt_process_threads(pid, now);
		if (!error)
			error = visit_new_threads(before, now, each, arg, &open_count);
		if (error || open_count == 0)
			break;
	}
	mt_tids_deinit(&lists[0]);
	mt_tids_deinit(&lists[1]);
	return error;
}

/* ---- What /proc tells of one thread ------------------------------------- */

void mt_process_comm(pid_t tid, char comm[MT_COMM_LEN])
{
	size_t len = read_proc(tid, "comm", comm, MT_COMM_LEN);

	if (len == 0)
		strcpy(comm, "?");
	else if (comm[len - 1] == '\n')
		comm[len - 1] = '\0';
}

pid_t mt_process_tracer(pid_t tid)
{
	return status_number(tid, "\nTracerPid:");
}

bool mt_process_filtered(pid_t tid)
{
	return status_number(tid, "\nSeccomp:") != 0;
}

pid_t mt_process_of(pid_t tid)
{
	return status_number(tid, "\nTgid:");
}

pid_t mt_process_parent(pid_t pid)
{
	return status_number(pid, "\nPPid:");
}

bool mt_process_shares_memory(pid_t a, pid_t b)
{
	return syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0;
}

void mt_process_end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

char mt_process_state(pid_t tid)
{
	char text[512];

	read_proc(tid, "stat", text, sizeof(text));

	/* The name stands in parentheses and may hold any character: the state follows the last
	 * one. */
	const char *end = strrchr(text, ')');

	return end && end[1] == ' ' ? end[2] : '\0';
}

bool mt_process_sleeps(pid_t tid)
{
	char state = mt_process_state(tid);

	return state == 'S' || state == 'D';
}

bool mt_process_has_ended(pid_t tid)
{
	char state = mt_process_state(tid);

	return state == '\0' || state == 'Z' || state == 'X';
}

/* "running", or numbers of which the last is pc. */
uint64_t mt_process_pc(pid_t tid)
{
	char text[512];

	read_proc(tid, "syscall", text, sizeof(text));

	const char *last = strrchr(text, ' ');

	return last ? strtoull(last, NULL, 16) : 0;
}

uint64_t mt_process_auxv(pid_t pid, enum mt_machine machine, uint64_t type)
{
	char auxv[1024];
	size_t len = read_proc(pid, "auxv", auxv, sizeof(auxv));
	size_t word = mt_machine_word(machine);

	for (size_t at = 0; at + 2 * word <= len; at += 2 * word) {
		uint64_t key = 0, value = 0;

		memcpy(&key, auxv + at, word);
		memcpy(&value, auxv + at + word, word);
		if (key == type)
			return value;
	}
	return 0;
}

void mt_process_fd_name(pid_t pid, int fd, char *name, size_t size)
{
	char path[PROC_PATH_LEN];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);

	ssize_t len = readlink(path, name, size - 1);

	name[len > 0 ? len : 0] = '\0';
}

/* ---- Memory -------------------------------------------------------------- */

int mt_process_open_memory(pid_t pid, int flags)
{
	char path[PROC_PATH_LEN];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	return open(path, flags | O_CLOEXEC);
}

static ssize_t read_by_proc_mem(pid_t pid, uint64_t addr, void *out, size_t len)
{
	int fd MT_AUTO_FD = mt_process_open_memory(pid, O_RDONLY);

	return fd < 0 ? -1 : pread(fd, out, len, (off_t)addr);
}

static ssize_t write_by_proc_mem(pid_t pid, uint64_t addr, const void *bytes, size_t len)
{
	int fd MT_AUTO_FD = mt_process_open_memory(pid, O_WRONLY);

	return fd < 0 ? -1 : pwrite(fd, bytes, len, (off_t)addr);
}

/* The outcome of moving `len` bytes, of which `moved` were (-1: errno says why not). */
static struct mt_error *memory_result(ssize_t moved, const char *verb, pid_t pid, uint64_t addr,
                                      size_t len)
{
	int err = moved < 0 ? errno : EFAULT;

	if (moved == (ssize_t)len)
		return NULL;
	if (err == EPERM || err == EACCES || err == ESRCH)
		return mt_error_sys(err, "cannot %s the memory of process %d", verb, (int)pid);
	return mt_error_new(MT_ERR_UNREADABLE,
	                    "cannot %s %zu bytes at 0x%" PRIx64 " in process %d: %s", verb, len,
	                    addr, (int)pid, strerror(err == EIO ? EFAULT : err));
}

struct mt_error *mt_process_read(pid_t pid, uint64_t addr, void *out, size_t len)
{
	struct iovec local = { .iov_base = out, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (got != (ssize_t)len)
		got = read_by_proc_mem(pid, addr, out, len);
	return memory_result(got, "read", pid, addr, len);
}

/* The kernel moves pieces as a whole (process_vm_readv(2)): a piece is what lies in one page. */
size_t mt_process_read_some(pid_t pid, uint64_t addr, void *out, size_t len)
{
	struct iovec local = { .iov_base = out, .iov_len = len };
	struct iovec pages[MAX_PAGES + 1];
	size_t count = 0, covered = 0;
	ssize_t got;

	while (covered < len && count < sizeof(pages) / sizeof(*pages)) {
		size_t left = PAGE_LEN - (addr + covered) % PAGE_LEN;

		pages[count].iov_base = (void *)(uintptr_t)(addr + covered);
		pages[count].iov_len = left < len - covered ? left : len - covered;
		covered += pages[count++].iov_len;
	}
	got = process_vm_readv(pid, &local, 1, pages, count, 0);
	return got < 0 ? 0 : (size_t)got;
}

struct mt_error *mt_process_write(pid_t pid, uint64_t addr, const void *bytes, size_t len)
{
	struct iovec local = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t put = process_vm_writev(pid, &local, 1, &remote, 1, 0);

	if (put != (ssize_t)len)
		put = write_by_proc_mem(pid, addr, bytes, len);
	return memory_result(put, "write", pid, addr, len);
}
