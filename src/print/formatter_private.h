/* SPDX-License-Identifier: MIT */
/* A block as it was read, for those who apply it. */
#ifndef MT_PRINT_FORMATTER_PRIVATE_H
#define MT_PRINT_FORMATTER_PRIVATE_H

#include "base/vec.h"
#include "print/formatter.h"

enum mt_formatter_verb {
	MT_FORMATTER_LET,    /* name = a */
	MT_FORMATTER_WHEN,   /* a: the block is for values of which this is true */
	MT_FORMATTER_HEADER, /* text */
	MT_FORMATTER_ONLY,   /* when a is true, the text is all */
	MT_FORMATTER_TEXT,   /* a: its first character; b: how many, or up to its NUL */
	MT_FORMATTER_ARRAY,  /* a: its first element; b: how many; type */
	MT_FORMATTER_LIST,   /* a: its first node; b: the next one; c: the end, or null */
	MT_FORMATTER_TREE,   /* a: its root; b: the left child; c: the right one */
	MT_FORMATTER_BTREE,  /* a: its root; b: its height; c: how many a node has; d: a child */
	MT_FORMATTER_EACH,   /* a: how many; b: each of them, over $i; type */
	MT_FORMATTER_WHERE,  /* a: those elements of `each` are shown of which this is true */
	MT_FORMATTER_BASES,  /* a: the name of a member of each base; b: `back`, or NULL */
	MT_FORMATTER_ITEM,   /* a: what a node shows; type */
	MT_FORMATTER_PAIR,   /* [a] = b: what an item shows instead */
	MT_FORMATTER_FIELD,  /* name = a */
	MT_FORMATTER_SHOW,   /* a, in the value's place; type */
};

enum { MT_FORMATTER_OPERANDS = 4 };

struct mt_formatter_step {
	enum mt_formatter_verb verb;
	char *name;
	char *text;
	char *operands[MT_FORMATTER_OPERANDS];
	char *type; /* after `as`: what the operand's address is of */
};

struct mt_formatter {
	char *pattern;
	char *source; /* shared by no other block */
	unsigned line;
	bool enabled;
	MT_VEC(struct mt_formatter_step) steps;
};

/* What a type's name is shortened to where a block shows it. */
struct mt_short_name {
	char *short_name, *long_name;
};

struct mt_formatters {
	MT_VEC(struct mt_short_name) shorts;
	MT_VEC(struct mt_formatter) blocks; /* the last one is tried first */
};

/* Whether the pattern is that of a type's name: `*` stands for any text, blanks don't count. */
bool mt_formatter_matches(const char *pattern, const char *name);

#endif
