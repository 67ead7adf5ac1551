/* SPDX-License-Identifier: MIT */
/*
 * Hostile abbreviations, DIEs and line tables. The input has the sizes of four sections (16 bits
 * each: .debug_abbrev, .debug_line, .debug_str, .debug_str_offsets), these sections, and
 * .debug_info after them. Names are looked for by a scan and by an index, and lines by address and
 * by name.
 */
#include "fuzz.h"
#include "sections.h"
#include "symbol/indexing.h"
#include "symbol/lines.h"
#include "symbol/local.h"
#include "symbol/named.h"
#include "symbol/variable.h"

enum { GIVEN = 4, MAX_INPUT = 16384, REFERRED = 8 };

static const char *const names[] = { "work", "total", "calls", "list", "i", "f", "a" };

struct seen {
	Dwarf_Die dies[REFERRED];
	size_t count;
};

/* Touches what a visitor would. */
static bool take(struct mt_die_path *path, void *arg)
{
	struct seen *seen = arg;

	for (size_t i = 0; i < path->depth; i++)
		dwarf_diename(&path->dies[i]);
	if (seen->count < REFERRED)
		seen->dies[seen->count++] = *mt_die_path_last(path);
	return true;
}

static void ask_for_names(struct mt_units *units)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct seen seen = { 0 }, referrers = { 0 };

		mt_named_each(units, names[i], take, &seen);
		if (seen.count)
			mt_referrers_each(units, seen.dies, seen.count, take, &referrers);
	}
}

static void ask_by_index(struct mt_image *image, struct mt_units *units)
{
	static const struct mt_index_policy off = { 0 }, made = { .make = true, .threads = 1 };
	const struct mt_module *module = mt_image_executable(image);

	mt_index_set_policy(&made);
	mt_module_index_begin(module);
	while (mt_module_index_state(module) == MT_INDEX_MAKING)
		usleep(20);
	ask_for_names(units);
	mt_index_set_policy(&off);
}

static void ask_for_places(struct mt_image *image)
{
	static const char *const places[] = { "tiny.c:12", "work", "main.c:3" };
	struct mt_inline_frame inlines[4];
	struct mt_line line;

	for (uint64_t at = 0; at < SECTIONS_CODE_SIZE; at += 128) {
		struct mt_locals locals = { 0 };

		mt_image_line_at(image, SECTIONS_CODE + at, &line);
		mt_image_inlines_at(image, SECTIONS_CODE + at, inlines, 4);
		mt_error_free(mt_locals_at(image, SECTIONS_CODE + at, 0, &locals));
		mt_locals_deinit(&locals);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct mt_location *locations;
		size_t count;
		struct mt_error *error = mt_image_locate(image, places[i], &locations, &count);

		if (!error)
			mt_locations_free(locations, count);
		mt_error_free(error);
	}
}

static void ask_for_variables(struct mt_image *image)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct mt_variable_query query = { .name = names[i] };
		struct mt_variable variable;

		mt_error_free(mt_variable_find(image, &query, &variable));
		mt_type_find(image, names[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct section sections[GIVEN + 1] = {
		{ .name = ".debug_abbrev" }, { .name = ".debug_line" },
		{ .name = ".debug_str" },    { .name = ".debug_str_offsets" },
		{ .name = ".debug_info" },
	};
	const uint8_t *at = data + GIVEN * sizeof(uint16_t);
	size_t left = size - GIVEN * sizeof(uint16_t);
	struct mt_image *image;
	struct mt_units *units;

	if (size < GIVEN * sizeof(uint16_t) || size > MAX_INPUT)
		return 0;
	for (size_t i = 0; i <= GIVEN; i++) {
		uint16_t wanted = UINT16_MAX;

		if (i < GIVEN)
			memcpy(&wanted, data + i * sizeof(wanted), sizeof(wanted));
		sections[i].bytes = at;
		sections[i].size = wanted < left ? wanted : left;
		at += sections[i].size;
		left -= sections[i].size;
	}
	image = sections_open(sections, GIVEN + 1);
	units = mt_units_of(mt_image_executable(image)->file);
	if (units) {
		ask_for_names(units);
		ask_by_index(image, units);
	}
	ask_for_places(image);
	ask_for_variables(image);
	mt_image_destroy(image);
	return 0;
}
