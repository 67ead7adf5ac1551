/* SPDX-License-Identifier: MIT */
#include "record/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/vec.h"
#include "target/syscall.h"

struct mt_places {
	MT_VEC(struct mt_place_row *) rows;
	bool incomplete;
};

static void row_destroy(struct mt_place_row *row)
{
	if (!row)
		return;
	free(row->name);
	free(row);
}

MT_DEFINE_CLEANUP(row, struct mt_place_row, row_destroy)

struct mt_error *mt_places_create(struct mt_places **places)
{
	struct mt_places *made = mt_alloc(sizeof(*made));

	if (!made)
		return mt_error_nomem();
	*places = made;
	return NULL;
}

void mt_places_destroy(struct mt_places *places)
{
	if (!places)
		return;
	for (size_t i = 0; i < places->rows.len; i++)
		row_destroy(places->rows.data[i]);
	mt_vec_deinit(&places->rows);
	free(places);
}

/* ---- Values -------------------------------------------------------------- */

bool mt_value_as_number(const struct mt_type *type, const uint8_t *bytes, size_t len,
                        uint64_t *number)
{
	if (!mt_type_is_scalar(type) || type->kind == MT_TYPE_FLOAT || len == 0 || len > 8)
		return false;

	uint64_t value = 0;
	unsigned unused = 64 - 8 * (unsigned)len;

	memcpy(&value, bytes, len);
	if (type->is_signed)
		value = (uint64_t)((int64_t)(value << unused) >> unused);
	*number = value;
	return true;
}

static bool number_less(const struct mt_type *type, uint64_t a, uint64_t b)
{
	return type->is_signed ? (int64_t)a < (int64_t)b : a < b;
}

static void widen(struct mt_place_row *row, uint64_t min, uint64_t max)
{
	const struct mt_type *type = row->watch->type;

	if (!row->has_range || number_less(type, min, row->min))
		row->min = min;
	if (!row->has_range || number_less(type, row->max, max))
		row->max = max;
	row->has_range = true;
}

/* ---- Rows ---------------------------------------------------------------- */

/* What tells two places apart is what a person reads. */
static char *place_name(const struct mt_hit *hit)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	const struct mt_code *code = &hit->code->code;

	if (hit->kernel)
		mt_buf_printf(&text, "%s(2) in ",
		              mt_syscall_name(hit->syscall.machine, hit->syscall.number));
	if (code->function)
		mt_buf_text(&text, code->function);
	else
		mt_buf_hex(&text, code->pc);
	if (code->file)
		mt_buf_printf(&text, "  %s:%u", mt_path_tail(code->file), code->line);
	else if (code->function)
		mt_buf_printf(&text, "+0x%lx", (unsigned long)code->offset);
	if (!code->file && code->module)
		mt_buf_printf(&text, "  [%s]", code->module);
	return mt_buf_take(&text);
}

static struct mt_place_row *find_row(struct mt_places *places, const struct mt_hit *hit,
                                     const char *name)
{
	for (size_t i = 0; i < places->rows.len; i++) {
		struct mt_place_row *row = places->rows.data[i];

		if (row->watch->index == hit->watch->index && !strcmp(row->name, name))
			return row;
	}
	return NULL;
}

static struct mt_place_row *make_row(struct mt_places *places, const struct mt_hit *hit, char *name)
{
	struct mt_place_row *row MT_CLEANUP(row_cleanup) = mt_alloc(sizeof(*row));

	if (!row) {
		free(name);
		return NULL;
	}
	row->name = name;
	row->watch = hit->watch;
	row->code = hit->code;
	row->kernel = hit->kernel;
	row->syscall = hit->syscall.number;
	row->syscall_machine = hit->syscall.machine;
	row->first_ns = hit->time_ns;
	if (!mt_vec_push(&places->rows, row))
		return NULL;
	return MT_TAKE(row);
}

/* The hit's row. User code remembers its row; the kernel's accesses are looked up by name. */
static struct mt_place_row *row_of(struct mt_places *places, const struct mt_hit *hit)
{
	struct mt_place_row *row = hit->kernel ? NULL : hit->code->place;

	if (row && row->watch->index == hit->watch->index)
		return row;

	char *name = place_name(hit);

	if (!name)
		return NULL;
	row = find_row(places, hit, name);
	if (row)
		free(name);
	else
		row = make_row(places, hit, name);
	if (!hit->kernel)
		hit->code->place = row;
	return row;
}

void mt_places_add(struct mt_places *places, const struct mt_hit *hit)
{
	struct mt_place_count count = {
		.hits = 1,
		.first_ns = hit->time_ns,
		.last_ns = hit->time_ns,
	};

	if (hit->new_known && hit->watch->type &&
	    mt_value_as_number(hit->watch->type, hit->new_value, hit->watch->len, &count.min)) {
		count.max = count.min;
	}
	mt_places_add_count(places, hit, &count);
}

void mt_places_add_count(struct mt_places *places, const struct mt_hit *sample,
                         const struct mt_place_count *count)
{
	struct mt_place_row *row = row_of(places, sample);
	uint64_t number;

	if (!row) {
		places->incomplete = true;
		return;
	}
	row->hits += count->hits;
	if (count->first_ns < row->first_ns)
		row->first_ns = count->first_ns;
	if (count->last_ns > row->last_ns)
		row->last_ns = count->last_ns;
	if (sample->new_known && sample->watch->type &&
	    mt_value_as_number(sample->watch->type, sample->new_value, sample->watch->len, &number))
		widen(row, count->min, count->max);
}

bool mt_places_complete(const struct mt_places *places)
{
	return !places->incomplete;
}

static int by_hits(const void *a, const void *b)
{
	const struct mt_place_row *x = *(struct mt_place_row *const *)a;
	const struct mt_place_row *y = *(struct mt_place_row *const *)b;

	if (x->hits != y->hits)
		return x->hits < y->hits ? 1 : -1;
	return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

size_t mt_places_sorted(struct mt_places *places, const struct mt_place_row *const **rows)
{
	if (places->rows.len)
		qsort(places->rows.data, places->rows.len, sizeof(*places->rows.data), by_hits);
	*rows = (const struct mt_place_row *const *)places->rows.data;
	return places->rows.len;
}
