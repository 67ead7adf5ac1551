/* SPDX-License-Identifier: MIT */
#include "symbol/type_dwarf.h"

#include <dwarf.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "symbol/demangle.h"
#include "symbol/die.h"
#include "symbol/named.h"
#include "symbol/scope.h"
#include "symbol/type_spelling.h"

static const struct mt_type *type_of(struct mt_module_file *file, Dwarf_Die *die, int depth);

const struct mt_type *mt_type_of_attr_at(struct mt_module_file *file, Dwarf_Die *die, int depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die target;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !mt_attr_target(&attr, &target))
		return mt_type_base("void");
	return type_of(file, &target, depth + 1);
}

const struct mt_type *mt_type_of_attr(struct mt_module_file *file, Dwarf_Die *die)
{
	return mt_type_of_attr_at(file, die, 0);
}

static enum mt_language language_of(int code)
{
	switch (code) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return MT_LANG_C;
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return MT_LANG_CPLUS;
	case DW_LANG_Rust:
		return MT_LANG_RUST;
	default:
		return MT_LANG_OTHER;
	}
}

/* Of a file without a common tongue it is as good a guess as any. */
static int first_language(struct mt_module_file *file)
{
	struct mt_units *units = mt_units_of(file);
	const struct mt_space *space = units && units->space_count ? &units->spaces[0] : NULL;
	int language = -1;

	for (size_t i = 0; space && language < 0 && i < space->count; i++) {
		Dwarf_Die cu;

		if (mt_space_die(space, space->units[i].die, &cu))
			language = dwarf_srclang(&cu);
	}
	return language;
}

enum mt_language mt_die_language(struct mt_module_file *file, const Dwarf_Die *die)
{
	Dwarf_Die copy = *die, cu;
	int language = dwarf_srclang(dwarf_diecu(&copy, &cu, NULL, NULL));

	return language_of(language < 0 ? first_language(file) : language);
}

static uint64_t size_of(Dwarf_Die *die, uint64_t otherwise)
{
	int64_t size;

	return mt_die_integer(die, DW_AT_byte_size, &size) && size >= 0 ? (uint64_t)size
	                                                                : otherwise;
}

/* The 16 bytes of a quad are not those of an x87 long double. */
static void fill_float(struct mt_type *type)
{
	bool is_quad = type->name && strstr(type->name, "128");
	bool is_known = type->size == 4 || type->size == 8 || type->size == 12 || type->size == 16;

	type->kind = is_known && !is_quad ? MT_TYPE_FLOAT : MT_TYPE_BYTES;
	if (is_quad && type->size == 16)
		type->format = MT_FLOAT_QUAD;
	else if (type->size == 2 && type->name && !strstr(type->name, "bf16"))
		type->format = MT_FLOAT_HALF;
}

static void fill_complex(struct mt_type *type)
{
	static const char *const parts[] = { "float", "double", "long double" };
	bool is_quad = type->name && strstr(type->name, "128");

	type->kind = MT_TYPE_BYTES;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !is_quad; i++) {
		const struct mt_type *part = mt_type_base(parts[i]);
		const struct mt_type *small = mt_type_base_of(MT_MACHINE_I386, parts[i]);

		if (type->size != 2 * part->size && type->size != 2 * small->size)
			continue;
		type->kind = MT_TYPE_COMPLEX;
		type->target = type->size == 2 * part->size ? part : small;
		break;
	}
}

static void fill_integer(struct mt_type *type, bool is_character)
{
	type->kind = is_character && type->size == 1 ? MT_TYPE_CHAR : MT_TYPE_INT;
	type->is_character =
	    type->size > 1 && (is_character || (type->name && !strcmp(type->name, "wchar_t")));
	if (!type->size) /* Rust's () */
		type->kind = MT_TYPE_VOID;
}

/* DWARF 5 section 5.1.1. */
static void fill_base(struct mt_type *type, Dwarf_Die *die)
{
	int64_t encoding = 0;
	const char *name = dwarf_diename(die);
	const struct mt_type *known = name ? mt_type_base(name) : NULL;

	mt_die_integer(die, DW_AT_encoding, &encoding);
	/* "long unsigned int" is unsigned long; gcc's "__int128 unsigned" stays, as with gdb. */
	type->name = known && known->size <= 8 ? known->name : name;
	type->size = size_of(die, 0);
	type->is_signed =
	    encoding == DW_ATE_signed || encoding == DW_ATE_signed_char || encoding == DW_ATE_float;
	switch (encoding) {
	case DW_ATE_boolean:
		type->kind = MT_TYPE_BOOL;
		break;
	case DW_ATE_float:
		fill_float(type);
		break;
	case DW_ATE_complex_float:
		fill_complex(type);
		break;
	case DW_ATE_signed:
	case DW_ATE_unsigned:
	case DW_ATE_address:
		fill_integer(type, false);
		break;
	case DW_ATE_signed_char:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		fill_integer(type, true);
		break;
	default:
		type->kind = MT_TYPE_BYTES;
	}
}

const char *mt_die_linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) &&
	    !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
		return NULL;
	return dwarf_formstring(&attr);
}

/*
 * `typedef struct { … } conn;` names the struct for C++'s linker, and gcc tells by that name. What
 * is mangled is a type alone: it is demangled as what a symbol of the type's name is for.
 */
static const char *linkage_tag(struct mt_module_file *file, Dwarf_Die *die)
{
	static const char symbol_for[] = "typeinfo name for ";
	const char *linkage = mt_die_linkage_name(die);
	struct mt_buf symbol MT_AUTO_BUF = { 0 };

	if (!linkage)
		return NULL;
	mt_buf_printf(&symbol, "_ZTS%s", linkage);

	char *name MT_AUTO_FREE = mt_buf_ok(&symbol) ? mt_demangle(symbol.data) : NULL;

	if (!name || strncmp(name, symbol_for, sizeof(symbol_for) - 1) != 0)
		return NULL;
	return mt_module_file_intern(file, name + sizeof(symbol_for) - 1);
}

static const char *tag_name(struct mt_module_file *file, Dwarf_Die *die, const char *keyword)
{
	enum mt_language language = mt_die_language(file, die);
	const char *name = dwarf_diename(die);
	struct mt_buf text MT_AUTO_BUF = { 0 }, spelled MT_AUTO_BUF = { 0 };

	if (!name)
		return linkage_tag(file, die);

	const char *prefix = language == MT_LANG_C ? keyword : mt_scope_prefix(file, die);

	mt_buf_printf(&text, "%s%s", prefix ? prefix : "", name);
	if (!mt_buf_ok(&text))
		return NULL;
	if (language != MT_LANG_CPLUS || !strchr(text.data, '<'))
		return mt_module_file_intern(file, text.data);
	mt_type_spell(text.data, MT_SPELLING_GDB, &spelled);
	return mt_buf_ok(&spelled) ? mt_module_file_intern(file, spelled.data) : NULL;
}

static void fill_tagged(struct mt_lazy_type *lazy, enum mt_type_kind kind, const char *keyword)
{
	lazy->type.kind = kind;
	lazy->type.size = size_of(&lazy->die, 0);
	lazy->type.name = tag_name(lazy->file, &lazy->die, keyword);
	lazy->type.is_class = dwarf_tag(&lazy->die) == DW_TAG_class_type;
	lazy->type.is_declared = mt_die_flag(&lazy->die, DW_AT_declaration);
}

static void fill_enum(struct mt_lazy_type *lazy, int depth)
{
	Dwarf_Die underlying;

	fill_tagged(lazy, MT_TYPE_ENUM, "enum ");
	lazy->type.is_scoped = mt_die_flag(&lazy->die, DW_AT_enum_class);
	if (mt_die_target(&lazy->die, DW_AT_type, &underlying)) {
		const struct mt_type *integer = type_of(lazy->file, &underlying, depth + 1);

		lazy->type.target = integer;
		lazy->type.is_signed = integer && integer->is_signed;
		if (integer && !lazy->type.size)
			lazy->type.size = integer->size;
	}
	mt_type_read_enumerators(lazy, &lazy->die);
}

static uint8_t address_size(const Dwarf_Die *die)
{
	uint8_t size = 8;

	dwarf_cu_info(die->cu, NULL, NULL, NULL, NULL, NULL, &size, NULL);
	return size;
}

static void fill_pointer(struct mt_lazy_type *lazy, int depth)
{
	int tag = dwarf_tag(&lazy->die);

	lazy->type.kind = MT_TYPE_POINTER;
	lazy->type.is_reference = tag != DW_TAG_pointer_type;
	lazy->type.is_rvalue = tag == DW_TAG_rvalue_reference_type;
	lazy->type.size = size_of(&lazy->die, address_size(&lazy->die));
	if (mt_die_language(lazy->file, &lazy->die) == MT_LANG_RUST) /* which names its pointers */
		lazy->type.name = dwarf_diename(&lazy->die);
	lazy->type.target = mt_type_of_attr_at(lazy->file, &lazy->die, depth);
}

/* Itanium C++ ABI, section 2.3: one word, or two of a function's. */
static void fill_member_pointer(struct mt_lazy_type *lazy, int depth)
{
	struct mt_type *type = &lazy->type;
	uint64_t word = address_size(&lazy->die);
	Dwarf_Die container;

	type->kind = MT_TYPE_MEMBER_POINTER;
	type->target = mt_type_of_attr_at(lazy->file, &lazy->die, depth);
	if (mt_die_target(&lazy->die, DW_AT_containing_type, &container))
		type->container = type_of(lazy->file, &container, depth + 1);
	type->size = size_of(
	    &lazy->die, type->target && type->target->kind == MT_TYPE_FUNCTION ? 2 * word : word);
}

struct mt_lazy_type *mt_lazy_type_new(struct mt_module_file *file, const Dwarf_Die *die)
{
	struct mt_lazy_type *lazy = mt_alloc(sizeof(*lazy));

	if (!lazy)
		return NULL;
	lazy->file = file;
	lazy->die = *die;
	lazy->type.lazy = lazy;
	return lazy;
}

struct parameters {
	const struct mt_type **data;
	size_t len;
	size_t cap;
};

/* A function's own parameters, or those of what it is an instance of. */
static bool first_parameter(Dwarf_Die *function, Dwarf_Die *child)
{
	Dwarf_Die origin;

	if (mt_die_child(function, child))
		return true;
	return mt_die_origin(function, &origin) && mt_die_child(&origin, child);
}

static bool is_prototyped(Dwarf_Die *function)
{
	Dwarf_Attribute attr;
	bool flag;

	return dwarf_attr_integrate(function, DW_AT_prototyped, &attr) &&
	       dwarf_formflag(&attr, &flag) == 0 && flag;
}

/* C++'s `this` is a const pointer, which not every compiler says. */
static const struct mt_type *const_this(struct mt_lazy_type *function, const struct mt_type *self)
{
	struct mt_lazy_type *made;

	if (!self || self->kind != MT_TYPE_POINTER || self->qualifiers & MT_QUAL_CONST)
		return self;
	made = mt_lazy_type_new(function->file, &function->die);
	if (!made)
		return NULL;
	made->type = *self;
	made->type.lazy = made;
	made->type.qualifiers |= MT_QUAL_CONST;
	made->behind = self->lazy;
	made->next_inner = function->next_inner;
	function->next_inner = made;
	return &made->type;
}

/* Of those that compilers make up only `this` is passed by every caller. */
static bool add_parameter(struct mt_lazy_type *lazy, Dwarf_Die *die, struct parameters *params,
                          int depth)
{
	bool is_artificial = mt_die_flag(die, DW_AT_artificial);
	const struct mt_type *type;

	if (is_artificial && params->len)
		return true;
	type = mt_type_of_attr_at(lazy->file, die, depth);
	if (is_artificial)
		type = const_this(lazy, type);
	return type && mt_vec_push(params, type);
}

static void fill_function(struct mt_lazy_type *lazy, int depth)
{
	struct parameters params = { 0 };
	struct mt_type *type = &lazy->type;
	Dwarf_Die child;
	bool more = first_parameter(&lazy->die, &child);

	type->kind = MT_TYPE_FUNCTION;
	type->target = mt_type_of_attr_at(lazy->file, &lazy->die, depth);
	type->is_prototyped =
	    is_prototyped(&lazy->die) || mt_die_language(lazy->file, &lazy->die) != MT_LANG_C;
	for (; more; more = mt_die_sibling(&child, &child)) {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_unspecified_parameters)
			type->is_varargs = true;
		if (tag == DW_TAG_formal_parameter && !add_parameter(lazy, &child, &params, depth))
			break;
	}
	lazy->own_params = params.data;
	type->params = params.data;
	type->param_count = params.len;
}

/* C has these as typedefs, and C++ as types of their own. */
static bool is_character_name(const char *name)
{
	return !strcmp(name, "wchar_t") || !strcmp(name, "char16_t") || !strcmp(name, "char32_t");
}

/* A copy of what DW_AT_type leads to. A damaged type that stands for itself is void. */
static const struct mt_type *fill_copy(struct mt_lazy_type *lazy, int depth)
{
	const struct mt_type *behind = mt_type_of_attr_at(lazy->file, &lazy->die, depth);

	if (!behind || (behind->lazy && !behind->lazy->filled))
		behind = mt_type_base("void");
	lazy->type = *behind;
	lazy->type.lazy = lazy;
	lazy->behind = behind->lazy;
	return behind;
}

static void fill_typedef(struct mt_lazy_type *lazy, int depth)
{
	const struct mt_type *behind = fill_copy(lazy, depth);
	const char *name = dwarf_diename(&lazy->die);

	if (!name)
		return;
	lazy->type.name = tag_name(lazy->file, &lazy->die, "");
	lazy->type.alias_of = behind;
	lazy->type.qualifiers = 0;
	if (behind->kind == MT_TYPE_INT && is_character_name(name))
		lazy->type.is_character = true;
}

static void fill_qualified(struct mt_lazy_type *lazy, unsigned qualifier, int depth)
{
	fill_copy(lazy, depth);
	lazy->type.qualifiers |= (uint8_t)qualifier;
}

/* C++'s type of nullptr is an unspecified type with the size of a pointer. */
static void fill_unspecified(struct mt_type *type, const Dwarf_Die *die, const char *name)
{
	type->name = name;
	if (name && strstr(name, "nullptr")) {
		type->kind = MT_TYPE_POINTER;
		type->size = address_size(die);
		type->target = mt_type_base("void");
	}
}

static unsigned qualifier_of(int tag)
{
	switch (tag) {
	case DW_TAG_const_type:
		return MT_QUAL_CONST;
	case DW_TAG_volatile_type:
		return MT_QUAL_VOLATILE;
	case DW_TAG_restrict_type:
		return MT_QUAL_RESTRICT;
	case DW_TAG_atomic_type:
		return MT_QUAL_ATOMIC;
	default:
		return 0;
	}
}

static void fill(struct mt_lazy_type *lazy, int depth)
{
	int tag = dwarf_tag(&lazy->die);

	switch (tag) {
	case DW_TAG_base_type:
		fill_base(&lazy->type, &lazy->die);
		break;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		fill_pointer(lazy, depth);
		break;
	case DW_TAG_ptr_to_member_type:
		fill_member_pointer(lazy, depth);
		break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
		fill_tagged(lazy, MT_TYPE_STRUCT, "struct ");
		break;
	case DW_TAG_union_type:
		fill_tagged(lazy, MT_TYPE_UNION, "union ");
		break;
	case DW_TAG_enumeration_type:
		fill_enum(lazy, depth);
		break;
	case DW_TAG_array_type:
		mt_type_fill_array(lazy, depth);
		break;
	case DW_TAG_subroutine_type:
	case DW_TAG_subprogram:
		fill_function(lazy, depth);
		break;
	case DW_TAG_typedef:
	case DW_TAG_template_alias:
		fill_typedef(lazy, depth);
		break;
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type:
		fill_qualified(lazy, qualifier_of(tag), depth);
		break;
	case DW_TAG_unspecified_type:
		fill_unspecified(&lazy->type, &lazy->die, dwarf_diename(&lazy->die));
		break;
	default: /* sets, strings, files: of languages that have such */
		lazy->type.kind = MT_TYPE_BYTES;
		lazy->type.name = dwarf_diename(&lazy->die);
		lazy->type.size = size_of(&lazy->die, 0);
	}
}

/* What only says how a type is used. */
static bool is_transparent(int tag)
{
	return tag == DW_TAG_packed_type || tag == DW_TAG_shared_type ||
	       tag == DW_TAG_immutable_type || tag == DW_TAG_subrange_type;
}

/* What a type unit holds is only declared where it is used (DWARF 5 section 5.7.1). */
static void follow_signature(Dwarf_Die *die)
{
	Dwarf_Die whole;

	if (mt_die_target(die, DW_AT_signature, &whole))
		*die = whole;
}

/* In the table before it is filled in, so that damaged types which contain themselves end. */
static const struct mt_type *type_of(struct mt_module_file *file, Dwarf_Die *reference, int depth)
{
	struct mt_lazy_type *lazy;
	Dwarf_Die die = *reference;

	if (depth > MT_TYPE_CHAIN_MAX)
		return mt_type_base("void");
	if (is_transparent(dwarf_tag(&die)))
		return mt_type_of_attr_at(file, &die, depth);
	follow_signature(&die);
	HASH_FIND_PTR(file->types, &die.addr, lazy);
	if (lazy)
		return &lazy->type;
	lazy = mt_lazy_type_new(file, &die);
	if (!lazy)
		return NULL;
	HASH_ADD_PTR(file->types, die.addr, lazy);
	if (!lazy->hh.tbl) {
		free(lazy);
		return NULL;
	}
	fill(lazy, depth);
	lazy->filled = true;
	return &lazy->type;
}

const struct mt_type *mt_type_of_die(struct mt_module_file *file, Dwarf_Die *die)
{
	return type_of(file, die, 0);
}

void mt_types_destroy(struct mt_lazy_type *types)
{
	struct mt_lazy_type *each, *next;

	HASH_ITER (hh, types, each, next) {
		HASH_DEL(types, each);
		for (struct mt_lazy_type *inner = each->next_inner, *after; inner; inner = after) {
			after = inner->next_inner;
			free(inner);
		}
		free((struct mt_member *)(uintptr_t)each->own_members);
		free((struct mt_enumerator *)(uintptr_t)each->own_enumerators);
		free((const struct mt_type **)(uintptr_t)each->own_params);
		mt_type_class_free(each->of_class);
		mt_type_variants_free(each->variants);
		free(each);
	}
}
