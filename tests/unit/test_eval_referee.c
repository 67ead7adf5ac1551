/* SPDX-License-Identifier: MIT */
/*
 * The evaluator judged by the compiler: thousands of random expressions over a program's variables,
 * with assignments and pointers among them, are compiled into the program and evaluated here on its
 * memory. Type, value and what memory holds afterwards must be the same.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/value.h"
#include "own_memory.h"
#include "random_expr.h"
#include "unit.h"

enum { EXPRESSIONS = 2000, STATE_MAX = 4096 };

/* ---- The program: all that changes is in one section, and is put back before each expression. */

static const char program_head[] =
    "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n"
    "#include <string.h>\n#include <unistd.h>\n"
    "#define DIV(x, y) ({ __auto_type a_ = +(x); __auto_type b_ = +(y);"
    " __typeof__(a_ + b_) p_ = a_, q_ = b_; "
    "!q_ ? (bad = 1, 0) : IS_MINUS_1(q_) ? -p_ : p_ / q_; })\n"
    "#define MOD(x, y) ({ __auto_type a_ = +(x); __auto_type b_ = +(y);"
    " __typeof__(a_ + b_) p_ = a_, q_ = b_; "
    "!q_ ? (bad = 1, p_) : IS_MINUS_1(q_) ? 0 : p_ % q_; })\n"
    "#define IS_MINUS_1(q) ((__typeof__(q))-1 < 0 && (q) == (__typeof__(q))-1)\n"
    "#define SHL(x, y) ({ __auto_type a_ = +(x); a_ << ((y) & (8 * sizeof(a_) - 1)); })\n"
    "#define SHR(x, y) ({ __auto_type a_ = +(x); a_ >> ((y) & (8 * sizeof(a_) - 1)); })\n"
    "#define STATE __attribute__((section(\"state\")))\n"
    "enum color { RED, GREEN = 5, BLUE };\nenum sign { BELOW = -3, ABOVE = 3 };\n"
    "struct node { signed char c; unsigned b3 : 3; int b7 : 7; unsigned b22 : 22;\n"
    "  unsigned long b33 : 33; unsigned short us; struct node *next; float f; double d;\n"
    "  long double ld; struct { int inner; }; union { int i; unsigned u; }; char text[8]; };\n"
    "STATE char c = -7; STATE unsigned char uc = 250; STATE short s = -300;\n"
    "STATE unsigned short us = 65000; STATE int i = -12345; STATE unsigned u = 4000000000u;\n"
    "STATE long l = -5000000000; STATE unsigned long ul = 18446744073709551000ul;\n"
    "STATE bool b = true; STATE enum color color = BLUE; STATE enum sign sign = BELOW;\n"
    "STATE float f = 1.5f; STATE double d = -0.1; STATE long double ld = 1.0e10L / 3;\n"
    "STATE int numbers[6] = { 3, -1, 4, -1, 5, -9 };\n"
    "STATE short grid[3][4] = { { 1, 2, 3, 4 }, { -5, -6, -7, -8 }, { 9, 10, 11, 12 } };\n"
    "extern struct node nodes[3];\n"
    "STATE struct node nodes[3] = { { -1, 5, -60, 4000000, 8589934590, 7, &nodes[1], 0.5f, 2.25,\n"
    "  -3.75L, { 77 }, { -2 }, \"first\" },\n"
    "  { 2, 2, 63, 1, 1, 65535, &nodes[2], -8.0f, 1e-3, 1e100L, { -77 }, { 9 }, \"second\" },\n"
    "  { 100, 7, 0, 99, 0, 1, &nodes[0], 3.0f, -1.0, 0.1L, { 0 }, { 5 }, \"third\" } };\n"
    "STATE struct node *head = &nodes[0]; STATE int *pi = &numbers[2];\n"
    "STATE char *text = nodes[0].text; STATE void *raw = numbers;\n"
    "static int bad;\n"
    "extern char __start_state[], __stop_state[];\nstatic char saved[4096];\n"
    "struct shape { char kind; unsigned char size; char is_signed; };\n"
    "#define SHAPE(v) _Generic((v), bool: (struct shape){ 'b', 1, 0 }, \\\n"
    "  char: (struct shape){ 'i', 1, 1 }, signed char: (struct shape){ 'i', 1, 1 }, \\\n"
    "  unsigned char: (struct shape){ 'i', 1, 0 }, short: (struct shape){ 'i', 2, 1 }, \\\n"
    "  unsigned short: (struct shape){ 'i', 2, 0 }, int: (struct shape){ 'i', 4, 1 }, \\\n"
    "  unsigned: (struct shape){ 'i', 4, 0 }, long: (struct shape){ 'i', 8, 1 }, \\\n"
    "  unsigned long: (struct shape){ 'i', 8, 0 }, long long: (struct shape){ 'i', 8, 1 }, \\\n"
    "  unsigned long long: (struct shape){ 'i', 8, 0 }, float: (struct shape){ 'f', 4, 1 }, \\\n"
    "  double: (struct shape){ 'f', 8, 1 }, long double: (struct shape){ 'f', 16, 1 }, \\\n"
    "  default: (struct shape){ 'p', 8, 0 })\n"
    "struct verdict { struct shape shape; char bad; char value[16]; };\n"
    "#define TELL(...) { __auto_type v_ = (__VA_ARGS__); verdict->shape = SHAPE(v_);\\\n"
    "  memcpy(verdict->value, &v_, sizeof(v_) == 16 ? 10 : sizeof(v_)); }\n";

static const char program_tail[] =
    "int main(void)\n{\n"
    "  size_t size = (size_t)(__stop_state - __start_state);\n"
    "  memcpy(saved, __start_state, size);\n"
    "  for (size_t n = 0; n < sizeof(functions) / sizeof(*functions); n++) {\n"
    "    struct verdict verdict = { 0 };\n"
    "    memcpy(__start_state, saved, size);\n"
    "    bad = 0;\n"
    "    functions[n](&verdict);\n"
    "    verdict.bad = bad;\n"
    "    fwrite(&verdict, sizeof(verdict), 1, stdout);\n"
    "    fwrite(__start_state, size, 1, stdout);\n"
    "  }\n"
    "  memcpy(__start_state, saved, size);\n"
    "  fflush(stdout);\n  fclose(stdout);\n  while (getchar() != EOF)\n    ;\n  return 0;\n}\n";

struct verdict {
	char kind;
	uint8_t size;
	char is_signed;
	char bad; /* something was divided by zero */
	uint8_t value[16];
};

/* ---- Expressions */

static const char *const integer_operands[] = {
	"c",
	"uc",
	"s",
	"us",
	"i",
	"u",
	"l",
	"ul",
	"b",
	"color",
	"sign",
	"GREEN",
	"BELOW",
	"numbers[2]",
	"*pi",
	"pi[-1]",
	"*(pi + 2)",
	"1[numbers]",
	"grid[1][2]",
	"*grid[2]",
	"(*(grid + 1))[3]",
	"head->c",
	"head->b3",
	"head->next->b7",
	"nodes[0].b22",
	"(unsigned long)nodes[1].b33", /* gcc computes in 33 bits; clang, C++ and we in 64
	                                */
	"head->us",
	"(*head).inner",
	"nodes[2].i",
	"nodes[0].u",
	"text[1]",
	"*text",
	"head->next->text[0]",
	"(&numbers[4] - pi)",
	"(pi - numbers)",
	"(&nodes[2] - head)",
	"sizeof(nodes)",
	"sizeof head->next",
	"sizeof(int[3])",
	"sizeof(grid[0])",
	"sizeof(c + us)",
	"sizeof(struct node)",
	"_Alignof(double)",
	"(pi == raw)",
	"(head->next > head)",
	"(pi != &numbers[2])",
	"(numbers < pi)",
	"!head",
	"(head && pi)",
	"(text == 0)",
	"((char *)pi == (char *)raw)",
	"((long)head % 8)",
	"(int)2.9",
	"(unsigned char)-1",
	"*(unsigned char *)&u",
	"((short *)&l)[1]",
	"*&i",
	"(&nodes[1])->c",
	"(head ? pi : 0)[1]",
	"(int)sizeof(u ? c : l)",
	"(c, s)",
};
static const char *const float_operands[] = {
	"f",
	"d",
	"ld",
	"head->f",
	"nodes[1].d",
	"head->next->ld",
	"1.5",
	"0.1f",
	"1e3",
	"0x1p-3",
	"2.5L",
	"(float)d",
	"(double)i",
	"(float)ul",
	"(long double)ul",
	"(float)16777217",
	"1e-3f",
};

static const char *random_name(bool is_float)
{
	return is_float ? RANDOM_OF(float_operands) : RANDOM_OF(integer_operands);
}

static const char *random_place(bool is_float)
{
	static const char *const integers[] = {
		"c",           "uc",         "s",          "us",         "i",
		"u",           "l",          "ul",         "b",          "color",
		"*pi",         "numbers[0]", "grid[2][1]", "head->c",    "head->b3",
		"nodes[1].b7", "head->b22",  "head->us",   "nodes[2].u", "text[2]"
	};
	static const char *const floats[] = { "f",       "d",          "ld",
		                              "head->f", "nodes[2].d", "head->next->ld" };

	return is_float ? RANDOM_OF(floats) : RANDOM_OF(integers);
}

/* Mostly of pointers. */
static const char *random_other(void)
{
	static const char *const pointers[] = {
		"pi + (c & 1)",
		"head + 1",
		"&numbers[c & 3]",
		"text++",
		"--pi",
		"pi += 2",
		"pi -= 1",
		"head = head->next",
		"raw = pi",
		"head->next->next",
		"u ? pi : 0",
		"(char *)head + 3",
		"grid[1]",
		"&grid[2]",
		"text = head->text + 1",
		"numbers + 2",
		"(int *)0x10",
		"&head->next",
		"&*pi",
		"head++",
		"(unsigned long)(nodes[1].b33 = -1)",
		"(i, text)",
		"(void *)(long)i",
	};

	return RANDOM_OF(pointers);
}

static void write_both(struct mt_buf *ours, struct mt_buf *theirs, const char *text)
{
	mt_buf_text(ours, text);
	mt_buf_text(theirs, text);
}

static void write_expr(struct mt_buf *ours, struct mt_buf *theirs, int depth, bool floats)
{
	const struct expr *expr = random_expr(depth, floats);

	write_terse(ours, expr, PRECEDENCE_CHOICE);
	write_full(theirs, expr);
}

/* a op= b, where the operator is one that needs a macro too. */
static void write_update(struct mt_buf *ours, struct mt_buf *theirs, int depth)
{
	static const struct {
		const char *sign, *macro;
	} ops[] = { { "+=", NULL },   { "-=", NULL },  { "*=", NULL }, { "/=", "DIV" },
		    { "%=", "MOD" },  { "&=", NULL },  { "|=", NULL }, { "^=", NULL },
		    { "<<=", "SHL" }, { ">>=", "SHR" } };
	size_t op = random_below(10);
	const char *place = random_place(false);

	mt_buf_printf(ours, "+(%s %s ", place, ops[op].sign);
	if (ops[op].macro)
		mt_buf_printf(theirs, "+(%s = %s(%s, ", place, ops[op].macro, place);
	else
		mt_buf_printf(theirs, "+(%s %s ", place, ops[op].sign);
	write_expr(ours, theirs, depth, false);
	mt_buf_text(theirs, ops[op].macro ? "))" : ")");
	mt_buf_text(ours, ")");
}

/* Fractions are assigned to where they fit: what C does with the others is open. */
static void write_change(struct mt_buf *ours, struct mt_buf *theirs, int depth)
{
	bool floats = !random_below(4);
	const char *place = random_place(floats);
	char text[64];

	switch (random_below(4)) {
	case 0:
		write_update(ours, theirs, depth);
		break;
	case 1:
		snprintf(text, sizeof(text), random_below(2) ? "+%s%s" : "+ %2$s%1$s", place,
		         random_below(2) ? "++" : "--");
		write_both(ours, theirs, text);
		break;
	default:
		snprintf(text, sizeof(text), "+(%s = ", place);
		write_both(ours, theirs, text);
		write_expr(ours, theirs, depth, floats);
		write_both(ours, theirs, ")");
		break;
	}
}

static void write_subject(struct mt_buf *ours, struct mt_buf *theirs)
{
	int depth = 1 + (int)random_below(5);

	switch (random_below(8)) {
	case 0:
		write_both(ours, theirs, random_other());
		break;
	case 1:
	case 2:
		write_change(ours, theirs, depth);
		break;
	case 3: /* one after the other */
		write_change(ours, theirs, depth);
		write_both(ours, theirs, ", ");
		write_change(ours, theirs, depth);
		break;
	default: /* a character and a truth are ints to C, and more to people */
		write_both(ours, theirs, "+(");
		write_expr(ours, theirs, depth, !random_below(3));
		write_both(ours, theirs, ")");
		break;
	}
}

static void make_subjects(char **texts, struct mt_buf *functions)
{
	for (size_t n = 0; n < EXPRESSIONS; n++) {
		struct mt_buf ours = { 0 };

		mt_buf_printf(functions, "static void f%zu(struct verdict *verdict)\n{ TELL(", n);
		write_subject(&ours, functions);
		mt_buf_text(functions, ") }\n");
		texts[n] = mt_buf_take(&ours);
		ck_assert_ptr_nonnull(texts[n]);
	}
	mt_buf_text(functions, "static void (*const functions[])(struct verdict *) = {");
	for (size_t n = 0; n < EXPRESSIONS; n++)
		mt_buf_printf(functions, "f%zu,\n", n);
	mt_buf_text(functions, "};\n");
	ck_assert(mt_buf_ok(functions));
}

/* ---- The program at work */

struct program {
	char dir[64];
	pid_t pid;
	int input;
	FILE *output;
	struct mt_image *image;
	uint64_t state; /* its address */
	size_t state_size;
};

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	ck_assert_int_eq(system(command), 0);
}

static void compile(const struct program *program, const struct mt_buf *functions)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/judge.c", program->dir);
	FILE *file MT_AUTO_FILE = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(program_head, file);
	fputs(functions->data, file);
	fputs(program_tail, file);
	ck_assert_int_eq(fflush(file), 0);
	run("cc -std=gnu11 -g -w -O0 -fwrapv -o %s/judge %s", program->dir, path);
}

static void start(struct program *program)
{
	char path[128];
	int input[2], output[2];

	snprintf(path, sizeof(path), "%s/judge", program->dir);
	ck_assert_int_eq(pipe(input), 0);
	ck_assert_int_eq(pipe(output), 0);
	program->pid = fork();
	if (!program->pid) {
		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		closefrom(STDERR_FILENO + 1);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	program->input = input[1];
	program->output = fdopen(output[0], "r");
}

static void stop(struct program *program)
{
	mt_image_destroy(program->image);
	fclose(program->output);
	close(program->input);
	waitpid(program->pid, NULL, 0);
	run("rm -r %s", program->dir);
}

static void *read_all(FILE *file, size_t *size)
{
	size_t cap = (size_t)EXPRESSIONS * (sizeof(struct verdict) + STATE_MAX);
	void *data = mt_alloc(cap);

	ck_assert_ptr_nonnull(data);
	*size = fread(data, 1, cap, file);
	return data;
}

/* ---- Our side: the program's memory, with its state kept apart. */

static struct program program;
static uint8_t initial[STATE_MAX], state[STATE_MAX];

static bool is_state(uint64_t addr, size_t len)
{
	return addr >= program.state && len <= program.state_size &&
	       addr - program.state <= program.state_size - len;
}

static struct mt_error *read_program(void *arg, uint64_t addr, void *out, size_t len)
{
	struct iovec to = { .iov_base = out, .iov_len = len };
	struct iovec from = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };

	if (is_state(addr, len))
		memcpy(out, state + (addr - program.state), len);
	else if (process_vm_readv(program.pid, &to, 1, &from, 1, 0) != (ssize_t)len)
		return mt_error_new(MT_ERR_UNREADABLE, "cannot read %zu bytes", len);
	return NULL;
}

static struct mt_error *write_program(void *arg, uint64_t addr, const void *bytes, size_t len)
{
	if (!is_state(addr, len))
		return mt_error_new(MT_ERR_UNREADABLE, "cannot write %zu bytes", len);
	memcpy(state + (addr - program.state), bytes, len);
	return NULL;
}

static char kind_of(const struct mt_type *type)
{
	switch (type->kind) {
	case MT_TYPE_BOOL:
		return 'b';
	case MT_TYPE_FLOAT:
		return 'f';
	case MT_TYPE_POINTER:
	case MT_TYPE_ARRAY:
		return 'p';
	default:
		return 'i';
	}
}

static void check_value(const struct mt_world *world, const char *text, struct mt_value *value,
                        const struct verdict *verdict)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	uint8_t bytes[16] = { 0 };

	ck_assert_msg(
	    kind_of(value->type) == verdict->kind &&
	        (verdict->kind == 'p' || (value->type->size == verdict->size &&
	                                  value->type->is_signed == (verdict->is_signed != 0))),
	    "%s is of a type %c%u, and to the compiler %c%u %d", text, kind_of(value->type),
	    (unsigned)value->type->size, verdict->kind, verdict->size, verdict->is_signed);
	if (value->type->kind == MT_TYPE_ARRAY) {
		memcpy(bytes, &value->addr, sizeof(value->addr));
	} else {
		MT_CK_OK(mt_value_fetch(world, &arena, value));
		memcpy(bytes, value->bytes, verdict->size == 16 ? 10 : verdict->size);
	}
	ck_assert_msg(!memcmp(bytes, verdict->value, sizeof(bytes)),
	              "%s is 0x%llx, and to the compiler 0x%llx", text,
	              *(unsigned long long *)bytes, *(const unsigned long long *)verdict->value);
}

static void check_subject(const struct mt_world *world, const char *text,
                          const struct verdict *verdict, const uint8_t *after)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value;

	memcpy(state, initial, program.state_size);
	struct mt_error *error = mt_eval_text(world, text, &arena, &value);
	if (verdict->bad) {
		ck_assert_msg(error && strstr(mt_error_text(error), "division by zero"),
		              "%s divides by zero", text);
		mt_error_free(error);
		return;
	}
	ck_assert_msg(!error, "%s: %s", text, error ? mt_error_text(error) : "");
	check_value(world, text, &value, verdict);
	for (size_t i = 0; i < program.state_size; i++)
		ck_assert_msg(state[i] == after[i],
		              "%s: byte %zu of the state is %02x, to the compiler %02x", text, i,
		              state[i], after[i]);
}

static void find_state(void)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_world world = { .image = program.image };
	struct mt_value start_of, stop_of;

	MT_CK_OK(mt_eval_text(&world, "__start_state", &arena, &start_of));
	MT_CK_OK(mt_eval_text(&world, "__stop_state", &arena, &stop_of));
	program.state = start_of.addr;
	program.state_size = (size_t)(stop_of.addr - start_of.addr);
	ck_assert_uint_le(program.state_size, STATE_MAX);
	struct iovec to = { .iov_base = initial, .iov_len = program.state_size };
	struct iovec from = { .iov_base = (void *)(uintptr_t)program.state,
		              .iov_len = program.state_size };
	ck_assert_int_eq(process_vm_readv(program.pid, &to, 1, &from, 1, 0),
	                 (ssize_t)program.state_size);
}

START_TEST(values_are_the_compilers)
{
	static char *texts[EXPRESSIONS];
	struct mt_buf functions MT_AUTO_BUF = { 0 };
	struct mt_world world = { .read = read_program, .write = write_program, .may_write = true };
	size_t size;

	snprintf(program.dir, sizeof(program.dir), "/tmp/memtrap-eval-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(program.dir));
	make_subjects(texts, &functions);
	compile(&program, &functions);
	start(&program);
	uint8_t *told MT_AUTO_FREE = read_all(program.output, &size);
	MT_CK_OK(mt_image_create(program.pid, &program.image));
	world.image = program.image;
	find_state();
	size_t step = sizeof(struct verdict) + program.state_size;
	ck_assert_uint_eq(size, EXPRESSIONS * step);
	for (size_t n = 0; n < EXPRESSIONS; n++) {
		struct verdict verdict;

		memcpy(&verdict, told + n * step, sizeof(verdict));
		check_subject(&world, texts[n], &verdict, told + n * step + sizeof(verdict));
		free(texts[n]);
	}
	stop(&program);
}
END_TEST

MT_UNIT_MAIN("eval_referee", values_are_the_compilers)
