/* SPDX-License-Identifier: MIT */
/*
 * Conditions judged by three: mt_cond_eval(), the generated eBPF as the kernel runs it, and the C
 * compiler. They must agree on every random expression and input.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "expr/cond_internal.h"
#include "probe/condgen.h"
#include "random_expr.h"
#include "unit.h"
#include "x86/regs.h"

enum { EXPRESSIONS = 4000, INPUTS = 48, WATCHED_LEN = 64 };

/* ---- What is watched: 32 bytes with everything aligned, and 32 with nothing so. The layout of the
 * struct is written out by hand below; the compiler finds it by itself. */

static const char watched_source[] =
    "struct watched { signed char c; unsigned char uc; short s; unsigned short us; _Bool b;\n"
    "  char pad1; int i; unsigned u; long l; unsigned long ul;\n"
    "  signed char pch; int pi; long pl; short ps; unsigned b3 : 3; int b7 : 7;\n"
    "  unsigned b22 : 22; float f; char pad2; double d; } __attribute__((packed));\n"
    "_Static_assert(sizeof(struct watched) == 64, \"layout\");\n";

enum { BOOL_OFFSET = 6 };

#define INTEGER(c_name, bytes, sign)                                                               \
	{                                                                                          \
		.kind = MT_TYPE_INT, .name = (c_name), .size = (bytes), .is_signed = (sign)        \
	}

static const struct mt_type s8 = INTEGER("signed char", 1, true);
static const struct mt_type u8 = INTEGER("unsigned char", 1, false);
static const struct mt_type s16 = INTEGER("short", 2, true);
static const struct mt_type u16 = INTEGER("unsigned short", 2, false);
static const struct mt_type s32 = INTEGER("int", 4, true);
static const struct mt_type u32 = INTEGER("unsigned int", 4, false);
static const struct mt_type s64 = INTEGER("long", 8, true);
static const struct mt_type u64 = INTEGER("unsigned long", 8, false);
static const struct mt_type boolean = { .kind = MT_TYPE_BOOL, .name = "_Bool", .size = 1 };
static const struct mt_type narrow = { .kind = MT_TYPE_FLOAT, .name = "float", .size = 4 };
static const struct mt_type wide = { .kind = MT_TYPE_FLOAT, .name = "double", .size = 8 };

static const struct mt_member members[] = {
	{ .name = "c", .type = &s8, .offset = 0 },
	{ .name = "uc", .type = &u8, .offset = 1 },
	{ .name = "s", .type = &s16, .offset = 2 },
	{ .name = "us", .type = &u16, .offset = 4 },
	{ .name = "b", .type = &boolean, .offset = BOOL_OFFSET },
	{ .name = "i", .type = &s32, .offset = 8 },
	{ .name = "u", .type = &u32, .offset = 12 },
	{ .name = "l", .type = &s64, .offset = 16 },
	{ .name = "ul", .type = &u64, .offset = 24 },
	{ .name = "pch", .type = &s8, .offset = 32 },
	{ .name = "pi", .type = &s32, .offset = 33 },
	{ .name = "pl", .type = &s64, .offset = 37 },
	{ .name = "ps", .type = &s16, .offset = 45 },
	{ .name = "b3", .type = &u32, .offset = 47, .bit_offset = 0, .bit_size = 3 },
	{ .name = "b7", .type = &s32, .offset = 47, .bit_offset = 3, .bit_size = 7 },
	{ .name = "b22", .type = &u32, .offset = 47, .bit_offset = 10, .bit_size = 22 },
	{ .name = "f", .type = &narrow, .offset = 51 },
	{ .name = "d", .type = &wide, .offset = 56 },
};

static const struct mt_type watched = { .kind = MT_TYPE_STRUCT,
	                                .name = "struct watched",
	                                .size = WATCHED_LEN,
	                                .members = members,
	                                .member_count = sizeof(members) / sizeof(*members) };

/* ---- Inputs: a record is what the eBPF program copies to its stack, in the stack's order */

struct record {
	char comm[16];
	uint64_t hits;
	uint64_t pid_tgid;
	struct mt_regs regs;
	uint8_t new_value[WATCHED_LEN];
	uint8_t old_value[WATCHED_LEN];
};

static const char record_source[] =
    "struct record { char comm[16]; unsigned long hits, pid_tgid, regs[18];\n"
    "  struct watched new_value, old_value; };\n"
    "#define old (r->old_value)\n"
    "#define new (r->new_value)\n"
    "#define tid ((int)r->pid_tgid)\n"
    "#define pid ((int)(r->pid_tgid >> 32))\n"
    "#define hits (r->hits)\n"
    "#define pc (r->regs[16])\n"
    "#define $rip (r->regs[16])\n"
    "#define $rax (r->regs[0])\n"
    "#define $eax ((unsigned)r->regs[0])\n"
    "#define $ax ((unsigned short)r->regs[0])\n"
    "#define $al ((unsigned char)r->regs[0])\n"
    "#define $ah ((unsigned char)(r->regs[0] >> 8))\n"
    "#define $r9d ((unsigned)r->regs[9])\n";

enum { SCRATCH_SIZE = 64, STACK_TOP = -(int)sizeof(struct record) };

#define IN_FRAME(member) (STACK_TOP + (int)offsetof(struct record, member))

static const struct mt_cond_frame frame = {
	.old_value = IN_FRAME(old_value),
	.new_value = IN_FRAME(new_value),
	.regs = IN_FRAME(regs),
	.pid_tgid = IN_FRAME(pid_tgid),
	.hits = IN_FRAME(hits),
	.comm = IN_FRAME(comm),
	.scratch = STACK_TOP - SCRATCH_SIZE,
	.scratch_size = SCRATCH_SIZE,
};

static struct record records[INPUTS];

/* Values at the edges of types are the ones that tell. */
static uint64_t random_word(void)
{
	static const uint64_t edges[] = {
		0,          1,          UINT64_MAX, 0x7fffffff,         0x80000000, INT64_MAX,
		1ull << 63, 0xffffffff, 0x7f,       0x8080808080808080, 5
	};

	switch (random_below(4)) {
	case 0:
		return RANDOM_OF(edges);
	case 1:
		return random_u64() >> random_below(64);
	case 2:
		return RANDOM_OF(edges) << 32 | RANDOM_OF(edges);
	default:
		return random_u64();
	}
}

static void make_records(void)
{
	for (size_t i = 0; i < INPUTS; i++) {
		uint64_t words[sizeof(struct record) / 8];

		for (size_t j = 0; j < sizeof(words) / 8; j++)
			words[j] = random_word();
		memcpy(&records[i], words, sizeof(words));
		memset(records[i].comm, 0, sizeof(records[i].comm));
		if (!random_below(4))
			memcpy(records[i].new_value, records[i].old_value, WATCHED_LEN);
		/* A bool that is neither 0 nor 1 has no meaning in C. */
		records[i].old_value[BOOL_OFFSET] &= 1;
		records[i].new_value[BOOL_OFFSET] &= 1;
	}
}

static struct mt_cond_input input_of(const struct record *record)
{
	return (struct mt_cond_input){ .old_value = record->old_value,
		                       .new_value = record->new_value,
		                       .len = WATCHED_LEN,
		                       .tid = (uint32_t)record->pid_tgid,
		                       .pid = (uint32_t)(record->pid_tgid >> 32),
		                       .hits = record->hits,
		                       .comm = record->comm,
		                       .regs = &record->regs };
}

/* ---- The compiler's judgement */

struct verdict {
	int64_t value, truth;
};

static const char judge_head[] =
    "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n"
    "#define DIV(x, y) ({ __auto_type a_ = +(x); __auto_type b_ = +(y);"
    " __typeof__(a_ + b_) p_ = a_, q_ = b_; !q_ ? 0 : IS_MINUS_1(q_) ? -p_ : p_ / q_; })\n"
    "#define MOD(x, y) ({ __auto_type a_ = +(x); __auto_type b_ = +(y);"
    " __typeof__(a_ + b_) p_ = a_, q_ = b_; !q_ ? p_ : IS_MINUS_1(q_) ? 0 : p_ % q_; })\n"
    "#define IS_MINUS_1(q) ((__typeof__(q))-1 < 0 && (q) == (__typeof__(q))-1)\n"
    "#define SHL(x, y) ({ __auto_type a_ = +(x); a_ << ((y) & (8 * sizeof(a_) - 1)); })\n"
    "#define SHR(x, y) ({ __auto_type a_ = +(x); a_ >> ((y) & (8 * sizeof(a_) - 1)); })\n";

static const char judge_tail[] =
    "int main(void)\n{\n"
    "  struct record record; long out[2];\n"
    "  while (fread(&record, sizeof(record), 1, stdin) == 1)\n"
    "    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {\n"
    "      functions[i](&record, out);\n"
    "      fwrite(out, sizeof(out), 1, stdout);\n"
    "    }\n"
    "  return 0;\n}\n";

static void write_file(const char *dir, const char *name, const void *data, size_t len)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file MT_AUTO_FILE = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, len, file), len);
}

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	ck_assert_int_eq(system(command), 0);
}

/* Compiles the expressions and runs them on all records: verdicts[record * count + expression]. */
static void judge(const struct mt_buf *functions, size_t count, struct verdict *verdicts)
{
	char dir[] = "/tmp/memtrap-condgen-XXXXXX", path[128];
	struct mt_buf source MT_AUTO_BUF = { 0 };

	mt_buf_text(&source, judge_head);
	mt_buf_text(&source, watched_source);
	mt_buf_text(&source, record_source);
	mt_buf_bytes(&source, functions->data, functions->len);
	mt_buf_text(&source, "static void (*const functions[])(const struct record *, long *) = {");
	for (size_t i = 0; i < count; i++)
		mt_buf_printf(&source, "f%zu,\n", i);
	mt_buf_printf(&source, "};\n%s", judge_tail);
	ck_assert(mt_buf_ok(&source));
	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_file(dir, "judge.c", source.data, source.len);
	write_file(dir, "records", records, sizeof(records));
	run("cc -std=gnu11 -w -O0 -fwrapv -o %s/judge %s/judge.c", dir, dir);
	run("%s/judge < %s/records > %s/verdicts", dir, dir, dir);
	snprintf(path, sizeof(path), "%s/verdicts", dir);
	FILE *file MT_AUTO_FILE = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(verdicts, sizeof(*verdicts), count * INPUTS, file), count * INPUTS);
	run("rm -r %s", dir);
}

/* ---- The kernel's judgement */

struct kernel {
	int map_fd; /* the records; -1 when bpf(2) is not permitted */
};

static struct kernel open_kernel(void)
{
	struct kernel kernel;
	uint32_t key = 0;

	kernel.map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "records", 4, sizeof(records), 1, NULL);
	if (kernel.map_fd < 0) {
		printf("# the kernel's half is skipped: bpf(2): %s\n", strerror(errno));
		ck_assert(errno == EPERM || errno == EACCES || errno == ENOSYS);
		return kernel;
	}
	ck_assert_int_eq(bpf_map_update_elem(kernel.map_fd, &key, records, BPF_ANY), 0);
	return kernel;
}

/* A program that takes the number of a record and returns whether the condition holds for it. */
static void generate_prologue(struct mt_asm *as, int map_fd, mt_asm_label is_false)
{
	mt_asm_load(as, 8, BPF_REG_6, BPF_REG_1, 0);
	mt_asm_jump_if_imm(as, BPF_JGE, BPF_REG_6, INPUTS, is_false);
	mt_asm_alu_imm(as, BPF_MUL, BPF_REG_6, sizeof(struct record));
	mt_asm_load_map_value(as, BPF_REG_7, map_fd, 0);
	mt_asm_alu(as, BPF_ADD, BPF_REG_7, BPF_REG_6);
	for (int i = 0; i < (int)sizeof(struct record); i += 8) {
		mt_asm_load(as, 8, BPF_REG_0, BPF_REG_7, i);
		mt_asm_store(as, 8, BPF_REG_10, STACK_TOP + i, BPF_REG_0);
	}
}

static int load_program(const struct mt_asm *as, const char *text)
{
	static char log[1 << 20];
	LIBBPF_OPTS(bpf_prog_load_opts, options);
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "cond", "GPL", as->insns.data,
	                       as->insns.len, &options);

	if (fd >= 0)
		return fd;
	options.log_buf = log;
	options.log_size = sizeof(log);
	options.log_level = 1;
	bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "cond", "GPL", as->insns.data, as->insns.len,
	              &options);
	size_t len = strlen(log);
	ck_abort_msg("the verifier refuses %s: %s", text, log + (len > 2000 ? len - 2000 : 0));
}

/* The condition as a loaded program; -1 where it does not fit the kernel. */
static int load_condition(const struct kernel *kernel, const struct mt_cond *cond)
{
	struct mt_asm as = { 0 };
	mt_asm_label is_false = mt_asm_new_label(&as);
	int fd = -1;

	generate_prologue(&as, kernel->map_fd, is_false);
	struct mt_error *error = mt_cond_generate(&as, cond, &frame, is_false, is_false);
	if (error) {
		ck_assert_int_eq(mt_error_kind(error), MT_ERR_UNSUPPORTED);
		mt_error_free(error);
	} else {
		mt_asm_mov_imm(&as, BPF_REG_0, 1);
		mt_asm_exit(&as);
		mt_asm_bind(&as, is_false);
		mt_asm_mov_imm(&as, BPF_REG_0, 0);
		mt_asm_exit(&as);
		MT_CK_OK(mt_asm_finish(&as));
		fd = load_program(&as, mt_cond_text(cond));
	}
	mt_asm_deinit(&as);
	return fd;
}

static bool run_program(int fd, uint64_t number)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &number, .ctx_size_in = sizeof(number));

	ck_assert_int_eq(bpf_prog_test_run_opts(fd, &options), 0);
	return options.retval != 0;
}

/* ---- The tests */

struct subject {
	struct mt_cond *cond;
	bool is_float;
};

static const char *random_name(bool is_float)
{
	static const char *const parts[] = { "c", "uc",  "s",  "us", "i",  "u",  "l",  "ul",
		                             "b", "pch", "pi", "pl", "ps", "b3", "b7", "b22" };
	static const char *const others[] = { "tid", "pid", "hits", "pc",   "$rax", "$eax",
		                              "$ax", "$al", "$ah",  "$r9d", "$rip" };
	static const char *const floating[] = { "new.d", "old.d", "new.f", "old.f",
		                                "1.5",   "0.1f",  "1e3",   "0x1p-3" };
	static char name[16];

	if (is_float)
		return RANDOM_OF(floating);
	if (!random_below(4))
		return RANDOM_OF(others);
	snprintf(name, sizeof(name), "%s.%s", random_below(2) ? "new" : "old", RANDOM_OF(parts));
	return name;
}

/* Roots that show more of a value than whether it is 0 tell wrong bits better. */
static struct expr *random_root(void)
{
	bool floats = !random_below(8);
	struct expr *expr = random_expr(2 + (int)random_below(5), floats);

	if (expr->is_float || random_below(3))
		return expr;
	struct expr *shifted = new_expr(EXPR_BINARY, 8, ">>");
	struct expr *bit = new_expr(EXPR_BINARY, 5, "&");
	shifted->macro = "SHR";
	shifted->a = expr;
	shifted->b = random_constant();
	bit->a = shifted;
	bit->b = new_expr(EXPR_LEAF, PRECEDENCE_LEAF, "1");
	return bit;
}

static void make_subjects(struct subject *subjects, struct mt_buf *functions)
{
	for (size_t i = 0; i < EXPRESSIONS; i++) {
		struct mt_buf text MT_AUTO_BUF = { 0 };
		const struct expr *expr = random_root();

		write_terse(&text, expr, 0);
		mt_buf_printf(functions,
		              "static void f%zu(const struct record *r, long *out)\n"
		              "{ __auto_type v = +",
		              i);
		write_full(functions, expr);
		mt_buf_printf(functions, "; out[0] = %s; out[1] = !!v; }\n",
		              expr->is_float ? "0" : "(long)v");
		MT_CK_OK(
		    mt_cond_compile(MT_MACHINE_X86_64, text.data, &watched, &subjects[i].cond));
		subjects[i].is_float = expr->is_float;
	}
	ck_assert(mt_buf_ok(functions));
}

static void check_eval(const struct subject *subject, size_t record, struct verdict verdict)
{
	struct mt_cond_input input = input_of(&records[record]);
	const char *text = mt_cond_text(subject->cond);

	ck_assert_msg(mt_cond_eval(subject->cond, &input) == verdict.truth,
	              "mt_cond_eval() and the compiler differ on record %zu: %s", record, text);
	if (subject->is_float)
		return;
	int64_t value = (int64_t)mt_cond_eval_int(mt_cond_root(subject->cond), &input);
	ck_assert_msg(value == verdict.value, "%s is %lld, to the compiler %lld", text,
	              (long long)value, (long long)verdict.value);
}

START_TEST(eval_kernel_and_compiler_agree)
{
	static struct subject subjects[EXPRESSIONS];
	static struct verdict verdicts[EXPRESSIONS * INPUTS];
	struct mt_buf functions MT_AUTO_BUF = { 0 };
	size_t in_kernel = 0, without_floats = 0;

	make_records();
	make_subjects(subjects, &functions);
	judge(&functions, EXPRESSIONS, verdicts);
	struct kernel kernel = open_kernel();
	for (size_t i = 0; i < EXPRESSIONS; i++) {
		struct mt_cond *cond = subjects[i].cond;
		int fd = kernel.map_fd < 0 ? -1 : load_condition(&kernel, cond);

		for (size_t j = 0; j < INPUTS; j++) {
			struct verdict verdict = verdicts[j * EXPRESSIONS + i];

			check_eval(&subjects[i], j, verdict);
			if (fd >= 0)
				ck_assert_msg(run_program(fd, j) == verdict.truth,
				              "the kernel differs on record %zu: %s", j,
				              mt_cond_text(cond));
		}
		in_kernel += fd >= 0;
		without_floats += mt_cond_fits_kernel(cond);
		if (fd >= 0)
			close(fd);
		mt_cond_destroy(cond);
	}
	printf("# %d expressions, %zu without floats, %zu in the kernel\n", EXPRESSIONS,
	       without_floats, in_kernel);
	/* The scratch space suffices for nearly all. */
	ck_assert(kernel.map_fd < 0 || in_kernel * 100 >= without_floats * 99);
	if (kernel.map_fd >= 0)
		close(kernel.map_fd);
}
END_TEST

static struct mt_cond *compiled(const char *text)
{
	struct mt_cond *cond = NULL;

	MT_CK_OK(mt_cond_compile(MT_MACHINE_X86_64, text, &watched, &cond));
	return cond;
}

START_TEST(thread_names)
{
	static const char *const names[] = {
		"",         "a",         "worker",          "worker1",
		"worker12", "worker123", "exactly15bytes!", "exactly15bytes?",
		"Worker"
	};
	enum { NAMES = sizeof(names) / sizeof(*names) };

	memset(records, 0, sizeof(records));
	for (size_t i = 0; i < NAMES; i++)
		strcpy(records[i].comm, names[i]);
	struct kernel kernel = open_kernel();
	for (size_t i = 0; i < NAMES * 2; i++) {
		char text[64];
		bool wants_equal = i % 2;

		snprintf(text, sizeof(text), wants_equal ? "comm == \"%s\"" : "\"%s\" != comm",
		         names[i / 2]);
		struct mt_cond *cond = compiled(text);
		ck_assert(mt_cond_uses_comm(cond) && !mt_cond_uses_regs(cond));
		int fd = kernel.map_fd < 0 ? -1 : load_condition(&kernel, cond);
		for (size_t j = 0; j < NAMES; j++) {
			struct mt_cond_input input = input_of(&records[j]);
			bool expected = (j == i / 2) == wants_equal;

			ck_assert_int_eq(mt_cond_eval(cond, &input), expected);
			ck_assert(fd < 0 || run_program(fd, j) == expected);
		}
		if (fd >= 0)
			close(fd);
		mt_cond_destroy(cond);
	}
	if (kernel.map_fd >= 0)
		close(kernel.map_fd);
}
END_TEST

static size_t length_of_code(const char *text)
{
	struct mt_asm as = { 0 };
	struct mt_cond *cond = compiled(text);

	MT_CK_OK(mt_cond_generate(&as, cond, &frame, mt_asm_new_label(&as), 0));
	size_t len = as.insns.len;
	mt_asm_deinit(&as);
	mt_cond_destroy(cond);
	return len;
}

/* A comparison with a constant is a load and a jump, whatever the promotions. */
START_TEST(usual_conditions_are_short)
{
	ck_assert_uint_eq(length_of_code("new.i == 0"), 2);
	ck_assert_uint_eq(length_of_code("0 > new.i"), 2);
	ck_assert_uint_eq(length_of_code("!new.ul"), 2);
	ck_assert_uint_eq(length_of_code("new.c == -1"), 2);
	ck_assert_uint_eq(length_of_code("new.uc < 7"), 2);
	ck_assert_uint_eq(length_of_code("new.i == 5L"), 2);
	ck_assert_uint_eq(length_of_code("hits % 100 == 0"), 3);
	ck_assert_uint_eq(length_of_code("new.l > old.l"), 3);
	ck_assert_uint_eq(length_of_code("new.i > old.i && tid == 5"), 5);
	ck_assert_uint_eq(length_of_code("new.u & 0x80"), 3);
	ck_assert_uint_eq(length_of_code("1 + 1 == 2"), 2);
	ck_assert_uint_eq(length_of_code("comm == \"worker\""), 4);
}
END_TEST

static void check_unsupported(const char *text, const struct mt_cond_frame *in, const char *part)
{
	struct mt_asm as = { 0 };
	struct mt_cond *cond = compiled(text);

	MT_CK_FAILS(mt_cond_generate(&as, cond, in, mt_asm_new_label(&as), 0), MT_ERR_UNSUPPORTED,
	            part);
	mt_asm_deinit(&as);
	mt_cond_destroy(cond);
}

#define SUM(x) "((" x " + new.i) * (" x " - old.i))"

START_TEST(what_the_kernel_cannot)
{
	struct mt_cond_frame no_scratch = frame;

	no_scratch.scratch_size = 0;
	check_unsupported("new.f > 1", &frame, "floating");
	check_unsupported(SUM(SUM(SUM(SUM("hits")))), &no_scratch, "stack");
	ck_assert_uint_gt(length_of_code(SUM(SUM(SUM(SUM("hits"))))), 0);
}
END_TEST

START_TEST(jumps_have_a_reach)
{
	struct mt_asm as = { 0 };
	mt_asm_label far = mt_asm_new_label(&as);

	mt_asm_jump(&as, far);
	for (int i = 0; i < INT16_MAX; i++)
		mt_asm_mov_imm(&as, BPF_REG_0, i);
	mt_asm_bind(&as, far);
	MT_CK_OK(mt_asm_finish(&as));
	ck_assert_int_eq(as.insns.data[0].off, INT16_MAX);
	mt_asm_deinit(&as);

	far = mt_asm_new_label(&as);
	mt_asm_jump(&as, far);
	for (int i = 0; i <= INT16_MAX; i++)
		mt_asm_mov_imm(&as, BPF_REG_0, i);
	mt_asm_bind(&as, far);
	MT_CK_FAILS(mt_asm_finish(&as), MT_ERR_UNSUPPORTED, "too far");
	mt_asm_deinit(&as);
}
END_TEST

MT_UNIT_MAIN("condgen", eval_kernel_and_compiler_agree, thread_names, usual_conditions_are_short,
             what_the_kernel_cannot, jumps_have_a_reach)
