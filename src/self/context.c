/* SPDX-License-Identifier: MIT */
#include "self/context.h"

#include <stddef.h>

#define FLAG_RF (1L << 16)

#ifdef __x86_64__

/* Where gregs has what mt_regs has. */
static const uint8_t greg_of[MT_REG_COUNT] = {
	[MT_REG_RAX] = REG_RAX, [MT_REG_RDX] = REG_RDX, [MT_REG_RCX] = REG_RCX,
	[MT_REG_RBX] = REG_RBX, [MT_REG_RSI] = REG_RSI, [MT_REG_RDI] = REG_RDI,
	[MT_REG_RBP] = REG_RBP, [MT_REG_RSP] = REG_RSP, [MT_REG_R8] = REG_R8,
	[MT_REG_R9] = REG_R9,   [MT_REG_R10] = REG_R10, [MT_REG_R11] = REG_R11,
	[MT_REG_R12] = REG_R12, [MT_REG_R13] = REG_R13, [MT_REG_R14] = REG_R14,
	[MT_REG_R15] = REG_R15, [MT_REG_RIP] = REG_RIP, [MT_REG_RFLAGS] = REG_EFL,
};

void mt_context_regs(const ucontext_t *context, struct mt_regs *regs)
{
	for (size_t i = 0; i < MT_REG_COUNT; i++)
		regs->r[i] = (uint64_t)context->uc_mcontext.gregs[greg_of[i]];
}

uintptr_t mt_thread_base(void)
{
	uintptr_t base;

	/* The thread control block begins with its own address (ELF TLS ABI, 3.4.6). */
	__asm__("mov %%fs:0, %0" : "=r"(base));
	return base;
}

#else

#define REG_RIP REG_EIP

/* In DWARF's order for i386, which is not enum mt_reg's. */
static const struct {
	uint8_t reg, greg;
} greg_of[] = {
	{ MT_REG_RAX, REG_EAX },    { MT_REG_RDX, REG_EDX }, { MT_REG_RCX, REG_ECX },
	{ MT_REG_RBX, REG_EBX },    { MT_REG_RSI, REG_ESI }, { MT_REG_RDI, REG_EDI },
	{ MT_REG_RBP, REG_EBP },    { MT_REG_RSP, REG_ESP }, { MT_REG_RIP, REG_EIP },
	{ MT_REG_RFLAGS, REG_EFL },
};

void mt_context_regs(const ucontext_t *context, struct mt_regs *regs)
{
	*regs = (struct mt_regs){ 0 };
	for (size_t i = 0; i < sizeof(greg_of) / sizeof(*greg_of); i++)
		regs->r[greg_of[i].reg] = (uint32_t)context->uc_mcontext.gregs[greg_of[i].greg];
}

uintptr_t mt_thread_base(void)
{
	uintptr_t base;

	__asm__("mov %%gs:0, %0" : "=r"(base));
	return base;
}

#endif

uintptr_t mt_context_pc(const ucontext_t *context)
{
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

bool mt_context_resumes(const ucontext_t *context)
{
	return context->uc_mcontext.gregs[REG_EFL] & FLAG_RF;
}

void mt_context_set_resumes(ucontext_t *context, bool resumes)
{
	if (resumes)
		context->uc_mcontext.gregs[REG_EFL] |= FLAG_RF;
	else
		context->uc_mcontext.gregs[REG_EFL] &= ~FLAG_RF;
}
