/* SPDX-License-Identifier: MIT */
/*
 * Types of the program, and values of them as text. Types belong to the image's files and live as
 * long as the image; they are immutable and compared by mt_type_same().
 */
#ifndef MT_SYMBOL_TYPE_H
#define MT_SYMBOL_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "symbol/image.h"

enum mt_type_kind {
	MT_TYPE_VOID,
	MT_TYPE_INT, /* with is_signed */
	MT_TYPE_BOOL,
	MT_TYPE_CHAR,    /* character types of one byte (DW_ATE_signed_char, _unsigned_char, _UTF);
	                    wider ones are MT_TYPE_INT with is_character */
	MT_TYPE_FLOAT,   /* size 4, 8 or 16 (x87 long double) */
	MT_TYPE_COMPLEX, /* two of its target, a MT_TYPE_FLOAT */
	MT_TYPE_ENUM,
	MT_TYPE_POINTER,        /* also C++ references, `is_reference` */
	MT_TYPE_MEMBER_POINTER, /* C++: `int C::*`, to what `target` is in `container` */
	MT_TYPE_ARRAY,
	MT_TYPE_STRUCT, /* class too */
	MT_TYPE_UNION,
	MT_TYPE_FUNCTION,
	MT_TYPE_BYTES, /* no type known, `size` raw bytes: shown as a hexadecimal integer up to 8
	                  bytes */
};

enum mt_qualifier {
	MT_QUAL_CONST = 1,
	MT_QUAL_VOLATILE = 2,
	MT_QUAL_RESTRICT = 4,
	MT_QUAL_ATOMIC = 8,
};

/* Floating point in other formats than C's three: their kind is MT_TYPE_BYTES. */
enum mt_float_format {
	MT_FLOAT_NONE,
	MT_FLOAT_HALF, /* IEEE binary16: _Float16 */
	MT_FLOAT_QUAD, /* IEEE binary128: _Float128 */
};

enum mt_language { MT_LANG_C, MT_LANG_CPLUS, MT_LANG_RUST, MT_LANG_OTHER };

struct mt_type;
struct mt_lazy_type;

struct mt_member {
	const char *name; /* NULL: anonymous struct or union, or a base class (is_base) */
	const struct mt_type *type;
	uint64_t offset; /* bytes from the start of the struct */
	uint8_t bit_offset,
	    bit_size;       /* of a bit-field, bit_size 0 otherwise; from the byte at offset */
	bool is_base;       /* not a virtual one: those are in type_class.h */
	bool is_artificial; /* made up by the compiler: _vptr.X, Rust's discriminants */
};

struct mt_enumerator {
	const char *name;
	int64_t value;
};

/*
 * Typedefs and qualifiers are stripped: `kind` and what belongs to it are those of the type behind
 * them, and `name` is the typedef's. `alias_of` and `qualifiers` keep what was stripped.
 */
struct mt_type {
	enum mt_type_kind kind;
	const char
	    *name; /* as written in C: "unsigned int", "struct conn", "enum state"; NULL if none */
	uint64_t size; /* in bytes; 0: incomplete, or as empty as struct {} */
	bool is_signed;
	bool is_character; /* MT_TYPE_INT: char16_t, char32_t, wchar_t, Rust's char */
	bool is_reference; /* MT_TYPE_POINTER: & */
	bool is_rvalue;    /* of a reference: && */
	bool is_scoped;    /* MT_TYPE_ENUM: enum class */
	bool is_class;     /* MT_TYPE_STRUCT: said with the keyword `class` */
	bool is_declared;  /* struct, union, enum: its file defines it not; see mt_type_definition()
	                    */
	bool is_vector;    /* MT_TYPE_ARRAY: of GNU's vector_size */
	bool is_empty;     /* MT_TYPE_ARRAY: count 0 is known, int a[0] */
	bool is_variable;  /* MT_TYPE_ARRAY: only a frame knows the bounds: mt_where_type() */
	bool is_varargs;   /* MT_TYPE_FUNCTION: ... */
	bool is_prototyped; /* MT_TYPE_FUNCTION: `(void)`, not C's `()` */
	uint8_t qualifiers; /* of enum mt_qualifier */
	enum mt_float_format format;
	const struct mt_type *alias_of;  /* of a typedef: what its name stands for, one level down;
	                                    without `qualifiers`. NULL: not a typedef */
	const struct mt_type *target;    /* pointer: what it points to; array: the element;
	                                    function: what it returns; complex: its parts;
	                                    enumeration: its integer, or NULL */
	const struct mt_type *container; /* MT_TYPE_MEMBER_POINTER: the class */
	uint64_t
	    count; /* of an array; 0: unknown ([]), multi-dimensional ones are arrays of arrays */
	int64_t lower;                       /* of an array: the index of its first element */
	uint64_t stride;                     /* of an array: from element to element; 0: packed */
	const struct mt_type *const *params; /* of a function; `this` is the first one's */
	size_t param_count;
	const struct mt_member *members;
	size_t member_count;
	const struct mt_enumerator *enumerators;
	size_t enumerator_count;
	struct mt_lazy_type *lazy; /* src/symbol's own: where to read more; may be NULL */
};

/*
 * Programs' types hang together through pointers, tens of thousands of them, so what lies behind a
 * pointer is read on demand: this makes sure that the members of `type` (a struct or union, or what
 * an array is made of) are there, and that a struct which is only declared here is replaced by its
 * definition elsewhere. Types that this room hands out are complete, and mt_type_member() and
 * the room print complete what they are given: it is for those who read `members` behind a
 * pointer themselves.
 */
void mt_type_complete(const struct mt_type *type);

/* The language of the unit that has the type; that of base types, which all have, is C. */
enum mt_language mt_type_language(const struct mt_type *type);

/* Types of our own making, owned by the image. NULL without memory. */
const struct mt_type *mt_type_bytes(struct mt_image *image, uint64_t size);
const struct mt_type *mt_type_array(struct mt_image *image, const struct mt_type *element,
                                    uint64_t count);
const struct mt_type *mt_type_pointer(struct mt_image *image, const struct mt_type *target);
const struct mt_type *mt_type_reference(struct mt_image *image, const struct mt_type *target);
const struct mt_type *mt_type_function(struct mt_image *image, const struct mt_type *result,
                                       const struct mt_type *const *params, size_t count,
                                       bool is_varargs);
/* With these qualifiers (of enum mt_qualifier) besides those that it has. */
const struct mt_type *mt_type_qualified(struct mt_image *image, const struct mt_type *type,
                                        unsigned qualifiers);

/* The type of the function whose first byte is at `addr`, by DWARF; NULL: not known. */
const struct mt_type *mt_type_of_function(struct mt_image *image, uint64_t addr);

/* The C base types by name, known without DWARF: "char", "unsigned long", "int32_t", "uint8_t",
 * "size_t", "float", "double", "bool", "long long" … in any order of the words. NULL: not one. */
const struct mt_type *mt_type_base(const char *name);

/* The same with the machine's sizes: those above are x86-64's. What a program for i386 may choose
 * the size of (off_t, time_t) is NULL there. */
const struct mt_type *mt_type_base_of(enum mt_machine machine, const char *name);

/* A named type of the program: "struct conn", "conn" (typedef, C++ class), "enum state",
 * "ns::Class", "std::vector<int>", "rusty::Point". Spaces are as one likes them. NULL: none. Base
 * types are found too, and what C's headers call them as the program does. */
const struct mt_type *mt_type_find(struct mt_image *image, const char *name);

/*
 * What defines a struct, union or enumeration that its own file only declares (is_declared):
 * another module's of that name, with the type's qualifiers. `type` itself when it needs none, when
 * there is none, and without memory.
 */
const struct mt_type *mt_type_definition(struct mt_image *image, const struct mt_type *type);

/* Qualifiers and typedefs make no difference. */
bool mt_type_same(const struct mt_type *a, const struct mt_type *b);
bool mt_type_is_scalar(
    const struct mt_type *type); /* int, bool, char, float, enum, pointer, bytes ≤ 8 */

/* Looks a member up by name, through anonymous members and base classes too. `offset` is from the
 * start of `type`. NULL: no such member. */
const struct mt_member *mt_type_member(const struct mt_type *type, const char *name,
                                       uint64_t *offset);

/* On one line, as gdb's whatis has it: "const struct conn *", "int [4]", "int (*)(int, char *)". */
void mt_type_format(const struct mt_type *type, struct mt_buf *out);

/* The same as the declaration of `name`: "int (*f)(int)", "char name[16]". */
void mt_type_declare(const struct mt_type *type, const char *name, struct mt_buf *out);

/* The enumerator as gdb prints it: "RUNNING", "ns::RED", "ns::Color::RED" of an enum class. */
void mt_enumerator_format(const struct mt_type *type, const struct mt_enumerator *enumerator,
                          struct mt_buf *out);

/*
 * gdb's answer to ptype, from "type = " on and without the last newline: typedefs unrolled at the
 * outermost, members one a line, C++ with bases, access labels, methods and nested typedefs.
 */
enum mt_definition_option {
	MT_DEFINE_OFFSETS = 1,     /* ptype/o: with offsets, sizes and holes before each line */
	MT_DEFINE_HEX = 2,         /* ptype/ox: those in hexadecimal */
	MT_DEFINE_NO_METHODS = 4,  /* ptype/m */
	MT_DEFINE_NO_TYPEDEFS = 8, /* ptype/t: those inside of classes are left out */
	MT_DEFINE_RAW = 16,        /* ptype/r: template arguments and local typedefs spelled out */
};
void mt_type_print_definition(const struct mt_type *type, unsigned options, struct mt_buf *out);

/* A bit-field among the `size` bytes of its struct as a value of its type, extended by its sign to
 * all of `out`. False: it lies past them. */
#define MT_BIT_FIELD_MAX 16
bool mt_value_bit_field(const struct mt_member *member, const uint8_t *bytes, size_t size,
                        uint8_t out[MT_BIT_FIELD_MAX]);

#endif
