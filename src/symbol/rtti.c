/* SPDX-License-Identifier: MIT */
#include "symbol/rtti.h"

#include <string.h>

#include "symbol/symtab.h"
#include "symbol/type_class.h"
#include "symbol/type_spelling.h"

/* More than any class has; damaged DWARF may derive one from itself. */
enum { MAX_BASES = 200 };

static bool is_dynamic(const struct mt_type *type, unsigned *bases_left)
{
	const struct mt_class *class = mt_type_class(type);

	for (size_t i = 0; class && i < class->method_count; i++)
		if (class->methods[i].is_virtual)
			return true;
	for (size_t i = 0; class && i < class->base_count && *bases_left; i++) {
		--*bases_left;
		if (class->bases[i].is_virtual || is_dynamic(class->bases[i].type, bases_left))
			return true;
	}
	return false;
}

bool mt_type_is_dynamic(const struct mt_type *type)
{
	unsigned bases_left = MAX_BASES;

	return type->kind == MT_TYPE_STRUCT && is_dynamic(type, &bases_left);
}

static const char *behind(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 ? name + len : NULL;
}

/* While an object is made, it has a table of its base's ("construction vtable for"): it is of that
 * class only then, which is no class to be shown. */
const struct mt_type *mt_rtti_class(struct mt_image *image, uint64_t table)
{
	const struct mt_type *type;
	struct mt_symbol symbol;
	const char *name;

	if (!mt_image_symbol_at(image, table, &symbol))
		return NULL;
	name = behind(symbol.name, "vtable for ");
	type = name ? mt_type_find(image, name) : NULL;
	return type && type->kind == MT_TYPE_STRUCT ? type : NULL;
}

bool mt_rtti_info(struct mt_image *image, const char *name, uint64_t *addr)
{
	for (size_t i = 0; i < mt_image_module_count(image); i++) {
		const struct mt_module *module = mt_image_module(image, i);
		struct mt_symtab *symtab = mt_symtab_of(module->file);

		for (size_t j = 0; j < symtab->count; j++) {
			const char *shown = strncmp(symtab->symbols[j].raw, "_ZTI", 4) == 0
			                        ? mt_elf_symbol_name(&symtab->symbols[j])
			                        : NULL;
			const char *of = shown ? behind(shown, "typeinfo for ") : NULL;

			if (!of || !mt_same_spelling(of, strlen(of), name))
				continue;
			*addr = symtab->symbols[j].addr + module->bias;
			return true;
		}
	}
	return false;
}
