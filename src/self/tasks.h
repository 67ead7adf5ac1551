/* SPDX-License-Identifier: MIT */
/*
 * Inside src/self: the threads of a process, listed by raw system calls. /proc/PID/task is no
 * snapshot: where the thread at which the reading has arrived dies, others are skipped. So a list
 * is whole only when it has as many threads as the kernel counts.
 */
#ifndef MT_SELF_TASKS_H
#define MT_SELF_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mt_tasks {
	int fd;      /* of /proc/PID/task; the caller's */
	pid_t *tids; /* every thread that any listing has shown; valid until the next
	                mt_tasks_begin() */
	size_t count;
};

/* Begins a list. One is used at a time: its memory is kept for the next. 0 or a negative errno. */
int mt_tasks_begin(struct mt_tasks *tasks, int fd);

/* Reads the folder again and appends those that are new. `whole`: the reading has missed nobody. */
int mt_tasks_list(struct mt_tasks *tasks, bool *whole);

/* What a thread is at: 'R', 'S', 'D', 'Z' … (proc(5), /proc/pid/stat); 0: there is none. */
char mt_task_state(pid_t tid);

/* A main thread that ends before the others stays in the list. */
bool mt_task_is_dead(pid_t tid);

#endif
