/* SPDX-License-Identifier: MIT */
#include "cfi/sigreturn.h"

#include <string.h>

#include "x86/regs.h"

#define CODE_MAX 9

/* mov $15, %rax; syscall */
#define RT_SIGRETURN_64 { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 }, 9
/* mov $173, %eax; int $0x80 */
#define RT_SIGRETURN_32 { 0xb8, 0xad, 0, 0, 0, 0xcd, 0x80 }, 7
/* pop %eax; mov $119, %eax; int $0x80 */
#define SIGRETURN_32 { 0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80 }, 8

/*
 * From the stack pointer, as the handler's `ret` leaves it, to struct sigcontext: at 40 in struct
 * ucontext for x86-64; for i386 behind the handler's arguments, siginfo and the head of struct
 * ucontext, or behind the one argument alone, which the restorer pops (arch/x86/include/asm/
 * sigframe.h, uapi/asm/{sigcontext,ucontext}.h).
 */
static const struct restorer {
	enum mt_machine machine;
	uint8_t code[CODE_MAX];
	uint8_t len;
	uint8_t pc_in_code;
	uint8_t sigcontext;
} restorers[] = {
	{ MT_MACHINE_X86_64, RT_SIGRETURN_64, 0, 40 },
	{ MT_MACHINE_X86_64, RT_SIGRETURN_64, 7, 40 },
	{ MT_MACHINE_I386, RT_SIGRETURN_32, 0, 160 },
	{ MT_MACHINE_I386, RT_SIGRETURN_32, 5, 160 },
	{ MT_MACHINE_I386, SIGRETURN_32, 0, 4 },
	{ MT_MACHINE_I386, SIGRETURN_32, 1, 0 },
	{ MT_MACHINE_I386, SIGRETURN_32, 6, 0 },
};

static const uint8_t regs_64[] = {
	MT_REG_R8,  MT_REG_R9,  MT_REG_R10, MT_REG_R11, MT_REG_R12, MT_REG_R13,
	MT_REG_R14, MT_REG_R15, MT_REG_RDI, MT_REG_RSI, MT_REG_RBP, MT_REG_RBX,
	MT_REG_RDX, MT_REG_RAX, MT_REG_RCX, MT_REG_RSP, MT_REG_RIP,
};

/* Segment registers stand first; trap number and error code before eip. */
static const uint8_t regs_32[] = {
	MT_REG_NONE, MT_REG_NONE, MT_REG_NONE, MT_REG_NONE, MT_REG_RDI,
	MT_REG_RSI,  MT_REG_RBP,  MT_REG_RSP,  MT_REG_RBX,  MT_REG_RDX,
	MT_REG_RCX,  MT_REG_RAX,  MT_REG_NONE, MT_REG_NONE, MT_REG_RIP,
};

static bool is_at(const struct mt_cfi_code *code, const struct restorer *restorer, uint64_t pc)
{
	uint8_t bytes[CODE_MAX];

	return code->read(code->arg, pc - restorer->pc_in_code, bytes, restorer->len) ==
	           restorer->len &&
	       memcmp(bytes, restorer->code, restorer->len) == 0;
}

bool mt_sigreturn_at(const struct mt_cfi_code *code, enum mt_machine machine, uint64_t pc,
                     struct mt_sigreturn *sigreturn)
{
	for (size_t i = 0; i < sizeof(restorers) / sizeof(*restorers); i++) {
		const struct restorer *restorer = &restorers[i];
		bool wide = machine == MT_MACHINE_X86_64;

		if (restorer->machine != machine || !is_at(code, restorer, pc))
			continue;
		sigreturn->offset = restorer->sigcontext;
		sigreturn->regs = wide ? regs_64 : regs_32;
		sigreturn->reg_count = wide ? sizeof(regs_64) : sizeof(regs_32);
		return true;
	}
	return false;
}
