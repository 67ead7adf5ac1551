/* SPDX-License-Identifier: MIT */
/*
 * Lines typed by a person: edited, completed with Tab, and kept between sessions. Made of libedit,
 * since GNU readline's licence is not for us.
 */
#ifndef MT_CLI_DEBUG_EDITOR_H
#define MT_CLI_DEBUG_EDITOR_H

#include "base/error.h"
#include "base/vec.h"

struct mt_editor;
struct mt_shell;

/* Reads standard input, which is a terminal. */
struct mt_error *mt_editor_create(struct mt_shell *shell, struct mt_editor **editor);

/* Keeps the history, if that is wanted. NULL is allowed. */
void mt_editor_destroy(struct mt_editor *editor);

/* The next line, without its newline; "" when Ctrl-C threw it away; NULL at the end (Ctrl-D). Owned
 * by the caller. */
char *mt_editor_read(struct mt_editor *editor, const char *prompt);

/* ---- What Tab offers (complete.c) -------------------------------------------- */

struct mt_candidates {
	MT_VEC(char *) list; /* sorted, each once */
	size_t begins;       /* where in the line the word starts that they replace */
	bool cut;            /* there were more than are worth a look */
};

/* What may stand at the end of `line`. */
struct mt_error *mt_complete(struct mt_shell *shell, const char *line,
                             struct mt_candidates *candidates);
void mt_candidates_deinit(struct mt_candidates *candidates);

#endif
