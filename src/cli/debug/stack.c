/* SPDX-License-Identifier: MIT */
/* The stack: backtrace, choosing frames, info frame. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/locals.h"
#include "cli/debug/show.h"

/* ---- backtrace ------------------------------------------------------------- */

enum { FRAMES_AT_ONCE = 64, INDENT_OF_FULL = 8 };

struct trace {
	bool full;
	int64_t limit; /* 0: all; negative: that many of the outermost */
};

static struct mt_error *parse_trace(const char *args, unsigned limit, struct trace *trace)
{
	uint64_t number;
	bool outermost;

	*trace = (struct trace){ 0 };
	trace->limit = limit;
	trace->full = mt_text_take(&args, "full") || mt_text_take(&args, "-full");
	if (!*args)
		return NULL;
	outermost = *args == '-';
	args += outermost;
	MT_TRY(mt_text_number(&args, "backtrace", INT_MAX, &number));
	trace->limit = outermost ? -(int64_t)number : (int64_t)number;
	if (!trace->full)
		trace->full = mt_text_take(&args, "full");
	return mt_text_end(args, "backtrace");
}

/* What called main is the C library's start, which is of use to few. */
static bool ends_trace(const struct mt_shell *shell, const struct mt_frame *frame)
{
	return !shell->settings.past_main && !frame->is_inline && frame->function &&
	       !strcmp(frame->function, "main");
}

static size_t count_frames(struct mt_shell *shell)
{
	struct mt_frame *frames MT_AUTO_FREE = mt_alloc_array(FRAMES_AT_ONCE, sizeof(*frames));
	size_t count = 0, got;

	if (!frames)
		return 0;
	do {
		got = mt_debug_frames(shell->debug, (unsigned)count, frames, FRAMES_AT_ONCE);
		for (size_t i = 0; i < got; i++)
			if (ends_trace(shell, &frames[i]))
				return count + i + 1;
		count += got;
	} while (got == FRAMES_AT_ONCE && count < UINT_MAX - FRAMES_AT_ONCE);
	return count;
}

/* What is known of the frame's variables, or why nothing is. */
static void show_variables(struct mt_shell *shell, const struct mt_frame *frame)
{
	struct mt_error *error =
	    mt_variables_say(shell, frame->level, MT_VARIABLES_LOCALS, INDENT_OF_FULL);

	if (error)
		mt_say(shell, "%*s%s\n", INDENT_OF_FULL, "", mt_error_text(error));
	mt_error_free(error);
}

/* Says the frames from `from` on, at most `limit` (0: all). Returns whether more follow. */
static bool show_frames(struct mt_shell *shell, struct mt_frame *frames, size_t from, size_t limit,
                        bool full)
{
	size_t shown = 0, got;

	do {
		got =
		    mt_debug_frames(shell->debug, (unsigned)(from + shown), frames, FRAMES_AT_ONCE);
		for (size_t i = 0; i < got; i++) {
			if (limit && shown == limit)
				return true;
			mt_frame_show(shell, &frames[i], true);
			if (full)
				show_variables(shell, &frames[i]);
			shown++;
			if (ends_trace(shell, &frames[i]))
				return false;
		}
		/* A stack of a hundred thousand frames is shown while it is walked. */
		mt_shell_flush(shell);
	} while (got == FRAMES_AT_ONCE && !mt_shell_interrupts());
	return false;
}

static struct mt_error *backtrace(struct mt_shell *shell, const char *args)
{
	struct mt_frame *frames MT_AUTO_FREE = NULL;
	struct trace trace;
	size_t from = 0;

	MT_TRY(parse_trace(args, shell->settings.trace_limit, &trace));
	frames = mt_alloc_array(FRAMES_AT_ONCE, sizeof(*frames));
	if (!frames)
		return mt_error_nomem();
	if (trace.limit < 0) {
		size_t count = count_frames(shell), wanted = (size_t)-trace.limit;

		from = count > wanted ? count - wanted : 0;
	}
	if (show_frames(shell, frames, from, trace.limit > 0 ? (size_t)trace.limit : 0, trace.full))
		mt_say(shell, "(More stack frames follow...)\n");
	else if (mt_debug_frames_note(shell->debug))
		mt_say(shell, "Backtrace stopped: %s\n", mt_debug_frames_note(shell->debug));
	return NULL;
}

/* ---- Choosing -------------------------------------------------------------- */

static struct mt_error *show_selected(struct mt_shell *shell)
{
	struct mt_frame frame;

	MT_TRY(mt_shell_frame(shell, &frame));
	mt_frame_show(shell, &frame, true);
	mt_view_show(shell, &frame, false);
	return NULL;
}

/* The innermost frame of that function. */
static struct mt_error *select_function(struct mt_shell *shell, const char *name)
{
	struct mt_frame frame;

	for (unsigned level = 0; mt_debug_frames(shell->debug, level, &frame, 1) == 1; level++)
		if (frame.function && !strncmp(frame.function, name, strlen(name)) &&
		    strchr("(", frame.function[strlen(name)]))
			return mt_debug_select_frame(shell->debug, level);
	return mt_error_new(MT_ERR_NOT_FOUND,
	                    "%.60s is not on the stack; 'backtrace' shows what is", name);
}

/* "N", "level N" or "function NAME"; nothing leaves the frame as it is. */
static struct mt_error *select_named(struct mt_shell *shell, const char *args)
{
	uint64_t level;

	if (!*args)
		return NULL;
	if (mt_text_take(&args, "function"))
		return select_function(shell, args);
	mt_text_take(&args, "level");
	MT_TRY(mt_text_number(&args, "frame", INT_MAX, &level));
	MT_TRY(mt_text_end(args, "frame N"));
	return mt_debug_select_frame(shell->debug, (unsigned)level);
}

static struct mt_error *choose_frame(struct mt_shell *shell, const char *args)
{
	MT_TRY(select_named(shell, args));
	return show_selected(shell);
}

static struct mt_error *choose_silently(struct mt_shell *shell, const char *args)
{
	return select_named(shell, args);
}

static struct mt_error *go_up(struct mt_shell *shell, const char *args)
{
	uint64_t count, last = count_frames(shell), level = mt_debug_frame_level(shell->debug);

	MT_TRY(mt_text_count(args, "up", 1, &count));
	if (count && level + 1 >= last)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "this is the outermost frame: nothing called it");
	level = count < last - level ? level + count : last - 1;
	return mt_debug_select_frame(shell->debug, (unsigned)level);
}

static struct mt_error *go_down(struct mt_shell *shell, const char *args)
{
	uint64_t count, level = mt_debug_frame_level(shell->debug);

	MT_TRY(mt_text_count(args, "down", 1, &count));
	if (count && !level)
		return mt_error_new(MT_ERR_NOT_FOUND,
		                    "this is the innermost frame: it called nothing");
	level = count < level ? level - count : 0;
	return mt_debug_select_frame(shell->debug, (unsigned)level);
}

static struct mt_error *up(struct mt_shell *shell, const char *args)
{
	MT_TRY(go_up(shell, args));
	return show_selected(shell);
}

static struct mt_error *down(struct mt_shell *shell, const char *args)
{
	MT_TRY(go_down(shell, args));
	return show_selected(shell);
}

/* ---- frame apply ----------------------------------------------------------- */

/* Which frames, and what is done where the command fails in one. */
struct apply {
	uint64_t first, count; /* count 0: to the outermost */
	bool quiet;            /* without the frame's line */
	bool skip;             /* say nothing of a frame where it fails */
	bool go_on;            /* say why it failed, and go on with the next one */
};

static struct mt_error *parse_apply(struct mt_shell *shell, const char **args, struct apply *apply)
{
	uint64_t total = count_frames(shell);

	if (mt_text_take(args, "all")) {
		apply->count = total;
	} else if (mt_text_take(args, "level")) {
		MT_TRY(mt_text_number(args, "frame apply level", total ? total - 1 : 0,
		                      &apply->first));
		apply->count = 1;
	} else {
		bool outermost = **args == '-';

		*args += outermost;
		MT_TRY(mt_text_number(args, "frame apply", INT_MAX, &apply->count));
		if (apply->count > total)
			apply->count = total;
		if (outermost)
			apply->first = total - apply->count;
	}
	for (;; *args = mt_text_skip(*args)) {
		if (mt_text_take(args, "-q"))
			apply->quiet = true;
		else if (mt_text_take(args, "-s"))
			apply->skip = true;
		else if (mt_text_take(args, "-c"))
			apply->go_on = true;
		else
			break;
	}
	if (**args)
		return NULL;
	return mt_error_new(MT_ERR_USAGE, "a command is missing: frame apply all print $sp");
}

static struct mt_error *apply_in(struct mt_shell *shell, const struct apply *apply, unsigned level,
                                 const char *command)
{
	struct mt_frame frame;
	struct mt_error *error;

	MT_TRY(mt_debug_select_frame(shell->debug, level));
	MT_TRY(mt_shell_frame(shell, &frame));
	if (!apply->quiet)
		mt_frame_show(shell, &frame, true);
	error = mt_shell_do(shell, command);
	if (error && apply->go_on) {
		mt_shell_complain(shell, error);
		error = NULL;
	} else if (error && apply->skip) {
		mt_buf_clear(&shell->out);
		mt_error_free(error);
		error = NULL;
	}
	mt_shell_flush(shell);
	return error;
}

static struct mt_error *frame_apply(struct mt_shell *shell, const char *args)
{
	unsigned before = mt_debug_frame_level(shell->debug);
	struct apply apply = { 0 };
	struct mt_error *error = NULL;

	MT_TRY(parse_apply(shell, &args, &apply));
	mt_shell_flush(shell);
	for (uint64_t i = 0; !error && i < apply.count && !mt_shell_interrupts(); i++)
		error = apply_in(shell, &apply, (unsigned)(apply.first + i), args);
	mt_error_free(mt_debug_select_frame(shell->debug, before)); /* the program went on: 0 */
	return error;
}

/* As `frame apply all -s`. */
static struct mt_error *faas(struct mt_shell *shell, const char *args)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_printf(&text, "all -s %s", args);
	return mt_buf_ok(&text) ? frame_apply(shell, text.data) : mt_error_nomem();
}

/* ---- info frame ------------------------------------------------------------ */

static void show_caller(struct mt_shell *shell, const struct mt_frame *frame)
{
	struct mt_frame caller;

	if (mt_debug_frames(shell->debug, frame->level + 1, &caller, 1) != 1) {
		mt_say(shell, " outermost: nothing called it\n");
		return;
	}
	mt_say(shell, " %s frame at 0x%" PRIx64 " (#%u, %s); saved rip = 0x%" PRIx64 "\n",
	       frame->is_inline ? "inlined into" : "called by", caller.cfa, caller.level,
	       caller.function ? caller.function : "??", caller.pc);
}

static void show_recovered(struct mt_shell *shell, const struct mt_frame *frame)
{
	bool any = false;

	mt_say(shell, " Registers known in this frame:");
	for (int reg = 0; reg < MT_REG_RIP; reg++) {
		if (!(frame->known & 1u << reg))
			continue;
		mt_say(shell, "%s %s = 0x%" PRIx64, any ? "," : "", mt_reg_name((enum mt_reg)reg),
		       frame->regs.r[reg]);
		any = true;
	}
	mt_say(shell, "%s\n", any ? "" : " none");
}

static struct mt_error *info_frame(struct mt_shell *shell, const char *args)
{
	struct mt_frame frame;

	MT_TRY(mt_text_end(args, "info frame"));
	MT_TRY(mt_shell_frame(shell, &frame));
	mt_say(shell, "Stack level %u, frame at 0x%" PRIx64 ":\n", frame.level, frame.cfa);
	mt_say(shell, " rip = 0x%" PRIx64 " in %s", frame.pc,
	       frame.function ? frame.function : "??");
	if (frame.has_line)
		mt_say(shell, " (%s:%u)", frame.line.file, frame.line.line);
	mt_say(shell, "%s\n", frame.is_signal ? ", entered by a signal" : "");
	show_caller(shell, &frame);
	if (frame.module)
		mt_say(shell, " in %s\n", frame.module->path);
	show_recovered(shell, &frame);
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "backtrace",
	  .aliases = "bt where",
	  .run = backtrace,
	  .usage = "[N|-N] [full]",
	  .summary = "the calls that led here; N innermost or -N outermost of them",
	  .help = "full: with the registers that each frame will find again.",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "info stack",
	  .aliases = "s",
	  .run = backtrace,
	  .usage = "[N|-N] [full]",
	  .summary = "as backtrace",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "frame",
	  .aliases = "f",
	  .run = choose_frame,
	  .usage = "[N | function NAME]",
	  .summary = "selects frame N of the backtrace, or shows the selected one",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "select-frame",
	  .run = choose_silently,
	  .usage = "[N | function NAME]",
	  .summary = "as frame, and says nothing: for scripts",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "up-silently",
	  .run = go_up,
	  .usage = "[N]",
	  .summary = "as up, and says nothing: for scripts",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "down-silently",
	  .run = go_down,
	  .usage = "[N]",
	  .summary = "as down, and says nothing: for scripts",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "frame apply",
	  .run = frame_apply,
	  .usage = "all|N|-N|level N [-q] [-s] [-c] COMMAND",
	  .summary = "does a command in each of these frames: all, the N innermost or outermost",
	  .help =
	      "-q leaves out the frames' lines, -s says nothing where the command fails, -c goes "
	      "on\n"
	      "there and says why. As in: frame apply all -s info registers rbx",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "faas",
	  .run = faas,
	  .usage = "COMMAND",
	  .summary = "as 'frame apply all -s'",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "up",
	  .run = up,
	  .usage = "[N]",
	  .summary = "selects the frame that called this one",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE,
	  .repeat = MT_REPEAT_SAME },
	{ .name = "down",
	  .aliases = "dow do",
	  .run = down,
	  .usage = "[N]",
	  .summary = "selects the frame that this one called",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE,
	  .repeat = MT_REPEAT_SAME },
	{ .name = "info frame",
	  .aliases = "f",
	  .run = info_frame,
	  .usage = "",
	  .summary = "all about the selected frame: its address, caller, and known registers",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
};

MT_VERB_LIST(mt_verbs_stack, verbs);
