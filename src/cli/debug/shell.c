/* SPDX-License-Identifier: MIT */
#include "cli/debug/shell.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/expr.h"
#include "record/json_debug.h"

/* ---- Saying things --------------------------------------------------------- */

void mt_say(struct mt_shell *shell, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	mt_buf_vprintf(&shell->out, fmt, ap);
	va_end(ap);
}

void mt_shell_flush(struct mt_shell *shell)
{
	struct mt_buf line MT_AUTO_BUF = { 0 };
	const struct mt_buf *whole = &shell->out;

	if (!mt_buf_ok(&shell->out))
		fputs("memtrap: out of memory: what follows is cut off\n", stderr);
	if (shell->options.json && shell->out.len) {
		mt_json_debug_text(&line, "output", shell->out.data);
		whole = &line;
	}
	if (whole->len) {
		fwrite(whole->data, 1, whole->len, stdout);
		mt_debug_moment_end(shell->debug);
	}
	fflush(stdout);
	mt_buf_clear(&shell->out);
	shell->out.failed = false;
}

struct mt_error *mt_shell_blame(struct mt_shell *shell, struct mt_error *error, const char *source)
{
	if (error && mt_error_offset(error) >= 0 && !shell->blamed)
		shell->blamed = mt_strdup(source);
	return error;
}

void mt_shell_complain(struct mt_shell *shell, struct mt_error *error)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_shell_flush(shell);
	if (shell->options.json) {
		mt_json_debug_text(&text, "error", mt_error_text(error));
		fputs(text.len ? text.data : "", stdout);
		fflush(stdout);
	} else {
		mt_buf_printf(&text, "%s\n", mt_error_text(error));
		if (shell->blamed)
			mt_expr_caret(&text, shell->blamed, error);
		fputs(text.len ? text.data : "memtrap: out of memory\n", stderr);
	}
	mt_error_free(error);
}

const char *mt_paint(const struct mt_shell *shell, enum mt_paint paint)
{
	/* The eight colours that every terminal has, as its owner chose them. */
	static const char *const escapes[] = {
		[MT_PAINT_NONE] = "\033[m",   [MT_PAINT_FUNCTION] = "\033[33m",
		[MT_PAINT_FILE] = "\033[32m", [MT_PAINT_ADDRESS] = "\033[34m",
		[MT_PAINT_HERE] = "\033[1m",  [MT_PAINT_CHANGED] = "\033[1;31m",
		[MT_PAINT_FAINT] = "\033[2m", [MT_PAINT_TITLE] = "\033[1m",
	};

	return shell->colour ? escapes[paint] : "";
}

/* ---- Asking ---------------------------------------------------------------- */

bool mt_shell_is_typed(const struct mt_shell *shell)
{
	return shell->input && shell->input->editor;
}

bool mt_shell_confirm(struct mt_shell *shell, const char *fmt, ...)
{
	struct mt_buf question MT_AUTO_BUF = { 0 };
	va_list ap;

	if (!shell->settings.confirm || !mt_shell_is_typed(shell))
		return true;
	va_start(ap, fmt);
	mt_buf_vprintf(&question, fmt, ap);
	va_end(ap);
	mt_buf_text(&question, " (y or n)");
	for (;;) {
		char *answer MT_AUTO_FREE = NULL;
		const char *word;

		if (!mt_buf_ok(&question))
			return true;
		answer = mt_shell_read_line(shell, question.data);
		if (!answer)
			return true; /* Ctrl-D, as in gdb */
		word = mt_text_skip(answer);
		if (*word == 'y' || *word == 'Y')
			return true;
		if (*word == 'n' || *word == 'N')
			return false;
	}
}

/* ---- The program's image --------------------------------------------------- */

struct mt_error *mt_shell_image(struct mt_shell *shell, struct mt_image **image)
{
	struct mt_image *found = mt_debug_image(shell->debug);

	if (!found)
		return mt_error_new(
		    MT_ERR_NOT_FOUND,
		    "no program is named; 'file PROGRAM' or 'attach PID' names one");
	*image = found;
	return NULL;
}

enum mt_machine mt_shell_machine(struct mt_shell *shell)
{
	struct mt_image *image = mt_debug_image(shell->debug);

	return image ? mt_image_machine(image) : MT_MACHINE_X86_64;
}

struct mt_error *mt_shell_frame(struct mt_shell *shell, struct mt_frame *frame)
{
	struct mt_frame found;

	if (mt_debug_frames(shell->debug, mt_debug_frame_level(shell->debug), &found, 1) != 1)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "there is no stack: no thread is stopped here");
	*frame = found;
	return NULL;
}

void mt_shell_forget_image(struct mt_shell *shell)
{
	mt_values_forget_types(&shell->values);
	shell->has_shown_regs = false;
	shell->shown_frame.function = NULL;
}

struct mt_error *mt_shell_read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	return mt_debug_peek(((struct mt_shell *)arg)->debug, addr, out, len);
}

/* ---- Interrupts ------------------------------------------------------------ */

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
static struct mt_debug *interrupted_debug;
static atomic_uint interrupt_count;
static atomic_int end_signal;

static void on_signal(int signal)
{
	int saved = errno;

	if (signal == SIGINT)
		atomic_fetch_add(&interrupt_count, 1);
	else
		atomic_store(&end_signal, signal);
	if (interrupted_debug)
		mt_debug_interrupt(interrupted_debug);
	errno = saved;
}

struct mt_error *mt_shell_catch_signals(struct mt_shell *shell)
{
	struct sigaction action = { .sa_handler = on_signal }; /* reading is to end: no restart */

	interrupted_debug = shell->debug;
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		if (sigaction(caught[i], &action, NULL) < 0)
			return mt_error_sys(errno, "cannot catch %s", mt_signal_name(caught[i]));
	signal(SIGPIPE, SIG_IGN); /* a closed output must not leave a program in pieces */
	return NULL;
}

bool mt_shell_is_over(const struct mt_shell *shell)
{
	return shell->quit || atomic_load(&end_signal);
}

int mt_shell_end_signal(void)
{
	return atomic_load(&end_signal);
}

unsigned mt_shell_interrupts(void)
{
	return atomic_exchange(&interrupt_count, 0);
}

static bool has_signal(void)
{
	return atomic_load(&interrupt_count) || atomic_load(&end_signal);
}

/* Between the look and the wait none of the signals is let in: it would be lost. */
bool mt_shell_await_input(int fd)
{
	struct pollfd input = { .fd = fd, .events = POLLIN };
	sigset_t signals, before;
	bool comes;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaddset(&signals, caught[i]);
	sigprocmask(SIG_BLOCK, &signals, &before);
	while (!has_signal() && ppoll(&input, 1, NULL, &before) < 0 && errno == EINTR)
		continue;
	comes = !has_signal();
	sigprocmask(SIG_SETMASK, &before, NULL);
	return comes;
}
