/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: what an image was asked for by name, and has answered. Expressions ask
 * for the same few names again and again (a condition at each hit, a script in a loop), and an
 * answer costs a search through the modules. An image forgets its answers when its modules change.
 */
#ifndef MT_SYMBOL_MEMO_H
#define MT_SYMBOL_MEMO_H

#include "symbol/variable.h"

struct mt_memo; /* NULL: empty */

enum mt_asked {
	MT_ASKED_TYPE,
	MT_ASKED_ENUMERATOR,
	MT_ASKED_VARIABLE, /* and, from here on, each mt_var_state that it may have to be in */
};

struct mt_question {
	unsigned what;
	const char *scope; /* may be NULL */
	const char *name;
	bool is_guess; /* an error says less */
};

/* Those members that the question is about. */
struct mt_answer {
	struct mt_variable variable;
	const struct mt_type *type; /* NULL: there is none */
	int64_t value;
};

/* False: it was not asked before. Else fills in *answer, or makes the *error that was answered. */
bool mt_memo_get(struct mt_memo *memo, const struct mt_question *question, struct mt_answer *answer,
                 struct mt_error **error);

/* Keeps `error`'s words, or `answer`; nothing without memory, or when that is the error. */
void mt_memo_put(struct mt_memo **memo, const struct mt_question *question,
                 const struct mt_answer *answer, const struct mt_error *error);

void mt_memo_forget(struct mt_memo **memo);

#endif
