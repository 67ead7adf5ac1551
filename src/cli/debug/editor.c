/* SPDX-License-Identifier: MIT */
#include "cli/debug/editor.h"
#include "cli/debug/paths.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/debug/shell.h"

enum { HISTORY_LINES = 1000, COLUMN_WIDTH = 80 };

struct mt_editor {
	struct mt_shell *shell;
	EditLine *line;
	History *history;
	HistEvent event;
	const char *prompt;
	char *path; /* of the history's file; NULL: there is no home for it */
};

/* ---- The history's file ---------------------------------------------------- */

static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700); /* one that is there already is as good */
		*slash = '/';
	}
}

static void save_history(struct mt_editor *editor)
{
	if (!editor->path || !editor->shell->settings.history_save)
		return;
	make_folders(editor->path);
	history(editor->history, &editor->event, H_SAVE, editor->path);
}

/* ---- Completion ------------------------------------------------------------ */

/* As many first letters as all have in common. */
static size_t common_length(const struct mt_candidates *candidates)
{
	const char *first = candidates->list.data[0];
	size_t len = strlen(first);

	for (size_t i = 1; i < candidates->list.len; i++) {
		size_t same = 0;

		while (same < len && candidates->list.data[i][same] == first[same])
			same++;
		len = same;
	}
	return len;
}

static void list_candidates(const struct mt_candidates *candidates)
{
	size_t width = 0, columns;

	for (size_t i = 0; i < candidates->list.len; i++) {
		size_t len = strlen(candidates->list.data[i]);

		width = len > width ? len : width;
	}
	columns = width + 2 < COLUMN_WIDTH ? COLUMN_WIDTH / (width + 2) : 1;
	for (size_t i = 0; i < candidates->list.len; i++)
		printf("%s%-*s", i % columns ? "" : "\n", (int)width + 2, candidates->list.data[i]);
	printf("%s\n", candidates->cut ? "\n(and more: type some more letters)" : "");
	fflush(stdout);
}

static unsigned char insert_candidate(EditLine *line, const struct mt_candidates *candidates,
                                      const char *typed)
{
	size_t len = common_length(candidates);
	size_t have = strlen(typed + candidates->begins);
	char *text MT_AUTO_FREE = mt_strndup(candidates->list.data[0], len);
	bool whole = candidates->list.len == 1 && len && text && text[len - 1] != '/';

	if (!text)
		return CC_ERROR;
	if (len < have) /* nothing in common beyond what is typed, which is a pattern's part */
		return CC_ERROR;
	if (len > have && el_insertstr(line, text + have) < 0)
		return CC_ERROR;
	if (whole)
		el_insertstr(line, " ");
	if (len > have || whole)
		return CC_REFRESH;
	list_candidates(candidates);
	return CC_REDISPLAY;
}

static unsigned char on_tab(EditLine *line, int key)
{
	const LineInfo *info = el_line(line);
	char *typed MT_AUTO_FREE = mt_strndup(info->buffer, (size_t)(info->cursor - info->buffer));
	struct mt_candidates candidates = { 0 };
	struct mt_editor *editor = NULL;
	unsigned char action = CC_ERROR;
	struct mt_error *error;

	el_get(line, EL_CLIENTDATA, &editor);
	if (!typed)
		return CC_ERROR;
	error = mt_complete(editor->shell, typed, &candidates);
	if (!error && candidates.list.len)
		action = insert_candidate(line, &candidates, typed);
	mt_error_free(error);
	mt_candidates_deinit(&candidates);
	return action;
}

/* ---- Keys ------------------------------------------------------------------ */

/* As libedit's own (editline(3), EL_GETCFN). But that one sleeps through a Ctrl-C that comes just
 * before it reads. */
static int read_key(EditLine *line, wchar_t *key)
{
	mbstate_t state = { 0 };

	(void)line;
	for (;;) {
		char byte;
		ssize_t got;
		size_t len;

		if (!mt_shell_await_input(STDIN_FILENO)) {
			errno = EINTR;
			return -1;
		}
		got = read(STDIN_FILENO, &byte, 1);
		if (got <= 0)
			return (int)got;
		len = mbrtowc(key, &byte, 1, &state);
		if (len == (size_t)-1)
			state = (mbstate_t){ 0 }; /* no character: it is passed over */
		else if (len != (size_t)-2)
			return 1;
	}
}

/* ---- The editor ------------------------------------------------------------ */

static char *prompt_of(EditLine *line)
{
	static char text[128];
	struct mt_editor *editor = NULL;

	el_get(line, EL_CLIENTDATA, &editor);
	snprintf(text, sizeof(text), "%s ", editor->prompt);
	return text;
}

struct mt_error *mt_editor_create(struct mt_shell *shell, struct mt_editor **editor)
{
	struct mt_editor *made = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	made->shell = shell;
	made->prompt = "";
	made->line = el_init("memtrap", stdin, stdout, stderr);
	made->history = history_init();
	if (!made->line || !made->history) {
		mt_editor_destroy(made);
		return mt_error_nomem();
	}
	history(made->history, &made->event, H_SETSIZE, HISTORY_LINES);
	history(made->history, &made->event, H_SETUNIQUE, 1);
	made->path = mt_path_of_xdg("XDG_STATE_HOME", ".local/state", "history");
	if (made->path)
		history(made->history, &made->event, H_LOAD, made->path);
	el_set(made->line, EL_CLIENTDATA, made);
	el_set(made->line, EL_PROMPT, prompt_of);
	el_set(made->line, EL_GETCFN, read_key);
	el_set(made->line, EL_HIST, history, made->history);
	el_set(made->line, EL_EDITOR, "emacs");
	el_set(made->line, EL_ADDFN, "mt-complete", "what may stand here", on_tab);
	el_set(made->line, EL_BIND, "^I", "mt-complete", NULL);
	el_set(made->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(made->line, NULL); /* ~/.editrc */
	*editor = made;
	return NULL;
}

void mt_editor_destroy(struct mt_editor *editor)
{
	if (!editor)
		return;
	if (editor->line)
		el_end(editor->line);
	if (editor->history) {
		save_history(editor);
		history_end(editor->history);
	}
	free(editor->path);
	free(editor);
}

char *mt_editor_read(struct mt_editor *editor, const char *prompt)
{
	const char *text;
	int len = 0;
	char *line;

	editor->prompt = prompt;
	mt_shell_interrupts();                 /* they were for what came before */
	el_set(editor->line, EL_PREP_TERM, 1); /* else the prompt comes before keys are keys */
	errno = 0;
	text = el_gets(editor->line, &len);
	if (!text || len <= 0) {
		if (errno != EINTR)
			return NULL;
		el_reset(editor->line);
		putchar('\n');
		return mt_strdup("");
	}
	line = mt_text_trimmed(text);
	/* Answers to questions and lines of blocks are no commands to come back to. */
	if (line && *line && prompt == editor->shell->settings.prompt)
		history(editor->history, &editor->event, H_ENTER, line);
	return line;
}
