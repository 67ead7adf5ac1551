/* SPDX-License-Identifier: MIT */
#include "cli/watch_debug.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/debug/watch.h"
#include "cli/debugger.h"

#define MAX_FRAMES 64

/* ---- What was seen ------------------------------------------------------- */

static struct mt_watch_seen *seen_of(struct mt_watch_memory *memory, unsigned index)
{
	while (memory->seen.len < index)
		if (!mt_vec_push(&memory->seen, (struct mt_watch_seen){ 0 }))
			return NULL;
	return &memory->seen.data[index - 1];
}

static char *text_of_type(const struct mt_type *type)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (!type)
		return NULL;
	mt_type_format(type, &text);
	return mt_buf_take(&text);
}

void mt_watch_remember_armed(struct mt_watch_memory *memory, const struct mt_armed_info *info,
                             bool deep)
{
	const struct mt_hit_watch *watch = info->watch;
	struct mt_watch_seen *seen = seen_of(memory, watch->index);

	if (!seen)
		return;
	free(seen->expr);
	free(seen->type);
	seen->expr = mt_strdup(watch->expr);
	seen->type = info->from_elf ? NULL : text_of_type(watch->type);
	seen->kind = watch->kind;
	seen->addr = watch->addr;
	seen->len = watch->len;
	seen->per_call = info->per_call;
	seen->per_thread = info->per_thread;
	seen->deep = deep;
	seen->of_values = info->condition_of_values;
}

static uint64_t since_the_epoch(uint64_t monotonic_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec -
	       (mt_now_ns() - monotonic_ns);
}

static struct mt_watch_past past_of(const struct mt_hit *hit)
{
	const struct mt_culprit *culprit = &hit->code->culprit;
	bool known = culprit->how != MT_CULPRIT_UNKNOWN;
	struct mt_watch_past past = {
		.ns = since_the_epoch(hit->time_ns),
		.pid = hit->pid,
		.tid = hit->tid,
		.did = hit->access,
		.who = hit->kernel ? MT_WATCH_BY_SYSCALL
		       : known     ? MT_WATCH_BY_INSN
		                   : MT_WATCH_BY_UNKNOWN,
		.pc = known ? culprit->insn.addr : hit->pc,
		.syscall = hit->syscall.number,
	};
	size_t len = (size_t)hit->watch->len;

	if (len > MT_WATCH_PAST_BYTES)
		return past;
	past.size = (uint8_t)len;
	past.had_before = hit->old_known;
	past.has_now = hit->new_known;
	memcpy(past.before, hit->old_value, len);
	memcpy(past.now, hit->new_value, len);
	return past;
}

void mt_watch_remember_hit(struct mt_watch_memory *memory, const struct mt_hit *hit,
                           uint64_t wanted)
{
	struct mt_watch_seen *seen = seen_of(memory, hit->watch->index);

	if (!seen)
		return;
	if (!seen->is_last)
		seen->addr = hit->watch->addr;
	seen->is_last = seen->is_last || hit->n >= wanted;
	seen->past[seen->past_count++ % MT_WATCH_PAST_COUNT] = past_of(hit);
}

void mt_watch_memory_deinit(struct mt_watch_memory *memory)
{
	for (size_t i = 0; i < memory->seen.len; i++) {
		free(memory->seen.data[i].expr);
		free(memory->seen.data[i].type);
	}
	mt_vec_deinit(&memory->seen);
}

/* ---- The same watch in the debugger -------------------------------------- */

struct opening {
	const struct mt_watch_options *options;
	const struct mt_handover *handover;
	const struct mt_watch_memory *memory;
	bool told_condition;
};

static enum mt_watch_access access_of(const struct mt_watch_seen *seen, bool changes_only)
{
	switch (seen->kind) {
	case MT_DR_READ:
		return MT_WATCH_READ;
	case MT_DR_ACCESS:
		return MT_WATCH_ACCESS;
	default:
		return changes_only ? MT_WATCH_CHANGE : MT_WATCH_WRITE;
	}
}

static void tell_condition(struct mt_shell *shell, struct opening *opening, const char *why)
{
	if (!opening->told_condition)
		mt_say(shell, "(without the condition, which the debugger cannot decide: %s)\n",
		       why);
	opening->told_condition = true;
}

/* The condition of --if may speak of what the debugger's conditions do not know. */
static struct mt_error *set_break(struct mt_shell *shell, struct opening *opening,
                                  const struct mt_watch_seen *seen, struct mt_break_spec *spec,
                                  int *number)
{
	const char *condition = opening->options->config.condition;
	struct mt_error *error, *again;

	if (condition && seen->of_values) {
		tell_condition(shell, opening, "old and new are words of 'memtrap watch'");
		condition = NULL;
	}
	spec->condition = condition;
	error = mt_debug_break(shell->debug, spec, number);
	if (!error || !condition)
		return error;
	spec->condition = NULL;
	again = mt_debug_break(shell->debug, spec, number);
	if (again) { /* it is not the condition's */
		mt_error_free(again);
		return error;
	}
	tell_condition(shell, opening, mt_error_text(error));
	mt_error_free(error);
	return NULL;
}

/* Whether the breakpoint watches what was watched. */
static bool is_meant(struct mt_shell *shell, int number, const struct mt_watch_seen *seen)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	const struct mt_break_info *info;

	mt_error_free(mt_breaks_list(shell, &list));
	info = mt_break_list_find(&list, number);
	return info && info->addr == seen->addr && info->len == seen->len;
}

/* The expression as it was written, if it means the same memory here. */
static bool set_by_text(struct mt_shell *shell, struct opening *opening,
                        const struct mt_watch_seen *seen, const char *text, bool at_location,
                        int *number)
{
	struct mt_break_spec spec = {
		.kind = MT_BREAK_WATCH,
		.location = text,
		.watch = { .access = access_of(seen, opening->options->config.changes_only),
		           .at_location = at_location },
	};
	struct mt_error *error = set_break(shell, opening, seen, &spec, number);
	bool is_set = !error;

	mt_error_free(error);
	if (is_set && !is_meant(shell, *number, seen)) {
		mt_error_free(mt_debug_break_delete(shell->debug, *number));
		return false;
	}
	return is_set;
}

/* "depth" of "count_down::depth", in the frame in which it was hit: there it ends with that. */
static bool set_in_frame(struct mt_shell *shell, struct opening *opening,
                         const struct mt_watch_seen *seen, int *number)
{
	const char *name = strstr(seen->expr, "::");
	bool is_set = false;

	for (const char *next = name; next; next = strstr(next + 2, "::"))
		name = next;
	for (unsigned level = 0; name && level < MAX_FRAMES && !is_set; level++) {
		struct mt_error *error = mt_debug_select_frame(shell->debug, level);

		if (error) {
			mt_error_free(error);
			break;
		}
		is_set = set_by_text(shell, opening, seen, name + 2, false, number);
	}
	mt_error_free(mt_debug_select_frame(shell->debug, 0));
	return is_set;
}

static bool set_by_address(struct mt_shell *shell, struct opening *opening,
                           const struct mt_watch_seen *seen, int *number)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (seen->type)
		mt_buf_printf(&text, "*(%s *) 0x%" PRIx64, seen->type, seen->addr);
	if (text.len && mt_buf_ok(&text) &&
	    set_by_text(shell, opening, seen, text.data, true, number))
		return true;
	text.len = 0;
	mt_buf_printf(&text, "*(unsigned char (*)[%" PRIu64 "]) 0x%" PRIx64, seen->len, seen->addr);
	return mt_buf_ok(&text) && set_by_text(shell, opening, seen, text.data, true, number);
}

static bool set_watch(struct mt_shell *shell, struct opening *opening,
                      const struct mt_watch_seen *seen, int *number)
{
	if (seen->per_call)
		return set_in_frame(shell, opening, seen, number) ||
		       set_by_address(shell, opening, seen, number);
	return set_by_text(shell, opening, seen, seen->expr, !seen->deep, number) ||
	       set_by_address(shell, opening, seen, number);
}

static struct mt_error *set_execution(struct mt_shell *shell, struct opening *opening,
                                      const struct mt_watch_seen *seen)
{
	struct mt_break_spec spec = { .kind = MT_BREAK_HARDWARE };
	struct mt_buf text MT_AUTO_BUF = { 0 };
	int number;

	mt_buf_printf(&text, "*0x%" PRIx64, seen->addr);
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	spec.location = text.data;
	MT_TRY(set_break(shell, opening, seen, &spec, &number));
	mt_say(shell, "Hardware assisted breakpoint %d: %s\n", number, seen->expr);
	return mt_break_made(shell, number);
}

static struct mt_error *load_past(struct mt_shell *shell, const struct mt_watch_seen *seen,
                                  int number)
{
	uint64_t first =
	    seen->past_count > MT_WATCH_PAST_COUNT ? seen->past_count - MT_WATCH_PAST_COUNT : 0;

	for (uint64_t i = first; i < seen->past_count; i++)
		MT_TRY(mt_debug_watch_add_past(shell->debug, number,
		                               &seen->past[i % MT_WATCH_PAST_COUNT], 1));
	if (seen->past_count)
		mt_say(shell, "  'info hits %d' shows what has touched it so far\n", number);
	return NULL;
}

static struct mt_error *arm(struct mt_shell *shell, struct opening *opening,
                            const struct mt_watch_seen *seen)
{
	int number;

	if (!seen->expr) /* never armed */
		return NULL;
	if (seen->kind == MT_DR_EXEC)
		return set_execution(shell, opening, seen);
	if (!set_watch(shell, opening, seen, &number))
		return mt_error_new(MT_ERR_UNSUPPORTED, "%s cannot be watched on in the debugger",
		                    seen->expr);
	mt_watch_say_set(shell, number);
	if (seen->per_thread)
		mt_say(shell, "  (each thread has its own: this is that of the last hit)\n");
	MT_TRY(load_past(shell, seen, number));
	return mt_break_made(shell, number);
}

static struct mt_error *begin(struct mt_shell *shell, void *arg)
{
	struct opening *opening = arg;

	mt_shell_forget_image(shell);
	MT_TRY(mt_debug_adopt(shell->debug, opening->handover));
	for (size_t i = 0; i < opening->memory->seen.len; i++) {
		struct mt_error *error = arm(shell, opening, &opening->memory->seen.data[i]);

		if (error)
			mt_shell_complain(shell, error);
	}
	mt_stop_show(shell, mt_debug_last_stop(shell->debug));
	return NULL;
}

/* ---- Opening it ---------------------------------------------------------- */

static int count_words(char *const *words)
{
	int count = 0;

	while (words && words[count])
		count++;
	return count;
}

int mt_watch_debug(const struct mt_watch_options *options, const struct mt_handover *handover,
                   const struct mt_watch_memory *memory)
{
	struct opening opening = { options, handover, memory, false };
	struct mt_debugger_start start = {
		.options = { .batch = options->batch,
		             .quiet = options->quiet || options->batch || options->json,
		             .json = options->json,
		             .args = true },
		.begin = begin,
		.arg = &opening,
	};
	int status;

	if (handover->launched) { /* so that `run` starts it again */
		start.words = options->config.argv;
		start.word_count = count_words(options->config.argv);
	}
	for (size_t i = 0; i < options->early.len; i++)
		if (!mt_vec_push(&start.early, options->early.data[i]))
			break;
	status = mt_debugger_run(&start);
	mt_vec_deinit(&start.early);
	return status;
}
