/* SPDX-License-Identifier: MIT */
#include "watch/session.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
/* How long after the end of all else a signal still means that end. */
#define READER_PATIENCE_NS 1000000000

void mt_session_notice(struct mt_session *session, enum mt_session_notice_kind kind,
                       const char *fmt, ...)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	va_list ap;

	va_start(ap, fmt);
	mt_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (text.len)
		session->listener->notice(session->listener->arg, kind, text.data);
}

static void write_out(struct mt_session *session)
{
	session->backlog = session->listener->pause(session->listener->arg);
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

static bool is_traced(const struct mt_session *session)
{
	return session->config->engine == MT_ENGINE_PTRACE;
}

/* Before anything is armed: what is used, why, and what it costs. */
static void tell_engine(struct mt_session *session)
{
	const struct mt_watch_config *config = session->config;
	struct mt_traced_cost cost;
	struct mt_buf calls MT_AUTO_BUF = { 0 };

	if (!is_traced(session))
		return;
	cost = mt_probe_traced_cost();
	if (!config->user_only)
		mt_buf_printf(&calls, ", and so does a system call, for %.0f us (--user-only: not)",
		              cost.call_us);
	mt_session_notice(session, MT_SESSION_INFO,
	                  "engine: ptrace: a hit stops its thread, for about %.0f us%s%s%s",
	                  cost.hit_us, calls.len ? calls.data : "",
	                  config->why_traced ? "; since " : "",
	                  config->why_traced ? config->why_traced : "");
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

	MT_TRY(mt_tracee_launch(&how, mt_session_trace_flags(session), &session->root));
	tell_engine(session);
	session->summary->launched = true;
	session->guarded = config->guard != MT_GUARD_NONE || is_traced(session);
	if (!mt_follow_add(session, session->root))
		return mt_error_nomem();
	mt_probe_event(session->probe, &(struct mt_event){ .kind = MT_EVENT_EXEC,
	                                                   .tid = session->root,
	                                                   .child = session->root });
	session->held = session->root;
	MT_TRY(mt_follow_begin(session, session->root));
	session->held = 0;
	if (!config->follow)
		MT_TRY(mt_probe_watch_exec(session->probe, session->root));
	write_out(session); /* what is armed is said before the program can say anything */
	mt_follow_go_on(session, session->root, 0);
	return NULL;
}

static struct mt_error *launch(struct mt_session *session)
{
	MT_TRY(mt_program_find(session->config->argv[0], &session->program));
	return say_what_it_is(launch_program(session, session->program), session->program);
}

/* Its threads are seized after they have been armed, since arming may have to pause them. */
static struct mt_error *guard(struct mt_session *session)
{
	struct mt_error *error;

	if (session->config->guard == MT_GUARD_NONE || session->guarded)
		return NULL;
	error = mt_session_seize_running(session);
	session->guarded = !error;
	if (!error || session->config->guard == MT_GUARD_MUST)
		return mt_error_context(error, "--guard");
	mt_session_notice(session, MT_SESSION_INFO,
	                  "process %d is not guarded against a hypervisor that loses traps: %s",
	                  (int)session->root, mt_error_text(error));
	mt_error_free(error);
	return NULL;
}

/* A process that runs is traced where something has to wait in it, or to guard it. */
static struct mt_error *attach(struct mt_session *session)
{
	const struct mt_watch_config *config = session->config;
	struct mt_error *error;

	session->root = config->pid;
	if (mt_process_of(session->root) != session->root)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no process %d", (int)session->root);
	if (!config->follow)
		MT_TRY(mt_probe_watch_exec(session->probe, session->root));
	session->guarded = is_traced(session);
	if (config->follow || config->at || config->pending || session->guarded ||
	    mt_handover_is_wanted(session))
		MT_TRY(mt_session_seize(session));
	tell_engine(session);
	MT_TRY(mt_session_begin(session, session->root, false));
	error = guard(session);
	write_out(session); /* who reads that it is armed may count on the guard */
	return error;
}

/* A program that could not be watched has not begun to run, or does not go on. */
static void end_launched(struct mt_session *session)
{
	if (!session->summary->launched || session->root_gone)
		return;
	kill(session->root, SIGKILL);
	waitpid(session->root, NULL, __WALL);
	session->root_gone = true;
}

/* ---- The loop ------------------------------------------------------------ */

struct loop {
	int signals, ring; /* -1: not waited for */
	int wait_ms;
	bool has_more;        /* events of tracees */
	uint64_t deadline_ns; /* 0: none */
	bool root_told;       /* its pidfd is readable: there is no more to hear from that */
};

void mt_session_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static struct mt_error *loop_init(struct loop *loop)
{
	sigset_t set;

	mt_session_signals(&set);
	loop->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signals < 0)
		return mt_error_sys(errno, "cannot wait for signals");
	return NULL;
}

static void loop_begin(struct mt_session *session, struct loop *loop)
{
	loop->ring = mt_probe_fd(session->probe);
	loop->wait_ms = MIN_WAIT_MS;
	if (session->config->timeout_s > 0)
		loop->deadline_ns = mt_now_ns() + (uint64_t)(session->config->timeout_s * 1e9);
	session->root_fd = (int)syscall(SYS_pidfd_open, session->root, 0);
	if (session->root_fd < 0 && errno == ESRCH)
		session->root_gone = true; /* it ended while it was being armed */
}

/*
 * A signal that asks us to end. The terminal sends it to the program too (si_code SI_KERNEL); one
 * that was sent to us alone is passed on to a program that is ours. When all is over but for a
 * reader who does not read, it means us; not at once, for some senders say it twice (timeout(1)).
 */
static void on_end_signal(struct mt_session *session, const struct signalfd_siginfo *info)
{
	if (session->summary->launched && !session->root_gone) {
		if (info->ssi_code != SI_KERNEL)
			kill(session->root, (int)info->ssi_signo);
		return;
	}
	session->ending = true;
	if (session->end_ns && mt_now_ns() - session->end_ns > READER_PATIENCE_NS)
		session->given_up = true;
}

static void read_signals(struct mt_session *session, const struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			on_end_signal(session, &info);
}

/*
 * Waits until there is something to do, and does what others wait for: the program, and whoever
 * sends signals. It waits for nobody while it does.
 */
static void serve(struct mt_session *session, struct loop *loop, int wait_ms)
{
	bool full = session->backlog == MT_BACKLOG_FULL;
	struct pollfd fds[] = {
		{ .fd = is_traced(session) && !session->orphaned ? session->config->lifeline : -1,
		  .events = POLLIN },
		{ .fd = loop->signals, .events = POLLIN },
		{ .fd = session->listener->wake, .events = POLLIN },
		{ .fd = full ? -1 : loop->ring, .events = POLLIN },
		{ .fd = loop->root_told ? -1 : session->root_fd, .events = POLLIN },
	};

	poll(fds, sizeof(fds) / sizeof(*fds), loop->has_more ? 0 : wait_ms);
	if (fds[0].revents)
		session->orphaned = session->ending = session->given_up = true;
	loop->root_told = loop->root_told || fds[4].revents;
	read_signals(session, loop);
	loop->has_more = mt_follow_events(session);
}

/* What the ring holds is told, and goes out. */
static size_t read_ring(struct mt_session *session)
{
	size_t records = mt_session_drain(session);

	if (session->backlog != MT_BACKLOG_FULL)
		mt_session_flush(session, false);
	write_out(session);
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
	while (!watch_is_over(session, loop)) {
		serve(session, loop, loop->wait_ms);
		loop->wait_ms = next_wait(loop, read_ring(session));
		mt_mappings_look(session);
		if (loop->root_told && !session->summary->launched &&
		    mt_process_has_ended(session->root))
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
			mt_session_notice(session, MT_SESSION_WARNING,
			                  "%s was never armed: %s was not reached",
			                  config->requests[i].expr, config->at);
		else
			mt_session_notice(
			    session, MT_SESSION_WARNING, "%s was never armed%s%s",
			    config->requests[i].expr, session->passed_over ? ": " : "",
			    session->passed_over ? mt_error_text(session->passed_over) : "");
	}
}

/* No more hits from here on; the events are closed before anybody who guards against them lets go.
 */
static void end_watches(struct mt_session *session)
{
	for (size_t i = 0; i < session->targets.len; i++)
		mt_target_disable(session, session->targets.data[i]);
	for (size_t i = 0; i < session->targets.len; i++)
		mt_target_end(session, session->targets.data[i]);
	session->ending = true;
	/* Tracees of an attached process are let go by our exit, without a stop; not with registers
	 * that would outlive us. */
	if (session->summary->launched || session->config->release || session->handed ||
	    is_traced(session))
		mt_follow_release(session);
}

/* What the ring holds still, as fast as the listener takes it. */
static void tell_rest(struct mt_session *session, struct loop *loop)
{
	while (!session->given_up) {
		size_t records = mt_session_drain(session);

		if (!records && session->backlog != MT_BACKLOG_FULL)
			break;
		serve(session, loop, records ? 0 : -1);
	}
	mt_session_flush(session, true);
	loop->ring = -1;
}

static void sum_up(struct mt_session *session)
{
	struct mt_session_summary *summary = session->summary;

	summary->borrowers = mt_probe_borrowers(session->probe);
	for (size_t i = 0; i < session->watches.len; i++) {
		const struct mt_watch *watch = session->watches.data[i];
		const struct mt_coverage *coverage = &watch->coverage;

		summary->calls += watch->calls;
		summary->moves += watch->moves;
		if (coverage->threads > summary->threads && !watch->in_frame)
			summary->threads = coverage->threads;
		if (coverage->uncovered > summary->uncovered)
			summary->uncovered = coverage->uncovered;
		if (watch->sent > watch->received)
			summary->lost += watch->sent - watch->received;
	}
	summary->start_ns = session->start_ns;
	summary->seconds = (double)(session->end_ns - session->start_ns) / 1e9;
}

/* Everything that was seen is told, then everything that was counted. */
static void finish(struct mt_session *session, struct loop *loop)
{
	mt_handover_make(session);
	end_watches(session);
	tell_rest(session, loop);
	tell_never_armed(session);
	sum_up(session);
	if (session->root_execed && !session->root_gone)
		mt_session_notice(
		    session, MT_SESSION_WARNING,
		    "process %d runs another program now (exec): the watch has ended; -f "
		    "follows",
		    (int)session->root);
	session->listener->summary(session->listener->arg, session->summary);
}

/* A leader that has ended before its threads reports that only after them, to its parent. */
static bool has_living_tracee(const struct mt_session *session)
{
	for (size_t i = 0; i < session->tracees.len; i++)
		if (!mt_process_has_ended(session->tracees.data[i]))
			return true;
	return false;
}

/*
 * A program of ours goes on without us watching; its end is ours. So is that of what the listener
 * has been told.
 */
static bool has_to_wait(const struct mt_session *session)
{
	if ((is_traced(session) || session->handed) && has_living_tracee(session))
		return true;
	if (session->summary->launched && !session->root_gone && !session->orphaned &&
	    !session->handed)
		return true;
	return session->backlog != MT_BACKLOG_NONE && !session->given_up;
}

static void wait_for_end(struct mt_session *session, struct loop *loop)
{
	write_out(session);
	while (has_to_wait(session)) {
		serve(session, loop, -1);
		write_out(session);
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
	for (size_t i = 0; i < session->recovered.len; i++)
		free(session->recovered.data[i]);
	mt_vec_deinit(&session->recovered);
	mt_vec_deinit(&session->put_off);
	mt_vec_deinit(&session->put_off_of);
	mt_probe_destroy(session->probe);
	mt_error_free(session->passed_over);
	free(session->program);
	mt_fd_cleanup(&session->root_fd);
	mt_fd_cleanup(&loop->signals);
}

static struct mt_error *begin(struct mt_session *session, struct loop *loop)
{
	const struct mt_watch_config *config = session->config;

	MT_TRY(loop_init(loop));
	MT_TRY(mt_places_create(&session->summary->places));
	if (!is_traced(session))
		MT_TRY(mt_probe_check_kernel());
	MT_TRY(
	    is_traced(session)
	        ? mt_probe_create_traced(mt_session_record_at_hit, mt_session_capture, session,
	                                 &session->probe)
	        : mt_probe_create(config->ring_size, mt_session_record, session, &session->probe));
	session->start_ns = mt_now_ns();
	MT_TRY(config->pid ? attach(session) : launch(session));
	loop_begin(session, loop);
	return NULL;
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
	struct loop loop = { .signals = -1, .ring = -1 };

	*summary = (struct mt_session_summary){ .exit_status = -1 };

	struct mt_error *error = begin(&session, &loop);

	if (!error) {
		run_loop(&session, &loop);
		error = session.program ? say_what_it_is(session.fatal, session.program)
		                        : session.fatal;
	}
	session.end_ns = mt_now_ns();
	if (error)
		end_launched(&session);
	else
		finish(&session, &loop);
	wait_for_end(&session, &loop);
	session_deinit(&session, &loop);
	return error;
}
