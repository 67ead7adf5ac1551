/* SPDX-License-Identifier: MIT */
/*
 * I/O ports. The processor could trap for them, but the kernel leaves CR4.DE off; so each
 * instruction is stepped, and looked at when it is one of in, out, ins, outs. That disturbs
 * nothing: whose port it is, and when, stays between the program and the kernel (ioperm(2),
 * iopl(2)).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine_private.h"

/* To take a port away that nobody has is allowed to everybody. */
struct mt_error *mt_watch_check_ports(void)
{
	if (syscall(SYS_ioperm, 0, 1, 0) == 0 || errno != ENOSYS)
		return NULL;
	return mt_error_new(MT_ERR_UNSUPPORTED,
	                    "this kernel gives no program a port: it has no ioperm(2) and iopl(2) "
	                    "(CONFIG_X86_IOPL_IOPERM is off). What accesses one gets SIGSEGV; that "
	                    "stop tells the port, the width and the direction");
}

/* in, out, ins, outs in their forms, behind prefixes; more than these may look like it. */
static bool may_access_port(const uint8_t code[4])
{
	size_t i = 0;

	while (i < 3 && (code[i] == 0x66 || code[i] == 0x67 || code[i] == 0xf2 || code[i] == 0xf3 ||
	                 code[i] >> 4 == 4))
		i++;
	return (code[i] >= 0x6c && code[i] <= 0x6f) || (code[i] >= 0xe4 && code[i] <= 0xe7) ||
	       (code[i] >= 0xec && code[i] <= 0xef);
}

/* What a string instruction has moved lies in memory, what another one has in eax. */
static void find_value(struct mt_thread *thread, const struct mt_insn *insn,
                       const struct mt_regs *before, struct mt_port_access *access)
{
	uint64_t place;

	if (access->has_value)
		return;
	access->value = 0;
	if (!insn->port.string) {
		access->value =
		    (uint32_t)(thread->regs.rax & (UINT64_MAX >> (64 - 8 * access->size)));
		access->has_value = true;
		return;
	}
	access->has_value =
	    insn->mem_count && mt_insn_mem_addr_before(insn, 0, before, &place) &&
	    mt_proc_read_some(thread->proc, place, &access->value, access->size) == access->size;
}

static bool wants(const struct mt_watch_kind *kind, const struct mt_port_access *access)
{
	if ((kind->access == MT_WATCH_READ && access->out) ||
	    (kind->access == MT_WATCH_WRITE && !access->out))
		return false;
	return access->port < kind->port + kind->port_count &&
	       kind->port < (uint32_t)access->port + access->size;
}

bool mt_watch_port_accessed(struct mt_thread *thread, const struct mt_watch_kind *kind,
                            struct mt_watch_doer *doer, struct mt_port_access *access)
{
	struct mt_regs before;

	if (thread->how != MT_RESUME_STEP || !thread->knows_before ||
	    !may_access_port(thread->stepped_code))
		return false;
	mt_regs_from_user(&thread->before, &before);
	mt_watch_find_stepped(thread, doer);
	if (doer->who != MT_WATCH_BY_INSN || !mt_insn_port_access(&doer->insn, &before, access) ||
	    access->count == 0 || !wants(kind, access))
		return false;
	access->count = 1; /* a step is one repetition */
	doer->did = access->out ? MT_INSN_WRITE : MT_INSN_READ;
	find_value(thread, &doer->insn, &before, access);
	return true;
}

/* A general protection fault has no address (Linux arch/x86/kernel/traps.c). */
const char *mt_port_note(struct mt_thread *thread)
{
	struct mt_debug *debug = thread->proc->debug;
	char value[32] = "", times[48] = "";
	struct mt_port_access access;
	struct mt_regs regs;
	struct mt_insn insn;

	if (thread->info.si_code != SI_KERNEL ||
	    !mt_proc_decode(thread->proc, thread->regs.rip, &insn))
		return NULL;
	mt_regs_from_user(&thread->regs, &regs);
	if (!mt_insn_port_access(&insn, &regs, &access))
		return NULL;
	if (access.has_value)
		snprintf(value, sizeof(value), ", 0x%x,", access.value);
	if (insn.rep)
		snprintf(times, sizeof(times), ", %" PRIu64 " times", access.count);
	snprintf(
	    debug->note, sizeof(debug->note),
	    "an access to an I/O port without permission (ioperm(2)): %u byte%s%s %s port 0x%x%s",
	    access.size, access.size == 1 ? "" : "s", value, access.out ? "to" : "from",
	    access.port, times);
	return debug->note;
}
