/* SPDX-License-Identifier: MIT */
/*
 * The shell of `memtrap debug`: what its commands share. A command's handler appends what it has to
 * say to `out` and returns; the shell writes it, shows errors, and asks for the next line.
 */
#ifndef MT_CLI_DEBUG_SHELL_H
#define MT_CLI_DEBUG_SHELL_H

#include <stdio.h>

#include "cli/debug/settings.h"
#include "cli/debug/source.h"
#include "cli/debug/value.h"
#include "cli/debug/verb.h"
#include "engine/debug.h"

struct mt_editor;

/* Lines between a command and its `end`: define, commands, if, while. */
struct mt_block {
	MT_VEC(char *) lines;
};

/* Commands of a person's own (define, alias), and of breakpoints (commands). */
struct mt_script {
	char *name; /* NULL: a breakpoint's */
	int breakpoint;
	char *help;  /* by `document`, or NULL */
	char *alias; /* the command that it stands for; NULL: the block's lines are done */
	struct mt_block block;
};

/* Where lines come from; inputs are stacked, the innermost is read. */
struct mt_input {
	struct mt_input *outer;
	struct mt_editor *editor;     /* a person at a terminal, or */
	FILE *file;                   /* a file, or */
	const struct mt_block *block; /* lines kept: */
	size_t next, end;             /* those from `next` up to `end` */
	bool until_stop; /* it, and what is within it, ends where the program has stopped anew */
};

/* What becomes of the innermost `while` at the next line. */
enum mt_leaving {
	MT_LEAVE_NOTHING,
	MT_LEAVE_ROUND, /* loop_continue */
	MT_LEAVE_LOOP,  /* loop_break */
};

struct mt_display {
	int number;
	bool enabled;
	char *expression;
	struct mt_format format;
};

/* How the shell was started. */
struct mt_shell_options {
	bool batch, quiet, json;
	bool child_result;
	bool args; /* --args: what follows are the program's arguments */
	pid_t pid;
	const char *program, *core, *cwd, *tty;
};

struct mt_shell {
	struct mt_shell_options options;
	struct mt_debug *debug;
	struct mt_settings settings;
	struct mt_input *input;
	struct mt_buf out;
	bool terminal; /* standard output is one */
	bool colour;
	bool quit;
	int quit_status; /* -1: as the session went */

	/* Of the last stop. */
	bool has_stop;
	struct mt_stop stop;
	unsigned stop_count;   /* stops so far */
	MT_VEC(int) expected;  /* breakpoints whose places the program's file had at its start */
	uint64_t enable_count; /* of the 'enable count' that is being done */
	bool silent;           /* the stop's commands begin with "silent" */
	bool away; /* the program goes on without us having waited for its stop (Ctrl-C twice) */
	struct {
		int thread, process; /* what $_thread and $_inferior are */
	} noted;
	struct {
		uint64_t cfa;
		const char *function; /* to be compared only: it may be gone */
	} shown_frame;
	struct mt_regs shown_regs; /* as the view showed them last */
	bool has_shown_regs;
	int exit_status; /* of the program, as a shell has it; -1: it has not ended */

	/* Where list, x and an empty line go on. */
	struct {
		char *path;
		unsigned first, last; /* lines that were shown; 0: none */
	} listing;
	struct {
		uint64_t addr;
		struct mt_format format;
	} examined;
	char *again;  /* what an empty line does; NULL: nothing */
	char *blamed; /* the text that the command's error has its place in; NULL: none */

	struct mt_sources sources;
	bool told_missing; /* that a source was not found, and what to do */
	struct mt_values values;
	struct mt_formatters *formatters; /* of containers; NULL: none */
	const struct mt_type *returning;  /* by finish: what the function returns; NULL: unknown */
	MT_VEC(struct mt_display) displays;
	int display_count; /* ever made */
	MT_VEC(struct mt_script) scripts;
	unsigned depth;          /* of scripts within scripts */
	unsigned loops;          /* `while`s around the line that is done, in its script */
	enum mt_leaving leaving; /* the innermost of them */
	bool in_commands;        /* of a breakpoint */
	const char *hooked;      /* the command whose hook is being done, or NULL */
};

/* ---- Saying things --------------------------------------------------------- */

void mt_say(struct mt_shell *shell, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes what was said: as it is, or as JSON. Before the program goes on, and after each command.
 */
void mt_shell_flush(struct mt_shell *shell);

/* The error to standard error (or as JSON), with a caret under its place in the text that was named
 * by mt_shell_blame(). Frees it. */
void mt_shell_complain(struct mt_shell *shell, struct mt_error *error);

/* Remembers the text in which `error` has its place, if it has one and none is remembered yet.
 * Returns the error. */
struct mt_error *mt_shell_blame(struct mt_shell *shell, struct mt_error *error, const char *source);

/* What a terminal paints in its own colour. */
enum mt_paint {
	MT_PAINT_NONE,
	MT_PAINT_FUNCTION,
	MT_PAINT_FILE,
	MT_PAINT_ADDRESS,
	MT_PAINT_HERE, /* the line or instruction that is next */
	MT_PAINT_CHANGED,
	MT_PAINT_FAINT,
	MT_PAINT_TITLE,
};

/* The escape sequence that begins it; MT_PAINT_NONE ends any. "" where there are no colours. */
const char *mt_paint(const struct mt_shell *shell, enum mt_paint paint);

/* Whether the line that is done was typed by a person at a terminal: no script's, no batch's. */
bool mt_shell_is_typed(const struct mt_shell *shell);

/* Asks a person; true for yes, and where nobody is there to be asked. */
bool mt_shell_confirm(struct mt_shell *shell, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Reading and doing ----------------------------------------------------- */

/* The next line of the innermost input, without its newline; NULL at its end. Owned by the caller.
 * `prompt` is for people. */
char *mt_shell_read_line(struct mt_shell *shell, const char *prompt);

/* Reads lines up to `end`, blocks within blocks included. (block.c) */
struct mt_error *mt_shell_read_block(struct mt_shell *shell, enum mt_block_kind kind,
                                     struct mt_block *block);
void mt_block_deinit(struct mt_block *block);

/* Does one line: a command, with what it needs checked. */
struct mt_error *mt_shell_do(struct mt_shell *shell, const char *line);

/* Does the lines of an input until its end, an error (which is returned), or quit. */
struct mt_error *mt_shell_do_input(struct mt_shell *shell, struct mt_input *input);

/* Does what breakpoints that were hit want done (`commands`). */
struct mt_error *mt_shell_after_stop(struct mt_shell *shell);

/* Whether those commands begin with "silent": then the stop is not shown. */
bool mt_script_is_silent(struct mt_shell *shell, const struct mt_stop *stop);

/* The person's loop: until quit or the end of the input. */
void mt_shell_interact(struct mt_shell *shell);

/* ---- The session, as the shell sees it ------------------------------------- */

/* Lets the program go on and waits for its stop, which is shown. */
struct mt_error *mt_shell_go(struct mt_shell *shell, const struct mt_go *go);

/* Waits for a stop and shows it. */
struct mt_error *mt_shell_wait(struct mt_shell *shell);

/* The image of the program; NOT_FOUND, with the remedy, when none is named. */
struct mt_error *mt_shell_image(struct mt_shell *shell, struct mt_image **image);

/* Another thread or process is the current one: $_thread and $_inferior are its numbers. */
void mt_shell_note_current(struct mt_shell *shell);

/* The stop, as text or JSON, with what the view shows and the displays. (stop.c) */
void mt_stop_show(struct mt_shell *shell, const struct mt_stop *stop);
/* Which memory the stop's signal is about, where an instruction's access has brought it. */
void mt_stop_say_address(struct mt_shell *shell, const struct mt_stop *stop);

/* The selected frame. */
struct mt_error *mt_shell_frame(struct mt_shell *shell, struct mt_frame *frame);

/* Forgets what belongs to an image that is about to go: types of values, the place of list. */
void mt_shell_forget_image(struct mt_shell *shell);

enum mt_machine mt_shell_machine(struct mt_shell *shell);

/* As mt_memory_reader, for expressions; `shell` is the argument. */
struct mt_error *mt_shell_read_memory(void *shell, uint64_t addr, void *out, size_t len);

/* The notices of the engine. */
void mt_shell_notice(const struct mt_notice *notice, void *shell);

/* SIGINT reaches the session; SIGTERM and SIGHUP end it, with all that is put right then. */
struct mt_error *mt_shell_catch_signals(struct mt_shell *shell);

/* Failures of memtrap itself (SIGSEGV and its like) let attached processes go first, whole; memtrap
 * then dies of the signal. `debug` NULL: there is no session any more. (failure.c) */
struct mt_error *mt_shell_catch_failures(struct mt_debug *debug);

/* Whether the session is to end: by quit, or by a signal. */
bool mt_shell_is_over(const struct mt_shell *shell);

/* The signal that ended the session; 0: none. */
int mt_shell_end_signal(void);

/* How often SIGINT came since this was asked last. */
unsigned mt_shell_interrupts(void);

/* Waits until there is something to read. False: one of these signals came before, also if that was
 * since mt_shell_interrupts() was asked last. */
bool mt_shell_await_input(int fd);

#endif
