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
	Dwarf_Die outer; /* of a nested function: the one that it stands in; else of address 0 */
};

/* The code of one unit's functions, read once. */
struct mt_functions {
	void *unit;      /* the address of its first DIE */
	bool has_nested; /* those inside of functions are there too */
	UT_hash_handle hh;
	struct range *data; /* by start */
	size_t len;
	size_t cap;
};

static bool add_function(struct mt_functions *functions, Dwarf_Die *die, const Dwarf_Die *outer)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		struct range range = { .start = start, .end = end, .die = *die, .outer = *outer };

		if (start && start < end && !mt_vec_push(functions, range))
			return false;
	}
	return true;
}

/* clang and rustc put functions into the DIEs of their namespaces and types. */
static bool add_functions(struct mt_functions *functions, Dwarf_Die *parent, int depth)
{
	static const Dwarf_Die none;
	Dwarf_Die child;

	if (depth == DEPTH_MAX || !mt_die_child(parent, &child))
		return true;
	do {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_subprogram && !add_function(functions, &child, &none))
			return false;
		if (mt_tag_is_scope(tag) && !add_functions(functions, &child, depth + 1))
			return false;
	} while (mt_die_sibling(&child, &child));
	return true;
}

/* What GNU C lets one define in another function. Few programs have any, and to look into all
 * functions takes long: it is done for code that belongs to no other function. */
static bool add_nested(struct mt_functions *functions, Dwarf_Die *parent, const Dwarf_Die *outer,
                       int depth)
{
	Dwarf_Die child;

	if (depth == DEPTH_MAX || !mt_die_child(parent, &child))
		return true;
	do {
		int tag = dwarf_tag(&child);
		bool is_function = tag == DW_TAG_subprogram;

		if (is_function && outer->addr && !add_function(functions, &child, outer))
			return false;
		if ((is_function || tag == DW_TAG_lexical_block || mt_tag_is_scope(tag)) &&
		    !add_nested(functions, &child, is_function ? &child : outer, depth + 1))
			return false;
	} while (mt_die_sibling(&child, &child));
	return true;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static void sort_functions(struct mt_functions *functions)
{
	if (functions->len)
		qsort(functions->data, functions->len, sizeof(*functions->data), compare_ranges);
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
	sort_functions(functions);
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

static const struct range *find_range(const struct mt_functions *functions, uint64_t addr)
{
	size_t low = 0, high = functions->len;

	/* The last one that starts at or below addr. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (functions->data[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low && addr < functions->data[low - 1].end ? &functions->data[low - 1] : NULL;
}

static const struct range *range_at(struct mt_module_file *file, uint64_t addr, Dwarf_Die *cu)
{
	static const Dwarf_Die none;
	const struct range *found;
	struct mt_functions *functions;
	Dwarf_Die whole;

	if (!mt_units_cu_at(file, addr, cu) || !mt_unit_whole(file, cu, &whole))
		return NULL;
	functions = functions_of_unit(file, &whole);
	found = functions ? find_range(functions, addr) : NULL;
	if (found || !functions || functions->has_nested)
		return found;
	functions->has_nested = true;
	add_nested(functions, &whole, &none, 0);
	sort_functions(functions);
	return find_range(functions, addr);
}

bool mt_function_die_at(struct mt_module_file *file, uint64_t addr, Dwarf_Die *cu,
                        Dwarf_Die *function)
{
	const struct range *range = range_at(file, addr, cu);

	if (range)
		*function = range->die;
	return range != NULL;
}

bool mt_function_outer(struct mt_module_file *file, uint64_t addr, Dwarf_Die *outer)
{
	Dwarf_Die cu;
	const struct range *range = range_at(file, addr, &cu);

	if (!range || !range->outer.addr)
		return false;
	*outer = range->outer;
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

size_t mt_function_scopes(Dwarf_Die *function, uint64_t addr, Dwarf_Die scopes[MT_SCOPES_MAX])
{
	Dwarf_Die scope = *function;
	size_t count = 0;

	while (count < MT_SCOPES_MAX && inner_scope(&scope, addr, &scope))
		scopes[count++] = scope;
	return count;
}

size_t mt_function_inlines(Dwarf_Die *function, uint64_t addr, Dwarf_Die *inlines, size_t max)
{
	Dwarf_Die scopes[MT_SCOPES_MAX];
	size_t depth = mt_function_scopes(function, addr, scopes), count = 0;

	for (size_t i = 0; i < depth && count < max; i++)
		if (dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine)
			inlines[count++] = scopes[i];
	return count;
}

static void narrow(Dwarf_Die *die, uint64_t addr, uint64_t *start, uint64_t *end)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		const uint64_t borders[] = { low, high };

		for (size_t i = 0; i < 2; i++)
			if (borders[i] <= addr && borders[i] > *start)
				*start = borders[i];
			else if (borders[i] > addr && borders[i] < *end)
				*end = borders[i];
	}
}

void mt_function_inline_span(Dwarf_Die *function, uint64_t addr, uint64_t *start, uint64_t *end)
{
	Dwarf_Die scope = *function, child;

	for (int depth = 0; depth < DEPTH_MAX && mt_die_child(&scope, &child); depth++) {
		bool goes_on = false;

		do {
			if (!is_scope(dwarf_tag(&child)))
				continue;
			narrow(&child, addr, start, end);
			if (!goes_on && dwarf_haspc(&child, addr) == 1) {
				scope = child;
				goes_on = true;
			}
		} while (mt_die_sibling(&child, &child));
		if (!goes_on)
			return;
	}
}

uint64_t mt_die_lowest(Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	uint64_t lowest = 0;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
		if (low < high && (!lowest || low < lowest))
			lowest = low;
	return lowest;
}

const char *mt_function_name(struct mt_module_file *file, Dwarf_Die *function)
{
	Dwarf_Attribute attr;
	const char *linkage =
	    dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attr));
	char *demangled MT_AUTO_FREE = linkage ? mt_demangle(linkage) : NULL;

	return demangled ? mt_module_file_intern(file, demangled) : dwarf_diename(function);
}
