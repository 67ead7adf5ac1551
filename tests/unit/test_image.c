/* SPDX-License-Identifier: MIT */
/* Modules, and what their addresses stand for, against what programs say of themselves. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "fixture_program.h"

static const char *const described[] = {
	"gcc_dwarf5",     "gcc_dwarf4",   "gcc_no_pie",     "gcc_static",  "gcc_static_pie",
	"gcc_compressed", "gcc_lto",      "gcc_split",      "g++_dwarf5",  "g++_dwarf4",
	"clang_dwarf5",   "clang_dwarf4", "clang++_dwarf5", "clang_split", "gcc_debuglink",
};

static uint64_t addr_of(const struct truth *truth)
{
	return strtoull(truth->parts[1], NULL, 16);
}

static unsigned line_of(const struct truth *truth)
{
	return (unsigned)strtoul(truth->parts[3], NULL, 10);
}

/* The name of the innermost function at an address, inlined ones too. */
static void innermost(struct mt_image *image, uint64_t addr, char name[128])
{
	struct mt_inline_frame frame;
	struct mt_symbol symbol;

	if (mt_image_inlines_at(image, addr, &frame, 1))
		snprintf(name, 128, "%s", frame.name);
	else if (mt_image_symbol_at(image, addr, &symbol))
		snprintf(name, 128, "%s", symbol.name);
	else
		name[0] = '\0';
}

/* Clones for one caller have names of their own. */
static bool is_function(const char *name, const char *wanted)
{
	size_t len = strlen(wanted);

	return !strncmp(name, wanted, len) && (!name[len] || name[len] == '.' || name[len] == ' ');
}

static void check_pc(struct fixture *fixture, const struct truth *truth)
{
	struct mt_line line = { 0 };
	char name[128];

	innermost(fixture->image, addr_of(truth), name);
	ck_assert_msg(is_function(name, truth->parts[2]), "%s: %s is in %s, not in %s",
	              fixture->name, truth->parts[1], name, truth->parts[2]);
	ck_assert_msg(mt_image_line_at(fixture->image, addr_of(truth), &line),
	              "%s: no line for %s in %s", fixture->name, truth->parts[1], name);
	ck_assert_msg(line.line == line_of(truth), "%s: line %u instead of %u", fixture->name,
	              line.line, line_of(truth));
	ck_assert_msg(strstr(line.file, "symbol-data/"), "%s: %s", fixture->name, line.file);
}

static void check_inlined(struct fixture *fixture, const struct truth *truth)
{
	struct mt_inline_frame frames[4];
	size_t count = mt_image_inlines_at(fixture->image, addr_of(truth), frames, 4);

	ck_assert_msg(count >= 1, "%s: nothing is inlined at %s", fixture->name, truth->parts[1]);
	ck_assert_str_eq(frames[0].name, truth->parts[2]);
	ck_assert_msg(frames[0].call.line == line_of(truth), "%s: called from line %u, not %u",
	              fixture->name, line_of(truth), frames[0].call.line);
	ck_assert_str_eq(mt_path_tail(frames[0].call.file), "globals.c");
}

static void read_memory(pid_t pid, uint64_t addr, void *out, size_t len)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);

	int fd = open(path, O_RDONLY);

	ck_assert_int_eq(pread(fd, out, len, (off_t)addr), (ssize_t)len);
	close(fd);
}

static void check_function(struct fixture *fixture, const struct truth *truth)
{
	uint64_t addr = strtoull(truth->parts[2], NULL, 16), start, end;
	uint8_t from_file[16], from_memory[16];
	struct mt_symbol symbol;

	ck_assert(mt_image_symbol_at(fixture->image, addr, &symbol));
	ck_assert_msg(is_function(symbol.name, truth->parts[1]), "%s: %s instead of %s",
	              fixture->name, symbol.name, truth->parts[1]);
	ck_assert_uint_eq(symbol.addr, addr);
	ck_assert(symbol.is_function);
	ck_assert(mt_image_function_bounds(fixture->image, addr + 1, &start, &end));
	ck_assert_uint_eq(start, addr);
	ck_assert_uint_eq(end, addr + symbol.size);

	size_t len = end - start < 16 ? end - start : 16;

	ck_assert_uint_eq(mt_image_read_code(fixture->image, addr, from_file, len), len);
	read_memory(fixture->pid, addr, from_memory, len);
	ck_assert_mem_eq(from_file, from_memory, len);
}

/* Every place of the line is in that line, and one of them in the function that the program named:
 * optimised code of an inlined function may be scheduled into its caller's. */
static void check_line_locations(struct fixture *fixture, const char *text, const char *function,
                                 unsigned line)
{
	struct mt_location *locations;
	size_t count;
	char name[128];
	struct mt_line found;
	bool in_function = false;
	struct mt_error *error = mt_image_locate(fixture->image, text, &locations, &count);

	ck_assert_msg(!error, "%s: %s: %s", fixture->name, text, error ? mt_error_text(error) : "");
	for (size_t i = 0; i < count; i++) {
		innermost(fixture->image, locations[i].addr, name);
		in_function =
		    in_function || is_function(name, function) || strstr(locations[i].what, "work");
		ck_assert_msg(mt_image_line_at(fixture->image, locations[i].addr, &found) &&
		                  found.line == line,
		              "%s: %s is in line %u", fixture->name, text, found.line);
	}
	ck_assert_msg(in_function, "%s: %s is not in %s", fixture->name, text, function);
	mt_locations_free(locations, count);
}

static void check_located_line(struct fixture *fixture, const struct truth *truth)
{
	char text[128];
	const char *file = strncmp(mt_path_tail(fixture->name), "g++", 3) != 0 &&
	                           strncmp(fixture->name, "clang++", 7) != 0
	                       ? "globals.c"
	                       : "classes.cc";

	snprintf(text, sizeof(text), "%s:%s", file, truth->parts[3]);
	check_line_locations(fixture, text, truth->parts[2], line_of(truth));
}

static void check_located_function(struct fixture *fixture, const struct truth *truth)
{
	struct mt_location *locations;
	size_t count;
	uint64_t addr = strtoull(truth->parts[2], NULL, 16), start, end;
	bool found = false;

	MT_CK_OK(mt_image_locate(fixture->image, truth->parts[1], &locations, &count));
	ck_assert(mt_image_function_bounds(fixture->image, addr, &start, &end));
	for (size_t i = 0; i < count; i++)
		found = found || (locations[i].addr >= start && locations[i].addr < end);
	ck_assert_msg(found, "%s: %s is not among its places", fixture->name, truth->parts[1]);
	mt_locations_free(locations, count);
}

static void each_program(const char *kind, size_t least,
                         void (*check)(struct fixture *, const struct truth *))
{
	for (size_t i = 0; i < sizeof(described) / sizeof(*described); i++) {
		struct fixture fixture;
		bool is_c = !strstr(described[i], "++");

		if ((!is_c && strcmp(kind, "pc") != 0) || !fixture_start(&fixture, described[i]))
			continue;
		fixture_each(&fixture, kind, is_c ? least : 1, check);
		fixture_stop(&fixture);
	}
}

START_TEST(addresses_have_their_function_and_line)
{
	each_program("pc", 2, check_pc);
}
END_TEST

START_TEST(inlined_functions_have_their_call)
{
	each_program("inlined", 1, check_inlined);
}
END_TEST

START_TEST(functions_have_bounds_and_code)
{
	each_program("function", 2, check_function);
}
END_TEST

START_TEST(lines_have_their_addresses)
{
	each_program("pc", 1, check_located_line);
}
END_TEST

START_TEST(functions_have_their_addresses)
{
	each_program("function", 2, check_located_function);
}
END_TEST

/* .eh_frame_hdr stays when a program is stripped. */
static void check_stripped(struct fixture *fixture, const struct truth *truth)
{
	uint64_t addr = strtoull(truth->parts[2], NULL, 16), start, end;

	ck_assert(mt_image_function_bounds(fixture->image, addr + 1, &start, &end));
	ck_assert_uint_eq(start, addr);
	ck_assert_uint_gt(end, addr + 1);
}

START_TEST(stripped_functions_have_bounds)
{
	struct fixture fixture;

	fixture_start(&fixture, "gcc_stripped");
	fixture_each(&fixture, "function", 2, check_stripped);
	ck_assert(!mt_module_has_symbols(mt_image_executable(fixture.image)));
	ck_assert(!mt_module_has_dwarf(mt_image_executable(fixture.image)));
	fixture_stop(&fixture);
}
END_TEST

START_TEST(a_debug_file_gives_symbols_and_dwarf)
{
	struct fixture fixture;

	fixture_start(&fixture, "gcc_debuglink");
	ck_assert(mt_module_has_symbols(mt_image_executable(fixture.image)));
	ck_assert(mt_module_has_dwarf(mt_image_executable(fixture.image)));
	ck_assert_ptr_null(mt_module_note(mt_image_executable(fixture.image)));
	fixture_stop(&fixture);
}
END_TEST

START_TEST(places_by_address_and_by_module)
{
	struct fixture fixture;
	struct mt_location *locations;
	size_t count;
	char text[64];

	fixture_start(&fixture, "gcc_dwarf5");

	const struct mt_module *module = mt_image_executable(fixture.image);

	snprintf(text, sizeof(text), "*%#" PRIx64, module->start + 0x1234);
	MT_CK_OK(mt_image_locate(fixture.image, text, &locations, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(locations[0].addr, module->start + 0x1234);
	mt_locations_free(locations, count);
	MT_CK_OK(mt_image_locate(fixture.image, "gcc_dwarf5+0x1234", &locations, &count));
	ck_assert_uint_eq(locations[0].addr, module->start + 0x1234);
	mt_locations_free(locations, count);
	fixture_stop(&fixture);
}
END_TEST

START_TEST(places_that_are_none)
{
	struct fixture fixture;
	struct mt_location *locations;
	size_t count;

	fixture_start(&fixture, "gcc_dwarf5");
	MT_CK_FAILS(mt_image_locate(fixture.image, "wrok", &locations, &count), MT_ERR_NOT_FOUND,
	            "did you mean work");
	MT_CK_FAILS(mt_image_locate(fixture.image, "globals.c:9999", &locations, &count),
	            MT_ERR_NOT_FOUND, "no code for line 9999");
	MT_CK_FAILS(mt_image_locate(fixture.image, "nowhere.c:1", &locations, &count),
	            MT_ERR_NOT_FOUND, "no code");
	MT_CK_FAILS(mt_image_locate(fixture.image, "", &locations, &count), MT_ERR_SYNTAX, "place");
	MT_CK_FAILS(mt_image_locate(fixture.image, "*work", &locations, &count), MT_ERR_SYNTAX,
	            "address");
	MT_CK_FAILS(mt_image_locate(fixture.image, "gcc_dwarf5+0xffffff", &locations, &count),
	            MT_ERR_NOT_FOUND, "bytes long");
	MT_CK_FAILS(mt_image_locate(fixture.image, "'globals.c'work", &locations, &count),
	            MT_ERR_SYNTAX, "::");
	fixture_stop(&fixture);
}
END_TEST

/* ---- Modules ---- */

START_TEST(modules_are_found_by_address_and_name)
{
	struct fixture fixture;
	const struct mt_module *module;

	fixture_start(&fixture, "gcc_dwarf5");
	ck_assert_str_eq(mt_image_executable(fixture.image)->name, "gcc_dwarf5");
	ck_assert_int_eq(mt_image_pid(fixture.image), fixture.pid);
	for (size_t i = 0; i < mt_image_module_count(fixture.image); i++) {
		module = mt_image_module(fixture.image, i);
		ck_assert_ptr_eq(mt_image_module_at(fixture.image, module->start), module);
		ck_assert_ptr_eq(mt_image_module_at(fixture.image, module->end - 1), module);
		ck_assert_ptr_ne(mt_image_module_at(fixture.image, module->end), module);
	}
	ck_assert_ptr_null(mt_image_module_at(fixture.image, 0));

	module = mt_image_module_named(fixture.image, "libc.so.6");
	ck_assert_ptr_nonnull(module);
	ck_assert_ptr_eq(mt_image_module_named(fixture.image, "libc"), module);
	ck_assert_ptr_eq(mt_image_module_named(fixture.image, "libc.so"), module);
	ck_assert_ptr_null(mt_image_module_named(fixture.image, "lib"));
	ck_assert_ptr_null(mt_image_module_named(fixture.image, ""));
	fixture_stop(&fixture);
}
END_TEST

START_TEST(the_vdso_has_symbols)
{
	struct mt_image *image;
	struct mt_symbol symbol;
	void *gettime =
	    dlsym(dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD), "__vdso_clock_gettime");

	MT_CK_OK(mt_image_create(getpid(), &image));
	ck_assert_ptr_nonnull(gettime);
	ck_assert(mt_image_symbol_at(image, (uintptr_t)gettime, &symbol));
	ck_assert(strstr(symbol.name, "clock_gettime"));
	ck_assert_str_eq(symbol.module->path, "[vdso]");
	mt_image_destroy(image);
}
END_TEST

START_TEST(a_library_comes_and_goes)
{
	struct mt_image *image;
	char path[PATH_MAX];
	bool changed = true;

	fixture_path("libsymbols.so", path);
	MT_CK_OK(mt_image_create(getpid(), &image));
	MT_CK_OK(mt_image_refresh(image, &changed));
	ck_assert(!changed);

	void *library = dlopen(path, RTLD_NOW);

	ck_assert_ptr_nonnull(library);
	ck_assert_ptr_null(mt_image_module_named(image, "libsymbols"));
	MT_CK_OK(mt_image_refresh(image, &changed));
	ck_assert(changed);

	const struct mt_module *module = mt_image_module_named(image, "libsymbols");
	uint64_t counter = (uintptr_t)dlsym(library, "library_counter");
	struct mt_symbol symbol;

	ck_assert_ptr_nonnull(module);
	ck_assert(mt_image_symbol_at(image, counter, &symbol));
	ck_assert_str_eq(symbol.name, "library_counter");
	ck_assert_uint_eq(symbol.addr, counter);
	ck_assert(!symbol.is_function);
	dlclose(library);
	MT_CK_OK(mt_image_refresh(image, &changed));
	ck_assert(changed);
	ck_assert_ptr_null(mt_image_module_at(image, counter));
	ck_assert_str_eq(module->name, "libsymbols.so");
	mt_image_destroy(image);
}
END_TEST

static void copy_file(const char *from, const char *to)
{
	char command[2 * PATH_MAX + 16];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(a_deleted_program_is_read_all_the_same)
{
	struct fixture fixture;
	char path[PATH_MAX], folder[PATH_MAX] = "/tmp/memtrap-deleted-XXXXXX", copy[PATH_MAX];
	char name[PATH_MAX];

	fixture_path("gcc_static", path);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(copy, sizeof(copy), "%.2000s/gcc_copy", folder);
	copy_file(path, copy);
	snprintf(name, sizeof(name), "../../../../../../../../../../..%.2000s", copy);
	fixture_start(&fixture, name);
	mt_image_destroy(fixture.image);
	unlink(copy);
	rmdir(folder);
	MT_CK_OK(mt_image_create(fixture.pid, &fixture.image));
	fixture_each(&fixture, "pc", 2, check_pc);
	fixture_stop(&fixture);
}
END_TEST

START_TEST(an_image_outlives_its_process)
{
	struct fixture fixture;

	fixture_start(&fixture, "gcc_dwarf5");
	close(fixture.input);
	waitpid(fixture.pid, NULL, 0);
	fixture.input = -1;
	fixture_each(&fixture, "pc", 2, check_pc);
	MT_CK_FAILS(mt_image_refresh(fixture.image, NULL), MT_ERR_NOT_FOUND, "mappings");
	ck_assert_str_eq(mt_image_executable(fixture.image)->name, "gcc_dwarf5");
	mt_image_destroy(fixture.image);
	mt_buf_deinit(&fixture.truth);
}
END_TEST

/* ---- Files that are no programs ---- */

static void check_file(const char *bytes, size_t len, const char *part)
{
	char path[] = "/tmp/memtrap-file-XXXXXX";
	int fd MT_AUTO_FD = mkstemp(path);
	struct mt_image *image;

	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	MT_CK_FAILS(mt_image_open_file(path, &image), MT_ERR_FORMAT, part);
	unlink(path);
}

START_TEST(other_files_are_told_as_what_they_are)
{
	struct mt_image *image;
	char path[PATH_MAX];
	char elf[64] = "\177ELF\2\1\1";

	check_file("", 0, "an empty file");
	check_file("#! /usr/bin/python3 -u\n", 23, "a script for /usr/bin/python3");
	check_file("hello, world", 12, "not an ELF program");
	check_file(elf, 20, "not an ELF program");
	elf[16] = 3;
	elf[18] = (char)183;
	check_file(elf, 64, "ELF for AArch64");
	elf[18] = 62;
	elf[16] = 1;
	check_file(elf, 64, "an object file");
	elf[16] = 3;
	elf[5] = 2;
	check_file(elf, 64, "big-endian");
	elf[5] = 1;
	elf[54] = 56;
	elf[56] = 2;
	check_file(elf, 64, "is cut short");
	MT_CK_FAILS(mt_image_open_file("/tmp", &image), MT_ERR_FORMAT, "a directory");
	MT_CK_FAILS(mt_image_open_file("/nonexistent", &image), MT_ERR_NOT_FOUND, "/nonexistent");
	fixture_path("gcc_no_pie", path);
	MT_CK_OK(mt_image_open_file(path, &image));
	ck_assert_int_eq(mt_image_pid(image), 0);
	ck_assert_uint_eq(mt_image_executable(image)->bias, 0);
	mt_image_destroy(image);
}
END_TEST

START_TEST(processes_that_cannot_be_read)
{
	struct mt_image *image;

	MT_CK_FAILS(mt_image_create(0x7ffffffe, &image), MT_ERR_NOT_FOUND, "process 2147483646");
	MT_CK_FAILS(mt_image_create(2, &image), MT_ERR_NOT_FOUND, "process 2");
}
END_TEST

MT_UNIT_MAIN("image", addresses_have_their_function_and_line, inlined_functions_have_their_call,
             functions_have_bounds_and_code, lines_have_their_addresses,
             functions_have_their_addresses, stripped_functions_have_bounds,
             a_debug_file_gives_symbols_and_dwarf, places_by_address_and_by_module,
             places_that_are_none, modules_are_found_by_address_and_name, the_vdso_has_symbols,
             a_library_comes_and_goes, a_deleted_program_is_read_all_the_same,
             an_image_outlives_its_process, other_files_are_told_as_what_they_are,
             processes_that_cannot_be_read)
