/* SPDX-License-Identifier: MIT */
/* Any text as a condition, for a watch of the type that the first byte chooses, as eBPF. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/expr.h"
#include "fuzz.h"
#include "probe/condgen.h"

static const struct mt_enumerator names[] = { { "IDLE", 0 }, { "BUSY", 5 } };
static const struct mt_type int_type = {
	.kind = MT_TYPE_INT, .name = "int", .size = 4, .is_signed = true
};
static const struct mt_type types[] = {
	{ .kind = MT_TYPE_INT, .name = "unsigned long", .size = 8 },
	{ .kind = MT_TYPE_INT, .name = "short", .size = 2, .is_signed = true },
	{ .kind = MT_TYPE_FLOAT, .name = "double", .size = 8 },
	{ .kind = MT_TYPE_ENUM,
	  .name = "enum state",
	  .size = 4,
	  .enumerators = names,
	  .enumerator_count = 2 },
	{ .kind = MT_TYPE_ARRAY, .size = 16, .target = &int_type, .count = 4 },
	{ .kind = MT_TYPE_POINTER, .size = 8, .target = &int_type },
};

static void generate(const struct mt_cond *cond)
{
	static const struct mt_cond_frame frame = {
		.old_value = -32,
		.new_value = -64,
		.regs = -320,
		.pid_tgid = -328,
		.hits = -336,
		.comm = -352,
		.scratch = -480,
		.scratch_size = 128,
	};
	struct mt_asm as = { 0 };
	mt_asm_label no = mt_asm_new_label(&as);

	mt_error_free(mt_cond_generate(&as, cond, &frame, no, no));
	mt_asm_bind(&as, no);
	mt_asm_exit(&as);
	mt_error_free(mt_asm_finish(&as));
	mt_asm_deinit(&as);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	const struct mt_type *type = &types[data[0] % (sizeof(types) / sizeof(*types))];
	char *text MT_AUTO_FREE = mt_strndup((const char *)data + 1, size - 1);
	struct mt_cond *cond = NULL;
	struct mt_error *error = mt_cond_compile(MT_MACHINE_X86_64, text, type, &cond);

	mt_error_free(error);
	if (error)
		return 0;
	if (mt_cond_fits_kernel(cond))
		generate(cond);
	mt_cond_destroy(cond);
	return 0;
}
