/* SPDX-License-Identifier: MIT */
/* Types, against what the programs say of themselves and what gdb says of them. */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "fixture_program.h"
#include "symbol/type_class.h"
#include "symbol/type_spelling.h"
#include "symbol/variable.h"
#include "unit.h"

static void data_path(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX] = { 0 };

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(path, PATH_MAX, "%.2000s/type-data/%s", dirname(self), name);
}

static struct mt_image *open_program(const char *name)
{
	char path[PATH_MAX];
	struct mt_image *image;

	data_path(name, path);
	MT_CK_OK(mt_image_open_file(path, &image));
	return image;
}

/* Calls `check` with each line, without its end. */
static void each_line(FILE *stream, void (*check)(char *line, void *arg), void *arg)
{
	char *line MT_AUTO_FREE = NULL;
	size_t size = 0;

	while (getline(&line, &size, stream) > 0) {
		line[strcspn(line, "\n")] = '\0';
		check(line, arg);
	}
}

/* ---- Against gdb ------------------------------------------------------------- */

/* A type by what a person calls it: a variable, a function, a type. */
static const struct mt_type *named(struct mt_image *image, const char *name, bool *is_type)
{
	struct mt_variable_query query = { .name = name };
	struct mt_variable variable;
	struct mt_location *locations;
	size_t count;
	struct mt_error *error = mt_variable_find(image, &query, &variable);
	const struct mt_type *type;

	*is_type = false;
	if (!error)
		return variable.type;
	mt_error_free(error);
	type = mt_type_find(image, name);
	*is_type = type != NULL;
	if (type)
		return type;
	error = mt_image_locate(image, name, &locations, &count);
	ck_assert_msg(!error, "%s: nothing is called so", name);
	type = mt_type_of_function(image, locations[0].entry);
	mt_locations_free(locations, count);
	return type;
}

static unsigned options_of(const char *command)
{
	unsigned options = 0;

	for (const char *at = strchr(command, '/'); at && *at != ' ' && *at; at++)
		options |= *at == 'o'   ? MT_DEFINE_OFFSETS
		           : *at == 'x' ? MT_DEFINE_HEX
		           : *at == 'r' ? MT_DEFINE_RAW
		           : *at == 'm' ? MT_DEFINE_NO_METHODS
		           : *at == 't' ? MT_DEFINE_NO_TYPEDEFS
		                        : 0u;
	return options;
}

/* Answers "ptype/o NAME" or "whatis NAME". */
static void answer(struct mt_image *image, const char *command, struct mt_buf *out)
{
	const char *name = strchr(command, ' ') + 1;
	bool is_type;
	const struct mt_type *type = named(image, name, &is_type);

	ck_assert_msg(type != NULL, "%s: no type", name);
	if (!strncmp(command, "ptype", 5)) {
		char verb[16];

		snprintf(verb, sizeof(verb), "%.*s", (int)(name - command), command);
		mt_type_print_definition(type, options_of(verb), out);
	} else {
		mt_buf_text(out, "type = ");
		mt_type_format(is_type && type->alias_of ? type->alias_of : type, out);
	}
	ck_assert(mt_buf_ok(out));
}

struct comparison {
	const char *program;
	struct mt_image *image;
	char *command;
	struct mt_buf expected;
	size_t count;
};

/* What a program's DWARF doesn't tell, to gdb neither: DW_TAG_atomic_type is DWARF 5's, and with
 * type units gcc loses a const. */
static bool is_beyond(const char *program, const char *command)
{
	bool has_units = strstr(program, "units");
	bool has_atomic = strcmp(program, "c_gcc_units") != 0 && !strstr(program, "dwarf4") &&
	                  !strstr(program, "split4");

	bool has_complex = !strstr(program, "clang"); /* whose name has no part */

	return (!has_atomic && strstr(command, " atomic")) ||
	       (!has_complex && strstr(command, " complex_")) ||
	       (has_units && strstr(command, " qualified"));
}

static void compare(struct comparison *comparison)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (!comparison->command || is_beyond(comparison->program, comparison->command))
		return;
	answer(comparison->image, comparison->command, &text);
	mt_buf_char(&text, '\n');
	ck_assert_msg(!strcmp(text.data, comparison->expected.data),
	              "%s: %s\ngdb says:\n%s\nwe say:\n%s", comparison->program,
	              comparison->command, comparison->expected.data, text.data);
	comparison->count++;
}

static void take_fact(char *line, void *arg)
{
	struct comparison *comparison = arg;

	if (strncmp(line, "@ ", 2) != 0) {
		mt_buf_text(&comparison->expected, line);
		mt_buf_char(&comparison->expected, '\n');
		return;
	}
	compare(comparison);
	free(comparison->command);
	comparison->command = strdup(line + 2);
	mt_buf_clear(&comparison->expected);
}

static void check_facts(const char *program, const char *facts, size_t least)
{
	char path[PATH_MAX];
	struct comparison comparison = { .program = program, .image = open_program(program) };
	FILE *stream;

	data_path(facts, path);
	stream = fopen(path, "r");
	ck_assert_ptr_nonnull(stream);
	each_line(stream, take_fact, &comparison);
	compare(&comparison);
	fclose(stream);
	ck_assert_uint_ge(comparison.count, least);
	free(comparison.command);
	mt_buf_deinit(&comparison.expected);
	mt_image_destroy(comparison.image);
}

START_TEST(c_reads_as_in_gdb)
{
	static const char *const programs[] = { "c_gcc",          "c_gcc_dwarf4", "c_gcc_units",
		                                "c_gcc_units5",   "c_gcc_split",  "c_gcc_split4",
		                                "c_gcc_lto",      "c_dwz",        "c_clang",
		                                "c_clang_dwarf4", "c_clang_split" };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		check_facts(programs[i], "shapes.facts", 170);
}
END_TEST

START_TEST(cplusplus_reads_as_in_gdb)
{
	static const char *const programs[] = { "cc_gcc", "cc_gcc_dwarf4", "cc_gcc_units",
		                                "cc_gcc_split", "cc_dwz" };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		check_facts(programs[i], "classes.facts", 80);
	check_facts("cc_clang", "classes-clang.facts", 80);
}
END_TEST

START_TEST(rust_reads_as_in_gdb)
{
	check_facts("rust", "rust.facts", 35);
}
END_TEST

/* ---- Against the program itself ------------------------------------------------ */

struct telling {
	const char *program;
	struct mt_image *image;
	size_t count;
};

static size_t number(const char *text)
{
	return strtoul(text, NULL, 10);
}

static void check_member(const struct telling *telling, const struct mt_type *type, char **parts)
{
	uint64_t offset = 0;
	const struct mt_member *member = mt_type_member(type, parts[2], &offset);
	bool is_bits = !strcmp(parts[0], "bits");

	ck_assert_msg(member != NULL, "%s: no member %s of %s", telling->program, parts[2],
	              parts[1]);
	if (is_bits) {
		ck_assert_uint_eq(8 * offset + member->bit_offset, number(parts[3]));
		ck_assert_uint_eq(member->bit_size, number(parts[4]));
	} else {
		ck_assert_uint_eq(offset, number(parts[3]));
		ck_assert_uint_eq(member->type->size, number(parts[4]));
		ck_assert_uint_eq(member->bit_size, 0);
	}
}

static void check_told(char *line, void *arg)
{
	struct telling *telling = arg;
	char *parts[5] = { NULL };
	const struct mt_type *type;

	for (size_t i = 0; i < 5; i++)
		parts[i] = strsep(&line, "\t");
	ck_assert_ptr_nonnull(parts[2]);
	type = mt_type_find(telling->image, parts[1]);
	ck_assert_msg(type != NULL, "%s: no type %s", telling->program, parts[1]);
	if (!strcmp(parts[0], "size"))
		ck_assert_msg(type->size == number(parts[2]), "%s: %s has %s bytes, not %" PRIu64,
		              telling->program, parts[1], parts[2], type->size);
	else
		check_member(telling, type, parts);
	telling->count++;
}

START_TEST(sizes_and_places_are_the_programs)
{
	static const char *const programs[] = {
		"c_gcc",         "c_gcc_dwarf4", "c_gcc_dwarf3", "c_gcc_units", "c_gcc_units5",
		"c_gcc_split",   "c_gcc_split4", "c_gcc_lto",    "c_clang",     "c_clang_dwarf4",
		"c_clang_split", "c_dwz",        "i386_gcc",     "cc_gcc",      "cc_gcc_dwarf4",
		"cc_gcc_units",  "cc_gcc_split", "cc_clang",     "cc_dwz",      "rust",
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		char path[PATH_MAX];
		struct telling telling = { .program = programs[i],
			                   .image = open_program(programs[i]) };
		FILE *stream;

		data_path(programs[i], path);
		stream = popen(path, "r");
		ck_assert_ptr_nonnull(stream);
		each_line(stream, check_told, &telling);
		ck_assert_int_eq(pclose(stream), 0);
		ck_assert_uint_ge(telling.count, 10);
		mt_image_destroy(telling.image);
	}
}
END_TEST

/* ---- What the types say --------------------------------------------------------- */

static const struct mt_type *variable_type(struct mt_image *image, const char *name)
{
	struct mt_variable_query query = { .name = name };
	struct mt_variable variable;

	MT_CK_OK(mt_variable_find(image, &query, &variable));
	return variable.type;
}

static void check_text(const struct mt_type *type, const char *name, const char *expected)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	ck_assert_ptr_nonnull(type);
	mt_type_declare(type, name, &text);
	ck_assert_str_eq(text.data, expected);
}

START_TEST(typedefs_and_qualifiers_are_kept_and_make_no_difference)
{
	struct mt_image *image = open_program("c_gcc");
	const struct mt_type *fixed = variable_type(image, "fixed");
	const struct mt_type *number = variable_type(image, "number");

	ck_assert_int_eq(fixed->kind, MT_TYPE_INT);
	ck_assert_uint_eq(fixed->qualifiers, MT_QUAL_CONST);
	ck_assert_str_eq(fixed->name, "mine");
	ck_assert_str_eq(fixed->alias_of->name, "ulong_t");
	ck_assert_str_eq(fixed->alias_of->alias_of->name, "unsigned long");
	ck_assert_ptr_null(fixed->alias_of->alias_of->alias_of);
	ck_assert_uint_eq(number->qualifiers, 0);
	ck_assert(mt_type_same(fixed, number));
	ck_assert(mt_type_same(fixed, mt_type_base("unsigned long")));
	ck_assert(!mt_type_same(fixed, mt_type_base("long")));
	ck_assert(variable_type(image, "wide_letter")->is_character);
	ck_assert(variable_type(image, "letter16")->is_character);
	ck_assert(!variable_type(image, "state")->is_character);
	mt_image_destroy(image);
}
END_TEST

START_TEST(declarations_are_written_around_their_names)
{
	struct mt_image *image = open_program("c_gcc");

	check_text(variable_type(image, "simple"), "f", "int (*f)(int, char *)");
	check_text(variable_type(image, "table"), "f", "int (*f[3])(void)");
	check_text(variable_type(image, "cube"), "c", "int c[2][3][4]");
	check_text(variable_type(image, "names"), "n", "const char * const n[3]");
	check_text(variable_type(image, "far"), "f", "int (*(*f)(void))[3]");
	check_text(variable_type(image, "node"), "n", "struct node n");
	mt_image_destroy(image);
}
END_TEST

START_TEST(types_of_our_own_making)
{
	struct mt_image *image = open_program("c_gcc");
	const struct mt_type *character = mt_type_base("char"),
	                     *node = mt_type_find(image, "struct node");
	const struct mt_type *constant = mt_type_qualified(image, character, MT_QUAL_CONST);
	const struct mt_type *text = mt_type_pointer(image, constant);
	const struct mt_type *params[] = { text, mt_type_pointer(image, node) };
	const struct mt_type *function =
	    mt_type_function(image, mt_type_base("int"), params, 2, true);
	const struct mt_type *whole = mt_type_qualified(image, node, MT_QUAL_VOLATILE);
	uint64_t offset;

	check_text(text, NULL, "const char *");
	check_text(mt_type_qualified(image, text, MT_QUAL_CONST), "p", "const char * const p");
	check_text(mt_type_pointer(image, function), "f",
	           "int (*f)(const char *, struct node *, ...)");
	check_text(mt_type_reference(image, node), NULL, "struct node &");
	check_text(mt_type_array(image, text, 4), "a", "const char *a[4]");
	check_text(whole, NULL, "volatile struct node");
	ck_assert_ptr_eq(constant, mt_type_qualified(image, character, MT_QUAL_CONST));
	ck_assert_ptr_eq(constant, mt_type_qualified(image, constant, MT_QUAL_CONST));
	ck_assert_ptr_eq(function, mt_type_function(image, mt_type_base("int"), params, 2, true));
	ck_assert_ptr_nonnull(mt_type_member(whole, "visit", &offset));
	ck_assert_ptr_eq(mt_type_definition(image, node), node);
	mt_image_destroy(image);
}
END_TEST

START_TEST(arrays_know_what_they_know)
{
	struct mt_image *image = open_program("c_gcc");
	const struct mt_type *cube = variable_type(image, "cube");
	const struct mt_type *none = variable_type(image, "none_at_all");
	uint64_t offset;
	const struct mt_member *flexible =
	    mt_type_member(mt_type_find(image, "struct node"), "flexible", &offset);

	ck_assert_uint_eq(cube->count, 2);
	ck_assert_uint_eq(cube->target->count, 3);
	ck_assert_uint_eq(cube->target->target->count, 4);
	ck_assert_uint_eq(cube->size, 96);
	ck_assert(none->is_empty && !none->count && !none->size);
	ck_assert(!flexible->type->is_empty && !flexible->type->count);
	ck_assert(variable_type(image, "vector")->is_vector);
	ck_assert_uint_eq(variable_type(image, "vector")->count, 4);
	ck_assert_int_eq(variable_type(image, "complex_double")->kind, MT_TYPE_COMPLEX);
	ck_assert_str_eq(variable_type(image, "complex_float")->target->name, "float");
	mt_image_destroy(image);
}
END_TEST

START_TEST(names_are_spelled_as_one_likes)
{
	static const char *const spellings[] = { "ns::Array<int, 4>", "ns::Array<int,4>",
		                                 "Array< int , 4 >",
		                                 "struct ns::Array<signed int, 4>" };
	struct mt_image *image = open_program("cc_gcc");

	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
		const struct mt_type *type = mt_type_find(image, spellings[i]);

		ck_assert_msg(type != NULL, "%s", spellings[i]);
		ck_assert_str_eq(type->name, "ns::Array<int, 4>");
	}
	ck_assert_ptr_null(mt_type_find(image, "ns::Array<int, 5>"));
	ck_assert_ptr_null(mt_type_find(image, "ns::Array<"));
	ck_assert_ptr_null(mt_type_find(image, "<,,><*const"));
	ck_assert_ptr_null(mt_type_find(image, "enum ns::Inner"));
	mt_image_destroy(image);
}
END_TEST

START_TEST(templates_have_many_spellings)
{
	static const char *const names[][MT_SPELLINGS] = {
		{ "A<char const*>", "A<char const*>", "A<const char *>", "A<char const*>" },
		{ "A<unsigned long, 3ul>", "A<long unsigned int, 3ul>", "A<unsigned long, 3UL>",
		  "A<unsigned long, 3ul>" },
		{ "A<B<int> >::type", "A<B<int> >::type", "A<B<int> >::type", "A<B<int>>::type" },
		{ "A<long const* const&>", "A<long int const* const&>", "A<const long *const &>",
		  "A<long const* const&>" },
		{ "A<(ns::E)1, -2>", "A<(ns::E)1, -2>", "A<(ns::E)1, -2>", "A<(ns::E)1, -2>" },
		{ "A<longer, a::b<int>::c const>", "A<longer, a::b<int>::c const>",
		  "A<longer, const a::b<int>::c>", "A<longer, a::b<int>::c const>" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		for (unsigned from = 0; from < MT_SPELLINGS; from++) {
			struct mt_buf text MT_AUTO_BUF = { 0 };

			for (unsigned to = 0; to < MT_SPELLINGS; to++) {
				mt_buf_clear(&text);
				mt_type_spell(names[i][from], to, &text);
				ck_assert_str_eq(text.data, names[i][to]);
			}
		}
	}
}
END_TEST

/* ---- Classes ----------------------------------------------------------------------- */

struct overloads {
	const struct mt_type *owner;
	size_t count;
};

static bool count_overload(const struct mt_type *owner, const struct mt_method *method, void *arg)
{
	struct overloads *overloads = arg;

	ck_assert_ptr_nonnull(method->linkage_name);
	overloads->owner = owner;
	overloads->count++;
	return true;
}

static struct overloads overloads_of(const struct mt_type *type, const char *name)
{
	struct overloads overloads = { 0 };

	mt_type_methods(type, name, count_overload, &overloads);
	return overloads;
}

static void check_derived(struct mt_image *image)
{
	const struct mt_type *type = mt_type_find(image, "ns::Derived");
	const struct mt_class *class = mt_type_class(type);

	ck_assert_ptr_nonnull(class);
	ck_assert_ptr_eq(class, mt_type_class(type));
	ck_assert_uint_eq(class->base_count, 2);
	ck_assert_str_eq(class->bases[0].type->name, "ns::Base");
	ck_assert(!class->bases[0].is_virtual && class->bases[0].offset == 0);
	ck_assert(class->bases[1].is_virtual && class->bases[1].has_vtable_offset);
	ck_assert_uint_eq(class->bases[1].vtable_offset, 24); /* Itanium C++ ABI, 2.5.2 */
	ck_assert_uint_eq(class->static_count, 1);
	ck_assert_str_eq(class->statics[0].name, "fixed");
	ck_assert(class->statics[0].has_value && class->statics[0].value == 42);
	ck_assert_uint_eq(class->typedef_count, 1);
	ck_assert_str_eq(class->typedefs[0].name, "my_int");
	ck_assert_uint_eq(class->type_count, 2);
	ck_assert_uint_eq(overloads_of(type, "f").count, 1);
	ck_assert_ptr_eq(overloads_of(type, "secret").owner, class->bases[0].type);
	ck_assert_uint_eq(overloads_of(type, "nothing").count, 0);
}

START_TEST(classes_have_more_than_members)
{
	static const char *const programs[] = { "cc_gcc", "cc_gcc_dwarf4", "cc_clang", "cc_dwz" };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct mt_image *image = open_program(programs[i]);
		const struct mt_class *array =
		    mt_type_class(mt_type_find(image, "ns::Array<int, 4>"));

		check_derived(image);
		ck_assert_uint_eq(array->template_arg_count, 2);
		ck_assert_str_eq(array->template_args[0].name, "T");
		ck_assert_str_eq(array->template_args[0].type->name, "int");
		ck_assert(array->template_args[1].is_value && array->template_args[1].value == 4);
		ck_assert_ptr_null(mt_type_class(mt_type_base("int")));
		mt_image_destroy(image);
	}
}
END_TEST

/* ---- Rust ---------------------------------------------------------------------------- */

static const char *variant_name(struct mt_image *image, const char *type, int64_t discriminant)
{
	const struct mt_variants *variants = mt_type_variants(mt_type_find(image, type));
	const struct mt_variant *variant;

	ck_assert_ptr_nonnull(variants);
	variant = mt_variant_of(variants, discriminant);
	return variant ? variant->member.name : NULL;
}

START_TEST(variants_are_told_by_their_discriminants)
{
	struct mt_image *image = open_program("rust");

	ck_assert_str_eq(variant_name(image, "core::option::Option<i32>", 0), "None");
	ck_assert_str_eq(variant_name(image, "core::option::Option<i32>", 1), "Some");
	ck_assert_ptr_null(variant_name(image, "core::option::Option<i32>", 2));
	ck_assert_str_eq(variant_name(image, "core::result::Result<i32, u8>", 1), "Err");
	/* A niche: no Box is at 0, and no Color is 7. */
	ck_assert_str_eq(
	    variant_name(image,
	                 "core::option::Option<alloc::boxed::Box<i32, alloc::alloc::Global>>", 0),
	    "None");
	ck_assert_str_eq(variant_name(image, "core::option::Option<shapes::Color>", 5), "Some");
	ck_assert_ptr_null(mt_type_variants(mt_type_find(image, "shapes::Point")));
	ck_assert_int_eq(mt_type_language(mt_type_find(image, "shapes::Point")), MT_LANG_RUST);
	mt_image_destroy(image);
}
END_TEST

/* ---- Defined elsewhere ------------------------------------------------------------------- */

START_TEST(what_is_declared_here_is_defined_elsewhere)
{
	static const char *const programs[] = { "gcc_dwarf5", "gcc_dwarf4", "gcc_static",
		                                "clang_dwarf5" };

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct fixture fixture;
		const struct mt_type *type, *definition;

		if (!fixture_start(&fixture, programs[i]))
			continue;
		type = variable_type(fixture.image, "hidden")->target;
		definition = mt_type_definition(fixture.image, type);
		ck_assert_msg(definition->member_count == 2, "%s", programs[i]);
		ck_assert_str_eq(definition->members[1].name, "second");
		ck_assert_uint_eq(definition->size, 16);
		ck_assert_uint_eq(definition->qualifiers, MT_QUAL_CONST);
		ck_assert(!definition->is_declared);
		fixture_stop(&fixture);
	}
}
END_TEST

/* ---- Without memory --------------------------------------------------------------------- */

static void ask_everything(struct mt_image *image)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	const struct mt_type *type = mt_type_find(image, "ns::Derived");

	if (type)
		mt_type_print_definition(type, 0, &text);
}

START_TEST(running_out_of_memory_is_survived)
{
	for (long allowed = 0; allowed < 400; allowed++) {
		struct mt_image *image = open_program("cc_gcc");

		mt_alloc_fail_after(allowed);
		ask_everything(image);
		mt_alloc_fail_after(-1);
		mt_image_destroy(image);
	}
}
END_TEST

MT_UNIT_MAIN("type", c_reads_as_in_gdb, cplusplus_reads_as_in_gdb, rust_reads_as_in_gdb,
             sizes_and_places_are_the_programs,
             typedefs_and_qualifiers_are_kept_and_make_no_difference,
             declarations_are_written_around_their_names, types_of_our_own_making,
             arrays_know_what_they_know, names_are_spelled_as_one_likes,
             templates_have_many_spellings, classes_have_more_than_members,
             variants_are_told_by_their_discriminants, what_is_declared_here_is_defined_elsewhere,
             running_out_of_memory_is_survived)
