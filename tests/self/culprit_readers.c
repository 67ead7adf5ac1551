/* SPDX-License-Identifier: MIT */
#include "culprit.h"

#ifdef __x86_64__
#define JUMP_BACK "jmp *%rdx\n"
#else
#define JUMP_BACK "jmp *%edx\n"
#endif

__asm__(
    ".text\n"
    ".globl judge_landing\n.hidden judge_landing\njudge_landing:\n\t" JUMP_BACK
    ".globl judge_other_landing\n.hidden judge_other_landing\njudge_other_landing:\n\t" JUMP_BACK);

CODE(load8, "", "movb 5(" D "), %%dl", "")
CODE(load16, "", "movzwl 2(" D "), %%edx", "")
CODE(load32, "", "movl 4(" D "), %%edx", "")
CODE(load_own_base, "", "mov (" D "), " D, "")
CODE(load_before, "", "movl -3(" D "), %%edx", "")
CODE(load_past, "", "movl 6(" D "), %%edx", "")
CODE(load_indexed, "", "movl -14(" D "," C ",4), %%edx", "")
CODE(compare, "", "cmpl $7, (" D ")", "")
CODE(test8, "", "testb $1, 7(" D ")", "")
CODE(add_from, "", "addl (" D "), %%edx", "")
CODE(multiply, "", "mull (" D ")", "")
CODE(bit_test, "", "btl $3, (" D ")", "")
CODE(cmov_not_taken, "cmp %%eax, %%eax", "cmovne (" D "), %%edx", "")
CODE(xlat, "mov " D ", " B "\n\txor %%eax, %%eax", "xlatb", "")
CODE(lodsb, "mov " D ", " S, "lodsb", "")
CODE(lodsl, "mov " D ", " S, "lodsl", "")
CODE(scasl, "", "scasl", "")
CODE(cmpsl, "", "cmpsl", "")
CODE(movsl_from, "xchg " S ", " D, "movsl", "")
CODE(rep_movsb_from, "xchg " S ", " D "\n\tmov $8, %%ecx", "rep movsb", "")
CODE(repe_cmpsb, "mov $8, %%ecx", "repe cmpsb", "")
CODE(repne_scasb, "mov $8, %%ecx\n\tmov $0xee, %%al", "repne scasb", "")
CODE(push_from, "", "push (" D ")", "lea " STACK_WORD "(" SP "), " SP)
CODE(load_float, "", "flds (" D ")", "fstps (" S ")")
CODE(load_double, "", "fldl (" D ")", "fstpl (" S ")")
CODE(load_long, "", "fildll (" D ")", "fistpll (" S ")")
CODE(load_vector, "", "movups -5(" D "), %%xmm0", "")
CODE(load_quad, "", "movq (" D "), %%xmm0", "")
CODE(add_vector, "", "paddb (" D "), %%xmm0", "")
CODE(convert, "", "cvtsi2sdl (" D "), %%xmm0", "")
CODE(jump_through, LAND_AT_2, "jmp *(" D ")", "2:")
CODE(call_through, LAND_AT_2, "call *(" D ")", "2:\tlea " STACK_WORD "(" SP "), " SP)
POP_CODE(pop, "", "pop " C, "")
POP_CODE(ret, LAND_AT_2, "ret", "2:")

CODE(lea, "", "lea (" D "), " B, "")
CODE(prefetch, "", "prefetcht0 (" D ")", "")
CODE(long_nop, "", "nopl (" D ")", "")

const struct culprit readers[] = {
	{ CULPRIT(load8, R, 5, 1) },
	{ CULPRIT(load16, R, 2, 2) },
	{ CULPRIT(load32, R, 4, 4) },
	{ FORGETTING(load_own_base, R, 0, sizeof(long)) },
	{ CULPRIT(load_before, R, 0, 1) },
	{ CULPRIT(load_past, R, 6, 2) },
	{ CULPRIT(load_indexed, R, 2, 4) },
	{ CULPRIT(compare, R, 0, 4) },
	{ CULPRIT(test8, R, 7, 1) },
	{ CULPRIT(add_from, R, 0, 4) },
	{ CULPRIT(multiply, R, 0, 4) },
	{ CULPRIT(bit_test, R, 0, 4) },
	{ CULPRIT(cmov_not_taken, R, 0, 4) },
	{ FORGETTING(xlat, R, 0, 1) },
	{ CULPRIT(lodsb, R, 0, 1) },
	{ CULPRIT(lodsl, R, 0, 4) },
	{ CULPRIT(scasl, R, 0, 4) },
	{ CULPRIT(cmpsl, R, 0, 4) },
	{ CULPRIT(movsl_from, R, 0, 4) },
	{ REPEATING(rep_movsb_from, R, 0, 8) },
	{ REPEATING(repe_cmpsb, R, 0, 8) },
	{ REPEATING(repne_scasb, R, 0, 8) },
	{ CULPRIT(push_from, R, 0, sizeof(long)) },
	{ CULPRIT(load_float, R, 0, 4) },
	{ CULPRIT(load_double, R, 0, 8) },
	{ CULPRIT(load_long, R, 0, 8) },
	{ CULPRIT(load_vector, R, 0, 8) },
	{ CULPRIT(load_quad, R, 0, 8) },
	{ CULPRIT(add_vector, R, 0, 8) },
	{ CULPRIT(convert, R, 0, 4) },
	{ JUMPING(jump_through, R, 0, sizeof(long)) },
	{ JUMPING(call_through, R, 0, sizeof(long)) },
	{ CULPRIT(pop, R, 0, sizeof(long)) },
	{ JUMPING(ret, R, 0, sizeof(long)) },
	{ CULPRIT(lea, 0, 0, 0) },
	{ CULPRIT(prefetch, 0, 0, 0) },
	{ CULPRIT(long_nop, 0, 0, 0) },
	{ 0 },
};
