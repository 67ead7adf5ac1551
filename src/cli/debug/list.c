/* SPDX-License-Identifier: MIT */
/* list, info source, info line: places in the source. */
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "cli/debug/show.h"
#include "symbol/lines.h"

/* ---- Locations ------------------------------------------------------------- */

/* Where the program stands; before it runs, and in code without lines: main. */
static struct mt_error *locate_default(struct mt_shell *shell, struct mt_source_place *place)
{
	struct mt_frame frame;
	struct mt_error *error = mt_shell_frame(shell, &frame);

	if (!error && frame.has_line) {
		*place = (struct mt_source_place){ frame.line.file, frame.line.line, frame.pc,
			                           frame.lookup_pc };
		return NULL;
	}
	mt_error_free(error);
	return mt_error_context(mt_source_locate(shell, "main", place),
	                        "no place is known to list from");
}

static struct mt_error *place_of_address(struct mt_image *image, uint64_t addr,
                                         struct mt_source_place *place)
{
	struct mt_line line;

	if (!mt_image_line_at(image, addr, &line))
		return mt_error_new(MT_ERR_NOT_FOUND, "no source line is known for 0x%" PRIx64,
		                    addr);
	*place = (struct mt_source_place){ line.file, line.line, addr, addr };
	return NULL;
}

/* "12", "+3", "-3": in the file that was listed last, else where the program stands. */
static struct mt_error *locate_number(struct mt_shell *shell, const char *text, bool *is_number,
                                      struct mt_source_place *place)
{
	int sign = *text == '+' ? 1 : *text == '-' ? -1 : 0;
	const char *digits = text + (sign != 0);
	struct mt_source_place here;
	uint64_t number;

	*is_number =
	    isdigit((unsigned char)*digits) && strspn(digits, "0123456789") == strlen(digits);
	if (!*is_number)
		return NULL;
	MT_TRY(mt_text_count(digits, "a line", 0, &number));
	if (number > INT_MAX)
		return mt_error_new(MT_ERR_USAGE, "there is no line %.40s", digits);
	MT_TRY(locate_default(shell, &here));
	if (shell->listing.path) {
		here.file = shell->listing.path;
		if (shell->listing.last)
			here.line = shell->listing.last;
	}
	if (sign < 0 && number >= here.line)
		number = here.line - 1;
	*place = here;
	place->addr = 0;
	place->line = sign > 0   ? here.line + (unsigned)number
	              : sign < 0 ? here.line - (unsigned)number
	                         : (unsigned)number;
	return NULL;
}

/* The line of "FILE:LINE", which may be one without code; 0: it is not of that form. */
static unsigned line_of(const char *text)
{
	const char *colon = strrchr(text, ':');

	if (!colon || !isdigit((unsigned char)colon[1]) ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return 0;
	return (unsigned)strtoul(colon + 1, NULL, 10);
}

static struct mt_error *locate_named(struct mt_shell *shell, struct mt_image *image,
                                     const char *text, struct mt_source_place *place)
{
	struct mt_location *locations;
	struct mt_error *error;
	unsigned line = line_of(text);
	size_t count;

	MT_TRY(mt_image_locate(image, text, &locations, &count));
	error = place_of_address(image, locations[0].entry, place);
	if (!error && line)
		place->line = line;
	mt_locations_free(locations, count);
	return error;
}

struct mt_error *mt_source_locate(struct mt_shell *shell, const char *text,
                                  struct mt_source_place *place)
{
	struct mt_image *image;
	bool is_number;
	uint64_t addr;

	if (!*text || !strcmp(text, "."))
		return locate_default(shell, place);
	MT_TRY(mt_shell_image(shell, &image));
	MT_TRY(locate_number(shell, text, &is_number, place));
	if (is_number)
		return NULL;
	if (*text != '*')
		return locate_named(shell, image, text, place);
	MT_TRY(mt_eval_address(shell, text + 1, &addr));
	return place_of_address(image, addr, place);
}

/* ---- list ------------------------------------------------------------------ */

static struct mt_error *show_lines(struct mt_shell *shell, const struct mt_source_place *place,
                                   unsigned first, unsigned last)
{
	char *copy MT_AUTO_FREE = mt_strdup(place->file);
	struct mt_source_lines lines = {
		.path = copy, .pc = place->pc, .first = first, .last = last
	};
	unsigned shown;

	if (!copy)
		return mt_error_nomem();
	MT_TRY(mt_source_show(shell, &lines, &shown));
	free(shell->listing.path);
	shell->listing.path = MT_TAKE(copy);
	shell->listing.first = first;
	shell->listing.last = shown;
	return NULL;
}

static struct mt_error *show_around(struct mt_shell *shell, const struct mt_source_place *place)
{
	unsigned size = shell->settings.list_size ? shell->settings.list_size : 1;
	unsigned first = place->line > size / 2 ? place->line - size / 2 : 1;

	return show_lines(shell, place, first, first + size - 1);
}

/* The lines after, or before, those that were shown last. */
static struct mt_error *show_more(struct mt_shell *shell, bool back)
{
	unsigned size = shell->settings.list_size ? shell->settings.list_size : 1;
	unsigned first = shell->listing.first, last = shell->listing.last;
	struct mt_source_place place;

	if (!last || !shell->listing.path) {
		MT_TRY(locate_default(shell, &place));
		return show_around(shell, &place);
	}
	place = (struct mt_source_place){ .file = shell->listing.path };
	if (!back)
		return show_lines(shell, &place, last + 1, last + size);
	if (first <= 1)
		return mt_error_new(MT_ERR_NOT_FOUND, "already at the start of %s",
		                    mt_path_tail(shell->listing.path));
	return show_lines(shell, &place, first > size ? first - size : 1, first - 1);
}

static struct mt_error *show_parsed(struct mt_shell *shell, const struct mt_list_text *parsed)
{
	unsigned size = shell->settings.list_size ? shell->settings.list_size : 1;
	struct mt_source_place first, last;

	switch (parsed->kind) {
	case MT_LIST_ON:
	case MT_LIST_BACK:
		return show_more(shell, parsed->kind == MT_LIST_BACK);
	case MT_LIST_AROUND:
		MT_TRY(mt_source_locate(shell, parsed->first, &first));
		return show_around(shell, &first);
	case MT_LIST_FROM:
		MT_TRY(mt_source_locate(shell, parsed->first, &first));
		return show_lines(shell, &first, first.line, first.line + size - 1);
	case MT_LIST_UP_TO:
		MT_TRY(mt_source_locate(shell, parsed->last, &last));
		return show_lines(shell, &last, last.line > size ? last.line - size + 1 : 1,
		                  last.line);
	default:
		break;
	}
	MT_TRY(mt_source_locate(shell, parsed->first, &first));
	/* A number behind the comma is a line of the same file. */
	if (isdigit((unsigned char)*parsed->last)) {
		last = first;
		last.line = (unsigned)strtoul(parsed->last, NULL, 10);
	} else if (*parsed->last == '+') {
		last = first;
		last.line += (unsigned)strtoul(parsed->last + 1, NULL, 10);
	} else {
		MT_TRY(mt_source_locate(shell, parsed->last, &last));
	}
	if (strcmp(first.file, last.file) != 0)
		return mt_error_new(MT_ERR_USAGE, "the range begins in %s and ends in %s",
		                    mt_path_tail(first.file), mt_path_tail(last.file));
	if (last.line < first.line)
		return mt_error_new(MT_ERR_USAGE, "the range ends before it begins");
	return show_lines(shell, &first, first.line, last.line);
}

static struct mt_error *list(struct mt_shell *shell, const char *args)
{
	struct mt_list_text parsed;
	struct mt_error *error;

	MT_TRY(mt_list_parse(args, &parsed));
	error = show_parsed(shell, &parsed);
	mt_list_text_deinit(&parsed);
	return error;
}

/* ---- info source, info line ------------------------------------------------ */

static struct mt_error *info_source(struct mt_shell *shell, const char *args)
{
	const struct mt_source *source;
	struct mt_source_place place;
	struct mt_image *image;
	const char *folder;

	MT_TRY(mt_text_end(args, "info source"));
	MT_TRY(locate_default(shell, &place));
	mt_say(shell, "Current source file is %s\n", place.file);
	image = mt_debug_image(shell->debug);
	folder = image && place.pc ? mt_source_folder_at(image, place.pc) : NULL;
	if (folder)
		mt_say(shell, "Compilation directory is %s\n", folder);
	MT_TRY(mt_source_find(shell, place.file, place.pc, &source));
	mt_say(shell, "Located in %s\nContains %zu line%s.\n", source->found, source->starts.len,
	       source->starts.len == 1 ? "" : "s");
	return NULL;
}

static void say_range(struct mt_shell *shell, const struct mt_line_range *range)
{
	mt_say(shell, "Line %u of \"%s\" starts at address 0x%" PRIx64, range->line.line,
	       mt_path_tail(range->line.file), range->start);
	mt_symbol_show(shell, range->start, &shell->out);
	mt_say(shell, " and ends at 0x%" PRIx64, range->end);
	mt_symbol_show(shell, range->end, &shell->out);
	mt_say(shell, ".\n");
}

/* A line without code of its own stands where the next one's begins. */
static void say_bare(struct mt_shell *shell, const struct mt_source_place *place, uint64_t addr)
{
	mt_say(shell, "Line %u of \"%s\" is at address 0x%" PRIx64, place->line,
	       mt_path_tail(place->file), addr);
	mt_symbol_show(shell, addr, &shell->out);
	mt_say(shell, " but contains no code.\n");
}

/* Each place in the code that the line has. */
static struct mt_error *say_places(struct mt_shell *shell, struct mt_image *image,
                                   const struct mt_source_place *place)
{
	struct mt_location *locations;
	struct mt_buf text MT_AUTO_BUF = { 0 };
	bool any = false;
	size_t count;

	mt_buf_printf(&text, "%s:%u", place->file, place->line);
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	MT_TRY(mt_image_locate(image, text.data, &locations, &count));
	for (size_t i = 0; i < count; i++) {
		struct mt_line_range range;

		if (!mt_line_range_at(image, locations[i].entry, &range) ||
		    range.line.line != place->line)
			continue;
		say_range(shell, &range);
		shell->examined.addr = range.start;
		any = true;
	}
	if (!any)
		say_bare(shell, place, locations[0].entry);
	mt_locations_free(locations, count);
	return NULL;
}

static struct mt_error *info_line(struct mt_shell *shell, const char *args)
{
	struct mt_source_place place;
	struct mt_line_range range;
	struct mt_image *image;

	MT_TRY(mt_shell_image(shell, &image));
	MT_TRY(mt_source_locate(shell, args, &place));
	if (!place.addr || line_of(args))
		return say_places(shell, image, &place);
	if (!mt_line_range_at(image, place.addr, &range) || !range.line.file)
		return mt_error_new(MT_ERR_NOT_FOUND, "no source line is known for 0x%" PRIx64,
		                    place.addr);
	say_range(shell, &range);
	shell->examined.addr = range.start;
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "list",
	  .aliases = "l",
	  .run = list,
	  .usage = "[LOCATION | FIRST,LAST | FIRST, | ,LAST | -]",
	  .summary = "source lines: more of them, around a place, or a range",
	  .help = "LOCATION is a function, FILE:LINE, LINE or *ADDRESS. 'list' goes on where it "
	          "ended,\n"
	          "'list -' goes back, 'list .' begins where the program stands.",
	  .topic = MT_TOPIC_SOURCE,
	  .completes = MT_COMPLETE_PLACE,
	  .needs = MT_NEEDS_IMAGE,
	  .repeat = MT_REPEAT_ON },
	{ .name = "info source",
	  .aliases = "so",
	  .run = info_source,
	  .usage = "",
	  .summary = "the current source file",
	  .topic = MT_TOPIC_SOURCE,
	  .needs = MT_NEEDS_IMAGE },
	{ .name = "info line",
	  .aliases = "li",
	  .run = info_line,
	  .usage = "[LOCATION]",
	  .summary = "where in the code a source line begins and ends",
	  .topic = MT_TOPIC_SOURCE,
	  .completes = MT_COMPLETE_PLACE,
	  .needs = MT_NEEDS_IMAGE },
};

MT_VERB_LIST(mt_verbs_source, verbs);
