/* SPDX-License-Identifier: MIT */
/* Catchpoints: system calls, signals, forks, exec, libraries. */
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/syscall.h"

#define MAX_SYSCALL 1024
#define SEPARATORS " \t,"

/* ---- Names --------------------------------------------------------------- */

static bool syscall_number(const char *name, uint64_t *number)
{
	for (uint64_t i = 0; i < MAX_SYSCALL; i++) {
		if (strcmp(mt_syscall_name(MT_MACHINE_X86_64, i), name))
			continue;
		*number = i;
		return true;
	}
	return false;
}

static bool signal_number(const char *name, uint64_t *number)
{
	const char *bare = strncasecmp(name, "SIG", 3) ? name : name + 3;

	for (int i = 1; i < MT_SIGNALS; i++) {
		const char *known = sigabbrev_np(i);

		if (!known || strcasecmp(known, bare))
			continue;
		*number = (uint64_t)i;
		return true;
	}
	return false;
}

static struct mt_error *parse_one(enum mt_break_kind kind, const char *name, uint64_t *number)
{
	char *end;

	if (isdigit((unsigned char)*name)) {
		*number = strtoull(name, &end, 0);
		if (!*end)
			return NULL;
	} else if (kind == MT_BREAK_CATCH_SYSCALL ? syscall_number(name, number)
	                                          : signal_number(name, number)) {
		return NULL;
	}
	return mt_error_new(MT_ERR_NOT_FOUND, "there is no %s %s",
	                    kind == MT_BREAK_CATCH_SYSCALL ? "system call" : "signal", name);
}

struct mt_error *mt_catch_parse(struct mt_break *breakpoint, const char *names)
{
	char *copy MT_AUTO_FREE = mt_strdup(names);
	char *rest = copy, *name;

	if (!copy)
		return mt_error_nomem();
	if (breakpoint->kind != MT_BREAK_CATCH_SYSCALL && breakpoint->kind != MT_BREAK_CATCH_SIGNAL)
		return NULL;
	while ((name = strsep(&rest, SEPARATORS))) {
		uint64_t number;

		if (!*name)
			continue;
		MT_TRY(parse_one(breakpoint->kind, name, &number));
		if (!mt_vec_push(&breakpoint->wanted, number))
			return mt_error_nomem();
	}
	return NULL;
}

/* ---- Asking -------------------------------------------------------------- */

static bool is_wanted(const struct mt_break *breakpoint, uint64_t what)
{
	for (size_t i = 0; i < breakpoint->wanted.len; i++)
		if (breakpoint->wanted.data[i] == what)
			return true;
	return breakpoint->wanted.len == 0;
}

bool mt_catch_wants(struct mt_thread *thread, enum mt_break_kind kind, uint64_t what,
                    struct mt_stop *stop)
{
	struct mt_debug *debug = thread->proc->debug;
	bool wants = false;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];

		if (breakpoint->kind != kind || !is_wanted(breakpoint, what) ||
		    !mt_thread_regs(thread) || !mt_break_asks(breakpoint, thread, false))
			continue;
		mt_stop_add_number(stop, breakpoint->number);
		wants = true;
	}
	return wants;
}

bool mt_catch_syscalls(const struct mt_debug *debug)
{
	for (size_t i = 0; i < debug->breaks.len; i++)
		if (debug->breaks.data[i]->kind == MT_BREAK_CATCH_SYSCALL &&
		    debug->breaks.data[i]->enabled && !debug->breaks.data[i]->gone)
			return true;
	return false;
}
