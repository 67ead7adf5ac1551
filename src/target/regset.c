/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "target/ptrace.h"
#include "target/tracee.h"

/* ---- The general registers ----------------------------------------------- */

/* PTRACE_GETREGS, since PTRACE_GETREGSET has another layout for 32-bit programs. */
bool mt_tracee_user_regs(pid_t tid, struct user_regs_struct *regs)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, regs) == 0;
}

bool mt_tracee_set_user_regs(pid_t tid, const struct user_regs_struct *regs)
{
	return ptrace(PTRACE_SETREGS, tid, NULL, regs) == 0;
}

void mt_regs_from_user(const struct user_regs_struct *user, struct mt_regs *regs)
{
	*regs = (struct mt_regs){ .r = {
		                      [MT_REG_RAX] = user->rax,
		                      [MT_REG_RDX] = user->rdx,
		                      [MT_REG_RCX] = user->rcx,
		                      [MT_REG_RBX] = user->rbx,
		                      [MT_REG_RSI] = user->rsi,
		                      [MT_REG_RDI] = user->rdi,
		                      [MT_REG_RBP] = user->rbp,
		                      [MT_REG_RSP] = user->rsp,
		                      [MT_REG_R8] = user->r8,
		                      [MT_REG_R9] = user->r9,
		                      [MT_REG_R10] = user->r10,
		                      [MT_REG_R11] = user->r11,
		                      [MT_REG_R12] = user->r12,
		                      [MT_REG_R13] = user->r13,
		                      [MT_REG_R14] = user->r14,
		                      [MT_REG_R15] = user->r15,
		                      [MT_REG_RIP] = user->rip,
		                      [MT_REG_RFLAGS] = user->eflags,
		                  } };
}

bool mt_tracee_regs(pid_t tid, struct mt_regs *regs)
{
	struct user_regs_struct user;

	if (!mt_tracee_user_regs(tid, &user))
		return false;
	mt_regs_from_user(&user, regs);
	return true;
}

/* ---- The XSAVE area ------------------------------------------------------ */

bool mt_tracee_register_set(pid_t tid, uint32_t type, void *area, size_t size, size_t *got)
{
	struct iovec io = { .iov_base = area, .iov_len = size };

	if (ptrace(PTRACE_GETREGSET, tid, mt_ptrace_number(type), &io) < 0)
		return false;
	*got = io.iov_len;
	return true;
}

bool mt_tracee_xstate(pid_t tid, void *area, size_t size, size_t *got)
{
	return mt_tracee_register_set(tid, NT_X86_XSTATE, area, size, got);
}

bool mt_tracee_set_xstate(pid_t tid, const void *area, size_t size)
{
	struct iovec io = { .iov_base = (void *)(uintptr_t)area, .iov_len = size };

	return ptrace(PTRACE_SETREGSET, tid, mt_ptrace_number(NT_X86_XSTATE), &io) == 0;
}

/* ---- The debug registers ------------------------------------------------- */

bool mt_tracee_set_debugreg(pid_t tid, unsigned index, uint64_t value)
{
	size_t place = offsetof(struct user, u_debugreg) + index * sizeof(long);

	return ptrace(PTRACE_POKEUSER, tid, mt_ptrace_number(place), mt_ptrace_number(value)) == 0;
}

static bool peek_user(pid_t tid, size_t place, uint64_t *value)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKUSER, tid, mt_ptrace_number(place), NULL);
	if (errno)
		return false;
	*value = (uint64_t)word;
	return true;
}

bool mt_tracee_debugreg(pid_t tid, unsigned index, uint64_t *value)
{
	return peek_user(tid, offsetof(struct user, u_debugreg) + index * sizeof(long), value);
}

bool mt_tracee_pc(pid_t tid, uint64_t *pc)
{
	return peek_user(tid, offsetof(struct user, regs.rip), pc);
}
