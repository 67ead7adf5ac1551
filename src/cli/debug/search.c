/* SPDX-License-Identifier: MIT */
/* search, reverse-search, edit: within the source that was listed last. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/pattern.h"
#include "cli/debug/shell.h"

/* The file that was listed last, or where the program stands, and the line that was shown last. */
static struct mt_error *find_here(struct mt_shell *shell, struct mt_source_place *place)
{
	MT_TRY(mt_source_locate(shell, "", place));
	if (shell->listing.path && shell->listing.last) {
		place->file = shell->listing.path;
		place->line = shell->listing.last;
	}
	return NULL;
}

static bool line_matches(const struct mt_source *source, unsigned number,
                         const struct mt_pattern *pattern)
{
	size_t len;
	const char *line = mt_source_line(source, number, &len);
	char *text MT_AUTO_FREE = line ? mt_strndup(line, len) : NULL;

	return text && mt_pattern_matches(pattern, text);
}

static struct mt_error *show_found(struct mt_shell *shell, const struct mt_source_place *place,
                                   unsigned number)
{
	struct mt_source_lines lines = {
		.path = place->file, .pc = place->pc, .first = number, .last = number
	};
	char *path = mt_strdup(place->file);

	if (!path)
		return mt_error_nomem();
	free(shell->listing.path);
	shell->listing.path = path;
	shell->listing.first = shell->listing.last = number;
	lines.path = path;
	return mt_source_show(shell, &lines, NULL);
}

static struct mt_error *look_for(struct mt_shell *shell, const char *args, int step)
{
	struct mt_pattern pattern MT_AUTO_PATTERN = { 0 };
	const struct mt_source *source;
	struct mt_source_place place;
	int64_t count;

	MT_TRY(mt_pattern_compile(&pattern, args, 0));
	MT_TRY(find_here(shell, &place));
	MT_TRY(mt_source_find(shell, place.file, place.pc, &source));
	count = (int64_t)source->starts.len;
	for (int64_t number = (int64_t)place.line + step; number >= 1 && number <= count;
	     number += step)
		if (line_matches(source, (unsigned)number, &pattern))
			return show_found(shell, &place, (unsigned)number);
	return mt_error_new(MT_ERR_NOT_FOUND, "'%.60s' is not found %s line %u of %s", args,
	                    step > 0 ? "behind" : "before", place.line, source->found);
}

static struct mt_error *search(struct mt_shell *shell, const char *args)
{
	return look_for(shell, args, 1);
}

static struct mt_error *reverse_search(struct mt_shell *shell, const char *args)
{
	return look_for(shell, args, -1);
}

/* vi, emacs, nano and their kin all take "+LINE FILE". */
static struct mt_error *edit(struct mt_shell *shell, const char *args)
{
	const char *editor = getenv("EDITOR");
	const struct mt_source *source;
	struct mt_source_place place;
	struct mt_buf command MT_AUTO_BUF = { 0 };

	if (*args)
		MT_TRY(mt_source_locate(shell, args, &place));
	else
		MT_TRY(find_here(shell, &place));
	MT_TRY(mt_source_find(shell, place.file, place.pc, &source));
	mt_buf_printf(&command, "shell %s +%u ", editor && *editor ? editor : "vi", place.line);
	mt_text_quote(&command, source->found);
	return mt_buf_ok(&command) ? mt_shell_do(shell, command.data) : mt_error_nomem();
}

static const struct mt_verb verbs[] = {
	{ .name = "search",
	  .aliases = "forward-search fo",
	  .run = search,
	  .usage = "REGEX",
	  .summary = "the next source line that matches, behind the line that was listed last",
	  .topic = MT_TOPIC_SOURCE,
	  .needs = MT_NEEDS_IMAGE,
	  .repeat = MT_REPEAT_SAME },
	{ .name = "reverse-search",
	  .aliases = "rev",
	  .run = reverse_search,
	  .usage = "REGEX",
	  .summary = "the last source line that matches, before the line that was listed last",
	  .topic = MT_TOPIC_SOURCE,
	  .needs = MT_NEEDS_IMAGE,
	  .repeat = MT_REPEAT_SAME },
	{ .name = "edit",
	  .aliases = "e ed",
	  .run = edit,
	  .usage = "[LOCATION]",
	  .summary = "opens $EDITOR at the line that was listed last, or at LOCATION",
	  .topic = MT_TOPIC_SOURCE,
	  .completes = MT_COMPLETE_PLACE,
	  .needs = MT_NEEDS_IMAGE },
};

MT_VERB_LIST(mt_verbs_search, verbs);
