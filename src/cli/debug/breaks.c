/* SPDX-License-Identifier: MIT */
/* Breakpoints: setting them, changing them, and the table of them. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/breaks.h"
#include "symbol/dynamic.h"

/* ---- All of them ----------------------------------------------------------- */

struct mt_error *mt_breaks_list(struct mt_shell *shell, struct mt_break_list *list)
{
	size_t count = mt_debug_breaks(shell->debug, NULL, 0);

	list->infos = mt_alloc_array(count + 1, sizeof(*list->infos));
	if (!list->infos)
		return mt_error_nomem();
	list->count = mt_debug_breaks(shell->debug, list->infos, count);
	return NULL;
}

void mt_break_list_deinit(struct mt_break_list *list)
{
	free(list->infos);
}

const struct mt_break_info *mt_break_list_find(const struct mt_break_list *list, int number)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->infos[i].number == number)
			return &list->infos[i];
	return NULL;
}

/* ---- Their numbers --------------------------------------------------------- */

struct mt_error *mt_break_number(struct mt_shell *shell, const char **text, const char *what,
                                 int *number)
{
	char *word MT_AUTO_FREE = mt_strndup(*text, mt_text_word(*text));
	int64_t value;

	if (!word)
		return mt_error_nomem();
	if (*word == '$') {
		MT_TRY(mt_eval_integer(shell, word, &value));
		*text = mt_text_skip(*text + strlen(word));
	} else {
		uint64_t typed;

		MT_TRY(mt_text_number(text, what, INT_MAX, &typed));
		value = (int64_t)typed;
	}
	if (value < 1 || value > INT_MAX)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no breakpoint %" PRId64, value);
	*number = (int)value;
	return NULL;
}

struct mt_error *mt_break_numbers(struct mt_shell *shell, const char *text, const char *what,
                                  struct mt_number_list *list)
{
	struct mt_buf plain MT_AUTO_BUF = { 0 };

	mt_buf_text(&plain, "");
	for (text = mt_text_skip(text); *text; text = mt_text_skip(text)) {
		size_t len = mt_text_word(text);

		if (*text == '$') {
			int number;

			MT_TRY(mt_break_number(shell, &text, what, &number));
			mt_buf_printf(&plain, "%d ", number);
			continue;
		}
		mt_buf_printf(&plain, "%.*s ", (int)len, text);
		text += len;
	}
	return mt_buf_ok(&plain) ? mt_text_numbers(plain.data, what, list) : mt_error_nomem();
}

static struct mt_error *has_thread(struct mt_shell *shell, int number, bool *has)
{
	size_t count = mt_debug_threads(shell->debug, NULL, 0);
	struct mt_thread_info *infos MT_AUTO_FREE = mt_alloc_array(count + 1, sizeof(*infos));

	if (!infos)
		return mt_error_nomem();
	count = mt_debug_threads(shell->debug, infos, count);
	*has = false;
	for (size_t i = 0; i < count; i++)
		*has = *has || infos[i].number == number;
	return NULL;
}

/* gdb refuses it. */
static struct mt_error *tell_if_for_nobody(struct mt_shell *shell, int number)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	const struct mt_break_info *info;
	bool has;

	MT_TRY(mt_breaks_list(shell, &list));
	info = mt_break_list_find(&list, number);
	if (!info || !info->thread || mt_debug_state(shell->debug) == MT_PROCESS_NONE)
		return NULL;
	MT_TRY(has_thread(shell, info->thread, &has));
	if (!has)
		mt_say(shell, "There is no thread %d now: until there is one it stops nobody.\n",
		       info->thread);
	return NULL;
}

struct mt_error *mt_break_made(struct mt_shell *shell, int number)
{
	MT_TRY(tell_if_for_nobody(shell, number));
	return mt_values_set_integer(shell, "bpnum", number);
}

/* ---- Setting --------------------------------------------------------------- */

void mt_break_expected(struct mt_shell *shell, const struct mt_break_info *info,
                       struct mt_location **locations, size_t *count)
{
	struct mt_image *image = mt_debug_image(shell->debug);

	*locations = NULL;
	*count = 0;
	if (image && !info->place_count && mt_debug_state(shell->debug) == MT_PROCESS_NONE)
		mt_error_free(mt_image_locate(image, info->location, locations, count));
}

static const char *kind_name(const struct mt_break_info *info)
{
	if (info->kind == MT_BREAK_HARDWARE)
		return info->temporary ? "Temporary hardware breakpoint"
		                       : "Hardware assisted breakpoint";
	return info->temporary ? "Temporary breakpoint" : "Breakpoint";
}

static void say_place(struct mt_shell *shell, const struct mt_break_info *info, uint64_t addr,
                      const char *what, size_t count)
{
	mt_say(shell, " at 0x%" PRIx64 ": ", addr);
	if (count == 1)
		mt_say(shell, "%s\n", what);
	else
		mt_say(shell, "%s. (%zu locations)\n", info->location, count);
}

/* "Breakpoint 1 at 0x401136: main at demo.c:12" */
static void say_set(struct mt_shell *shell, int number)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_error *error = mt_breaks_list(shell, &list);
	const struct mt_break_info *info = mt_break_list_find(&list, number);
	struct mt_location *expected;
	size_t count;

	mt_error_free(error);
	if (!info)
		return;
	mt_break_expected(shell, info, &expected, &count);
	mt_say(shell, "%s %d", kind_name(info), number);
	if (info->place_count)
		say_place(shell, info, info->places[0].addr, info->places[0].what,
		          info->place_count);
	else if (count)
		say_place(shell, info, expected[0].addr, expected[0].what, count);
	else
		mt_say(shell, " (%s) pending.\n", info->location);
	mt_locations_free(expected, count);
}

/* A name that the program takes from a library: it is certain to come. */
static bool is_imported(struct mt_shell *shell, const char *location)
{
	struct mt_image *image = mt_debug_image(shell->debug);

	return image && mt_module_imports(mt_image_executable(image), location);
}

/* A place that is not known may come with a library: asked for as `set breakpoint pending` says. */
static struct mt_error *set_pending(struct mt_shell *shell, struct mt_break_spec *spec,
                                    struct mt_error *error, int *number)
{
	enum mt_auto pending = (enum mt_auto)shell->settings.pending;

	if (mt_error_kind(error) != MT_ERR_NOT_FOUND || pending == MT_OFF)
		return error;
	spec->pending = is_imported(shell, spec->location);
	if (spec->pending) {
		mt_error_free(error);
		return mt_debug_break(shell->debug, spec, number);
	}
	if (pending == MT_AUTO && !mt_shell_is_typed(shell)) {
		struct mt_error *hinted = mt_error_new(
		    MT_ERR_NOT_FOUND, "%s ('set breakpoint pending on' lets it wait for a library)",
		    mt_error_text(error));

		mt_error_free(error);
		return hinted;
	}
	mt_shell_complain(shell, error);
	if (pending == MT_AUTO &&
	    !mt_shell_confirm(shell, "Make the breakpoint wait for a library that has it?"))
		return mt_error_new(MT_ERR_NOT_FOUND, "no breakpoint was set");
	spec->pending = true;
	return mt_debug_break(shell->debug, spec, number);
}

/* Without a location: the next instruction of the selected frame. */
static struct mt_error *here(struct mt_shell *shell, char **location)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_frame frame;

	MT_TRY(mt_shell_frame(shell, &frame));
	mt_buf_printf(&text, "*0x%" PRIx64, frame.pc);
	free(*location);
	*location = mt_buf_take(&text);
	return *location ? NULL : mt_error_nomem();
}

/* An address of the file is another one in the process: then the module belongs to it. */
static void name_address(struct mt_shell *shell, uint64_t addr, struct mt_buf *text)
{
	struct mt_image *image = mt_debug_image(shell->debug);
	const struct mt_module *module = image ? mt_image_module_at(image, addr) : NULL;

	if (module && mt_debug_state(shell->debug) == MT_PROCESS_NONE)
		mt_buf_printf(text, "%s+0x%" PRIx64, module->name, addr - module->start);
	else
		mt_buf_printf(text, "*0x%" PRIx64, addr);
}

struct mt_error *mt_location_evaluate(struct mt_shell *shell, char **location)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	uint64_t addr;

	if (**location != '*')
		return NULL;
	MT_TRY(mt_eval_address(shell, *location + 1, &addr));
	name_address(shell, addr, &text);
	free(*location);
	*location = mt_buf_take(&text);
	return *location ? NULL : mt_error_nomem();
}

static struct mt_error *set_parsed(struct mt_shell *shell, struct mt_break_text *parsed,
                                   enum mt_break_kind kind, bool temporary)
{
	struct mt_break_spec spec = { .kind = kind,
		                      .temporary = temporary,
		                      .condition = parsed->condition,
		                      .thread = parsed->thread,
		                      .pending = shell->settings.pending == MT_ON };
	struct mt_error *error;
	int number;

	MT_TRY(*parsed->location ? mt_location_evaluate(shell, &parsed->location)
	                         : here(shell, &parsed->location));
	spec.location = parsed->location;
	error = mt_debug_break(shell->debug, &spec, &number);
	if (error && !spec.pending)
		error = set_pending(shell, &spec, error, &number);
	if (error)
		return mt_shell_blame(shell, error,
		                      parsed->condition ? parsed->condition : parsed->location);
	say_set(shell, number);
	return mt_break_made(shell, number);
}

static struct mt_error *set(struct mt_shell *shell, const char *args, enum mt_break_kind kind,
                            bool temporary)
{
	struct mt_break_text parsed;
	struct mt_error *error;

	MT_TRY(mt_break_parse(args, &parsed));
	error = set_parsed(shell, &parsed, kind, temporary);
	mt_break_text_deinit(&parsed);
	return error;
}

struct mt_error *mt_break_set(struct mt_shell *shell, const char *text)
{
	return set(shell, text, MT_BREAK_SOFTWARE, false);
}

static struct mt_error *set_tbreak(struct mt_shell *shell, const char *args)
{
	return set(shell, args, MT_BREAK_SOFTWARE, true);
}

static struct mt_error *set_hbreak(struct mt_shell *shell, const char *args)
{
	return set(shell, args, MT_BREAK_HARDWARE, false);
}

static struct mt_error *set_thbreak(struct mt_shell *shell, const char *args)
{
	return set(shell, args, MT_BREAK_HARDWARE, true);
}

/* ---- Changing -------------------------------------------------------------- */

/* Does something to each breakpoint in `args`; to all when there are none named. */
static struct mt_error *each(struct mt_shell *shell, const char *args, const char *what,
                             struct mt_error *(*change)(struct mt_shell *shell, int number))
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };
	MT_VEC(int) chosen = { 0 };
	struct mt_error *error = mt_break_numbers(shell, args, what, &numbers);

	if (!error)
		error = mt_breaks_list(shell, &list);
	for (size_t i = 0; !error && i < numbers.ranges.len; i++)
		if (!mt_break_list_find(&list, numbers.ranges.data[i].first))
			error = mt_error_new(MT_ERR_NOT_FOUND,
			                     "there is no breakpoint %d; 'info breakpoints' lists "
			                     "them",
			                     numbers.ranges.data[i].first);
	/* The list is only valid until the first change. */
	for (size_t i = 0; !error && i < list.count; i++) {
		int number = list.infos[i].number;

		if (*args && !mt_number_list_has(&numbers, number))
			continue;
		if (!mt_vec_push(&chosen, number))
			error = mt_error_nomem();
	}
	for (size_t i = 0; !error && i < chosen.len; i++)
		error = change(shell, chosen.data[i]);
	mt_vec_deinit(&chosen);
	return error;
}

static struct mt_error *delete_one(struct mt_shell *shell, int number)
{
	MT_TRY(mt_debug_break_delete(shell->debug, number));
	mt_script_forget(shell, number);
	return NULL;
}

static struct mt_error *delete_breaks(struct mt_shell *shell, const char *args)
{
	if (!*args && !mt_shell_confirm(shell, "Delete all breakpoints?"))
		return NULL;
	return each(shell, args, "delete", delete_one);
}

static struct mt_error *enable_one(struct mt_shell *shell, int number)
{
	return mt_debug_break_enable(shell->debug, number, true);
}

static struct mt_error *enable(struct mt_shell *shell, const char *args)
{
	return each(shell, args, "enable", enable_one);
}

static struct mt_error *disable_one(struct mt_shell *shell, int number)
{
	return mt_debug_break_enable(shell->debug, number, false);
}

static struct mt_error *enable_once(struct mt_shell *shell, int number)
{
	return mt_debug_break_enable_for(shell->debug, number, 1);
}

static struct mt_error *enable_to_delete(struct mt_shell *shell, int number)
{
	return mt_debug_break_enable_and_delete(shell->debug, number);
}

static struct mt_error *once(struct mt_shell *shell, const char *args)
{
	return each(shell, args, "enable once", enable_once);
}

static struct mt_error *until_hit(struct mt_shell *shell, const char *args)
{
	return each(shell, args, "enable delete", enable_to_delete);
}

/* The count is the first word. */
static struct mt_error *enable_counted(struct mt_shell *shell, int number)
{
	return mt_debug_break_enable_for(shell->debug, number, shell->enable_count);
}

static struct mt_error *counted(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_number(&args, "enable count", INT_MAX, &shell->enable_count));
	return each(shell, args, "enable count", enable_counted);
}

static struct mt_error *disable(struct mt_shell *shell, const char *args)
{
	return each(shell, args, "disable", disable_one);
}

static struct mt_error *ignore(struct mt_shell *shell, const char *args)
{
	uint64_t count;
	int number;

	MT_TRY(mt_break_number(shell, &args, "ignore", &number));
	args = mt_text_skip(args);
	if (!*args)
		return mt_error_new(MT_ERR_USAGE,
		                    "ignore takes a second number: how often "
		                    "breakpoint %d is to be passed",
		                    number);
	if (*args == '-')
		args = "0"; /* as gdb has it */
	MT_TRY(mt_text_count(args, "ignore N", 0, &count));
	MT_TRY(mt_debug_break_ignore(shell->debug, number, count));
	if (count == 1)
		mt_say(shell, "Will ignore next crossing of breakpoint %d.\n", number);
	else if (count)
		mt_say(shell, "Will ignore next %" PRIu64 " crossings of breakpoint %d.\n", count,
		       number);
	else
		mt_say(shell, "Will stop next time breakpoint %d is reached.\n", number);
	return NULL;
}

static struct mt_error *condition(struct mt_shell *shell, const char *args)
{
	int number;

	MT_TRY(mt_break_number(shell, &args, "condition", &number));
	MT_TRY(mt_shell_blame(
	    shell, mt_debug_break_condition(shell->debug, number, *args ? args : NULL), args));
	if (!*args)
		mt_say(shell, "Breakpoint %d now unconditional.\n", number);
	return NULL;
}

/* ---- clear ----------------------------------------------------------------- */

static bool is_among(uint64_t addr, const struct mt_location *locations, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (locations[i].addr == addr || locations[i].entry == addr)
			return true;
	return false;
}

static bool stands_at(struct mt_shell *shell, const struct mt_break_info *info,
                      const struct mt_location *locations, size_t count)
{
	struct mt_location *expected;
	size_t expected_count;
	bool found = false;

	for (size_t i = 0; i < info->place_count; i++)
		found = found || is_among(info->places[i].addr, locations, count);
	mt_break_expected(shell, info, &expected, &expected_count);
	for (size_t i = 0; i < expected_count; i++)
		found = found || is_among(expected[i].addr, locations, count);
	mt_locations_free(expected, expected_count);
	return found;
}

static struct mt_error *clear_at(struct mt_shell *shell, const struct mt_location *locations,
                                 size_t count, size_t *cleared)
{
	for (*cleared = 0;; ++*cleared) {
		struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
		int number = 0;

		MT_TRY(mt_breaks_list(shell, &list));
		for (size_t i = 0; i < list.count && !number; i++)
			if (stands_at(shell, &list.infos[i], locations, count))
				number = list.infos[i].number;
		if (!number)
			return NULL;
		MT_TRY(delete_one(shell, number));
		mt_say(shell, "Deleted breakpoint %d\n", number);
	}
}

static struct mt_error *clear(struct mt_shell *shell, const char *args)
{
	struct mt_location *locations = NULL;
	char *text MT_AUTO_FREE = mt_strdup(args);
	struct mt_image *image;
	struct mt_error *error;
	size_t count, cleared = 0;

	if (!text)
		return mt_error_nomem();
	MT_TRY(mt_shell_image(shell, &image));
	MT_TRY(*text ? mt_location_evaluate(shell, &text) : here(shell, &text));
	MT_TRY(mt_image_locate(image, text, &locations, &count));
	error = clear_at(shell, locations, count, &cleared);
	mt_locations_free(locations, count);
	if (!error && !cleared)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no breakpoint at %.80s", text);
	return error;
}

/* ---- The rows -------------------------------------------------------------- */

#define LOCATION_HELP                                                                              \
	"LOCATION is a function, FILE:LINE, a LINE, +N or -N lines from here, or *ADDRESS; "       \
	"without\n"                                                                                \
	"it, the next instruction here. CONDITION is a C expression: the program stops where it "  \
	"is\n"                                                                                     \
	"not 0. Where the kernel can decide it, the program is not even stopped to ask: 'info\n"   \
	"breakpoints' says which way each one takes. 'help expressions' tells more."

#define BREAK(verb_name, verb_aliases, function, text)                                             \
	{                                                                                          \
		.name = verb_name, .aliases = verb_aliases, .run = function,                       \
		.usage = "[LOCATION] [thread N] [if CONDITION]", .summary = text,                  \
		.help = LOCATION_HELP, .topic = MT_TOPIC_BREAKPOINTS,                              \
		.completes = MT_COMPLETE_PLACE                                                     \
	}

#define CHANGE(verb_name, verb_aliases, function, text)                                            \
	{                                                                                          \
		.name = verb_name, .aliases = verb_aliases, .run = function, .usage = "[N...]",    \
		.summary = text, .help = "Ranges are as 2-5. Without a number: all of them.",      \
		.topic = MT_TOPIC_BREAKPOINTS, .completes = MT_COMPLETE_BREAKPOINT                 \
	}

static const struct mt_verb verbs[] = {
	BREAK("break", "b br bre brea", mt_break_set,
	      "stops the program where it gets to LOCATION"),
	BREAK("tbreak", "tb", set_tbreak, "as break, once: it is deleted when it was hit"),
	BREAK(
	    "hbreak", "hb", set_hbreak,
	    "as break, with a debug register of the processor: nothing in the program is changed"),
	BREAK("thbreak", "thb", set_thbreak, "as hbreak, once"),
	CHANGE("delete", "d del", delete_breaks, "deletes breakpoints and catchpoints"),
	CHANGE("delete breakpoints", "br", delete_breaks, "deletes breakpoints and catchpoints"),
	CHANGE("enable", "en", enable, "lets breakpoints work again"),
	CHANGE("enable breakpoints", NULL, enable, "lets breakpoints work again"),
	CHANGE("enable once", NULL, once,
	       "lets breakpoints work until each has stopped the program"),
	CHANGE("enable delete", NULL, until_hit,
	       "lets breakpoints work; each is deleted when it has stopped the program"),
	{ .name = "enable count",
	  .run = counted,
	  .usage = "COUNT [N...]",
	  .summary = "lets breakpoints work until each has stopped the program COUNT times",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT },
	CHANGE("disable breakpoints", NULL, disable,
	       "keeps breakpoints from working, without deleting them"),
	CHANGE("disable", "dis disa", disable,
	       "keeps breakpoints from working, without deleting them"),
	{ .name = "ignore",
	  .run = ignore,
	  .usage = "N COUNT",
	  .summary = "passes breakpoint N COUNT times before it stops the program",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT },
	{ .name = "condition",
	  .run = condition,
	  .usage = "N [CONDITION]",
	  .summary = "gives breakpoint N a condition, or takes it away",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT },
	{ .name = "clear",
	  .run = clear,
	  .usage = "[LOCATION]",
	  .summary = "deletes the breakpoints at LOCATION",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_PLACE },
};

MT_VERB_LIST(mt_verbs_breaks, verbs);
