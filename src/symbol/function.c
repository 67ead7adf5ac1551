/* SPDX-License-Identifier: MIT */
#include "symbol/function.h"

#include <dwarf.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/vec.h"
#include "symbol/demangle.h"
#include "symbol/die.h"
#include "symbol/units.h"

/* Deeper nesting of namespaces, types and blocks is not written by people. */
#define DEPTH_MAX 64

struct range {
	uint64_t start, end;
	Dwarf_Die die;
};

/* The code of one unit's functions, read once. */
struct mt_functions {
	void *unit; /* the address of its first DIE */
	UT_hash_handle hh;
	struct range *data; /* by start */
	size_t len;
	size_t cap;
};

static bool add_function(struct mt_functions *functions, Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		struct range range = { .start = start, .end = end, .die = *die };

		if (start && start < end && !mt_vec_push(functions, range))
			return false;
	}
	return true;
}

/* clang and rustc put functions into the DIEs of their namespaces and types. */
static bool add_functions(struct mt_functions *functions, Dwarf_Die *parent, int depth)
{
	Dwarf_Die child;

	if (depth == DEPTH_MAX || !mt_die_child(parent, &child))
		return true;
	do {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_subprogram && !add_function(functions, &child))
			return false;
		if (mt_tag_is_scope(tag) && !add_functions(functions, &child, depth + 1))
			return false;
	} while (mt_die_sibling(&child, &child));
	return true;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static struct mt_functions *functions_of_unit(struct mt_module_file *file, Dwarf_Die *unit)
{
	struct mt_functions *functions;

	HASH_FIND_PTR(file->functions, &unit->addr, functions);
	if (functions)
		return functions;
	functions = mt_alloc(sizeof(*functions));
	if (!functions)
		return NULL;
	functions->unit = unit->addr;
	add_functions(functions, unit, 0);
	if (functions->len)
		qsort(functions->data, functions->len, sizeof(*functions->data), compare_ranges);
	HASH_ADD_PTR(file->functions, unit, functions);
	if (!functions->hh.tbl) {
		free(functions->data);
		free(functions);
		return NULL;
	}
	return functions;
}

void mt_functions_destroy(struct mt_functions *functions)
{
	struct mt_functions *each, *next;

	HASH_ITER (hh, functions, each, next) {
		HASH_DEL(functions, each);
		free(each->data);
		free(each);
	}
}

bool mt_function_die_at(struct mt_module_file *file, uint64_t addr, Dwarf_Die *cu,
                        Dwarf_Die *function)
{
	Dwarf_Die whole;

	if (!mt_units_cu_at(file, addr, cu) || !mt_unit_whole(cu, &whole))
		return false;

	const struct mt_functions *functions = functions_of_unit(file, &whole);
	size_t low = 0, high = functions ? functions->len : 0;

	/* The last one that starts at or below addr. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (functions->data[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || addr >= functions->data[low - 1].end)
		return false;
	*function = functions->data[low - 1].die;
	return true;
}

static bool is_scope(int tag)
{
	return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
	       tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

static bool inner_scope(Dwarf_Die *scope, uint64_t addr, Dwarf_Die *inner)
{
	Dwarf_Die child;

	if (!mt_die_child(scope, &child))
		return false;
	do {
		if (is_scope(dwarf_tag(&child)) && dwarf_haspc(&child, addr) == 1) {
			*inner = child;
			return true;
		}
	} while (mt_die_sibling(&child, &child));
	return false;
}

size_t mt_function_inlines(Dwarf_Die *function, uint64_t addr, Dwarf_Die *inlines, size_t max)
{
	Dwarf_Die scope = *function;
	size_t count = 0;

	for (int depth = 0; count < max && depth < DEPTH_MAX; depth++) {
		if (!inner_scope(&scope, addr, &scope))
			break;
		if (dwarf_tag(&scope) == DW_TAG_inlined_subroutine)
			inlines[count++] = scope;
	}
	return count;
}

const char *mt_function_name(struct mt_module_file *file, Dwarf_Die *function)
{
	Dwarf_Attribute attr;
	const char *linkage =
	    dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attr));
	char *demangled MT_AUTO_FREE = linkage ? mt_demangle(linkage) : NULL;

	return demangled ? mt_module_file_intern(file, demangled) : dwarf_diename(function);
}
