/* SPDX-License-Identifier: MIT */
#include "self/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memtrap/memtrap.h"

static __thread char sentence[1024];

/* Written aside first: an argument may be the last sentence. */
static size_t keep(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static size_t keep(const char *fmt, va_list ap)
{
	char text[sizeof(sentence)];

	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(sentence, text, sizeof(text));
	return strlen(sentence);
}

int mt_fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(fmt, ap);
	va_end(ap);
	return -err;
}

int mt_fail_sys(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	size_t len = keep(fmt, ap);
	va_end(ap);
	snprintf(sentence + len, sizeof(sentence) - len, ": %s", strerror(err));
	return -err;
}

const char *memtrap_error(void)
{
	return sentence;
}
