/* SPDX-License-Identifier: MIT */
#include "watch/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

size_t mt_record_size(const struct mt_record *record)
{
	size_t tail = record->flags & MT_RECORD_STACK_COPY ? record->stack_len
	                                                   : record->frame_count * sizeof(uint64_t);

	return sizeof(*record) + record->capture_len + tail;
}

struct mt_record *mt_record_copy(const struct mt_record *record)
{
	size_t size = mt_record_size(record);
	struct mt_record *copy = mt_alloc(size);

	if (copy)
		memcpy(copy, record, size);
	return copy;
}

void mt_fold_deinit(struct mt_fold *fold)
{
	for (size_t i = 0; i < fold->copies.len; i++)
		free(fold->copies.data[i].record);
	mt_vec_deinit(&fold->copies);
}

/*
 * The next piece of the same copy: the same system call (its registers don't change while it runs),
 * further on. A second call with the same arguments begins where the first one did, so it does not
 * move on.
 */
static bool continues(const struct mt_record *before, const struct mt_record *next)
{
	bool same_call = before->tid == next->tid && before->syscall == next->syscall &&
	                 !memcmp(&before->regs, &next->regs, sizeof(next->regs));
	bool moved_on =
	    next->kernel_di > before->kernel_di || next->kernel_cx < before->kernel_cx ||
	    (next->kernel_ip > before->kernel_ip && next->kernel_sp == before->kernel_sp);
	bool moved_back = next->kernel_di < before->kernel_di;

	return same_call && moved_on && !moved_back;
}

/* The access reaches to the newer value, in the newest place of the copy. */
static void merge(struct mt_held *copy, const struct mt_record *next, uint64_t time)
{
	struct mt_record *record = copy->record;

	memcpy(record->new_value, next->new_value, sizeof(record->new_value));
	memcpy(record + 1, next + 1, next->capture_len); /* of the same watch, so as many */
	record->turn = next->turn;
	record->kernel_ip = next->kernel_ip;
	record->kernel_di = next->kernel_di;
	record->kernel_cx = next->kernel_cx;
	record->flags |= next->flags & MT_RECORD_UNREADABLE;
	copy->pieces++;
	copy->when = time;
}

static struct mt_held *find_thread(struct mt_fold *fold, uint32_t tid)
{
	for (size_t i = 0; i < fold->copies.len; i++)
		if (fold->copies.data[i].record->tid == tid)
			return &fold->copies.data[i];
	return NULL;
}

bool mt_fold_add(struct mt_fold *fold, const struct mt_record *record, uint64_t time,
                 struct mt_held *done, bool *lost)
{
	struct mt_held *copy = find_thread(fold, record->tid);

	if (copy && continues(copy->record, record)) {
		merge(copy, record, time);
		return false;
	}

	struct mt_held fresh = { .record = mt_record_copy(record), .pieces = 1, .when = time };

	if (!fresh.record) {
		*lost = true;
		return false;
	}
	if (copy) {
		*done = *copy;
		*copy = fresh;
		return true;
	}
	if (!mt_vec_push(&fold->copies, fresh)) {
		free(fresh.record);
		*lost = true;
	}
	return false;
}

bool mt_fold_take_of(struct mt_fold *fold, pid_t tid, struct mt_held *done)
{
	struct mt_held *copy = find_thread(fold, (uint32_t)tid);

	if (!copy)
		return false;
	*done = *copy;
	mt_vec_remove(&fold->copies, (size_t)(copy - fold->copies.data));
	return true;
}

bool mt_fold_take(struct mt_fold *fold, uint64_t time, struct mt_held *done)
{
	for (size_t i = 0; i < fold->copies.len; i++) {
		if (fold->copies.data[i].when >= time)
			continue;
		*done = fold->copies.data[i];
		mt_vec_remove(&fold->copies, i);
		return true;
	}
	return false;
}
