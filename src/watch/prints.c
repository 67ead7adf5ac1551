/* SPDX-License-Identifier: MIT */
/* What is shown with each hit (--print): compiled for a watch, and found in its records. */
#include <string.h>

#include "base/cleanup.h"
#include "target/process.h"
#include "watch/session_private.h"

/* At a place in the code it sees what is in scope there. */
struct mt_cond_scope mt_watch_scope(struct mt_watch *watch)
{
	return (struct mt_cond_scope){
		.machine = mt_image_machine(watch->target->image),
		.watched = watch->view.type,
		.image = watch->target->image,
		.pc = watch->view.kind == MT_DR_EXEC ? watch->view.addr : 0,
		.frame_memory = &watch->frame_memory,
	};
}

static struct mt_error *compile(struct mt_watch *watch, const char *text)
{
	const struct mt_cond_scope scope = mt_watch_scope(watch);
	struct mt_capture *capture;

	MT_TRY(mt_error_context(mt_capture_compile(&scope, text, &capture), "--print %s", text));
	if (mt_vec_push(&watch->captures, capture))
		return NULL;
	mt_capture_destroy(capture);
	return mt_error_nomem();
}

static size_t room(const struct mt_watch *watch)
{
	return mt_watch_capture_room((const struct mt_capture *const *)watch->captures.data,
	                             watch->captures.len);
}

void mt_prints_forget(struct mt_watch *watch)
{
	while (watch->captures.len)
		mt_capture_destroy(watch->captures.data[--watch->captures.len]);
}

static struct mt_error *compile_all(const struct mt_session *session, struct mt_watch *watch)
{
	const struct mt_watch_config *config = session->config;

	for (size_t i = 0; i < config->print_count; i++)
		MT_TRY(compile(watch, config->prints[i]));
	if (room(watch) > MT_RECORD_CAPTURE_MAX)
		return mt_error_new(MT_ERR_USAGE,
		                    "--print: all expressions together take %zu bytes at a hit, "
		                    "more than %d",
		                    room(watch), MT_RECORD_CAPTURE_MAX);
	return mt_vec_reserve(&watch->shown, watch->captures.len) ? NULL : mt_error_nomem();
}

struct mt_error *mt_prints_compile(const struct mt_session *session, struct mt_watch *watch)
{
	struct mt_error *error = compile_all(session, watch);

	if (error)
		mt_prints_forget(watch); /* it may be tried again, when a library has come */
	return error;
}

void mt_prints_deinit(struct mt_watch *watch)
{
	mt_prints_forget(watch);
	mt_vec_deinit(&watch->captures);
	mt_vec_deinit(&watch->shown);
}

/* What is made of a value that is not known is not known either. */
static bool is_known(const struct mt_watch *watch, const struct mt_record *record, size_t i)
{
	return !watch->captures.data[i]->is_watched || !(record->flags & MT_RECORD_UNREADABLE);
}

void mt_prints_tell(struct mt_watch *watch, const struct mt_record *record, struct mt_hit *hit)
{
	static const struct mt_captured unknown = { .state = MT_CAPTURE_UNREAD };
	const uint8_t *at = (const uint8_t *)mt_record_captured(record);

	watch->shown.len = 0;
	for (size_t i = 0; i < watch->captures.len && record->capture_len; i++) {
		const struct mt_capture *capture = watch->captures.data[i];
		struct mt_hit_capture shown = { capture, (const struct mt_captured *)at };

		if (!is_known(watch, record, i))
			shown.captured = &unknown;
		if (!mt_vec_push(&watch->shown, shown))
			break;
		at += mt_capture_room(capture);
	}
	hit->captures = watch->shown.data;
	hit->capture_count = watch->shown.len;
}

struct mt_cond_input mt_watch_input(const struct mt_watch *watch, const struct mt_record *record)
{
	return (struct mt_cond_input){
		.old_value = (const uint8_t *)record->old_value,
		.new_value = (const uint8_t *)record->new_value,
		.len = watch->view.len,
		.tid = record->tid,
		.pid = record->pid,
		.hits = record->hits,
		.comm = record->comm,
		.regs = &record->regs,
		.read = mt_target_read,
		.arg = watch->target,
	};
}

void mt_prints_take(const struct mt_watch *watch, struct mt_record *record)
{
	const struct mt_cond_input input = mt_watch_input(watch, record);
	uint8_t *at = (uint8_t *)(record + 1);

	for (size_t i = 0; i < watch->captures.len; i++) {
		mt_capture_take(watch->captures.data[i], &input, (struct mt_captured *)at);
		at += mt_capture_room(watch->captures.data[i]);
	}
	record->capture_len = (uint64_t)(at - (uint8_t *)(record + 1));
}
