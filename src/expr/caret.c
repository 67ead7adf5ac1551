/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "expr/expr.h"

/* Bytes of UTF-8 after a character's first one take no column. */
static bool continues_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void mt_expr_caret(struct mt_buf *out, const char *text, const struct mt_error *error)
{
	long offset = mt_error_offset(error);

	if (offset < 0)
		return;
	mt_buf_printf(out, "  %s\n  ", text);
	/* A tab stays a tab, so that the caret moves as far as the text did. */
	for (long i = 0; i < offset && text[i]; i++)
		if (!continues_character(text[i]))
			mt_buf_char(out, text[i] == '\t' ? '\t' : ' ');
	mt_buf_text(out, "^\n");
}
