/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct mt_error {
	enum mt_error_kind kind;
	long offset;
	char *text;
};

static struct mt_error nomem = { .kind = MT_ERR_NOMEM, .offset = -1, .text = NULL };

/* Takes ownership of `text`, which may be NULL when memory ran out while it was made. */
static struct mt_error *error_make(enum mt_error_kind kind, long offset, char *text)
{
	struct mt_error *error = text ? mt_alloc(sizeof(*error)) : NULL;

	if (!error) {
		free(text);
		return &nomem;
	}
	error->kind = kind;
	error->offset = offset;
	error->text = text;
	return error;
}

static char *format_text(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static char *format_text(const char *fmt, va_list ap)
{
	char *text;

	return vasprintf(&text, fmt, ap) < 0 ? NULL : text;
}

/* Joins "HEAD: TAIL" and frees both where they are ours. */
static char *join_text(char *head, const char *tail)
{
	char *text = NULL;

	if (head && asprintf(&text, "%s: %s", head, tail) < 0)
		text = NULL;
	free(head);
	return text;
}

struct mt_error *mt_error_new(enum mt_error_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = format_text(fmt, ap);
	va_end(ap);
	return error_make(kind, -1, text);
}

static enum mt_error_kind kind_of_errno(int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return MT_ERR_PERMISSION;
	case ENOMEM:
		return MT_ERR_NOMEM;
	case ESRCH:
	case ENOENT:
		return MT_ERR_NOT_FOUND;
	default:
		return MT_ERR_SYSTEM;
	}
}

struct mt_error *mt_error_sys(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = format_text(fmt, ap);
	va_end(ap);
	return error_make(kind_of_errno(err), -1, join_text(text, strerror(err)));
}

struct mt_error *mt_error_at(long offset, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = format_text(fmt, ap);
	va_end(ap);
	return error_make(MT_ERR_SYNTAX, offset, text);
}

struct mt_error *mt_error_nomem(void)
{
	return &nomem;
}

struct mt_error *mt_error_context(struct mt_error *error, const char *fmt, ...)
{
	if (!error || error == &nomem)
		return error;

	va_list ap;

	va_start(ap, fmt);
	char *text = join_text(format_text(fmt, ap), error->text);
	va_end(ap);
	if (text) {
		free(error->text);
		error->text = text;
	}
	return error;
}

const char *mt_error_text(const struct mt_error *error)
{
	return error->text ? error->text : "out of memory";
}

enum mt_error_kind mt_error_kind(const struct mt_error *error)
{
	return error->kind;
}

long mt_error_offset(const struct mt_error *error)
{
	return error->offset;
}

void mt_error_free(struct mt_error *error)
{
	if (!error || error == &nomem)
		return;
	free(error->text);
	free(error);
}
