/* SPDX-License-Identifier: MIT */
/* Line ranges, held against readelf's view of the line table; names in bulk. */
#include <inttypes.h>

#include "fixture_program.h"
#include "symbol/lines.h"

/* One row as readelf decodes it. */
struct row {
	char file[64];
	unsigned line; /* 0: the end of a sequence */
	uint64_t addr;
};

struct table {
	struct row *rows;
	size_t count;
};

static bool read_row(const char *text, struct row *row)
{
	char line[16];

	/* The address of a row whose operation is not its first in an instruction has "[…]". */
	if (sscanf(text, "%63s %15s %" SCNx64, row->file, line, &row->addr) != 3 ||
	    (line[0] != '-' && (line[0] < '0' || line[0] > '9')))
		return false;
	row->line = line[0] == '-' ? 0 : (unsigned)strtoul(line, NULL, 10);
	return true;
}

static int by_addr(const void *left, const void *right)
{
	const struct row *a = left, *b = right;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return 0;
}

static struct table read_table(const char *path)
{
	struct table table = { .rows = calloc(65536, sizeof(struct row)) };
	char command[PATH_MAX + 64], text[4096];

	snprintf(command, sizeof(command), "readelf -W --debug-dump=decodedline %s", path);

	FILE *readelf = popen(command, "r");

	ck_assert_ptr_nonnull(readelf);
	while (fgets(text, sizeof(text), readelf))
		table.count += read_row(text, &table.rows[table.count]);
	pclose(readelf);
	qsort(table.rows, table.count, sizeof(struct row), by_addr);
	return table;
}

/* Whether a row of the table puts that line at that address. */
static bool table_has(const struct table *table, uint64_t addr, unsigned line)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].addr == addr && table->rows[i].line == line)
			return true;
	return false;
}

/* The address of the first row that lies above `addr`. */
static uint64_t next_address(const struct table *table, uint64_t addr)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].addr > addr)
			return table->rows[i].addr;
	return addr + 1;
}

/* Every instruction from a row to the next one is of a line that the table has there. */
static size_t check_program(const char *name)
{
	struct mt_image *image;
	struct mt_line_range range;
	char path[PATH_MAX];
	size_t checked = 0;

	fixture_path(name, path);
	if (access(path, X_OK) != 0)
		return 1;
	ck_assert_ptr_null(mt_image_open_file(path, &image));

	struct table table = read_table(path);

	for (size_t i = 0; i < table.count; i++) {
		uint64_t addr = table.rows[i].addr, last = next_address(&table, addr) - 1;

		if (!mt_line_range_at(image, addr, &range))
			continue;
		ck_assert_msg(range.start <= addr && addr < range.end && last < range.end,
		              "%s: %#" PRIx64 " is not in %#" PRIx64 "-%#" PRIx64, name, addr,
		              range.start, range.end);
		ck_assert_msg(table_has(&table, addr, range.line.line) || range.start < addr,
		              "%s: no row has line %u at %#" PRIx64, name, range.line.line, addr);
		ck_assert(table_has(&table, range.start, range.line.line) || !range.line.line);
		checked++;
	}
	free(table.rows);
	mt_image_destroy(image);
	return checked;
}

START_TEST(ranges_are_those_of_readelf)
{
	static const char *const programs[] = { "gcc_dwarf5",   "gcc_dwarf4",   "g++_dwarf5",
		                                "clang_dwarf5", "clang_dwarf4", "gcc_static" };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		ck_assert_msg(check_program(programs[i]) > 0, "%s: no row was checked",
		              programs[i]);
}
END_TEST

struct walk {
	uint64_t at;
	unsigned line;
	size_t count;
};

static bool take_range(const struct mt_line_range *range, void *arg)
{
	struct walk *walk = arg;

	ck_assert_uint_le(range->start, walk->at);
	ck_assert_uint_gt(range->end, walk->at);
	ck_assert_uint_ne(range->line.line, walk->line);
	walk->at = range->end;
	walk->line = range->line.line;
	walk->count++;
	return true;
}

START_TEST(the_ranges_of_a_function_follow_each_other)
{
	struct mt_location *locations;
	struct mt_image *image;
	struct mt_symbol symbol;
	char path[PATH_MAX];
	size_t count;

	fixture_path("gcc_dwarf5", path);
	ck_assert_ptr_null(mt_image_open_file(path, &image));
	ck_assert_ptr_null(mt_image_locate(image, "main", &locations, &count));
	ck_assert(mt_image_symbol_at(image, locations[0].addr, &symbol));

	struct walk walk = { .at = symbol.addr };

	mt_line_ranges_each(image, symbol.addr, symbol.addr + symbol.size, take_range, &walk);
	ck_assert_uint_gt(walk.count, 3);
	ck_assert_uint_ge(walk.at, symbol.addr + symbol.size);
	mt_locations_free(locations, count);
	mt_image_destroy(image);
}
END_TEST

static bool is_named_main(const struct mt_symbol *symbol, void *arg)
{
	*(bool *)arg |= !strcmp(symbol->name, "main") && symbol->is_function;
	return true;
}

static bool is_other_c(const char *path, void *arg)
{
	const char *tail = strrchr(path, '/');

	*(bool *)arg |= !strcmp(tail ? tail + 1 : path, "other.c");
	return true;
}

START_TEST(sources_and_symbols_are_listed)
{
	bool has_main = false, has_other = false;
	struct mt_image *image;
	char path[PATH_MAX];

	fixture_path("gcc_dwarf5", path);
	ck_assert_ptr_null(mt_image_open_file(path, &image));
	mt_symbols_each(image, true, is_named_main, &has_main);
	mt_sources_each(image, is_other_c, &has_other);
	ck_assert(has_main);
	ck_assert(has_other);
	mt_image_destroy(image);
}
END_TEST

MT_UNIT_MAIN("lines", ranges_are_those_of_readelf, the_ranges_of_a_function_follow_each_other,
             sources_and_symbols_are_listed)
