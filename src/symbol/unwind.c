/* SPDX-License-Identifier: MIT */
#include "symbol/unwind.h"

#include "cfi/sigreturn.h"
#include "symbol/cfi.h"

static bool row_at(void *arg, uint64_t pc, struct mt_cfi_row *row)
{
	return mt_cfi_row_at(arg, pc, row);
}

static size_t read_code(void *arg, uint64_t addr, void *out, size_t len)
{
	return mt_image_read_code(arg, addr, out, len);
}

struct mt_cfi_code mt_image_cfi_code(struct mt_image *image)
{
	return (struct mt_cfi_code){ .row_at = row_at, .read = read_code, .arg = image };
}

size_t mt_unwind(struct mt_image *image, const struct mt_regs *regs,
                 const struct mt_stack_copy *stack, uint64_t *frames, size_t max, bool *truncated)
{
	const struct mt_cfi_code code = mt_image_cfi_code(image);
	struct mt_stack_copy copy = *stack;
	const struct mt_cfi_memory memory = mt_stack_copy_memory(&copy);
	struct mt_cfi_walk walk;
	size_t count = 0;
	bool more = max > 0;

	mt_cfi_walk_begin(&walk, mt_image_machine(image), regs, &code, &memory);
	while (more) {
		frames[count++] = mt_cfi_walk_pc(&walk);
		more = count < max && mt_cfi_walk_up(&walk);
	}
	if (truncated)
		*truncated = count < max && !walk.ended;
	return count;
}

bool mt_cfi_is_signal_frame(struct mt_image *image, uint64_t pc)
{
	const struct mt_cfi_code code = mt_image_cfi_code(image);
	struct mt_cfi_row row;
	struct mt_sigreturn sigreturn;

	if (mt_cfi_row_at(image, pc - 1, &row))
		return row.is_signal;
	return mt_sigreturn_at(&code, mt_image_machine(image), pc, &sigreturn);
}
