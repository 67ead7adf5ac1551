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

static void show_natural(struct mt_shell *shell, const struct mt_register *reg,
                         enum mt_register_kind kind, uint64_t bits)
{
	switch (kind) {
	case MT_REGISTER_FLAGS:
		mt_say(shell, "[ ");
		mt_eflags_format(bits, &shell->out);
		mt_say(shell, " ]");
		break;
	case MT_REGISTER_CODE:
	case MT_REGISTER_DATA:
		mt_say(shell, "0x%" PRIx64, bits);
		if (kind == MT_REGISTER_CODE)
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
	uint64_t mask = reg->size == 4 ? UINT32_MAX : UINT64_MAX;

	return shell->has_shown_regs && (reg->group == MT_GROUP_GENERAL || reg->size == 4) &&
	       reg->dwarf < MT_REG_COUNT && (shell->shown_regs.r[reg->dwarf] & mask) != bits;
}

/* Those that programs for i386 have, in gdb's order. */
static const char *const names_i386[] = {
	"eax", "ecx",    "edx", "ebx", "esp", "ebp", "esi", "edi",
	"eip", "eflags", "cs",  "ss",  "ds",  "es",  "fs",  "gs"
};

static bool is_i386(struct mt_shell *shell)
{
	return mt_shell_machine(shell) == MT_MACHINE_I386;
}

/* esp and ebp are addresses in programs where they are all of their register. */
static enum mt_register_kind kind_of(struct mt_shell *shell, const struct mt_register *reg)
{
	if (reg->size == 4 && (reg->dwarf == MT_REG_RSP || reg->dwarf == MT_REG_RBP) &&
	    is_i386(shell))
		return MT_REGISTER_DATA;
	return reg->kind;
}

static struct mt_error *show_register(struct mt_shell *shell, const struct mt_register *reg)
{
	enum mt_register_kind kind = kind_of(shell, reg);
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
	if (kind == MT_REGISTER_VECTOR || kind == MT_REGISTER_FLOAT) {
		struct mt_format none = { 0 };

		MT_TRY(mt_value_show(shell, &value, &none, &shell->out));
	} else {
		mt_buf_printf(&raw, "0x%" PRIx64, bits);
		mt_say(shell, "%-*s", RAW_WIDTH, raw.data ? raw.data : "");
		show_natural(shell, reg, kind, bits);
	}
	mt_say(shell, "%s\n", changed ? mt_paint(shell, MT_PAINT_NONE) : "");
	return NULL;
}

/* What this processor or frame has not is left out of a list. */
static void show_if_there(struct mt_shell *shell, const struct mt_register *reg)
{
	size_t begin = shell->out.len;
	struct mt_error *error = show_register(shell, reg);

	if (error && shell->out.data)
		shell->out.data[shell->out.len = begin] = '\0';
	mt_error_free(error);
}

static void show_groups(struct mt_shell *shell, bool all)
{
	bool i386 = is_i386(shell);

	for (size_t i = 0; i386 && i < sizeof(names_i386) / sizeof(*names_i386); i++)
		show_if_there(shell, mt_register_find(names_i386[i]));
	for (size_t i = 0; i < mt_register_count(); i++) {
		const struct mt_register *reg = mt_register_at(i);
		bool general = reg->group == MT_GROUP_GENERAL;

		if (reg->group != MT_GROUP_PART && (general ? !i386 : all))
			show_if_there(shell, reg);
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
