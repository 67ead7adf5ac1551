/* SPDX-License-Identifier: MIT */
/*
 * What `set` changes and `show` tells: a table of names with their kinds and places.
 */
#ifndef MT_CLI_DEBUG_SETTINGS_H
#define MT_CLI_DEBUG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/vec.h"
#include "print/print.h"

struct mt_shell;

/* What a stop shows; the bits are ORed. */
enum mt_view {
	MT_VIEW_SOURCE = 1, /* some lines around */
	MT_VIEW_ASM = 2,    /* the instruction that is next, and its operands */
	MT_VIEW_REGS = 4,   /* the registers that have changed */
	MT_VIEW_LINE = 8,   /* the line alone, as gdb */
	MT_VIEW_AUTO = 16,  /* LINE, at a terminal SOURCE and ASM and REGS */
};

enum mt_auto { MT_AUTO, MT_ON, MT_OFF };
enum mt_flavor { MT_FLAVOR_ATT, MT_FLAVOR_INTEL };

/* Which arguments a frame's line shows with their values. */
enum mt_arguments {
	MT_ARGUMENTS_SCALARS,
	MT_ARGUMENTS_ALL,
	MT_ARGUMENTS_NONE,
	MT_ARGUMENTS_PRESENCE, /* "..." where there are any */
};

/* Whether a frame's line shows what arguments were at the call: gdb's words. */
enum mt_entry_values {
	MT_ENTRY_DEFAULT, /* too, if it is known; x=x@entry=1 where it is the same */
	MT_ENTRY_NO,
	MT_ENTRY_ONLY,
	MT_ENTRY_PREFERRED, /* instead, if it is known */
	MT_ENTRY_IF_NEEDED, /* instead, where the value is not known now */
	MT_ENTRY_BOTH,
	MT_ENTRY_COMPACT, /* as default, but for what is not known now */
};

struct mt_settings {
	char *args, *cwd, *tty, *directories, *prompt;
	bool confirm, disable_randomization, history_save, past_main;
	bool index_cache;
	bool thread_events, process_events, trace_commands;
	unsigned flavor;          /* enum mt_flavor */
	unsigned colour;          /* enum mt_auto */
	unsigned pending;         /* enum mt_auto */
	unsigned view;            /* enum mt_view bits */
	unsigned frame_arguments; /* enum mt_arguments */
	unsigned entry_values;    /* enum mt_entry_values */
	unsigned list_size, view_size, trace_limit;
	struct mt_print_options print; /* what `set print` changes */
	MT_VEC(char *) environment;    /* "NAME=VALUE"; the program's */
};

struct mt_error *mt_settings_init(struct mt_settings *settings);
void mt_settings_deinit(struct mt_settings *settings);

/* The program's environment: ours, until it is changed. (environment.c) */
struct mt_error *mt_environment_init(struct mt_settings *settings);
void mt_environment_deinit(struct mt_settings *settings);

/* The name of the i-th setting; NULL past the last. */
const char *mt_setting_name(size_t i);

/* "NAME VALUE". *known is false when no setting is called so: then nothing was done. */
struct mt_error *mt_setting_set(struct mt_shell *shell, const char *text, bool *known);

/* Fills in what a setting other than its variable depends on. */
void mt_settings_apply(struct mt_shell *shell);

#endif
