/* SPDX-License-Identifier: MIT */
/* Inside src/symbol only: types as text, in the words of their language. */
#ifndef MT_SYMBOL_TYPE_TEXT_H
#define MT_SYMBOL_TYPE_TEXT_H

#include "base/vec.h"
#include "symbol/type_class.h"

struct mt_type_names;

struct mt_type_writer {
	struct mt_buf *out;
	enum mt_language language;
	const struct mt_type_names *names; /* those of the class around; NULL: none */
	bool unrolls;                      /* typedefs, but for those of parameters */
	int depth;
	size_t limit; /* of out->len: damaged types can be endless */
};

struct mt_type_writer mt_type_writer(const struct mt_type *type, struct mt_buf *out);

/* False when there is more text, or it is deeper, than any type has. */
bool mt_type_writer_goes_on(const struct mt_type_writer *writer);

/* The declaration of `name` (NULL: none). */
void mt_type_write(struct mt_type_writer *writer, const struct mt_type *type, const char *name);

/*
 * C's declarations in parts, for those who write something else than the name of the base: of what
 * is neither pointer, array, function nor reference, or has a name. The rest is around the name
 * that is declared.
 */
struct mt_type mt_type_base_behind(const struct mt_type_writer *writer, const struct mt_type *type);
void mt_type_write_around(struct mt_type_writer *writer, const struct mt_type *type,
                          const char *name);

/* "const volatile ", with the last space. */
void mt_type_write_qualifiers(struct mt_type_writer *writer, unsigned qualifiers);

/* "(int, char *, ...)", from the parameter `from` on. */
void mt_type_write_params(struct mt_type_writer *writer, const struct mt_type *function,
                          size_t from);

/* "struct", "class", "union", "enum". */
const char *mt_type_keyword(const struct mt_type *type);

/* What the typedefs that the type is called by stand for, with their qualifiers. */
struct mt_type mt_type_unrolled(const struct mt_type *type);

/* Rust's forms: "[i32; 4]", "fn (i32) -> bool". */
void mt_type_write_rust(struct mt_type_writer *writer, const struct mt_type *type);

/* ---- What types are called inside of a class -------------------------------- */

/* By its template's parameters and its typedefs. Names of outer classes go on to hold. */
struct mt_type_names {
	const struct mt_type_names *outer;
	MT_VEC(struct mt_nested) own;
};

void mt_type_names_add_template(struct mt_type_names *names, const struct mt_class *of_class);
void mt_type_names_add_typedefs(struct mt_type_names *names, const struct mt_class *of_class);
void mt_type_names_deinit(struct mt_type_names *names);

/* NULL: it is called as everywhere. */
const char *mt_type_names_find(const struct mt_type_names *names, const struct mt_type *type);

/* The name of a type, with what stands in its template arguments called so. */
void mt_type_names_write(const struct mt_type_names *names, const char *text, struct mt_buf *out);

#endif
