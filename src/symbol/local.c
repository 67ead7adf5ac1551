/* SPDX-License-Identifier: MIT */
#include "symbol/local.h"

#include <dwarf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "symbol/die.h"
#include "symbol/function.h"
#include "symbol/local_die.h"

/* More variables in one function than people write; damaged DWARF has no end. */
#define LOCALS_MAX 4096

/* One function's activation at a pc: its own scope, then the blocks in it, inwards. */
struct activation {
	struct mt_module_file *file;
	uint64_t addr; /* in the file */
	Dwarf_Die unit;
	Dwarf_Die scopes[MT_SCOPES_MAX + 1];
	size_t count;
	bool is_outer;
	const char *wanted; /* only variables of that name; NULL: all */
};

/* ---- Which blocks -------------------------------------------------------- */

static struct mt_error *no_function(const struct mt_module *module, uint64_t pc)
{
	if (!module)
		return mt_error_new(MT_ERR_NOT_FOUND, "no module is mapped at 0x%" PRIx64, pc);
	if (!mt_module_has_dwarf(module))
		return mt_error_new(MT_ERR_NOT_FOUND, "%s has no debug information", module->name);
	return mt_error_new(MT_ERR_NOT_FOUND, "no function of %s is known at 0x%" PRIx64,
	                    module->name, pc);
}

/* Keeps, of the blocks around pc, those of the function that is `inline_depth` up from the
 * innermost. False: not as many are inlined here. */
static bool keep_activation(struct activation *activation, unsigned inline_depth)
{
	size_t end = activation->count;
	unsigned depth = 0;

	for (size_t i = activation->count; i-- > 0;) {
		bool starts = !i || dwarf_tag(&activation->scopes[i]) == DW_TAG_inlined_subroutine;

		if (starts && depth++ == inline_depth) {
			activation->count = end - i;
			memmove(activation->scopes, &activation->scopes[i],
			        activation->count * sizeof(*activation->scopes));
			return true;
		}
		if (starts)
			end = i;
	}
	return false;
}

static struct mt_error *find_activation(struct mt_image *image, uint64_t pc, unsigned inline_depth,
                                        struct activation *activation)
{
	const struct mt_module *module = mt_image_module_at(image, pc);

	if (!module || !mt_function_die_at(module->file, pc - module->bias, &activation->unit,
	                                   &activation->scopes[0]))
		return no_function(module, pc);
	activation->file = module->file;
	activation->addr = pc - module->bias;
	activation->count = 1 + mt_function_scopes(&activation->scopes[0], pc - module->bias,
	                                           &activation->scopes[1]);
	if (!keep_activation(activation, inline_depth))
		return mt_error_new(MT_ERR_NOT_FOUND, "no %u functions are inlined at 0x%" PRIx64,
		                    inline_depth, pc);
	return NULL;
}

/* ---- What is in them ----------------------------------------------------- */

static bool is_variable(int tag)
{
	return tag == DW_TAG_variable || tag == DW_TAG_formal_parameter || tag == DW_TAG_constant;
}

/* Whether an inner block has another of that name. */
static bool is_hidden(const struct mt_locals *locals, const struct mt_local *local)
{
	for (size_t i = 0; i < locals->len; i++)
		if ((locals->data[i].block > local->block || local->is_outer) &&
		    !strcmp(locals->data[i].name, local->name))
			return true;
	return false;
}

static bool add_local(const struct activation *activation, Dwarf_Die *die, size_t block,
                      struct mt_locals *locals)
{
	const char *name = dwarf_diename(die);
	const struct mt_local_die *local_die;
	struct mt_local local;

	if (!name || (activation->wanted && strcmp(name, activation->wanted) != 0) ||
	    locals->len == LOCALS_MAX)
		return true;
	local_die = mt_local_die_of(activation->file, &activation->unit, die);
	if (!local_die)
		return false;
	if (!mt_local_describe(local_die, &local))
		return true;
	local.block = (unsigned)block;
	local.is_outer = activation->is_outer;
	local.is_hidden = is_hidden(locals, &local);
	return mt_vec_push(locals, local);
}

/* ---- What a block leaves out --------------------------------------------- */

/* The DIEs of the abstract instance that a block has its own for, sorted. */
struct origins {
	void **data;
	size_t len;
	size_t cap;
};

static int compare_origins(const void *left, const void *right)
{
	const char *a = *(char *const *)left, *b = *(char *const *)right;

	return a < b ? -1 : a > b;
}

static bool read_origins(Dwarf_Die *block, struct origins *origins)
{
	Dwarf_Die child, origin;

	if (!mt_die_child(block, &child))
		return true;
	do {
		if (mt_die_target(&child, DW_AT_abstract_origin, &origin) &&
		    !mt_vec_push(origins, origin.addr))
			return false;
	} while (mt_die_sibling(&child, &child));
	if (origins->len)
		qsort(origins->data, origins->len, sizeof(*origins->data), compare_origins);
	return true;
}

static bool is_instantiated(const struct origins *origins, const Dwarf_Die *abstract)
{
	return origins->len && bsearch(&abstract->addr, origins->data, origins->len,
	                               sizeof(*origins->data), compare_origins);
}

/* The variables below `parent`: the block itself, or what it is an instance of. */
static bool add_children(const struct activation *activation, size_t block, Dwarf_Die *parent,
                         const struct origins *origins, struct mt_locals *locals)
{
	Dwarf_Die child;

	if (!mt_die_child(parent, &child))
		return true;
	do {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_GNU_formal_parameter_pack && dwarf_tag(parent) != tag &&
		    !add_children(activation, block, &child, origins, locals))
			return false;
		if (!is_variable(tag) || is_instantiated(origins, &child))
			continue;
		if (!add_local(activation, &child, block, locals))
			return false;
	} while (mt_die_sibling(&child, &child));
	return true;
}

/*
 * The variables of one block. A concrete or inlined instance leaves out what it has nothing to say
 * of (DWARF 5 section 3.3.8.2: clang does so with variables that are gone); the abstract instance
 * still names them.
 */
static bool add_block(const struct activation *activation, size_t block, struct mt_locals *locals)
{
	Dwarf_Die scope = activation->scopes[block], origin;
	struct origins none = { 0 }, origins = { 0 };
	bool ok = add_children(activation, block, &scope, &none, locals);

	if (ok && mt_die_target(&scope, DW_AT_abstract_origin, &origin))
		ok = read_origins(&scope, &origins) &&
		     add_children(activation, block, &origin, &origins, locals);
	mt_vec_deinit(&origins);
	return ok;
}

/* ---- Answers ------------------------------------------------------------- */

/* What a nested function sees of the one around it: its outermost block. */
static bool add_outer(const struct activation *activation, struct mt_locals *locals)
{
	struct activation outer = { .file = activation->file,
		                    .addr = activation->addr,
		                    .unit = activation->unit,
		                    .count = 1,
		                    .is_outer = true,
		                    .wanted = activation->wanted };

	return !mt_function_outer(activation->file, activation->addr, &outer.scopes[0]) ||
	       add_block(&outer, 0, locals);
}

/* Innermost block first. */
static struct mt_error *gather(const struct activation *activation, struct mt_locals *locals)
{
	Dwarf_Die function = activation->scopes[0];
	struct mt_locals found = { 0 };
	bool ok = true;

	for (size_t block = activation->count; ok && block-- > 0;)
		ok = add_block(activation, block, &found);
	if (ok && dwarf_tag(&function) == DW_TAG_subprogram)
		ok = add_outer(activation, &found);
	if (!ok) {
		mt_locals_deinit(&found);
		return mt_error_nomem();
	}
	*locals = found;
	return NULL;
}

struct mt_error *mt_locals_at(struct mt_image *image, uint64_t pc, unsigned inline_depth,
                              struct mt_locals *locals)
{
	struct activation activation = { 0 };

	MT_TRY(find_activation(image, pc, inline_depth, &activation));
	return gather(&activation, locals);
}

void mt_locals_deinit(struct mt_locals *locals)
{
	mt_vec_deinit(locals);
}

/* ---- One by its name ----------------------------------------------------- */

/* A condition asks for the same names at the same place again and again, for those of globals too.
 * What was found stays true: the file does not change. */
enum { CACHE_SLOTS = 128 };

struct mt_local_cache {
	struct slot {
		const char *name; /* owned by the file; NULL: nothing is kept here */
		uint64_t addr;
		unsigned inline_depth;
		bool exists;
		struct mt_local local;
	} slots[CACHE_SLOTS];
};

static struct slot *slot_of(struct mt_module_file *file, uint64_t addr, unsigned inline_depth,
                            const char *name)
{
	uint64_t hash = addr * 31 + inline_depth;

	if (!file->local_cache)
		file->local_cache = mt_alloc(sizeof(*file->local_cache));
	for (const char *letter = name; *letter; letter++)
		hash = hash * 31 + (unsigned char)*letter;
	return file->local_cache ? &file->local_cache->slots[hash % CACHE_SLOTS] : NULL;
}

/* Names are interned. */
static bool is_kept(const struct slot *slot, const struct slot *wanted)
{
	return slot->name == wanted->name && slot->addr == wanted->addr &&
	       slot->inline_depth == wanted->inline_depth;
}

/* False without memory: then nobody knows whether it exists. */
static bool look_up(struct mt_image *image, uint64_t pc, struct slot *slot)
{
	struct activation activation = { .wanted = slot->name };
	struct mt_locals locals = { 0 };
	struct mt_error *error = find_activation(image, pc, slot->inline_depth, &activation);
	bool is_known;

	if (!error)
		error = gather(&activation, &locals);
	is_known = !error || mt_error_kind(error) != MT_ERR_NOMEM;
	mt_error_free(error);
	slot->exists = locals.len > 0;
	if (slot->exists)
		slot->local = locals.data[0];
	mt_locals_deinit(&locals);
	return is_known;
}

bool mt_local_find(struct mt_image *image, uint64_t pc, unsigned inline_depth, const char *name,
                   struct mt_local *local)
{
	const struct mt_module *module = mt_image_module_at(image, pc);
	struct slot *slot, found;

	if (!module)
		return false;
	found = (struct slot){ .name = mt_module_file_intern(module->file, name),
		               .addr = pc - module->bias,
		               .inline_depth = inline_depth };
	slot = slot_of(module->file, found.addr, inline_depth, name);
	if (!slot || !found.name)
		return false;
	if (!is_kept(slot, &found)) {
		if (!look_up(image, pc, &found))
			return false;
		*slot = found;
	}
	if (slot->exists)
		*local = slot->local;
	return slot->exists;
}
