/* SPDX-License-Identifier: MIT */
/*
 * Call frame information, row by row: readelf is the referee for real files; expressions and
 * damaged programs are written out here as bytes.
 */
#include <dwarf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cfi/eval.h"
#include "symbol/cfi.h"
#include "symbol/image.h"
#include "symbol/unwind.h"
#include "unit.h"

/* ---- readelf ------------------------------------------------------------- */

#define MAX_COLUMNS 32

struct referee {
	struct mt_image *image;
	const struct mt_module *module;
	bool in_fde;
	uint64_t end; /* of the FDE: readelf shows rows that begin there, where no code is left */
	uint8_t columns[MAX_COLUMNS]; /* enum mt_reg, or MT_REG_NONE */
	size_t column_count;
	unsigned rows;
};

static uint8_t register_named(const char *name)
{
	if (strcmp(name, "ra") == 0)
		return MT_REG_RIP;
	for (uint8_t reg = 0; reg < MT_CFI_REGS; reg++)
		if (strcmp(name, mt_reg_name(reg)) == 0)
			return reg;
	/* Of i386. */
	return *name == 'e' ? mt_reg_part_find(name)->reg : MT_REG_NONE;
}

/* As readelf writes it. */
static void place_text(const struct mt_cfi_place *place, struct mt_buf *out)
{
	switch (place->how) {
	case MT_CFI_UNSPECIFIED:
	case MT_CFI_UNDEFINED:
		mt_buf_text(out, "u");
		break;
	case MT_CFI_SAME_VALUE:
		mt_buf_text(out, "s");
		break;
	case MT_CFI_AT_OFFSET:
		mt_buf_printf(out, "c%+d", place->offset);
		break;
	case MT_CFI_IS_OFFSET:
		mt_buf_printf(out, "v%+d", place->offset);
		break;
	case MT_CFI_IN_REGISTER:
		mt_buf_text(out, "r"); /* its number, and in brackets its name, follow */
		break;
	case MT_CFI_AT_EXPRESSION:
		mt_buf_text(out, "exp");
		break;
	default:
		mt_buf_text(out, "vexp");
	}
}

static void cfa_text(const struct referee *referee, const struct mt_cfi_place *cfa,
                     struct mt_buf *out)
{
	bool wide = mt_image_machine(referee->image) == MT_MACHINE_X86_64;

	if (cfa->how == MT_CFI_IN_REGISTER)
		mt_buf_printf(out, "%c%s%+d", wide ? 'r' : 'e', mt_reg_name(cfa->reg) + 1,
		              cfa->offset);
	else
		mt_buf_text(out, "exp");
}

static void read_heading(struct referee *referee, char *words)
{
	char *rest, *word;

	referee->column_count = 0;
	for (word = strtok_r(words, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		ck_assert_uint_lt(referee->column_count, MAX_COLUMNS);
		referee->columns[referee->column_count++] = register_named(word);
	}
}

/* "0000000000001220 rsp+16   u     c-16  c-8" */
static void check_row(struct referee *referee, char *words)
{
	char *rest, *word = strtok_r(words, " \n", &rest);
	uint64_t loc = strtoul(word, NULL, 16);
	struct mt_cfi_row row;
	uint8_t reg;

	if (loc == referee->end)
		return;
	ck_assert_msg(mt_cfi_row_at(referee->image, loc + referee->module->bias, &row),
	              "%s+%#lx: no row", referee->module->name, loc);
	for (size_t i = 0; (word = strtok_r(NULL, " \n", &rest)); i++) {
		struct mt_buf text MT_AUTO_BUF = { 0 };

		if (*word == '(' && i--)
			continue;
		reg = i ? referee->columns[i - 1] : MT_REG_NONE;
		if (i && reg == MT_REG_NONE)
			continue;
		if (i)
			place_text(&row.regs[reg], &text);
		else
			cfa_text(referee, &row.cfa, &text);
		if (strcmp(text.data, "r") == 0 && *word == 'r')
			continue;
		ck_assert_msg(strcmp(text.data, word) == 0, "%s+%#lx: %s is %s, not %s",
		              referee->module->name, loc, i ? mt_reg_name(reg) : "the CFA",
		              text.data, word);
	}
	referee->rows++;
}

static void begin_entry(struct referee *referee, const char *line)
{
	const char *end = strstr(line, "..");

	referee->in_fde = strstr(line, " FDE ") && end;
	referee->end = referee->in_fde ? strtoul(end + 2, NULL, 16) : 0;
}

static void check_line(struct referee *referee, char *line)
{
	static const char heading[] = "   LOC";
	size_t digits = strspn(line, "0123456789abcdef");

	if (strstr(line, " CIE ") || strstr(line, " FDE "))
		begin_entry(referee, line);
	else if (!referee->in_fde)
		return;
	else if (strncmp(line, heading, sizeof(heading) - 1) == 0)
		read_heading(referee, strstr(line, "CFA") + 3);
	else if (digits == 2u * mt_machine_word(mt_image_machine(referee->image)) &&
	         !strstr(line, "ZERO terminator"))
		check_row(referee, line);
}

static unsigned compare_with_readelf(struct mt_image *image, const struct mt_module *module)
{
	struct referee referee = { .image = image, .module = module };
	char command[4096], line[1024];
	FILE *pipe;

	ck_assert_ptr_nonnull(module);
	snprintf(command, sizeof(command), "LC_ALL=C readelf --debug-dump=frames-interp '%s'",
	         module->path);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	while (fgets(line, sizeof(line), pipe))
		check_line(&referee, line);
	pclose(pipe); /* its status is that of details in other sections */
	return referee.rows;
}

START_TEST(rows_are_those_of_readelf)
{
	struct mt_image *image;

	MT_CK_OK(mt_image_create(getpid(), &image));
	ck_assert_uint_gt(compare_with_readelf(image, mt_image_module_named(image, "libc")), 10000);
	ck_assert_uint_gt(
	    compare_with_readelf(image, mt_image_module_named(image, "ld-linux-x86-64")), 1000);
	ck_assert_uint_gt(compare_with_readelf(image, mt_image_executable(image)), 100);
	mt_image_destroy(image);
}
END_TEST

/* Whatever the test's own program is: the C library of the other machine. */
START_TEST(rows_of_i386_are_those_of_readelf)
{
	struct mt_image *image;

	MT_CK_OK(mt_image_open_file("/lib32/libc.so.6", &image));
	ck_assert_int_eq(mt_image_machine(image), MT_MACHINE_I386);
	ck_assert_uint_gt(compare_with_readelf(image, mt_image_executable(image)), 10000);
	mt_image_destroy(image);
}
END_TEST

START_TEST(a_plt_entry_is_simple_by_where_the_pc_is)
{
	/* As ld writes it, over 32 bytes: { breg7 8; breg16 0; lit15; and; lit11; ge; lit3; shl;
	 * plus }: rsp + 8, and 8 more once the entry has pushed its number. */
	static const uint8_t expression[] = { DW_OP_breg7, 8,         DW_OP_breg16, 0,
		                              DW_OP_lit15, DW_OP_and, DW_OP_lit11,  DW_OP_ge,
		                              DW_OP_lit3,  DW_OP_shl, DW_OP_plus };
	struct mt_cfi_span span = { expression, sizeof(expression) };

	for (uint64_t pc = 0x401020; pc < 0x401040; pc++) {
		struct mt_cfi_state state = { .regs.r[MT_REG_RIP] = pc, .known = 1U << MT_REG_RIP };
		struct mt_cfi_value value;

		ck_assert(mt_cfi_evaluate(&state, span, NULL, &value));
		ck_assert_int_eq(value.base, MT_REG_RSP);
		ck_assert_uint_eq(value.number, pc % 16 >= 11 ? 16 : 8);
	}
}
END_TEST

/* ---- Expressions --------------------------------------------------------- */

static const uint8_t memory[16] = { 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
	                            1,    2,    3,    4,    5,    6,    7,    8 };
static struct mt_stack_copy stack = { memory, 0x1000, sizeof(memory) };

static bool run(enum mt_machine machine, const uint8_t *bytes, size_t len, uint64_t *number)
{
	const struct mt_cfi_memory readable = mt_stack_copy_memory(&stack);
	struct mt_cfi_state state = { .machine = machine,
		                      .known = 1U << MT_REG_RSP | 1U << MT_REG_R15,
		                      .memory = &readable };
	struct mt_cfi_value value, initial = { MT_REG_NONE, 0x100 };
	struct mt_cfi_span span = { bytes, len };

	state.regs.r[MT_REG_RSP] = 0x1000;
	state.regs.r[MT_REG_R15] = 77;
	if (!mt_cfi_evaluate(&state, span, &initial, &value) || value.base != MT_REG_NONE)
		return false;
	*number = value.number;
	return true;
}

static void gives(int line, enum mt_machine machine, uint64_t wanted, const uint8_t *bytes,
                  size_t len)
{
	uint64_t number = 0;

	ck_assert_msg(run(machine, bytes, len, &number), "line %d: fails", line);
	ck_assert_msg(number == wanted, "line %d: %#lx, not %#lx", line, number, wanted);
}

static bool fails(const uint8_t *bytes, size_t len)
{
	uint64_t number;

	return !run(MT_MACHINE_X86_64, bytes, len, &number);
}

#define GIVES(wanted, ...)                                                                         \
	gives(__LINE__, MT_MACHINE_X86_64, (uint64_t)(wanted), BYTES(__VA_ARGS__))
#define GIVES_I386(wanted, ...) gives(__LINE__, MT_MACHINE_I386, wanted, BYTES(__VA_ARGS__))
#define FAILS(...) ck_assert(fails(BYTES(__VA_ARGS__)))

START_TEST(constants_and_registers)
{
	GIVES(0x100, DW_OP_nop);
	GIVES(31, DW_OP_lit31);
	GIVES(0xfe, DW_OP_const1u, 0xfe);
	GIVES(-2, DW_OP_const1s, 0xfe);
	GIVES(0xfffe, DW_OP_const2u, 0xfe, 0xff);
	GIVES(-2, DW_OP_const2s, 0xfe, 0xff);
	GIVES(0x80000001, DW_OP_const4u, 1, 0, 0, 0x80);
	GIVES(-0x7fffffff, DW_OP_const4s, 1, 0, 0, 0x80);
	GIVES(0x0807060504030201, DW_OP_const8u, 1, 2, 3, 4, 5, 6, 7, 8);
	GIVES(624485, DW_OP_constu, 0xe5, 0x8e, 0x26); /* DWARF 5 appendix C */
	GIVES(-129, DW_OP_consts, 0xff, 0x7e);
	GIVES(0x1008, DW_OP_breg7, 8);
	GIVES(0xff8, DW_OP_breg7, 0x78);
	GIVES(78, DW_OP_bregx, 15, 1);
	FAILS(DW_OP_breg3, 0); /* a register that is not known is no number */
	FAILS(DW_OP_bregx, 17, 0);
	FAILS(DW_OP_const4u, 1, 2, 3);
	FAILS(DW_OP_constu, 0x80);
}
END_TEST

START_TEST(arithmetic)
{
	GIVES(5, DW_OP_const1s, 0xfb, DW_OP_abs);
	GIVES(0x0f, DW_OP_const1u, 0x3f, DW_OP_const1u, 0xcf, DW_OP_and);
	GIVES(-3, DW_OP_const1s, 0xf9, DW_OP_lit2, DW_OP_div);
	GIVES(1, DW_OP_lit7, DW_OP_lit2, DW_OP_mod);
	GIVES(-5, DW_OP_lit2, DW_OP_lit7, DW_OP_minus);
	GIVES(14, DW_OP_lit2, DW_OP_lit7, DW_OP_mul);
	GIVES(-7, DW_OP_lit7, DW_OP_neg);
	GIVES(-8, DW_OP_lit7, DW_OP_not);
	GIVES(0x3f, DW_OP_const1u, 0x3c, DW_OP_lit3, DW_OP_or);
	GIVES(0x107, DW_OP_lit7, DW_OP_plus);
	GIVES(0x180, DW_OP_plus_uconst, 0x80, 1);
	GIVES(28, DW_OP_lit7, DW_OP_lit2, DW_OP_shl);
	GIVES(0x3fffffffffffffff, DW_OP_const1s, 0xff, DW_OP_lit2, DW_OP_shr);
	GIVES(-1, DW_OP_const1s, 0xfc, DW_OP_lit2, DW_OP_shra);
	GIVES(0, DW_OP_lit1, DW_OP_const1u, 64, DW_OP_shl);
	GIVES(-1, DW_OP_const1s, 0xfc, DW_OP_const1u, 200, DW_OP_shra);
	GIVES(0x3f, DW_OP_const1u, 0x3c, DW_OP_lit3, DW_OP_xor);
	GIVES(1, DW_OP_const1s, 0xff, DW_OP_lit1, DW_OP_lt);
	GIVES(0, DW_OP_lit1, DW_OP_lit1, DW_OP_ne);
	GIVES(1, DW_OP_lit1, DW_OP_lit1, DW_OP_ge);
	FAILS(DW_OP_lit1, DW_OP_lit0, DW_OP_div);
	FAILS(DW_OP_lit1, DW_OP_lit0, DW_OP_mod);
	/* The smallest number by -1 does not fit and must not trap. */
	GIVES(INT64_MIN, DW_OP_lit1, DW_OP_const1u, 63, DW_OP_shl, DW_OP_const1s, 0xff, DW_OP_div);
}
END_TEST

START_TEST(stack_and_branches)
{
	GIVES(0x200, DW_OP_dup, DW_OP_plus);
	GIVES(0x100, DW_OP_lit1, DW_OP_drop);
	GIVES(1, DW_OP_lit1, DW_OP_lit2, DW_OP_over);
	GIVES(0x100, DW_OP_lit1, DW_OP_lit2, DW_OP_pick, 2);
	GIVES(-1, DW_OP_lit2, DW_OP_lit1, DW_OP_swap, DW_OP_minus);
	/* 1 2 3 -> 3 1 2: the top becomes the third */
	GIVES(2, DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot);
	GIVES(3, DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop, DW_OP_drop);
	GIVES(0x100, DW_OP_skip, 1, 0, DW_OP_lit1);
	GIVES(1, DW_OP_lit0, DW_OP_bra, 1, 0, DW_OP_lit1);
	/* counts 3 down to 0 */
	GIVES(0, DW_OP_lit3, DW_OP_lit1, DW_OP_minus, DW_OP_dup, DW_OP_bra, 0xfa, 0xff);
	FAILS(DW_OP_skip, 0xfd, 0xff);            /* for ever */
	FAILS(DW_OP_skip, 1, 0);                  /* beyond the end */
	FAILS(DW_OP_skip, 0xfc, 0xff);            /* before the start */
	FAILS(DW_OP_dup, DW_OP_skip, 0xfc, 0xff); /* fills the stack */
	FAILS(DW_OP_drop);
	FAILS(DW_OP_drop, DW_OP_plus_uconst, 1);
	FAILS(DW_OP_swap);
	FAILS(DW_OP_lit1, DW_OP_rot);
	FAILS(DW_OP_pick, 1);
	FAILS(0); /* not an operation */
}
END_TEST

START_TEST(memory_is_the_copy_alone)
{
	GIVES(0x0807060504030201, DW_OP_breg7, 8, DW_OP_deref);
	GIVES(0x0201f7f6, DW_OP_breg7, 6, DW_OP_deref_size, 4);
	FAILS(DW_OP_breg7, 0, DW_OP_deref_size, 0);
	FAILS(DW_OP_breg7, 0, DW_OP_deref_size, 9);
	FAILS(DW_OP_breg7, 9, DW_OP_deref);
	FAILS(DW_OP_breg7, 0x7f, DW_OP_deref);
	FAILS(DW_OP_const1s, 0xff, DW_OP_deref);
}
END_TEST

/* esp has the number 4 there, and 7 is edi, which is not known here. */
START_TEST(i386_has_numbers_and_words_of_32_bits)
{
	GIVES_I386(0x1004, DW_OP_breg4, 4);
	GIVES_I386(0x04030201, DW_OP_breg4, 8, DW_OP_deref);
	GIVES_I386(0xffffffff, DW_OP_const1s, 0xff);
	GIVES_I386(1, DW_OP_const1u, 2, DW_OP_plus_uconst, 0xff, 0xff, 0xff, 0xff, 0x0f);
	GIVES_I386(0xfffffffe, DW_OP_const1s, 0xf8, DW_OP_lit2, DW_OP_shra);
	GIVES_I386(0x3ffffffe, DW_OP_const1s, 0xf8, DW_OP_lit2, DW_OP_shr);
	GIVES_I386(1, DW_OP_const1s, 0xff, DW_OP_lit0, DW_OP_lt);
	GIVES_I386(0xfffffffe, DW_OP_const1s, 0xfa, DW_OP_lit3, DW_OP_div);
	GIVES_I386(6, DW_OP_const1s, 0xfa, DW_OP_abs);
}
END_TEST

/* ---- Programs ------------------------------------------------------------ */

static const struct mt_cfi_cie plain_cie = { .code_align = 1,
	                                     .data_align = -8,
	                                     .return_column = MT_REG_RIP };

/* The row after a program that starts with CFA = rsp + 8. */
static bool row_after(const uint8_t *program, size_t len, uint64_t addr, struct mt_cfi_row *row)
{
	static const uint8_t initial[] = { DW_CFA_def_cfa, 7, 8, DW_CFA_offset | 16, 1 };
	struct mt_cfi_section section = { 0 };
	struct mt_cfi_fde fde = { .start = 0x100, .end = 0x200, .cie = plain_cie };

	fde.cie.program = (struct mt_cfi_span){ initial, sizeof(initial) };
	fde.program = (struct mt_cfi_span){ program, len };
	return mt_cfi_row_compute(&section, &fde, addr, row);
}

START_TEST(a_row_holds_from_its_address_on)
{
	static const uint8_t program[] = { DW_CFA_advance_loc | 4,
		                           DW_CFA_def_cfa_offset,
		                           16,
		                           DW_CFA_advance_loc1,
		                           4,
		                           DW_CFA_def_cfa_offset,
		                           32 };
	struct mt_cfi_row row;

	for (uint64_t addr = 0x100; addr < 0x10c; addr++) {
		ck_assert(row_after(program, sizeof(program), addr, &row));
		ck_assert_int_eq(row.cfa.offset, addr < 0x104 ? 8 : addr < 0x108 ? 16 : 32);
		ck_assert_int_eq(row.regs[MT_REG_RIP].offset, -8);
	}
}
END_TEST

static bool breaks(const uint8_t *program, size_t len)
{
	struct mt_cfi_row row;

	return !row_after(program, len, 0x180, &row);
}

START_TEST(hostile_programs_fail)
{
	static const uint8_t huge_column[] = {
		DW_CFA_offset_extended, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1
	};
	struct mt_cfi_row row;

	/* Columns that are not followed are passed over, however large. */
	ck_assert(row_after(huge_column, sizeof(huge_column), 0x180, &row));
	ck_assert(breaks(BYTES(DW_CFA_def_cfa_register, 17)));
	ck_assert(breaks(BYTES(DW_CFA_restore_state)));
	ck_assert(
	    breaks(BYTES(DW_CFA_def_cfa_expression, 1, DW_OP_lit0, DW_CFA_def_cfa_offset, 8)));
	ck_assert(breaks(BYTES(DW_CFA_def_cfa_expression, 2, DW_OP_lit0)));
	ck_assert(breaks(BYTES(DW_CFA_def_cfa, 7)));
	ck_assert(breaks(BYTES(DW_CFA_set_loc, 0)));
	ck_assert(breaks(BYTES(DW_CFA_high_user)));
	ck_assert(
	    breaks(BYTES(DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state,
	                 DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state,
	                 DW_CFA_remember_state, DW_CFA_remember_state, DW_CFA_remember_state)));
}
END_TEST

MT_UNIT_MAIN("cfi", rows_are_those_of_readelf, rows_of_i386_are_those_of_readelf,
             a_plt_entry_is_simple_by_where_the_pc_is, constants_and_registers, arithmetic,
             stack_and_branches, memory_is_the_copy_alone, i386_has_numbers_and_words_of_32_bits,
             a_row_holds_from_its_address_on, hostile_programs_fail)
