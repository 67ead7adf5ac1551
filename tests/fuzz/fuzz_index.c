/* SPDX-License-Identifier: MIT */
/*
 * A hostile index of a good program. The first byte says what is put right: the head's sums and
 * counts, so that what is behind them is reached, or nothing. The counts come next, a byte each,
 * and then the body. What it finds must be DIEs of the program with the name that was asked for.
 */
#include <dwarf.h>

#include "fuzz.h"
#include "sections.h"
#include "symbol/indexing.h"
#include "symbol/named.h"

enum { COUNTS = 6, MAX_INPUT = 3 * MT_INDEX_BLOCK };
enum { UNIT = 1, STRUCT, VARIABLE, FUNCTION, DEFINITION };

/* DWARF 5 section 7.5.3. */
static const uint8_t abbrev[] = {
	UNIT,
	DW_TAG_compile_unit,
	1,
	0,
	0, /**/
	STRUCT,
	DW_TAG_structure_type,
	1,
	DW_AT_name,
	DW_FORM_string,
	0,
	0, /**/
	VARIABLE,
	DW_TAG_variable,
	0,
	DW_AT_name,
	DW_FORM_string,
	DW_AT_declaration,
	DW_FORM_flag_present,
	0,
	0, /**/
	FUNCTION,
	DW_TAG_subprogram,
	1,
	DW_AT_name,
	DW_FORM_string,
	0,
	0, /**/
	DEFINITION,
	DW_TAG_variable,
	0,
	DW_AT_specification,
	DW_FORM_ref1,
	0,
	0, /**/
	0,
};

static const uint8_t info[] = {
	37,         0,   0, 0, 5, 0, DW_UT_compile, 8, 0, 0, 0, 0, /**/
	UNIT,                                                      /* at 12 */
	STRUCT,     's', 0,                                        /* 13 */
	VARIABLE,   'v', 0,                                        /* 16 */
	STRUCT,     't', 0,                                        /* 19 */
	VARIABLE,   'v', 0,                                        /* 22 */
	0,          0,                                             /**/
	FUNCTION,   'f', 0,                                        /* 27 */
	VARIABLE,   'v', 0,                                        /* 30 */
	FUNCTION,   'f', 0,                                        /* 33 */
	0,          0,                                             /**/
	DEFINITION, 16,                                            /* 38 */
	0,
};

static bool take(struct mt_die_path *path, void *arg)
{
	const char *name = dwarf_diename(mt_die_path_last(path));

	if (!name || strcmp(name, arg) != 0 || path->depth < 2 ||
	    dwarf_tag(&path->dies[0]) != DW_TAG_compile_unit)
		abort();
	return true;
}

static void put_right(struct mt_index_head *head, const uint8_t *counts)
{
	memcpy(head->magic, MT_INDEX_MAGIC, sizeof(head->magic));
	head->version = MT_INDEX_VERSION;
	head->parent_count = counts[0];
	head->unread_count = counts[1] & 1;
	for (size_t i = 0; i < MT_INDEX_TABLES; i++) {
		head->place_count[i] = counts[2 + 2 * i];
		head->key_count[i] = counts[3 + 2 * i];
	}
}

static void write_file(int fd, const void *bytes, size_t len, uint64_t offset)
{
	if (pwrite(fd, bytes, len, (off_t)offset) != (ssize_t)len)
		abort();
}

/* The body with right sums around it. */
static void write_right(int fd, const struct mt_index_subject *subject, const uint8_t *data,
                        size_t size)
{
	struct mt_index_head head = { .subject = *subject };
	struct mt_index_layout layout;
	uint8_t block[MT_INDEX_BLOCK];
	uint32_t sums[4] = { 0 };

	put_right(&head, data);
	mt_index_layout(&head, &layout);
	if (layout.block_count > 4)
		abort();
	data += COUNTS;
	size -= COUNTS;
	for (size_t i = 0; i < layout.block_count; i++) {
		size_t at = i * sizeof(block), left = size > at ? size - at : 0;

		memset(block, 0, sizeof(block));
		memcpy(block, data + (left ? at : 0), left < sizeof(block) ? left : sizeof(block));
		sums[i] = mt_index_sum(block, sizeof(block), i);
		write_file(fd, block, sizeof(block), (i + 1) * sizeof(block));
	}
	write_file(fd, sums, layout.block_count * sizeof(*sums), layout.sums);
	head.sums_sum = mt_index_sum(sums, layout.block_count * sizeof(*sums), 0);
	head.head_sum = mt_index_head_sum(&head);
	write_file(fd, &head, sizeof(head), 0);
	if (ftruncate(fd, (off_t)layout.end))
		abort();
}

/* Opens the input as the index of what has one already. */
static bool replace(struct mt_indexing *indexing, const uint8_t *data, size_t size)
{
	int fd = memfd_create("index", MFD_CLOEXEC);

	if (data[0] & 1)
		write_right(fd, &indexing->subject, data + 1, size - 1);
	else
		write_file(fd, data, size, 0);
	mt_index_file_close(indexing->file);
	indexing->file = mt_index_file_open(&fd, &indexing->subject);
	return indexing->file != NULL;
}

static void ask(struct mt_units *units)
{
	char names[][2] = { "s", "t", "v", "f", "n" };
	Dwarf_Die die;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		mt_named_each(units, names[i], take, names[i]);
	for (uint64_t at = 13; at <= 33; at += 3) {
		char own[2] = "v";

		if (mt_space_die(&units->spaces[0], at, &die) && at == 16)
			mt_referrers_each(units, &die, 1, take, own);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mt_index_policy made = { .make = true, .threads = 1 }, off = { 0 };
	const struct section sections[] = { { ".debug_abbrev", abbrev, sizeof(abbrev) },
		                            { ".debug_info", info, sizeof(info) } };
	struct mt_image *image;
	const struct mt_module *module;

	if (size < 1 + COUNTS || size > MAX_INPUT)
		return 0;
	image = sections_open(sections, 2);
	module = mt_image_executable(image);
	mt_index_set_policy(&made);
	mt_module_index_begin(module);
	while (mt_module_index_state(module) == MT_INDEX_MAKING)
		usleep(20);
	if (mt_module_index_state(module) != MT_INDEX_MADE)
		abort();
	ask(mt_units_of(module->file));
	mt_index_set_policy(&off);
	if (replace(mt_units_of(module->file)->indexing, data, size))
		ask(mt_units_of(module->file));
	mt_image_destroy(image);
	return 0;
}
