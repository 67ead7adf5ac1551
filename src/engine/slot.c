/* SPDX-License-Identifier: MIT */
/*
 * Slots: where the instructions under our int3 are run. A slot has a copy of the instruction and a
 * jump to what follows it, in memory that the process maps for us near the code, so that operands
 * relative to rip, which 32-bit code has not, still reach. It belongs to the site, not to a thread:
 * any number of threads run it at once, none of them stops a second time, and no other thread has
 * to wait meanwhile.
 *
 * A thread that stops in a slot is shown where it would be without. Signals are delivered there
 * too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/process.h"

#define AREA_SIZE 16384u
#define SLOT_SIZE 64u
#define RANGE 0x70000000u /* how far an area may be from the code that it serves */
#define MARGIN 0x100000u  /* what is left free below the next mapping, for it to grow into */
#define LOWEST 0x10000u
#define JUMP 0xe9

/* ---- Memory for slots ---------------------------------------------------- */

static bool reaches(uint64_t from, uint64_t to)
{
	return (from > to ? from - to : to - from) < RANGE;
}

/* The nearest place below `near` where the process has nothing mapped; 0: none. */
uint64_t mt_slot_find_gap(pid_t pid, uint64_t near)
{
	char path[64], line[512];
	uint64_t start, end, last = LOWEST, best = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);

	FILE *maps MT_AUTO_FILE = fopen(path, "re");

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 || start > near)
			continue;
		if (start > last && start - last > 2 * MARGIN)
			best = start - MARGIN - AREA_SIZE;
		last = end;
	}
	return best && reaches(best, near) ? best : 0;
}

static bool add_area(struct mt_thread *thread, uint64_t near)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);
	uint64_t addr = mt_slot_find_gap(thread->tid, near);
	const uint64_t args[6] = { addr,
		                   AREA_SIZE,
		                   PROT_READ | PROT_EXEC,
		                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		                   UINT64_MAX,
		                   0 };
	struct mt_slot_area area = { .addr = addr };
	int64_t got;

	if (!addr || !mt_inject_syscall(thread, SYS_mmap, args, &got) || (uint64_t)got != addr)
		return false;
	return mt_vec_push(&memory->areas, area);
}

static struct mt_slot_area *find_area(struct mt_proc *memory, uint64_t near)
{
	for (size_t i = 0; i < memory->areas.len; i++)
		if (reaches(memory->areas.data[i].addr, near) &&
		    memory->areas.data[i].used + SLOT_SIZE <= AREA_SIZE)
			return &memory->areas.data[i];
	return NULL;
}

/* 0: the process gives us no memory. */
static uint64_t take_slot(struct mt_thread *thread, uint64_t near)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);
	struct mt_slot_area *area = find_area(memory, near);

	if (!area && add_area(thread, near))
		area = find_area(memory, near);
	if (!area)
		return 0;
	area->used += SLOT_SIZE;
	return area->addr + area->used - SLOT_SIZE;
}

void mt_slots_release(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->areas.len; i++)
		mt_inject_munmap(proc, proc->areas.data[i].addr, AREA_SIZE);
	mt_slots_forget(proc);
}

void mt_slots_forget(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->sites.len; i++)
		proc->sites.data[i]->slot = 0;
	mt_vec_deinit(&proc->areas);
}

void mt_slots_changed(struct mt_proc *proc, uint64_t addr, size_t len)
{
	for (size_t i = 0; i < proc->sites.len; i++) {
		struct mt_site *site = proc->sites.data[i];

		if (site->addr < addr + len && addr < site->addr + MT_INSN_MAX_LEN) {
			site->slot = 0;
			site->slot_failed = false;
		}
	}
}

/* ---- Writing a slot ------------------------------------------------------ */

struct code {
	uint8_t bytes[SLOT_SIZE];
	size_t len;
};

static void put(struct code *code, const void *bytes, size_t len)
{
	memcpy(code->bytes + code->len, bytes, len);
	code->len += len;
}

/* On x86-64 jmp *0(%rip), and the address behind it, which reaches everywhere; on i386 jmp rel32
 * does, since eip wraps. */
size_t mt_slot_put_jump(uint8_t *code, enum mt_machine machine, uint64_t at, uint64_t to)
{
	static const uint8_t far[] = { 0xff, 0x25, 0, 0, 0, 0 };
	uint32_t distance = (uint32_t)(to - (at + MT_JUMP_LEN));

	if (machine == MT_MACHINE_I386) {
		code[0] = JUMP;
		memcpy(code + 1, &distance, sizeof(distance));
		return MT_JUMP_LEN;
	}
	memcpy(code, far, sizeof(far));
	memcpy(code + sizeof(far), &to, sizeof(to));
	return sizeof(far) + sizeof(to);
}

/* Moves a displacement from rip. */
static bool move_operand(struct code *code, const struct mt_insn *insn, uint64_t slot)
{
	int32_t disp;
	int64_t moved;

	if (!insn->rip_disp)
		return true;
	memcpy(&disp, code->bytes + insn->rip_disp, sizeof(disp));
	moved = (int64_t)disp + (int64_t)(insn->addr - slot);
	disp = (int32_t)moved;
	memcpy(code->bytes + insn->rip_disp, &disp, sizeof(disp));
	return disp == moved;
}

static bool is_syscall(const struct mt_insn *insn)
{
	return insn->len == 2 && insn->bytes[0] == 0x0f && insn->bytes[1] == 0x05;
}

static bool is_sysenter(const struct mt_insn *insn)
{
	return insn->len == 2 && insn->bytes[0] == 0x0f && insn->bytes[1] == 0x34;
}

/*
 * Whether the instruction does the same elsewhere. Those that push where they are, that trap by
 * themselves, or that go to a place relative to their own are left out: emulate.c carries out most
 * of these, the rest is stepped in place.
 */
static bool can_move(const struct mt_insn *insn, enum mt_machine machine)
{
	uint8_t first = insn->bytes[0], second = insn->len > 1 ? insn->bytes[1] : 0;

	if (is_syscall(insn) || (first == 0xcd && second == 0x80))
		return true;
	if (is_sysenter(insn) && machine == MT_MACHINE_I386)
		return true;
	if (insn->klass == MT_INSN_SYSCALL || insn->klass == MT_INSN_CALL || insn->direct)
		return false;
	if (first == 0xcc || first == 0xf1 || first == 0xcf || (first == 0x48 && second == 0xcf))
		return false; /* int3, int1, iret */
	if (first == 0xc7 && second == 0xf8)
		return false; /* xbegin */
	return !(first == 0x0f && (second == 0x0b || second == 0xb9 || second == 0xff)); /* ud */
}

/* `syscall` leaves the address behind itself in rcx. In 32-bit code it ends, as sysenter does, at a
 * place in the vDSO, wherever it was (Linux arch/x86/entry/syscall_32.c, do_fast_syscall_32()). */
static void put_rcx(struct code *code, uint64_t value)
{
	static const uint8_t move[] = { 0x48, 0xb9 };

	put(code, move, sizeof(move));
	put(code, &value, sizeof(value));
}

static bool make_code(struct code *code, const struct mt_insn *insn, enum mt_machine machine,
                      uint64_t slot)
{
	uint64_t next = insn->addr + insn->len;

	put(code, insn->bytes, insn->len);
	if (!move_operand(code, insn, slot))
		return false;
	if (is_syscall(insn) && machine == MT_MACHINE_X86_64)
		put_rcx(code, next);
	code->len += mt_slot_put_jump(code->bytes + code->len, machine, slot + code->len, next);
	return true;
}

static bool write_slot(struct mt_proc *proc, struct mt_site *site, const struct mt_insn *insn,
                       uint64_t slot)
{
	enum mt_machine machine = mt_proc_machine(proc);
	struct code code = { .len = 0 };
	struct mt_error *error;

	if (!make_code(&code, insn, machine, slot))
		return false;
	error = mt_process_write(mt_proc_access(proc), slot, code.bytes, code.len);
	mt_error_free(error);
	site->slot_insn_len = insn->len;
	site->slot_len = (uint8_t)code.len;
	return !error;
}

bool mt_slot_get(struct mt_thread *thread, struct mt_site *site, const struct mt_insn *insn)
{
	uint64_t slot;

	if (site->slot)
		return true;
	if (site->slot_failed || !mt_proc_memory(thread->proc)->image)
		return false;
	slot = can_move(insn, mt_proc_machine(thread->proc)) ? take_slot(thread, site->addr) : 0;
	if (!slot || !write_slot(thread->proc, site, insn, slot)) {
		site->slot_failed = true;
		return false;
	}
	site->slot = slot;
	return true;
}

/* ---- Threads in slots ---------------------------------------------------- */

static bool in_areas(const struct mt_proc *memory, uint64_t pc)
{
	for (size_t i = 0; i < memory->areas.len; i++)
		if (pc - memory->areas.data[i].addr < AREA_SIZE)
			return true;
	return false;
}

static const struct mt_site *site_of_slot(const struct mt_proc *memory, uint64_t pc)
{
	for (size_t i = 0; i < memory->sites.len; i++)
		if (memory->sites.data[i]->slot && pc - memory->sites.data[i]->slot < SLOT_SIZE)
			return memory->sites.data[i];
	return NULL;
}

uint64_t mt_slot_origin(struct mt_proc *proc, uint64_t pc)
{
	const struct mt_proc *memory = mt_proc_memory(proc);
	const struct mt_site *site = in_areas(memory, pc) ? site_of_slot(memory, pc) : NULL;

	return site && site->slot == pc ? site->addr : pc;
}

/* In a system call that the kernel begins anew, unless pc is changed, by moving pc back (Linux
 * include/linux/errno.h: ERESTARTSYS to ERESTART_RESTARTBLOCK). */
static bool restarts(const struct user_regs_struct *regs)
{
	int64_t result = (int64_t)regs->rax;

	return (int64_t)regs->orig_rax >= 0 && result <= -512 && result >= -516;
}

void mt_slot_translate(struct mt_thread *thread)
{
	const struct mt_proc *memory = mt_proc_memory(thread->proc);
	struct user_regs_struct *regs = &thread->regs;
	const struct mt_site *site;
	uint64_t offset;

	if (!in_areas(memory, regs->rip))
		return;
	site = site_of_slot(memory, regs->rip);
	if (!site)
		return;
	offset = regs->rip - site->slot;
	thread->regs_changed = !restarts(regs);
	if (offset == 0) {
		regs->rip = site->addr;
		thread->told = true;
		thread->told_pc = site->addr;
		return;
	}
	regs->rip = site->addr + site->slot_insn_len;
	if (site->original[0] == 0x0f && site->slot_len > site->slot_insn_len + 14)
		regs->rcx = regs->rip;
}
