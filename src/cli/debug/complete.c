/* SPDX-License-Identifier: MIT */
/* What the Tab key offers. */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "cli/debug/breaks.h"
#include "cli/debug/editor.h"
#include "symbol/lines.h"
#include "target/syscall.h"
#include "x86/regtable.h"

/* More than this nobody reads. */
enum { CANDIDATES_MAX = 200, SYSCALLS_MAX = 600 };

struct completion {
	struct mt_shell *shell;
	struct mt_candidates *candidates;
	const char *word; /* what is typed of it */
	size_t len;
	bool failed;
};

void mt_candidates_deinit(struct mt_candidates *candidates)
{
	for (size_t i = 0; i < candidates->list.len; i++)
		free(candidates->list.data[i]);
	mt_vec_deinit(&candidates->list);
}

/* Offers `len` bytes of `name` and what `after` adds. False: that is enough. */
static bool offer(struct completion *completion, const char *name, size_t len, const char *after)
{
	struct mt_candidates *candidates = completion->candidates;
	struct mt_buf text MT_AUTO_BUF = { 0 };
	char *made;

	if (len < completion->len || memcmp(name, completion->word, completion->len) != 0)
		return true;
	if (candidates->list.len == CANDIDATES_MAX) {
		candidates->cut = true;
		return false;
	}
	mt_buf_bytes(&text, name, len);
	mt_buf_text(&text, after);
	made = mt_buf_take(&text);
	if (!made || !mt_vec_push(&candidates->list, made)) {
		free(made);
		completion->failed = true;
		return false;
	}
	return true;
}

static bool offer_text(struct completion *completion, const char *name)
{
	return offer(completion, name, strlen(name), "");
}

/* ---- Names of the program -------------------------------------------------- */

static bool offer_symbol(const struct mt_symbol *symbol, void *arg)
{
	struct completion *completion = arg;

	/* What the compiler made (f.cold, f.part.0) and what is the library's own (_dl_x) is only
	 * offered to those who begin to type it. */
	if ((strchr(symbol->name, '.') && !strchr(completion->word, '.')) ||
	    (*symbol->name == '_' && *completion->word != '_'))
		return true;
	/* C++ names as far as they can be typed: without their arguments. */
	return offer(completion, symbol->name, strcspn(symbol->name, "(<"), "");
}

static bool offer_source(const char *path, void *arg)
{
	return offer(arg, mt_path_tail(path), strlen(mt_path_tail(path)), ":");
}

static void offer_symbols(struct completion *completion, bool functions, bool variables)
{
	struct mt_image *image = mt_debug_image(completion->shell->debug);

	if (image && functions)
		mt_symbols_each(image, true, offer_symbol, completion);
	if (image && variables)
		mt_symbols_each(image, false, offer_symbol, completion);
}

static void offer_places(struct completion *completion)
{
	struct mt_image *image = mt_debug_image(completion->shell->debug);

	offer_symbols(completion, true, false);
	/* All functions were offered for an empty word: files would only make it longer. */
	if (image && completion->len)
		mt_sources_each(image, offer_source, completion);
}

/* ---- Names of the shell and the machine ------------------------------------ */

static void offer_registers(struct completion *completion, const char *prefix)
{
	for (size_t i = 0; i < mt_register_count(); i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%s", prefix, mt_register_at(i)->name);
		offer_text(completion, name);
	}
}

static void offer_values(struct completion *completion)
{
	const struct mt_values *values = &completion->shell->values;

	if (*completion->word != '$') {
		offer_symbols(completion, true, true);
		return;
	}
	offer_registers(completion, "$");
	for (size_t i = 0; i < values->variables.len; i++) {
		struct mt_buf name MT_AUTO_BUF = { 0 };

		mt_buf_printf(&name, "$%s", values->variables.data[i].name);
		if (mt_buf_ok(&name))
			offer_text(completion, name.data);
	}
}

static void offer_breakpoints(struct completion *completion)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_error *error = mt_breaks_list(completion->shell, &list);

	for (size_t i = 0; !error && i < list.count; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", list.infos[i].number);
		offer_text(completion, number);
	}
	mt_error_free(error);
}

static void offer_threads(struct completion *completion)
{
	struct mt_thread_info infos[CANDIDATES_MAX];
	size_t count = mt_debug_threads(completion->shell->debug, infos, CANDIDATES_MAX);

	offer_text(completion, "all");
	for (size_t i = 0; i < count && i < CANDIDATES_MAX; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", infos[i].number);
		offer_text(completion, number);
	}
}

static void offer_signals(struct completion *completion)
{
	static const char *const actions[] = { "stop", "nostop", "print", "noprint",
		                               "pass", "nopass", "all" };

	for (int signal = 1; signal <= MT_SIGNAL_MAX; signal++)
		offer_text(completion, mt_signal_name(signal));
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		offer_text(completion, actions[i]);
}

static void offer_syscalls(struct completion *completion)
{
	enum mt_machine machine = mt_shell_machine(completion->shell);

	for (uint64_t number = 0; number < SYSCALLS_MAX; number++) {
		const char *name = mt_syscall_name(machine, number);

		if (strncmp(name, "syscall_", 8) != 0)
			offer_text(completion, name);
	}
}

static void offer_settings(struct completion *completion)
{
	const char *name;

	for (size_t i = 0; (name = mt_setting_name(i)); i++)
		offer_text(completion, name);
}

static void offer_files(struct completion *completion)
{
	const char *tail = mt_path_tail(completion->word);
	size_t folder_len = (size_t)(tail - completion->word);
	char *folder MT_AUTO_FREE = mt_strndup(completion->word, folder_len);
	struct dirent *entry;
	DIR *dir = folder ? opendir(*folder ? folder : ".") : NULL;

	while (dir && (entry = readdir(dir))) {
		struct mt_buf path MT_AUTO_BUF = { 0 };

		if (*entry->d_name == '.' && *tail != '.')
			continue;
		mt_buf_printf(&path, "%s%s", folder, entry->d_name);
		if (mt_buf_ok(&path))
			offer(completion, path.data, path.len, entry->d_type == DT_DIR ? "/" : "");
	}
	if (dir)
		closedir(dir);
}

/* ---- Commands -------------------------------------------------------------- */

/* The words that may follow `parent` (NULL: that may begin a line). */
static void offer_commands(struct completion *completion, const char *parent)
{
	size_t parent_len = parent ? strlen(parent) : 0;
	const struct mt_verb *verb;

	for (size_t i = 0; (verb = mt_verb_at(i)); i++) {
		const char *word = verb->name;

		if (parent) {
			if (strncmp(word, parent, parent_len) != 0 || word[parent_len] != ' ')
				continue;
			word += parent_len + 1;
		}
		offer(completion, word, mt_text_word(word), "");
	}
	for (size_t i = 0; !parent && i < completion->shell->scripts.len; i++)
		if (completion->shell->scripts.data[i].name)
			offer_text(completion, completion->shell->scripts.data[i].name);
}

static void offer_arguments(struct completion *completion, enum mt_completes what)
{
	switch (what) {
	case MT_COMPLETE_NOTHING:
		break;
	case MT_COMPLETE_COMMAND:
		offer_commands(completion, NULL);
		break;
	case MT_COMPLETE_PLACE:
		offer_places(completion);
		break;
	case MT_COMPLETE_VALUE:
		offer_values(completion);
		break;
	case MT_COMPLETE_REGISTER:
		offer_registers(completion, "");
		break;
	case MT_COMPLETE_FILE:
		offer_files(completion);
		break;
	case MT_COMPLETE_BREAKPOINT:
		offer_breakpoints(completion);
		break;
	case MT_COMPLETE_SIGNAL:
		offer_signals(completion);
		break;
	case MT_COMPLETE_SYSCALL:
		offer_syscalls(completion);
		break;
	case MT_COMPLETE_SETTING:
		offer_settings(completion);
		break;
	case MT_COMPLETE_THREAD:
		offer_threads(completion);
		break;
	}
}

/* ---- The line -------------------------------------------------------------- */

/* Where the last name of an expression begins. */
static const char *begin_of_name(const char *line, const char *word)
{
	const char *at = word + strlen(word);

	while (at > line && at > word && (isalnum((unsigned char)at[-1]) || strchr("_$:", at[-1])))
		at--;
	return at;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct mt_candidates *candidates)
{
	size_t kept = 0;

	if (!candidates->list.len)
		return;
	qsort(candidates->list.data, candidates->list.len, sizeof(char *), compare);
	for (size_t i = 1; i < candidates->list.len; i++) {
		if (strcmp(candidates->list.data[i], candidates->list.data[kept]) != 0)
			candidates->list.data[++kept] = candidates->list.data[i];
		else
			free(candidates->list.data[i]);
	}
	candidates->list.len = kept + 1;
}

/* How long the words from `begin` up to `word` are, without the blanks between. */
static size_t words_len(const char *begin, const char *word)
{
	while (word > begin && isspace((unsigned char)word[-1]))
		word--;
	return (size_t)(word - begin);
}

/* Commands, as long as the words before name one; then what it takes. */
static void complete_word(struct completion *completion, const char *line)
{
	const char *begin = mt_text_skip(line), *word = begin + strlen(begin);
	char *before MT_AUTO_FREE = NULL;
	const struct mt_verb *verb;
	const char *args;
	struct mt_error *error;

	while (word > begin && !isspace((unsigned char)word[-1]))
		word--;
	completion->word = word;
	completion->len = strlen(word);
	if (word == begin) {
		offer_commands(completion, NULL);
	} else {
		before = mt_strndup(begin, words_len(begin, word));
		error = before ? mt_verb_find(before, &verb, &args) : mt_error_nomem();
		if (error) {
			mt_error_free(error);
			if (before) /* "save" is none, and "save breakpoints" is one */
				offer_commands(completion, before);
			completion->candidates->begins = (size_t)(word - line);
			return;
		}
		if (!*args)
			offer_commands(completion, verb->name);
		if (verb->completes == MT_COMPLETE_VALUE || verb->completes == MT_COMPLETE_PLACE) {
			completion->word = begin_of_name(line, word);
			completion->len = strlen(completion->word);
		}
		offer_arguments(completion, verb->completes);
	}
	completion->candidates->begins = (size_t)(completion->word - line);
}

struct mt_error *mt_complete(struct mt_shell *shell, const char *line,
                             struct mt_candidates *candidates)
{
	struct completion completion = { .shell = shell, .candidates = candidates };

	complete_word(&completion, line);
	sort(candidates);
	return completion.failed ? mt_error_nomem() : NULL;
}
