/* SPDX-License-Identifier: MIT */
#include "symbol/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"

/* A few bytes of mangled name with back references can stand for gigabytes of text. */
#define DEMANGLED_MAX 16384

struct output {
	struct mt_buf text;
	jmp_buf too_long;
};

static void append(const char *text, size_t len, void *arg)
{
	struct output *output = arg;

	/* libiberty has no other way to be stopped; its callback forms hold no memory here. */
	if (output->text.len + len > DEMANGLED_MAX)
		longjmp(output->too_long, 1);
	mt_buf_bytes(&output->text, text, len);
}

/* Rust first: its legacy names are C++ names too, with a hash for a last part. */
static bool demangle_into(struct output *output, const char *name)
{
	if (setjmp(output->too_long))
		return false;
	if (rust_demangle_callback(name, DMGL_RUST, append, output))
		return true;
	mt_buf_clear(&output->text);
	return cplus_demangle_v3_callback(name, DMGL_ANSI, append, output);
}

bool mt_is_mangled(const char *raw)
{
	return (raw[0] == '_' && (raw[1] == 'Z' || raw[1] == 'R')) || strchr(raw, '@');
}

char *mt_demangle(const char *raw)
{
	if (!mt_is_mangled(raw))
		return NULL;

	size_t len = strcspn(raw, "@");
	char *plain MT_AUTO_FREE = mt_strndup(raw, len);
	struct output output = { 0 };

	if (!plain)
		return NULL;
	if (plain[0] == '_' && demangle_into(&output, plain) && output.text.len &&
	    mt_buf_ok(&output.text))
		return mt_buf_take(&output.text);
	mt_buf_deinit(&output.text);
	return raw[len] ? MT_TAKE(plain) : NULL;
}
