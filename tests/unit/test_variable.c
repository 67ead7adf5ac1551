/* SPDX-License-Identifier: MIT */
/* Variables of running programs, against what the programs say of themselves. */
#include <fcntl.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "fixture_program.h"
#include "print/print.h"
#include "symbol/variable.h"

/* With debug information, in one way or another. */
static const char *const described[] = {
	"gcc_dwarf5",     "gcc_dwarf4",   "gcc_no_pie",     "gcc_static",  "gcc_static_pie",
	"gcc_compressed", "gcc_lto",      "gcc_split",      "g++_dwarf5",  "g++_dwarf4",
	"clang_dwarf5",   "clang_dwarf4", "clang++_dwarf5", "clang_split", "gcc_debuglink",
};

/* The query as it is written, "file.c::x" with a scope. */
static struct mt_error *find(struct fixture *fixture, const char *written,
                             struct mt_variable *variable)
{
	char *scope MT_AUTO_FREE = mt_strdup(written);
	char *colons = strstr(scope, ".c::");
	struct mt_variable_query query = { .name = written };

	if (colons) {
		colons[2] = '\0';
		query = (struct mt_variable_query){ .scope = scope, .name = colons + 4 };
	}
	return mt_variable_find(fixture->image, &query, variable);
}

static void read_memory(pid_t pid, uint64_t addr, void *out, size_t len)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);

	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, out, len, (off_t)addr), (ssize_t)len);
	close(fd);
}

static void find_told(struct fixture *fixture, const struct truth *truth,
                      struct mt_variable *variable)
{
	const char *query = truth->parts[1];
	uint64_t addr = strtoull(truth->parts[2], NULL, 16);
	uint64_t size = strtoull(truth->parts[3], NULL, 10);
	struct mt_error *error = find(fixture, query, variable);

	ck_assert_msg(!error, "%s: %s: %s", fixture->name, query,
	              error ? mt_error_text(error) : "");
	ck_assert_msg(variable->addr == addr, "%s: %s is at %#" PRIx64 ", found at %#" PRIx64,
	              fixture->name, query, addr, variable->addr);
	ck_assert_msg(variable->type->size == size, "%s: %s has size %" PRIu64 ", not %" PRIu64,
	              fixture->name, query, size, variable->type->size);
	ck_assert_ptr_nonnull(variable->module);
}

static void check_text(struct fixture *fixture, const char *query, const char *what,
                       const struct mt_buf *text, const char *expected)
{
	ck_assert_msg(text->data && !strcmp(text->data, expected),
	              "%s: %s of %s is \"%s\", not \"%s\"", fixture->name, what, query,
	              text->data ? text->data : "", expected);
}

static void check_described(struct fixture *fixture, const struct truth *truth)
{
	struct mt_variable variable;
	struct mt_buf type MT_AUTO_BUF = { 0 }, value MT_AUTO_BUF = { 0 };
	unsigned line = (unsigned)strtoul(truth->parts[4], NULL, 10);

	find_told(fixture, truth, &variable);
	ck_assert_msg(!variable.from_elf, "%s: %s has no type", fixture->name, truth->parts[1]);
	ck_assert_msg(!line || variable.line == line, "%s: %s is in line %u, not %u", fixture->name,
	              truth->parts[1], line, variable.line);
	mt_type_format(variable.type, &type);
	check_text(fixture, truth->parts[1], "type", &type, truth->parts[5]);

	uint8_t *bytes MT_AUTO_FREE = mt_alloc(variable.type->size);

	read_memory(fixture->pid, variable.addr, bytes, variable.type->size);
	mt_value_format(fixture->image, variable.type, bytes, variable.type->size, &value);
	check_text(fixture, truth->parts[1], "value", &value, truth->parts[6]);
}

static enum mt_error_kind kind_of(const char *name)
{
	return !strcmp(name, "ambiguous")   ? MT_ERR_AMBIGUOUS
	       : !strcmp(name, "not found") ? MT_ERR_NOT_FOUND
	                                    : MT_ERR_UNSUPPORTED;
}

static void check_failure(struct fixture *fixture, const struct truth *truth)
{
	struct mt_variable variable;
	struct mt_error *error = find(fixture, truth->parts[1], &variable);

	ck_assert_msg(error, "%s: %s was found", fixture->name, truth->parts[1]);
	ck_assert_msg(mt_error_kind(error) == kind_of(truth->parts[2]) &&
	                  strstr(mt_error_text(error), truth->parts[3]),
	              "%s: %s: %s", fixture->name, truth->parts[1], mt_error_text(error));
	mt_error_free(error);
}

START_TEST(variables_are_where_and_what_the_program_says)
{
	for (size_t i = 0; i < sizeof(described) / sizeof(*described); i++) {
		struct fixture fixture;

		if (!fixture_start(&fixture, described[i]))
			continue;
		fixture_each(&fixture, "var", 15, check_described);
		fixture_stop(&fixture);
	}
}
END_TEST

START_TEST(what_cannot_be_watched_is_told_as_what_it_is)
{
	for (size_t i = 0; i < sizeof(described) / sizeof(*described); i++) {
		struct fixture fixture;

		if (!fixture_start(&fixture, described[i]))
			continue;
		fixture_each(&fixture, "fails", 2, check_failure);
		fixture_stop(&fixture);
	}
}
END_TEST

START_TEST(rust_statics_are_found_without_their_crate)
{
	struct fixture fixture;

	if (!fixture_start(&fixture, "rust"))
		return;
	fixture_each(&fixture, "var", 4, check_described);
	fixture_stop(&fixture);
}
END_TEST

/* Statics of files cannot be told apart by ELF symbols. */
static void check_symbol(struct fixture *fixture, const struct truth *truth)
{
	struct mt_variable variable;

	if (strstr(truth->parts[1], ".c::"))
		return;
	find_told(fixture, truth, &variable);
	if (variable.module != mt_image_executable(fixture->image))
		return;
	ck_assert(variable.from_elf);
	ck_assert_int_eq(variable.type->kind, MT_TYPE_BYTES);
}

START_TEST(symbols_alone_give_address_and_size)
{
	struct fixture fixture;
	struct mt_variable variable;

	fixture_start(&fixture, "gcc_symbols");
	fixture_each(&fixture, "var", 15, check_symbol);
	MT_CK_FAILS(find(&fixture, "twin", &variable), MT_ERR_AMBIGUOUS, "twin is ambiguous");
	MT_CK_FAILS(find(&fixture, "per_thread", &variable), MT_ERR_UNSUPPORTED, "thread-local");
	fixture_stop(&fixture);
}
END_TEST

START_TEST(a_stripped_program_says_so)
{
	struct fixture fixture;
	struct mt_variable variable;

	fixture_start(&fixture, "gcc_stripped");
	MT_CK_FAILS(find(&fixture, "counter", &variable), MT_ERR_NOT_FOUND, "is stripped");
	fixture_stop(&fixture);
}
END_TEST

/* Its own process: PIE or not, sanitized or not. */
static int of_this_test = 4711;

START_TEST(a_process_finds_its_own_variable)
{
	struct mt_image *image;
	struct mt_variable variable;
	const struct mt_variable_query query = { .scope = "test_variable.c",
		                                 .name = "of_this_test" };

	MT_CK_OK(mt_image_create(getpid(), &image));
	MT_CK_OK(mt_variable_find(image, &query, &variable));
	ck_assert_uint_eq(variable.addr, (uintptr_t)&of_this_test);
	ck_assert_int_eq(variable.type->kind, MT_TYPE_INT);
	mt_image_destroy(image);
}
END_TEST

START_TEST(missing_dwo_files_are_noted)
{
	char path[PATH_MAX];
	struct mt_image *image;

	fixture_path("gcc_split_lost", path);
	MT_CK_OK(mt_image_open_file(path, &image));

	const char *note = mt_module_note(mt_image_executable(image));

	ck_assert_ptr_nonnull(note);
	ck_assert_msg(strstr(note, ".dwo is missing") && !strstr(note, ".dwp"), "%s", note);
	mt_image_destroy(image);
}
END_TEST

START_TEST(what_is_no_package_is_told)
{
	char folder[] = "/tmp/memtrap-dwp-XXXXXX", program[PATH_MAX], path[PATH_MAX];
	struct mt_image *image;
	const char *note;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	fixture_path("gcc_split_lost", program);
	snprintf(path, sizeof(path), "%s/program", folder);
	ck_assert_int_eq(symlink(program, path), 0);
	snprintf(program, sizeof(program), "%.2000s.dwp", path);
	ck_assert_int_eq(symlink("/dev/null", program), 0);
	MT_CK_OK(mt_image_open_file(path, &image));
	note = mt_module_note(mt_image_executable(image));
	ck_assert_msg(note && strstr(note, ".dwp is no package of .dwo files"), "%s", note);
	mt_image_destroy(image);
	unlink(path);
	unlink(program);
	rmdir(folder);
}
END_TEST

/* Each allocation fails in turn: the answer is an error or the variable, never a crash. */
START_TEST(running_out_of_memory_is_an_error)
{
	static const char *const queries[] = { "counter", "first", "handle::calls", "conter" };
	char path[PATH_MAX];
	unsigned found = 0;

	fixture_path("gcc_dwarf5", path);
	for (long allowed = 0; allowed < 400; allowed++) {
		struct mt_image *image;
		struct mt_variable variable;
		const struct mt_variable_query query = { .name = queries[allowed % 4] };

		mt_alloc_fail_after(allowed);

		struct mt_error *error = mt_image_open_file(path, &image);

		if (!error) {
			error = mt_variable_find(image, &query, &variable);
			found += !error;
			mt_image_destroy(image);
		}
		mt_alloc_fail_after(-1);
		mt_error_free(error);
	}
	ck_assert_uint_gt(found, 0);
}
END_TEST

/* A pointer to a struct that only the library defines is followed into it. */
START_TEST(what_another_module_defines_has_members)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	const struct mt_type *type;
	struct fixture fixture;
	struct mt_world world;
	bool is_name;

	ck_assert(fixture_start(&fixture, "gcc_dwarf5"));
	world = (struct mt_world){ .image = fixture.image };
	MT_CK_OK(mt_eval_type(&world, "&hidden->second", &arena, &type, &is_name));
	ck_assert_int_eq(type->kind, MT_TYPE_POINTER);
	ck_assert_uint_gt(type->target->size, 0);
	fixture_stop(&fixture);
}
END_TEST

MT_UNIT_MAIN("variable", running_out_of_memory_is_an_error,
             variables_are_where_and_what_the_program_says,
             what_cannot_be_watched_is_told_as_what_it_is,
             rust_statics_are_found_without_their_crate, symbols_alone_give_address_and_size,
             a_stripped_program_says_so, a_process_finds_its_own_variable,
             missing_dwo_files_are_noted, what_is_no_package_is_told,
             what_another_module_defines_has_members)
