/* SPDX-License-Identifier: MIT */
#include "symbol/macro.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/vec.h"
#include "symbol/local_die.h"
#include "symbol/units.h"

/* More than any unit has; damaged DWARF may include its own macros again and again. */
enum { EVENTS_MAX = 1 << 20, IMPORTS_MAX = 1 << 14, IMPORT_DEPTH = 32 };

#define NONE SIZE_MAX

enum event_kind { DEFINE, UNDEFINE, START, END };

/* What the preprocessor did, in order. */
struct event {
	enum event_kind kind;
	unsigned line;
	const char *text; /* of a macro, with its name first; of START the file's path, or NULL */
	size_t earlier;   /* the last one of the same name before it, or NONE */
};

/* The last event of a name. */
struct named {
	UT_hash_handle hh;
	size_t last;
};

struct mt_unit_macros {
	UT_hash_handle hh;
	void *unit; /* the address of its first DIE */
	struct event *data;
	size_t len;
	size_t cap;
	struct named *names;
	uint64_t addr; /* what was asked for last, */
	size_t end;    /* and which events are behind its line */
};

struct reading {
	struct mt_unit_macros *macros;
	Dwarf *dwarf;
	unsigned imports, depth;
	bool failed;
};

/* ---- Reading --------------------------------------------------------------- */

static size_t name_len(const char *text)
{
	return strcspn(text, " (");
}

/* Links a definition to the name's last one. */
static bool link_name(struct mt_unit_macros *macros, struct event *event, size_t at)
{
	size_t len = name_len(event->text);
	struct named *named;

	HASH_FIND(hh, macros->names, event->text, len, named);
	event->earlier = named ? named->last : NONE;
	if (!named) {
		named = mt_alloc(sizeof(*named));
		if (!named)
			return false;
		HASH_ADD_KEYPTR(hh, macros->names, event->text, len, named);
		if (!named->hh.tbl) {
			free(named);
			return false;
		}
	}
	named->last = at;
	return true;
}

static bool add_event(struct mt_unit_macros *macros, struct event event)
{
	bool is_named = event.kind == DEFINE || event.kind == UNDEFINE;

	return macros->len < EVENTS_MAX && (!is_named || link_name(macros, &event, macros->len)) &&
	       mt_vec_push(macros, event);
}

static const char *started_file(const struct reading *reading, Dwarf_Macro *macro, Dwarf_Word index)
{
	Dwarf_Files *files;
	size_t count;

	if (dwarf_macro_getsrcfiles(reading->dwarf, macro, &files, &count) != 0 || index >= count)
		return NULL;
	return dwarf_filesrc(files, index, NULL, NULL);
}

static int read_macro(Dwarf_Macro *macro, void *arg);

static bool import(struct reading *reading, Dwarf_Word offset)
{
	ptrdiff_t token = DWARF_GETMACROS_START;

	if (reading->depth >= IMPORT_DEPTH || reading->imports >= IMPORTS_MAX)
		return false;
	reading->imports++;
	reading->depth++;
	token = dwarf_getmacros_off(reading->dwarf, offset, read_macro, reading, token);
	reading->depth--;
	return token == 0;
}

/* One entry of kind START, DEFINE or UNDEFINE. */
static bool add_macro(struct reading *reading, Dwarf_Macro *macro, enum event_kind kind)
{
	struct event event = { .kind = kind };
	Dwarf_Word line, index = 0;

	if (dwarf_macro_param1(macro, &line) != 0 ||
	    dwarf_macro_param2(macro, &index, &event.text) != 0)
		return false;
	event.line = (unsigned)line;
	if (kind == START)
		event.text = started_file(reading, macro, index);
	else if (!event.text)
		return false;
	return add_event(reading->macros, event);
}

/* DW_MACINFO_ and DW_MACRO_ have the same numbers, as far as both have them. */
static int read_macro(Dwarf_Macro *macro, void *arg)
{
	struct reading *reading = arg;
	unsigned opcode;
	Dwarf_Word offset;
	bool ok = dwarf_macro_opcode(macro, &opcode) == 0;

	if (ok) {
		switch (opcode) {
		case DW_MACRO_define:
		case DW_MACRO_define_strp:
		case DW_MACRO_define_strx:
			ok = add_macro(reading, macro, DEFINE);
			break;
		case DW_MACRO_undef:
		case DW_MACRO_undef_strp:
		case DW_MACRO_undef_strx:
			ok = add_macro(reading, macro, UNDEFINE);
			break;
		case DW_MACRO_start_file:
			ok = add_macro(reading, macro, START);
			break;
		case DW_MACRO_end_file:
			ok = add_event(reading->macros, (struct event){ .kind = END });
			break;
		case DW_MACRO_import:
			ok = dwarf_macro_param1(macro, &offset) == 0 && import(reading, offset);
			break;
		default: /* a dwz alternate's, a vendor's */
			break;
		}
	}
	reading->failed |= !ok;
	return ok ? DWARF_CB_OK : DWARF_CB_ABORT;
}

static void read_unit(struct mt_unit_macros *macros, Dwarf_Die *unit)
{
	struct reading reading = { .macros = macros, .dwarf = dwarf_cu_getdwarf(unit->cu) };

	dwarf_getmacros(unit, read_macro, &reading, DWARF_GETMACROS_START);
}

/* ---- Units ----------------------------------------------------------------- */

static void unit_destroy(struct mt_unit_macros *macros)
{
	struct named *each, *next;

	HASH_ITER (hh, macros->names, each, next) {
		HASH_DEL(macros->names, each);
		free(each);
	}
	free(macros->data);
	free(macros);
}

void mt_unit_macros_destroy(struct mt_unit_macros *macros)
{
	struct mt_unit_macros *each, *next;

	HASH_ITER (hh, macros, each, next) {
		HASH_DEL(macros, each);
		unit_destroy(each);
	}
}

static bool has_attribute(Dwarf_Die *unit)
{
	return dwarf_hasattr(unit, DW_AT_macros) || dwarf_hasattr(unit, DW_AT_GNU_macros) ||
	       dwarf_hasattr(unit, DW_AT_macro_info);
}

static struct mt_unit_macros *macros_of(struct mt_module_file *file, Dwarf_Die *unit)
{
	struct mt_unit_macros *macros;

	HASH_FIND_PTR(file->macros, &unit->addr, macros);
	if (macros)
		return macros;
	macros = mt_alloc(sizeof(*macros));
	if (!macros)
		return NULL;
	macros->unit = unit->addr;
	if (has_attribute(unit))
		read_unit(macros, unit);
	HASH_ADD_PTR(file->macros, unit, macros);
	if (macros->hh.tbl)
		return macros;
	unit_destroy(macros);
	return NULL;
}

/* Programs without macros are the most, and every expression asks. */
static bool may_have_macros(struct mt_module_file *file)
{
	struct mt_units *units = mt_units_of(file);
	Elf *elf = units ? mt_module_file_debug_elf(file) : NULL;
	GElf_Shdr header;

	if (!file->tried_macros) {
		file->tried_macros = true;
		file->has_macros =
		    units && (units->split_count || mt_elf_section(elf, ".debug_macro", &header) ||
		              mt_elf_section(elf, ".debug_macinfo", &header));
	}
	return file->has_macros;
}

static const struct mt_module *module_at(struct mt_image *image, uint64_t pc)
{
	const struct mt_module *module = image ? mt_image_module_at(image, pc) : NULL;

	return module && may_have_macros(module->file) ? module : NULL;
}

static struct mt_unit_macros *find_macros(struct mt_module_file *file, uint64_t addr)
{
	struct mt_unit_macros *macros;
	Dwarf_Die unit, whole;

	if (!mt_units_cu_at(file, addr, &unit))
		return NULL;
	macros = macros_of(file, &unit);
	if (macros && !macros->len && mt_unit_whole(file, &unit, &whole) && whole.addr != unit.addr)
		macros = macros_of(file, &whole);
	return macros && macros->len ? macros : NULL;
}

/* A loop asks for the same place again and again. *addr: in the file. */
static struct mt_unit_macros *macros_at(struct mt_image *image, uint64_t pc, uint64_t *addr)
{
	const struct mt_module *module = module_at(image, pc);
	struct mt_module_file *file = module ? module->file : NULL;

	if (!file)
		return NULL;
	*addr = pc - module->bias;
	if (file->macros_addr != *addr) {
		file->macros_there = find_macros(file, *addr);
		file->macros_addr = *addr;
	}
	return file->macros_there;
}

bool mt_macros_at(struct mt_image *image, uint64_t pc)
{
	uint64_t addr;

	return macros_at(image, pc, &addr) != NULL;
}

/* ---- Which hold at a line -------------------------------------------------- */

/* The first event behind that line, where its file was included first. All of them where it is not
 * known to have been. */
static size_t end_at(const struct mt_unit_macros *macros, const struct mt_line *line)
{
	size_t depth = 0, own = 0; /* how deep files are included, and the line's; 0: not yet */

	for (size_t i = 0; i < macros->len; i++) {
		const struct event *event = &macros->data[i];

		if (own && depth == own && (event->kind == END || event->line > line->line))
			return i;
		if (event->kind == END && depth)
			depth--;
		if (event->kind != START)
			continue;
		depth++;
		if (!own && event->text && !strcmp(event->text, line->file))
			own = depth;
	}
	return macros->len;
}

static size_t end_of_place(struct mt_image *image, uint64_t pc, uint64_t addr,
                           struct mt_unit_macros *macros)
{
	struct mt_line line;

	if (macros->addr != addr) {
		macros->end = mt_image_line_at(image, pc, &line) && line.file
		                  ? end_at(macros, &line)
		                  : macros->len;
		macros->addr = addr;
	}
	return macros->end;
}

/* The file that the event stands in. */
static const char *file_of(const struct mt_unit_macros *macros, size_t at)
{
	size_t closed = 0;

	while (at-- > 0) {
		if (macros->data[at].kind == END)
			closed++;
		else if (macros->data[at].kind == START && !closed--)
			return macros->data[at].text;
	}
	return NULL;
}

bool mt_macro_find(struct mt_image *image, uint64_t pc, const char *name, size_t len,
                   const char **definition, const char **file, unsigned *line)
{
	uint64_t addr = 0;
	struct mt_unit_macros *macros = macros_at(image, pc, &addr);
	struct named *named = NULL;
	size_t end, at;

	if (macros)
		HASH_FIND(hh, macros->names, name, len, named);
	if (!named)
		return false;
	end = end_of_place(image, pc, addr, macros);
	for (at = named->last; at != NONE && at >= end;)
		at = macros->data[at].earlier;
	if (at == NONE || macros->data[at].kind != DEFINE)
		return false;
	*definition = macros->data[at].text;
	if (file)
		*file = file_of(macros, at);
	if (line)
		*line = macros->data[at].line;
	return true;
}
