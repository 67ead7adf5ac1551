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

static bool syscall_number(enum mt_machine machine, const char *name, uint64_t *number)
{
	for (uint64_t i = 0; i < MAX_SYSCALL; i++) {
		if (strcmp(mt_syscall_name(machine, i), name))
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

/* A number is that of any machine; a name has one for each, and may be of one machine alone. */
static struct mt_error *want_syscall(struct mt_break *breakpoint, const char *name)
{
	uint64_t number = 0, number_i386 = 0;
	char *end = NULL;
	bool known, known_i386;

	if (isdigit((unsigned char)*name))
		number = number_i386 = strtoull(name, &end, 0);
	known = (end && !*end) || syscall_number(MT_MACHINE_X86_64, name, &number);
	known_i386 = (end && !*end) || syscall_number(MT_MACHINE_I386, name, &number_i386);
	if (!known && !known_i386)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no system call %s", name);
	if ((known && !mt_vec_push(&breakpoint->wanted, number)) ||
	    (known_i386 && !mt_vec_push(&breakpoint->wanted_i386, number_i386)))
		return mt_error_nomem();
	return NULL;
}

static struct mt_error *want_signal(struct mt_break *breakpoint, const char *name)
{
	uint64_t number = 0;
	char *end = NULL;

	if (isdigit((unsigned char)*name))
		number = strtoull(name, &end, 0);
	if ((!end || *end) && !signal_number(name, &number))
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no signal %s", name);
	return mt_vec_push(&breakpoint->wanted, number) ? NULL : mt_error_nomem();
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
		if (!*name)
			continue;
		MT_TRY(breakpoint->kind == MT_BREAK_CATCH_SYSCALL ? want_syscall(breakpoint, name)
		                                                  : want_signal(breakpoint, name));
	}
	return NULL;
}

/* ---- Asking -------------------------------------------------------------- */

static bool has(const uint64_t *numbers, size_t count, uint64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* Nothing named stands for all. */
static bool is_wanted(const struct mt_break *breakpoint, enum mt_machine machine, uint64_t what)
{
	if (!breakpoint->wanted.len && !breakpoint->wanted_i386.len)
		return true;
	if (breakpoint->kind == MT_BREAK_CATCH_SYSCALL && machine == MT_MACHINE_I386)
		return has(breakpoint->wanted_i386.data, breakpoint->wanted_i386.len, what);
	return has(breakpoint->wanted.data, breakpoint->wanted.len, what);
}

bool mt_catch_wants(struct mt_thread *thread, enum mt_break_kind kind, uint64_t what,
                    struct mt_stop *stop)
{
	struct mt_debug *debug = thread->proc->debug;
	enum mt_machine machine = mt_proc_machine(thread->proc);
	bool wants = false;

	for (size_t i = 0; i < debug->breaks.len; i++) {
		struct mt_break *breakpoint = debug->breaks.data[i];

		if (breakpoint->kind != kind || !is_wanted(breakpoint, machine, what) ||
		    !mt_thread_regs(thread) || !mt_break_asks(breakpoint, NULL, thread))
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
