/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary text as the arguments of a debugger's commands: everything that reads command text, and
 * what must hold of what it makes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/syntax.h"
#include "fuzz.h"

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void try_words(const char *text)
{
	struct mt_number_list numbers MT_CLEANUP(mt_number_list_deinit) = { 0 };
	const char *at = text;
	uint64_t number;

	mt_error_free(mt_text_numbers(text, "delete", &numbers));
	for (size_t i = 0; i < numbers.ranges.len; i++)
		must(numbers.ranges.data[i].first > 0 &&
		     numbers.ranges.data[i].last >= numbers.ranges.data[i].first);
	mt_error_free(mt_text_count(text, "step", 1, &number));
	mt_text_take(&at, "if");
	must(at >= text && at <= text + strlen(text));
	at = mt_text_outside(text, ',');
	must(!at || *at == ',');
	at = mt_text_outside(text, '=');
	must(!at || *at == '=');
	at = mt_text_keyword(text, "if");
	must(!at || !memcmp(at, "if", 2));
}

static void try_formats(const char *text)
{
	const char *at = text;
	struct mt_format format;
	struct mt_error *error = mt_format_parse(&at, "x", &format);
	unsigned given;

	if (error)
		must(at == text); /* what fails leaves its outputs */
	mt_error_free(error);
	at = text;
	mt_error_free(mt_modifiers_parse(&at, "disassemble", "rsm", &given));
}

static void try_conversions(const char *format)
{
	const char *at = format;
	struct mt_conversion conversion;

	while (*at) {
		const char *begin = at;
		struct mt_error *error = mt_conversion_next(&at, &conversion);

		if (error) {
			mt_error_free(error);
			return;
		}
		must(at > begin);
	}
}

static void try_arguments(const char *text)
{
	struct mt_break_text place = { 0 };
	struct mt_list_text list = { 0 };
	struct mt_run_text run = { 0 };
	struct mt_printf_text formatted = { 0 };
	struct mt_handle_text handle;
	struct mt_error *error = mt_break_parse(text, &place);

	must(error || place.location);
	mt_error_free(error);
	mt_error_free(mt_list_parse(text, &list));
	mt_error_free(mt_run_parse(text, &run));
	error = mt_printf_parse(text, &formatted);
	if (!error)
		try_conversions(formatted.format);
	mt_error_free(error);
	mt_error_free(mt_handle_parse(text, &handle));
	mt_break_text_deinit(&place);
	mt_list_text_deinit(&list);
	mt_run_text_deinit(&run);
	mt_printf_text_deinit(&formatted);
}

/* One word, once quoted, is read back as one word. */
static void try_quoting(const char *text)
{
	struct mt_buf quoted MT_AUTO_BUF = { 0 };
	struct mt_run_text run = { 0 };

	mt_text_quote(&quoted, text);
	if (!mt_buf_ok(&quoted))
		return;
	mt_error_free(mt_run_parse(quoted.data, &run));
	must(run.words.len == 1);
	mt_run_text_deinit(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text MT_AUTO_FREE = mt_strndup((const char *)data, size);

	if (!text)
		return 0;
	try_words(text);
	try_formats(text);
	try_arguments(text);
	try_quoting(text);
	return 0;
}
