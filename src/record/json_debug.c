/* SPDX-License-Identifier: MIT */
#include "record/json_debug.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "record/json_value.h"

static void put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void write_line(struct mt_buf *out, json_t *object)
{
	char *line MT_AUTO_FREE = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	if (line)
		mt_buf_printf(out, "%s\n", line);
	else
		out->failed = true;
}

static json_t *object_of_type(const char *type)
{
	json_t *object = json_object();

	put(object, "type", json_string(type));
	return object;
}

/* A program's strings may be anything; a line that was said must not be lost for a byte of it. */
static json_t *any_text(const char *text)
{
	struct mt_buf mended MT_AUTO_BUF = { 0 };
	json_t *whole = json_string(text);

	if (whole)
		return whole;
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80)
			mt_buf_char(&mended, *text);
		else
			mt_buf_text(&mended, "\xef\xbf\xbd");
	}
	return mt_json_text(mt_buf_ok(&mended) ? mended.data : NULL);
}

void mt_json_debug_text(struct mt_buf *out, const char *type, const char *text)
{
	json_t *object = object_of_type(type);

	put(object, "text", any_text(text));
	write_line(out, object);
}

static void put_text(json_t *object, const char *key, const char *text)
{
	if (text)
		put(object, key, any_text(text));
}

static void put_place(json_t *object, const struct mt_json_stop *stop)
{
	put(object, "pc", mt_json_hex(stop->pc));
	put(object, "function", mt_json_text(stop->function));
	put(object, "offset", stop->function ? mt_json_number(stop->offset) : json_null());
	put(object, "file", mt_json_text(stop->file));
	put(object, "line", stop->file ? mt_json_number(stop->line) : json_null());
	put(object, "module", mt_json_text(stop->module));
}

static void put_value(json_t *object, const char *key, const char *text)
{
	put(object, key, text ? any_text(text) : json_null());
}

static json_t *watch_object(const struct mt_json_watch *watch)
{
	json_t *object = json_object();

	put(object, "number", json_integer(watch->number));
	put(object, "expression", any_text(watch->expression));
	put(object, "access", json_string(watch->access));
	if (watch->length) {
		put(object, watch->is_port ? "port" : "address", mt_json_hex(watch->address));
		put(object, "length", mt_json_number(watch->length));
	}
	put_value(object, "old", watch->before);
	put_value(object, "new", watch->now);
	put_text(object, "syscall", watch->syscall);
	put_text(object, "instruction", watch->insn);
	if (watch->insn)
		put(object, "instruction_address", mt_json_hex(watch->insn_address));
	return object;
}

static void put_watches(json_t *object, const struct mt_json_stop *stop)
{
	json_t *watches;

	if (!stop->watch_count)
		return;
	watches = json_array();
	for (size_t i = 0; i < stop->watch_count; i++)
		json_array_append_new(watches, watch_object(&stop->watches[i]));
	put(object, "watchpoints", watches);
}

void mt_json_debug_stop(struct mt_buf *out, const struct mt_json_stop *stop)
{
	json_t *object = object_of_type("stop");

	put(object, "reason", json_string(stop->reason));
	put(object, "pid", json_integer(stop->pid));
	if (stop->thread) {
		put(object, "tid", json_integer(stop->tid));
		put(object, "thread", json_integer(stop->thread));
	}
	if (stop->number_count) {
		json_t *numbers = json_array();

		for (size_t i = 0; i < stop->number_count; i++)
			json_array_append_new(numbers, json_integer(stop->numbers[i]));
		put(object, "breakpoints", numbers);
	}
	put_watches(object, stop);
	put_text(object, "signal", stop->signal);
	put_text(object, "syscall", stop->syscall);
	if (stop->status >= 0)
		put(object, "status", json_integer(stop->status));
	if (stop->child)
		put(object, "child", json_integer(stop->child));
	if (stop->thread)
		put_place(object, stop);
	write_line(out, object);
}

void mt_json_debug_notice(struct mt_buf *out, const struct mt_json_debug_notice *notice)
{
	json_t *object = object_of_type("notice");

	put(object, "kind", json_string(notice->kind));
	put(object, "pid", json_integer(notice->pid));
	if (notice->tid)
		put(object, "tid", json_integer(notice->tid));
	if (notice->number)
		put(object, "breakpoint", json_integer(notice->number));
	put_text(object, "signal", notice->signal);
	put_text(object, "text", notice->text);
	write_line(out, object);
}

void mt_json_debug_end(struct mt_buf *out, int status)
{
	json_t *object = object_of_type("end");

	put(object, "status", json_integer(status));
	write_line(out, object);
}
