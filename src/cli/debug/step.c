/* SPDX-License-Identifier: MIT */
/* Going on: continue, and steps of all kinds. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/breaks.h"
#include "cli/debug/locals.h"
#include "cli/debug/show.h"

static struct mt_error *go(struct mt_shell *shell, struct mt_go how)
{
	how.only_thread = mt_debug_settings(shell->debug)->lock_scheduler;
	if (!how.signal)
		how.signal = -1;
	return mt_shell_go(shell, &how);
}

static struct mt_error *step_by(struct mt_shell *shell, enum mt_go_kind kind, const char *what,
                                const char *args)
{
	struct mt_go how = { .kind = kind };

	MT_TRY(mt_text_count(args, what, 1, &how.count));
	return how.count ? go(shell, how) : NULL;
}

/* Without lines there is no next one: then the function is left. */
static struct mt_error *step_lines(struct mt_shell *shell, enum mt_go_kind kind, const char *what,
                                   const char *args)
{
	struct mt_frame frame;

	MT_TRY(mt_shell_frame(shell, &frame));
	if (!frame.has_line)
		mt_say(shell,
		       "Single stepping until exit from function %s,\n"
		       "which has no line number information.\n",
		       frame.function ? frame.function : "??");
	return step_by(shell, kind, what, args);
}

static struct mt_error *step(struct mt_shell *shell, const char *args)
{
	return step_lines(shell, MT_GO_STEP, "step", args);
}

static struct mt_error *next(struct mt_shell *shell, const char *args)
{
	return step_lines(shell, MT_GO_NEXT, "next", args);
}

static struct mt_error *stepi(struct mt_shell *shell, const char *args)
{
	return step_by(shell, MT_GO_STEP_INSN, "stepi", args);
}

static struct mt_error *nexti(struct mt_shell *shell, const char *args)
{
	return step_by(shell, MT_GO_NEXT_INSN, "nexti", args);
}

/* continue N: the breakpoint that stopped the program stops it the Nth time from now. */
static struct mt_error *ignore_the_next(struct mt_shell *shell, uint64_t count)
{
	if (!shell->stop.number_count)
		return mt_error_new(MT_ERR_USAGE,
		                    "continue N passes the breakpoint that stopped the "
		                    "program N-1 times, and none did");
	for (size_t i = 0; i < shell->stop.number_count; i++) {
		int number = shell->stop.numbers[i];

		MT_TRY(mt_debug_break_ignore(shell->debug, number, count - 1));
		mt_say(shell, "Will ignore next %llu crossings of breakpoint %d.  ",
		       (unsigned long long)count - 1, number);
	}
	return NULL;
}

static struct mt_error *continue_on(struct mt_shell *shell, const char *args)
{
	uint64_t count;

	MT_TRY(mt_text_count(args, "continue", 0, &count));
	if (count > 1)
		MT_TRY(ignore_the_next(shell, count));
	if (mt_shell_is_typed(shell))
		mt_say(shell, "Continuing.\n");
	return go(shell, (struct mt_go){ .kind = MT_GO_CONTINUE });
}

static struct mt_error *finish(struct mt_shell *shell, const char *args)
{
	struct mt_frame frame;

	MT_TRY(mt_text_end(args, "finish"));
	MT_TRY(mt_shell_frame(shell, &frame));
	shell->returning = mt_result_type(shell, frame.lookup_pc);
	mt_say(shell, "Run till exit from ");
	mt_frame_show(shell, &frame, true);
	return go(shell, (struct mt_go){ .kind = MT_GO_FINISH });
}

static struct mt_error *go_to(struct mt_shell *shell, enum mt_go_kind kind, const char *text)
{
	char *location MT_AUTO_FREE = mt_strdup(text);

	if (!location)
		return mt_error_nomem();
	MT_TRY(mt_location_evaluate(shell, &location));
	return go(shell, (struct mt_go){ .kind = kind, .location = location });
}

static struct mt_error *until(struct mt_shell *shell, const char *args)
{
	return *args ? go_to(shell, MT_GO_UNTIL, args)
	             : go(shell, (struct mt_go){ .kind = MT_GO_UNTIL });
}

static struct mt_error *advance(struct mt_shell *shell, const char *args)
{
	if (!*args)
		return mt_error_new(MT_ERR_USAGE,
		                    "advance takes the place to run to: advance demo.c:12");
	return go_to(shell, MT_GO_ADVANCE, args);
}

static bool is_elsewhere(struct mt_shell *shell, uint64_t addr, const char **function)
{
	struct mt_image *image = mt_debug_image(shell->debug);
	struct mt_frame frame;
	struct mt_symbol symbol;

	*function = "??";
	if (mt_debug_frames(shell->debug, mt_debug_frame_level(shell->debug), &frame, 1) != 1 ||
	    !mt_image_symbol_at(image, frame.lookup_pc, &symbol))
		return true;
	*function = symbol.name;
	return addr < symbol.addr || addr - symbol.addr >= symbol.size;
}

static struct mt_error *jump(struct mt_shell *shell, const char *args)
{
	char *location MT_AUTO_FREE = mt_strdup(args);
	struct mt_location *locations;
	const char *function;
	uint64_t addr;
	size_t count;

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "jump takes the place to go on from: jump 12");
	if (!location)
		return mt_error_nomem();
	MT_TRY(mt_location_evaluate(shell, &location));
	MT_TRY(mt_debug_locate(shell->debug, location, &locations, &count));
	addr = locations[0].addr;
	mt_locations_free(locations, count);
	if (is_elsewhere(shell, addr, &function) &&
	    !mt_shell_confirm(shell, "%s is not in %s.  Jump anyway?", args, function))
		return NULL;
	if (count == 1)
		mt_say(shell, "Continuing at 0x%" PRIx64 ".\n", addr);
	return go(shell, (struct mt_go){ .kind = MT_GO_JUMP, .location = location });
}

/* The value is computed in the frame that is about to go. */
static struct mt_error *return_from(struct mt_shell *shell, const char *args)
{
	struct mt_frame frame;
	int64_t value = 0;

	MT_TRY(mt_shell_frame(shell, &frame));
	if (*args)
		MT_TRY(mt_eval_integer(shell, args, &value));
	if (!mt_shell_confirm(shell, "Make %s return now?",
	                      frame.function ? frame.function : "the selected frame"))
		return NULL;
	MT_TRY(mt_debug_return(shell->debug));
	if (*args)
		MT_TRY(mt_debug_reg_write(shell->debug, "rax", &value, sizeof(value)));
	MT_TRY(mt_shell_frame(shell, &frame));
	mt_frame_show(shell, &frame, true);
	mt_view_show(shell, &frame, false);
	return NULL;
}

static struct mt_error *signal_on(struct mt_shell *shell, const char *args)
{
	/* 0 means what it says: nothing is delivered. */
	struct mt_go how = { .kind = MT_GO_CONTINUE };

	if (!*args)
		return mt_error_new(MT_ERR_USAGE,
		                    "signal takes a signal, or 0 for none: signal SIGUSR1");
	if (strcmp(args, "0") != 0)
		MT_TRY(mt_signal_parse(args, strlen(args), &how.signal));
	mt_say(shell, how.signal ? "Continuing with signal %s.\n" : "Continuing with no signal.\n",
	       how.signal ? mt_signal_name(how.signal) : "");
	how.only_thread = mt_debug_settings(shell->debug)->lock_scheduler;
	return mt_shell_go(shell, &how);
}

static struct mt_error *wait_on(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "wait"));
	if (mt_debug_state(shell->debug) != MT_PROCESS_RUNNING)
		return mt_error_new(MT_ERR_USAGE, "wait: no program is running at present");
	return mt_shell_wait(shell);
}

static struct mt_error *interrupt(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "interrupt"));
	if (mt_debug_state(shell->debug) != MT_PROCESS_RUNNING)
		return mt_error_new(MT_ERR_USAGE, "interrupt: no program is running at present");
	mt_debug_interrupt(shell->debug);
	return mt_shell_wait(shell);
}

#define STEP(verb_name, verb_aliases, function, text, more)                                        \
	{                                                                                          \
		.name = verb_name, .aliases = verb_aliases, .run = function, .usage = "[N]",       \
		.summary = text, .help = more, .topic = MT_TOPIC_RUNNING,                          \
		.needs = MT_NEEDS_PROCESS, .repeat = MT_REPEAT_SAME                                \
	}

static const struct mt_verb verbs[] = {
	{ .name = "continue",
	  .aliases = "c fg",
	  .run = continue_on,
	  .usage = "[N]",
	  .summary = "lets the program go on until something stops it",
	  .help = "With N the breakpoint that stopped it is passed N-1 times.",
	  .topic = MT_TOPIC_RUNNING,
	  .needs = MT_NEEDS_PROCESS,
	  .repeat = MT_REPEAT_SAME },
	STEP("step", "s", step, "to the next line, into functions that are called",
	     "Functions without line information are stepped over, unless 'set step-mode on'.\n"
	     "With N that many times, or until another reason to stop comes."),
	STEP("next", "n", next, "to the next line, over functions that are called",
	     "With N that many times, or until another reason to stop comes."),
	STEP("stepi", "si", stepi, "one instruction", "With N that many."),
	STEP("nexti", "ni", nexti, "one instruction, over calls", "With N that many."),
	{ .name = "finish",
	  .aliases = "fin",
	  .run = finish,
	  .usage = "",
	  .summary = "until the selected frame has returned to its caller",
	  .topic = MT_TOPIC_RUNNING,
	  .needs = MT_NEEDS_PROCESS,
	  .repeat = MT_REPEAT_SAME },
	{ .name = "until",
	  .aliases = "u",
	  .run = until,
	  .usage = "[LOCATION]",
	  .summary = "as next, but never back: to the end of a loop",
	  .help = "With a LOCATION: until it is reached, or the current frame has returned.",
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_PLACE,
	  .needs = MT_NEEDS_PROCESS,
	  .repeat = MT_REPEAT_SAME },
	{ .name = "advance",
	  .run = advance,
	  .usage = "LOCATION",
	  .summary = "until LOCATION is reached, or the current frame has returned",
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_PLACE,
	  .needs = MT_NEEDS_PROCESS },
	{ .name = "jump",
	  .aliases = "j",
	  .run = jump,
	  .usage = "LOCATION",
	  .summary = "goes on from LOCATION instead of where the program stands",
	  .help = "Registers and the stack stay as they are. A breakpoint there stops it at once.",
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_PLACE,
	  .needs = MT_NEEDS_PROCESS },
	{ .name = "return",
	  .run = return_from,
	  .usage = "[VALUE]",
	  .summary = "takes the selected frame away, as if it had returned",
	  .help =
	      "VALUE is what the caller finds in rax: an integer or an address. What the frame\n"
	      "had still to do is not done.",
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_VALUE,
	  .needs = MT_NEEDS_PROCESS },
	{ .name = "signal",
	  .run = signal_on,
	  .usage = "SIGNAL|0",
	  .summary = "goes on with this signal instead of what stopped the program; 0: with none",
	  .topic = MT_TOPIC_RUNNING,
	  .completes = MT_COMPLETE_SIGNAL,
	  .needs = MT_NEEDS_PROCESS },
	{ .name = "wait",
	  .run = wait_on,
	  .usage = "",
	  .summary = "waits again for a program that Ctrl-C twice has left running",
	  .topic = MT_TOPIC_RUNNING },
	{ .name = "interrupt",
	  .run = interrupt,
	  .usage = "",
	  .summary = "stops a program that Ctrl-C twice has left running",
	  .topic = MT_TOPIC_RUNNING },
};

MT_VERB_LIST(mt_verbs_step, verbs);
