/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: names of C++ templates with their arguments, which each compiler spells
 * in its own way: "Array<long int, 3>", "Array<long, 3>", "List<const char *>", "List<char
 * const*>".
 */
#ifndef MT_SYMBOL_TYPE_SPELLING_H
#define MT_SYMBOL_TYPE_SPELLING_H

#include "base/buf.h"

enum mt_spelling {
	MT_SPELLING_GDB,   /* List<char const*>, Array<unsigned long, 3ul>, A<B<int> > */
	MT_SPELLING_GCC,   /* Array<long unsigned int, 3> */
	MT_SPELLING_CLANG, /* List<const char *>, Array<unsigned long, 3UL> */
	MT_SPELLING_RUST,  /* A<B<i32>> */
	MT_SPELLINGS
};

/* Any of those in the one that is asked for; what stands outside of <…> is left as it is. */
void mt_type_spell(const char *name, enum mt_spelling spelling, struct mt_buf *out);

/* Whether both are the same, blanks aside: "A<B<int> >" is "A<B<int>>". */
bool mt_same_spelling(const char *a, size_t a_len, const char *b);

#endif
