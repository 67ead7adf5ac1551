/* SPDX-License-Identifier: MIT */
/*
 * Detours: a filter in the kernel decides whether a thread stops at a site.
 *
 * A jump stands in place of the instruction. It leads to a nop in memory of ours, where a uprobe
 * traps: the kernel runs the filter (probe/filter.c) and carries out the nop by itself, without a
 * step. Behind the nop a second jump leads to the site's slot, with the instruction; or there is
 * what does the same as it, if it is a jump or a call. So a thread
 * that is held has decided behind it and the instruction before it, and is shown at the site; one
 * that is not runs on. If memtrap is killed, the uprobe goes, and the way remains: the program
 * lives on.
 *
 * A uprobe on the instruction itself will not do. Its signal comes when the instruction has been
 * carried out (kernel/events/uprobes.c, handle_swbp() and uprobe_deny_signal()), and to carry it
 * out most often takes a step: a debug exception, which costs thirty times the trap itself under
 * some hypervisors.
 *
 * A uprobe stands in a file. So the memory is that of a file which the process makes for us
 * (memfd_create(2)) and nobody else maps: no other process meets the uprobe.
 */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/process.h"

#define AREA_SIZE 16384u
#define NOP 0x90
#define LOCK 0xf0

#define DETOUR_SIZE 32u
#define HELD 1u /* where a thread is that the filter has seen: behind the nop */
#define CALL 0xe8
#define JUMP 0xe9
#define PUSH 0x68

/* ---- Memory for detours -------------------------------------------------- */

static bool is_in(const struct mt_detour_area *area, uint64_t pc)
{
	return pc - area->addr < AREA_SIZE;
}

static bool is_near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) < INT32_MAX - AREA_SIZE;
}

static bool fill_with_nops(int file)
{
	uint8_t nops[AREA_SIZE];

	memset(nops, NOP, sizeof(nops));
	return write(file, nops, sizeof(nops)) == (ssize_t)sizeof(nops);
}

/* A file of the process's own, and a descriptor of ours for it; -1: there is none. Its name is an
 * empty string: the vDSO's ELF header has zeroes there. A filter of system calls might kill the
 * process for this one. */
static int make_file(struct mt_thread *thread, int64_t *theirs)
{
	uint64_t vdso =
	    mt_process_auxv(thread->tid, mt_proc_machine(thread->proc), AT_SYSINFO_EHDR);
	const uint64_t args[6] = { vdso + EI_PAD, MFD_CLOEXEC };
	char path[64];

	if (!vdso || mt_process_filtered(thread->tid) ||
	    !mt_inject_syscall(thread, SYS_memfd_create, args, theirs) || *theirs < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)thread->tid, (int)*theirs);
	return open(path, O_RDWR | O_CLOEXEC);
}

static bool map_file(struct mt_thread *thread, uint64_t addr, int64_t theirs)
{
	const uint64_t args[6] = { addr,
		                   AREA_SIZE,
		                   PROT_READ | PROT_EXEC,
		                   MAP_PRIVATE | MAP_FIXED_NOREPLACE,
		                   (uint64_t)theirs,
		                   0 };
	int64_t got;

	return mt_inject_syscall(thread, SYS_mmap, args, &got) && (uint64_t)got == addr;
}

static bool add_area(struct mt_thread *thread, uint64_t near)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);
	uint64_t addr = mt_slot_find_gap(thread->tid, near);
	int64_t theirs = -1, result;
	int file MT_AUTO_FD = addr ? make_file(thread, &theirs) : -1;
	bool mapped = file >= 0 && fill_with_nops(file) && map_file(thread, addr, theirs);
	const uint64_t args[6] = { (uint64_t)theirs };

	if (theirs >= 0)
		mt_inject_syscall(thread, SYS_close, args, &result);
	if (!mapped ||
	    !mt_vec_push(&memory->detours, ((struct mt_detour_area){ .addr = addr, .file = file })))
		return false;
	mt_take_fd(&file);
	return true;
}

static struct mt_detour_area *find_area(struct mt_proc *memory, uint64_t near)
{
	for (size_t i = 0; i < memory->detours.len; i++)
		if (is_near(memory->detours.data[i].addr, near) &&
		    memory->detours.data[i].used + DETOUR_SIZE <= AREA_SIZE)
			return &memory->detours.data[i];
	return NULL;
}

static bool take_detour(struct mt_thread *thread, struct mt_site *site)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);
	struct mt_detour_area *area = find_area(memory, site->addr);

	if (site->detour)
		return true;
	if (!area && add_area(thread, site->addr))
		area = find_area(memory, site->addr);
	if (!area)
		return false;
	site->detour = area->addr + area->used;
	area->used += DETOUR_SIZE;
	return true;
}

void mt_detours_forget(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->sites.len; i++)
		proc->sites.data[i]->detour = 0;
	for (size_t i = 0; i < proc->detours.len; i++)
		close(proc->detours.data[i].file);
	mt_vec_deinit(&proc->detours);
}

void mt_detours_release(struct mt_proc *proc)
{
	for (size_t i = 0; i < proc->detours.len; i++)
		mt_inject_munmap(proc, proc->detours.data[i].addr, AREA_SIZE);
	mt_detours_forget(proc);
}

/* ---- Making one ---------------------------------------------------------- */

static bool is_free(const struct mt_proc *memory, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < memory->sites.len; i++) {
		const struct mt_site *site = memory->sites.data[i];

		if (site->inserted && site->addr < end && start < site->addr + site->span)
			return false;
	}
	return true;
}

/* No thread may be inside of what is replaced; nor jump there, as code does that leaves out a lock
 * prefix where there is one thread. */
static bool can_replace(struct mt_proc *memory, const struct mt_insn *insn)
{
	uint64_t end = insn->addr + MT_JUMP_LEN;

	if (insn->len < MT_JUMP_LEN || insn->bytes[0] == LOCK || !is_free(memory, insn->addr, end))
		return false;
	for (size_t i = 0; i < memory->threads.len; i++) {
		struct mt_thread *thread = memory->threads.data[i];

		if (mt_thread_regs(thread) && thread->regs.rip > insn->addr &&
		    thread->regs.rip < end)
			return false;
	}
	return true;
}

/* On x86-64 push 14(%rip), which is what stands behind the jump; on i386 push imm32. */
static size_t put_call(uint8_t *code, enum mt_machine machine, uint64_t at,
                       const struct mt_insn *insn)
{
	static const uint8_t push[] = { 0xff, 0x35, MT_SLOT_JUMP_MAX, 0, 0, 0 };
	uint64_t next = insn->addr + insn->len;
	size_t len = sizeof(push);

	if (machine == MT_MACHINE_I386) {
		code[0] = PUSH;
		memcpy(code + 1, &next, sizeof(uint32_t));
		len = 1 + sizeof(uint32_t);
		return len + mt_slot_put_jump(code + len, machine, at + len, insn->target);
	}
	memcpy(code, push, sizeof(push));
	len += mt_slot_put_jump(code + len, machine, at + len, insn->target);
	memcpy(code + len, &next, sizeof(next));
	return len + sizeof(next);
}

static bool is_branch(const struct mt_insn *insn)
{
	return insn->direct && (insn->bytes[0] == CALL || insn->bytes[0] == JUMP);
}

/* Behind the nop, which is there: the branch, or on to the slot. */
static struct mt_error *write_detour(struct mt_proc *memory, const struct mt_site *site,
                                     const struct mt_insn *insn)
{
	enum mt_machine machine = mt_proc_machine(memory);
	uint8_t code[DETOUR_SIZE - HELD];
	uint64_t at = site->detour + HELD;
	size_t len;

	if (insn->bytes[0] == CALL && is_branch(insn))
		len = put_call(code, machine, at, insn);
	else
		len = mt_slot_put_jump(code, machine, at,
		                       is_branch(insn) ? insn->target : site->slot);
	return mt_process_write(mt_proc_access(memory), at, code, len);
}

/* Which file the nop is in, and where. */
static void find_in_file(const struct mt_proc *memory, uint64_t detour, char path[64],
                         struct mt_watch_spec *spec)
{
	for (size_t i = 0; i < memory->detours.len; i++) {
		const struct mt_detour_area *area = &memory->detours.data[i];

		if (!is_in(area, detour))
			continue;
		snprintf(path, 64, "/proc/self/fd/%d", area->file);
		spec->file = path;
		spec->offset = detour - area->addr;
	}
}

static struct mt_error *prepare(struct mt_proc *memory, struct mt_site *site)
{
	struct mt_thread *thread = mt_thread_stopped(memory);
	struct mt_insn insn;

	if (!thread || !memory->image || !mt_proc_decode(memory, site->addr, &insn) ||
	    !can_replace(memory, &insn) ||
	    !(is_branch(&insn) || mt_slot_get(thread, site, &insn)) || !take_detour(thread, site))
		return mt_error_new(MT_ERR_UNSUPPORTED,
		                    "a jump cannot replace the instruction at 0x%" PRIx64,
		                    site->addr);
	memcpy(site->original, insn.bytes, MT_JUMP_LEN); /* the slot is made of it */
	return write_detour(memory, site, &insn);
}

struct mt_error *mt_detour_arm(struct mt_proc *proc, const struct mt_watch_spec *spec,
                               struct mt_site **out, struct mt_armed **armed)
{
	struct mt_proc *memory = mt_proc_memory(proc);
	struct mt_site *site = mt_site_make(memory, spec->addr);
	struct mt_watch_spec in_file = *spec;
	struct mt_error *error;
	struct mt_armed *made;
	char path[64];

	if (!site)
		return mt_error_nomem();
	MT_TRY(prepare(memory, site));
	find_in_file(memory, site->detour, path, &in_file);
	MT_TRY(mt_watch_arm(proc->debug->probe, proc->space, &in_file, proc->pid, NULL, NULL, 0,
	                    &made));
	error = mt_site_divert(memory, site, made);
	if (error) {
		mt_armed_destroy(made);
		return error;
	}
	*out = site;
	*armed = made;
	return NULL;
}

/* Those that stand before the nop would pass an int3 that is put in now. */
static void pull_threads_out(struct mt_debug *debug, const struct mt_proc *memory)
{
	for (size_t i = 0; i < debug->procs.len; i++) {
		struct mt_proc *proc = debug->procs.data[i];

		for (size_t j = 0; mt_proc_memory(proc) == memory && j < proc->threads.len; j++)
			mt_thread_regs(proc->threads.data[j]);
	}
}

void mt_detour_remove(struct mt_proc *proc, struct mt_site *site)
{
	struct mt_proc *memory = mt_proc_memory(proc);

	pull_threads_out(proc->debug, memory);
	mt_error_free(mt_site_divert(memory, site, NULL));
}

/* ---- Threads in detours -------------------------------------------------- */

static bool in_areas(const struct mt_proc *memory, uint64_t pc)
{
	for (size_t i = 0; i < memory->detours.len; i++)
		if (is_in(&memory->detours.data[i], pc))
			return true;
	return false;
}

static struct mt_site *site_of(const struct mt_proc *memory, uint64_t pc)
{
	for (size_t i = 0; i < memory->sites.len; i++)
		if (memory->sites.data[i]->detour &&
		    pc - memory->sites.data[i]->detour < DETOUR_SIZE)
			return memory->sites.data[i];
	return NULL;
}

/* In the middle of a call it has pushed where it returns to, and is on its way. */
static uint64_t place_of(struct mt_proc *memory, const struct mt_site *site, uint64_t offset)
{
	struct mt_insn insn;

	if (offset <= HELD || !mt_proc_decode(memory, site->addr, &insn))
		return site->addr;
	return insn.target;
}

void mt_detour_translate(struct mt_thread *thread)
{
	struct mt_proc *memory = mt_proc_memory(thread->proc);
	uint64_t pc = thread->regs.rip;
	const struct mt_site *site = in_areas(memory, pc) ? site_of(memory, pc) : NULL;

	if (!site)
		return;
	thread->regs.rip = place_of(memory, site, pc - site->detour);
	thread->regs_changed = true;
	if (pc != site->detour + HELD)
		return;
	thread->told = true;
	thread->told_pc = site->addr;
}

struct mt_site *mt_detour_held_at(struct mt_proc *proc, uint64_t pc)
{
	const struct mt_proc *memory = mt_proc_memory(proc);
	struct mt_site *site = in_areas(memory, pc) ? site_of(memory, pc) : NULL;

	return site && site->filter && pc == site->detour + HELD ? site : NULL;
}

bool mt_detour_is_next(struct mt_thread *thread)
{
	const struct mt_site *site =
	    mt_thread_regs(thread) ? mt_site_find(thread->proc, thread->regs.rip) : NULL;

	return site && site->inserted && site->filter;
}
