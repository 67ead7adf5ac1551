/* SPDX-License-Identifier: MIT */
/* `memtrap watch`: a session's hits on the screen, in a file, or as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "cli/command.h"
#include "cli/watch_options.h"
#include "record/json.h"
#include "record/text.h"
#include "watch/session.h"

/* The output is written when that much has gathered, and after each round of reading. */
#define FLUSH_SIZE ((size_t)64 << 10)

struct output {
	const struct mt_watch_options *options;
	int fd;
	struct mt_buf buf;
	int failed; /* errno of a write that went wrong: what was written is incomplete */
	uint64_t start_ns;
};

/* ---- Writing ------------------------------------------------------------- */

static void write_out(struct output *output)
{
	size_t done = 0;

	while (done < output->buf.len && !output->failed) {
		ssize_t wrote = write(output->fd, output->buf.data + done, output->buf.len - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			output->failed = errno;
		else
			done += (size_t)wrote;
	}
	if (!mt_buf_ok(&output->buf))
		output->failed = ENOMEM;
	mt_buf_clear(&output->buf);
}

static void on_pause(void *arg)
{
	write_out(arg);
}

/* ---- What is armed ------------------------------------------------------- */

static void text_armed(struct output *output, const struct mt_armed_info *info)
{
	const struct mt_hit_watch *watch = info->watch;
	const struct mt_coverage *coverage = &info->coverage;
	unsigned threads = coverage->threads + coverage->uncovered;
	struct mt_buf *out = &output->buf;

	mt_buf_printf(out, "armed: %s: %u debug register%s", watch->expr, coverage->registers,
	              coverage->registers == 1 ? "" : "s");
	if (coverage->shared)
		mt_buf_printf(out, " (and %u shared)", coverage->shared);
	mt_buf_printf(out, " on %u of %u thread%s, %s", coverage->threads, threads,
	              threads == 1 ? "" : "s", mt_kind_name(watch->kind));
	if (watch->kind != MT_DR_EXEC) {
		mt_buf_printf(out, ", %" PRIu64 " byte%s at 0x%" PRIx64, watch->len,
		              watch->len == 1 ? "" : "s", watch->addr);
		if (watch->type && !info->from_elf) {
			mt_buf_text(out, " (");
			mt_type_format(watch->type, out);
			mt_buf_char(out, ')');
		}
		mt_buf_printf(out, "; kernel %s: %s",
		              watch->kind == MT_DR_WRITE ? "writes" : "accesses",
		              coverage->kernel ? "yes" : "no");
		if (!coverage->kernel && coverage->kernel_why)
			mt_buf_printf(out, " (%s)", coverage->kernel_why);
	}
	if (info->has_condition)
		mt_buf_printf(out, "; condition: in %s",
		              info->condition_in_kernel ? "the kernel" : "memtrap, on the stream");
	mt_buf_char(out, '\n');
	if (info->from_elf)
		mt_buf_printf(
		    out,
		    "  (no debug information for %s: its size is from the ELF symbol, its "
		    "type is unknown)\n",
		    watch->expr);
}

static void json_armed(struct output *output, const struct mt_armed_info *info)
{
	struct mt_json_armed line = {
		.watch = info->watch,
		.pid = info->pid,
		.registers = info->coverage.registers,
		.shared = info->coverage.shared,
		.threads = info->coverage.threads,
		.uncovered = info->coverage.uncovered,
		.why = info->coverage.why,
		.kernel = info->coverage.kernel,
		.kernel_why = info->coverage.kernel_why,
		.condition = !info->has_condition        ? NULL
		             : info->condition_in_kernel ? "kernel"
		                                         : "stream",
	};

	mt_json_armed(&output->buf, &line);
}

static void on_armed(void *arg, const struct mt_armed_info *info)
{
	struct output *output = arg;

	if (output->options->json)
		json_armed(output, info);
	else if (!output->options->quiet)
		text_armed(output, info);
	if (info->coverage.uncovered && !output->options->json)
		mt_buf_printf(&output->buf, "warning: %u thread%s not covered: %s\n",
		              info->coverage.uncovered,
		              info->coverage.uncovered == 1 ? " is" : "s are",
		              info->coverage.why ? info->coverage.why : "for a reason not known");
	write_out(output);
}

/* ---- Hits and notices ---------------------------------------------------- */

static void on_hit(void *arg, const struct mt_hit *hit)
{
	struct output *output = arg;

	if (output->options->json)
		mt_json_hit(&output->buf, hit);
	else
		mt_text_hit(&output->buf, hit);
	if (output->buf.len >= FLUSH_SIZE)
		write_out(output);
}

static void on_notice(void *arg, enum mt_notice_kind kind, const char *text)
{
	struct output *output = arg;
	bool warning = kind == MT_NOTICE_WARNING;

	if (output->options->json)
		mt_json_notice(&output->buf, warning ? "warning" : "info", text);
	else if (warning || !output->options->quiet)
		mt_buf_printf(&output->buf, "%s%s\n", warning ? "warning: " : "", text);
	write_out(output);
}

/* ---- The summary --------------------------------------------------------- */

static bool is_incomplete(const struct mt_session_summary *summary)
{
	return summary->lost || summary->unexplained || summary->unseen || summary->uncounted ||
	       summary->uncovered || summary->never_armed;
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
	put_loss(out, summary->uncounted, "hits are in no row: the table of places was full");
	put_loss(out, summary->uncovered, "threads were not covered");
}

static void text_table(struct output *output, const struct mt_session_summary *summary)
{
	struct mt_buf *out = &output->buf;

	mt_buf_printf(out, "%" PRIu64 " hit%s in %.3f s", summary->hits,
	              summary->hits == 1 ? "" : "s", summary->seconds);
	put_count(out, summary->unmet, "left out by the condition");
	put_count(out, summary->unchanged, "left out as unchanged");
	put_count(out, summary->recovered, "told from the trap's signal (the hypervisor lost why)");
	mt_buf_printf(out, ", %" PRIu64 " lost; %u thread%s armed, and those born since\n",
	              summary->lost, summary->threads, summary->threads == 1 ? "" : "s");
	mt_text_places(out, summary->places, output->start_ns, output->options->requests.len);
}

static void text_summary(struct output *output, const struct mt_session_summary *summary)
{
	if (!output->options->quiet)
		text_table(output, summary);
	text_losses(&output->buf, summary);
	if (summary->stopped)
		mt_buf_printf(
		    &output->buf,
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
		.uncounted = summary->uncounted,
		.unmet = summary->unmet,
		.unchanged = summary->unchanged,
		.threads = summary->threads,
		.uncovered = summary->uncovered,
		.never_armed = summary->never_armed,
		.seconds = summary->seconds,
		.start_ns = output->start_ns,
		.exited = summary->exited,
		.exit_status = summary->exit_status,
		.exit_signal = summary->exit_signal,
		.stopped = summary->stopped,
		.places = summary->places,
	};

	mt_json_summary(&output->buf, &line);
}

static void on_summary(void *arg, const struct mt_session_summary *summary)
{
	struct output *output = arg;

	output->start_ns = summary->start_ns;
	if (output->options->json)
		json_summary(output, summary);
	else
		text_summary(output, summary);
	write_out(output);
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

static void block_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
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

/* The program's end is ours: the same status, or the same signal. */
static int exit_like(const struct mt_session_summary *summary)
{
	if (is_incomplete(summary))
		return MT_EXIT_INCOMPLETE;
	if (!summary->launched)
		return MT_EXIT_OK;
	if (summary->exit_signal) {
		struct rlimit no_core = { 0 };
		sigset_t set;

		setrlimit(RLIMIT_CORE, &no_core); /* the program's core is the one to keep */
		signal(summary->exit_signal, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, summary->exit_signal);
		raise(summary->exit_signal);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		return 128 + summary->exit_signal;
	}
	return summary->exit_status;
}

/* Hits that could not be written are hits that nobody saw. */
static int exit_of_output(const struct output *output, int status)
{
	const char *path = output->options->output;

	if (!output->failed)
		return status;
	mt_cli_complain(mt_error_sys(output->failed, "the output is incomplete: cannot write to %s",
	                             path ? path : "standard error"),
	                NULL);
	return MT_EXIT_INCOMPLETE;
}

/* What the error's offset counts in: the condition, or the expression that the text begins with. */
static const char *source_of(const struct mt_watch_options *options, const struct mt_error *error)
{
	if (mt_error_offset(error) < 0)
		return NULL;
	if (!strncmp(mt_error_text(error), "--if: ", 6))
		return options->config.condition;
	for (size_t i = 0; i < options->requests.len; i++) {
		const char *expr = options->requests.data[i].expr;
		size_t len = strlen(expr);

		if (!strncmp(mt_error_text(error), expr, len) && mt_error_text(error)[len] == ':')
			return expr;
	}
	return NULL;
}

static int run_session(struct mt_watch_options *options)
{
	struct output output = { .options = options, .fd = -1 };
	struct mt_listener listener = {
		.armed = on_armed,
		.hit = on_hit,
		.notice = on_notice,
		.pause = on_pause,
		.summary = on_summary,
		.arg = &output,
	};
	struct mt_session_summary summary = { 0 };
	struct mt_error *error = open_output(&output);
	int status;

	mt_insn_set_syntax(options->intel ? MT_INSN_INTEL : MT_INSN_ATT);
	block_signals(&options->config.signal_mask);
	raise_open_files(&options->config.open_files);
	if (!error)
		error = mt_session_run(&options->config, &listener, &summary);
	if (error) {
		status = exit_of_error(error);
		mt_cli_complain(error, source_of(options, error));
	} else {
		status = exit_of_output(&output, exit_like(&summary));
	}
	mt_places_destroy(summary.places);
	mt_buf_deinit(&output.buf);
	mt_fd_cleanup(&output.fd);
	return status;
}

static int run(int argc, char **argv)
{
	struct mt_watch_options options;
	struct mt_error *error = mt_watch_options_parse(argc, argv, &options);
	int status = MT_EXIT_FAILED;

	if (error)
		mt_cli_complain(error, source_of(&options, error));
	else
		status = run_session(&options);
	mt_watch_options_deinit(&options);
	return status;
}

const struct mt_command mt_command_watch = {
	.name = "watch",
	.summary = "shows every access to a variable, without stopping the program",
	.run = run,
};
