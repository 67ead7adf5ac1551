/* SPDX-License-Identifier: MIT */
/* Names of the program: info symbol, functions, variables, sources, sharedlibrary. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/pattern.h"
#include "cli/debug/show.h"
#include "symbol/lines.h"
#include "symbol/section.h"

/* ---- info functions, info variables ---------------------------------------- */

struct found {
	struct mt_symbol symbol;
	bool has_line;
	struct mt_line line;
};

struct names {
	struct mt_image *image;
	const struct mt_pattern *pattern;
	bool functions;
	MT_VEC(struct found) list;
	bool failed;
};

static bool add_name(const struct mt_symbol *symbol, void *arg)
{
	struct names *names = arg;
	struct found found = { .symbol = *symbol };

	if (!mt_pattern_matches(names->pattern, symbol->name))
		return true;
	/* Reading the lines of libc takes long, and nobody asked for them. */
	if (names->functions && mt_module_lines_at_hand(symbol->module))
		found.has_line = mt_image_line_at(names->image, symbol->addr, &found.line);
	names->failed = !mt_vec_push(&names->list, found);
	return !names->failed && !mt_shell_interrupts();
}

/* Those with lines first, by file; then by name. */
static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int order = (int)y->has_line - (int)x->has_line;

	if (!order && x->has_line)
		order = strcmp(x->line.file, y->line.file);
	if (!order)
		order = strcmp(x->symbol.name, y->symbol.name);
	return order;
}

static void say_names(struct mt_shell *shell, const struct names *names)
{
	const char *file = NULL;
	bool untold = true;

	for (size_t i = 0; i < names->list.len; i++) {
		const struct found *found = &names->list.data[i];

		if (i && !strcmp(found->symbol.name, found[-1].symbol.name) &&
		    found->symbol.addr == found[-1].symbol.addr)
			continue;
		if (found->has_line) {
			if (!file || strcmp(file, found->line.file) != 0)
				mt_say(shell, "\nFile %s:\n", found->line.file);
			file = found->line.file;
			mt_say(shell, "%u:\t%s\n", found->line.line, found->symbol.name);
			continue;
		}
		if (untold)
			mt_say(shell, names->functions ? "\nNon-debugging symbols:\n" : "\n");
		untold = false;
		mt_say(shell, "0x%0*" PRIx64 "  %s\n", mt_address_digits(shell), found->symbol.addr,
		       found->symbol.name);
	}
}

static struct mt_error *info_names(struct mt_shell *shell, const char *args, bool functions)
{
	struct names names = { .functions = functions };
	struct mt_pattern pattern MT_AUTO_PATTERN = { 0 };

	MT_TRY(mt_shell_image(shell, &names.image));
	MT_TRY(mt_pattern_compile(&pattern, args, 0));
	names.pattern = &pattern;
	mt_symbols_each(names.image, functions, add_name, &names);
	if (names.failed) {
		mt_vec_deinit(&names.list);
		return mt_error_nomem();
	}
	if (names.list.len)
		qsort(names.list.data, names.list.len, sizeof(*names.list.data), compare_found);
	mt_say(shell, *args ? "All %s matching regular expression \"%s\":\n" : "All %s:%s\n",
	       functions ? "functions" : "variables", args);
	say_names(shell, &names);
	mt_vec_deinit(&names.list);
	return NULL;
}

static struct mt_error *info_functions(struct mt_shell *shell, const char *args)
{
	return info_names(shell, args, true);
}

static struct mt_error *info_variables(struct mt_shell *shell, const char *args)
{
	return info_names(shell, args, false);
}

/* ---- info sources ---------------------------------------------------------- */

struct paths {
	const struct mt_pattern *pattern;
	MT_VEC(const char *) list;
	bool failed;
};

static bool add_path(const char *path, void *arg)
{
	struct paths *paths = arg;

	if (mt_pattern_matches(paths->pattern, path))
		paths->failed = !mt_vec_push(&paths->list, path);
	return !paths->failed && !mt_shell_interrupts();
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct mt_error *info_sources(struct mt_shell *shell, const char *args)
{
	struct paths paths = { 0 };
	struct mt_pattern pattern MT_AUTO_PATTERN = { 0 };
	struct mt_image *image;

	MT_TRY(mt_shell_image(shell, &image));
	MT_TRY(mt_pattern_compile(&pattern, args, 0));
	paths.pattern = &pattern;
	mt_sources_each(image, add_path, &paths);
	if (paths.list.len)
		qsort(paths.list.data, paths.list.len, sizeof(*paths.list.data), compare_paths);
	for (size_t i = 0; i < paths.list.len; i++)
		if (!i || strcmp(paths.list.data[i], paths.list.data[i - 1]) != 0)
			mt_say(shell, "%s\n", paths.list.data[i]);
	if (!paths.list.len)
		mt_say(shell, "No source files are known%s.\n", *args ? " by such a name" : "");
	mt_vec_deinit(&paths.list);
	return paths.failed ? mt_error_nomem() : NULL;
}

/* ---- info symbol, info sharedlibrary --------------------------------------- */

static struct mt_error *info_symbol(struct mt_shell *shell, const char *args)
{
	struct mt_symbol symbol;
	struct mt_image *image;
	const char *section;
	uint64_t addr;

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "info symbol takes an address");
	MT_TRY(mt_shell_image(shell, &image));
	MT_TRY(mt_eval_address(shell, args, &addr));
	if (!mt_image_symbol_at(image, addr, &symbol)) {
		mt_say(shell, "No symbol matches %s.\n", args);
		return NULL;
	}
	mt_say(shell, "%s", symbol.name);
	if (addr != symbol.addr)
		mt_say(shell, " + %" PRIu64, addr - symbol.addr);
	section = mt_section_at(symbol.module, addr);
	mt_say(shell, " in %s%s%s%s\n", section ? "section " : "", section ? section : "",
	       section ? " of " : "", symbol.module->path);
	return NULL;
}

static const char *symbols_of(const struct mt_module *module)
{
	if (!mt_module_has_symbols(module))
		return "exported names only";
	if (!mt_module_lines_at_hand(module))
		return "names; lines in a separate file";
	return mt_module_has_dwarf(module) ? "names and lines" : "names, no lines";
}

static struct mt_error *info_libraries(struct mt_shell *shell, const char *args)
{
	struct mt_pattern pattern MT_AUTO_PATTERN = { 0 };
	struct mt_image *image;

	MT_TRY(mt_shell_image(shell, &image));
	MT_TRY(mt_pattern_compile(&pattern, args, 0));
	mt_say(shell, "%-19s %-19s %-32s %s\n", "From", "To", "Symbols", "File");
	for (size_t i = 0; i < mt_image_module_count(image); i++) {
		const struct mt_module *module = mt_image_module(image, i);
		const char *note = mt_module_note(module);

		if (!mt_pattern_matches(&pattern, module->path))
			continue;
		mt_say(shell, "0x%016" PRIx64 "  0x%016" PRIx64 "  %-32s %s%s%s%s\n", module->start,
		       module->end, symbols_of(module), module->path, note ? " (" : "",
		       note ? note : "", note ? ")" : "");
	}
	return NULL;
}

#define NAMES(verb_name, verb_aliases, function, verb_usage, text)                                 \
	{                                                                                          \
		.name = verb_name, .aliases = verb_aliases, .run = function, .usage = verb_usage,  \
		.summary = text, .topic = MT_TOPIC_SOURCE, .completes = MT_COMPLETE_VALUE,         \
		.needs = MT_NEEDS_IMAGE                                                            \
	}

static const struct mt_verb verbs[] = {
	NAMES("info functions", "fu fun", info_functions, "[REGEX]",
	      "the functions of the program and its libraries, those that match"),
	NAMES("info variables", "va var", info_variables, "[REGEX]",
	      "the global and static variables, those that match"),
	NAMES("info sources", NULL, info_sources, "[REGEX]", "the source files, those that match"),
	NAMES("info symbol", "sym", info_symbol, "ADDRESS", "what is at an address"),
	NAMES("info sharedlibrary", "sh shared dll", info_libraries, "[REGEX]",
	      "the program and its libraries: where, and what is known of them"),
};

MT_VERB_LIST(mt_verbs_symbols, verbs);
