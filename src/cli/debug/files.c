/* SPDX-License-Identifier: MIT */
/* info files, info program, info types: what the program is made of. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/breaks.h"
#include "cli/debug/pattern.h"
#include "cli/debug/show.h"
#include "symbol/section.h"
#include "symbol/type_list.h"

/* ---- info files ------------------------------------------------------------ */

struct listing {
	struct mt_shell *shell;
	const char *of; /* the library that the sections are of, or NULL */
};

static bool say_section(const struct mt_section *section, void *arg)
{
	const struct listing *listing = arg;
	int digits = mt_address_digits(listing->shell);

	mt_say(listing->shell, "\t0x%0*" PRIx64 " - 0x%0*" PRIx64 " is %s%s%s\n", digits,
	       section->start, digits, section->end, section->name, listing->of ? " in " : "",
	       listing->of ? listing->of : "");
	return true;
}

static struct mt_error *info_files(struct mt_shell *shell, const char *args)
{
	const struct mt_module *program;
	struct listing listing = { .shell = shell };
	struct mt_image *image;

	MT_TRY(mt_text_end(args, "info files"));
	MT_TRY(mt_shell_image(shell, &image));
	program = mt_image_executable(image);
	if (mt_debug_pid(shell->debug))
		mt_say(shell, "Process %d", (int)mt_debug_pid(shell->debug));
	else
		mt_say(shell, "Not running");
	mt_say(shell, ": %s, for %s.\n", program->path,
	       mt_image_machine(image) == MT_MACHINE_I386 ? "i386" : "x86-64");
	if (mt_module_entry(program))
		mt_say(shell, "\tEntry point: 0x%" PRIx64 "\n", mt_module_entry(program));
	mt_sections_each(program, say_section, &listing);
	for (size_t i = 0; i < mt_image_module_count(image); i++) {
		const struct mt_module *module = mt_image_module(image, i);

		if (module == program)
			continue;
		listing.of = module->path;
		mt_sections_each(module, say_section, &listing);
	}
	return NULL;
}

/* ---- info program ---------------------------------------------------------- */

static void say_why(struct mt_shell *shell, const struct mt_stop *stop)
{
	switch (stop->kind) {
	case MT_STOP_BREAKPOINT:
		for (size_t i = 0; i < stop->number_count; i++)
			mt_say(shell, "It stopped at breakpoint %d.\n", stop->numbers[i]);
		break;
	case MT_STOP_SIGNAL:
	case MT_STOP_CAUGHT:
		mt_say(shell, "It stopped at signal %s, %s.\n", mt_signal_name(stop->signal),
		       strsignal(stop->signal));
		break;
	case MT_STOP_STEPPED:
		mt_say(shell, "It stopped after being stepped.\n");
		break;
	case MT_STOP_FINISHED:
		mt_say(shell, "It stopped after a function had returned.\n");
		break;
	case MT_STOP_INTERRUPTED:
		mt_say(shell, "It was interrupted.\n");
		break;
	case MT_STOP_ATTACHED:
		mt_say(shell, "It was stopped to be looked at.\n");
		break;
	default:
		break;
	}
}

static struct mt_error *info_program(struct mt_shell *shell, const char *args)
{
	struct mt_frame frame;

	MT_TRY(mt_text_end(args, "info program"));
	MT_TRY(mt_shell_frame(shell, &frame));
	mt_say(shell, "Process %d, thread %d, is stopped at 0x%" PRIx64 ".\n",
	       (int)mt_debug_pid(shell->debug), (int)mt_debug_tid(shell->debug), frame.pc);
	say_why(shell, &shell->stop);
	return NULL;
}

/* ---- info types ------------------------------------------------------------ */

struct types {
	const struct mt_pattern *pattern;
	MT_VEC(struct mt_listed_type) list;
	bool failed;
};

static bool add_type(const struct mt_listed_type *type, void *arg)
{
	struct types *types = arg;

	if (mt_pattern_matches(types->pattern, type->name))
		types->failed = !mt_vec_push(&types->list, *type);
	return !types->failed && !mt_shell_interrupts();
}

/* By file, those of none last; then by name. */
static int compare_types(const void *a, const void *b)
{
	const struct mt_listed_type *x = a, *y = b;
	int order = (x->file == NULL) - (y->file == NULL);

	if (!order && x->file)
		order = strcmp(x->file, y->file);
	if (!order)
		order = strcmp(x->name, y->name);
	if (!order)
		order = strcmp(x->scope, y->scope);
	return order ? order : strcmp(x->keyword, y->keyword);
}

static void say_types(struct mt_shell *shell, const struct types *types)
{
	const char *file = NULL;
	bool bare = false;

	for (size_t i = 0; i < types->list.len; i++) {
		const struct mt_listed_type *type = &types->list.data[i];

		if (i && !compare_types(type, type - 1))
			continue;
		if (type->file && (!file || strcmp(file, type->file) != 0))
			mt_say(shell, "\nFile %s:\n", type->file);
		else if (!type->file && !bare)
			mt_say(shell, "\n");
		bare = !type->file;
		file = type->file;
		if (type->line)
			mt_say(shell, "%u:", type->line);
		mt_say(shell, "\t%s%s%s%s%s\n", type->keyword, *type->keyword ? " " : "",
		       type->scope, type->name, *type->keyword ? ";" : "");
	}
}

static struct mt_error *info_types(struct mt_shell *shell, const char *args)
{
	struct mt_pattern pattern MT_AUTO_PATTERN = { 0 };
	struct types types = { .pattern = &pattern };
	struct mt_image *image;

	MT_TRY(mt_shell_image(shell, &image));
	MT_TRY(mt_pattern_compile(&pattern, args, 0));
	mt_types_each(image, add_type, &types);
	if (types.list.len)
		qsort(types.list.data, types.list.len, sizeof(*types.list.data), compare_types);
	mt_say(shell,
	       *args ? "All types matching regular expression \"%s\":\n" : "All defined types:%s\n",
	       args);
	say_types(shell, &types);
	mt_vec_deinit(&types.list);
	return types.failed ? mt_error_nomem() : NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "info files",
	  .aliases = "target",
	  .run = info_files,
	  .usage = "",
	  .summary = "the entry point and the sections of the program and its libraries",
	  .help = "A program without symbols can be stopped at its entry point: break *ADDRESS, or "
	          "starti.",
	  .topic = MT_TOPIC_STATUS,
	  .needs = MT_NEEDS_IMAGE },
	{ .name = "info program",
	  .run = info_program,
	  .usage = "",
	  .summary = "where the program stands, and why it stopped",
	  .topic = MT_TOPIC_STATUS,
	  .needs = MT_NEEDS_STATE },
	{ .name = "info types",
	  .aliases = "ty",
	  .run = info_types,
	  .usage = "[REGEX]",
	  .summary = "the types of the program, those that match",
	  .topic = MT_TOPIC_SOURCE,
	  .needs = MT_NEEDS_IMAGE },
};

MT_VERB_LIST(mt_verbs_files, verbs);
