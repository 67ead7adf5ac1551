/* SPDX-License-Identifier: MIT */
/* A filter's event where it is a uprobe (kernel/events/core.c, perf_uprobe;
 * kernel/events/uprobes.c).
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/armed.h"
#include "probe/host.h"

/* Where an event of all processes is counted; its program runs on all processors
 * (kernel/trace/trace_uprobe.c, __uprobe_perf_func()). */
#define ANY_CPU 0

struct mt_error *mt_armed_open_uprobe(struct mt_armed *armed)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.sample_period = 1,
		.uprobe_path = (uint64_t)(uintptr_t)armed->spec.file,
		.probe_offset = armed->spec.offset,
	};
	int fd MT_AUTO_FD = -1;
	long type;

	if (!mt_host_number("/sys/bus/event_source/devices/uprobe/type", &type))
		return mt_error_new(MT_ERR_UNSUPPORTED, "this kernel has no uprobe events");
	attr.type = (uint32_t)type;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, ANY_CPU, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, armed->programs[0]) < 0)
		return mt_error_sys(errno, "cannot open a uprobe in %s", armed->spec.file);
	if (!mt_vec_push(&armed->events, fd))
		return mt_error_nomem();
	mt_take_fd(&fd);
	armed->threads = 1;
	return NULL;
}

/* ---- Closing ------------------------------------------------------------- */

static void *close_event(void *fd)
{
	close((int)(intptr_t)fd);
	return NULL;
}

/* The kernel takes about 0.1 s for it, in which it waits for its own readers (kernel/events/
 * uprobes.c, uprobe_unregister_sync()). Nobody needs to wait with it: the program is not live any
 * more. */
static bool close_aside(int fd)
{
	sigset_t all, before;
	pthread_t thread;
	bool begun;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	begun = pthread_create(&thread, NULL, close_event, (void *)(intptr_t)fd) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return begun && pthread_detach(thread) == 0;
}

void mt_armed_close_uprobe(struct mt_armed *armed)
{
	while (armed->events.len) {
		int fd = armed->events.data[--armed->events.len];

		if (!close_aside(fd))
			close(fd);
	}
}
