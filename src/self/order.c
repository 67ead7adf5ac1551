/* SPDX-License-Identifier: MIT */
#include "self/order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define FORMAT "memtrap1"

static const char *const kind_words[] = {
	[MEMTRAP_EXEC] = "exec",     [MEMTRAP_WRITE] = "write",   [MEMTRAP_READ] = "read",
	[MEMTRAP_ACCESS] = "access", [MEMTRAP_CHANGE] = "change",
};

#define KIND_COUNT (sizeof(kind_words) / sizeof(*kind_words))

static void trap_deinit(struct mt_order_trap *trap)
{
	free(trap->build_id);
	free(trap->module);
	free(trap->name);
}

void mt_order_deinit(struct mt_order *order)
{
	for (size_t i = 0; i < order->traps.len; i++)
		trap_deinit(&order->traps.data[i]);
	mt_vec_deinit(&order->traps);
	free(order->library);
	free(order->handler);
	*order = (struct mt_order){ 0 };
}

/* ---- Writing ------------------------------------------------------------- */

static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '%';
}

static void put_word(struct mt_buf *text, const char *word)
{
	mt_buf_char(text, ' ');
	if (!*word)
		mt_buf_char(text, '%');
	for (; *word; word++) {
		if (is_plain((unsigned char)*word))
			mt_buf_char(text, *word);
		else
			mt_buf_printf(text, "%%%02x", (unsigned char)*word);
	}
}

void mt_order_format(const struct mt_order *order, struct mt_buf *text)
{
	mt_buf_printf(text, FORMAT " %d %d", order->follow, order->quiet);
	put_word(text, order->library);
	put_word(text, order->handler);
	for (size_t i = 0; i < order->traps.len; i++) {
		const struct mt_order_trap *trap = &order->traps.data[i];

		mt_buf_printf(text, " %s 0x%" PRIx64 " %" PRIu64, kind_words[trap->kind],
		              trap->offset, trap->len);
		put_word(text, trap->build_id);
		put_word(text, trap->module);
		put_word(text, trap->name);
	}
}

/* ---- Reading ------------------------------------------------------------- */

struct reader {
	const char *start, *at;
};

static struct mt_error *wrong(const struct reader *reader, const char *wanted)
{
	return mt_error_at((long)(reader->at - reader->start), "%s is expected at byte %td", wanted,
	                   reader->at - reader->start);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The byte that "%XX" stands for, or -1: a NUL ends a word, and is in none. */
static int escaped(const char *at)
{
	int high = digit(at[1]), low = high < 0 ? -1 : digit(at[2]);

	return low < 0 || !(high | low) ? -1 : high << 4 | low;
}

/* The next word, and the space behind it. */
static struct mt_error *take_word(struct reader *reader, const char *wanted, char **word)
{
	size_t len = strcspn(reader->at, " ");
	char *made = len ? mt_alloc(len + 1) : NULL, *to = made;

	if (!len)
		return wrong(reader, wanted);
	if (!made)
		return mt_error_nomem();
	*word = made;
	if (len == 1 && *reader->at == '%')
		reader->at++, len--;
	for (const char *end = reader->at + len; reader->at < end; to++) {
		int c = *reader->at == '%' ? escaped(reader->at) : (unsigned char)*reader->at;

		if (c < 0)
			return wrong(reader, "%XX");
		reader->at += *reader->at == '%' ? 3 : 1;
		*to = (char)c;
	}
	reader->at += *reader->at == ' ';
	return NULL;
}

static struct mt_error *take_number(struct reader *reader, const char *wanted, uint64_t max,
                                    uint64_t *number)
{
	size_t len = strcspn(reader->at, " ");
	bool hex = !strncmp(reader->at, "0x", 2);
	uint64_t value = 0, base = hex ? 16 : 10;

	if (len == (hex ? 2u : 0u))
		return wrong(reader, wanted);
	for (size_t i = hex ? 2 : 0; i < len; i++) {
		int next = digit(reader->at[i]);

		if (next < 0 || (uint64_t)next >= base ||
		    __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)next, &value) || value > max)
			return wrong(reader, wanted);
	}
	reader->at += len;
	reader->at += *reader->at == ' ';
	*number = value;
	return NULL;
}

static struct mt_error *take_flag(struct reader *reader, bool *flag)
{
	uint64_t number;

	MT_TRY(take_number(reader, "0 or 1", 1, &number));
	*flag = number != 0;
	return NULL;
}

static struct mt_error *take_kind(struct reader *reader, enum memtrap_kind *kind)
{
	size_t len = strcspn(reader->at, " ");

	for (size_t i = MEMTRAP_EXEC; i < KIND_COUNT; i++) {
		if (strlen(kind_words[i]) != len || memcmp(reader->at, kind_words[i], len) != 0)
			continue;
		*kind = (enum memtrap_kind)i;
		reader->at += len;
		reader->at += *reader->at == ' ';
		return NULL;
	}
	return wrong(reader, "a kind of access");
}

static struct mt_error *take_trap(struct reader *reader, struct mt_order_trap *trap)
{
	MT_TRY(take_kind(reader, &trap->kind));
	MT_TRY(take_number(reader, "an offset", UINT64_MAX, &trap->offset));
	MT_TRY(take_number(reader, "a length from 1 to 32", MEMTRAP_MAX_LEN, &trap->len));
	if (!trap->len)
		return wrong(reader, "a length from 1 to 32");
	MT_TRY(take_word(reader, "a build-id", &trap->build_id));
	MT_TRY(take_word(reader, "a module", &trap->module));
	return take_word(reader, "an expression", &trap->name);
}

static struct mt_error *take_traps(struct reader *reader, struct mt_order *order)
{
	do {
		if (order->traps.len == MT_ORDER_TRAPS_MAX)
			return wrong(reader, "the end");
		if (!mt_vec_push(&order->traps, (struct mt_order_trap){ 0 }))
			return mt_error_nomem();
		MT_TRY(take_trap(reader, &order->traps.data[order->traps.len - 1]));
	} while (*reader->at);
	return NULL;
}

struct mt_error *mt_order_parse(const char *text, struct mt_order *order)
{
	struct reader reader = { .start = text, .at = text };

	if (strncmp(text, FORMAT " ", strlen(FORMAT " ")) != 0)
		return wrong(&reader, FORMAT);
	reader.at += strlen(FORMAT " ");
	MT_TRY(take_flag(&reader, &order->follow));
	MT_TRY(take_flag(&reader, &order->quiet));
	MT_TRY(take_word(&reader, "the handler's library", &order->library));
	MT_TRY(take_word(&reader, "the handler", &order->handler));
	return take_traps(&reader, order);
}
