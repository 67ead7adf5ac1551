/* SPDX-License-Identifier: MIT */
/* rbreak and save: breakpoints by the dozen, and in a file. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/breaks.h"
#include "cli/debug/paths.h"
#include "cli/debug/pattern.h"
#include "cli/debug/script.h"
#include "cli/debug/watch.h"
#include "symbol/lines.h"

/* ---- rbreak ---------------------------------------------------------------- */

struct chosen {
	struct mt_image *image;
	const struct mt_pattern *pattern;
	const char *file;     /* only functions of a source file whose path ends so; NULL: of any */
	MT_VEC(char *) lined; /* "cache.c::lookup": functions with lines */
	MT_VEC(char *) bare;  /* "lookup": those without */
	bool failed;
};

static void chosen_deinit(struct chosen *chosen)
{
	for (size_t i = 0; i < chosen->lined.len; i++)
		free(chosen->lined.data[i]);
	for (size_t i = 0; i < chosen->bare.len; i++)
		free(chosen->bare.data[i]);
	mt_vec_deinit(&chosen->lined);
	mt_vec_deinit(&chosen->bare);
}

static bool ends_with(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return len >= end_len && !strcmp(path + len - end_len, end) &&
	       (len == end_len || path[len - end_len - 1] == '/');
}

static bool choose(const struct mt_symbol *symbol, void *arg)
{
	struct chosen *chosen = arg;
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_line line;
	bool has_line;
	char *made;

	if (!mt_pattern_matches(chosen->pattern, symbol->name))
		return true;
	has_line = mt_module_lines_at_hand(symbol->module) &&
	           mt_image_line_at(chosen->image, symbol->addr, &line);
	if (chosen->file && (!has_line || !ends_with(line.file, chosen->file)))
		return true;
	/* A template's arguments are more than a location can name: its line stands for it. */
	if (has_line && strchr(symbol->name, '<'))
		mt_buf_printf(&text, "%s:%u", line.file, line.line);
	else if (has_line)
		mt_buf_printf(&text, "%s::%.*s", line.file, (int)strcspn(symbol->name, "("),
		              symbol->name);
	else
		mt_buf_bytes(&text, symbol->name, strcspn(symbol->name, "("));
	made = mt_buf_take(&text);
	if (!made ||
	    !(has_line ? mt_vec_push(&chosen->lined, made) : mt_vec_push(&chosen->bare, made))) {
		free(made);
		chosen->failed = true;
	}
	return !chosen->failed && !mt_shell_interrupts();
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One that no breakpoint can stand on is passed over with its reason. */
static struct mt_error *break_on_each(struct mt_shell *shell, char **texts, size_t count)
{
	qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < count; i++) {
		struct mt_error *error;

		if (i && !strcmp(texts[i], texts[i - 1]))
			continue;
		if (mt_shell_interrupts())
			return mt_error_new(MT_ERR_USAGE, "rbreak was left: Ctrl-C");
		error = mt_break_set(shell, texts[i]);
		if (error)
			mt_shell_complain(shell, error);
	}
	return NULL;
}

/* "FILE:REGEX": one ':' alone, since C++ has two in its names. */
static const char *find_colon(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && colon != text && colon[1] != ':' ? colon : NULL;
}

static struct mt_error *break_on_regex(struct mt_shell *shell, const char *args)
{
	struct mt_pattern pattern MT_AUTO_PATTERN = { 0 };
	struct chosen chosen MT_CLEANUP(chosen_deinit) = { .pattern = &pattern };
	const char *colon = find_colon(args);
	char *file MT_AUTO_FREE = colon ? mt_strndup(args, (size_t)(colon - args)) : NULL;

	if (colon && !file)
		return mt_error_nomem();
	chosen.file = file;
	MT_TRY(mt_shell_image(shell, &chosen.image));
	MT_TRY(mt_pattern_compile(&pattern, colon ? mt_text_skip(colon + 1) : args, 0));
	mt_symbols_each(chosen.image, true, choose, &chosen);
	if (chosen.failed)
		return mt_error_nomem();
	if (chosen.lined.len)
		return break_on_each(shell, chosen.lined.data, chosen.lined.len);
	if (chosen.bare.len)
		return break_on_each(shell, chosen.bare.data, chosen.bare.len);
	return mt_error_new(MT_ERR_NOT_FOUND,
	                    "no function matches '%.60s'; 'info functions REGEX' lists those that "
	                    "do",
	                    args);
}

/* ---- save breakpoints ------------------------------------------------------ */

static const char *command_of(const struct mt_break_info *info)
{
	switch (info->kind) {
	case MT_BREAK_SOFTWARE:
		return info->temporary ? "tbreak" : "break";
	case MT_BREAK_HARDWARE:
		return info->temporary ? "thbreak" : "hbreak";
	case MT_BREAK_CATCH_SYSCALL:
		return "catch syscall";
	case MT_BREAK_CATCH_FORK:
		return "catch fork";
	case MT_BREAK_CATCH_VFORK:
		return "catch vfork";
	case MT_BREAK_CATCH_EXEC:
		return "catch exec";
	case MT_BREAK_CATCH_SIGNAL:
		return "catch signal";
	case MT_BREAK_CATCH_LOAD:
		return "catch load";
	case MT_BREAK_CATCH_UNLOAD:
		return "catch unload";
	case MT_BREAK_WATCH:
		return mt_watch_command(info);
	}
	return "break";
}

static void write_break(struct mt_shell *shell, const struct mt_break_info *info,
                        struct mt_buf *out)
{
	const struct mt_block *commands = mt_script_of_break(shell, info->number);

	mt_buf_printf(out, "%s %s", command_of(info), info->location);
	if (info->thread)
		mt_buf_printf(out, " thread %d", info->thread);
	if (info->condition)
		mt_buf_printf(out, " if %s", info->condition);
	mt_buf_char(out, '\n');
	if (info->ignore)
		mt_buf_printf(out, "ignore $bpnum %" PRIu64 "\n", info->ignore);
	if (!info->enabled)
		mt_buf_text(out, "disable $bpnum\n");
	if (!commands)
		return;
	mt_buf_text(out, "commands\n");
	mt_block_format(commands, 2, out);
	mt_buf_text(out, "end\n");
}

static struct mt_error *write_file(const char *path, const struct mt_buf *text)
{
	FILE *file = fopen(path, "we");
	bool written;

	if (!file)
		return mt_error_sys(errno, "cannot write %s", path);
	written = fwrite(text->data, 1, text->len, file) == text->len;
	if (fclose(file) != 0 || !written)
		return mt_error_sys(errno, "cannot write %s", path);
	return NULL;
}

static struct mt_error *save_breaks(struct mt_shell *shell, const char *args)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	char *path MT_AUTO_FREE = NULL;
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (!*args)
		return mt_error_new(MT_ERR_USAGE, "save breakpoints takes the file to write");
	MT_TRY(mt_breaks_list(shell, &list));
	if (!list.count)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no breakpoint to save");
	for (size_t i = 0; i < list.count; i++)
		write_break(shell, &list.infos[i], &text);
	path = mt_path_of_person(args);
	if (!path || !mt_buf_ok(&text))
		return mt_error_nomem();
	MT_TRY(write_file(path, &text));
	mt_say(shell, "Saved to file '%s'; 'source %s' sets them again.\n", path, path);
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "rbreak",
	  .run = break_on_regex,
	  .usage = "[FILE:]REGEX",
	  .summary = "sets a breakpoint on each function that matches",
	  .help = "As in\n"
	          "\n"
	          "  rbreak ^cache_\n"
	          "  rbreak cache.c:.\n"
	          "\n"
	          "Functions without lines are taken only where no other matches. 'info functions "
	          "REGEX'\n"
	          "shows first what would be taken.",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_PLACE,
	  .needs = MT_NEEDS_IMAGE },
	{ .name = "save breakpoints",
	  .aliases = "b br",
	  .run = save_breaks,
	  .usage = "FILE",
	  .summary = "writes the breakpoints as commands: 'source FILE' sets them again",
	  .help = "With their conditions, commands and ignore counts.",
	  .topic = MT_TOPIC_BREAKPOINTS,
	  .completes = MT_COMPLETE_FILE },
};

MT_VERB_LIST(mt_verbs_rbreak, verbs);
