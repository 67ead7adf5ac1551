/* SPDX-License-Identifier: MIT */
#include "cli/debug/registers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/shell.h"
#include "x86/regtable.h"

/* ---- Types ----------------------------------------------------------------- */

/* Types by C's names are static, but found by a call: these repeat the few that vectors are of. */
static const struct mt_type type_float = { .kind = MT_TYPE_FLOAT, .name = "float", .size = 4 };
static const struct mt_type type_double = { .kind = MT_TYPE_FLOAT, .name = "double", .size = 8 };

#define INTEGER(bits)                                                                              \
	static const struct mt_type type_int##bits = {                                             \
		.kind = MT_TYPE_INT, .name = "int" #bits "_t", .size = bits / 8, .is_signed = true \
	}

INTEGER(8);
INTEGER(16);
INTEGER(32);
INTEGER(64);

#define LANES(bytes, of, lane)                                                                     \
	static const struct mt_type lanes_##bytes##_##of = { .kind = MT_TYPE_ARRAY,                \
		                                             .size = bytes,                        \
		                                             .target = &type_##of,                 \
		                                             .count = (bytes) / (lane) }

/* gdb's unions, by gdb's names: "v4_float" is four floats. */
#define VECTOR(bytes, f, d, i8, i16, i32, i64)                                                     \
	LANES(bytes, float, 4);                                                                    \
	LANES(bytes, double, 8);                                                                   \
	LANES(bytes, int8, 1);                                                                     \
	LANES(bytes, int16, 2);                                                                    \
	LANES(bytes, int32, 4);                                                                    \
	LANES(bytes, int64, 8);                                                                    \
	static const struct mt_member members_##bytes[] = {                                        \
		{ .name = "v" #f "_float", .type = &lanes_##bytes##_float },                       \
		{ .name = "v" #d "_double", .type = &lanes_##bytes##_double },                     \
		{ .name = "v" #i8 "_int8", .type = &lanes_##bytes##_int8 },                        \
		{ .name = "v" #i16 "_int16", .type = &lanes_##bytes##_int16 },                     \
		{ .name = "v" #i32 "_int32", .type = &lanes_##bytes##_int32 },                     \
		{ .name = "v" #i64 "_int64", .type = &lanes_##bytes##_int64 },                     \
	};                                                                                         \
	static const struct mt_type vector_##bytes = { .kind = MT_TYPE_UNION,                      \
		                                       .name = "union vec" #bytes,                 \
		                                       .size = bytes,                              \
		                                       .members = members_##bytes,                 \
		                                       .member_count = 6 }

VECTOR(8, 2, 1, 8, 4, 2, 1);
VECTOR(16, 4, 2, 16, 8, 4, 2);
VECTOR(32, 8, 4, 32, 16, 8, 4);
VECTOR(64, 16, 8, 64, 32, 16, 8);

static const struct mt_type type_void = { .kind = MT_TYPE_VOID, .name = "void" };
static const struct mt_type data_pointer = { .kind = MT_TYPE_POINTER,
	                                     .size = 8,
	                                     .target = &type_void };
static const struct mt_type code_function = { .kind = MT_TYPE_FUNCTION,
	                                      .name = "void ()",
	                                      .target = &type_void };
static const struct mt_type code_pointer = { .kind = MT_TYPE_POINTER,
	                                     .size = 8,
	                                     .target = &code_function };
/* Ten bytes in registers, sixteen as C's long double. */
static const struct mt_type extended = { .kind = MT_TYPE_FLOAT, .name = "long double", .size = 16 };

static const struct mt_type *integer_type(size_t size)
{
	switch (size) {
	case 1:
		return &type_int8;
	case 2:
		return &type_int16;
	case 4:
		return mt_type_base("int");
	default:
		return mt_type_base("long");
	}
}

static const struct mt_type *vector_type(size_t size)
{
	return size == 8    ? &vector_8
	       : size == 16 ? &vector_16
	       : size == 32 ? &vector_32
	                    : &vector_64;
}

const struct mt_type *mt_register_type(const char *name)
{
	const struct mt_register *reg = mt_register_find(name);

	if (!reg)
		return NULL;
	if (reg->size == 8 && reg->kind == MT_REGISTER_CODE)
		return &code_pointer;
	if (reg->size == 8 && reg->kind == MT_REGISTER_DATA)
		return &data_pointer;
	if (reg->kind == MT_REGISTER_FLOAT)
		return &extended;
	if (reg->kind == MT_REGISTER_VECTOR)
		return vector_type(reg->size);
	return integer_type(reg->size);
}

/* ---- Values ---------------------------------------------------------------- */

struct mt_error *mt_register_value(struct mt_shell *shell, const char *name, struct mt_value *value)
{
	const struct mt_register *reg = mt_register_find(name);
	struct mt_value read = { .home = MT_HOME_REGISTER };

	if (!reg)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no register %.40s", name);
	if (mt_debug_state(shell->debug) == MT_PROCESS_NONE)
		return mt_error_new(MT_ERR_USAGE,
		                    "$%s has no value: the program is not running; 'run' or "
		                    "'start' starts it",
		                    name);
	read.type = mt_register_type(name);
	MT_TRY(mt_debug_reg_read(shell->debug, name, read.bytes, reg->size));
	snprintf(read.name, sizeof(read.name), "%s", name);
	*value = read;
	return NULL;
}

struct mt_error *mt_register_write(struct mt_shell *shell, const char *name, const uint8_t *bytes,
                                   size_t size)
{
	const struct mt_register *reg = mt_register_find(name);

	if (!reg || reg->size > size)
		return mt_error_new(MT_ERR_NOT_FOUND, "there is no register %.40s", name);
	return mt_debug_reg_write(shell->debug, name, bytes, reg->size);
}

/* ---- info registers -------------------------------------------------------- */

/* gdb's columns. */
enum { NAME_WIDTH = 15, RAW_WIDTH = 19 };

static void show_natural(struct mt_shell *shell, const struct mt_register *reg, uint64_t bits)
{
	switch (reg->kind) {
	case MT_REGISTER_FLAGS:
		mt_say(shell, "[ ");
		mt_eflags_format(bits, &shell->out);
		mt_say(shell, " ]");
		break;
	case MT_REGISTER_CODE:
	case MT_REGISTER_DATA:
		mt_say(shell, "0x%" PRIx64, bits);
		if (reg->kind == MT_REGISTER_CODE)
			mt_symbol_show(shell, bits, &shell->out);
		break;
	default:
		mt_say(shell, "%" PRId64, reg->size == 4 ? (int64_t)(int32_t)bits : (int64_t)bits);
		break;
	}
}

/* Whether the register differs from what the last view showed. */
static bool has_changed(const struct mt_shell *shell, const struct mt_register *reg, uint64_t bits)
{
	return shell->has_shown_regs && reg->group == MT_GROUP_GENERAL &&
	       reg->dwarf < MT_REG_COUNT && shell->shown_regs.r[reg->dwarf] != bits;
}

static struct mt_error *show_register(struct mt_shell *shell, const struct mt_register *reg)
{
	struct mt_value value;
	struct mt_buf raw MT_AUTO_BUF = { 0 };
	uint64_t bits = 0;
	bool changed;

	MT_TRY(mt_register_value(shell, reg->name, &value));
	memcpy(&bits, value.bytes, reg->size < 8 ? reg->size : 8);
	changed = has_changed(shell, reg, bits);
	mt_say(shell, "%s%-*s", changed ? mt_paint(shell, MT_PAINT_CHANGED) : "", NAME_WIDTH,
	       reg->name);
	if (reg->kind == MT_REGISTER_VECTOR || reg->kind == MT_REGISTER_FLOAT) {
		struct mt_format none = { 0 };

		MT_TRY(mt_value_show(shell, &value, &none, &shell->out));
	} else {
		mt_buf_printf(&raw, "0x%" PRIx64, bits);
		mt_say(shell, "%-*s", RAW_WIDTH, raw.data ? raw.data : "");
		show_natural(shell, reg, bits);
	}
	mt_say(shell, "%s\n", changed ? mt_paint(shell, MT_PAINT_NONE) : "");
	return NULL;
}

/* What this processor or frame has not is left out of a list. */
static void show_groups(struct mt_shell *shell, bool all)
{
	for (size_t i = 0; i < mt_register_count(); i++) {
		const struct mt_register *reg = mt_register_at(i);
		size_t begin = shell->out.len;
		struct mt_error *error;

		if (reg->group == MT_GROUP_PART || (!all && reg->group != MT_GROUP_GENERAL))
			continue;
		error = show_register(shell, reg);
		if (error && shell->out.data)
			shell->out.data[shell->out.len = begin] = '\0';
		mt_error_free(error);
	}
}

static struct mt_error *info_registers(struct mt_shell *shell, const char *args)
{
	if (!*args) {
		show_groups(shell, false);
		return NULL;
	}
	for (; *args; args = mt_text_skip(args + mt_text_word(args))) {
		char name[16];
		const struct mt_register *reg;

		args += *args == '$';
		snprintf(name, sizeof(name), "%.*s", (int)mt_text_word(args), args);
		reg = mt_register_find(name);
		if (!reg)
			return mt_error_new(MT_ERR_NOT_FOUND,
			                    "there is no register %s; 'info all-registers' shows "
			                    "what there is",
			                    name);
		MT_TRY(show_register(shell, reg));
	}
	return NULL;
}

static struct mt_error *info_all_registers(struct mt_shell *shell, const char *args)
{
	if (*args)
		return info_registers(shell, args);
	show_groups(shell, true);
	return NULL;
}

static const struct mt_verb verbs[] = {
	{ .name = "info registers",
	  .aliases = "r reg regs",
	  .run = info_registers,
	  .usage = "[NAME...]",
	  .summary = "the general registers, or those named",
	  .help = "Parts of registers have names too: eax, ax, al. In an outer frame it shows what "
	          "the\n"
	          "function there will find again; what that is not known for is left out.\n"
	          "What has changed since the last stop is in its own colour.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_REGISTER,
	  .needs = MT_NEEDS_STATE },
	{ .name = "info all-registers",
	  .run = info_all_registers,
	  .usage = "[NAME...]",
	  .summary = "all registers of this processor: x87, vectors, masks, pkru too",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_REGISTER,
	  .needs = MT_NEEDS_STATE },
};

MT_VERB_LIST(mt_verbs_registers, verbs);
