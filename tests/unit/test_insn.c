/* SPDX-License-Identifier: MIT */
/*
 * Decoding. What the processor itself can judge is in test_insn_hardware.c.
 */
#include <stdio.h>
#include <string.h>

#include "insn/insn.h"
#include "unit.h"

/* ---- Text ---------------------------------------------------------------- */

#define ORIGIN UINT64_C(0x401000)

/* name, what the assembler reads, what we print, the same in Intel's syntax. */
#define TEXTS(X)                                                                                   \
	X(store, "mov %rax, 0x10(%rbx)", "mov %rax, 0x10(%rbx)", "mov [rbx+0x10], rax")            \
	X(store_imm, "movl $0x1234, -8(%rbp)", "movl $0x1234, -0x8(%rbp)",                         \
	  "mov dword ptr [rbp-0x8], 0x1234")                                                       \
	X(indexed, "add %r9b, 1(%rax,%rcx,4)", "add %r9b, 0x1(%rax,%rcx,4)",                       \
	  "add [rax+rcx*4+0x1], r9b")                                                              \
	X(thread, "mov %fs:0x28, %rax", "mov %fs:0x28, %rax", "mov rax, fs:[0x28]")                \
	X(rip, "mov %eax, 0x100(%rip)", "mov %eax, 0x100(%rip)  # 0x401106",                       \
	  "mov [rip+0x100], eax  # 0x401106")                                                      \
	X(rip_imm, "movl $7, 0x100(%rip)", "movl $0x7, 0x100(%rip)  # 0x40110a",                   \
	  "mov dword ptr [rip+0x100], 0x7  # 0x40110a")                                            \
	X(locked, "lock xadd %eax, (%rdi)", "lock xadd %eax, (%rdi)", "lock xadd [rdi], eax")      \
	X(repeated, "rep movsq", "rep movsq", "rep movsq")                                         \
	X(near_call, "call . + 0x15", "call 0x401015", "call 0x401015")                            \
	X(near_jump, "jne . + 0x7", "jnz 0x401007", "jnz 0x401007")                                \
	X(reg_call, "call *%rax", "call *%rax", "call rax")                                        \
	X(mem_call, "call *8(%rax,%rbx,8)", "call *0x8(%rax,%rbx,8)", "call [rax+rbx*8+0x8]")      \
	X(mem_jump, "jmp *0x100(%rip)", "jmp *0x100(%rip)  # 0x401106",                            \
	  "jmp [rip+0x100]  # 0x401106")                                                           \
	X(unrelated, "add %rax, %rbx", "add %rax, %rbx", "add rbx, rax")

#define EMIT(name, text, ...)                                                                      \
	__asm__(".pushsection .text.insn_texts, \"ax\"\n"                                          \
	        ".globl text_" #name ", text_" #name "_end\n"                                      \
	        "text_" #name ": " text "\n"                                                       \
	        "text_" #name "_end:\n"                                                            \
	        ".popsection\n");
#define DECLARE(name, ...) extern const uint8_t text_##name[], text_##name##_end[];
#define ROW(name, text, att, intel) { text_##name, text_##name##_end, att, intel },

TEXTS(EMIT)
TEXTS(DECLARE)

static const struct {
	const uint8_t *start, *end;
	const char *att, *intel;
} texts[] = { TEXTS(ROW) };

START_TEST(text_is_what_people_read)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t len = (size_t)(texts[i].end - texts[i].start);
		struct mt_insn insn;

		mt_insn_set_syntax(MT_INSN_ATT);
		ck_assert(mt_insn_decode(MT_MACHINE_X86_64, texts[i].start, len, ORIGIN, &insn));
		ck_assert_uint_eq(insn.addr, ORIGIN);
		ck_assert_uint_eq(insn.len, len);
		ck_assert_mem_eq(insn.bytes, texts[i].start, len);
		ck_assert_str_eq(insn.text, texts[i].att);
		mt_insn_set_syntax(MT_INSN_INTEL);
		ck_assert(mt_insn_decode(MT_MACHINE_X86_64, texts[i].start, len, ORIGIN, &insn));
		ck_assert_str_eq(insn.text, texts[i].intel);
	}
}
END_TEST

START_TEST(an_instruction_cut_short_is_none)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t len = (size_t)(texts[i].end - texts[i].start);
		struct mt_insn insn = { .addr = 77 };

		for (size_t cut = 0; cut < len; cut++)
			ck_assert(
			    !mt_insn_decode(MT_MACHINE_X86_64, texts[i].start, cut, ORIGIN, &insn));
		ck_assert_uint_eq(insn.addr, 77);
	}
}
END_TEST

/* ---- What an instruction is ---------------------------------------------- */

static struct mt_insn decode(const uint8_t *code, size_t len)
{
	struct mt_insn insn;

	ck_assert(mt_insn_decode(MT_MACHINE_X86_64, code, len, ORIGIN, &insn));
	ck_assert_uint_eq(insn.len, len);
	return insn;
}

START_TEST(classes)
{
	ck_assert_int_eq(decode(BYTES(0xe8, 0x10, 0, 0, 0)).klass, MT_INSN_CALL);
	ck_assert_int_eq(decode(BYTES(0xff, 0xd0)).klass, MT_INSN_CALL);
	ck_assert_int_eq(decode(BYTES(0xc3)).klass, MT_INSN_RET);
	ck_assert_int_eq(decode(BYTES(0xf3, 0xc3)).klass, MT_INSN_RET);
	ck_assert_int_eq(decode(BYTES(0xeb, 0xfe)).klass, MT_INSN_JUMP);
	ck_assert_int_eq(decode(BYTES(0x74, 0x00)).klass, MT_INSN_JUMP);
	ck_assert_int_eq(decode(BYTES(0xe2, 0x00)).klass, MT_INSN_JUMP);
	ck_assert_int_eq(decode(BYTES(0x0f, 0x05)).klass, MT_INSN_SYSCALL);
	ck_assert_int_eq(decode(BYTES(0x0f, 0x34)).klass, MT_INSN_SYSCALL);
	ck_assert_int_eq(decode(BYTES(0xcd, 0x80)).klass, MT_INSN_SYSCALL);
	ck_assert_int_eq(decode(BYTES(0xa4)).klass, MT_INSN_STRING);
	ck_assert_int_eq(decode(BYTES(0x6c)).klass, MT_INSN_STRING);
	ck_assert_int_eq(decode(BYTES(0x90)).klass, MT_INSN_OTHER);
	ck_assert_int_eq(decode(BYTES(0x48, 0x89, 0x03)).klass, MT_INSN_OTHER);
}
END_TEST

static void check_i386(const uint8_t *code, size_t len, const char *text)
{
	struct mt_insn insn;

	mt_insn_set_syntax(MT_INSN_ATT);
	ck_assert_msg(mt_insn_decode(MT_MACHINE_I386, code, len, ORIGIN, &insn), "%s", text);
	ck_assert_uint_eq(insn.len, len);
	ck_assert_str_eq(insn.text, text);
}

START_TEST(i386_has_other_instructions)
{
	struct mt_insn insn;

	check_i386(BYTES(0x40), "inc %eax");
	check_i386(BYTES(0x4f), "dec %edi");
	check_i386(BYTES(0x60), "pushad");
	check_i386(BYTES(0x89, 0x05, 0x20, 0xc0, 0x04, 0x08), "mov %eax, 0x804c020");
	check_i386(BYTES(0x67, 0x89, 0x07), "mov %eax, (%bx)");
	check_i386(BYTES(0xe8, 0x10, 0, 0, 0), "call 0x401015");
	/* A branch to below 0 arrives at the top of memory. */
	check_i386(BYTES(0xe8, 0xf0, 0, 0xb0, 0xff), "call 0xfff010f5");
	ck_assert(!mt_insn_decode(MT_MACHINE_X86_64, BYTES(0x60), ORIGIN, &insn));
}
END_TEST

START_TEST(repetitions)
{
	ck_assert(decode(BYTES(0xf3, 0xa4)).rep);
	ck_assert(decode(BYTES(0xf3, 0x48, 0xab)).rep);
	ck_assert(decode(BYTES(0xf2, 0xae)).rep);
	ck_assert(decode(BYTES(0xf2, 0xa4)).rep);
	ck_assert(!decode(BYTES(0xa4)).rep);
	/* The same byte is a part of other opcodes. */
	ck_assert(!decode(BYTES(0xf3, 0xc3)).rep);
	ck_assert(!decode(BYTES(0xf3, 0x0f, 0x7f, 0x00)).rep);
}
END_TEST

/* Those said to be straight are held against the processor in test_insn_hardware.c. */
START_TEST(straight_code)
{
	ck_assert(decode(BYTES(0x48, 0x89, 0x03)).straight);           /* mov %rax,(%rbx) */
	ck_assert(decode(BYTES(0x48, 0x8d, 0x04, 0x24)).straight);     /* lea (%rsp),%rax */
	ck_assert(decode(BYTES(0x48, 0x83, 0xc0, 0x01)).straight);     /* add $1,%rax */
	ck_assert(decode(BYTES(0x66, 0x0f, 0x6f, 0x00)).straight);     /* movdqa (%rax),%xmm0 */
	ck_assert(decode(BYTES(0xf3, 0xa4)).straight);                 /* rep movsb */
	ck_assert(decode(BYTES(0x0f, 0x1f, 0x00)).straight);           /* nopl (%rax) */
	ck_assert(!decode(BYTES(0x48, 0x83, 0xec, 0x08)).straight);    /* sub $8,%rsp */
	ck_assert(!decode(BYTES(0x66, 0x8b, 0x20)).straight);          /* mov (%rax),%sp */
	ck_assert(!decode(BYTES(0x48, 0x8d, 0x64, 0x24, 8)).straight); /* lea 8(%rsp),%rsp */
	ck_assert(!decode(BYTES(0x48, 0x94)).straight);                /* xchg %rax,%rsp */
	ck_assert(!decode(BYTES(0x55)).straight);                      /* push %rbp */
	ck_assert(!decode(BYTES(0xc9)).straight);                      /* leave */
	ck_assert(!decode(BYTES(0x9d)).straight);                      /* popf */
	ck_assert(!decode(BYTES(0x74, 0x00)).straight);                /* je */
	ck_assert(!decode(BYTES(0xff, 0xd0)).straight);                /* call *%rax */
	ck_assert(!decode(BYTES(0x0f, 0x05)).straight);                /* syscall */
	ck_assert(!decode(BYTES(0xcc)).straight);                      /* int3 */
	ck_assert(!decode(BYTES(0x0f, 0x0b)).straight);                /* ud2 */
	ck_assert(!decode(BYTES(0xc7, 0xf8, 0, 0, 0, 0)).straight);    /* xbegin */
}
END_TEST

START_TEST(direct_targets)
{
	struct mt_insn insn = decode(BYTES(0xe8, 0x10, 0, 0, 0));

	ck_assert(insn.direct);
	ck_assert_uint_eq(insn.target, ORIGIN + 5 + 0x10);
	insn = decode(BYTES(0xeb, 0xfe));
	ck_assert(insn.direct);
	ck_assert_uint_eq(insn.target, ORIGIN);
	ck_assert(!decode(BYTES(0xff, 0xd0)).direct);
	ck_assert(!decode(BYTES(0xff, 0x20)).direct);
	ck_assert(!decode(BYTES(0xc3)).direct);
}
END_TEST

static uint64_t resolved_addr(enum mt_machine machine, const uint8_t *code, size_t len,
                              uint64_t rdi, uint64_t base)
{
	const struct mt_regs regs = { { [MT_REG_RDI] = rdi } };
	struct mt_insn insn;
	uint64_t before, after;

	ck_assert(mt_insn_decode(machine, code, len, 0x1000, &insn));
	mt_insn_resolve_segment(&insn, 'g', base);
	ck_assert(mt_insn_mem_addr_before(&insn, 0, &regs, &before));
	ck_assert(mt_insn_mem_addr_after(&insn, 0, &regs, &after));
	ck_assert_uint_eq(before, after);
	return before;
}

START_TEST(addresses_wrap_where_the_processor_has_them_wrap)
{
	const uint64_t high = 0x7f0000000000;

	/* mov %rax,%gs:-8(%rdi) */
	ck_assert_uint_eq(
	    resolved_addr(MT_MACHINE_X86_64, BYTES(0x65, 0x48, 0x89, 0x47, 0xf8), 0, high),
	    high - 8);
	/* mov %rax,%gs:8(%edi) */
	ck_assert_uint_eq(resolved_addr(MT_MACHINE_X86_64,
	                                BYTES(0x67, 0x65, 0x48, 0x89, 0x47, 0x08),
	                                0xfffffffffffffffc, high),
	                  high + 4);
	/* mov %eax,%gs:-8(%edi) */
	ck_assert_uint_eq(
	    resolved_addr(MT_MACHINE_I386, BYTES(0x65, 0x89, 0x47, 0xf8), 0, 0xf7c00000),
	    0xf7bffff8);
}
END_TEST

START_TEST(memory_that_only_a_part_is_known_of)
{
	const struct mt_regs regs = { { [MT_REG_RDI] = 0x5000 } };
	uint64_t addr = 42, resolved;

	/* xsave (%rdi): from its start on, as far as it may go. */
	struct mt_insn insn = decode(BYTES(0x0f, 0xae, 0x27));

	ck_assert_uint_eq(insn.mem_count, 1);
	ck_assert_uint_eq(insn.mem[0].size, 0);
	ck_assert(mt_insn_touched(&insn, &regs, 0x5800, 8) & MT_INSN_WRITE);
	ck_assert_uint_eq(mt_insn_touched(&insn, &regs, 0x4ff8, 8), 0);
	ck_assert(mt_insn_will_touch(&insn, &regs, NULL, 0x5800, 8) & MT_INSN_WRITE);
	ck_assert_uint_eq(mt_insn_will_touch(&insn, &regs, NULL, 0x4ff8, 8), 0);

	/* vpgatherdd %xmm1,(%rdi,%xmm2,4),%xmm3: the index is no general register. */
	insn = decode(BYTES(0xc4, 0xe2, 0x71, 0x90, 0x1c, 0x97));
	ck_assert(insn.mem[0].scattered);
	ck_assert(!mt_insn_mem_addr_before(&insn, 0, &regs, &addr));
	ck_assert(!mt_insn_mem_addr_after(&insn, 0, &regs, &addr));
	ck_assert_uint_eq(mt_insn_touched(&insn, &regs, 0x100, 1), MT_INSN_READ);
	ck_assert_uint_eq(mt_insn_will_touch(&insn, &regs, NULL, 0x100, 1), MT_INSN_READ);

	/* mov %rax,%gs:(%rdi) */
	insn = decode(BYTES(0x65, 0x48, 0x89, 0x07));
	ck_assert_uint_eq(insn.mem[0].segment, 'g');
	ck_assert(!mt_insn_mem_addr_before(&insn, 0, &regs, &addr));
	ck_assert_uint_eq(mt_insn_touched(&insn, &regs, 0x100, 1), MT_INSN_WRITE);
	ck_assert_uint_eq(mt_insn_will_touch(&insn, &regs, NULL, 0x100, 1), MT_INSN_WRITE);
	mt_insn_resolve_segment(&insn, 'f', 0x2000); /* the other one */
	ck_assert(!mt_insn_mem_addr_before(&insn, 0, &regs, &addr));
	mt_insn_resolve_segment(&insn, 'g', 0x2000);
	ck_assert(mt_insn_mem_addr_before(&insn, 0, &regs, &resolved));
	ck_assert_uint_eq(resolved, 0x7000);
	ck_assert_uint_eq(mt_insn_will_touch(&insn, &regs, NULL, 0x7007, 1), MT_INSN_WRITE);
	ck_assert_uint_eq(mt_insn_will_touch(&insn, &regs, NULL, 0x5000, 8), 0);

	/* mov %rax,%ds:(%rdi): has no meaning in 64-bit mode. */
	insn = decode(BYTES(0x3e, 0x48, 0x89, 0x07));
	ck_assert_uint_eq(insn.mem[0].segment, MT_REG_NONE);
	ck_assert_uint_eq(addr, 42);
}
END_TEST

START_TEST(what_was_stored_keeps_to_its_bytes)
{
	const struct mt_regs regs = {
		{ [MT_REG_RAX] = 0x8877665544332211, [MT_REG_RBX] = 0x1003 }
	};
	uint8_t value[8];

	/* mov %eax,(%rbx), at an odd address, seen through 8 bytes before, around and behind it. */
	struct mt_insn insn = decode(BYTES(0x89, 0x03));

	memset(value, 0xcc, sizeof(value));
	ck_assert(mt_insn_stored(&insn, &regs, 0x1000, 8, value));
	ck_assert_mem_eq(value, "\xcc\xcc\xcc\x11\x22\x33\x44\xcc", 8);
	memset(value, 0xcc, sizeof(value));
	ck_assert(mt_insn_stored(&insn, &regs, 0x1004, 2, value));
	ck_assert_mem_eq(value, "\x22\x33\xcc", 3);
	memset(value, 0xcc, sizeof(value));
	ck_assert(!mt_insn_stored(&insn, &regs, 0x1007, 8, value));
	ck_assert(!mt_insn_stored(&insn, &regs, 0x0ffb, 8, value));
	ck_assert_mem_eq(value, "\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc", 8);

	/* movq $-2,(%rbx): sign-extended. add %rax,(%rbx): only memory knows. */
	insn = decode(BYTES(0x48, 0xc7, 0x03, 0xfe, 0xff, 0xff, 0xff));
	ck_assert(mt_insn_stored(&insn, &regs, 0x1003, 8, value));
	ck_assert_mem_eq(value, "\xfe\xff\xff\xff\xff\xff\xff\xff", 8);
	insn = decode(BYTES(0x48, 0x01, 0x03));
	ck_assert_int_eq(insn.source.kind, MT_INSN_FROM_MEMORY);
	ck_assert(!mt_insn_stored(&insn, &regs, 0x1003, 8, value));
}
END_TEST

MT_UNIT_MAIN("insn", text_is_what_people_read, an_instruction_cut_short_is_none, classes,
             i386_has_other_instructions, repetitions, straight_code, direct_targets,
             addresses_wrap_where_the_processor_has_them_wrap, memory_that_only_a_part_is_known_of,
             what_was_stored_keeps_to_its_bytes)
