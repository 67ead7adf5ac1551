/* SPDX-License-Identifier: MIT */
#include "cli/watch_armed.h"

#include <inttypes.h>

#include "record/json.h"

/* "1 debug register on 3 of 3 threads" */
static void text_registers(struct mt_buf *out, const struct mt_armed_info *info)
{
	const struct mt_coverage *coverage = &info->coverage;
	unsigned threads = coverage->threads + coverage->uncovered;
	const char *plural = coverage->registers == 1 ? "" : "s";

	mt_buf_printf(out, "armed: %s: ", info->watch->expr);
	if (info->per_call) {
		mt_buf_printf(
		    out,
		    "1 debug register for the function's entry, where each call stops for "
		    "a moment, and %u for each call that has not ended, on its own thread",
		    coverage->registers);
		return;
	}
	if (coverage->stepped)
		mt_buf_text(out, "by single steps");
	else
		mt_buf_printf(out, "%u debug register%s", coverage->registers, plural);
	if (coverage->shared)
		mt_buf_printf(out, " (and %u shared)", coverage->shared);
	mt_buf_printf(out, " on %u of %u thread%s", coverage->threads, threads,
	              threads == 1 ? "" : "s");
}

static void text_place(struct mt_buf *out, const struct mt_armed_info *info)
{
	if (info->per_call)
		mt_buf_text(out, "in each call from now on");
	else if (info->per_thread)
		mt_buf_text(out, "in each thread, at its own address, and in those to come");
	else if (info->is_away)
		mt_buf_text(out, "nowhere");
	else
		mt_buf_printf(out, "at 0x%" PRIx64, info->watch->addr);
	if (info->pointers)
		mt_buf_printf(out,
		              " now, and where the %zu pointer%s on the way lead%s, each in a "
		              "register of its own: who changes one is stopped until the trap has "
		              "moved, in which time other threads are not seen",
		              info->pointers, info->pointers == 1 ? "" : "s",
		              info->pointers == 1 ? "s" : "");
}

/* Whether the kernel's own accesses are seen. */
static void put_kernel(struct mt_buf *out, const struct mt_hit_watch *watch,
                       const struct mt_coverage *coverage)
{
	bool writes = watch->kind == MT_DR_WRITE;

	mt_buf_printf(out, "; kernel %s: ", writes ? "writes" : "accesses");
	if (coverage->kernel_compared)
		mt_buf_printf(out, "%s that change it", writes ? "those" : "writes");
	else
		mt_buf_text(out, coverage->kernel ? "yes" : "no");
	if (!coverage->kernel && coverage->kernel_why)
		mt_buf_printf(out, " (%s)", coverage->kernel_why);
}

static void put_steps(struct mt_buf *out, const struct mt_armed_info *info)
{
	mt_buf_text(out, "; each instruction of the program is single-stepped");
	if (info->step_us > 0)
		mt_buf_printf(out, ", for about %.1f us", info->step_us);
	mt_buf_printf(out, ": %s", info->why_steps);
}

void mt_watch_armed_text(struct mt_buf *out, const struct mt_armed_info *info)
{
	const struct mt_hit_watch *watch = info->watch;
	const struct mt_coverage *coverage = &info->coverage;

	text_registers(out, info);
	mt_buf_printf(out, ", %s", mt_kind_name(watch->kind));
	if (watch->kind != MT_DR_EXEC) {
		mt_buf_printf(out, ", %" PRIu64 " byte%s ", watch->len, watch->len == 1 ? "" : "s");
		text_place(out, info);
		if (watch->type && !info->from_elf) {
			mt_buf_text(out, " (");
			mt_type_format(watch->type, out);
			mt_buf_char(out, ')');
		}
		put_kernel(out, watch, coverage);
	}
	if (coverage->unheard)
		mt_buf_printf(out, "; whether it is unmapped is looked for now and then (%s)",
		              coverage->unheard);
	if (info->traced)
		mt_buf_text(out, "; engine: ptrace");
	if (info->why_steps)
		put_steps(out, info);
	if (info->has_condition)
		mt_buf_printf(out, "; condition: in %s",
		              info->condition_in_kernel ? "the kernel"
		              : info->traced            ? "memtrap, at each stop"
		                                        : "memtrap, on the stream");
	mt_buf_char(out, '\n');
	if (info->from_elf)
		mt_buf_printf(
		    out,
		    "  (no debug information for %s: its size is from the ELF symbol, its "
		    "type is unknown)\n",
		    watch->expr);
}

void mt_watch_armed_json(struct mt_buf *out, const struct mt_armed_info *info)
{
	struct mt_json_armed line = {
		.watch = info->watch,
		.pid = info->pid,
		.registers = info->coverage.registers,
		.shared = info->coverage.shared,
		.threads = info->coverage.threads,
		.uncovered = info->coverage.uncovered,
		.why = info->coverage.why,
		.engine = info->traced ? "ptrace" : "kernel",
		.kernel = info->coverage.kernel,
		.kernel_why = info->coverage.kernel_why,
		.unheard = info->coverage.unheard,
		.per_thread = info->per_thread,
		.why_steps = info->why_steps,
		.step_us = info->step_us,
		.per_call = info->per_call,
		.pointers = info->pointers,
		.is_away = info->is_away,
		.condition = !info->has_condition        ? NULL
		             : info->condition_in_kernel ? "kernel"
		                                         : "stream",
	};

	mt_json_armed(out, &line);
}
