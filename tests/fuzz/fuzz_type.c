/* SPDX-License-Identifier: MIT */
/* Any bytes as a program: its types, as all that asks for types sees them. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "symbol/type_class.h"
#include "symbol/variable.h"

static bool take_method(const struct mt_type *owner, const struct mt_method *method, void *arg)
{
	return owner && method->name && arg;
}

static void ask_about_parts(struct mt_image *image, const struct mt_type *type)
{
	const struct mt_variants *variants = mt_type_variants(type);
	uint64_t offset;

	mt_type_member(type, "f", &offset);
	mt_type_member(type, "none", &offset);
	mt_type_methods(type, "f", take_method, image);
	for (int64_t value = -1; variants && value < 3; value++)
		mt_variant_of(variants, value);
	for (size_t i = 0; i < type->member_count; i++)
		mt_type_same(type, type->members[i].type);
}

static void ask_about_type(struct mt_image *image, const struct mt_type *type)
{
	static const unsigned options[] = { 0, MT_DEFINE_OFFSETS, MT_DEFINE_RAW,
		                            MT_DEFINE_OFFSETS | MT_DEFINE_HEX };
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_type_complete(type);
	mt_type_declare(type, "name", &text);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		mt_type_print_definition(type, options[i], &text);
	ask_about_parts(image, type);
	if (type->alias_of)
		mt_type_format(type->alias_of, &text);
	mt_type_qualified(image, type, MT_QUAL_CONST);
	mt_type_definition(image, type);
}

static void ask_about_names(struct mt_image *image)
{
	static const char *const types[] = { "ns::Derived", "ns::Base",    "Base",
		                             "pointer",     "ns::Color",   "ns::Array<long, 3>",
		                             "Shape",       "tiny::All",   "value_type",
		                             "callback",    "Array<T, 2>", "size_t" };
	static const char *const variables[] = { "derived", "colors", "ALL", "ns::Base::count" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		const struct mt_type *type = mt_type_find(image, types[i]);

		if (type)
			ask_about_type(image, type);
	}
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		struct mt_variable_query query = { .name = variables[i] };
		struct mt_variable variable;
		struct mt_error *error = mt_variable_find(image, &query, &variable);

		if (error)
			mt_error_free(error);
		else
			ask_about_type(image, variable.type);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd MT_AUTO_FD = memfd_create("program", MFD_CLOEXEC);
	char path[32];
	struct mt_image *image = NULL;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

	struct mt_error *error = mt_image_open_file(path, &image);

	if (error) {
		mt_error_free(error);
		return 0;
	}
	ask_about_names(image);
	mt_image_destroy(image);
	return 0;
}
