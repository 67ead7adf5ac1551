/* SPDX-License-Identifier: MIT */
/*
 * Any registers and any stack, over the code of this very process: a walk must end, and must not
 * read outside the copy.
 *
 * Bytes alone would seldom look like a stack. So in each word the top byte says what the rest is: a
 * plain number, a place in the copy, or a place in the code of some module.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "symbol/unwind.h"

#define STACK_ADDR UINT64_C(0x7ffd00000000)
#define MAX_WORDS 512
#define MAX_FRAMES 64

static struct mt_image *own_image(void)
{
	static struct mt_image *image;

	if (!image && mt_image_create(getpid(), &image))
		abort();
	return image;
}

static uint64_t in_some_module(struct mt_image *image, uint64_t number)
{
	size_t count = mt_image_module_count(image);
	const struct mt_module *module = mt_image_module(image, number % count);

	return module->start + number / count % (module->end - module->start);
}

static uint64_t word_of(struct mt_image *image, const uint8_t *bytes)
{
	uint64_t word, number;

	memcpy(&word, bytes, sizeof(word));
	number = word & 0xffffffffffffff;
	switch (word >> 56 & 3) {
	case 1:
		return in_some_module(image, number);
	case 2:
		return STACK_ADDR + number % (8 * MAX_WORDS + 64);
	case 3:
		return STACK_ADDR + number % MAX_WORDS * 8;
	default:
		return word;
	}
}

static void walk(struct mt_image *image, const struct mt_regs *regs, const uint64_t *words,
                 size_t count)
{
	struct mt_stack_copy stack = { .bytes = (const uint8_t *)words,
		                       .addr = STACK_ADDR,
		                       .len = count * sizeof(*words) };
	uint64_t frames[MAX_FRAMES];
	bool truncated;
	size_t found = mt_unwind(image, regs, &stack, frames, MAX_FRAMES, &truncated);

	if (found < 1 || found > MAX_FRAMES || frames[0] != regs->r[MT_REG_RIP])
		abort();
	for (size_t i = 0; i < found; i++)
		mt_cfi_is_signal_frame(image, frames[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mt_image *image = own_image();
	struct mt_regs regs = { { 0 } };
	size_t count = size / 8, reg_count = MT_REG_COUNT;
	struct mt_cfi_rule rule;
	uint64_t *words;

	if (count < reg_count || count > MAX_WORDS)
		return 0;
	for (size_t i = 0; i < reg_count; i++)
		regs.r[i] = word_of(image, data + 8 * i);
	words = mt_alloc_array(count - reg_count + 1, sizeof(*words));
	if (!words)
		return 0;
	for (size_t i = reg_count; i < count; i++)
		words[i - reg_count] = word_of(image, data + 8 * i);
	walk(image, &regs, words, count - reg_count);
	mt_cfi_rule_at(image, regs.r[MT_REG_RIP], &rule);
	free(words);
	return 0;
}
