/* SPDX-License-Identifier: MIT */
/* Arbitrary text as a file of formatters, and a value shown by them: without a program, and in the
 * fuzzer's own, whose types and functions it may name. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "print/print.h"

/* A list that leads into itself, in memory that holds nothing else. */
static const struct mt_type number = {
	.kind = MT_TYPE_INT, .name = "int", .size = 4, .is_signed = true
};
static const struct mt_type node;
static const struct mt_type pointer = { .kind = MT_TYPE_POINTER, .size = 8, .target = &node };
static const struct mt_type text = {
	.kind = MT_TYPE_CHAR, .name = "char", .size = 1, .is_signed = true
};
static const struct mt_type characters = { .kind = MT_TYPE_POINTER, .size = 8, .target = &text };
static const struct mt_member members[] = {
	{ .name = "next", .type = &pointer, .offset = 0 },
	{ .name = "value", .type = &number, .offset = 8 },
	{ .name = "text", .type = &characters, .offset = 16 },
};
static const struct mt_type node = {
	.kind = MT_TYPE_STRUCT, .name = "node", .size = 24, .members = members, .member_count = 3
};

static struct mt_error *read_loop(void *arg, uint64_t addr, void *out, size_t len)
{
	const uint8_t *bytes = arg;

	if (addr >= 24 || len > 24 - addr)
		return mt_error_new(MT_ERR_UNREADABLE, "nothing is there");
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = bytes[addr + i];
	return NULL;
}

MT_DEFINE_CLEANUP(mt_formatters, struct mt_formatters, mt_formatters_destroy)

static void show(const struct mt_world *world, const struct mt_formatters *formatters)
{
	const struct mt_value value = { .type = &node, .home = MT_HOME_MEMORY };
	struct mt_print_options options = mt_print_defaults();
	struct mt_buf out MT_AUTO_BUF = { 0 };

	options.formatters = formatters;
	options.elements = 20;
	mt_error_free(mt_print_top(world, &value, &options, &out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[24] = { [8] = 3, [16] = 8 };
	static struct mt_image *image;
	struct mt_world world = { .arg = memory, .read = read_loop };
	struct mt_formatters *formatters MT_CLEANUP(mt_formatters_cleanup) = NULL;
	char *source MT_AUTO_FREE = mt_strndup((const char *)data, size);

	if (!image)
		mt_error_free(mt_image_create(getpid(), &image));
	mt_error_free(mt_formatters_create(&formatters));
	mt_error_free(mt_formatters_add(formatters, "fuzz", source));
	show(&world, formatters);
	world.image = image;
	show(&world, formatters);
	return 0;
}
