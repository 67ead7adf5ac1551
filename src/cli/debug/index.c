/* SPDX-License-Identifier: MIT */
/* Indexes of names: index, info index. */
#include "symbol/index.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/debug/shell.h"
#include "cli/debug/text.h"

enum {
	LOOK_EACH_MS = 20,
	SHOWN_AFTER = 25, /* looks: nobody wants to see what is over at once */
	BAR_WIDTH = 40,
};

/* Module `i` of the image, if it has debug information that costs little to look at. */
static const struct mt_module *module_at(struct mt_image *image, size_t i)
{
	const struct mt_module *module = mt_image_module(image, i);

	return mt_module_lines_at_hand(module) && mt_module_has_dwarf(module) ? module : NULL;
}

/* ---- index ----------------------------------------------------------------- */

static void show_progress(const struct mt_module *module)
{
	unsigned percent = mt_module_index_percent(module);
	unsigned filled = percent * BAR_WIDTH / 100;

	fprintf(stderr, "\r%3u%% [", percent);
	for (unsigned i = 0; i < BAR_WIDTH; i++)
		fputc(i < filled ? '#' : ' ', stderr);
	fprintf(stderr, "] %.60s", module->name);
	fflush(stderr);
}

static void clear_progress(void)
{
	fprintf(stderr, "\r\033[K");
	fflush(stderr);
}

/* False when a person does not want to wait any more. */
static bool wait_for(const struct mt_shell *shell, const struct mt_module *module)
{
	const struct timespec while_it_works = { .tv_nsec = LOOK_EACH_MS * 1000000 };
	bool is_shown = false, goes_on = true;

	for (unsigned looks = 0; goes_on && mt_module_index_state(module) == MT_INDEX_MAKING;
	     looks++) {
		if (looks >= SHOWN_AFTER && isatty(STDERR_FILENO)) {
			show_progress(module);
			is_shown = true;
		}
		nanosleep(&while_it_works, NULL);
		goes_on = !mt_shell_interrupts() && !mt_shell_is_over(shell);
	}
	if (is_shown)
		clear_progress();
	return goes_on;
}

/* All begin before one is waited for. */
static struct mt_error *make_indexes(struct mt_shell *shell, const char *args)
{
	struct mt_image *image;
	size_t count;

	MT_TRY(mt_text_end(args, "index"));
	MT_TRY(mt_shell_image(shell, &image));
	count = mt_image_module_count(image);
	for (size_t i = 0; i < count; i++)
		if (module_at(image, i))
			mt_module_index_begin(mt_image_module(image, i));
	for (size_t i = 0; i < count; i++) {
		const struct mt_module *module = module_at(image, i);

		if (module && !wait_for(shell, module)) {
			mt_say(shell, "Names of %s are being indexed while you go on.\n",
			       module->name);
			return NULL;
		}
	}
	return NULL;
}

/* ---- info index ------------------------------------------------------------ */

static const char *state_of(const struct mt_module *module)
{
	switch (mt_module_index_state(module)) {
	case MT_INDEX_UNTRIED:
		return "no name was looked up";
	case MT_INDEX_NONE:
		return "looked through each time";
	case MT_INDEX_MAKING:
		return "being indexed";
	case MT_INDEX_MADE:
		return "indexed";
	case MT_INDEX_UNKEPT:
		return "indexed, not kept";
	case MT_INDEX_CACHED:
		return "indexed, from the cache";
	}
	return "";
}

static struct mt_error *info_index(struct mt_shell *shell, const char *args)
{
	struct mt_image *image;

	MT_TRY(mt_text_end(args, "info index"));
	MT_TRY(mt_shell_image(shell, &image));
	mt_say(shell, "%-26s %s\n", "Names", "File");
	for (size_t i = 0; i < mt_image_module_count(image); i++) {
		const struct mt_module *module = module_at(image, i);

		if (module)
			mt_say(shell, "%-26s %s\n", state_of(module), module->path);
	}
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "index",
	  .run = make_indexes,
	  .usage = "",
	  .summary = "waits until the names of the program are indexed",
	  .help =
	      "The names in files with much debug information are indexed aside, from the first\n"
	      "one that is looked up; until that is done each name is looked for in the whole\n"
	      "file. Nobody has to wait for it: this command is for scripts that will look up\n"
	      "many names. Indexes are kept in $XDG_CACHE_HOME/memtrap (~/.cache/memtrap), by\n"
	      "build-id, up to 1 GiB: the least used go. 'set index-cache off', or\n"
	      "MEMTRAP_INDEX_CACHE=off in the environment, keeps none.",
	  .topic = MT_TOPIC_SOURCE,
	  .needs = MT_NEEDS_IMAGE },
	{ .name = "info index",
	  .run = info_index,
	  .usage = "",
	  .summary = "which files have their names indexed",
	  .topic = MT_TOPIC_SOURCE,
	  .needs = MT_NEEDS_IMAGE },
};

MT_VERB_LIST(mt_verbs_index, verbs);
