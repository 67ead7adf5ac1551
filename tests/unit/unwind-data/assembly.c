/* SPDX-License-Identifier: MIT */
/*
 * Call frame information that compilers hardly write. Each function takes the address of the next
 * in rdi, and leaves the caller's rbx, on which that one's CFA rests, in another odd place.
 */
#include "steps.h"

#define FUNCTION(name, body)                                                                       \
	void name(void);                                                                           \
	__asm__(".pushsection .text\n.type " #name ", @function\n" #name                           \
	        ":\n.cfi_startproc\n" body ".cfi_endproc\n.size " #name ", . - " #name             \
	        "\n.popsection\n")

/* The CFA is found through rbx. */
#define ENTER_RBX                                                                                  \
	"push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_offset %rbx, -16\n"                             \
	"mov %rsp, %rbx\n.cfi_def_cfa_register %rbx\n"                                             \
	"sub $40, %rsp\nand $-32, %rsp\n"
#define LEAVE_RBX                                                                                  \
	"mov %rbx, %rsp\n.cfi_def_cfa_register %rsp\n"                                             \
	"pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\nret\n"

/* rbx in another register: DW_CFA_register. */
FUNCTION(in_register, "push %r12\n.cfi_adjust_cfa_offset 8\n.cfi_offset %r12, -16\n"
                      "mov %rbx, %r12\n.cfi_register %rbx, %r12\n"
                      "xor %ebx, %ebx\n"
                      "mov %r12, %rbx\n.cfi_same_value %rbx\n"
                      "pop %r12\n.cfi_adjust_cfa_offset -8\n.cfi_restore %r12\nret\n");

/* rbx less 5 in r12: DW_CFA_val_expression rbx, { DW_OP_breg12 5 }. */
FUNCTION(is_expression, "push %r12\n.cfi_adjust_cfa_offset 8\n.cfi_offset %r12, -16\n"
                        "lea -5(%rbx), %r12\n.cfi_escape 0x16, 3, 2, 0x7c, 5\n"
                        "mov $1, %ebx\nnop\n"
                        "lea 5(%r12), %rbx\n.cfi_restore %rbx\n"
                        "pop %r12\n.cfi_adjust_cfa_offset -8\n.cfi_restore %r12\nret\n");

/* rbx in memory at CFA - 24: DW_CFA_expression rbx, { DW_OP_lit24; DW_OP_minus }. */
FUNCTION(at_expression, "sub $24, %rsp\n.cfi_adjust_cfa_offset 24\n"
                        "mov %rbx, 8(%rsp)\n.cfi_escape 0x10, 3, 2, 0x48, 0x1c\n"
                        "xor %ebx, %ebx\nnop\n"
                        "mov 8(%rsp), %rbx\n.cfi_restore %rbx\n"
                        "add $24, %rsp\n.cfi_adjust_cfa_offset -24\nret\n");

/* Two ways out, one state. (clang 14 forgets what .cfi_adjust_cfa_offset counts from.) */
FUNCTION(both_ways_out, "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_offset %rbx, -16\n"
                        "test %rsp, %rsp\n"
                        ".cfi_remember_state\n"
                        "jnz 1f\n"
                        "pop %rbx\n.cfi_def_cfa_offset 8\n.cfi_restore %rbx\nret\n"
                        "1: .cfi_restore_state\n"
                        "pop %rbx\n.cfi_def_cfa_offset 8\n.cfi_restore %rbx\nret\n");

/* The return address in a register, as some helpers keep it. */
FUNCTION(return_in_register, "pop %rax\n.cfi_adjust_cfa_offset -8\n.cfi_register %rip, %rax\n"
                             "push %rax\n.cfi_adjust_cfa_offset 8\n.cfi_offset %rip, -8\n"
                             "ret\n");

/* The CFA by an expression with a branch over what would fail:
 * { breg7 0; lit1; bra +1; deref; plus_uconst 24 }. */
FUNCTION(cfa_by_expression, "sub $16, %rsp\n"
                            ".cfi_escape 0x0f, 9, 0x77, 0, 0x31, 0x28, 1, 0, 0x06, 0x23, 24\n"
                            "nop\n"
                            "add $16, %rsp\n.cfi_def_cfa %rsp, 8\nret\n");

FUNCTION(calls, ENTER_RBX "call *%rdi\n" LEAVE_RBX);
FUNCTION(calls_twice, ENTER_RBX "call calls\nnop\n" LEAVE_RBX);

static NOINLINE void call(void (*function)(void))
{
	void *address = (void *)calls_twice; /* declared without its argument */

	((void (*)(void (*)(void)))address)(function);
}

int main(void)
{
	STEPS_BEGIN();
	call(in_register);
	call(is_expression);
	call(at_expression);
	call(both_ways_out);
	call(return_in_register);
	call(cfa_by_expression);
	STEPS_END();
	return 0;
}
