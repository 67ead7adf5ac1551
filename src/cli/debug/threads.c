/* SPDX-License-Identifier: MIT */
/* Threads and processes: info, choosing, and doing a command in each. */
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/pattern.h"
#include "cli/debug/show.h"

/* ---- Threads --------------------------------------------------------------- */

struct mt_error *mt_threads_list(struct mt_shell *shell, struct mt_thread_list *list)
{
	size_t count = mt_debug_threads(shell->debug, NULL, 0);

	list->infos = mt_alloc_array(count + 1, sizeof(*list->infos));
	if (!list->infos)
		return mt_error_nomem();
	list->count = mt_debug_threads(shell->debug, list->infos, count);
	return NULL;
}

void mt_thread_list_deinit(struct mt_thread_list *list)
{
	free(list->infos);
}

bool mt_current_thread(struct mt_shell *shell, struct mt_thread_info *info)
{
	struct mt_thread_list list MT_CLEANUP(mt_thread_list_deinit) = { 0 };
	struct mt_error *error = mt_threads_list(shell, &list);

	mt_error_free(error); /* without memory there is none to be told of */
	for (size_t i = 0; i < list.count; i++) {
		if (!list.infos[i].current)
			continue;
		*info = list.infos[i];
		return true;
	}
	return false;
}

static void say_thread(struct mt_shell *shell, const struct mt_thread_info *info)
{
	mt_say(shell, "%c %-4d Thread %d \"%s\" ", info->current ? '*' : ' ', info->number,
	       (int)info->tid, info->name);
	if (info->gone_zombie)
		mt_say(shell, "(has ended; other threads go on)\n");
}

/* Where it is takes looking at it: the current thread is changed for that, and put back. */
static struct mt_error *show_thread(struct mt_shell *shell, const struct mt_thread_info *info)
{
	struct mt_frame frame;

	say_thread(shell, info);
	if (info->gone_zombie)
		return NULL;
	MT_TRY(mt_debug_select_thread(shell->debug, info->number));
	MT_TRY(mt_shell_frame(shell, &frame));
	mt_frame_show(shell, &frame, false);
	return NULL;
}

/* Whom to put back. */
struct place {
	int thread;
	unsigned frame;
};

static struct place where(struct mt_shell *shell)
{
	struct place place = { mt_debug_thread_number(shell->debug),
		               mt_debug_frame_level(shell->debug) };

	return place;
}

static void put_back(struct mt_shell *shell, struct place place)
{
	struct mt_error *error = mt_debug_select_thread(shell->debug, place.thread);

	if (!error)
		error = mt_debug_select_frame(shell->debug, place.frame);
	mt_error_free(error); /* the thread has gone: the one that is selected now will do */
}

static struct mt_error *info_threads(struct mt_shell *shell, const char *args)
{
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };
	struct mt_thread_list list MT_CLEANUP(mt_thread_list_deinit) = { 0 };
	struct place before = where(shell);
	struct mt_error *error = NULL;

	MT_TRY(mt_text_numbers(args, "info threads", &numbers));
	MT_TRY(mt_threads_list(shell, &list));
	mt_say(shell, "  Id   Target Id         Frame\n");
	for (size_t i = 0; !error && i < list.count; i++)
		if (!*args || mt_number_list_has(&numbers, list.infos[i].number))
			error = show_thread(shell, &list.infos[i]);
	put_back(shell, before);
	return error;
}

static struct mt_error *thread(struct mt_shell *shell, const char *args)
{
	struct mt_thread_info info;
	struct mt_frame frame;
	uint64_t number;

	if (!*args) {
		if (!mt_current_thread(shell, &info))
			return mt_error_new(MT_ERR_NOT_FOUND, "no thread is selected");
		mt_say(shell, "[Current thread is %d (tid %d) \"%s\"]\n", info.number,
		       (int)info.tid, info.name);
		return NULL;
	}
	MT_TRY(mt_text_number(&args, "thread", INT_MAX, &number));
	MT_TRY(mt_text_end(args, "thread N"));
	MT_TRY(mt_debug_select_thread(shell->debug, (int)number));
	if (mt_current_thread(shell, &info))
		mt_say(shell, "[Switching to thread %d (tid %d) \"%s\"]\n", info.number,
		       (int)info.tid, info.name);
	shell->stop.tid = mt_debug_tid(shell->debug);
	mt_shell_note_current(shell);
	MT_TRY(mt_shell_frame(shell, &frame));
	mt_frame_show(shell, &frame, true);
	mt_view_show(shell, &frame, false);
	return NULL;
}

/* "all", or numbers, in front of a command; *args goes to the command. */
static struct mt_error *take_whom(const char **args, bool *all, struct mt_number_list *numbers)
{
	size_t len = strspn(*args, "0123456789- ");
	char *digits MT_AUTO_FREE = NULL;

	*all = mt_text_take(args, "all");
	if (*all)
		return NULL;
	digits = mt_strndup(*args, len);
	if (!digits)
		return mt_error_nomem();
	*args += len;
	if (!*mt_text_skip(digits))
		return mt_error_new(MT_ERR_USAGE,
		                    "thread apply takes 'all' or numbers, and a command: thread "
		                    "apply all backtrace");
	return mt_text_numbers(digits, "thread apply", numbers);
}

static struct mt_error *apply_to(struct mt_shell *shell, const struct mt_thread_info *info,
                                 const char *command)
{
	MT_TRY(mt_debug_select_thread(shell->debug, info->number));
	mt_say(shell, "\nThread %d (tid %d) \"%s\":\n", info->number, (int)info->tid, info->name);
	return mt_shell_do(shell, command);
}

static struct mt_error *thread_apply(struct mt_shell *shell, const char *args)
{
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };
	struct mt_thread_list list MT_CLEANUP(mt_thread_list_deinit) = { 0 };
	struct place before = where(shell);
	struct mt_error *error = NULL;
	bool all;

	MT_TRY(take_whom(&args, &all, &numbers));
	if (!*args)
		return mt_error_new(MT_ERR_USAGE,
		                    "a command is missing: thread apply all backtrace");
	MT_TRY(mt_threads_list(shell, &list));
	for (size_t i = 0; !error && i < list.count; i++) {
		/* Of all, the newest first, as gdb has it: the main thread's stack ends the list.
		 */
		const struct mt_thread_info *info = &list.infos[all ? list.count - 1 - i : i];

		if (!info->gone_zombie && (all || mt_number_list_has(&numbers, info->number)))
			error = apply_to(shell, info, args);
	}
	put_back(shell, before);
	return error;
}

/* As `thread apply all`: every stack, which is what is wanted most of a program that hangs. */
static struct mt_error *taas(struct mt_shell *shell, const char *args)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_printf(&text, "all %s", args);
	return mt_buf_ok(&text) ? thread_apply(shell, text.data) : mt_error_nomem();
}

static struct mt_error *thread_find(struct mt_shell *shell, const char *args)
{
	struct mt_pattern pattern MT_AUTO_PATTERN = { 0 };
	struct mt_thread_list list MT_CLEANUP(mt_thread_list_deinit) = { 0 };
	bool any = false;

	MT_TRY(mt_pattern_compile(&pattern, args, 0));
	MT_TRY(mt_threads_list(shell, &list));
	for (size_t i = 0; i < list.count; i++) {
		const struct mt_thread_info *info = &list.infos[i];
		char tid[16];

		snprintf(tid, sizeof(tid), "%d", (int)info->tid);
		if (!mt_pattern_matches(&pattern, info->name) && !mt_pattern_matches(&pattern, tid))
			continue;
		mt_say(shell, "Thread %d is tid %d, \"%s\"\n", info->number, (int)info->tid,
		       info->name);
		any = true;
	}
	if (!any)
		mt_say(shell, "No thread's name or tid matches '%s'.\n", args);
	return NULL;
}

/* ---- Processes ------------------------------------------------------------- */

enum { MANY_PROCESSES = 256 };

static const char *const state_names[] = {
	[MT_PROCESS_NONE] = "not running",
	[MT_PROCESS_STOPPED] = "stopped",
	[MT_PROCESS_RUNNING] = "running",
	[MT_PROCESS_CORE] = "core file",
};

static struct mt_error *info_inferiors(struct mt_shell *shell, const char *args)
{
	struct mt_process_info infos[MANY_PROCESSES];
	size_t count = mt_debug_processes(shell->debug, infos, MANY_PROCESSES);
	const char *program = mt_debug_program(shell->debug);

	MT_TRY(mt_text_end(args, "info inferiors"));
	mt_say(shell, "  Num  Description       State        Program\n");
	for (size_t i = 0; i < count && i < MANY_PROCESSES; i++) {
		char description[32];

		snprintf(description, sizeof(description), "process %d", (int)infos[i].pid);
		mt_say(shell, "%c %-4d %-17s %-12s %s%s\n", infos[i].current ? '*' : ' ',
		       infos[i].number, description, state_names[infos[i].state],
		       infos[i].program ? infos[i].program : "",
		       infos[i].attached ? " (attached)" : "");
	}
	if (!count)
		mt_say(shell, "* 1    %-17s %-12s %s\n", "<null>", "not running",
		       program ? program : "");
	return NULL;
}

static struct mt_error *inferior(struct mt_shell *shell, const char *args)
{
	struct mt_frame frame;
	uint64_t number;

	MT_TRY(mt_text_number(&args, "inferior", INT_MAX, &number));
	MT_TRY(mt_text_end(args, "inferior N"));
	mt_shell_forget_image(shell);
	MT_TRY(mt_debug_select_process(shell->debug, (int)number));
	mt_shell_note_current(shell);
	mt_say(shell, "[Switching to inferior %d (process %d)]\n", (int)number,
	       (int)mt_debug_pid(shell->debug));
	if (mt_debug_state(shell->debug) != MT_PROCESS_STOPPED)
		return NULL;
	MT_TRY(mt_shell_frame(shell, &frame));
	mt_frame_show(shell, &frame, true);
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "info threads",
	  .run = info_threads,
	  .usage = "[N...]",
	  .summary = "the threads of the program, and where each is",
	  .topic = MT_TOPIC_THREADS,
	  .completes = MT_COMPLETE_THREAD,
	  .needs = MT_NEEDS_STATE },
	{ .name = "thread",
	  .aliases = "t",
	  .run = thread,
	  .usage = "[N]",
	  .summary = "selects thread N, or tells which one is selected",
	  .topic = MT_TOPIC_THREADS,
	  .completes = MT_COMPLETE_THREAD,
	  .needs = MT_NEEDS_STATE },
	{ .name = "thread apply",
	  .run = thread_apply,
	  .usage = "all|N... COMMAND",
	  .summary = "does a command in each of these threads",
	  .topic = MT_TOPIC_THREADS,
	  .completes = MT_COMPLETE_THREAD,
	  .needs = MT_NEEDS_STATE },
	{ .name = "taas",
	  .run = taas,
	  .usage = "COMMAND",
	  .summary = "as 'thread apply all'",
	  .topic = MT_TOPIC_THREADS,
	  .needs = MT_NEEDS_STATE },
	{ .name = "thread find",
	  .run = thread_find,
	  .usage = "REGEX",
	  .summary = "the threads whose name or tid matches",
	  .topic = MT_TOPIC_THREADS,
	  .needs = MT_NEEDS_STATE },
	{ .name = "info inferiors",
	  .run = info_inferiors,
	  .usage = "",
	  .summary = "the processes that are being debugged",
	  .topic = MT_TOPIC_THREADS },
	{ .name = "inferior",
	  .run = inferior,
	  .usage = "N",
	  .summary = "selects process N of 'info inferiors'",
	  .topic = MT_TOPIC_THREADS },
};

MT_VERB_LIST(mt_verbs_threads, verbs);
