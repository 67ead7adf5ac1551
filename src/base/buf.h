/* SPDX-License-Identifier: MIT */
/*
 * A growable text buffer. Appending never fails visibly: when memory runs out the buffer drops what
 * does not fit and remembers it; the owner asks mt_buf_ok() once, at the end.
 */
#ifndef MT_BASE_BUF_H
#define MT_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_buf {
	char *data; /* NUL-terminated once anything was appended */
	size_t len; /* without the NUL */
	size_t cap;
	bool failed;
};

/* A zeroed mt_buf is empty and valid. */
void mt_buf_deinit(struct mt_buf *buf);

/* Empties it and keeps its memory. */
void mt_buf_clear(struct mt_buf *buf);

void mt_buf_bytes(struct mt_buf *buf, const void *data, size_t len);
void mt_buf_text(struct mt_buf *buf, const char *text);
void mt_buf_char(struct mt_buf *buf, char c);
void mt_buf_printf(struct mt_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mt_buf_vprintf(struct mt_buf *buf, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Without the cost of printf; for lines written once a hit. */
void mt_buf_dec(struct mt_buf *buf, uint64_t value);
void mt_buf_hex(struct mt_buf *buf, uint64_t value); /* with 0x */

/* Spaces up to column `column`, counted from the start of the buffer's last line. */
void mt_buf_pad(struct mt_buf *buf, size_t column);

/* True when nothing was dropped. */
bool mt_buf_ok(const struct mt_buf *buf);

/* The text, owned by the caller; the buffer is empty afterwards. NULL without memory. */
char *mt_buf_take(struct mt_buf *buf);

/* struct mt_buf text MT_AUTO_BUF = { 0 }; */
#define MT_AUTO_BUF __attribute__((cleanup(mt_buf_deinit)))

#endif
