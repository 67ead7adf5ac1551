/* SPDX-License-Identifier: MIT */
/*
 * Watches of more bytes than a hit can show: each hit has a slice of them. All of what each
 * process, thread or call has is kept as it was last known.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "probe/ring.h"
#include "probe/traced.h"
#include "target/process.h"

/* ---- As they were last known ---------------------------------------------- */

bool mt_traced_is_wide(const struct mt_armed *armed)
{
	return armed->spec.len > MT_DR_MAX_RANGE;
}

static struct mt_traced_shadow *find(struct mt_armed *armed, const struct mt_traced_place *place)
{
	pid_t tid = armed->spec.instances ? place->tid : 0;

	for (size_t i = 0; i < armed->shadows.len; i++) {
		struct mt_traced_shadow *shadow = &armed->shadows.data[i];

		if (shadow->place.pid == place->pid && shadow->place.tid == tid &&
		    shadow->place.addr == place->addr)
			return shadow;
	}
	return NULL;
}

bool mt_traced_shadow_add(struct mt_armed *armed, const struct mt_traced_place *place,
                          const uint8_t *bytes)
{
	struct mt_traced_shadow made = { .place = *place };

	if (find(armed, place))
		return true;
	if (!armed->spec.instances)
		made.place.tid = 0;
	made.bytes = mt_alloc(armed->spec.len);
	if (!made.bytes || !mt_vec_push(&armed->shadows, made)) {
		free(made.bytes);
		return false;
	}
	memcpy(made.bytes, bytes, armed->spec.len);
	return true;
}

void mt_traced_shadow_remove(struct mt_armed *armed, const struct mt_traced_place *place)
{
	struct mt_traced_shadow *shadow = find(armed, place);

	if (!shadow)
		return;
	free(shadow->bytes);
	mt_vec_swap_remove(&armed->shadows, (size_t)(shadow - armed->shadows.data));
}

void mt_traced_shadows_deinit(struct mt_armed *armed)
{
	for (size_t i = 0; i < armed->shadows.len; i++)
		free(armed->shadows.data[i].bytes);
	mt_vec_deinit(&armed->shadows);
}

void mt_traced_exchange_slice(struct mt_armed *armed, struct mt_record *record)
{
	const struct mt_traced_place place = { (pid_t)record->memory, (pid_t)record->tid,
		                               record->whole };
	const struct mt_traced_shadow *shadow = find(armed, &place);
	uint8_t *known;

	if (!shadow) {
		record->flags |= MT_RECORD_OLD_UNKNOWN;
		return;
	}
	known = shadow->bytes + (record->addr - record->whole);
	memcpy(record->old_value, known, record->len);
	memcpy(known, record->new_value, record->len);
}

/* ---- Which one ------------------------------------------------------------- */

void mt_traced_choose_slice(const struct mt_armed *armed, uint64_t at, uint64_t len,
                            struct mt_record *record)
{
	uint64_t element = armed->spec.element, end = record->whole + armed->spec.len;

	if (element && element <= MT_DR_MAX_RANGE) {
		at -= (at - record->whole) % element;
		len = element;
	}
	record->addr = at;
	record->len = len > MT_DR_MAX_RANGE ? MT_DR_MAX_RANGE : len;
	if (record->len > end - at)
		record->len = end - at;
}

/* Without a condition one call is one hit: of the rest it is known now. With one each is asked for
 * by itself. */
static void pass_over_rest(const struct mt_armed *armed, const struct mt_record *record,
                           uint8_t *known, const uint8_t *now)
{
	size_t next = record->addr + record->len - record->whole;

	if (!armed->spec.condition)
		memcpy(known + next, now + next, armed->spec.len - next);
}

bool mt_traced_differs(struct mt_armed *armed, struct mt_record *record)
{
	const struct mt_traced_place place = { (pid_t)record->memory, (pid_t)record->tid,
		                               record->whole };
	const struct mt_traced_shadow *shadow = find(armed, &place);
	uint8_t *now MT_AUTO_FREE = mt_alloc(armed->spec.len);
	size_t len = armed->spec.len, at = 0;

	if (!now || !shadow ||
	    mt_process_read_some((pid_t)record->pid, record->whole, now, len) != len)
		return false;
	while (at < len && now[at] == shadow->bytes[at])
		at++;
	if (at == len)
		return false;
	mt_traced_choose_slice(armed, record->whole + at, len - at, record);
	memset(record->new_value, 0, sizeof(record->new_value));
	memcpy(record->new_value, now + (record->addr - record->whole), record->len);
	pass_over_rest(armed, record, shadow->bytes, now);
	return true;
}
