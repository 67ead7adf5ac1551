/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary text as a value: evaluated over the fuzzer's own variables, with registers and memory
 * that hold anything, and over types that no compiler makes. Nothing is written or called for real.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/own_memory.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "expr/value.h"
#include "fuzz.h"

enum state { IDLE, RUNNING };

struct node {
	int fd;
	unsigned low : 3, high : 11;
	struct node *next;
	enum state state;
	long double wide;
	char name[10];
} __attribute__((packed));

__attribute__((used)) struct node table[8];
__attribute__((used)) struct node *head = &table[2];
__attribute__((used)) struct node *nowhere;
__attribute__((used)) int which = 3;
__attribute__((used)) float ratio = 0.5F;
__attribute__((used)) void *anything = &ratio;
__attribute__((used)) char (*rows)[10] = &table[1].name;

/* Layouts that no compiler makes, as damaged DWARF may have them. */
static struct mt_type odd;
static const struct mt_type bytes = { .kind = MT_TYPE_BYTES, .size = 7 };
static const struct mt_type array = {
	.kind = MT_TYPE_ARRAY, .size = 28, .target = &bytes, .count = 400, .lower = -3, .stride = 9
};
static const struct mt_type wide = { .kind = MT_TYPE_INT, .size = 200, .is_signed = true };
static const struct mt_type number = { .kind = MT_TYPE_INT, .size = 4 };
static const struct mt_type pointer = { .kind = MT_TYPE_POINTER, .size = 8, .target = &odd };
static const struct mt_type shapeless = { .kind = MT_TYPE_POINTER, .size = 3 };
static const struct mt_member members[] = {
	{ .name = "a", .type = &number, .offset = 29 },
	{ .name = "b", .type = &number, .offset = 30, .bit_offset = 9, .bit_size = 31 },
	{ .name = "c", .type = &array, .offset = 4 },
	{ .name = "d", .type = &array, .offset = UINT64_MAX - 3 },
	{ .name = "e", .type = &number, .bit_offset = 255, .bit_size = 255 },
	{ .name = "f", .type = &wide, .offset = 1 },
	{ .name = "g", .type = &pointer, .offset = 8 },
	{ .name = "h", .type = &shapeless },
	{ .name = NULL, .type = &odd, .is_base = true },
};
static struct mt_type odd = { .kind = MT_TYPE_STRUCT,
	                      .name = "struct odd",
	                      .size = 32,
	                      .members = members,
	                      .member_count = 9 };

static struct mt_error *swallow(void *arg, uint64_t addr, const void *from, size_t len)
{
	return addr % 4096 ? NULL : mt_error_new(MT_ERR_UNREADABLE, "not here");
}

static struct mt_error *read_register(void *arg, const char *name, void *out, size_t size)
{
	memset(out, 0xa5, size);
	return NULL;
}

static struct mt_error *write_register(void *arg, const char *name, const void *value, size_t size)
{
	return NULL;
}

/* $odd is of the odd type in memory, $kept a value of it that lies nowhere. */
static bool find_own(void *arg, const char *name, struct mt_value *value)
{
	static const uint8_t kept[64] = { 1, 2, 3 };

	*value = (struct mt_value){ .type = &odd, .home = MT_HOME_MEMORY };
	if (!strcmp(name, "odd"))
		value->addr = (uint64_t)(uintptr_t)table;
	else if (!strcmp(name, "kept"))
		*value = (struct mt_value){ .type = &odd, .home = MT_HOME_OWN, .bytes = kept };
	else
		return false;
	return true;
}

static struct mt_error *set_own(void *arg, const char *name, const struct mt_value *value)
{
	return NULL;
}

static struct mt_error *call(void *arg, struct mt_arena *arena, uint64_t addr,
                             const struct mt_type *type, const struct mt_value *args, size_t count,
                             struct mt_value *result)
{
	uint8_t *made = mt_arena_alloc(arena, 65536);

	if (!made || type->target->size > 65536)
		return mt_error_nomem();
	*result = (struct mt_value){ .type = type->target, .bytes = made };
	return NULL;
}

static struct mt_error *place(void *arg, const void *from, size_t size, uint64_t *addr)
{
	*addr = (uint64_t)(uintptr_t)table;
	return NULL;
}

static void check(const char *text, struct mt_error *error)
{
	if (error && mt_error_offset(error) > (long)strlen(text))
		abort();
	mt_error_free(error);
}

static void evaluate(const struct mt_world *world, const char *text)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	const struct mt_type *type;
	struct mt_number as_number;
	struct mt_value value;
	struct mt_error *error;
	bool truth;

	error = mt_eval_text(world, text, &arena, &value);
	if (!error) {
		mt_error_free(mt_value_number(world, &value, &as_number));
		mt_error_free(mt_value_fetch(world, &arena, &value));
	}
	check(text, error);
	check(text, mt_eval_type(world, text, &arena, &type, &truth));
	if (!world->image)
		check(text, mt_eval_truth(world, text, &truth));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mt_image *image;
	static struct mt_kept *kept;
	static uint64_t moment;
	char *text MT_AUTO_FREE = mt_strndup((const char *)data, size);
	struct mt_world world = { .read = read_own,
		                  .write = swallow,
		                  .reg_read = read_register,
		                  .reg_write = write_register,
		                  .own_find = find_own,
		                  .own_set = set_own,
		                  .call = call,
		                  .place = place,
		                  .may_write = true };

	if (!text)
		return 0;
	if (!kept)
		mt_error_free(mt_kept_create(&kept));
	world.kept = kept;
	evaluate(&world, text);
	if (!image) {
		struct mt_error *error = mt_image_create(getpid(), &image);

		if (error)
			abort();
	}
	world.image = image;
	world.moment = ++moment;
	evaluate(&world, text);
	evaluate(&world, text);
	return 0;
}
