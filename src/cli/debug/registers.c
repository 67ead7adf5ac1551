/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/shell.h"
#include "expr/register_type.h"
#include "x86/regtable.h"

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
	struct mt_value value = { .type = mt_register_type(reg->name),
		                  .home = MT_HOME_REGISTER,
		                  .name = reg->name };
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf raw MT_AUTO_BUF = { 0 };
	struct mt_debug_world made;
	uint64_t bits = 0;
	bool changed;

	mt_shell_world(shell, &made);
	MT_TRY(mt_value_fetch(&made.world, &arena, &value));
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
