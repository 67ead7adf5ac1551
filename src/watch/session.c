/* SPDX-License-Identifier: MIT */
#include "watch/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "target/process.h"
#include "target/tracee.h"
#include "watch/session_private.h"

/* How long a hit may wait to be read. The kernel wakes us only when waiting would cost more. */
#define MAX_WAIT_MS 20
#define MIN_WAIT_MS 1
/* So many in one reading: there may be more. */
#define MANY_RECORDS 4096

uint64_t mt_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void mt_session_notice(struct mt_session *session, enum mt_notice_kind kind, const char *fmt, ...)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	va_list ap;

	va_start(ap, fmt);
	mt_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (text.len)
		session->listener->notice(session->listener->arg, kind, text.data);
}

/* ---- Beginning ----------------------------------------------------------- */

/* What a person may have overlooked: that the program is a script, or no program at all. */
static struct mt_error *say_what_it_is(struct mt_error *error, const char *path)
{
	struct mt_image *image = NULL;
	struct mt_error *kind = error ? mt_image_open_file(path, &image) : NULL;

	if (kind && mt_error_kind(kind) == MT_ERR_FORMAT)
		error = mt_error_context(error, "%s", mt_error_text(kind));
	mt_error_free(kind);
	mt_image_destroy(image);
	return error;
}

static struct mt_error *launch_program(struct mt_session *session, const char *path)
{
	const struct mt_watch_config *config = session->config;
	struct mt_launch how = {
		.path = path,
		.argv = config->argv,
		.signal_mask = config->signal_mask,
		.open_files = config->open_files,
	};
	unsigned flags = MT_TRACE_EXEC | MT_TRACE_THREADS | (config->follow ? MT_TRACE_FORKS : 0);

	MT_TRY(mt_tracee_launch(&how, flags, &session->root));
	session->summary->launched = true;
	if (!mt_follow_add(session, session->root))
		return mt_error_nomem();
	MT_TRY(mt_follow_begin(session, session->root));
	if (!config->follow)
		MT_TRY(mt_probe_watch_exec(session->probe, session->root));
	mt_follow_go_on(session, session->root, 0);
	return NULL;
}

static struct mt_error *launch(struct mt_session *session)
{
	MT_TRY(mt_program_find(session->config->argv[0], &session->program));
	return say_what_it_is(launch_program(session, session->program), session->program);
}

static struct mt_error *add_tracee(pid_t tid, bool *done, void *arg)
{
	*done = true; /* later ones tell of themselves by their first stop */
	return mt_follow_add(arg, tid) ? NULL : mt_error_nomem();
}

/* A process that runs is traced only where something has to wait in it. */
static struct mt_error *attach(struct mt_session *session)
{
	const struct mt_watch_config *config = session->config;
	unsigned flags = MT_TRACE_EXEC | MT_TRACE_THREADS | (config->follow ? MT_TRACE_FORKS : 0);

	session->root = config->pid;
	if (mt_process_of(session->root) != session->root)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no process %d", (int)session->root);
	if (config->follow || config->at || config->pending) {
		MT_TRY(mt_tracee_seize(session->root, flags));
		MT_TRY(mt_process_each_thread(session->root, add_tracee, session));
	}
	if (!config->follow)
		MT_TRY(mt_probe_watch_exec(session->probe, session->root));
	return mt_session_begin(session, session->root, false);
}

/* A program that could not be watched has not begun to run, or does not go on. */
static void end_launched(struct mt_session *session)
{
	if (!session->summary->launched || session->root_gone)
		return;
	kill(session->root, SIGKILL);
	waitpid(session->root, NULL, __WALL);
}

/* ---- The loop ------------------------------------------------------------ */

struct loop {
	int epoll, signals;
	int wait_ms;
	uint64_t deadline_ns; /* 0: none */
};

static struct mt_error *watch_fd(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return mt_error_sys(errno, "cannot wait for events");
	return NULL;
}

static struct mt_error *loop_init(struct mt_session *session, struct loop *loop)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	loop->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	session->root_fd = (int)syscall(SYS_pidfd_open, session->root, 0);
	if (session->root_fd < 0 && errno == ESRCH)
		session->root_gone = true; /* it ended while it was being armed */
	if (loop->signals < 0 || loop->epoll < 0)
		return mt_error_sys(errno, "cannot wait for events");
	MT_TRY(watch_fd(loop->epoll, loop->signals));
	MT_TRY(watch_fd(loop->epoll, mt_probe_fd(session->probe)));
	if (session->root_fd >= 0)
		MT_TRY(watch_fd(loop->epoll, session->root_fd));
	loop->wait_ms = MIN_WAIT_MS;
	if (session->config->timeout_s > 0)
		loop->deadline_ns = mt_now_ns() + (uint64_t)(session->config->timeout_s * 1e9);
	return NULL;
}

/*
 * A signal that asks us to end. The terminal sends it to the program too (si_code SI_KERNEL); one
 * that was sent to us alone is passed on to a program that is ours.
 */
static void on_end_signal(struct mt_session *session, const struct signalfd_siginfo *info)
{
	if (!session->summary->launched) {
		session->ending = true;
		return;
	}
	if (info->ssi_code != SI_KERNEL)
		kill(session->root, (int)info->ssi_signo);
}

static void read_signals(struct mt_session *session, const struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			on_end_signal(session, &info);
}

/* One round: what the tracees do, what the ring holds. */
static size_t read_all(struct mt_session *session, const struct loop *loop)
{
	size_t records;

	read_signals(session, loop);
	mt_follow_events(session);
	records = mt_probe_drain(session->probe);
	mt_session_flush(session, false);
	session->listener->pause(session->listener->arg);
	return records;
}

/* The more there is to read, the sooner we look again; at once where the last reading was cut
 * short. */
static int next_wait(const struct loop *loop, size_t records)
{
	int wait = records ? MIN_WAIT_MS : (loop->wait_ms ? loop->wait_ms * 2 : MIN_WAIT_MS);

	if (records >= MANY_RECORDS)
		return 0;

	return wait > MAX_WAIT_MS ? MAX_WAIT_MS : wait;
}

static bool process_has_ended(const struct mt_session *session)
{
	char state = mt_process_state(session->root);

	return state == '\0' || state == 'Z' || state == 'X';
}

static bool watch_is_over(const struct mt_session *session, const struct loop *loop)
{
	if (session->ending || session->fatal || session->root_gone)
		return true;
	if (session->root_execed && !session->config->follow)
		return true;
	return loop->deadline_ns && mt_now_ns() >= loop->deadline_ns;
}

static void run_loop(struct mt_session *session, struct loop *loop)
{
	struct epoll_event events[8];
	bool root_ended = false;

	while (!watch_is_over(session, loop)) {
		int count = epoll_wait(loop->epoll, events, 8, loop->wait_ms);

		for (int i = 0; i < count; i++)
			root_ended = root_ended || events[i].data.fd == session->root_fd;
		loop->wait_ms = next_wait(loop, read_all(session, loop));
		if (root_ended && !session->summary->launched && process_has_ended(session))
			session->root_gone = true;
	}
}

/* ---- The end ------------------------------------------------------------- */

static bool was_armed(const struct mt_session *session, size_t request)
{
	for (size_t i = 0; i < session->watches.len; i++)
		if (session->watches.data[i]->view.index == request + 1 &&
		    session->watches.data[i]->was_armed)
			return true;
	return false;
}

static bool waits_for_location(const struct mt_session *session)
{
	for (size_t i = 0; i < session->targets.len; i++)
		if (session->targets.data[i]->at_pending)
			return true;
	return false;
}

/* Expressions that no program gave a meaning, or whose location was not reached. */
static void tell_never_armed(struct mt_session *session)
{
	const struct mt_watch_config *config = session->config;
	bool waits = waits_for_location(session);

	for (size_t i = 0; i < config->request_count; i++) {
		if (was_armed(session, i))
			continue;
		session->summary->never_armed++;
		if (waits)
			mt_session_notice(session, MT_NOTICE_WARNING,
			                  "%s was never armed: %s was not reached",
			                  config->requests[i].expr, config->at);
		else
			mt_session_notice(
			    session, MT_NOTICE_WARNING, "%s was never armed%s%s",
			    config->requests[i].expr, session->passed_over ? ": " : "",
			    session->passed_over ? mt_error_text(session->passed_over) : "");
	}
}

/* Everything that was seen is told, then everything that was counted. */
static void finish(struct mt_session *session)
{
	struct mt_session_summary *summary = session->summary;

	for (size_t i = 0; i < session->targets.len; i++)
		mt_target_disable(session, session->targets.data[i]);
	while (mt_probe_drain(session->probe))
		;
	mt_session_flush(session, true);
	tell_never_armed(session);
	for (size_t i = 0; i < session->watches.len; i++) {
		const struct mt_coverage *coverage = &session->watches.data[i]->coverage;

		if (coverage->threads > summary->threads)
			summary->threads = coverage->threads;
		if (coverage->uncovered > summary->uncovered)
			summary->uncovered = coverage->uncovered;
	}
	for (size_t i = 0; i < session->targets.len; i++)
		mt_target_end(session, session->targets.data[i]);
	summary->start_ns = session->start_ns;
	summary->seconds = (double)(mt_now_ns() - session->start_ns) / 1e9;
	session->ending = true;
	/* Tracees of an attached process are let go by our exit, without a stop. */
	if (summary->launched)
		mt_follow_release(session);
	if (session->root_execed && !session->root_gone)
		mt_session_notice(
		    session, MT_NOTICE_WARNING,
		    "process %d runs another program now (exec): the watch has ended; -f "
		    "follows",
		    (int)session->root);
	session->listener->summary(session->listener->arg, summary);
	session->listener->pause(session->listener->arg);
}

/* A program of ours goes on without us watching; its end is ours. */
static void wait_for_program(struct mt_session *session, const struct loop *loop)
{
	struct epoll_event events[8];

	while (session->summary->launched && !session->root_gone) {
		epoll_wait(loop->epoll, events, 8, -1);
		read_signals(session, loop);
		mt_follow_events(session);
	}
}

static void session_deinit(struct mt_session *session, struct loop *loop)
{
	for (size_t i = session->watches.len; i-- > 0;)
		mt_watch_destroy(session->watches.data[i]);
	mt_vec_deinit(&session->watches);
	for (size_t i = 0; i < session->targets.len; i++)
		mt_target_destroy(session->targets.data[i]);
	mt_vec_deinit(&session->targets);
	mt_vec_deinit(&session->tracees);
	mt_probe_destroy(session->probe);
	mt_error_free(session->passed_over);
	free(session->program);
	mt_fd_cleanup(&session->root_fd);
	mt_fd_cleanup(&loop->epoll);
	mt_fd_cleanup(&loop->signals);
}

static struct mt_error *begin(struct mt_session *session, struct loop *loop)
{
	const struct mt_watch_config *config = session->config;

	MT_TRY(mt_places_create(&session->summary->places));
	MT_TRY(mt_probe_create(config->ring_size, mt_session_record, session, &session->probe));
	session->start_ns = mt_now_ns();
	MT_TRY(config->pid ? attach(session) : launch(session));
	return loop_init(session, loop);
}

struct mt_error *mt_session_run(const struct mt_watch_config *config,
                                const struct mt_listener *listener,
                                struct mt_session_summary *summary)
{
	struct mt_session session = {
		.config = config,
		.listener = listener,
		.summary = summary,
		.root_fd = -1,
	};
	struct loop loop = { .epoll = -1, .signals = -1 };

	*summary = (struct mt_session_summary){ .exit_status = -1 };

	struct mt_error *error = begin(&session, &loop);

	if (!error) {
		run_loop(&session, &loop);
		error = session.program ? say_what_it_is(session.fatal, session.program)
		                        : session.fatal;
	}
	if (error) {
		end_launched(&session);
	} else {
		finish(&session);
		wait_for_program(&session, &loop);
	}
	session_deinit(&session, &loop);
	return error;
}
