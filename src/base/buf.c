/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"

void mt_buf_deinit(struct mt_buf *buf)
{
	free(buf->data);
	*buf = (struct mt_buf){ 0 };
}

void mt_buf_clear(struct mt_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

/* Room for `len` more bytes and the NUL. */
static bool buf_reserve(struct mt_buf *buf, size_t len)
{
	size_t want = buf->len + len + 1;

	if (want <= buf->cap)
		return true;

	void *block = buf->data;

	if (!mt_vec_grow(&block, &buf->cap, want < 128 ? 128 : want, 1)) {
		buf->failed = true;
		return false;
	}
	buf->data = block;
	return true;
}

void mt_buf_bytes(struct mt_buf *buf, const void *data, size_t len)
{
	if (!buf_reserve(buf, len))
		return;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void mt_buf_text(struct mt_buf *buf, const char *text)
{
	mt_buf_bytes(buf, text, strlen(text));
}

void mt_buf_char(struct mt_buf *buf, char c)
{
	mt_buf_bytes(buf, &c, 1);
}

void mt_buf_vprintf(struct mt_buf *buf, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);

	if (len >= 0 && buf_reserve(buf, (size_t)len)) {
		vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void mt_buf_printf(struct mt_buf *buf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	mt_buf_vprintf(buf, fmt, ap);
	va_end(ap);
}

static void buf_digits(struct mt_buf *buf, uint64_t value, unsigned base)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	mt_buf_bytes(buf, digits + at, sizeof(digits) - at);
}

void mt_buf_dec(struct mt_buf *buf, uint64_t value)
{
	buf_digits(buf, value, 10);
}

void mt_buf_hex(struct mt_buf *buf, uint64_t value)
{
	mt_buf_bytes(buf, "0x", 2);
	buf_digits(buf, value, 16);
}

void mt_buf_pad(struct mt_buf *buf, size_t column)
{
	const char *line = buf->len ? memrchr(buf->data, '\n', buf->len) : NULL;
	size_t start = line ? (size_t)(line + 1 - buf->data) : 0;

	while (buf->len - start < column && !buf->failed)
		mt_buf_char(buf, ' ');
}

bool mt_buf_ok(const struct mt_buf *buf)
{
	return !buf->failed;
}

char *mt_buf_take(struct mt_buf *buf)
{
	char *text = NULL;

	if (mt_buf_ok(buf) && buf_reserve(buf, 0)) {
		buf->data[buf->len] = '\0';
		text = buf->data;
		*buf = (struct mt_buf){ 0 };
	}
	return text;
}
