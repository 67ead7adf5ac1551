/* SPDX-License-Identifier: MIT */
/*
 * The instructions of 32-bit code that test_insn_hardware.c runs; rows and registers are as in
 * insn_hardware_cases.h, but that words have 4 bytes and nothing has more than 32 bits. ecx is 3,
 * and ebp the offset of a bit.
 */
#ifndef MT_TESTS_INSN_HARDWARE_CASES_I386_H
#define MT_TESTS_INSN_HARDWARE_CASES_I386_H

#define CASES_I386(X)                                                                              \
	X(mov8, "mov %al, 5(%ebx)", 1, 1, TOLD)                                                    \
	X(mov8_high, "mov %ah, 5(%ebx)", 1, 1, TOLD)                                               \
	X(mov8_dh, "mov %dh, (%ebx)", 1, 1, TOLD)                                                  \
	X(mov16, "mov %dx, 6(%ebx)", 2, 2, TOLD)                                                   \
	X(mov32, "mov %eax, 0x10(%ebx)", 4, 4, TOLD)                                               \
	X(mov32_unaligned, "mov %eax, 0x17(%ebx)", 4, 4, TOLD)                                     \
	X(mov32_indexed, "mov %eax, -4(%ebx,%ecx,4)", 4, 4, TOLD)                                  \
	X(mov32_wrapped, "mov %edx, 0x7ffffff0(%ebx,%edi,1)", 4, 4, TOLD | WRAPPED)                \
	X(mov_esp, "mov %esp, 8(%esp)", 4, 4, TOLD)                                                \
	X(mov_imm8, "movb $0xfe, (%ebx)", 1, 1, TOLD)                                              \
	X(mov_imm16, "movw $0x1234, (%ebx)", 2, 2, TOLD)                                           \
	X(mov_imm32, "movl $-5, 3(%ebx)", 4, 4, TOLD)                                              \
	X(mov_segment, "mov %ds, (%ebx)", 2, 2, 0)                                                 \
	X(movnti, "movnti %eax, (%ebx)", 4, 4, TOLD)                                               \
	X(segment_named, "mov %eax, %ds:(%ebx)", 4, 4, TOLD)                                       \
	X(read_base_lost, "mov (%ebx), %ebx", 0, 4, 0)                                             \
	X(read_kept, "mov 4(%ebx), %dx", 0, 2, 0)                                                  \
	X(compare, "cmp %eax, (%ebx)", 0, 4, 0)                                                    \
	X(push_reg, "push %eax", 4, 4, TOLD)                                                       \
	X(push_reg16, "pushw %dx", 2, 2, TOLD)                                                     \
	X(push_esp, "push %esp", 4, 4, 0)                                                          \
	X(push_imm8, "push $-2", 4, 4, TOLD)                                                       \
	X(push_imm32, "push $0x12345678", 4, 4, TOLD)                                              \
	X(push_imm16, "pushw $0x4321", 2, 2, TOLD)                                                 \
	X(push_mem, "pushl 0x10(%ebx)", 4, 8, 0)                                                   \
	X(push_mem_esp, "pushl 0x10(%esp)", 4, 8, 0)                                               \
	X(pushf, "pushf", 4, 4, 0)                                                                 \
	X(pusha, "pusha", 32, 32, 0)                                                               \
	X(pushaw, "pushaw", 16, 16, 0)                                                             \
	X(popa, "popa", 0, 32, LOOSE)                                                              \
	X(pop_reg, "pop %edx", 0, 4, 0)                                                            \
	X(pop_esp, "pop %esp", 0, 4, 0)                                                            \
	X(pop_mem, "popl 0x10(%ebx)", 4, 8, 0)                                                     \
	X(pop_mem_esp, "popl 0x10(%esp)", 4, 8, 0)                                                 \
	X(leave, "leave", 0, 4, 0)                                                                 \
	X(enter0, "enter $16, $0", 4, 4, 0)                                                        \
	X(enter1, "enter $16, $1", 8, 8, 0)                                                        \
	X(enter3, "enter $32, $3", 16, 24, 0)                                                      \
	X(call_direct, "call hw32_target", 4, 4, TOLD | CALL)                                      \
	X(call_mem, "call *0x100(%ebx)", 4, 8, TOLD | CALL)                                        \
	X(call_mem_esp, "call *0x20(%esp)", 4, 8, TOLD | CALL)                                     \
	X(jmp_mem, "jmp *0x100(%ebx)", 0, 4, LOST)                                                 \
	X(ret, "ret", 0, 4, LOST)                                                                  \
	X(ret_imm, "ret $24", 0, 4, LOST)                                                          \
	X(xlat, "xlat", 0, 1, 0)                                                                   \
	X(xchg, "xchg %eax, (%ebx)", 4, 4, 0)                                                      \
	X(xadd, "lock xadd %eax, (%ebx)", 4, 4, 0)                                                 \
	X(cmpxchg_success, "lock cmpxchg %ecx, (%ebx)", 4, 4, 0)                                   \
	X(cmpxchg_failure, "lock cmpxchg %ecx, 0x40(%ebx)", 4, 4, 0)                               \
	X(cmpxchg8b, "lock cmpxchg8b 0x40(%ebx)", 8, 8, 0)                                         \
	X(inc, "incl (%ebx)", 4, 4, 0)                                                             \
	X(add_reg, "add %eax, (%ebx)", 4, 4, 0)                                                    \
	X(adc_imm, "adcl $0, 4(%ebx)", 4, 4, 0)                                                    \
	X(setcc, "setz 7(%ebx)", 1, 1, 0)                                                          \
	X(bts_imm, "btsl $3, (%ebx)", 4, 4, 0)                                                     \
	X(bts_down, "lock bts %ebp, (%ebx)", 4, 4, BITS)                                           \
	X(movsb, "movsb", 1, 2, 0)                                                                 \
	X(movsl, "movsl", 4, 8, 0)                                                                 \
	X(movsl_down, "movsl", 4, 8, BACKWARD)                                                     \
	X(rep_movsb, "rep movsb", 3, 6, 0)                                                         \
	X(rep_movsl, "rep movsl", 12, 24, 0)                                                       \
	X(rep_movsl_down, "rep movsl", 12, 24, BACKWARD)                                           \
	X(stosb, "stosb", 1, 1, TOLD)                                                              \
	X(stosl, "stosl", 4, 4, TOLD)                                                              \
	X(rep_stosl, "rep stosl", 12, 12, TOLD)                                                    \
	X(rep_stosl_down, "rep stosl", 12, 12, TOLD | BACKWARD)                                    \
	X(lodsl, "lodsl", 0, 4, 0)                                                                 \
	X(scasl, "scasl", 0, 4, 0)                                                                 \
	X(repe_cmpsb, "repe cmpsb", 0, 2, 0)                                                       \
	X(movups, "movups %xmm1, 0x13(%ebx)", 16, 16, 0)                                           \
	X(movsd, "movsd %xmm0, 4(%ebx)", 8, 8, 0)                                                  \
	X(fistp64, "fistpll (%ebx)", 8, 8, 0)                                                      \
	X(fstp80, "fstpt (%ebx)", 10, 10, 0)                                                       \
	X(lea, "lea (%ebx), %eax", 0, 0, 0)

#endif
