/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "symbol/type_text.h"

static void write_array(struct mt_type_writer *writer, const struct mt_type *type)
{
	mt_buf_char(writer->out, '[');
	mt_type_write_rust(writer, type->target);
	if (type->count || type->is_empty)
		mt_buf_printf(writer->out, "; %" PRIu64, type->count);
	mt_buf_char(writer->out, ']');
}

static void write_function(struct mt_type_writer *writer, const struct mt_type *type)
{
	mt_buf_text(writer->out, "fn (");
	for (size_t i = 0; i < type->param_count && mt_type_writer_goes_on(writer); i++) {
		mt_buf_text(writer->out, i ? ", " : "");
		mt_type_write_rust(writer, type->params[i]);
	}
	mt_buf_char(writer->out, ')');
	if (type->target && type->target->kind != MT_TYPE_VOID) {
		mt_buf_text(writer->out, " -> ");
		mt_type_write_rust(writer, type->target);
	}
}

static void write_rust(struct mt_type_writer *writer, const struct mt_type *type)
{
	if (type->kind == MT_TYPE_VOID) {
		mt_buf_text(writer->out, "()");
	} else if (type->name) {
		mt_buf_text(writer->out, type->name);
	} else if (type->kind == MT_TYPE_ARRAY) {
		write_array(writer, type);
	} else if (type->kind == MT_TYPE_FUNCTION) {
		write_function(writer, type);
	} else if (type->kind == MT_TYPE_POINTER) {
		mt_buf_text(writer->out, "*mut ");
		mt_type_write_rust(writer, type->target);
	} else {
		mt_buf_text(writer->out, "{...}");
	}
}

void mt_type_write_rust(struct mt_type_writer *writer, const struct mt_type *type)
{
	if (!mt_type_writer_goes_on(writer)) {
		mt_buf_text(writer->out, "...");
		return;
	}
	writer->depth++;
	write_rust(writer, type);
	writer->depth--;
}
