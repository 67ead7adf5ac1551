/* SPDX-License-Identifier: MIT */
/* What memtrap tells the library in an environment variable: what is written is read again, and
 * what anybody else writes is refused with a sentence. */
#include <string.h>

#include "base/alloc.h"
#include "self/order.h"
#include "unit.h"

static void add_trap(struct mt_order *order, enum memtrap_kind kind, uint64_t offset, uint64_t len,
                     const char *build_id, const char *module, const char *name)
{
	struct mt_order_trap trap = {
		.kind = kind,
		.offset = offset,
		.len = len,
		.build_id = mt_strdup(build_id),
		.module = mt_strdup(module),
		.name = mt_strdup(name),
	};

	ck_assert(mt_vec_push(&order->traps, trap));
}

static void same_trap(const struct mt_order_trap *a, const struct mt_order_trap *b)
{
	ck_assert_int_eq(a->kind, b->kind);
	ck_assert_uint_eq(a->offset, b->offset);
	ck_assert_uint_eq(a->len, b->len);
	ck_assert_str_eq(a->build_id, b->build_id);
	ck_assert_str_eq(a->module, b->module);
	ck_assert_str_eq(a->name, b->name);
}

START_TEST(what_is_written_is_read)
{
	struct mt_order order = { .follow = true,
		                  .library = mt_strdup("/tmp/my %hits%/\xc3\xa9.so") };
	struct mt_order read = { 0 };
	struct mt_buf text MT_AUTO_BUF = { 0 };

	order.handler = mt_strdup("on_hit");
	add_trap(&order, MEMTRAP_EXEC, 0x1136, 1, "", "/usr/bin/a b", "main");
	add_trap(&order, MEMTRAP_CHANGE, UINT64_MAX, 32, "00ff", "/\n\x01\xff", "table[3].refs");
	add_trap(&order, MEMTRAP_READ, 0, 1, "12", "%", "a b\tc");
	mt_order_format(&order, &text);
	MT_CK_OK(mt_order_parse(text.data, &read));
	ck_assert(read.follow && !read.quiet);
	ck_assert_str_eq(read.library, order.library);
	ck_assert_str_eq(read.handler, "on_hit");
	ck_assert_uint_eq(read.traps.len, order.traps.len);
	for (size_t i = 0; i < order.traps.len; i++)
		same_trap(&read.traps.data[i], &order.traps.data[i]);
	mt_order_deinit(&order);
	mt_order_deinit(&read);
}
END_TEST

#define HEAD "memtrap1 0 0 /h.so on_hit "

static const struct {
	const char *text, *said;
} hostile[] = {
	{ "", "memtrap1 is expected at byte 0" },
	{ "memtrap2 0 0 /h.so f write 0 4 % /a x", "memtrap1" },
	{ "memtrap1 2 0 /h.so f write 0 4 % /a x", "0 or 1 is expected at byte 9" },
	{ "memtrap1 0  /h.so f write 0 4 % /a x", "0 or 1" },
	{ "memtrap1 0 0 ", "the handler's library" },
	{ "memtrap1 0 0 /h.so", "the handler is expected at byte 18" },
	{ HEAD, "a kind of access" },
	{ HEAD "wrote 0 4 % /a x", "a kind of access" },
	{ HEAD "write", "an offset" },
	{ HEAD "write 0x 4 % /a x", "an offset" },
	{ HEAD "write -1 4 % /a x", "an offset" },
	{ HEAD "write 1f 4 % /a x", "an offset" },
	{ HEAD "write 0x10000000000000000 4 % /a x", "an offset" },
	{ HEAD "write 99999999999999999999 4 % /a x", "an offset" },
	{ HEAD "write 0 0 % /a x", "a length from 1 to 32" },
	{ HEAD "write 0 33 % /a x", "a length from 1 to 32" },
	{ HEAD "write 0 4  /a x", "a build-id" },
	{ HEAD "write 0 4 % /a", "an expression" },
	{ HEAD "write 0 4 % /a%2 x", "%XX" },
	{ HEAD "write 0 4 % /a%", "%XX" },
	{ HEAD "write 0 4 % /a%00 x", "%XX" },
	{ HEAD "write 0 4 % /a%G0 x", "%XX" },
	{ HEAD "write 0 4 % /a x ", NULL },
	{ HEAD "write 0 4 % /a x  ", "a kind of access" },
	{ HEAD "write 0 4 % /a x write", "an offset" },
};

START_TEST(text_from_anybody_is_refused)
{
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct mt_order order = { 0 };

		if (hostile[i].said)
			MT_CK_FAILS(mt_order_parse(hostile[i].text, &order), MT_ERR_SYNTAX,
			            hostile[i].said);
		else
			MT_CK_OK(mt_order_parse(hostile[i].text, &order));
		mt_order_deinit(&order);
	}
}
END_TEST

START_TEST(there_is_a_limit_to_traps)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_order order = { 0 };

	mt_buf_text(&text, "memtrap1 0 0 /h.so f");
	for (int i = 0; i < MT_ORDER_TRAPS_MAX; i++)
		mt_buf_text(&text, " write 0 4 % /a x");
	MT_CK_OK(mt_order_parse(text.data, &order));
	mt_order_deinit(&order);
	mt_buf_text(&text, " write 0 4 % /a x");
	MT_CK_FAILS(mt_order_parse(text.data, &order), MT_ERR_SYNTAX, "the end");
	mt_order_deinit(&order);
}
END_TEST

START_TEST(without_memory_it_is_an_error)
{
	for (long i = 0; i < 6; i++) {
		struct mt_order order = { 0 };
		struct mt_error *error;

		mt_alloc_fail_after(i);
		error = mt_order_parse(HEAD "write 0 4 % /a x", &order);
		mt_alloc_fail_after(-1);
		ck_assert_ptr_nonnull(error);
		ck_assert_int_eq(mt_error_kind(error), MT_ERR_NOMEM);
		mt_error_free(error);
		mt_order_deinit(&order);
	}
}
END_TEST

MT_UNIT_MAIN("self", what_is_written_is_read, text_from_anybody_is_refused,
             there_is_a_limit_to_traps, without_memory_it_is_an_error)
