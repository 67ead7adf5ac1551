/* SPDX-License-Identifier: MIT */
/*
 * Conditions over a program's memory, judged by three: the compiler that made this program, whose
 * own variables they speak of; mt_cond_eval(); and the generated eBPF as the kernel runs it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "expr/cond_internal.h"
#include "own_memory.h"
#include "probe/condgen.h"
#include "unit.h"
#include "x86/regs.h"

/* ---- What the conditions speak of ------------------------------------------------------ */

enum level { LOW = 3, HIGH = 900 };

struct node {
	struct node *next;
	int len;
	short depth;
	unsigned b3 : 3;
	int b7 : 7;
	enum level level;
	char name[12];
	const char *label;
	union {
		unsigned char bytes[8];
		unsigned long word;
	};
};

/* Not static: the compiler would know their values. */
struct node third = { NULL, -40, -3, 5, -60, HIGH, "abcdefghijk", NULL, { { 1, 2, 255 } } };
struct node second = { &third,   70000, 7, 7, 63, LOW, "second", "a label of the second node",
	               { { 9 } } };
struct node first = { &second, 3, -1, 1, -1, HIGH, "", "", { { 0 } } };
struct node *head = &first, *nobody;
struct node *table[3] = { &third, NULL, &first };
int grid[3][4] = { { 1, 2, 3, 4 }, { -5, -6, -7, -8 }, { 9, 10, 11, 12 } };
int *cursor = &grid[1][2];
long cap = 69999, minus = -1;
unsigned index_of = 2;
unsigned char small = 250;
char text[] = "hello, world", *text_end = text + 12;
double ratio = 0.75;
bool ready = true;

#define CASE(...)                                                                                  \
	{                                                                                          \
#__VA_ARGS__, (__VA_ARGS__) != 0                                                   \
	}

struct condition_case {
	const char *text;
	bool holds;
};

static size_t make_cases(struct condition_case *cases, size_t max)
{
	const struct condition_case made[] = {
		CASE(head->next->len > cap),
		CASE(head->next->len > cap + 1),
		CASE(head->next->next->len == -40),
		CASE(head->next->next->next == 0),
		CASE(nobody && nobody->len > 3),
		CASE(!nobody || nobody->next->len),
		CASE(head && head->depth < 0),
		CASE(second.b3 == 7 && second.b7 == 63 && third.b7 == -60 && first.b7 < first.b3),
		CASE(head->level == HIGH && second.level != HIGH),
		CASE(table[index_of]->len == 3),
		CASE(table[1] == 0),
		CASE(table[index_of - 2]->depth * 2 == -6),
		CASE(grid[2][3] - grid[1][0] == 17),
		CASE(grid[index_of][1] == 10),
		CASE(*cursor == -7 && cursor[1] == -8 && *(cursor - 2) == -5),
		CASE(cursor - &grid[0][0] == 6),
		CASE(&grid[2][0] - cursor == 2),
		CASE((long)(cursor + 3) - (long)cursor == 12),
		CASE(*(grid[1] + 1) == -6),
		CASE(**grid == 1),
		CASE((*head).next->len == 70000),
		CASE((&first)->next == &second),
		CASE(&first == head && head != &second),
		CASE(*(short *)&second.depth == 7),
		CASE(((struct node *)head)->len == 3),
		CASE(*(unsigned char *)&cap == 0x6f),
		CASE((unsigned char)cap == 0x6f),
		CASE(minus < 0 && minus == -1),
		CASE(minus > index_of),
		CASE(small + 10 == 260),
		CASE((unsigned char)(small + 10) == 4),
		CASE(small > minus),
		CASE(third.bytes[2] == 255 && third.word == 0xff0201),
		CASE(ready && !(small & 1)),
		CASE(text[4] == 'o'),
		CASE(text_end[-1] == 'd' && *text_end == 0),
		CASE(text_end - text == 12),
		CASE(strcmp(text, "hello, world") == 0),
		CASE(strcmp(text, "hello, worle") == 0),
		CASE(strcmp(text, "hello") == 0),
		CASE(strcmp(text, "hello, wor") != 0),
		CASE(strncmp(text, "hello", 5) == 0),
		CASE(strncmp(text, "hellx", 5) == 0),
		CASE(strncmp(text, "hellx", 4) == 0),
		CASE(strncmp(text, "hello, world", 40) == 0),
		CASE(!strcmp(second.name, "second")),
		CASE(strcmp(third.name, "abcdefghijk") == 0 && third.len < 0),
		CASE(strcmp(head->next->label, "a label of the second node") == 0),
		CASE(strcmp(first.name, "") == 0),
		CASE(strncmp(text, "", 0) == 0),
		CASE(grid[1][1] * (table[2]->len + third.len) + grid[0][3] == 226),
		CASE((head->next->len ^ third.len) & (grid[1][1] | cap) ? table[0]->b7 < -59
		                                                        : nobody->len),
		CASE(nobody ? nobody->len : head->len == 3),
		CASE((cap - 1) % 7 == head->next->len % 7 - 2 || grid[2][2] / grid[1][3] == -1),
		CASE(cap << index_of > 1 << 17),
	};
	size_t count = sizeof(made) / sizeof(*made);

	ck_assert_uint_le(count, max);
	memcpy(cases, made, sizeof(made));
	return count;
}

/* ---- The judges --------------------------------------------------------------------------- */

enum { UNREADABLE = 2, STACK = -512 };

static const struct mt_cond_frame frame = { .regs = STACK,
	                                    .scratch = STACK + (int)sizeof(struct mt_regs),
	                                    .scratch_size = 512 - (int)sizeof(struct mt_regs) };

static int judge_here(const struct mt_cond *cond)
{
	struct mt_regs regs = { { 0 } };
	bool unreadable = false;
	const struct mt_cond_input input = { .regs = &regs,
		                             .read = read_own,
		                             .unreadable = &unreadable };
	bool holds = mt_cond_eval(cond, &input);

	return unreadable ? UNREADABLE : holds;
}

static void answer(struct mt_asm *as, int number)
{
	mt_asm_mov_imm(as, BPF_REG_0, number);
	mt_asm_exit(as);
}

static int load_program(const struct mt_cond *cond)
{
	struct mt_asm as = { 0 };
	mt_asm_label is_false = mt_asm_new_label(&as), unreadable = mt_asm_new_label(&as);
	int fd;

	MT_CK_OK(mt_cond_generate(&as, cond, &frame, is_false, unreadable));
	answer(&as, 1);
	mt_asm_bind(&as, is_false);
	answer(&as, 0);
	if (mt_cond_reads_memory(cond)) {
		mt_asm_bind(&as, unreadable);
		answer(&as, UNREADABLE);
	}
	MT_CK_OK(mt_asm_finish(&as));
	fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "cond", "GPL", as.insns.data, as.insns.len,
	                   NULL);
	ck_assert_msg(fd >= 0 || errno == EPERM, "the verifier refuses %s", mt_cond_text(cond));
	mt_asm_deinit(&as);
	return fd;
}

static int judge_in_kernel(const struct mt_cond *cond)
{
	uint64_t context = 0;
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &context, .ctx_size_in = sizeof(context));
	int fd = load_program(cond);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bpf_prog_test_run_opts(fd, &options), 0);
	close(fd);
	return (int)options.retval;
}

static struct mt_error *compile(struct mt_image *image, const char *condition,
                                struct mt_cond **cond)
{
	const struct mt_cond_scope scope = { .machine = MT_MACHINE_X86_64, .image = image };

	return mt_cond_compile_in(&scope, condition, cond);
}

static struct mt_image *own_image(void)
{
	struct mt_image *image;

	MT_CK_OK(mt_image_create(getpid(), &image));
	return image;
}

static void check(struct mt_image *image, const char *condition, int expected)
{
	struct mt_cond *cond;
	int here, kernel;

	MT_CK_OK(compile(image, condition, &cond));
	here = judge_here(cond);
	kernel = judge_in_kernel(cond);
	ck_assert_msg(here == expected, "%s: %d here, %d by the compiler", condition, here,
	              expected);
	ck_assert_msg(kernel == expected, "%s: %d in the kernel, %d by the compiler", condition,
	              kernel, expected);
	mt_cond_destroy(cond);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

START_TEST(three_judges_agree)
{
	static struct condition_case cases[128];
	size_t count = make_cases(cases, 128);
	struct mt_image *image = own_image();

	for (size_t i = 0; i < count; i++)
		check(image, cases[i].text, cases[i].holds);
	mt_image_destroy(image);
}
END_TEST

/* What can't be read makes no answer, and is no answer of its own either. */
START_TEST(unreadable_memory_is_told)
{
	struct mt_image *image = own_image();

	check(image, "nobody->len > 3", UNREADABLE);
	check(image, "nobody->next->len || true", UNREADABLE);
	check(image, "true || nobody->len", true);
	check(image, "false && nobody->len", false);
	check(image, "strcmp(nobody->name, \"x\") == 0", UNREADABLE);
	check(image, "*(int *)16 == *(int *)32", UNREADABLE);
	check(image, "head->len == 3 && table[1]->len", UNREADABLE);
	mt_image_destroy(image);
}
END_TEST

static void check_refused(struct mt_image *image, const char *condition, enum mt_error_kind kind,
                          const char *part)
{
	struct mt_cond *cond;

	MT_CK_FAILS(compile(image, condition, &cond), kind, part);
}

START_TEST(what_is_none_is_told)
{
	struct mt_image *image = own_image();

	check_refused(image, "head->nope", MT_ERR_SYNTAX, "nope");
	check_refused(image, "cap->x", MT_ERR_SYNTAX, "cap is not a pointer");
	check_refused(image, "*head", MT_ERR_SYNTAX, "name a member");
	check_refused(image, "head + head", MT_ERR_SYNTAX, "pointers are not added");
	check_refused(image, "no_such_variable > 1", MT_ERR_SYNTAX, "no_such_variable");
	check_refused(image, "new == 3", MT_ERR_SYNTAX, "old and new are of watches");
	check_refused(image, "strcmp(text, text)", MT_ERR_SYNTAX, "text in quotes");
	check_refused(image, "strcmp(text, \"a\") < 0", MT_ERR_SYNTAX, "compared with == 0");
	check_refused(image, "strlen(text) > 3", MT_ERR_UNSUPPORTED, "debugger");
	check_refused(image, "cap = 3", MT_ERR_UNSUPPORTED, "debugger");
	check_refused(image, "grid[cap", MT_ERR_SYNTAX, "closed");
	mt_image_destroy(image);
}
END_TEST

/* A long chain takes no longer than a chain: nothing is typed twice. */
START_TEST(long_chains_are_read_at_once)
{
	struct mt_image *image = own_image();
	const struct mt_type *types[] = {
		mt_type_base("int"), mt_type_pointer(image, mt_type_find(image, "struct node"))
	};
	const char *const links[] = { "[0]", "->next", ".next" };

	for (size_t i = 0; i < 6; i++) {
		const struct mt_cond_scope scope = { .machine = MT_MACHINE_X86_64,
			                             .watched = types[i % 2],
			                             .image = image };
		struct mt_buf chain MT_AUTO_BUF = { 0 };
		struct mt_cond *cond = NULL;

		mt_buf_text(&chain, "new");
		for (int link = 0; link < 190; link++)
			mt_buf_text(&chain, links[i / 2]);
		mt_error_free(mt_cond_compile_in(&scope, chain.data, &cond));
		mt_cond_destroy(cond);
	}
	mt_image_destroy(image);
}
END_TEST

/* The kernel has no floating arithmetic: here it is computed nevertheless. */
START_TEST(floating_point_stays_here)
{
	struct mt_image *image = own_image();
	struct mt_cond *cond;

	MT_CK_OK(compile(image, "ratio * head->len > 2.2", &cond));
	ck_assert(!mt_cond_fits_kernel(cond));
	ck_assert_int_eq(judge_here(cond), ratio * first.len > 2.2);
	mt_cond_destroy(cond);
	mt_image_destroy(image);
}
END_TEST

/* A pointer that is watched is followed from its new value. */
START_TEST(the_watched_pointer_is_followed)
{
	struct mt_image *image = own_image();
	const struct mt_type *type = mt_type_find(image, "struct node");
	const struct mt_cond_scope scope = { .machine = MT_MACHINE_X86_64,
		                             .watched = mt_type_pointer(image, type),
		                             .image = image };
	const struct mt_cond_input input = { .old_value = (const uint8_t *)&nobody,
		                             .new_value = (const uint8_t *)&head,
		                             .len = sizeof(head),
		                             .read = read_own };
	struct mt_cond *cond;

	MT_CK_OK(mt_cond_compile_in(
	    &scope, "old == 0 && new->next->len == 70000 && new[0].depth == -1", &cond));
	ck_assert(mt_cond_eval(cond, &input));
	mt_cond_destroy(cond);
	mt_image_destroy(image);
}
END_TEST

MT_UNIT_MAIN("cond_memory", three_judges_agree, unreadable_memory_is_told, what_is_none_is_told,
             long_chains_are_read_at_once, floating_point_stays_here,
             the_watched_pointer_is_followed)
