/* SPDX-License-Identifier: MIT */
/* Any bytes as a program: its symbols, lines, variables with their types, and unwind tables. */
#include <string.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "print/print.h"
#include "symbol/image.h"
#include "symbol/unwind.h"
#include "symbol/variable.h"

/* A descriptor of a file in memory with these bytes, or -1. */
static int file_of(const uint8_t *data, size_t size)
{
	int fd MT_AUTO_FD = memfd_create("program", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return -1;
	return mt_take_fd(&fd);
}

static void ask_about_address(struct mt_image *image, uint64_t addr)
{
	static const uint8_t stack[256];
	const struct mt_stack_copy copy = { stack, 0x7ff000, sizeof(stack) };
	struct mt_regs regs = { 0 };
	struct mt_symbol symbol;
	struct mt_line line;
	struct mt_inline_frame inlines[4];
	struct mt_cfi_rule rule;
	uint64_t start, end, frames[8];

	mt_image_symbol_at(image, addr, &symbol);
	mt_image_line_at(image, addr, &line);
	mt_image_function_bounds(image, addr, &start, &end);
	mt_image_inlines_at(image, addr, inlines, 4);
	mt_cfi_rule_at(image, addr, &rule);
	regs.r[MT_REG_RIP] = addr;
	regs.r[MT_REG_RSP] = copy.addr;
	regs.r[MT_REG_RBP] = copy.addr + 64;
	mt_unwind(image, &regs, &copy, frames, 8, NULL);
}

static void ask_about_name(struct mt_image *image, const char *scope, const char *name)
{
	static const uint8_t bytes[64];
	const struct mt_variable_query query = { .scope = scope, .name = name };
	struct mt_variable variable;
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_error *error = mt_variable_find(image, &query, &variable);

	if (!error && variable.type->size <= sizeof(bytes))
		mt_value_format(image, variable.type, bytes, sizeof(bytes), &text);
	mt_error_free(error);
}

static void ask_about_place(struct mt_image *image, const char *text)
{
	struct mt_location *locations;
	size_t count;
	struct mt_error *error = mt_image_locate(image, text, &locations, &count);

	if (error)
		mt_error_free(error);
	else
		mt_locations_free(locations, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd MT_AUTO_FD = file_of(data, size);
	char path[32];
	struct mt_image *image = NULL;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct mt_error *error = mt_image_open_file(path, &image);
	if (error) {
		mt_error_free(error);
		return 0;
	}
	const struct mt_module *module = mt_image_executable(image);
	uint64_t step = (module->end - module->start) / 64 + 1;
	for (uint64_t i = 0; i < 64; i++)
		ask_about_address(image, module->start + i * step);
	ask_about_name(image, NULL, "total");
	ask_about_name(image, "tiny.c", "list");
	ask_about_name(image, "work", "calls");
	ask_about_place(image, "work");
	ask_about_place(image, "tiny.c:20");
	mt_image_destroy(image);
	return 0;
}
