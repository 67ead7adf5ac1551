/* SPDX-License-Identifier: MIT */
#include "record/text.h"

#include <inttypes.h>
#include <time.h>

#include "base/path.h"
#include "print/print.h"
#include "record/capture.h"
#include "target/syscall.h"

#define INDENT "      "
#define NS_PER_S UINT64_C(1000000000)

/* ---- Time ---------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* `value` in decimal, at least `width` digits. */
static void put_digits(struct mt_buf *out, uint64_t value, unsigned width)
{
	char digits[20];

	for (unsigned i = width; i-- > 0; value /= 10)
		digits[i] = (char)('0' + value % 10);
	mt_buf_bytes(out, digits, width);
}

void mt_text_time(struct mt_buf *out, uint64_t monotonic_ns)
{
	static uint64_t difference, minute, minute_text_for = UINT64_MAX;
	static struct tm local;

	if (!difference)
		difference = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);

	uint64_t real_ns = monotonic_ns + difference;
	time_t seconds = (time_t)(real_ns / NS_PER_S);

	/* The time zone is looked up once a minute, not once a hit. */
	minute = (uint64_t)seconds / 60;
	if (minute != minute_text_for) {
		localtime_r(&seconds, &local);
		minute_text_for = minute;
	}
	put_digits(out, (uint64_t)local.tm_hour, 2);
	mt_buf_char(out, ':');
	put_digits(out, (uint64_t)local.tm_min, 2);
	mt_buf_char(out, ':');
	put_digits(out, (uint64_t)seconds % 60, 2);
	mt_buf_char(out, '.');
	put_digits(out, real_ns % NS_PER_S / 1000, 6);
}

/* ---- Code ---------------------------------------------------------------- */

/* "account_add+0x1f (account.c:57) [server]" */
static void put_code(struct mt_buf *out, const struct mt_code *code)
{
	if (code->function) {
		mt_buf_text(out, code->function);
		if (code->inlined) {
			mt_buf_text(out, " inlined");
		} else {
			mt_buf_char(out, '+');
			mt_buf_hex(out, code->offset);
		}
	} else {
		mt_buf_hex(out, code->pc);
	}
	if (code->file)
		mt_buf_printf(out, " (%s:%u)", mt_path_tail(code->file), code->line);
	if (code->module)
		mt_buf_printf(out, " [%s]", code->module);
}

static void put_culprit(struct mt_buf *out, struct mt_culprit_code *code)
{
	if (!code->text) {
		struct mt_buf text MT_AUTO_BUF = { 0 };

		mt_buf_text(&text, INDENT);
		put_code(&text, &code->code);
		if (code->culprit.how == MT_CULPRIT_UNKNOWN)
			mt_buf_text(&text, "  (instruction before this address not known)");
		else
			mt_buf_printf(&text, "  %s", code->culprit.insn.text);
		mt_buf_char(&text, '\n');
		code->text_len = text.len;
		code->text = mt_buf_take(&text);
	}
	if (code->text)
		mt_buf_bytes(out, code->text, code->text_len);
}

/* The frames outside of the culprit's own line. */
static void put_stack(struct mt_buf *out, struct mt_stack *stack)
{
	if (!stack->text) {
		struct mt_buf text MT_AUTO_BUF = { 0 };

		for (size_t i = 1; i < stack->count; i++) {
			mt_buf_text(&text, INDENT);
			put_code(&text, &stack->frames[i]);
			mt_buf_char(&text, '\n');
		}
		if (stack->cut)
			mt_buf_text(&text, INDENT "… (the stack goes on)\n");
		stack->text_len = text.len;
		stack->text = mt_buf_take(&text);
	}
	if (stack->text)
		mt_buf_bytes(out, stack->text, stack->text_len);
}

/* ---- Hits ---------------------------------------------------------------- */

void mt_text_value(struct mt_buf *out, const struct mt_hit_watch *watch, const uint8_t *value,
                   bool known)
{
	if (known)
		mt_value_format(watch->image, watch->type, value, watch->len, out);
	else
		mt_buf_char(out, '?');
}

static void put_values(struct mt_buf *out, const struct mt_hit *hit)
{
	mt_buf_text(out, ": ");
	if (hit->access == MT_INSN_READ) {
		mt_text_value(out, hit->watch, hit->new_value, hit->new_known);
		return;
	}
	mt_text_value(out, hit->watch, hit->old_value, hit->old_known);
	mt_buf_text(out, " -> ");
	mt_text_value(out, hit->watch, hit->new_value, hit->new_known);
	if (mt_hit_unchanged(hit))
		mt_buf_text(out, "  (unchanged)");
}

static void put_captures(struct mt_buf *out, const struct mt_hit *hit)
{
	for (size_t i = 0; i < hit->capture_count; i++) {
		mt_buf_printf(out, INDENT "%s = ", hit->captures[i].capture->expr);
		mt_capture_text(out, hit->watch->image, &hit->captures[i]);
		mt_buf_char(out, '\n');
	}
}

static void put_kernel(struct mt_buf *out, const struct mt_hit *hit)
{
	mt_buf_text(out, INDENT "by the kernel, in ");
	mt_syscall_format(hit->syscall.machine, hit->syscall.number, hit->syscall.args,
	                  hit->syscall.fd_name, out);
	mt_buf_char(out, '\n');
}

/* What it means for the watch. */
static void put_unmapped(struct mt_buf *out, const struct mt_hit *hit)
{
	mt_buf_text(out, INDENT);
	if (hit->moved_to)
		mt_buf_printf(out,
		              "moved to 0x%" PRIx64 ", where it is not watched: ", hit->moved_to);
	else
		mt_buf_text(out, "unmapped: ");
	mt_buf_printf(out,
	              "nobody can touch 0x%" PRIx64 " until something is mapped there again, "
	              "which is watched then\n",
	              hit->watch->addr);
}

void mt_text_hit(struct mt_buf *out, const struct mt_hit *hit)
{
	mt_buf_char(out, '#');
	mt_buf_dec(out, hit->n);
	mt_buf_text(out, "  ");
	mt_text_time(out, hit->time_ns);
	mt_buf_text(out, "  ");
	mt_buf_text(out, hit->comm);
	mt_buf_char(out, ' ');
	mt_buf_dec(out, (uint64_t)hit->pid);
	mt_buf_char(out, '/');
	mt_buf_dec(out, (uint64_t)hit->tid);
	mt_buf_text(out, "  ");
	mt_buf_text(out, mt_hit_access_name(hit));
	mt_buf_text(out, "  ");
	mt_buf_text(out, hit->watch->expr);
	if (hit->watch->kind != MT_DR_EXEC)
		put_values(out, hit);
	if (hit->undecided)
		mt_buf_text(
		    out, "  (the condition depends on memory that could not be read at the hit)");
	mt_buf_char(out, '\n');
	put_captures(out, hit);
	if (hit->kernel)
		put_kernel(out, hit);
	if (hit->unmapped)
		put_unmapped(out, hit);
	put_culprit(out, hit->code);
	if (hit->stack)
		put_stack(out, hit->stack);
}

/* ---- The summary --------------------------------------------------------- */

static void put_number(struct mt_buf *out, const struct mt_hit_watch *watch, uint64_t number)
{
	mt_value_format(watch->image, watch->type, (const uint8_t *)&number, watch->type->size,
	                out);
}

static void put_row(struct mt_buf *out, const struct mt_place_row *row, uint64_t total,
                    uint64_t start_ns, bool name_watch)
{
	mt_buf_printf(out, "%6.1f%% %10" PRIu64 "  %8.3fs %8.3fs  ",
	              total ? 100.0 * (double)row->hits / (double)total : 0.0, row->hits,
	              (double)(row->first_ns - start_ns) / 1e9,
	              (double)(row->last_ns - start_ns) / 1e9);
	mt_buf_text(out, row->name);
	if (name_watch)
		mt_buf_printf(out, "  %s", row->watch->expr);
	if (row->has_range) {
		mt_buf_text(out, "  ");
		put_number(out, row->watch, row->min);
		if (row->min != row->max) {
			mt_buf_text(out, " … ");
			put_number(out, row->watch, row->max);
		}
	}
	mt_buf_char(out, '\n');
}

void mt_text_places(struct mt_buf *out, struct mt_places *places, uint64_t start_ns, size_t watches)
{
	const struct mt_place_row *const *rows;
	size_t count = mt_places_sorted(places, &rows);
	uint64_t total = 0;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		total += rows[i]->hits;
	mt_buf_printf(out, "%7s %10s  %9s %9s  %s\n", "share", "hits", "first", "last",
	              "place, new values");
	for (size_t i = 0; i < count; i++)
		put_row(out, rows[i], total, start_ns, watches > 1);
	if (!mt_places_complete(places))
		mt_buf_text(out, "(out of memory: some hits are not in this table)\n");
}
