/* SPDX-License-Identifier: MIT */
/* Blocks: the lines between a command and its `end`. */
#include <stdlib.h>

#include "cli/debug/script.h"

#define PROMPT_OF_BLOCKS ">"

void mt_block_deinit(struct mt_block *block)
{
	for (size_t i = 0; i < block->lines.len; i++)
		free(block->lines.data[i]);
	mt_vec_deinit(&block->lines);
}

static enum mt_block_kind opened_by(const char *line)
{
	const struct mt_verb *verb = NULL;
	const char *args;

	mt_error_free(mt_verb_find(line, &verb, &args));
	return verb ? verb->block : MT_BLOCK_NONE;
}

static bool closes(const char *line)
{
	return mt_text_take(&line, "end") && !*line;
}

bool mt_nesting_is_outer(const struct mt_nesting *nesting)
{
	return !nesting->depth;
}

void mt_nesting_pass(struct mt_nesting *nesting, const char *line)
{
	enum mt_block_kind kind;

	line = mt_text_skip(line);
	if (closes(line)) {
		nesting->depth -= nesting->depth > 0;
		nesting->in_text = false;
		return;
	}
	kind = nesting->in_text ? MT_BLOCK_NONE : opened_by(line);
	nesting->depth += kind != MT_BLOCK_NONE;
	nesting->in_text = nesting->in_text || kind == MT_BLOCK_TEXT;
}

struct mt_error *mt_shell_read_block(struct mt_shell *shell, enum mt_block_kind kind,
                                     struct mt_block *block)
{
	struct mt_nesting nesting = { .in_text = kind == MT_BLOCK_TEXT };
	struct mt_block read = { 0 };

	mt_shell_flush(shell);
	for (;;) {
		char *line = mt_shell_read_line(shell, PROMPT_OF_BLOCKS);

		if (!line && !mt_shell_is_typed(shell)) {
			mt_block_deinit(&read);
			return mt_error_new(MT_ERR_USAGE,
			                    "the lines behind 'commands', 'define', 'if' and their "
			                    "like end with 'end': there is none here");
		}
		if (!line || (mt_nesting_is_outer(&nesting) && closes(mt_text_skip(line)))) {
			free(line);
			break;
		}
		mt_nesting_pass(&nesting, line);
		if (!mt_vec_push(&read.lines, line)) {
			free(line);
			mt_block_deinit(&read);
			return mt_error_nomem();
		}
	}
	*block = read;
	return NULL;
}

void mt_block_format(const struct mt_block *block, unsigned indent, struct mt_buf *out)
{
	struct mt_nesting nesting = { 0 };

	for (size_t i = 0; i < block->lines.len; i++) {
		const char *line = block->lines.data[i];
		unsigned depth = nesting.depth;
		const char *rest = mt_text_skip(line);

		mt_nesting_pass(&nesting, line);
		if (nesting.depth < depth || mt_text_take(&rest, "else"))
			depth -= depth > 0;
		/* The words of `document` are as they are. */
		if (nesting.in_text && nesting.depth == depth)
			mt_buf_printf(out, "%s\n", line);
		else
			mt_buf_printf(out, "%*s%s\n", (int)(indent + 2 * depth), "",
			              mt_text_skip(line));
	}
}
