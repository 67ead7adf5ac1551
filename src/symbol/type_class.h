/* SPDX-License-Identifier: MIT */
/*
 * What C++ and Rust have in a type besides members that lie in it. Read when it is asked for: who
 * only shows values never pays for methods.
 */
#ifndef MT_SYMBOL_TYPE_CLASS_H
#define MT_SYMBOL_TYPE_CLASS_H

#include "symbol/type.h"

enum mt_access { MT_ACCESS_PUBLIC, MT_ACCESS_PROTECTED, MT_ACCESS_PRIVATE };

struct mt_base {
	const struct mt_type *type;
	enum mt_access access;
	bool is_virtual;
	uint64_t offset; /* in the object; of a virtual base see below */

	/*
	 * Where the virtual base is, the object's vtable says: at *object - vtable_offset is its
	 * offset in the object, as a pointer-sized signed integer (Itanium C++ ABI, section 2.5:
	 * virtual base offsets). False in `has_vtable_offset`: not told in such a way.
	 */
	uint64_t vtable_offset;
	bool has_vtable_offset;
};

/* A static data member is a variable of the name "Class::name" (symbol/variable.h). */
struct mt_static_member {
	const char *name;
	const struct mt_type *type;
	enum mt_access access;
	size_t before;  /* how many of the type's members were declared before it */
	bool has_value; /* constexpr: an integer, and perhaps no variable */
	int64_t value;
};

struct mt_method {
	const char *name;
	const char *linkage_name;   /* NULL: none */
	const struct mt_type *type; /* MT_TYPE_FUNCTION; its first parameter is `this` unless
	                               is_static */
	enum mt_access access;
	bool is_static, is_virtual;
	bool is_artificial; /* made by the compiler, not written */
	bool is_constructor, is_destructor;
	bool is_deleted, is_defaulted;
	bool has_vtable_index;
	uint64_t vtable_index; /* of a virtual method: its place in the vtable */
};

/* A type that is declared inside of the class; of a typedef the name is in type->name. */
struct mt_nested {
	const char *name; /* without the class */
	const struct mt_type *type;
	enum mt_access access;
};

struct mt_template_arg {
	const char *name; /* of the parameter: "T"; NULL: none */
	const struct mt_type *type;
	bool is_value; /* `value` of `type`, not the type itself */
	int64_t value;
};

/* How values of the class are passed and returned (DW_AT_calling_convention, DWARF 5
 * section 5.7.1): clang tells it, gcc does not. */
enum mt_passing { MT_PASSING_NOT_TOLD, MT_PASSING_BY_VALUE, MT_PASSING_BY_REFERENCE };

struct mt_class {
	enum mt_passing passing;
	const struct mt_base *bases;
	size_t base_count;
	const enum mt_access *access; /* of the type's members: mt_class_access() */
	size_t access_count;
	const struct mt_static_member *statics;
	size_t static_count;
	const struct mt_method *methods;
	size_t method_count;
	const struct mt_nested *typedefs; /* in the order of their declaration */
	size_t typedef_count;
	const struct mt_nested *types; /* classes, unions and enumerations */
	size_t type_count;
	const struct mt_template_arg *template_args;
	size_t template_arg_count;
};

/* Of a struct, class or union. NULL: not one, not by DWARF, or without memory. Owned by the image.
 */
const struct mt_class *mt_type_class(const struct mt_type *type);

/* Of the type's member i; public where it is not told. */
enum mt_access mt_class_access(const struct mt_class *of_class, size_t i);

/* The methods of that name, those of base classes where the class itself has none (C++'s hiding).
 * Calls visit for each; false from it ends the search. */
void mt_type_methods(const struct mt_type *type, const char *name,
                     bool (*visit)(const struct mt_type *owner, const struct mt_method *method,
                                   void *arg),
                     void *arg);

/* ---- Rust's enumerations ------------------------------------------------------ */

struct mt_variant_range {
	int64_t low, high; /* both belong to it; unsigned ones as their bits */
};

/* One of the alternatives: `member` is what lies there when the discriminant has one of the values,
 * a struct of the variant's name. */
struct mt_variant {
	struct mt_member member;
	struct mt_variant_range *ranges;
	size_t range_count;
	bool is_default; /* when no other one has the value: the niche's */
};

struct mt_variants {
	bool has_discriminant; /* false: there is one variant only */
	struct mt_member discriminant;
	struct mt_variant *data;
	size_t len;
	size_t cap;
};

/* NULL: the type has no variants. Owned by the image. */
const struct mt_variants *mt_type_variants(const struct mt_type *type);

/* The variant for that value of the discriminant (its bits), or NULL. */
const struct mt_variant *mt_variant_of(const struct mt_variants *variants, int64_t discriminant);

#endif
