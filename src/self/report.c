/* SPDX-License-Identifier: MIT */
#include "self/report.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "insn/insn.h"
#include "self/context.h"
#include "self/contract.h"
#include "self/frames.h"
#include "self/history.h"
#include "self/number.h"
#include "self/peek.h"
#include "self/registry.h"
#include "self/thread.h"

#define MAX_FRAMES 32

/* ---- What was touched ---------------------------------------------------- */

/* What a hit and a past one have in common. */
struct touch {
	const struct memtrap *trap;
	uintptr_t addr;
	size_t len;
	unsigned access, flags;
	const uint8_t *old_value, *new_value; /* NULL: not known */
};

static struct touch touch_of(const struct memtrap_hit *hit)
{
	return (struct touch){ hit->trap,  hit->addr,      hit->len,      hit->access,
		               hit->flags, hit->old_value, hit->new_value };
}

static struct touch touch_of_past(const struct memtrap *trap, const struct memtrap_past_hit *past)
{
	return (struct touch){ trap,
		               (uintptr_t)past->addr,
		               past->len,
		               past->access,
		               past->flags,
		               past->value_len ? past->old_value : NULL,
		               past->value_len ? past->new_value : NULL };
}

static const char *access_name(const struct touch *touch)
{
	if (touch->trap->spec.kind == MEMTRAP_EXEC)
		return "exec";
	if (touch->access & MEMTRAP_DID_WRITE)
		return "write";
	if (touch->access & MEMTRAP_DID_READ)
		return "read";
	/* The instruction is not known; the processor knows of writes alone. */
	return touch->trap->spec.kind == MEMTRAP_WRITE || touch->trap->spec.kind == MEMTRAP_CHANGE
	           ? "write"
	           : "access";
}

static bool is_read(const struct touch *touch)
{
	return touch->access == MEMTRAP_DID_READ;
}

static bool is_unchanged(const struct touch *touch)
{
	return !is_read(touch) &&
	       memcmp(touch->old_value, touch->new_value, touch->trap->spec.len) == 0;
}

static void say_number(struct mt_say *say, const struct touch *touch)
{
	size_t len = touch->trap->spec.len;
	enum memtrap_number number = mt_contract_number(touch->trap->contract);

	mt_say_text(say, ": ");
	if (!is_read(touch)) {
		mt_number_say(say, touch->old_value, len, number);
		mt_say_text(say, " -> ");
	}
	mt_number_say(say, touch->new_value, len, number);
}

/* Under the bytes that differ; at least one does. */
static void say_change_marks(struct mt_say *say, const struct touch *touch)
{
	const uint8_t *was = touch->old_value, *is = touch->new_value;
	size_t last = touch->trap->spec.len - 1;

	while (was[last] == is[last])
		last--;
	for (size_t i = 0; i < last; i++)
		mt_say_text(say, was[i] == is[i] ? "   " : "^^ ");
	mt_say_text(say, "^^");
}

/* Below each other, with what differs marked. */
static void say_bytes(struct mt_say *say, const struct touch *touch)
{
	size_t len = touch->trap->spec.len;

	if (is_read(touch) || is_unchanged(touch)) {
		mt_say_text(say, MT_INDENT);
		mt_say_bytes(say, touch->new_value, len);
	} else {
		mt_say_text(say, MT_INDENT "old  ");
		mt_say_bytes(say, touch->old_value, len);
		mt_say_text(say, "\n" MT_INDENT "new  ");
		mt_say_bytes(say, touch->new_value, len);
		mt_say_text(say, "\n" MT_INDENT "     ");
		say_change_marks(say, touch);
	}
	mt_say_text(say, "\n");
}

/* "write  counter: 49 -> 50", or "write  buffer+8 (4 bytes)" and its bytes. */
static void say_touch(struct mt_say *say, const struct touch *touch)
{
	const struct memtrap_spec *spec = &touch->trap->spec;
	bool known = touch->old_value && touch->new_value;
	bool is_number = known && mt_is_number(spec->len);

	mt_say_text(say, access_name(touch));
	mt_say_text(say, "  ");
	mt_say_text(say, memtrap_name(touch->trap));
	if (touch->len && touch->len < spec->len) {
		mt_say_text(say, "+");
		mt_say_unsigned(say, touch->addr - (uintptr_t)spec->addr);
		mt_say_text(say, touch->len == 1 ? " (1 byte)" : " (");
		if (touch->len > 1) {
			mt_say_unsigned(say, touch->len);
			mt_say_text(say, " bytes)");
		}
	}
	if (is_number)
		say_number(say, touch);
	if (known && is_unchanged(touch))
		mt_say_text(say, "  (unchanged)");
	mt_say_text(say, "\n");
	if (known && !is_number)
		say_bytes(say, touch);
	if (touch->flags & MEMTRAP_HIT_LATE)
		mt_say_text(say, MT_INDENT "late: SIGTRAP was blocked at the access, "
		                           "which was somewhere before this place\n");
}

/* ---- Who did it ---------------------------------------------------------- */

static void say_instruction(struct mt_say *say, uintptr_t culprit)
{
	uint8_t code[MT_INSN_MAX_LEN];
	struct mt_insn insn;
	size_t len = mt_peek(culprit, code, sizeof(code));

	if (!mt_insn_decode(MT_MACHINE_SELF, code, len, culprit, &insn))
		return;
	mt_say_text(say, "  ");
	mt_say_text(say, insn.text);
}

/* What each line of a stack begins with. */
static void begin_frame(struct mt_say *say, uintptr_t addr, bool with_address)
{
	mt_say_text(say, MT_INDENT);
	if (with_address) {
		mt_say_hex(say, addr, 2 * sizeof(addr));
		mt_say_text(say, "  ");
	}
}

/* The innermost frame: the culprit, or where the thread stands after it. */
static void say_culprit(struct mt_say *say, uintptr_t culprit, uintptr_t pc, bool with_address)
{
	begin_frame(say, culprit ? culprit : pc, with_address);
	if (culprit) {
		mt_say_code(say, culprit);
		say_instruction(say, culprit);
	} else {
		mt_say_code(say, pc);
		mt_say_text(say, "  (instruction before this address not known)");
	}
	mt_say_text(say, "\n");
}

static void say_caller(struct mt_say *say, uintptr_t return_address, bool with_address)
{
	begin_frame(say, return_address, with_address);
	mt_say_return(say, return_address);
	mt_say_text(say, "\n");
}

static void say_broken_contract(struct mt_say *say, const struct mt_contract *contract)
{
	mt_say_text(say, MT_INDENT "breaks the contract: ");
	mt_contract_say(say, contract);
	mt_say_text(say, "\n");
}

/* ---- Hits ---------------------------------------------------------------- */

static void say_hit_number(struct mt_say *say, uint64_t count, uint64_t time_ns)
{
	mt_say_text(say, "#");
	mt_say_unsigned(say, count);
	mt_say_text(say, "  ");
	mt_say_time(say, time_ns);
	mt_say_text(say, "  ");
}

static void say_ids(struct mt_say *say, pid_t tid)
{
	mt_say_unsigned(say, (uint64_t)getpid());
	mt_say_text(say, "/");
	mt_say_unsigned(say, (uint64_t)tid);
}

void mt_report_thread(struct mt_say *say)
{
	char name[16] = "";

	prctl(PR_GET_NAME, name);
	mt_say_text(say, name);
	mt_say_text(say, " ");
	say_ids(say, mt_thread_id());
}

static void say_hit(struct mt_say *say, const struct memtrap_hit *hit, bool with_addresses)
{
	struct touch touch = touch_of(hit);
	uintptr_t frames[MAX_FRAMES];
	size_t count = memtrap_backtrace(hit, frames, MAX_FRAMES);

	say_hit_number(say, hit->count, hit->time_ns);
	mt_report_thread(say);
	mt_say_text(say, "  ");
	say_touch(say, &touch);
	if (hit->trap->contract)
		say_broken_contract(say, hit->trap->contract);
	say_culprit(say, hit->culprit, hit->pc, with_addresses);
	for (size_t i = 1; i < count; i++)
		say_caller(say, frames[i], with_addresses);
	if (count == MAX_FRAMES)
		mt_say_text(say, MT_INDENT "… (the stack goes on)\n");
}

void mt_report_hit(struct mt_say *say, const struct memtrap_hit *hit)
{
	say_hit(say, hit, false);
}

void mt_report_hit_fully(struct mt_say *say, const struct memtrap_hit *hit)
{
	struct mt_regs regs;

	say_hit(say, hit, true);
	mt_context_regs(hit->context, &regs);
	mt_report_registers(say, &regs);
}

static void say_past(struct mt_say *say, const struct memtrap *trap,
                     const struct memtrap_past_hit *past)
{
	struct touch touch = touch_of_past(trap, past);

	say_hit_number(say, past->count, past->time_ns);
	say_ids(say, past->tid);
	mt_say_text(say, "  ");
	say_touch(say, &touch);
	say_culprit(say, (uintptr_t)past->culprit, (uintptr_t)past->pc, false);
	for (size_t i = 1; i < past->frame_count; i++)
		say_caller(say, (uintptr_t)past->frames[i], false);
}

void mt_report_history(struct mt_say *say, const struct memtrap *trap)
{
	uint64_t last = mt_history_hits(trap->history);
	uint64_t room = mt_history_room(trap->history);
	struct memtrap_past_hit past;

	mt_say_text(say, memtrap_name(trap));
	mt_say_text(say, " (");
	mt_say_unsigned(say, trap->spec.len);
	mt_say_text(say, trap->spec.len == 1 ? " byte at " : " bytes at ");
	mt_say_hex(say, (uintptr_t)trap->spec.addr, 1);
	mt_say_text(say, "): ");
	mt_say_unsigned(say, last);
	mt_say_text(say, last == 1 ? " hit" : " hits");
	mt_say_text(say, last > room ? ", the last ones:\n" : "\n");
	for (uint64_t count = last > room ? last - room + 1 : 1; count <= last; count++)
		if (mt_history_get(trap->history, count, &past))
			say_past(say, trap, &past);
}
