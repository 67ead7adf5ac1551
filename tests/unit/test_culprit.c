/* SPDX-License-Identifier: MIT */
/*
 * Finding the culprit in code that does not run. What the processor itself can judge is in
 * test_insn_hardware.c.
 */
#include <string.h>

#include "code_bytes.h"
#include "insn/insn.h"
#include "unit.h"

#define ORIGIN UINT64_C(0x401000)

/* Code as it might lie at `base`, of which `readable` bytes can be had. */
struct code {
	uint64_t base;
	uint8_t *bytes;
	size_t len;
	uint64_t stack_at, stack_word;
	uint64_t caller, caller_end; /* behind it is another function; 0: nothing */
	uint8_t access;              /* that is looked for; 0: writes */
};

static size_t read_code(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct code *code = arg;
	struct code_bytes bytes = { code->base, code->bytes, code->len };

	return code_bytes_read(&bytes, addr, out, len);
}

static size_t read_data(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct code *code = arg;

	if (addr != code->stack_at || len != sizeof(code->stack_word))
		return 0;
	memcpy(out, &code->stack_word, len);
	return len;
}

static uint64_t start_of(void *arg, uint64_t pc)
{
	const struct code *code = arg;

	return !code->caller_end || pc < code->caller_end ? code->caller : code->caller_end;
}

#define CELL UINT64_C(0x7000)

/* Who wrote the eight bytes at CELL, with rbx and rdi pointing there or nearby. */
static struct mt_culprit find(struct code *code, const struct mt_regs *after, uint64_t start)
{
	const struct mt_culprit_query query = {
		.after = after,
		.watch_addr = CELL,
		.watch_len = 8,
		.access = code->access ? code->access : MT_INSN_WRITE,
		.function_start = start,
		.read_code = read_code,
		.read_data = read_data,
		.start_of = start_of,
		.arg = code,
	};
	struct mt_culprit culprit;

	mt_culprit_find(&query, &culprit);
	if (culprit.how == MT_CULPRIT_UNKNOWN)
		ck_assert_mem_eq(&culprit.insn, &(struct mt_insn){ 0 }, sizeof(culprit.insn));
	return culprit;
}

static struct mt_culprit find_in(const uint8_t *bytes, size_t len, size_t pc,
                                 const struct mt_regs *after)
{
	uint8_t copy[64];
	struct code code = { .base = ORIGIN, .bytes = copy, .len = len };
	struct mt_regs regs = *after;

	memcpy(copy, bytes, len);
	regs.r[MT_REG_RIP] = ORIGIN + pc;
	return find(&code, &regs, ORIGIN);
}

static const struct mt_regs at_cell = { { [MT_REG_RBX] = CELL, [MT_REG_RDI] = CELL + 8 } };
static const struct mt_regs elsewhere = { { [MT_REG_RBX] = CELL + 8, [MT_REG_RDI] = CELL + 8 } };

START_TEST(the_instruction_before_is_the_culprit)
{
	/* nop; mov %rax,(%rbx); nop */
	struct mt_culprit culprit = find_in(BYTES(0x90, 0x48, 0x89, 0x03, 0x90), 4, &at_cell);

	ck_assert_int_eq(culprit.how, MT_CULPRIT_DECODED);
	ck_assert_uint_eq(culprit.insn.addr, ORIGIN + 1);
	/* It wrote next to the range: proved innocent. */
	culprit = find_in(BYTES(0x90, 0x48, 0x89, 0x03, 0x90), 4, &elsewhere);
	ck_assert_int_eq(culprit.how, MT_CULPRIT_UNKNOWN);
	/* mov (%rbx),%rax reads, mov (%rbx),%rbx reads from who knows where: neither writes. */
	culprit = find_in(BYTES(0x48, 0x8b, 0x03), 3, &at_cell);
	ck_assert_int_eq(culprit.how, MT_CULPRIT_UNKNOWN);
	culprit = find_in(BYTES(0x48, 0x8b, 0x1b), 3, &at_cell);
	ck_assert_int_eq(culprit.how, MT_CULPRIT_UNKNOWN);
	/* xchg %rbx,(%rbx) may have written anywhere. */
	culprit = find_in(BYTES(0x48, 0x87, 0x1b), 3, &elsewhere);
	ck_assert_int_eq(culprit.how, MT_CULPRIT_DECODED);
}
END_TEST

START_TEST(decoding_must_arrive_at_pc)
{
	/* mov %rax,(%rbx), seen from its middle, past an invalid byte (06), and from nowhere. */
	const uint8_t bytes[] = { 0x48, 0x89, 0x03, 0x90 };
	struct mt_regs regs = at_cell;
	struct code code = { .base = ORIGIN, .bytes = (uint8_t[]){ 0x48, 0x89, 0x03 }, .len = 3 };

	ck_assert_int_eq(find_in(bytes, 4, 2, &at_cell).how, MT_CULPRIT_UNKNOWN);
	ck_assert_int_eq(find_in(BYTES(0x06, 0x48, 0x89, 0x03), 4, &at_cell).how,
	                 MT_CULPRIT_UNKNOWN);
	/* pc itself need not be readable, what comes before must. */
	regs.r[MT_REG_RIP] = ORIGIN + 3;
	ck_assert_int_eq(find(&code, &regs, ORIGIN).how, MT_CULPRIT_DECODED);
	ck_assert_int_eq(find(&code, &regs, 0).how, MT_CULPRIT_UNKNOWN);
	ck_assert_int_eq(find(&code, &regs, ORIGIN + 3).how, MT_CULPRIT_UNKNOWN);
	ck_assert_int_eq(find(&code, &regs, ORIGIN + 4).how, MT_CULPRIT_UNKNOWN);
	ck_assert_int_eq(find(&code, &regs, ORIGIN - 1).how, MT_CULPRIT_UNKNOWN);
	code.len = 2;
	ck_assert_int_eq(find(&code, &regs, ORIGIN).how, MT_CULPRIT_UNKNOWN);
}
END_TEST

/*
 * `len` bytes of long instructions that start at `shift`, the last of them mov %rax,(%rbx): with
 * all shifts, each byte of one comes to lie on the border of what is read at a time.
 */
static void fill_function(uint8_t *bytes, size_t len, size_t shift)
{
	static const uint8_t nop[] = { 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 };

	memset(bytes, 0x90, len);
	for (size_t at = shift; at + sizeof(nop) <= len - 3; at += sizeof(nop))
		memcpy(bytes + at, nop, sizeof(nop));
	memcpy(bytes + len - 3, (uint8_t[]){ 0x48, 0x89, 0x03 }, 3);
}

START_TEST(long_functions_are_decoded_to_the_end)
{
	uint8_t bytes[30000];
	struct code code = { .base = ORIGIN, .bytes = bytes, .len = sizeof(bytes) };
	struct mt_regs regs = at_cell;

	regs.r[MT_REG_RIP] = ORIGIN + sizeof(bytes);
	for (size_t shift = 0; shift < MT_INSN_MAX_LEN; shift++) {
		fill_function(bytes, sizeof(bytes), shift);

		struct mt_culprit culprit = find(&code, &regs, ORIGIN);

		ck_assert_int_eq(culprit.how, MT_CULPRIT_DECODED);
		ck_assert_uint_eq(culprit.insn.addr, ORIGIN + sizeof(bytes) - 3);
	}
}
END_TEST

START_TEST(decoding_gives_up_after_a_mebibyte)
{
	static const size_t limit = 1 << 20;
	uint8_t *bytes = malloc(limit + 1);
	struct code code = { .base = ORIGIN, .bytes = bytes, .len = limit + 1 };
	struct mt_regs regs = at_cell;

	fill_function(bytes, limit + 1, 1);
	regs.r[MT_REG_RIP] = ORIGIN + limit + 1;
	ck_assert_int_eq(find(&code, &regs, ORIGIN + 1).how, MT_CULPRIT_DECODED);
	ck_assert_int_eq(find(&code, &regs, ORIGIN).how, MT_CULPRIT_UNKNOWN);
	free(bytes);
}
END_TEST

START_TEST(rf_tells_a_repetition_from_the_store_before_it)
{
	/* stosq; rep stosq: pc on the second after either of them wrote to the cell */
	static const uint8_t bytes[] = { 0x48, 0xab, 0xf3, 0x48, 0xab };
	struct mt_regs regs = at_cell;

	regs.r[MT_REG_RCX] = 5;
	regs.r[MT_REG_RFLAGS] = 0x10202;
	ck_assert_int_eq(find_in(bytes, 5, 2, &regs).how, MT_CULPRIT_SELF);
	regs.r[MT_REG_RFLAGS] = 0x202;
	ck_assert_int_eq(find_in(bytes, 5, 2, &regs).how, MT_CULPRIT_DECODED);
	/* nop; rep stosq: no doubt, unless it is finished or elsewhere */
	ck_assert_int_eq(find_in(BYTES(0x90, 0xf3, 0x48, 0xab), 1, &regs).how, MT_CULPRIT_SELF);
	regs.r[MT_REG_RDI] = CELL;
	ck_assert_int_eq(find_in(BYTES(0x90, 0xf3, 0x48, 0xab), 1, &regs).how, MT_CULPRIT_UNKNOWN);
	regs.r[MT_REG_RDI] = CELL + 8 + 256;
	ck_assert_int_eq(find_in(BYTES(0x90, 0xf3, 0x48, 0xab), 1, &regs).how, MT_CULPRIT_SELF);
	regs.r[MT_REG_RDI] = CELL + 16 + 256;
	ck_assert_int_eq(find_in(BYTES(0x90, 0xf3, 0x48, 0xab), 1, &regs).how, MT_CULPRIT_UNKNOWN);
	regs.r[MT_REG_RDI] = CELL + 8;
	regs.r[MT_REG_RCX] = 0;
	ck_assert_int_eq(find_in(BYTES(0x90, 0xf3, 0x48, 0xab), 1, &regs).how, MT_CULPRIT_UNKNOWN);
	ck_assert_int_eq(find_in(BYTES(0x90, 0xf3, 0x48, 0xab), 4, &regs).how, MT_CULPRIT_DECODED);
}
END_TEST

START_TEST(a_call_is_found_from_its_callee)
{
	/* nop; call ORIGIN+16; nop … and the callee: push %rbp */
	uint8_t bytes[17] = { 0x90, 0xe8, 0x0a, 0, 0, 0, 0x90, [16] = 0x55 };
	struct code code = { .base = ORIGIN,
		             .bytes = bytes,
		             .len = sizeof(bytes),
		             .stack_at = CELL,
		             .stack_word = ORIGIN + 6,
		             .caller = ORIGIN };
	struct mt_regs regs = { { [MT_REG_RSP] = CELL, [MT_REG_RIP] = ORIGIN + 16 } };
	struct mt_culprit culprit = find(&code, &regs, ORIGIN + 16);

	ck_assert_int_eq(culprit.how, MT_CULPRIT_CALL);
	ck_assert_uint_eq(culprit.insn.addr, ORIGIN + 1);
	ck_assert_int_eq(find(&code, &regs, 0).how, MT_CULPRIT_CALL);
	/* It does not return: behind it another function begins. */
	code.caller_end = ORIGIN + 6;
	ck_assert_int_eq(find(&code, &regs, ORIGIN + 16).how, MT_CULPRIT_CALL);
	code.caller_end = 0;

	/* It goes elsewhere; there is no call; its caller is not known; it pushed elsewhere. */
	bytes[2] = 0x09;
	ck_assert_int_eq(find(&code, &regs, ORIGIN + 16).how, MT_CULPRIT_UNKNOWN);
	bytes[2] = 0x0a;
	code.stack_word = ORIGIN + 7;
	ck_assert_int_eq(find(&code, &regs, ORIGIN + 16).how, MT_CULPRIT_UNKNOWN);
	code.stack_word = ORIGIN + 6;
	code.caller = 0;
	ck_assert_int_eq(find(&code, &regs, ORIGIN + 16).how, MT_CULPRIT_UNKNOWN);
	code.caller = ORIGIN;
	regs.r[MT_REG_RSP] = code.stack_at = CELL + 8;
	ck_assert_int_eq(find(&code, &regs, ORIGIN + 16).how, MT_CULPRIT_UNKNOWN);
	/* What stands before pc is a call, and did not arrive there. */
	regs.r[MT_REG_RSP] = CELL;
	regs.r[MT_REG_RIP] = ORIGIN + 6;
	code.stack_at = 0;
	ck_assert_int_eq(find(&code, &regs, ORIGIN).how, MT_CULPRIT_UNKNOWN);
}
END_TEST

START_TEST(a_call_that_reads_where_it_leads_to_is_found_from_its_callee)
{
	/* nop; call *(%rbx), and the callee right behind it: push %rbp */
	uint8_t bytes[4] = { 0x90, 0xff, 0x13, 0x55 };
	struct code code = { .base = ORIGIN,
		             .bytes = bytes,
		             .len = sizeof(bytes),
		             .stack_at = CELL + 64,
		             .stack_word = ORIGIN + 3,
		             .caller = ORIGIN,
		             .caller_end = ORIGIN + 3,
		             .access = MT_INSN_READ };
	struct mt_regs regs = {
		{ [MT_REG_RSP] = CELL + 64, [MT_REG_RBX] = CELL, [MT_REG_RIP] = ORIGIN + 3 }
	};
	struct mt_culprit culprit = find(&code, &regs, ORIGIN);

	ck_assert_int_eq(culprit.how, MT_CULPRIT_CALL);
	ck_assert_uint_eq(culprit.insn.addr, ORIGIN + 1);
	/* In the middle of a function a call arrives only at what it has pushed. */
	code.caller_end = 0;
	ck_assert_int_eq(find(&code, &regs, ORIGIN).how, MT_CULPRIT_UNKNOWN);
}
END_TEST

/* ---- Any bytes ----------------------------------------------------------- */

#define NOISE 1000000

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Everything that can be asked of an instruction, of one that decoded. */
static void exercise(const struct mt_insn *insn, const struct mt_regs *regs)
{
	uint8_t value[8] = { 0 };
	uint64_t addr;

	ck_assert(insn->len >= 1 && insn->len <= MT_INSN_MAX_LEN);
	ck_assert(insn->mem_count <= MT_INSN_MAX_MEM);
	ck_assert(insn->text[0] != '\0' && memchr(insn->text, '\0', sizeof(insn->text)));
	for (size_t i = 0; i < insn->mem_count; i++) {
		mt_insn_mem_addr_before(insn, i, regs, &addr);
		if (mt_insn_mem_addr_after(insn, i, regs, &addr) && insn->mem[i].size)
			ck_assert_uint_eq(mt_insn_touched(insn, regs, addr, 1) &
			                      insn->mem[i].access,
			                  insn->mem[i].access);
	}
	mt_insn_touched(insn, regs, regs->r[MT_REG_RBX], 8);
	mt_insn_stored(insn, regs, regs->r[MT_REG_RBX], sizeof(value), value);
}

START_TEST(noise_does_no_harm)
{
	uint64_t state = 0x6d656d74726170; /* fixed, so that a failure comes again */
	uint8_t *bytes = malloc(NOISE);
	struct code code = { .base = ORIGIN, .bytes = bytes, .len = NOISE, .caller = ORIGIN };
	struct mt_regs regs;
	size_t decoded = 0;

	for (size_t i = 0; i < NOISE; i++)
		bytes[i] = (uint8_t)(next_random(&state) >> 24);
	for (size_t i = 0; i < NOISE; i += 2) {
		struct mt_insn insn;

		for (size_t r = 0; i % 1000 == 0 && r < MT_REG_COUNT; r++)
			regs.r[r] = CELL + next_random(&state) % 512;
		if (mt_insn_decode(MT_MACHINE_X86_64, bytes + i, NOISE - i, ORIGIN + i, &insn)) {
			decoded++;
			exercise(&insn, &regs);
		}
		if (i % 10 == 0) {
			regs.r[MT_REG_RIP] = ORIGIN + i;
			find(&code, &regs, ORIGIN + i - next_random(&state) % 64);
		}
	}
	ck_assert_uint_gt(decoded, NOISE / 4);
	free(bytes);
}
END_TEST

MT_UNIT_MAIN("culprit", the_instruction_before_is_the_culprit, decoding_must_arrive_at_pc,
             long_functions_are_decoded_to_the_end, decoding_gives_up_after_a_mebibyte,
             rf_tells_a_repetition_from_the_store_before_it, a_call_is_found_from_its_callee,
             a_call_that_reads_where_it_leads_to_is_found_from_its_callee, noise_does_no_harm)
