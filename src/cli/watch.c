/* SPDX-License-Identifier: MIT */
/* `memtrap watch`: a session's hits on the screen, in a file, or as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/writer.h"
#include "cli/command.h"
#include "cli/in_process.h"
#include "cli/shelter.h"
#include "cli/watch_armed.h"
#include "cli/watch_core.h"
#include "cli/watch_debug.h"
#include "cli/watch_options.h"
#include "record/json.h"
#include "record/text.h"
#include "symbol/index.h"
#include "watch/session.h"

/* The output is written when that much has gathered, and after each round of reading. */
#define FLUSH_SIZE ((size_t)64 << 10)
/* With so much unwritten, more hits had better wait in the ring. Without a ring, what is told is
 * all that is kept of them: then that may be as much as the ring would have held. */
#define FULL_SIZE ((size_t)1 << 20)

struct output {
	const struct mt_watch_options *options;
	int fd;
	struct mt_writer *writer;
	struct mt_buf *text; /* what is written next */
	size_t full_size;
	uint64_t start_ns;
	char *core;                    /* the file that --then core has written; NULL: none */
	bool core_failed;              /* it could not be written, which was told */
	struct mt_watch_memory memory; /* for --then debug */
};

static bool opens_debugger(const struct output *output)
{
	return output->options->config.action == MT_ACTION_HOLD;
}

static enum mt_backlog on_pause(void *arg)
{
	struct output *output = arg;

	mt_writer_push(output->writer);
	if (mt_writer_is_done(output->writer))
		return MT_BACKLOG_NONE;
	return output->text->len < output->full_size ? MT_BACKLOG_SOME : MT_BACKLOG_FULL;
}

/* ---- What is armed ------------------------------------------------------- */

static void on_armed(void *arg, const struct mt_armed_info *info)
{
	struct output *output = arg;
	const struct mt_watch_request *request =
	    &output->options->requests.data[info->watch->index - 1];

	if (opens_debugger(output))
		mt_watch_remember_armed(&output->memory, info, request->deep);
	if (output->options->json)
		mt_watch_armed_json(output->text, info);
	else if (!output->options->quiet)
		mt_watch_armed_text(output->text, info);
	if (info->coverage.uncovered && !output->options->json)
		mt_buf_printf(output->text, "warning: %u thread%s not covered: %s\n",
		              info->coverage.uncovered,
		              info->coverage.uncovered == 1 ? " is" : "s are",
		              info->coverage.why ? info->coverage.why : "for a reason not known");
}

/* ---- Hits and notices ---------------------------------------------------- */

static void on_hit(void *arg, const struct mt_hit *hit)
{
	struct output *output = arg;

	if (opens_debugger(output))
		mt_watch_remember_hit(&output->memory, hit, output->options->config.max_hits);
	if (output->options->json)
		mt_json_hit(output->text, hit);
	else
		mt_text_hit(output->text, hit);
	if (output->text->len >= FLUSH_SIZE)
		mt_writer_push(output->writer);
}

static void on_notice(void *arg, enum mt_session_notice_kind kind, const char *text)
{
	struct output *output = arg;
	bool warning = kind == MT_SESSION_WARNING;

	if (output->options->json)
		mt_json_notice(output->text, warning ? "warning" : "info", text);
	else if (warning || !output->options->quiet)
		mt_buf_printf(output->text, "%s%s\n", warning ? "warning: " : "", text);
}

/* ---- The summary --------------------------------------------------------- */

static bool is_incomplete(const struct mt_session_summary *summary)
{
	return summary->lost || summary->unexplained || summary->unseen || summary->uncounted ||
	       summary->uncovered || summary->never_armed || summary->unwatched || summary->partial;
}

static void put_count(struct mt_buf *out, uint64_t count, const char *words)
{
	if (count)
		mt_buf_printf(out, ", %" PRIu64 " %s", count, words);
}

static void put_loss(struct mt_buf *out, uint64_t count, const char *words)
{
	if (count)
		mt_buf_printf(out, "warning: %" PRIu64 " %s\n", count, words);
}

static void text_losses(struct mt_buf *out, const struct mt_session_summary *summary)
{
	put_loss(out, summary->lost,
	         "hits were lost: the ring was full; --buffer makes it larger, --if, "
	         "--changes and -c thin the stream");
	put_loss(out, summary->unexplained,
	         "debug exceptions came without saying what fired, a fault of the hypervisor: as "
	         "many hits may be missing");
	put_loss(out, summary->unseen, "hits were counted by the hardware and not reported");
	put_loss(
	    out, summary->outside,
	    "changes were made by no thread of the process: by another process that shares the "
	    "memory, or by a debugger");
	put_loss(out, summary->uncounted, "hits are in no row: the table of places was full");
	put_loss(out, summary->uncovered, "threads were not covered");
	put_loss(out, summary->unwatched, "calls, or moves of a trap, were not watched");
}

static void text_table(struct output *output, const struct mt_session_summary *summary)
{
	struct mt_buf *out = output->text;

	mt_buf_printf(out, "%" PRIu64 " hit%s in %.3f s", summary->hits,
	              summary->hits == 1 ? "" : "s", summary->seconds);
	put_count(out, summary->unmet, "left out by the condition");
	put_count(out, summary->unchanged, "left out as unchanged");
	put_count(out, summary->moves, "moves of the trap");
	put_count(out, summary->unmapped,
	          summary->unmapped == 1 ? "watched range unmapped" : "watched ranges unmapped");
	put_count(out, summary->borrowers,
	          summary->borrowers == 1
	              ? "child that borrowed the memory was not watched (-f does)"
	              : "children that borrowed the memory were not watched (-f does)");
	put_count(out, summary->recovered, "told from the trap's signal (the hypervisor lost why)");
	mt_buf_printf(out, ", %" PRIu64 " lost; ", summary->lost);
	if (summary->calls)
		mt_buf_printf(out, "%" PRIu64 " call%s watched", summary->calls,
		              summary->calls == 1 ? "" : "s");
	if (summary->threads || !summary->calls)
		mt_buf_printf(out, "%s%u thread%s armed, and those born since",
		              summary->calls ? ", " : "", summary->threads,
		              summary->threads == 1 ? "" : "s");
	mt_buf_char(out, '\n');
	mt_text_places(out, summary->places, output->start_ns, output->options->requests.len);
}

static void text_summary(struct output *output, const struct mt_session_summary *summary)
{
	if (!output->options->quiet)
		text_table(output, summary);
	text_losses(output->text, summary);
	if (output->core)
		mt_buf_printf(output->text, "process %d was written to %s, and goes on\n",
		              (int)summary->stopped, output->core);
	else if (summary->stopped && !output->options->core)
		mt_buf_printf(
		    output->text,
		    "process %d is stopped. To look at it: gdb -p %d; to let it go on: kill "
		    "-CONT %d\n",
		    (int)summary->stopped, (int)summary->stopped, (int)summary->stopped);
}

static void json_summary(struct output *output, const struct mt_session_summary *summary)
{
	struct mt_json_summary line = {
		.hits = summary->hits,
		.lost = summary->lost + summary->unexplained,
		.unseen = summary->unseen,
		.outside = summary->outside,
		.uncounted = summary->uncounted,
		.unmet = summary->unmet,
		.unchanged = summary->unchanged,
		.threads = summary->threads,
		.uncovered = summary->uncovered,
		.never_armed = summary->never_armed,
		.unwatched = summary->unwatched,
		.calls = summary->calls,
		.moves = summary->moves,
		.unmapped = summary->unmapped,
		.borrowers = summary->borrowers,
		.seconds = summary->seconds,
		.start_ns = output->start_ns,
		.exited = summary->exited,
		.exit_status = summary->exit_status,
		.exit_signal = summary->exit_signal,
		.stopped = output->options->core ? 0 : summary->stopped,
		.core = output->core,
		.places = summary->places,
	};

	mt_json_summary(output->text, &line);
}

static void write_core(struct output *output, pid_t pid)
{
	struct mt_error *error = mt_watch_core(pid, output->options->core_path, &output->core);

	if (!error)
		return;
	output->core_failed = true;
	mt_cli_complain(mt_error_context(error, "process %d goes on without a core", (int)pid),
	                NULL);
}

static void on_summary(void *arg, const struct mt_session_summary *summary)
{
	struct output *output = arg;

	output->start_ns = summary->start_ns;
	if (output->options->core && summary->stopped)
		write_core(output, summary->stopped);
	if (output->options->json)
		json_summary(output, summary);
	else
		text_summary(output, summary);
}

/* ---- Running ------------------------------------------------------------- */

/* As many files as allowed: a thread takes up to four. The program gets the old limit back. */
static void raise_open_files(struct rlimit *before)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, before) < 0)
		return;
	limit = *before;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool traces_another(const struct mt_watch_config *config)
{
	return config->pid && (config->guard || config->follow || config->at || config->pending ||
	                       config->action == MT_ACTION_HOLD);
}

static void fill_but_faults(sigset_t *set)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

	sigfillset(set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(set, faults[i]);
}

static void block_signals(const struct mt_watch_config *config, sigset_t *before)
{
	sigset_t set;

	mt_session_signals(&set);
	/* Stopped by the terminal, we would keep a process waiting that has nothing to do with it.
	 */
	if (traces_another(config)) {
		sigaddset(&set, SIGTSTP);
		sigaddset(&set, SIGTTIN);
		sigaddset(&set, SIGTTOU);
	}
	/* Nor may we end before its debug registers are cleared: of a closed pipe, or of Ctrl-\. */
	if (config->engine == MT_ENGINE_PTRACE)
		fill_but_faults(&set);
	sigprocmask(SIG_BLOCK, &set, before);
}

static struct mt_error *open_output(struct output *output)
{
	const char *path = output->options->output;

	/* A copy of standard error would do, but not where the program's own ends: /dev/full, a
	 * closed pipe. */
	output->fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
	                  : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (output->fd < 0)
		return mt_error_sys(errno, "cannot write to %s", path ? path : "standard error");
	MT_TRY(mt_writer_create(output->fd, &output->writer));
	output->text = mt_writer_text(output->writer);
	return NULL;
}

static int exit_of_error(const struct mt_error *error)
{
	switch (mt_error_kind(error)) {
	case MT_ERR_NO_PROGRAM:
		return MT_EXIT_NO_PROGRAM;
	case MT_ERR_CANNOT_RUN:
		return MT_EXIT_CANNOT_RUN;
	default:
		return MT_EXIT_FAILED;
	}
}

/* The program's end is ours: the same status, or the same signal; its core is the one to keep. */
static int exit_like(const struct mt_session_summary *summary)
{
	if (is_incomplete(summary))
		return MT_EXIT_INCOMPLETE;
	if (!summary->launched)
		return MT_EXIT_OK;
	if (summary->exit_signal) {
		mt_die_by(summary->exit_signal);
		return 128 + summary->exit_signal;
	}
	return summary->exit_status;
}

/* Whether all went out: hits that could not be written are hits that nobody saw. */
static bool is_written(const struct output *output)
{
	const char *path = output->options->output;
	int failure = mt_writer_failure(output->writer);

	if (failure)
		mt_cli_complain(mt_error_sys(failure,
		                             "the output is incomplete: cannot write to %s",
		                             path ? path : "standard error"),
		                NULL);
	return !failure && mt_writer_is_done(output->writer);
}

/* "PREFIXEXPR:" */
static bool begins_with(const char *text, const char *prefix, const char *expr)
{
	size_t before = strlen(prefix), len = strlen(expr);

	return !strncmp(text, prefix, before) && !strncmp(text + before, expr, len) &&
	       text[before + len] == ':';
}

/* What the error's offset counts in: the condition, or the expression that the text begins with. */
static const char *source_of(const struct mt_watch_options *options, const struct mt_error *error)
{
	if (mt_error_offset(error) < 0)
		return NULL;
	if (!strncmp(mt_error_text(error), "--if: ", 6))
		return options->config.condition;
	for (size_t i = 0; i < options->prints.len; i++)
		if (begins_with(mt_error_text(error), "--print ", options->prints.data[i]))
			return options->prints.data[i];
	for (size_t i = 0; i < options->requests.len; i++) {
		const char *expr = options->requests.data[i].expr;
		if (begins_with(mt_error_text(error), "", expr))
			return expr;
	}
	return NULL;
}

static struct mt_error *watch(struct output *output, struct mt_session_summary *summary)
{
	struct mt_listener listener = {
		.armed = on_armed,
		.hit = on_hit,
		.notice = on_notice,
		.summary = on_summary,
		.pause = on_pause,
		.wake = mt_writer_fd(output->writer),
		.arg = output,
	};

	return mt_session_run(&output->options->config, &listener, summary);
}

/* All is as it was when the tool was started; what was typed meanwhile was for the watch. */
static void give_back_process(const struct mt_watch_config *config)
{
	const struct timespec none = { 0 };
	sigset_t set;

	mt_session_signals(&set);
	while (sigtimedwait(&set, NULL, &none) > 0)
		continue;
	setrlimit(RLIMIT_NOFILE, &config->open_files);
	sigprocmask(SIG_SETMASK, &config->signal_mask, NULL);
}

/* A tracer that nobody waits for any more ends as by a terminal that was closed. */
static int open_debugger(struct output *output, const struct mt_handover *handover)
{
	const struct mt_watch_config *config = &output->options->config;

	give_back_process(config);
	if (config->lifeline >= 0)
		prctl(PR_SET_PDEATHSIG, SIGHUP);
	return mt_watch_debug(output->options, handover, &output->memory);
}

/* An error of the beginning is handed out: nothing has run then, and all is as it was. */
static struct mt_error *run_session(struct mt_watch_options *options, int *status)
{
	bool traced = options->config.engine == MT_ENGINE_PTRACE;
	struct output output = {
		.options = options,
		.fd = -1,
		.full_size = traced ? options->config.ring_size : FULL_SIZE,
	};
	struct mt_session_summary summary = { 0 };
	struct mt_error *error;

	mt_insn_set_syntax(options->intel ? MT_INSN_INTEL : MT_INSN_ATT);
	mt_index_set_policy(
	    &(struct mt_index_policy){ .cache = mt_index_cache_wanted(), .least = MT_INDEX_LEAST });
	block_signals(&options->config, &options->config.signal_mask);
	raise_open_files(&options->config.open_files);
	error = open_output(&output);
	if (!error)
		error = watch(&output, &summary);
	if (!error)
		*status = is_written(&output) && !output.core_failed ? exit_like(&summary)
		                                                     : MT_EXIT_INCOMPLETE;
	free(output.core);
	mt_places_destroy(summary.places);
	mt_writer_destroy(output.writer);
	mt_fd_cleanup(&output.fd);
	if (summary.handover.pid)
		*status = open_debugger(&output, &summary.handover);
	mt_handover_deinit(&summary.handover);
	mt_watch_memory_deinit(&output.memory);
	if (error) {
		setrlimit(RLIMIT_NOFILE, &options->config.open_files);
		sigprocmask(SIG_SETMASK, &options->config.signal_mask, NULL);
	}
	return error;
}

static int complain(const struct mt_watch_options *options, struct mt_error *error)
{
	int status = exit_of_error(error);

	mt_cli_complain(error, source_of(options, error));
	return status;
}

/* Nobody is slowed down so much who has not asked for it. */
static enum mt_steps steps_of(enum mt_engine_choice engine)
{
	switch (engine) {
	case MT_ENGINE_ONLY_PTRACE:
		return MT_STEPS_NEEDED;
	case MT_ENGINE_ONLY_STEPS:
		return MT_STEPS_ALWAYS;
	default:
		return MT_STEPS_NEVER;
	}
}

static int run_traced(int lifeline, void *arg)
{
	struct mt_watch_options *options = arg;
	struct mt_error *error;
	int status = MT_EXIT_OK;

	options->config.engine = MT_ENGINE_PTRACE;
	options->config.steps = steps_of(options->engine);
	options->config.lifeline = lifeline;
	error = run_session(options, &status);
	return error ? complain(options, error) : status;
}

/* Whether ptrace may do what was refused, or is not in this kernel. A guard is ptrace's already. */
static bool may_be_traced(const struct mt_watch_options *options, const struct mt_error *error)
{
	return options->engine == MT_ENGINE_AUTO && options->config.guard != MT_GUARD_MUST &&
	       (mt_error_kind(error) == MT_ERR_PERMISSION ||
	        mt_error_kind(error) == MT_ERR_OLD_KERNEL);
}

static struct mt_error *run_engine(struct mt_watch_options *options, int *status)
{
	struct mt_error *error = NULL, *failure;

	if (options->engine == MT_ENGINE_AUTO || options->engine == MT_ENGINE_ONLY_KERNEL) {
		error = run_session(options, status);
		if (!error || !may_be_traced(options, error))
			return error;
	}
	options->config.why_traced = error ? mt_error_text(error) : NULL;
	failure = mt_shelter_run(run_traced, options, status);
	mt_error_free(error);
	return failure;
}

static int run(int argc, char **argv)
{
	struct mt_watch_options options;
	struct mt_error *error = mt_watch_options_parse(argc, argv, &options);
	int status = MT_EXIT_OK;

	if (!error && options.in_process)
		error = mt_in_process_run(&options);
	if (!error)
		error = run_engine(&options, &status);
	if (error)
		status = complain(&options, error);
	mt_watch_options_deinit(&options);
	return status;
}

const struct mt_command mt_command_watch = {
	.name = "watch",
	.summary = "shows every access to a variable, without stopping the program",
	.run = run,
};
