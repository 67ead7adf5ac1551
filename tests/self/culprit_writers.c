/* SPDX-License-Identifier: MIT */
#include "culprit.h"

CODE(mov8, "", "movb %%al, (" D ")", "")
CODE(mov8_high, "", "movb %%ah, 1(" D ")", "")
CODE(mov16, "", "movw %%ax, 2(" D ")", "")
CODE(mov32, "", "movl %%eax, 3(" D ")", "")
CODE(imm8, "", "movb $0x5a, 3(" D ")", "")
CODE(imm32, "", "movl $0x12345678, 4(" D ")", "")
CODE(indexed, "", "movl %%eax, -14(" D "," C ",4)", "")
CODE(before_it, "", "movl %%eax, -2(" D ")", "")
CODE(past_it, "", "movl %%eax, 7(" D ")", "")
CODE(own_base, "", "mov " D ", (" D ")", "")
CODE(add, "", "addl %%eax, (" D ")", "")
CODE(inc, "", "incl (" D ")", "")
CODE(complement, "", "notl 4(" D ")", "")
CODE(shl, "", "shll $3, (" D ")", "")
CODE(setcc, "cmp %%eax, %%eax", "sete 5(" D ")", "")
CODE(bts, "", "btsl $20, (" D ")", "")
CODE(bts_far, "mov $40, %%ecx", "btcl %%ecx, (" D ")", "")
CODE(xchg, "", "xchg %%eax, (" D ")", "")
CODE(xadd, "", "lock xaddl %%eax, (" D ")", "")
CODE(cmpxchg, "mov %%eax, %%edx\n\tmov (" S "), %%eax", "lock cmpxchgl %%edx, (" D ")", "")
CODE(cmpxchg_fails, "mov (" S "), %%eax\n\tinc %%eax", "lock cmpxchgl %%ecx, (" D ")", "")
CODE(cmpxchg8b, "mov (" S "), %%eax\n\tmov 4(" S "), %%edx\n\tmov $7, %%ebx",
     "lock cmpxchg8b (" D ")", "")
CODE(movsb, "add $16, " S, "movsb", "")
CODE(movsl, "add $16, " S, "movsl", "")
CODE(stosb, "", "stosb", "")
CODE(stosl, "", "stosl", "")
CODE(stosl_down, "std\n\tadd $4, " D, "stosl", "cld")
CODE(rep_movsb, "sub $64, " D "\n\tmov $128, %%ecx", "rep movsb", "")
CODE(rep_movsl, "sub $64, " D "\n\tmov $32, %%ecx", "rep movsl", "")
CODE(rep_movsb_down, "std\n\tadd $64, " D "\n\tadd $128, " S "\n\tmov $100, %%ecx", "rep movsb",
     "cld")
CODE(rep_stosb, "sub $64, " D "\n\tmov $128, %%ecx", "rep stosb", "")
CODE(rep_stosl, "sub $64, " D "\n\tmov $32, %%ecx", "rep stosl", "")
CODE(rep_stosl_last, "sub $64, " D "\n\tmov $18, %%ecx", "rep stosl", "")
CODE(rep_stosl_once, "mov $1, %%ecx", "rep stosl", "")
CODE(movd, "", "movd %%xmm0, 4(" D ")", "")
CODE(movq, "", "movq %%xmm0, (" D ")", "")
CODE(movups, "", "movups %%xmm0, -3(" D ")", "")
CODE(movaps, "", "movaps %%xmm0, (" D ")", "")
CODE(movnti, "", "movnti %%eax, (" D ")", "sfence")
CODE(fistp32, "fildl (" S ")", "fistpl 2(" D ")", "")
CODE(fistp64, "fildl (" S ")", "fistpll (" D ")", "")
CODE(fst32, "fld1", "fstps (" D ")", "")
CODE(fst80, "fldpi", "fstpt -2(" D ")", "")
CODE(fnstcw, "", "fnstcw 6(" D ")", "")
CODE(fxsave, "", "fxsave (" D ")", "")
CODE(pop_to_memory, "push " A, "pop (" D ")", "")
PUSH_CODE(push, "push " A, "")
PUSH_CODE(push_imm, "push $77", "")
PUSH_CODE(push_flags, "pushf", "")
PUSH_CODE(call_next, "call 1f\n1:", "")
PUSH_CODE(call_away, "call 1f", ".skip 40, 0x90\n1:")
CODE(call_function, "mov " SP ", " SPARE "\n\t" LAND_AT_2 "\n\tlea " STACK_WORD "(" D "), " SP,
     "call *" A, "2:\tmov " SPARE ", " SP)
#ifdef __x86_64__
CODE(mov64, "", "movq %%rax, (%%rdi)", "")
CODE(imm64, "", "movq $-2, (%%rdi)", "")
CODE(add64, "", "lock addq %%rax, (%%rdi)", "")
CODE(cmpxchg16b, "xor %%eax, %%eax\n\txor %%edx, %%edx", "lock cmpxchg16b (%%rdi)", "")
CODE(rep_movsq, "sub $64, %%rdi\n\tmov $16, %%ecx", "rep movsq", "")
CODE(rep_stosq, "sub $64, %%rdi\n\tmov $16, %%ecx", "rep stosq", "")
CODE(high_register, "mov %%rdi, %%r12", "movq %%rax, (%%r12)", "")
#else
PUSH_CODE(push_all, "pusha", "")
#endif

const struct culprit writers[] = {
	{ CULPRIT(mov8, W, 0, 1) },
	{ CULPRIT(mov8_high, W, 1, 1) },
	{ CULPRIT(mov16, W, 2, 2) },
	{ CULPRIT(mov32, W, 3, 4) },
	{ CULPRIT(imm8, W, 3, 1) },
	{ CULPRIT(imm32, W, 4, 4) },
	{ CULPRIT(indexed, W, 2, 4) },
	{ CULPRIT(before_it, W, 0, 2) },
	{ CULPRIT(past_it, W, 7, 1) },
	{ CULPRIT(own_base, W, 0, sizeof(long)) },
	{ CULPRIT(add, R | W, 0, 4) },
	{ CULPRIT(inc, R | W, 0, 4) },
	{ CULPRIT(complement, R | W, 4, 4) },
	{ CULPRIT(shl, R | W, 0, 4) },
	{ CULPRIT(setcc, W, 5, 1) },
	{ CULPRIT(bts, R | W, 0, 4) },
	{ CULPRIT(bts_far, R | W, 4, 4) },
	{ CULPRIT(xchg, R | W, 0, 4) },
	{ CULPRIT(xadd, R | W, 0, 4) },
	{ CULPRIT(cmpxchg, R | W, 0, 4) },
	{ CULPRIT(cmpxchg_fails, R | W, 0, 4) },
	{ CULPRIT(cmpxchg8b, R | W, 0, 8) },
	{ CULPRIT(movsb, W, 0, 1) },
	{ CULPRIT(movsl, W, 0, 4) },
	{ CULPRIT(stosb, W, 0, 1) },
	{ CULPRIT(stosl, W, 0, 4) },
	{ CULPRIT(stosl_down, W, 4, 4) },
	{ REPEATING(rep_movsb, W, 0, 8) },
	{ REPEATING(rep_movsl, W, 0, 8) },
	{ REPEATING(rep_movsb_down, W, 0, 8) },
	{ REPEATING(rep_stosb, W, 0, 8) },
	{ REPEATING(rep_stosl, W, 0, 8) },
	{ REPEATING(rep_stosl_last, W, 0, 8) },
	{ REPEATING(rep_stosl_once, W, 0, 4) },
	{ CULPRIT(movd, W, 4, 4) },
	{ CULPRIT(movq, W, 0, 8) },
	{ CULPRIT(movups, W, 0, 8) },
	{ CULPRIT(movaps, W, 0, 8) },
	{ CULPRIT(movnti, W, 0, 4) },
	{ CULPRIT(fistp32, W, 2, 4) },
	{ CULPRIT(fistp64, W, 0, 8) },
	{ CULPRIT(fst32, W, 0, 4) },
	{ CULPRIT(fst80, W, 0, 8) },
	{ CULPRIT(fnstcw, W, 6, 2) },
	{ CULPRIT(fxsave, W, 0, 8) },
	{ CULPRIT(pop_to_memory, W, 0, sizeof(long)) },
	{ CULPRIT(push, W, 0, sizeof(long)) },
	{ CULPRIT(push_imm, W, 0, sizeof(long)) },
	{ CULPRIT(push_flags, W, 0, sizeof(long)) },
	{ CULPRIT(call_next, W, 0, sizeof(long)) },
	{ CULPRIT(call_away, W, 0, sizeof(long)) },
	{ CULPRIT(call_function, W, 0, sizeof(long)) },
#ifdef __x86_64__
	{ CULPRIT(mov64, W, 0, 8) },
	{ CULPRIT(imm64, W, 0, 8) },
	{ CULPRIT(add64, R | W, 0, 8) },
	{ CULPRIT(cmpxchg16b, R | W, 0, 8) },
	{ REPEATING(rep_movsq, W, 0, 8) },
	{ REPEATING(rep_stosq, W, 0, 8) },
	{ CULPRIT(high_register, W, 0, 8) },
#else
	{ CULPRIT(push_all, W, 0, 4) },
#endif
	{ 0 },
};
