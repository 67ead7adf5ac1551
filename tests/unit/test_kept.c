/* SPDX-License-Identifier: MIT */
/* Trees that are kept, and what names came to: never anything but what it would be anew. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "expr/value.h"
#include "own_memory.h"
#include "unit.h"

__attribute__((used)) int numbers[6] = { 1, 2, 3, 4, 5, 6 };

static struct mt_arena set_arena;
static struct mt_value set_value; /* $kept */

static bool find_own(void *arg, const char *name, struct mt_value *value)
{
	if (strcmp(name, "kept") != 0 || !set_value.type)
		return false;
	*value = set_value;
	value->home = MT_HOME_OWN;
	return true;
}

static struct mt_error *set_own(void *arg, const char *name, const struct mt_value *value)
{
	set_value = *value;
	return mt_value_fetch(arg, &set_arena, &set_value);
}

static struct mt_world program_world(void)
{
	static struct mt_image *image;

	if (!image)
		MT_CK_OK(mt_image_create(getpid(), &image));
	return (struct mt_world){ .image = image,
		                  .read = read_own,
		                  .own_find = find_own,
		                  .own_set = set_own,
		                  .may_write = true };
}

static int64_t integer(const struct mt_world *world, const char *text)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value;
	struct mt_number number;

	MT_CK_OK(mt_eval_text(world, text, &arena, &value));
	MT_CK_OK(mt_value_number(world, &value, &number));
	return (int64_t)number.bits;
}

START_TEST(values_are_read_anew)
{
	struct mt_world world = program_world();

	MT_CK_OK(mt_kept_create(&world.kept));
	world.arg = &world;
	for (int i = 0; i < 300; i++) {
		world.moment = (uint64_t)i / 100; /* none at first */
		numbers[0] = 10 + i;
		ck_assert_int_eq(integer(&world, "numbers[0] * 2"), 20 + 2 * i);
		ck_assert_int_eq(integer(&world, "$kept = numbers[0], $kept + 1"), 11 + i);
		ck_assert_int_eq(integer(&world, "sizeof(numbers)"), 24);
		ck_assert_int_eq(integer(&world, "*(&numbers[0])"), 10 + i);
	}
	mt_kept_destroy(world.kept);
}
END_TEST

START_TEST(values_outlive_their_trees)
{
	struct mt_world world = program_world();
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value text, own, reg;

	MT_CK_OK(mt_kept_create(&world.kept));
	world.arg = &world;
	MT_CK_OK(mt_eval_text(&world, "$kept = 1, \"abc\"", &arena, &text));
	MT_CK_OK(mt_eval_text(&world, "$kept", &arena, &own));
	MT_CK_OK(mt_eval_text(&world, "$rax", &arena, &reg));
	mt_kept_destroy(world.kept);
	ck_assert_str_eq((const char *)text.bytes, "abc");
	ck_assert_str_eq(own.name, "kept");
	ck_assert_str_eq(reg.name, "rax");
}
END_TEST

/* ---- An evaluation within one ---------------------------------------------- */

static int depth;

static struct mt_error *call(void *arg, struct mt_arena *arena, uint64_t addr,
                             const struct mt_type *type, const struct mt_value *args, size_t count,
                             struct mt_value *result)
{
	const struct mt_number five = { .size = 4, .is_signed = true, .bits = 5 };

	if (depth++ < 3)
		for (int i = 0; i < 500; i++) {
			char text[60];

			/* Its own text, and others that want its place. */
			snprintf(text, sizeof(text), i % 100 ? "%d" : "ask_back() + 1", i);
			integer(arg, text);
		}
	depth--;
	return mt_value_of_number(arena, &five, mt_type_base("int"), result);
}

static __attribute__((noinline, used)) int ask_back(void)
{
	return numbers[5];
}

START_TEST(a_tree_in_use_stays)
{
	struct mt_world world = program_world();

	MT_CK_OK(mt_kept_create(&world.kept));
	world.arg = &world;
	world.call = call;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(integer(&world, "ask_back() + 1"), 6);
	ck_assert_int_eq(ask_back(), 6);
	mt_kept_destroy(world.kept);
}
END_TEST

/* ---- What names mean -------------------------------------------------------- */

START_TEST(a_name_may_become_another_place)
{
	struct mt_world world = program_world();

	MT_CK_OK(mt_kept_create(&world.kept));
	world.moment = 1;
	ck_assert_int_eq(integer(&world, "numbers[1]"), 2);
	/* No image: the name is nobody's at that moment. */
	world.image = NULL;
	world.moment = 2;

	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value;
	MT_CK_FAILS(mt_eval_text(&world, "numbers[1]", &arena, &value), MT_ERR_NOT_FOUND,
	            "there is no program");
	mt_kept_destroy(world.kept);
}
END_TEST

MT_UNIT_MAIN("kept", values_are_read_anew, values_outlive_their_trees, a_tree_in_use_stays,
             a_name_may_become_another_place)
