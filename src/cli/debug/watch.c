/* SPDX-License-Identifier: MIT */
/* watch, rwatch, awatch, info watchpoints, info hits. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/debug/watch.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/show.h"
#include "target/syscall.h"

/* ---- Names ----------------------------------------------------------------- */

/* By access. */
static const char *const titles[] = { "Hardware watchpoint", "Hardware write watchpoint",
	                              "Hardware read watchpoint",
	                              "Hardware access (read/write) watchpoint" };
static const char *const stepped_titles[] = { "Watchpoint", "Write watchpoint", "Read watchpoint",
	                                      "Access (read/write) watchpoint" };
static const char *const types[] = { "hw watchpoint", "wr watchpoint", "read watchpoint",
	                             "acc watchpoint" };

const char *mt_watch_type_name(const struct mt_break_info *info)
{
	if (info->why_stepping && info->watch.access == MT_WATCH_CHANGE)
		return "watchpoint";
	return types[info->watch.access];
}

const char *mt_watch_command(const struct mt_break_info *info)
{
	static const char *const commands[][2] = {
		{ "watch", "watch -location" },
		{ "watch -write", "watch -write -location" },
		{ "rwatch", "rwatch -location" },
		{ "awatch", "awatch -location" },
	};

	static const char *const of_ports[] = { "watch -port", "watch -write -port", "rwatch -port",
		                                "awatch -port" };

	if (info->watch.port_count)
		return of_ports[info->watch.access];
	return commands[info->watch.access][info->watch.at_location];
}

static const char *title(enum mt_watch_access access, bool stepped)
{
	return stepped ? stepped_titles[access] : titles[access];
}

const char *mt_watch_option(const struct mt_break_info *info)
{
	return info->watch.port_count ? "-port " : info->watch.at_location ? "-location " : "";
}

/* ---- Setting --------------------------------------------------------------- */

static const char unseen[] =
    "the compiler keeps some of it elsewhere in other parts of the code, and what is done to it "
    "there is not seen; watch -force-software sees it";

static void say_cost(struct mt_shell *shell, const struct mt_break_info *info)
{
	mt_say(shell, info->foresees ? "software: what registers don't foretell is single-stepped"
	                             : "software: each instruction is single-stepped");
	if (info->step_ns)
		mt_say(shell, ", about %.1f us each", (double)info->step_ns / 1000);
}

void mt_watch_say_set(struct mt_shell *shell, int number)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_error *error = mt_breaks_list(shell, &list);
	const struct mt_break_info *info = mt_break_list_find(&list, number);

	mt_error_free(error);
	if (!info)
		return;
	mt_say(shell, "%s %d: %s%s", title(info->watch.access, info->why_stepping != NULL), number,
	       mt_watch_option(info), info->location);
	if (info->why_stepping) {
		mt_say(shell, " (");
		say_cost(shell, info);
		mt_say(shell, ")\n  %s", info->why_stepping);
	} else if (info->moves) {
		mt_say(shell, "\n  %s", unseen);
	}
	mt_say(shell, "\n");
}

/* The options before the expression. */
static struct mt_error *take_options(const char **text, struct mt_watch_kind *kind)
{
	for (;;) {
		if (mt_text_take(text, "-port"))
			kind->port_count = 1;
		else if (mt_text_take(text, "-l") || mt_text_take(text, "-location"))
			kind->at_location = true;
		else if (mt_text_take(text, "-force-software"))
			kind->by_stepping = true;
		else if (kind->access == MT_WATCH_CHANGE && mt_text_take(text, "-write"))
			kind->access = MT_WATCH_WRITE;
		else
			return NULL;
	}
}

#define PORTS 0x10000u

/* "0x3f8", "0x3f8:4" */
static struct mt_error *parse_ports(const char *text, struct mt_watch_kind *kind)
{
	char *number MT_AUTO_FREE = mt_strdup(text), *colon = number ? strchr(number, ':') : NULL;
	uint64_t first, count = 1;

	if (!number)
		return mt_error_nomem();
	if (kind->at_location)
		return mt_error_new(MT_ERR_USAGE, "-port and -location exclude each other: a port "
		                                  "is no memory");
	if (colon)
		*colon = '\0';
	MT_TRY(mt_text_count(number, "watch -port", PORTS, &first));
	if (colon)
		MT_TRY(mt_text_count(colon + 1, "the number of ports", PORTS, &count));
	if (first >= PORTS || !count || count > PORTS - first)
		return mt_error_new(
		    MT_ERR_USAGE,
		    "ports go from 0 to 0xffff: 'watch -port 0x3f8:4' watches four of "
		    "them from 0x3f8 on, not '%.40s'",
		    text);
	kind->port = (uint16_t)first;
	kind->port_count = (uint32_t)count;
	return NULL;
}

static struct mt_error *refuse_mask(const char *expression)
{
	if (!mt_text_keyword(expression, "mask"))
		return NULL;
	return mt_error_new(MT_ERR_UNSUPPORTED,
	                    "this processor's debug registers have no masks: watch the bytes that "
	                    "are meant, as with 'watch -l buffer[2..5]'");
}

static struct mt_error *set_parsed(struct mt_shell *shell, const struct mt_break_text *parsed,
                                   const struct mt_watch_kind *kind)
{
	struct mt_break_spec spec = { .kind = MT_BREAK_WATCH,
		                      .location = parsed->location,
		                      .condition = parsed->condition,
		                      .thread = parsed->thread,
		                      .watch = *kind };
	struct mt_error *error;
	int number;

	if (kind->port_count)
		MT_TRY(parse_ports(parsed->location, &spec.watch));
	else if (!*parsed->location)
		return mt_error_new(
		    MT_ERR_USAGE, "watch takes an expression: 'watch counter', 'watch -l p->len'");
	MT_TRY(refuse_mask(parsed->location));
	error = mt_debug_break(shell->debug, &spec, &number);
	if (error)
		return mt_shell_blame(shell, error, parsed->location);
	mt_watch_say_set(shell, number);
	return mt_break_made(shell, number);
}

static struct mt_error *set(struct mt_shell *shell, const char *args, enum mt_watch_access access)
{
	struct mt_watch_kind kind = { .access = access };
	struct mt_break_text parsed;
	struct mt_error *error;

	MT_TRY(take_options(&args, &kind));
	MT_TRY(mt_break_parse(args, &parsed));
	error = set_parsed(shell, &parsed, &kind);
	mt_break_text_deinit(&parsed);
	return error;
}

static struct mt_error *watch(struct mt_shell *shell, const char *args)
{
	return set(shell, args, MT_WATCH_CHANGE);
}

static struct mt_error *rwatch(struct mt_shell *shell, const char *args)
{
	return set(shell, args, MT_WATCH_READ);
}

static struct mt_error *awatch(struct mt_shell *shell, const char *args)
{
	return set(shell, args, MT_WATCH_ACCESS);
}

/* ---- The table ------------------------------------------------------------- */

void mt_watch_say_way(struct mt_shell *shell, const struct mt_break_info *info)
{
	mt_say(shell, "\t");
	if (info->why_stepping) {
		say_cost(shell, info);
		mt_say(shell, "\n\t%s\n", info->why_stepping);
		return;
	}
	mt_say(shell, "by debug registers%s\n\t%s\n",
	       info->way == MT_WAY_REGISTER_KERNEL ? "; the condition is decided in the kernel"
	                                           : "",
	       info->sees_kernel
	           ? "what system calls do is seen in the kernel"
	           : "the program stops at each system call, and the bytes are compared");
	if (info->moves)
		mt_say(shell, "\t%s\n", unseen);
}

/* ---- A hit ----------------------------------------------------------------- */

static void put_value(struct mt_shell *shell, const struct mt_type *type,
                      const struct mt_watch_value *value, struct mt_buf *out)
{
	static const struct mt_format plain;
	const struct mt_value shown = { .type = type,
		                        .home = value->addr ? MT_HOME_MEMORY : MT_HOME_NOWHERE,
		                        .addr = value->addr,
		                        .bytes = value->bytes };
	struct mt_error *error;

	if (!value->bytes || !type) {
		mt_buf_printf(out, "<error: %s>", value->error ? value->error : "not known");
		return;
	}
	error = mt_value_show(shell, &shown, &plain, out);
	if (error)
		mt_buf_printf(out, "<error: %s>", mt_error_text(error));
	mt_error_free(error);
}

static bool is_same(const struct mt_watch_hit *hit)
{
	if (!hit->before.bytes || !hit->now.bytes)
		return !hit->before.bytes && !hit->now.bytes;
	return !memcmp(hit->before.bytes, hit->now.bytes, (size_t)hit->type->size);
}

/* A read, and an access that leaves the value, have one value; a write has two. */
static void say_values(struct mt_shell *shell, const struct mt_watch_hit *hit)
{
	bool one = hit->wanted == MT_WATCH_READ || (hit->wanted == MT_WATCH_ACCESS && is_same(hit));

	if (one) {
		mt_say(shell, "\nValue = ");
		put_value(shell, hit->type, &hit->now, &shell->out);
		mt_say(shell, "\n");
		return;
	}
	mt_say(shell, "\nOld value = ");
	put_value(shell, hit->type, &hit->before, &shell->out);
	mt_say(shell, "\nNew value = ");
	put_value(shell, hit->type, &hit->now, &shell->out);
	mt_say(shell, "\n");
}

static const char *verb_of(const struct mt_watch_hit *hit)
{
	if (hit->gone)
		return "Unmapped";
	if (!hit->len && !hit->port.size)
		return "Changed";
	if (hit->did == MT_INSN_READ)
		return "Read";
	return hit->did == (MT_INSN_READ | MT_INSN_WRITE) ? "Read and written" : "Written";
}

static void say_insn(struct mt_shell *shell, const struct mt_watch_hit *hit)
{
	mt_say(shell, "%s by %s0x%" PRIx64 "%s", verb_of(hit), mt_paint(shell, MT_PAINT_ADDRESS),
	       hit->insn.addr, mt_paint(shell, MT_PAINT_NONE));
	mt_symbol_show(shell, hit->insn.addr, &shell->out);
	mt_say(shell, ":\t%s\n", hit->insn.text);
}

static void say_who(struct mt_shell *shell, const struct mt_watch_hit *hit)
{
	switch (hit->who) {
	case MT_WATCH_BY_INSN:
		say_insn(shell, hit);
		break;
	case MT_WATCH_BY_SYSCALL:
		mt_say(shell,
		       "%s by the system call %s(0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ")\n",
		       verb_of(hit), mt_syscall_name(mt_shell_machine(shell), hit->syscall),
		       hit->arguments[0], hit->arguments[1], hit->arguments[2]);
		if (hit->gone)
			mt_say(shell, "It is watched again when something is mapped there.\n");
		break;
	case MT_WATCH_BY_KERNEL:
		mt_say(shell,
		       "%s by the kernel, in no system call: for a signal handler, for example\n",
		       verb_of(hit));
		break;
	default:
		mt_say(shell, "By whom is not known: another process, or code that cannot be "
		              "decoded up to here\n");
		break;
	}
}

static const char *option_in(const struct mt_break_list *list, int number)
{
	const struct mt_break_info *info = mt_break_list_find(list, number);

	return info ? mt_watch_option(info) : "";
}

static void say_port(struct mt_shell *shell, const struct mt_watch_hit *hit)
{
	const struct mt_port_access *port = &hit->port;

	mt_say(shell, "\n%u byte%s %s port 0x%x", port->size, port->size == 1 ? "" : "s",
	       port->out ? "to" : "from", port->port);
	if (port->has_value)
		mt_say(shell, ": 0x%0*x", 2 * port->size, port->value);
	mt_say(shell, "\n");
}

void mt_watch_say_hits(struct mt_shell *shell, const struct mt_stop *stop)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_thread_info thread;

	mt_error_free(mt_breaks_list(shell, &list)); /* without memory nothing is at a location */
	for (size_t i = 0; i < stop->hit_count; i++) {
		const struct mt_watch_hit *hit = &stop->hits[i];

		mt_say(shell, "\n");
		if (mt_debug_threads(shell->debug, NULL, 0) > 1 &&
		    mt_current_thread(shell, &thread))
			mt_say(shell, "Thread %d \"%s\" hit ", thread.number, thread.name);
		mt_say(shell, "%s %d: %s%s\n", title(hit->wanted, hit->stepped), hit->number,
		       option_in(&list, hit->number), hit->expression);
		if (hit->port.size)
			say_port(shell, hit);
		else
			say_values(shell, hit);
		say_who(shell, hit);
	}
}

void mt_watch_say_end(struct mt_shell *shell, int number)
{
	mt_say(shell,
	       "\nWatchpoint %d deleted because the program has left the block in\n"
	       "which its expression is valid.\n",
	       number);
	mt_script_forget(shell, number);
}

void mt_watch_say_ended(struct mt_shell *shell, const struct mt_stop *stop)
{
	for (size_t i = 0; i < stop->number_count; i++)
		mt_watch_say_end(shell, stop->numbers[i]);
}

/* ---- For tools ------------------------------------------------------------- */

static const char *text_of(struct mt_shell *shell, const struct mt_type *type,
                           const struct mt_watch_value *value, struct mt_arena *arena)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (!value->bytes || !type)
		return NULL;
	put_value(shell, type, value, &text);
	return mt_buf_ok(&text) ? mt_arena_text(arena, text.data, text.len) : NULL;
}

static void add_port(const struct mt_watch_hit *hit, struct mt_arena *arena,
                     struct mt_json_watch *json)
{
	char value[16];
	int len = snprintf(value, sizeof(value), "0x%0*x", 2 * hit->port.size, hit->port.value);

	json->is_port = true;
	json->address = hit->port.port;
	json->length = hit->port.size;
	if (hit->port.has_value)
		json->now = mt_arena_text(arena, value, (size_t)len);
}

size_t mt_watch_json(struct mt_shell *shell, const struct mt_stop *stop, struct mt_arena *arena,
                     struct mt_json_watch *hits, size_t max)
{
	static const char *const accesses[] = { "unknown", "read", "write", "read-write" };
	size_t count = 0;

	for (; count < stop->hit_count && count < max; count++) {
		const struct mt_watch_hit *hit = &stop->hits[count];

		hits[count] = (struct mt_json_watch){
			.number = hit->number,
			.expression = hit->expression,
			.access = hit->gone ? "unmap" : accesses[hit->did & 3],
			.address = hit->addr,
			.length = hit->len,
			.before = text_of(shell, hit->type, &hit->before, arena),
			.now = text_of(shell, hit->type, &hit->now, arena),
		};
		if (hit->port.size)
			add_port(hit, arena, &hits[count]);
		if (hit->who == MT_WATCH_BY_SYSCALL)
			hits[count].syscall =
			    mt_syscall_name(mt_shell_machine(shell), hit->syscall);
		if (hit->who == MT_WATCH_BY_INSN) {
			hits[count].insn = hit->insn.text;
			hits[count].insn_address = hit->insn.addr;
		}
	}
	return count;
}

/* ---- info hits ------------------------------------------------------------- */

/* The type is of the program that runs now; what was kept are plain bytes. */
static void say_past_value(struct mt_shell *shell, const struct mt_break_info *info,
                           const uint8_t *bytes, uint8_t size, bool known)
{
	const struct mt_watch_value value = { .bytes = bytes };

	if (!known)
		mt_say(shell, "?");
	else if (info->type && info->type->size == size)
		put_value(shell, info->type, &value, &shell->out);
	else
		mt_number_show(shell, 'x', bytes, size, false, &shell->out);
}

static void say_past(struct mt_shell *shell, const struct mt_break_info *info,
                     const struct mt_watch_past *past)
{
	time_t seconds = (time_t)(past->ns / 1000000000);
	struct tm local;
	char when[16] = "";

	if (localtime_r(&seconds, &local))
		strftime(when, sizeof(when), "%H:%M:%S", &local);
	mt_say(shell, "%-5" PRIu64 " %s.%06" PRIu64 "  %-7d ", past->turn, when,
	       past->ns / 1000 % 1000000, (int)past->tid);
	if (info->watch.access != MT_WATCH_READ) {
		say_past_value(shell, info, past->before, past->size, past->had_before);
		mt_say(shell, " -> ");
	}
	say_past_value(shell, info, past->now, past->size, past->has_now);
	if (past->who == MT_WATCH_BY_SYSCALL) {
		mt_say(shell, "  by %s\n", mt_syscall_name(mt_shell_machine(shell), past->syscall));
		return;
	}
	mt_say(shell, "  %s 0x%" PRIx64, past->who == MT_WATCH_BY_INSN ? "by" : "before", past->pc);
	mt_symbol_show(shell, past->pc, &shell->out);
	mt_say(shell, "\n");
}

static struct mt_error *info_hits(struct mt_shell *shell, const char *args)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_watch_past past[MT_WATCH_PAST_COUNT];
	const struct mt_break_info *info;
	size_t count;
	int number;

	MT_TRY(mt_break_number(shell, &args, "info hits", &number));
	MT_TRY(mt_text_end(args, "info hits N"));
	MT_TRY(mt_debug_watch_past(shell->debug, number, past, &count));
	MT_TRY(mt_breaks_list(shell, &list));
	info = mt_break_list_find(&list, number);
	if (!count || !info) {
		mt_say(shell, "Watchpoint %d has not been hit.\n", number);
		return NULL;
	}
	mt_say(shell, "%s%-5s %-15s  %-7s %s%s\n", mt_paint(shell, MT_PAINT_TITLE), "Hit", "When",
	       "Thread", "What", mt_paint(shell, MT_PAINT_NONE));
	for (size_t i = 0; i < count; i++)
		say_past(shell, info, &past[i]);
	return NULL;
}

/* ---- The rows -------------------------------------------------------------- */

#define WATCH_USAGE                                                                                \
	"[-l|-location] [-force-software] EXPRESSION [thread N] [if CONDITION], or -port "         \
	"PORT[:COUNT]"

#define WATCH_HELP                                                                                 \
	"EXPRESSION is watched through all that it reads: of 'a->b + c' the pointer a, b and c.\n" \
	"With a local variable in it the watchpoint ends when its frame does. -location watches\n" \
	"what the expression refers to now, as long as it is watched. Debug registers do it at\n"  \
	"full speed, four pieces of up to eight bytes; what they can't do software does, more\n"   \
	"slowly, and this is said. The instruction that did it is shown, not only the one behind " \
	"it; what\n"                                                                               \
	"the kernel does in a system call is told when that returns, by the call's name: 'info\n"  \
	"watchpoints' says whether it sees all of that, or changes only. 'info hits N' shows "     \
	"the\n"                                                                                    \
	"last hits. -port waits for in, out, ins and outs: all of them, or those that write to\n"  \
	"a port\n"                                                                                 \
	"(watch -write) or read from it (rwatch)."

#define WATCH(verb_name, verb_aliases, function, verb_usage, text, more)                           \
	{                                                                                          \
		.name = verb_name, .aliases = verb_aliases, .run = function, .usage = verb_usage,  \
		.summary = text, .help = more WATCH_HELP, .topic = MT_TOPIC_BREAKPOINTS,           \
		.completes = MT_COMPLETE_VALUE                                                     \
	}

static const struct mt_verb verbs[] = {
	WATCH("watch", "wa wat", watch, "[-write] " WATCH_USAGE,
	      "stops the program when the value of an expression has changed",
	      "With -write it stops at each write, of the same value too. "),
	WATCH("rwatch", "rw", rwatch, WATCH_USAGE,
	      "stops the program when the value of an expression is read",
	      "An instruction that reads and writes it counts as a write: see awatch. "),
	WATCH("awatch", "aw", awatch, WATCH_USAGE,
	      "stops the program when the value of an expression is read or written", ""),
	{ .name = "info hits",
	  .run = info_hits,
	  .usage = "N",
	  .summary = "the last hits of watchpoint N: when, who, from what to what",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_BREAKPOINT },
};

MT_VERB_LIST(mt_verbs_watch, verbs);
