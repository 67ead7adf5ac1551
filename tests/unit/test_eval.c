/* SPDX-License-Identifier: MIT */
/*
 * Expressions as values: what the compiler can't referee (test_eval_referee.c has the rest). The
 * program is this test itself; registers, calls and variables of the debugger's are made up.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error_case.h"
#include "expr/value.h"
#include "own_memory.h"
#include "unit.h"

/* ---- The program */

enum state { IDLE, RUNNING, FAILED = -1 };

struct node {
	int id;
	unsigned low : 3, high : 5;
	enum state state;
	struct node *next;
	double weight;
	char name[8];
};

__attribute__((used)) struct node table[3] = {
	{ 10, 5, 17, RUNNING, &table[1], 0.5, "first" },
	{ 20, 1, 2, FAILED, &table[2], 2.5, "second" },
	{ 30, 0, 0, IDLE, NULL, -1, "third" },
};
__attribute__((used)) int numbers[6] = { 1, 2, 3, 4, 5, 6 };
__attribute__((used)) float ratio = 0.25F;
__attribute__((used)) static int own_file = 77;
__attribute__((used)) void *anywhere = numbers;

static __attribute__((noinline, used)) int plus(int a, short b, float c)
{
	return a + b + (int)c;
}

static __attribute__((noinline, used)) size_t measure(const char *text)
{
	return strlen(text);
}

static __attribute__((noinline, used)) void touch(struct node *node)
{
	node->id++;
}

/* ---- The world */

enum { OWN_MAX = 8, ARGS_MAX = 4 };

static struct {
	uint8_t xmm0[16];
	uint64_t rax;
	struct {
		char name[16];
		struct mt_value value;
		uint8_t bytes[64];
	} own[OWN_MAX];
	size_t own_count;
	uint64_t called;
	struct mt_value args[ARGS_MAX];
	size_t arg_count;
	char placed[32];
} fake;

static struct mt_error *write_own(void *arg, uint64_t addr, const void *bytes, size_t len)
{
	struct iovec from = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct iovec to = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };

	if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) == (ssize_t)len)
		return NULL;
	return mt_error_new(MT_ERR_UNREADABLE, "cannot write %zu bytes", len);
}

static void *register_of(const char *name, size_t size)
{
	ck_assert(!strcmp(name, "xmm0") || !strcmp(name, "rax") || !strcmp(name, "eax"));
	ck_assert_uint_eq(size, *name == 'x' ? 16 : *name == 'r' ? 8 : 4);
	return *name == 'x' ? (void *)fake.xmm0 : &fake.rax;
}

static struct mt_error *read_register(void *arg, const char *name, void *out, size_t size)
{
	memcpy(out, register_of(name, size), size);
	return NULL;
}

static struct mt_error *write_register(void *arg, const char *name, const void *value, size_t size)
{
	memcpy(register_of(name, size), value, size);
	return NULL;
}

static bool find_own(void *arg, const char *name, struct mt_value *value)
{
	for (size_t i = 0; i < fake.own_count; i++) {
		if (strcmp(fake.own[i].name, name) != 0)
			continue;
		*value = fake.own[i].value;
		value->bytes = fake.own[i].bytes;
		value->name = fake.own[i].name;
		value->home = MT_HOME_OWN;
		return true;
	}
	return false;
}

static struct mt_error *set_own(void *arg, const char *name, const struct mt_value *value)
{
	const struct mt_world *world = arg;
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value old, copy = *value;
	size_t place = fake.own_count;

	ck_assert_uint_lt(place, OWN_MAX);
	MT_CK_OK(mt_value_fetch(world, &arena, &copy));
	if (find_own(arg, name, &old))
		place = (size_t)(old.name - fake.own[0].name) / sizeof(fake.own[0]);
	else
		fake.own_count++;
	if (name != fake.own[place].name)
		snprintf(fake.own[place].name, sizeof(fake.own[place].name), "%s", name);
	memcpy(fake.own[place].bytes, copy.bytes, (size_t)copy.type->size);
	fake.own[place].value = (struct mt_value){ .type = copy.type };
	return NULL;
}

static struct mt_error *call(void *arg, struct mt_arena *arena, uint64_t addr,
                             const struct mt_type *type, const struct mt_value *args, size_t count,
                             struct mt_value *result)
{
	struct mt_number five = { .size = 8, .bits = 5 };

	ck_assert_uint_le(count, ARGS_MAX);
	fake.called = addr;
	fake.arg_count = count;
	memcpy(fake.args, args, count * sizeof(*args));
	if (type->target->kind != MT_TYPE_VOID)
		return mt_value_of_number(arena, &five, type->target, result);
	*result = (struct mt_value){ .type = type->target };
	return NULL;
}

static struct mt_error *place(void *arg, const void *bytes, size_t size, uint64_t *addr)
{
	ck_assert_uint_le(size, sizeof(fake.placed));
	memcpy(fake.placed, bytes, size);
	*addr = (uint64_t)(uintptr_t)fake.placed;
	return NULL;
}

static struct mt_world program_world(void)
{
	static struct mt_image *image;

	if (!image)
		MT_CK_OK(mt_image_create(getpid(), &image));
	return (struct mt_world){ .image = image,
		                  .read = read_own,
		                  .write = write_own,
		                  .reg_read = read_register,
		                  .reg_write = write_register,
		                  .own_find = find_own,
		                  .own_set = set_own,
		                  .call = call,
		                  .place = place,
		                  .may_write = true };
}

/* ---- Values as text: the type, and the number if it is one */

static char *as_text(const struct mt_world *world, const char *text, char out[200])
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf type MT_AUTO_BUF = { 0 };
	struct mt_value value;
	struct mt_number number;

	MT_CK_OK(mt_eval_text(world, text, &arena, &value));
	mt_type_format(value.type, &type);
	if (!mt_type_is_scalar(value.type)) {
		snprintf(out, 200, "%s", type.data);
		return out;
	}
	MT_CK_OK(mt_value_number(world, &value, &number));
	if (number.is_float)
		snprintf(out, 200, "%s %Lg", type.data, number.floating);
	else if (value.type->kind == MT_TYPE_POINTER)
		snprintf(out, 200, "%s", type.data);
	else
		snprintf(out, 200, "%s %lld", type.data, (long long)number.bits);
	return out;
}

struct value_case {
	const char *text, *wanted;
};

static void check_values(struct mt_world *world, const struct value_case *cases, size_t count)
{
	char out[200];

	world->arg = world;
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(!strcmp(as_text(world, cases[i].text, out), cases[i].wanted),
		              "%s is '%s', not '%s'", cases[i].text, out, cases[i].wanted);
}

#define CHECK_VALUES(world, cases) check_values(&(world), cases, sizeof(cases) / sizeof(*(cases)))

START_TEST(constants_need_no_program)
{
	static const struct value_case cases[] = {
		{ "1 + 1", "int 2" },
		{ "'A'", "char 65" },
		{ "L'\\x41'", "wchar_t 65" },
		{ "u'\\u00e9'", "char16_t 233" },
		{ "U'\xc3\xa9'", "char32_t 233" },
		{ "sizeof(long double)", "unsigned long 16" },
		{ "sizeof (char [3][5])", "unsigned long 15" },
		{ "sizeof \"ab\" \"c\"", "unsigned long 4" },
		{ "sizeof L\"ab\"", "unsigned long 12" },
		{ "sizeof(\"a\" u\"b\")", "unsigned long 6" },
		{ "\"a\\nc\"[1]", "char 10" },
		{ "\"\\u20ac\"[2]", "char -84" },
		{ "U\"\\U0001f600\"[0]", "char32_t 128512" },
		{ "u\"\\U0001f600\"[1]", "char16_t 56832" },
		{ "_Alignof(double)", "unsigned long 8" },
		{ "1, 2.5", "double 2.5" },
		{ "1 ? 2 : 3.0", "double 2" },
		{ "1.5L * 2", "long double 3" },
		{ "5 / 2.0f", "float 2.5" },
		{ "(char)300", "char 44" },
		{ "unsigned(-1) > 0", "int 1" },
		{ "static_cast<unsigned char>(-1)", "unsigned char 255" },
		{ "true + true", "int 2" },
		{ "NULL == nullptr", "int 1" },
		{ "\"abc\"[1..2]", "char [2]" },
		{ "(void)0", "void" },
		{ "2147483647 + 1", "int -2147483648" },
		{ "(unsigned __int128)5 + 1", "unsigned __int128 6" },
	};
	struct mt_world world = { .machine = MT_MACHINE_X86_64 };

	CHECK_VALUES(world, cases);
}
END_TEST

START_TEST(an_i386_is_narrower)
{
	static const struct value_case cases[] = {
		{ "sizeof(long)", "unsigned long 4" },
		{ "sizeof(void *)", "unsigned long 4" },
		{ "sizeof(long double)", "unsigned long 12" },
		{ "4294967296", "long long 4294967296" },
		{ "0x80000000 + 0l", "unsigned int 2147483648" },
	};
	struct mt_world world = { .machine = MT_MACHINE_I386 };

	CHECK_VALUES(world, cases);
}
END_TEST

START_TEST(variables_and_their_parts)
{
	static const struct value_case cases[] = {
		{ "numbers", "int [6]" },
		{ "numbers[1..3]", "int [3]" },
		{ "(numbers[1..3])[2]", "int 4" },
		{ "numbers[2]@3", "int [3]" },
		{ "table->next->name[0]@3", "char [3]" },
		{ "{short} &numbers[1]", "short 2" },
		{ "{int [2]} numbers", "int [2]" },
		{ "table[0].next == &table[1]", "int 1" },
		{ "table->state", "enum state 1" },
		{ "table[1].state == FAILED", "int 1" },
		{ "state::RUNNING", "enum state 1" },
		{ "RUNNING", "enum state 1" },
		{ "(enum state)0", "enum state 0" },
		{ "test_eval.c::own_file", "int 77" },
		{ "::own_file + 1", "int 78" },
		{ "*(int *)anywhere", "int 1" },
		{ "(*(struct node (*)[3])table)[1].id", "int 20" },
		{ "sizeof(struct node)", "unsigned long 40" },
		{ "_Alignof(struct node)", "unsigned long 8" },
		{ "table[0].high + table[0].low", "int 22" },
		{ "&table[2] - table", "long 2" },
		{ "plus", "int (int, short, float)" },
		{ "&plus", "int (*)(int, short, float)" },
		{ "*plus == plus && &plus == plus", "int 1" },
		{ "(int (*)(int, char))plus", "int (*)(int, char)" },
	};
	struct mt_world world = program_world();

	CHECK_VALUES(world, cases);
}
END_TEST

START_TEST(changes)
{
	static const struct value_case cases[] = {
		{ "numbers[5] = 60, numbers[5]", "int 60" },
		{ "numbers[4]++ * 10 + numbers[4]", "int 56" },
		{ "table[2] = table[0], table[2].weight", "double 0.5" },
		{ "table[2].low = 9", "unsigned int 1" },
		{ "table[2].name[0] = 'F', table[2].name[0]", "char 70" },
		{ "table[2].name = \"other\", table[2].name[4]", "char 114" },
		{ "$rax = 0x1122334455667788", "long 1234605616436508552" },
		{ "$eax", "int 1432778632" },
		{ "$xmm0.v4_float[1] = 2.5, $xmm0.v4_float[1]", "float 2.5" },
		{ "$xmm0.v4_int32[0] = 7, $xmm0.v4_float[1]", "float 2.5" },
		{ "sizeof(numbers[0] = 5), numbers[0]", "int 1" },
		{ "numbers[0] == 2 && (numbers[0] = 9), numbers[0]", "int 1" },
	};
	struct mt_world world = program_world();

	CHECK_VALUES(world, cases);
	ck_assert_int_eq(numbers[5], 60);
	ck_assert_uint_eq(table[2].low, 1);
	ck_assert_uint_eq(table[2].high, 17);
	ck_assert_str_eq(table[2].name, "other");
}
END_TEST

START_TEST(names_of_the_debugger)
{
	static const struct value_case cases[] = {
		{ "$count = 5", "int 5" },
		{ "$count++ + $count", "int 11" },
		{ "$count *= 2.5", "double 15" },
		{ "$node = table[1], $node.id", "int 20" },
		{ "$node.id = 21, $node.id", "int 21" },
		{ "table[1].id", "int 20" },
		{ "$node.high = 3, $node.high * 10 + $node.low", "int 31" },
		{ "$nosuch", "void" },
	};
	struct mt_world world = program_world();

	CHECK_VALUES(world, cases);
}
END_TEST

static int64_t argument(const struct mt_world *world, size_t i)
{
	struct mt_number number;

	MT_CK_OK(mt_value_number(world, &fake.args[i], &number));
	return number.is_float ? (int64_t)number.floating : (int64_t)number.bits;
}

START_TEST(calls)
{
	static const struct value_case cases[] = {
		{ "plus(1, 65537, 3)", "int 5" },
		{ "(&plus)(1, 2, 3) + 1", "int 6" },
		{ "measure(\"abc\")", "size_t 5" },
		{ "touch(&table[1])", "void" },
		{ "sizeof(plus(1, 2, 3))", "unsigned long 4" },
	};
	struct mt_world world = program_world();
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value;

	world.arg = &world;
	MT_CK_OK(mt_eval_text(&world, "plus(1, 65537, 3)", &arena, &value));
	ck_assert_uint_eq(fake.called, (uint64_t)(uintptr_t)plus);
	ck_assert_uint_eq(fake.arg_count, 3);
	ck_assert_int_eq(argument(&world, 1), 1); /* a short */
	ck_assert_int_eq(fake.args[2].type->kind, MT_TYPE_FLOAT);
	ck_assert_uint_eq(fake.args[2].type->size, 4);
	MT_CK_OK(mt_eval_text(&world, "measure(\"abc\")", &arena, &value));
	ck_assert_str_eq(fake.placed, "abc");
	ck_assert_int_eq(argument(&world, 0), (int64_t)(uintptr_t)fake.placed);
	CHECK_VALUES(world, cases);
}
END_TEST

static void check_types(const struct value_case *cases, size_t count)
{
	struct mt_world world = program_world();

	for (size_t i = 0; i < count; i++) {
		struct mt_arena arena MT_AUTO_ARENA = { 0 };
		struct mt_buf text MT_AUTO_BUF = { 0 };
		const struct mt_type *type;
		bool is_name;

		MT_CK_OK(mt_eval_type(&world, cases[i].text + 1, &arena, &type, &is_name));
		mt_type_format(type, &text);
		ck_assert_msg(!strcmp(text.data, cases[i].wanted), "%s is '%s', not '%s'",
		              cases[i].text, text.data, cases[i].wanted);
		ck_assert_msg(is_name == (*cases[i].text == 'T'), "%s", cases[i].text);
	}
}

START_TEST(types_by_name_and_of_expressions)
{
	/* T: a type's name, E: an expression. */
	static const struct value_case cases[] = {
		{ "Tunsigned long int", "unsigned long" },
		{ "Tstruct node", "struct node" },
		{ "Tstruct node *[4]", "struct node *[4]" },
		{ "Tint (*)[3]", "int (*)[3]" },
		{ "Tint (*(*)(char, ...))[3]", "int (*(*)(char, ...))[3]" },
		{ "Tconst char *", "const char *" },
		{ "Tchar *const", "char * const" },
		{ "Tvoid (*)(void)", "void (*)(void)" },
		{ "Tenum state", "enum state" },
		{ "Enumbers", "int [6]" },
		{ "Enumbers + 1", "int *" },
		{ "E*(char *)0", "char" },
		{ "Etable[1].next->next", "struct node *" },
		{ "E((struct node *)0)->weight * 2", "double" },
		{ "E1 / 0", "int" },
		{ "Eplus(1, 2, 3)", "int" },
		{ "Enumbers[0] = 9", "int" },
	};

	check_types(cases, sizeof(cases) / sizeof(*cases));
	ck_assert_int_eq(numbers[0], 1);
}
END_TEST

static void check_wrong(const struct mt_world *world, const struct error_case *c)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value;

	check_error(c, mt_eval_text(world, c->text, &arena, &value));
}

START_TEST(wrong_expressions)
{
	static const struct error_case cases[] = {
		{ "", 0, "is empty" },
		{ "1 +", 3, "a value is missing" },
		{ "1 2", 2, "operator is missing before 2" },
		{ "f(", 2, "ends where a value is missing" },
		{ "plus(1, 2", 4, "this ( is never closed" },
		{ "plus(1, )", 8, "a value is missing before )" },
		{ "plus(1)", 4, "takes 3 arguments, not 1" },
		{ "numbers()", 0, "it is no function" },
		{ "5 / 0", 2, "a division by zero" },
		{ "5 % (1 - 1)", 2, "a division by zero" },
		{ "1.5 % 2", 4, "integers, not fractions" },
		{ "~1.5", 0, "no bits" },
		{ "-table", 0, "with a pointer" },
		{ "table[0] + 1", 0, "is of type struct node" },
		{ "*ratio", 1, "no pointer" },
		{ "*anywhere", 1, "points to void" },
		{ "table[0].nosuch", 9, "no member nosuch" },
		{ "ratio.x", 0, "no members" },
		{ "numbers[ratio]", 8, "no integer" },
		{ "ratio[1]", 0, "no array and no pointer" },
		{ "numbers[3..1]", 11, "ends before it begins" },
		{ "numbers@0", 8, "a count from 1" },
		{ "3@2", 0, "in memory" },
		{ "\"abc\"[3..9]", -1, "the elements go from 0 to 3" },
		{ "&1", 0, "not in memory" },
		{ "&table[0].low", 0, "bit-field" },
		{ "3 = 4", 0, "no place to assign to" },
		{ "numbers = 3", -1, "same type" },
		{ "table[0] = numbers", -1, "same type" },
		{ "(struct nosuch)1", -1, "there is no type struct nosuch" },
		{ "(struct node)1", 13, "cannot become" },
		{ "(int *)1.5", 7, "no address" },
		{ "struct", -1, "no variable struct" },
		{ "$5", -1, "no value $5" },
		{ "$nosuch + 1", -1, "$nosuch is no register" },
		{ "nosuch", -1, "no variable nosuch" },
		{ "*(char *)1 + 1", -1, "cannot read" },
		{ "sizeof(struct", 6, "this ( is never closed" },
		{ "\"a\" L\"b\" u\"c\"", 9, "two widths" },
		{ "'\\400'", 2, "larger than a character" },
		{ "\"\\u12\"", 2, "digits belong" },
		{ "{int 5", 5, "operator is missing before 5" },
		{ "static_cast<int>5", 16, "a value is missing before 5" },
	};
	struct mt_world world = program_world();

	world.arg = &world;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_wrong(&world, &cases[i]);
}
END_TEST

START_TEST(who_only_looks_changes_nothing)
{
	static const struct error_case cases[] = {
		{ "numbers[0] = 5", 11, "did you mean ==?" },
		{ "numbers[0] += 5", 11, "would change" },
		{ "numbers[0]++", 10, "would change" },
		{ "plus(1, 2, 3)", 4, "cannot be called here" },
	};
	struct mt_world world = program_world();
	bool truth;

	world.may_write = false;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_wrong(&world, &cases[i]);
	MT_CK_OK(mt_eval_truth(&world, "numbers[0] == 1 && ratio > 0.1", &truth));
	ck_assert(truth);
	MT_CK_OK(mt_eval_truth(&world, "table[2].next && 0", &truth));
	ck_assert(!truth);
	MT_CK_FAILS(mt_eval_truth(&world, "table[0]", &truth), MT_ERR_SYNTAX, "is no number");
}
END_TEST

/* ---- Variables in registers and pieces */

static uint64_t written_registers[4];

static struct mt_error *write_in_frame(void *arg, unsigned reg, uint64_t bit_offset,
                                       const void *bytes, size_t size)
{
	memcpy((uint8_t *)&written_registers[reg] + bit_offset / 8, bytes, size);
	return NULL;
}

START_TEST(values_in_pieces)
{
	static const struct mt_regs regs = { .r = { 0x1111111122222222, 0, 0,
		                                    0x3333333344444444 } };
	struct mt_where_piece pieces[] = {
		{ .kind = MT_WHERE_REGISTER, .bits = 64, .reg = MT_REG_RAX },
		{ .kind = MT_WHERE_GONE, .bits = 32 },
		{ .kind = MT_WHERE_REGISTER, .bits = 32, .reg = MT_REG_RBX },
	};
	struct mt_where where = { .data = pieces, .len = 3, .cap = 3 };
	struct mt_world world = program_world();
	const struct mt_type *type = mt_type_array(world.image, mt_type_base("int"), 4);
	const struct mt_where_frame frame = { .image = world.image, .regs = &regs, .known = 0xf };
	struct mt_value whole = { .type = type, .home = MT_HOME_WHERE, .where = &where }, element;
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_number number;

	world.frame = &frame;
	world.scope.pc = frame.pc;
	world.frame_write = write_in_frame;
	MT_CK_OK(mt_value_element(&world, &whole, 1, &element));
	MT_CK_OK(mt_value_number(&world, &element, &number));
	ck_assert_uint_eq(number.bits, 0x11111111);
	MT_CK_OK(mt_value_element(&world, &whole, 3, &element));
	MT_CK_OK(mt_value_number(&world, &element, &number));
	ck_assert_uint_eq(number.bits, 0x44444444);
	MT_CK_OK(mt_value_element(&world, &whole, 2, &element));
	MT_CK_FAILS(mt_value_number(&world, &element, &number), MT_ERR_UNSUPPORTED,
	            "optimized out");
	MT_CK_FAILS(mt_value_element(&world, &whole, 4, &element), MT_ERR_SYNTAX, "from 0 to 3");

	number = (struct mt_number){ .size = 4, .bits = 0x55667788 };
	MT_CK_OK(mt_value_of_number(&arena, &number, mt_type_base("int"), &element));
	struct mt_value second, gone;
	MT_CK_OK(mt_value_element(&world, &whole, 1, &second));
	MT_CK_OK(mt_value_assign(&world, &second, &element));
	ck_assert_uint_eq(written_registers[MT_REG_RAX], 0x5566778800000000);
	MT_CK_OK(mt_value_element(&world, &whole, 2, &gone));
	MT_CK_FAILS(mt_value_assign(&world, &gone, &element), MT_ERR_UNSUPPORTED, "optimized out");

	MT_CK_OK(mt_value_fetch(&world, &arena, &whole));
	for (uint64_t i = 0; i < 16; i++)
		ck_assert_int_eq(mt_value_is_gone(&whole, i), i >= 8 && i < 12);
	MT_CK_OK(mt_value_element(&world, &whole, 2, &gone));
	ck_assert(mt_value_is_gone(&gone, 0) && mt_value_is_gone(&gone, 3));
	MT_CK_OK(mt_value_element(&world, &whole, 3, &gone));
	ck_assert(!mt_value_is_gone(&gone, 0));
}
END_TEST

/* Text that nests as deep as it is long ends in a sentence, and soon. */
START_TEST(hostile_text)
{
	static const char *const units[] = { "(",     "a(",   "(a(",      "sizeof(",
		                             "-",     "*",    "a[",       "(a[",
		                             "{int}", "a<",   "1?",       "1,",
		                             "x=",    "f(1,", "(int(*)(", "static_cast<int>(",
		                             "\"a\"" };
	struct mt_world world = program_world();

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		struct mt_buf text MT_AUTO_BUF = { 0 };

		while (text.len < 60000)
			mt_buf_text(&text, units[i]);
		ck_assert(mt_buf_ok(&text));
		mt_error_free(mt_eval_check(&world, text.data));
	}
}
END_TEST

MT_UNIT_MAIN("eval", constants_need_no_program, an_i386_is_narrower, variables_and_their_parts,
             changes, names_of_the_debugger, calls, types_by_name_and_of_expressions,
             wrong_expressions, who_only_looks_changes_nothing, values_in_pieces, hostile_text)
