/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "self/perf.h"
#include "self/raw.h"
#include "self/tasks.h"

/* As "SigBlk:" of /proc/PID/task/TID/status tells (proc(5)). */
static bool has_sigtrap_blocked(int folder, pid_t tid)
{
	char path[32], status[2048] = { 0 };
	int fd MT_AUTO_FD = -1;
	const char *line;

	snprintf(path, sizeof(path), "%d/status", (int)tid);
	fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, status, sizeof(status) - 1) <= 0)
		return false;
	line = strstr(status, "\nSigBlk:");
	return line && (strtoull(line + sizeof("\nSigBlk:"), NULL, 16) & MT_SIGBIT(SIGTRAP));
}

static bool is_missed(const struct mt_perf_armed *armed, pid_t tid)
{
	for (size_t i = 0; i < armed->missed.len; i++) {
		if (armed->missed.data[i] == tid)
			return true;
	}
	return false;
}

static void look_at(const struct mt_piece *piece, const struct mt_tasks *tasks, pid_t tid,
                    struct mt_piece_cover *cover)
{
	if ((piece->thread && piece->thread != tid) || mt_task_is_dead(tid))
		return;
	cover->threads++;
	if (is_missed(piece->armed, tid))
		cover->gaps |= MEMTRAP_GAP_THREADS;
	else
		cover->armed++;
	if (has_sigtrap_blocked(tasks->fd, tid))
		cover->gaps |= MEMTRAP_GAP_BLOCKED;
}

void mt_perf_cover(const struct mt_piece *piece, struct mt_piece_cover *cover)
{
	int folder MT_AUTO_FD = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct mt_tasks tasks;
	bool whole;

	*cover = (struct mt_piece_cover){ 0 };
	if (folder < 0 || mt_tasks_begin(&tasks, folder) < 0 || mt_tasks_list(&tasks, &whole) < 0)
		return;
	for (size_t i = 0; i < tasks.count; i++)
		look_at(piece, &tasks, tasks.tids[i], cover);
}
