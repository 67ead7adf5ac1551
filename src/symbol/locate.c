/* SPDX-License-Identifier: MIT */
#include "symbol/locate.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/vec.h"
#include "symbol/suggest.h"

void mt_locations_free(struct mt_location *locations, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(locations[i].what);
	free(locations);
}

struct mt_error *mt_location_add(struct mt_location_list *list, uint64_t addr, const char *what)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->data[i].addr == addr)
			return NULL;
	if (list->len == MT_LOCATIONS_MAX)
		return NULL;

	struct mt_location location = { .addr = addr, .entry = addr, .what = mt_strdup(what) };

	if (!location.what || !mt_vec_push(list, location)) {
		free(location.what);
		return mt_error_nomem();
	}
	return NULL;
}

/* All of `text` as a number, decimal or hexadecimal. */
static bool read_number(const char *text, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;

	uint64_t value = strtoull(text, &end, 0);

	if (errno || *end)
		return false;
	*number = value;
	return true;
}

static struct mt_error *add_address(struct mt_image *image, uint64_t addr,
                                    struct mt_location_list *list)
{
	struct mt_symbol symbol;
	struct mt_buf what MT_AUTO_BUF = { 0 };
	struct mt_line line;

	if (mt_image_symbol_at(image, addr, &symbol))
		mt_buf_printf(&what, "%s+%" PRIu64, symbol.name, addr - symbol.addr);
	else
		mt_buf_hex(&what, addr);
	if (mt_image_line_at(image, addr, &line))
		mt_buf_printf(&what, " at %s:%u", mt_path_tail(line.file), line.line);
	return mt_buf_ok(&what) ? mt_location_add(list, addr, what.data) : mt_error_nomem();
}

/* "module+0x1136". Sets *done when that is what the text says. */
static struct mt_error *add_module_offset(struct mt_image *image, const char *text,
                                          struct mt_location_list *list, bool *done)
{
	const char *plus = strrchr(text, '+');
	uint64_t offset;

	if (!plus || !read_number(plus + 1, &offset))
		return NULL;

	char *name MT_AUTO_FREE = mt_strndup(text, (size_t)(plus - text));
	const struct mt_module *module = name ? mt_image_module_named(image, name) : NULL;

	if (!name)
		return mt_error_nomem();
	if (!module)
		return NULL;
	*done = true;
	if (offset >= module->end - module->start)
		return mt_error_new(MT_ERR_NOT_FOUND, "%s is only %#" PRIx64 " bytes long",
		                    module->name, module->end - module->start);
	return add_address(image, module->start + offset, list);
}

/* ---- In every module, the executable first ------------------------------- */

struct place {
	const char *file; /* a source file, or NULL */
	const char *name; /* a function, or NULL */
	unsigned line;
	bool is_guess; /* no near names are asked for */
};

static struct mt_error *locate_in(struct mt_image *image, const struct mt_module *module,
                                  const struct place *place, struct mt_location_list *list)
{
	return place->name ? mt_locate_function(image, module, place->file, place->name, list)
	                   : mt_locate_line(image, module, place->file, place->line, list);
}

/* Libraries are looked at when the executable has nothing. */
static struct mt_error *locate_place(struct mt_image *image, const struct place *place,
                                     struct mt_location_list *list)
{
	const struct mt_module *executable = mt_image_executable(image);

	MT_TRY(locate_in(image, executable, place, list));
	for (size_t i = 0; !list->len && i < mt_image_module_count(image); i++) {
		const struct mt_module *module = mt_image_module(image, i);

		if (module != executable)
			MT_TRY(locate_in(image, module, place, list));
	}
	return NULL;
}

static struct mt_error *no_function_error(struct mt_image *image, const struct place *place)
{
	const struct mt_module *executable = mt_image_executable(image);
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_printf(&text, "no function %s in %s", place->name,
	              place->file ? place->file : executable->name);
	if (!mt_module_has_symbols(executable) && !mt_module_has_dwarf(executable))
		mt_buf_printf(&text, "; %s is stripped: it has no symbols", executable->name);
	if (!place->is_guess)
		mt_suggest_names(executable, place->name, true, &text);
	return mt_error_new(MT_ERR_NOT_FOUND, "%s", mt_buf_ok(&text) ? text.data : place->name);
}

static struct mt_error *no_line_error(struct mt_image *image, const struct place *place)
{
	const struct mt_module *executable = mt_image_executable(image);

	return mt_error_new(MT_ERR_NOT_FOUND, "no code for line %u of %s in %s%s", place->line,
	                    place->file, executable->name,
	                    mt_module_has_dwarf(executable) ? ""
	                                                    : ", which has no debug information");
}

/* "file.c:123": the number behind the last colon. */
static bool split_line(char *text, struct place *place)
{
	char *colon = strrchr(text, ':');
	uint64_t line;

	if (!colon || colon == text || colon[-1] == ':' || !read_number(colon + 1, &line) ||
	    !line || line > UINT32_MAX)
		return false;
	*colon = '\0';
	place->file = text;
	place->line = (unsigned)line;
	return true;
}

/* A source file has a dot in its last part, which no namespace has. */
static bool is_file_name(const char *text, size_t len)
{
	return memchr(text, '.', len) || memchr(text, '/', len);
}

/* "file.c::f" and "'dir/file.c'::f"; every other name is a function's whole. */
static struct mt_error *split_function(char *text, struct place *place)
{
	place->name = text;
	if (*text == '\'') {
		char *quote = strchr(text + 1, '\'');

		if (!quote || strncmp(quote + 1, "::", 2) != 0 || !quote[3])
			return mt_error_at(0, "a quoted file is followed by ::function");
		*quote = '\0';
		place->file = text + 1;
		place->name = quote + 3;
		return NULL;
	}

	char *colons = strstr(text, "::");

	if (colons && is_file_name(text, (size_t)(colons - text))) {
		*colons = '\0';
		place->file = text;
		place->name = colons + 2;
	}
	return NULL;
}

static struct mt_error *locate_source(struct mt_image *image, const char *text, bool is_guess,
                                      struct mt_location_list *list)
{
	char *copy MT_AUTO_FREE = mt_strdup(text);
	struct place place = { .is_guess = is_guess };

	if (!copy)
		return mt_error_nomem();
	if (!split_line(copy, &place))
		MT_TRY(split_function(copy, &place));
	MT_TRY(locate_place(image, &place, list));
	if (list->len)
		return NULL;
	return place.name ? no_function_error(image, &place) : no_line_error(image, &place);
}

static struct mt_error *locate(struct mt_image *image, const char *text, bool is_guess,
                               struct mt_location_list *list)
{
	uint64_t addr;
	bool done = false;
	bool starred = *text == '*';

	if (!*text)
		return mt_error_at(0, "a place in the code is expected");
	if (read_number(text + starred, &addr))
		return add_address(image, addr, list);
	if (starred)
		return mt_error_at(1, "an address is expected after *");
	MT_TRY(add_module_offset(image, text, list, &done));
	return done ? NULL : locate_source(image, text, is_guess, list);
}

static struct mt_error *locate_all(struct mt_image *image, const char *text, bool is_guess,
                                   struct mt_location **locations, size_t *count)
{
	struct mt_location_list list = { 0 };
	struct mt_error *error = locate(image, text, is_guess, &list);

	if (error) {
		mt_locations_free(list.data, list.len);
		return error;
	}
	*locations = list.data;
	*count = list.len;
	return NULL;
}

struct mt_error *mt_image_locate(struct mt_image *image, const char *text,
                                 struct mt_location **locations, size_t *count)
{
	return locate_all(image, text, false, locations, count);
}

struct mt_error *mt_image_locate_guess(struct mt_image *image, const char *text,
                                       struct mt_location **locations, size_t *count)
{
	return locate_all(image, text, true, locations, count);
}
