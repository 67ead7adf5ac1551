/* SPDX-License-Identifier: MIT */
/*
 * The instructions that test_insn_hardware.c runs. A row is: name, text, bytes written, bytes
 * accessed (as the processor's debug registers see it), flags. What the registers hold is in
 * fill_regs() there: rbx and r8 point to data, rsi and rdi to source and destination, rcx is 3.
 */
#ifndef MT_TESTS_INSN_HARDWARE_CASES_H
#define MT_TESTS_INSN_HARDWARE_CASES_H

enum case_flags {
	TOLD = 1,       /* the registers or the instruction tell what was stored */
	LOW = 2,        /* runs on the arena's mapping below 4 GiB */
	BACKWARD = 4,   /* with the direction flag set */
	LOOSE = 8,      /* may touch more than it does, as far as the decoder can say */
	AVX = 16,       /* runs where the processor has it */
	CALL = 32,      /* arrives at hw_target */
	LOST = 64,      /* arrives where its place cannot be told: the culprit is unknown */
	FAR_BASE = 128, /* needs a segment base: the address cannot be told */
	LONG = 256,     /* 600 repetitions: the processor goes over many elements before it traps */
	I386 = 512,     /* 32-bit code */
	WRAPPED = 1024, /* edi makes up for a displacement, so that the sum goes past 4 GiB */
	BITS = 2048,    /* ebp is a negative bit offset */
	AVX2 = 4096,
	AVX512 = 8192,
	STATE = 16384, /* what it accesses depends on registers of the XSAVE area */
	WIDE = 32768,  /* the processor may trap for more than it accesses */
	ALIGNED =
	    65536, /* rbx is a multiple of 64; how much is accessed depends on the processor */
};

#define CASES(X)                                                                                   \
	X(mov8, "mov %al, 5(%rbx)", 1, 1, TOLD)                                                    \
	X(mov8_high_a, "mov %ah, 5(%rbx)", 1, 1, TOLD)                                             \
	X(mov8_high_d, "mov %dh, (%rbx)", 1, 1, TOLD)                                              \
	X(mov8_sil, "mov %sil, (%rbx)", 1, 1, TOLD)                                                \
	X(mov8_r9b, "mov %r9b, (%rbx)", 1, 1, TOLD)                                                \
	X(mov16, "mov %dx, 6(%rbx)", 2, 2, TOLD)                                                   \
	X(mov32, "mov %r9d, 12(%rbx)", 4, 4, TOLD)                                                 \
	X(mov64, "mov %rax, 0x10(%rbx)", 8, 8, TOLD)                                               \
	X(mov64_unaligned, "mov %rax, 0x15(%rbx)", 8, 8, TOLD)                                     \
	X(mov64_indexed, "mov %rax, -8(%rbx,%rcx,8)", 8, 8, TOLD)                                  \
	X(mov64_self, "mov %rbx, (%rbx)", 8, 8, TOLD)                                              \
	X(mov_rsp, "mov %rsp, 8(%rsp)", 8, 8, TOLD)                                                \
	X(mov_imm8, "movb $0xfe, (%rbx)", 1, 1, TOLD)                                              \
	X(mov_imm16, "movw $0x1234, (%rbx)", 2, 2, TOLD)                                           \
	X(mov_imm32, "movl $-5, (%rbx)", 4, 4, TOLD)                                               \
	X(mov_imm64, "movq $-5, 3(%rbx)", 8, 8, TOLD)                                              \
	X(mov_segment, "mov %ds, (%rbx)", 2, 2, 0)                                                 \
	X(movnti, "movnti %rax, (%rbx)", 8, 8, TOLD)                                               \
	X(movbe, "movbe %rax, (%rbx)", 8, 8, 0)                                                    \
	X(rip_relative, "mov %rax, hw_arena+0x208(%rip)", 8, 8, TOLD)                              \
	X(rip_relative_imm, "movl $7, hw_arena+0x208(%rip)", 4, 4, TOLD)                           \
	X(fs_relative, "mov %rax, %fs:0x10", 8, 8, FAR_BASE)                                       \
	X(fs_indexed, "incl %fs:8(,%rcx,4)", 4, 4, FAR_BASE)                                       \
	X(address32, "mov %rax, 8(%ebx)", 8, 8, TOLD | LOW)                                        \
	X(address32_index, "movb $1, -3(%ebx,%ecx)", 1, 1, TOLD | LOW)                             \
	X(address32_movs, "addr32 movsl", 4, 8, LOW)                                               \
	X(read_base_lost, "mov (%r8), %r8", 0, 8, 0)                                               \
	X(read_base_part_lost, "mov (%r8), %r8b", 0, 1, 0)                                         \
	X(read_index_lost, "mov (%rbx,%rcx,8), %ecx", 0, 4, 0)                                     \
	X(read_kept, "mov 4(%rbx), %r9w", 0, 2, 0)                                                 \
	X(compare, "cmp %rax, (%rbx)", 0, 8, 0)                                                    \
	X(push_reg, "push %rax", 8, 8, TOLD)                                                       \
	X(push_reg16, "push %r9w", 2, 2, TOLD)                                                     \
	X(push_rsp, "push %rsp", 8, 8, 0)                                                          \
	X(push_imm8, "push $-2", 8, 8, TOLD)                                                       \
	X(push_imm32, "push $0x12345678", 8, 8, TOLD)                                              \
	X(push_imm16, "pushw $0x4321", 2, 2, TOLD)                                                 \
	X(push_mem, "push 0x10(%rbx)", 8, 16, 0)                                                   \
	X(push_mem_rsp, "push 0x10(%rsp)", 8, 16, 0)                                               \
	X(push_segment, "push %fs", 8, 8, 0)                                                       \
	X(push_addr32, "addr32 push %rax", 8, 8, TOLD)                                             \
	X(pushf, "pushf", 8, 8, 0)                                                                 \
	X(pop_reg, "pop %r9", 0, 8, 0)                                                             \
	X(pop_reg16, "pop %r9w", 0, 2, 0)                                                          \
	X(pop_rsp, "pop %rsp", 0, 8, 0)                                                            \
	X(pop_mem, "pop 0x10(%rbx)", 8, 16, 0)                                                     \
	X(pop_mem_rsp, "pop 0x10(%rsp)", 8, 16, 0)                                                 \
	X(leave, "leave", 0, 8, 0)                                                                 \
	X(leave16, "data16 leave", 0, 2, 0)                                                        \
	X(enter0, "enter $16, $0", 8, 8, 0)                                                        \
	X(enter1, "enter $16, $1", 16, 16, 0)                                                      \
	X(enter3, "enter $32, $3", 32, 48, 0)                                                      \
	X(call_direct, "call hw_target", 8, 8, TOLD | CALL)                                        \
	X(call_reg, "call *%r14", 8, 8, TOLD | CALL)                                               \
	X(call_mem, "call *0x100(%rbx)", 8, 16, TOLD | CALL)                                       \
	X(call_mem_rsp, "call *0x20(%rsp)", 8, 16, TOLD | CALL)                                    \
	X(jmp_mem, "jmp *0x100(%rbx)", 0, 8, LOST)                                                 \
	X(ret, "ret", 0, 8, LOST)                                                                  \
	X(ret_imm, "ret $24", 0, 8, LOST)                                                          \
	X(xlat, "xlat", 0, 1, 0)                                                                   \
	X(xchg, "xchg %rax, (%rbx)", 8, 8, 0)                                                      \
	X(xchg8, "xchg %ah, 3(%rbx)", 1, 1, 0)                                                     \
	X(xchg_base, "xchg %r8, (%r8)", 8, 8, 0)                                                   \
	X(xadd, "lock xadd %eax, (%rbx)", 4, 4, 0)                                                 \
	X(cmpxchg_success, "lock cmpxchg %rcx, (%rbx)", 8, 8, 0)                                   \
	X(cmpxchg_failure, "lock cmpxchg %rcx, 0x40(%rbx)", 8, 8, 0)                               \
	X(cmpxchg16b_success, "lock cmpxchg16b 0x80(%rbx)", 16, 16, 0)                             \
	X(cmpxchg16b_failure, "lock cmpxchg16b 0x40(%rbx)", 16, 16, 0)                             \
	X(cmpxchg8b_failure, "cmpxchg8b 0x40(%rbx)", 8, 8, 0)                                      \
	X(inc, "incl (%rbx)", 4, 4, 0)                                                             \
	X(add_reg, "add %rax, (%rbx)", 8, 8, 0)                                                    \
	X(add_imm, "lock addw $1, 2(%rbx)", 2, 2, 0)                                               \
	X(sub_reg, "sub %al, (%rbx)", 1, 1, 0)                                                     \
	X(not_mem, "notq (%rbx)", 8, 8, 0)                                                         \
	X(shl_mem, "shll $3, (%rbx)", 4, 4, 0)                                                     \
	X(setcc, "setz 7(%rbx)", 1, 1, 0)                                                          \
	X(bts_imm, "btsl $3, (%rbx)", 4, 4, 0)                                                     \
	X(bts_reg64, "bts %r10, (%rbx)", 8, 8, 0)                                                  \
	X(bts_reg64_down, "lock bts %r11, (%rbx)", 8, 8, 0)                                        \
	X(btr_reg32_down, "btr %r11d, (%rbx)", 4, 4, 0)                                            \
	X(btc_reg16_down, "btc %r11w, (%rbx)", 2, 2, 0)                                            \
	X(bt_reg, "bt %r10d, (%rbx)", 0, 4, 0)                                                     \
	X(movsb, "movsb", 1, 2, 0)                                                                 \
	X(movsq, "movsq", 8, 16, 0)                                                                \
	X(movsq_down, "movsq", 8, 16, BACKWARD)                                                    \
	X(rep_movsb, "rep movsb", 3, 6, 0)                                                         \
	X(rep_movsb_down, "rep movsb", 3, 6, BACKWARD)                                             \
	X(rep_movsq, "rep movsq", 24, 48, 0)                                                       \
	X(rep_movsq_down, "rep movsq", 24, 48, BACKWARD)                                           \
	X(stosb, "stosb", 1, 1, TOLD)                                                              \
	X(stosw_down, "stosw", 2, 2, TOLD | BACKWARD)                                              \
	X(stosq, "stosq", 8, 8, TOLD)                                                              \
	X(rep_stosd, "rep stosl", 12, 12, TOLD)                                                    \
	X(rep_stosd_down, "rep stosl", 12, 12, TOLD | BACKWARD)                                    \
	X(rep_stosb, "rep stosb", 3, 3, TOLD)                                                      \
	X(rep_movsb_long, "rep movsb", 600, 1200, LONG)                                            \
	X(rep_stosb_long, "rep stosb", 600, 600, LONG | TOLD)                                      \
	X(rep_stosb_long_down, "rep stosb", 600, 600, LONG | TOLD | BACKWARD)                      \
	X(lodsq, "lodsq", 0, 8, 0)                                                                 \
	X(scasd, "scasl", 0, 4, 0)                                                                 \
	X(repne_scasb, "repne scasb", 0, 3, 0)                                                     \
	X(cmpsb, "cmpsb", 0, 2, 0)                                                                 \
	X(repe_cmpsb, "repe cmpsb", 0, 2, 0)                                                       \
	X(movaps, "movaps %xmm0, 0x10(%rbx)", 16, 16, 0)                                           \
	X(movups, "movups %xmm1, 0x13(%rbx)", 16, 16, 0)                                           \
	X(movsd, "movsd %xmm0, 4(%rbx)", 8, 8, 0)                                                  \
	X(movss, "movss %xmm0, 4(%rbx)", 4, 4, 0)                                                  \
	X(movq, "movq %xmm0, (%rbx)", 8, 8, 0)                                                     \
	X(movhps, "movhps %xmm0, (%rbx)", 8, 8, 0)                                                 \
	X(movntdq, "movntdq %xmm0, (%rbx)", 16, 16, 0)                                             \
	X(pextrb, "pextrb $1, %xmm0, (%rbx)", 1, 1, 0)                                             \
	X(maskmovdqu, "maskmovdqu %xmm1, %xmm0", 16, 16, STATE | WIDE)                             \
	X(maskmovq, "maskmovq %mm1, %mm0", 8, 8, STATE | WIDE)                                     \
	X(vmovdqu, "vmovdqu %ymm0, 1(%rbx)", 32, 32, AVX)                                          \
	X(vmaskmovps, "vmaskmovps %xmm0, %xmm1, (%rbx)", 8, 8, AVX | STATE | WIDE)                 \
	X(vmaskmovpd_load, "vmaskmovpd (%rbx), %ymm1, %ymm1", 0, 16, AVX | STATE | WIDE)           \
	X(vpmaskmovd, "vpmaskmovd %ymm0, %ymm1, 3(%rbx)", 16, 16, AVX2 | STATE | WIDE)             \
	X(vpgatherdd, "vpgatherdd %ymm1, (%rbx,%ymm2,4), %ymm0", 0, 16, AVX2 | STATE)              \
	X(vpgatherdq, "vpgatherdq %ymm1, 1(%rbx,%xmm2,2), %ymm0", 0, 16, AVX2 | STATE)             \
	X(vgatherqps, "vgatherqps %xmm1, (%rbx,%ymm3,8), %xmm0", 0, 8, AVX2 | STATE)               \
	X(vgatherqpd, "vgatherqpd %xmm1, (%rbx,%xmm3,1), %xmm0", 0, 8, AVX2 | STATE)               \
	X(vgatherdps_512, "vgatherdps (%rbx,%zmm2,4), %zmm0{%k1}", 0, 32, AVX512 | STATE)          \
	X(vpgatherqd_512, "vpgatherqd 4(%rbx,%zmm18,4), %ymm0{%k1}", 0, 16, AVX512 | STATE)        \
	X(vpscatterdd, "vpscatterdd %zmm0, (%rbx,%zmm2,4){%k1}", 32, 32, AVX512 | STATE)           \
	X(vscatterqpd, "vscatterqpd %zmm0, (%rbx,%zmm3,8){%k1}", 32, 32, AVX512 | STATE)           \
	X(vscatterdpd, "vscatterdpd %ymm0, (%rbx,%xmm2,4){%k1}", 16, 16, AVX512 | STATE)           \
	X(vmovdqu8_store, "vmovdqu8 %zmm0, 1(%rbx){%k1}", 32, 32, AVX512 | STATE | WIDE)           \
	X(vmovups_load, "vmovups (%rbx), %zmm0{%k1}", 0, 32, AVX512 | STATE | WIDE)                \
	X(vaddps_broadcast, "vaddps (%rbx){1to16}, %zmm0, %zmm0{%k1}", 0, 4, AVX512 | STATE)       \
	X(vaddps_none, "vaddps (%rbx){1to16}, %zmm0, %zmm0{%k2}", 0, 0, AVX512 | STATE | WIDE)     \
	X(vcompressps, "vcompressps %zmm0, (%rbx){%k1}", 32, 32, AVX512 | STATE | WIDE)            \
	X(vexpandpd, "vexpandpd (%rbx), %zmm0{%k1}", 0, 32, AVX512 | STATE | WIDE)                 \
	X(vpermps, "vpermps (%rbx), %zmm1, %zmm0{%k1}", 0, 64, AVX512 | STATE)                     \
	X(vcvtpd2ps, "vcvtpd2ps (%rbx), %ymm0{%k1}", 0, 32, AVX512 | STATE | WIDE)                 \
	X(vpmovdb, "vpmovdb %zmm0, (%rbx){%k1}", 8, 8, AVX512 | STATE | WIDE)                      \
	X(vcompare_k, "vpcmpeqb (%rbx), %zmm1, %k1{%k1}", 0, 32, AVX512 | STATE | WIDE)            \
	X(fxsave, "fxsave64 (%rbx)", 416, 416, ALIGNED | STATE)                                    \
	X(fxrstor, "fxrstor64 (%rbx)", 0, 416, ALIGNED | STATE)                                    \
	X(xsave, "xsave64 (%rbx)", 416, 424, ALIGNED | STATE)                                      \
	X(xsaveopt, "xsaveopt64 (%rbx)", 416, 424, ALIGNED | STATE)                                \
	X(xsavec, "xsavec64 (%rbx)", 416, 424, ALIGNED | STATE)                                    \
	X(xrstor, "xrstor64 (%rbx)", 0, 424, ALIGNED | STATE)                                      \
	X(fst32, "fsts (%rbx)", 4, 4, 0)                                                           \
	X(fstp80, "fstpt (%rbx)", 10, 10, 0)                                                       \
	X(fistp64, "fistpll (%rbx)", 8, 8, 0)                                                      \
	X(fnstenv, "fnstenv (%rbx)", 28, 28, 0)                                                    \
	X(fnstcw, "fnstcw (%rbx)", 2, 2, 0)                                                        \
	X(stmxcsr, "stmxcsr (%rbx)", 4, 4, 0)                                                      \
	X(prefetch, "prefetcht0 (%rbx)", 0, 0, 0)                                                  \
	X(nop, "nopl (%rbx)", 0, 0, 0)                                                             \
	X(lea, "lea (%rbx), %rax", 0, 0, 0)

#endif
