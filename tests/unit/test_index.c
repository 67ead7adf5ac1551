/* SPDX-License-Identifier: MIT */
/* Indexes: what they answer is what a walk over all DIEs finds, and what a scan does. */
#include <dwarf.h>

#include "index_program.h"
#include "symbol/die.h"

/* So many names of a program are also scanned for; a scan takes long. */
#define SCANNED 300

static const struct mt_index_policy made = { .make = true }, off = { 0 };

static const char *const programs[] = {
	"type-data/c_gcc",
	"type-data/c_gcc_dwarf3",
	"type-data/c_gcc_units",
	"type-data/c_gcc_units5",
	"type-data/c_gcc_split",
	"type-data/c_gcc_split4",
	"type-data/c_gcc_lto",
	"type-data/c_clang",
	"type-data/c_clang_dwarf4",
	"type-data/c_clang_split",
	"type-data/i386_gcc",
	"type-data/cc_gcc",
	"type-data/cc_gcc_dwarf4",
	"type-data/cc_gcc_units",
	"type-data/cc_gcc_split",
	"type-data/cc_clang",
	"type-data/rust",
	"type-data/c_dwz",
	"type-data/cc_dwz",
	"locals-data/gcc_o2",
	"locals-data/gcc_o2_lto",
	"locals-data/gcc_o2_split4",
	"locals-data/clang_o2",
	"locals-data/clang_o2_split",
	"locals-data/g++_o2",
	"locals-data/clang++_o2",
	"locals-data/rust_o2",
	"symbol-data/clang_split",
	"symbol-data/gcc_debuglink",
	"symbol-data/gcc_compressed",
	"symbol-data/clang++_dwarf5",
};

/* ---- What a walk over everything finds --------------------------------------- */

struct walker {
	struct finds names, references;
	struct mt_die_path path;
	bool has_references;
};

static void take_die(struct walker *walker)
{
	Dwarf_Die *die = mt_die_path_last(&walker->path);
	int tag = dwarf_tag(die);
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr(die, DW_AT_name, &attr));
	bool is_static = mt_die_flag(die, DW_AT_external) || mt_die_flag(die, DW_AT_declaration);
	struct found found = found_at(&walker->path);

	if (name && *name && mt_tag_is_named(tag) && (tag != DW_TAG_member || is_static)) {
		found.name = name;
		found.order = walker->names.len;
		ck_assert(mt_vec_push(&walker->names, found));
	}
	if (walker->has_references && mt_die_origin(die, &found.target)) {
		found.order = walker->references.len;
		ck_assert(mt_vec_push(&walker->references, found));
	}
}

static void walk_children(struct walker *walker)
{
	Dwarf_Die child;

	if (walker->path.depth == MT_DIE_DEPTH ||
	    !mt_die_child(mt_die_path_last(&walker->path), &child))
		return;
	do {
		walker->path.dies[walker->path.depth++] = child;
		take_die(walker);
		walk_children(walker);
		walker->path.depth--;
	} while (mt_die_sibling(&child, &child));
}

static void walk_all(const struct mt_units *units, struct walker *walker)
{
	for (size_t i = 0; i < units->space_count; i++) {
		walker->has_references = i == 0;
		for (size_t j = 0; j < units->spaces[i].count; j++) {
			walker->path.depth = 1;
			if (mt_space_die(&units->spaces[i], units->spaces[i].units[j].die,
			                 &walker->path.dies[0]))
				walk_children(walker);
		}
	}
	for (size_t i = 0; i < units->split_count; i++)
		walk_all(units->splits[i], walker);
}

static int by_name(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

static int by_target(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	const char *x = a->target.addr, *y = b->target.addr;

	return x != y ? (x < y ? -1 : 1) : a->order < b->order ? -1 : a->order > b->order;
}

/* ---- What the rooms find ----------------------------------------------------- */

static void check_same(const struct finds *finds, const struct found *wanted, size_t count,
                       const char *program, const char *what, const char *by)
{
	ck_assert_msg(finds->len == count, "%s: %s: %zu by %s instead of %zu", program, what,
	              finds->len, by, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(
		    finds->data[i].die == wanted[i].die && finds->data[i].path == wanted[i].path,
		    "%s: %s: number %zu of %zu is another one by %s", program, what, i, count, by);
}

/* The index lies aside meanwhile. */
static void scan_for(struct mt_units *units, const char *name, struct finds *finds)
{
	struct mt_indexing *indexing = units->indexing;

	units->indexing = NULL;
	mt_index_set_policy(&off);
	ck_assert(mt_named_each(units, name, take_found, finds));
	units->indexing = indexing;
	mt_index_set_policy(&made);
}

static void check_name(struct mt_units *units, const struct found *wanted, size_t count, bool scans,
                       const char *program)
{
	struct finds finds = { 0 };

	ck_assert(mt_named_each(units, wanted->name, take_found, &finds));
	check_same(&finds, wanted, count, program, wanted->name, "the index");
	finds.len = 0;
	if (scans) {
		scan_for(units, wanted->name, &finds);
		check_same(&finds, wanted, count, program, wanted->name, "a scan");
	}
	mt_vec_deinit(&finds);
}

static void check_names(struct mt_units *units, struct finds *names, const char *program)
{
	size_t count, number = 0, step = names->len / SCANNED + 1;

	ck_assert_uint_gt(names->len, 0);
	qsort(names->data, names->len, sizeof(*names->data), by_name);
	for (size_t i = 0; i < names->len; i += count, number++) {
		for (count = 1; i + count < names->len &&
		                !strcmp(names->data[i].name, names->data[i + count].name);)
			count++;
		check_name(units, &names->data[i], count, number % step == 0, program);
	}
}

static size_t find_referrers(struct mt_units *units, Dwarf_Die target, struct finds *finds)
{
	finds->len = 0;
	ck_assert(mt_referrers_each(units, &target, 1, take_found, finds));
	return finds->len;
}

/* Of what is for its own unit alone, those in others are not asked for. */
static void check_referrers(struct mt_units *units, struct finds *references, const char *program)
{
	size_t count, number = 0, step = references->len / SCANNED + 1;
	struct finds finds = { 0 }, scanned = { 0 };

	if (references->len)
		qsort(references->data, references->len, sizeof(*references->data), by_target);
	for (size_t i = 0; i < references->len; i += count, number++) {
		Dwarf_Die target = references->data[i].target;

		for (count = 1; i + count < references->len &&
		                references->data[i + count].target.addr == target.addr;)
			count++;
		find_referrers(units, target, &finds);
		if (mt_die_is_shared(&target))
			check_same(&finds, &references->data[i], count, program, "references",
			           "the index");
		if (number % step)
			continue;

		struct mt_indexing *indexing = units->indexing;

		units->indexing = NULL;
		mt_index_set_policy(&off);
		find_referrers(units, target, &scanned);
		units->indexing = indexing;
		mt_index_set_policy(&made);
		check_same(&finds, scanned.data, scanned.len, program, "references", "a scan");
	}
	mt_vec_deinit(&finds);
	mt_vec_deinit(&scanned);
}

static void check_program(const char *program)
{
	struct mt_image *image = open_program(program);
	const struct mt_module *module = mt_image_executable(image);
	struct mt_units *units = units_of(image);
	struct walker walker = { 0 };
	struct finds none = { 0 };
	size_t unread;

	mt_index_set_policy(&made);
	wait_for_index(module);
	ck_assert_msg(mt_module_index_state(module) == MT_INDEX_MADE, "%s: %d", program,
	              (int)mt_module_index_state(module));
	mt_index_file_unread(units->indexing->file, &unread);
	ck_assert_uint_eq(unread, 0);
	walk_all(units, &walker);
	check_names(units, &walker.names, program);
	check_referrers(units, &walker.references, program);
	ck_assert(mt_named_each(units, "no_such_name_anywhere", take_found, &none));
	ck_assert_uint_eq(none.len, 0);
	mt_vec_deinit(&walker.names);
	mt_vec_deinit(&walker.references);
	mt_image_destroy(image);
}

START_TEST(an_index_knows_what_a_walk_finds)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		check_program(programs[i]);
}
END_TEST

/* 40,000 names, compressed; ourselves, in many units. */
START_TEST(large_programs_are_indexed_like_small_ones)
{
	check_program("/lib/x86_64-linux-gnu/libc.so.6");
	check_program("/proc/self/exe");
}
END_TEST

MT_UNIT_MAIN("index", an_index_knows_what_a_walk_finds, large_programs_are_indexed_like_small_ones)
