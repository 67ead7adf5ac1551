/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"

MT_DEFINE_CLEANUP(debug, struct mt_debug, mt_debug_destroy)
MT_DEFINE_CLEANUP(mt_image, struct mt_image, mt_image_destroy)

/* ---- What is told -------------------------------------------------------- */

void mt_notify(struct mt_debug *debug, const struct mt_notice *notice)
{
	if (debug->config.notice)
		debug->config.notice(notice, debug->config.arg);
}

void mt_warn(struct mt_debug *debug, pid_t pid, const char *fmt, ...)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	va_list ap;

	va_start(ap, fmt);
	mt_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (mt_buf_ok(&text))
		mt_notify(debug, &(struct mt_notice){
		                     .kind = MT_NOTICE_WARNING, .pid = pid, .text = text.data });
}

/* ---- The session --------------------------------------------------------- */

static struct mt_error *poll_too(struct mt_debug *debug, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(debug->poll, EPOLL_CTL_ADD, fd, &event) < 0)
		return mt_error_sys(errno, "cannot wait for the program");
	return NULL;
}

/* Stops of tracees are told by SIGCHLD, which is blocked so that it can be polled for. */
static struct mt_error *open_fds(struct mt_debug *debug)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &debug->old_mask);
	debug->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	debug->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	debug->poll = epoll_create1(EPOLL_CLOEXEC);
	if (debug->signals < 0 || debug->wake < 0 || debug->poll < 0)
		return mt_error_sys(errno, "cannot wait for the program");
	MT_TRY(poll_too(debug, debug->signals));
	return poll_too(debug, debug->wake);
}

struct mt_error *mt_debug_create(const struct mt_debug_config *config, struct mt_debug **debug)
{
	struct mt_debug *made MT_CLEANUP(debug_cleanup) = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	made->config = *config;
	made->settings.detach_on_fork = true;
	made->settings.watch_registers = made->settings.watch_stepping = true;
	made->settings.watch_ahead = true;
	made->signals = made->wake = made->poll = -1;
	mt_xsave_layout_read(&made->layout);
	mt_signal_rules_init(made);
	mt_terminal_init(made);
	MT_TRY(open_fds(made));
	MT_TRY(mt_kept_create(&made->kept));
	*debug = MT_TAKE(made);
	return NULL;
}

static void end_processes(struct mt_debug *debug)
{
	mt_share_end(debug);
	mt_stop_all(debug);
	debug->going = debug->has_stop = false;
	mt_plan_end(debug);
	for (mt_debug_bury(debug); debug->procs.len; mt_debug_bury(debug)) {
		struct mt_proc *proc = debug->procs.data[debug->procs.len - 1];

		if (proc->core)
			mt_proc_remove(proc);
		else if (proc->attached)
			mt_proc_let_go(proc, 0);
		else
			mt_proc_kill(proc);
	}
}

void mt_debug_destroy(struct mt_debug *debug)
{
	if (!debug)
		return;
	end_processes(debug);
	mt_terminal_deinit(debug);
	while (debug->breaks.len)
		mt_break_destroy(debug, debug->breaks.data[debug->breaks.len - 1]);
	mt_vec_deinit(&debug->breaks);
	mt_vec_deinit(&debug->dummies);
	mt_watch_hits_forget(debug);
	mt_vec_deinit(&debug->hits);
	mt_vec_deinit(&debug->procs);
	mt_vec_deinit(&debug->held);
	mt_vec_deinit(&debug->orphans);
	mt_frames_forget(debug);
	mt_kept_destroy(debug->kept);
	free(debug->moment);
	mt_ahead_code_destroy(debug->ahead_code);
	mt_rows_destroy(debug->rows);
	mt_probe_destroy(debug->probe);
	mt_image_destroy(debug->file_image);
	free(debug->program);
	mt_fd_cleanup(&debug->poll);
	mt_fd_cleanup(&debug->wake);
	if (debug->signals >= 0)
		sigprocmask(SIG_SETMASK, &debug->old_mask, NULL);
	mt_fd_cleanup(&debug->signals);
	free(debug);
}

struct mt_debug_settings *mt_debug_settings(struct mt_debug *debug)
{
	return &debug->settings;
}

int mt_debug_fd(const struct mt_debug *debug)
{
	return debug->poll;
}

void mt_debug_interrupt(struct mt_debug *debug)
{
	int err = errno; /* it is called by signal handlers */

	debug->interrupted = 1;
	eventfd_write(debug->wake, 1);
	errno = err;
}

/* ---- The program --------------------------------------------------------- */

static void forget_file(struct mt_debug *debug)
{
	mt_image_destroy(debug->file_image);
	debug->file_image = NULL;
	free(debug->program);
	debug->program = NULL;
}

struct mt_error *mt_debug_file(struct mt_debug *debug, const char *path)
{
	struct mt_image *image MT_CLEANUP(mt_image_cleanup) = NULL;
	char *program MT_AUTO_FREE = NULL;

	if (!*path) {
		forget_file(debug);
		return NULL;
	}
	MT_TRY(mt_program_find(path, &program));
	MT_TRY(mt_image_open_file(program, &image));
	forget_file(debug);
	debug->program = MT_TAKE(program);
	debug->file_image = MT_TAKE(image);
	return NULL;
}

const char *mt_debug_program(const struct mt_debug *debug)
{
	return debug->program;
}

struct mt_image *mt_debug_image(struct mt_debug *debug)
{
	return debug->proc ? mt_proc_memory(debug->proc)->image : debug->file_image;
}
