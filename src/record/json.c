/* SPDX-License-Identifier: MIT */
#include "record/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "record/capture.h"
#include "record/json_value.h"
#include "target/syscall.h"

static void put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static int append(const char *data, size_t size, void *out)
{
	mt_buf_bytes(out, data, size);
	return 0;
}

static void write_line(struct mt_buf *out, json_t *object)
{
	json_dump_callback(object, append, out, JSON_COMPACT);
	mt_buf_char(out, '\n');
	json_decref(object);
}

/* ---- Values -------------------------------------------------------------- */

static json_t *raw_bytes(const uint8_t *bytes, size_t len)
{
	char digits[2 * MT_DR_MAX_RANGE + 1];

	for (size_t i = 0; i < len; i++)
		snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
	return json_stringn(digits, 2 * len);
}

static json_t *value_or_null(const struct mt_hit_watch *watch, const uint8_t *bytes, bool known)
{
	return known ? mt_json_value(watch->image, watch->type, bytes, watch->len) : json_null();
}

static void put_values(json_t *object, const struct mt_hit *hit)
{
	const struct mt_hit_watch *watch = hit->watch;

	put(object, "old", value_or_null(watch, hit->old_value, hit->old_known));
	put(object, "new", value_or_null(watch, hit->new_value, hit->new_known));
	put(object, "old_raw",
	    hit->old_known ? raw_bytes(hit->old_value, watch->len) : json_null());
	put(object, "new_raw",
	    hit->new_known ? raw_bytes(hit->new_value, watch->len) : json_null());
	put(object, "new_from", json_string(hit->from_instruction ? "instruction" : "memory"));
	put(object, "changed", json_boolean(!mt_hit_unchanged(hit)));
	if (hit->undecided)
		put(object, "undecided", json_true());
}

/* ---- Code ---------------------------------------------------------------- */

static void put_code(json_t *object, const struct mt_code *code)
{
	put(object, "function", mt_json_text(code->function));
	put(object, "offset", code->function ? mt_json_number(code->offset) : json_null());
	put(object, "file", mt_json_text(code->file));
	put(object, "line", code->file ? mt_json_number(code->line) : json_null());
	put(object, "module", mt_json_text(code->module));
	if (code->inlined)
		put(object, "inlined", json_true());
}

static json_t *instruction(const struct mt_culprit *culprit)
{
	json_t *object;

	if (culprit->how == MT_CULPRIT_UNKNOWN)
		return json_null();
	object = json_object();
	put(object, "addr", mt_json_hex(culprit->insn.addr));
	put(object, "bytes", raw_bytes(culprit->insn.bytes, culprit->insn.len));
	put(object, "text", mt_json_text(culprit->insn.text));
	return object;
}

static json_t *stack(const struct mt_stack *from)
{
	json_t *array = json_array();

	for (size_t i = 0; from && i < from->count; i++) {
		json_t *frame = json_object();

		put(frame, "pc", mt_json_hex(from->frames[i].pc));
		put_code(frame, &from->frames[i]);
		json_array_append_new(array, frame);
	}
	return array;
}

static json_t *syscall_arguments(const struct mt_syscall *call)
{
	json_t *array = json_array();

	for (size_t i = 0; i < 6; i++)
		json_array_append_new(array, mt_json_hex(call->args[i]));
	return array;
}

static void put_origin(json_t *object, const struct mt_hit *hit)
{
	put(object, "origin", json_string(hit->kernel ? "kernel" : "user"));
	put(object, "syscall",
	    hit->kernel ? mt_json_text(mt_syscall_name(hit->syscall.machine, hit->syscall.number))
	                : json_null());
	if (hit->kernel) {
		put(object, "syscall_args", syscall_arguments(&hit->syscall));
		put(object, "syscall_fd",
		    *hit->syscall.fd_name ? mt_json_text(hit->syscall.fd_name) : json_null());
		put(object, "pieces", mt_json_number(hit->pieces));
	}
}

/* ---- Lines --------------------------------------------------------------- */

/* What repeats is made once, and kept where the text output keeps its text: a session has one
 * output. */
static char *keep(json_t *value, size_t flags, size_t *len)
{
	char *text = json_dumps(value, JSON_COMPACT | flags);

	json_decref(value);
	*len = text ? strlen(text) : 0;
	return text;
}

static void write_culprit(struct mt_buf *out, struct mt_culprit_code *code)
{
	if (!code->text) {
		json_t *object = json_object();

		put(object, "insn", instruction(&code->culprit));
		put_code(object, &code->code);
		code->text = keep(object, JSON_EMBED, &code->text_len);
	}
	mt_buf_bytes(out, code->text, code->text_len);
}

static void write_stack(struct mt_buf *out, struct mt_stack *of)
{
	if (of && !of->text)
		of->text = keep(stack(of), 0, &of->text_len);
	if (of && of->text)
		mt_buf_bytes(out, of->text, of->text_len);
	else
		mt_buf_text(out, "[]");
}

static json_t *capture(struct mt_image *image, const struct mt_hit_capture *from)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	json_t *object = json_object();
	bool read = from->captured->state == MT_CAPTURE_READ;

	mt_capture_text(&text, image, from);
	put(object, "expr", mt_json_text(from->capture->expr));
	put(object, "text", mt_json_text(text.data));
	put(object, "value",
	    read ? mt_json_value(image, from->capture->type, mt_capture_bytes(from),
	                         from->capture->size)
	         : json_null());
	if (!read)
		put(object, "unread", mt_json_hex(from->captured->addr));
	return object;
}

static json_t *captures(const struct mt_hit *hit)
{
	json_t *array = json_array();

	for (size_t i = 0; i < hit->capture_count; i++)
		json_array_append_new(array, capture(hit->watch->image, &hit->captures[i]));
	return array;
}

/* The fields that are this hit's own. */
static void write_own(struct mt_buf *out, const struct mt_hit *hit)
{
	json_t *object = json_object();

	put(object, "comm", mt_json_text(hit->comm));
	put(object, "watch", mt_json_number(hit->watch->index));
	put(object, "expr", mt_json_text(hit->watch->expr));
	put(object, "addr", mt_json_hex(hit->watch->addr));
	put(object, "len", mt_json_number(hit->watch->len));
	put(object, "access", json_string(mt_hit_access_name(hit)));
	if (hit->watch->kind != MT_DR_EXEC)
		put_values(object, hit);
	if (hit->unmapped)
		put(object, "moved_to", hit->moved_to ? mt_json_hex(hit->moved_to) : json_null());
	put_origin(object, hit);
	put(object, "pc", mt_json_hex(hit->pc));
	if (hit->capture_count)
		put(object, "print", captures(hit));
	json_dump_callback(object, append, out, JSON_COMPACT | JSON_EMBED);
	json_decref(object);
}

void mt_json_hit(struct mt_buf *out, const struct mt_hit *hit)
{
	mt_buf_text(out, "{\"type\":\"hit\",\"n\":");
	mt_buf_dec(out, hit->n);
	mt_buf_text(out, ",\"time_ns\":");
	mt_buf_dec(out, hit->time_ns);
	mt_buf_text(out, ",\"pid\":");
	mt_buf_dec(out, (uint64_t)hit->pid);
	mt_buf_text(out, ",\"tid\":");
	mt_buf_dec(out, (uint64_t)hit->tid);
	mt_buf_char(out, ',');
	write_own(out, hit);
	mt_buf_char(out, ',');
	write_culprit(out, hit->code);
	mt_buf_text(out, ",\"stack\":");
	write_stack(out, hit->stack);
	if (hit->stack && hit->stack->cut)
		mt_buf_text(out, ",\"stack_cut\":true");
	mt_buf_text(out, "}\n");
}

void mt_json_armed(struct mt_buf *out, const struct mt_json_armed *armed)
{
	const struct mt_hit_watch *watch = armed->watch;
	struct mt_buf type MT_AUTO_BUF = { 0 };
	json_t *object = json_object();

	if (watch->type)
		mt_type_format(watch->type, &type);
	put(object, "type", json_string("armed"));
	put(object, "watch", mt_json_number(watch->index));
	put(object, "expr", mt_json_text(watch->expr));
	put(object, "access", json_string(mt_kind_name(watch->kind)));
	put(object, "addr",
	    armed->per_call || armed->is_away ? json_null() : mt_json_hex(watch->addr));
	put(object, "len", mt_json_number(watch->len));
	put(object, "value_type", type.len ? mt_json_text(type.data) : json_null());
	put(object, "pid", json_integer(armed->pid));
	put(object, "registers", mt_json_number(armed->registers));
	put(object, "shared", mt_json_number(armed->shared));
	put(object, "threads", mt_json_number(armed->threads));
	put(object, "uncovered", mt_json_number(armed->uncovered));
	put(object, "uncovered_why", mt_json_text(armed->uncovered ? armed->why : NULL));
	put(object, "engine", mt_json_text(armed->engine));
	put(object, "kernel", json_boolean(armed->kernel));
	put(object, "kernel_why", mt_json_text(armed->kernel ? NULL : armed->kernel_why));
	if (armed->unheard)
		put(object, "unmap_why", mt_json_text(armed->unheard));
	put(object, "condition", mt_json_text(armed->condition));
	if (armed->pointers)
		put(object, "pointers", mt_json_number(armed->pointers));
	if (armed->per_call)
		put(object, "per_call", json_true());
	if (armed->per_thread)
		put(object, "per_thread", json_true());
	if (armed->why_steps) {
		put(object, "steps_why", mt_json_text(armed->why_steps));
		put(object, "step_us", json_real(armed->step_us));
	}
	write_line(out, object);
}

void mt_json_notice(struct mt_buf *out, const char *kind, const char *text)
{
	json_t *object = json_object();

	put(object, "type", json_string(kind));
	put(object, "text", mt_json_text(text));
	write_line(out, object);
}

static json_t *range_end(const struct mt_place_row *row, uint64_t value)
{
	return value_or_null(row->watch, (const uint8_t *)&value, row->has_range);
}

static json_t *place(const struct mt_place_row *row)
{
	json_t *object = json_object();

	put(object, "watch", mt_json_number(row->watch->index));
	put(object, "hits", mt_json_number(row->hits));
	put(object, "first_ns", mt_json_number(row->first_ns));
	put(object, "last_ns", mt_json_number(row->last_ns));
	put(object, "min", range_end(row, row->min));
	put(object, "max", range_end(row, row->max));
	put(object, "origin", json_string(row->kernel ? "kernel" : "user"));
	put(object, "syscall",
	    row->kernel ? mt_json_text(mt_syscall_name(row->syscall_machine, row->syscall))
	                : json_null());
	put(object, "pc", mt_json_hex(row->code->code.pc));
	put_code(object, &row->code->code);
	return object;
}

void mt_json_summary(struct mt_buf *out, const struct mt_json_summary *summary)
{
	const struct mt_place_row *const *rows;
	size_t count = mt_places_sorted(summary->places, &rows);
	json_t *object = json_object(), *places = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(places, place(rows[i]));
	put(object, "type", json_string("summary"));
	put(object, "hits", mt_json_number(summary->hits));
	put(object, "lost", mt_json_number(summary->lost));
	put(object, "unseen", mt_json_number(summary->unseen));
	put(object, "outside", mt_json_number(summary->outside));
	put(object, "uncounted", mt_json_number(summary->uncounted));
	put(object, "unmet", mt_json_number(summary->unmet));
	put(object, "unchanged", mt_json_number(summary->unchanged));
	put(object, "threads", mt_json_number(summary->threads));
	put(object, "uncovered", mt_json_number(summary->uncovered));
	put(object, "never_armed", mt_json_number(summary->never_armed));
	if (summary->unmapped)
		put(object, "unmapped", mt_json_number(summary->unmapped));
	if (summary->borrowers)
		put(object, "borrowers", mt_json_number(summary->borrowers));
	if (summary->moves)
		put(object, "moves", mt_json_number(summary->moves));
	if (summary->calls)
		put(object, "calls", mt_json_number(summary->calls));
	if (summary->unwatched)
		put(object, "unwatched", mt_json_number(summary->unwatched));
	put(object, "seconds", json_real(summary->seconds));
	put(object, "start_ns", mt_json_number(summary->start_ns));
	put(object, "places", places);
	put(object, "exit",
	    summary->exited && summary->exit_signal == 0 ? json_integer(summary->exit_status)
	                                                 : json_null());
	put(object, "exit_signal",
	    summary->exited && summary->exit_signal ? json_integer(summary->exit_signal)
	                                            : json_null());
	put(object, "stopped", summary->stopped ? json_integer(summary->stopped) : json_null());
	if (summary->core)
		put(object, "core", mt_json_text(summary->core));
	write_line(out, object);
}
