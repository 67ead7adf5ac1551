/* SPDX-License-Identifier: MIT */
#include "symbol/memo.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"

/* Whoever asks for more names than this is not asking again. */
#define MAX_ANSWERS 4096

struct mt_memo {
	char *key;
	struct mt_answer answer;
	enum mt_error_kind kind;
	char *why; /* it was an error; else NULL */
	UT_hash_handle hh;
};

/* No name has a NUL in it. */
static bool write_key(const struct mt_question *question, struct mt_buf *key)
{
	mt_buf_char(key, (char)('0' + question->what));
	mt_buf_char(key, question->scope ? ':' : ' ');
	mt_buf_char(key, question->is_guess ? '?' : ' ');
	mt_buf_text(key, question->scope ? question->scope : "");
	mt_buf_char(key, '\0');
	mt_buf_text(key, question->name);
	return mt_buf_ok(key);
}

static struct mt_memo *find(struct mt_memo *memo, const struct mt_buf *key)
{
	struct mt_memo *found;

	HASH_FIND(hh, memo, key->data, key->len, found);
	return found;
}

bool mt_memo_get(struct mt_memo *memo, const struct mt_question *question, struct mt_answer *answer,
                 struct mt_error **error)
{
	struct mt_buf key MT_AUTO_BUF = { 0 };
	const struct mt_memo *found = write_key(question, &key) ? find(memo, &key) : NULL;

	if (!found)
		return false;
	*error = found->why ? mt_error_new(found->kind, "%s", found->why) : NULL;
	if (!found->why)
		*answer = found->answer;
	return true;
}

static void forget(struct mt_memo *one)
{
	free(one->key);
	free(one->why);
	free(one);
}

void mt_memo_put(struct mt_memo **memo, const struct mt_question *question,
                 const struct mt_answer *answer, const struct mt_error *error)
{
	struct mt_buf key MT_AUTO_BUF = { 0 };
	size_t len;

	if (!write_key(question, &key) || (error && mt_error_kind(error) == MT_ERR_NOMEM))
		return;
	if (HASH_COUNT(*memo) >= MAX_ANSWERS)
		mt_memo_forget(memo);

	struct mt_memo *made = mt_alloc(sizeof(*made));

	if (!made)
		return;
	len = key.len;
	made->key = mt_buf_take(&key);
	made->why = error ? mt_strdup(mt_error_text(error)) : NULL;
	if (!made->key || (error && !made->why)) {
		forget(made);
		return;
	}
	if (error)
		made->kind = mt_error_kind(error);
	else
		made->answer = *answer;
	HASH_ADD_KEYPTR(hh, *memo, made->key, len, made);
	if (!made->hh.tbl)
		forget(made);
}

void mt_memo_forget(struct mt_memo **memo)
{
	struct mt_memo *one, *next;

	HASH_ITER (hh, *memo, one, next) {
		HASH_DEL(*memo, one);
		forget(one);
	}
}
