/* SPDX-License-Identifier: MIT */
#include "symbol/index_read.h"

#include <dwarf.h>
#include <string.h>

#include "symbol/die.h"
#include "symbol/named.h"

#define NO_STRINGS UINT64_MAX

/* A walk over the DIEs of one unit. `depth` counts the DIEs around the one that is read, the unit's
 * among them; those in `around` beyond MT_DIE_DEPTH are not kept, since no path is that long. */
struct walk {
	struct mt_index_reader *reader;
	const struct mt_index_space *space;
	const struct mt_unit *unit;
	const struct mt_index_sink *sink;
	struct mt_cursor cursor;
	uint64_t str_base;
	size_t depth;
	struct around {
		uint32_t die;
		bool is_kept; /* the sink has it */
	} around[MT_DIE_DEPTH];
	bool is_stopped;
};

/* What one DIE says of what is asked for. */
struct die {
	uint32_t position;
	const struct mt_abbrev *abbrev;
	struct mt_bytes name;
	uint64_t origins[2]; /* positions; 0: none */
	size_t origin_count;
};

int mt_index_compare_places(const void *left, const void *right)
{
	const struct mt_index_place *a = left, *b = right;

	return a->die < b->die ? -1 : a->die > b->die;
}

/* Eight bytes at a time; which hash it is matters to nobody but the files of the cache. */
uint32_t mt_index_hash(const char *name, size_t len)
{
	const uint64_t prime = 0x9e3779b97f4a7c15;
	uint64_t hash = len * prime;

	for (; len; name += 8, len -= len < 8 ? len : 8) {
		uint64_t word = 0;

		memcpy(&word, name, len < 8 ? len : 8);
		hash = (hash ^ word) * prime;
		hash ^= hash >> 29;
	}
	return (uint32_t)((hash * prime) >> 32);
}

/* ---- Values -------------------------------------------------------------- */

/* The text at that offset, without its NUL; empty when it does not end in the section. */
static struct mt_bytes text_at(struct mt_bytes section, uint64_t offset)
{
	const uint8_t *at, *nul;

	if (offset >= section.size)
		return (struct mt_bytes){ 0 };
	at = section.data + offset;
	nul = memchr(at, 0, section.size - offset);
	return (struct mt_bytes){ at, nul ? (size_t)(nul - at) : 0 };
}

static struct mt_bytes indexed_text(const struct walk *walk, uint64_t index)
{
	struct mt_bytes offsets = walk->space->str_offsets;
	uint32_t offset;

	if (walk->str_base > offsets.size || index >= (offsets.size - walk->str_base) / 4)
		return (struct mt_bytes){ 0 };
	memcpy(&offset, offsets.data + walk->str_base + 4 * index, sizeof(offset));
	return text_at(walk->space->str, offset);
}

static struct mt_bytes inline_text(struct mt_cursor *cursor)
{
	struct mt_bytes text =
	    text_at((struct mt_bytes){ cursor->at, (size_t)(cursor->end - cursor->at) }, 0);

	mt_cursor_skip(cursor, text.size + 1);
	return text;
}

static struct mt_bytes read_name(struct walk *walk, unsigned form)
{
	struct mt_cursor *cursor = &walk->cursor;

	switch (form) {
	case DW_FORM_string:
		return inline_text(cursor);
	case DW_FORM_strp:
		return text_at(walk->space->str, mt_cursor_fixed(cursor, 4));
	case DW_FORM_line_strp:
		return text_at(walk->space->line_str, mt_cursor_fixed(cursor, 4));
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		return text_at(walk->space->alt_str, mt_cursor_fixed(cursor, 4));
	case DW_FORM_strx1:
		return indexed_text(walk, mt_cursor_fixed(cursor, 1));
	case DW_FORM_strx2:
		return indexed_text(walk, mt_cursor_fixed(cursor, 2));
	case DW_FORM_strx3:
		return indexed_text(walk, mt_cursor_fixed(cursor, 3));
	case DW_FORM_strx4:
		return indexed_text(walk, mt_cursor_fixed(cursor, 4));
	case DW_FORM_strx:
	case DW_FORM_GNU_str_index:
		return indexed_text(walk, mt_cursor_uleb(cursor));
	default:
		cursor->bad = true;
		return (struct mt_bytes){ 0 };
	}
}

/* The position in the section of this space that an offset in it is; 0: it is outside. */
static uint64_t position_in(const struct mt_index_space *space, uint64_t offset)
{
	return offset < space->bytes.size ? space->base + offset : 0;
}

static uint64_t position_in_unit(const struct walk *walk, uint64_t offset)
{
	return offset < walk->unit->end - walk->unit->offset
	           ? position_in(walk->space, walk->unit->offset + offset)
	           : 0;
}

static uint64_t position_in_alternate(const struct walk *walk, uint64_t offset)
{
	return offset < walk->space->alt_size ? walk->space->alt_base + offset : 0;
}

/* 0: it leads to nowhere, or to a type unit. */
static uint64_t read_reference(struct walk *walk, unsigned form)
{
	struct mt_cursor *cursor = &walk->cursor;

	switch (form) {
	case DW_FORM_ref1:
		return position_in_unit(walk, mt_cursor_fixed(cursor, 1));
	case DW_FORM_ref2:
		return position_in_unit(walk, mt_cursor_fixed(cursor, 2));
	case DW_FORM_ref4:
		return position_in_unit(walk, mt_cursor_fixed(cursor, 4));
	case DW_FORM_ref8:
		return position_in_unit(walk, mt_cursor_fixed(cursor, 8));
	case DW_FORM_ref_udata:
		return position_in_unit(walk, mt_cursor_uleb(cursor));
	case DW_FORM_ref_addr:
		return position_in(walk->space,
		                   mt_cursor_fixed(cursor, walk->reader->version < 3
		                                               ? walk->reader->address_size
		                                               : 4));
	case DW_FORM_ref_sup4:
	case DW_FORM_GNU_ref_alt:
		return position_in_alternate(walk, mt_cursor_fixed(cursor, 4));
	case DW_FORM_ref_sup8:
		return position_in_alternate(walk, mt_cursor_fixed(cursor, 8));
	case DW_FORM_ref_sig8:
		mt_cursor_skip(cursor, 8);
		return 0;
	default:
		cursor->bad = true;
		return 0;
	}
}

/* ---- DIEs ---------------------------------------------------------------- */

static void read_str_base(struct walk *walk, unsigned form)
{
	if (form != DW_FORM_sec_offset && form != DW_FORM_data4)
		walk->cursor.bad = true;
	else
		walk->str_base = mt_cursor_fixed(&walk->cursor, 4);
}

static void read_die(struct walk *walk, struct die *die)
{
	for (size_t i = 0; i < die->abbrev->count && !walk->cursor.bad; i++) {
		const struct mt_abbrev_step *step =
		    &walk->reader->abbrevs.steps.data[die->abbrev->first + i];

		switch (step->kind) {
		case MT_STEP_NAME:
			die->name = read_name(walk, step->form);
			break;
		case MT_STEP_ORIGIN:
			if (die->origin_count == 2)
				walk->cursor.bad = true;
			else
				die->origins[die->origin_count++] =
				    read_reference(walk, step->form);
			break;
		case MT_STEP_STR_BASE:
			read_str_base(walk, step->form);
			break;
		default:
			mt_cursor_step(&walk->cursor, step);
		}
	}
}

static uint32_t parent_of(const struct walk *walk, size_t depth)
{
	return depth > 1 ? walk->around[depth - 1].die : 0;
}

/* The DIEs around the one that is told about, from within, up to those that were told before. */
static void keep_parents(struct walk *walk)
{
	for (size_t i = walk->depth - 1; i > 0 && !walk->around[i].is_kept; i--) {
		const struct mt_index_place parent = { .die = walk->around[i].die,
			                               .parent = parent_of(walk, i) };

		walk->around[i].is_kept = true;
		if (!walk->sink->parent(walk->sink->arg, &parent))
			walk->is_stopped = true;
	}
}

static void tell(struct walk *walk, enum mt_index_table table, uint32_t key, uint32_t position)
{
	const struct mt_index_entry entry = { .key = key,
		                              .die = position,
		                              .parent = parent_of(walk, walk->depth) };

	keep_parents(walk);
	if (!walk->sink->entry(walk->sink->arg, table, &entry))
		walk->is_stopped = true;
}

static void tell_die(struct walk *walk, const struct die *die)
{
	if (!walk->depth || walk->depth >= MT_DIE_DEPTH)
		return;
	if (die->name.size && mt_tag_is_named(die->abbrev->tag) &&
	    (die->abbrev->tag != DW_TAG_member || die->abbrev->is_static))
		tell(walk, MT_INDEX_NAMES,
		     mt_index_hash((const char *)die->name.data, die->name.size), die->position);
	for (size_t i = 0; i < die->origin_count && walk->space->has_references; i++)
		if (die->origins[i])
			tell(walk, MT_INDEX_REFERENCES, (uint32_t)die->origins[i], die->position);
}

static void enter(struct walk *walk, uint32_t position)
{
	if (walk->depth < MT_DIE_DEPTH)
		walk->around[walk->depth] = (struct around){ .die = position };
	walk->depth++;
}

/* False at the end of the unit, and where it is bad. */
static bool next_die(struct walk *walk)
{
	const uint8_t *start = walk->cursor.at;
	uint64_t code = mt_cursor_uleb(&walk->cursor);
	struct die die = { .position =
		               walk->space->base + (uint32_t)(start - walk->space->bytes.data) };

	if (walk->cursor.bad)
		return false;
	if (!code) {
		if (walk->depth)
			walk->depth--;
		return walk->depth > 0;
	}
	die.abbrev = mt_abbrev_of(&walk->reader->abbrevs, code);
	if (!die.abbrev) {
		walk->cursor.bad = true;
		return false;
	}
	read_die(walk, &die);
	if (walk->cursor.bad)
		return false;
	tell_die(walk, &die);
	if (die.abbrev->has_children)
		enter(walk, die.position);
	return walk->depth > 0 && walk->cursor.at < walk->cursor.end && !walk->is_stopped;
}

/* ---- Units --------------------------------------------------------------- */

/* Of the unit's header: DWARF 5 section 7.5.1. False: 64-bit DWARF, or damaged. */
static bool read_header(struct mt_cursor *cursor, uint64_t *abbrevs, unsigned *version,
                        unsigned *address_size)
{
	uint64_t length = mt_cursor_fixed(cursor, 4);

	*version = (unsigned)mt_cursor_fixed(cursor, 2);
	if (*version >= 5)
		mt_cursor_skip(cursor, 1); /* its kind */
	else
		*abbrevs = mt_cursor_fixed(cursor, 4);
	*address_size = (unsigned)mt_cursor_fixed(cursor, 1);
	if (*version >= 5)
		*abbrevs = mt_cursor_fixed(cursor, 4);
	return !cursor->bad && length < 0xfffffff0 && *version >= 2 && *version <= 5 &&
	       (*address_size == 4 || *address_size == 8);
}

/* Units often share a table, and those that do stand together. */
static bool has_abbrevs(struct mt_index_reader *reader, struct mt_bytes section, uint64_t offset,
                        unsigned version, unsigned address_size)
{
	const uint8_t *place = offset < section.size ? section.data + offset : NULL;

	if (!place)
		return false;
	if (place == reader->abbrevs_of && version == reader->version &&
	    address_size == reader->address_size)
		return true;
	reader->abbrevs_of = NULL;
	if (!mt_abbrevs_read(&reader->abbrevs, section, offset, version, address_size))
		return false;
	reader->abbrevs_of = place;
	reader->version = version;
	reader->address_size = address_size;
	return true;
}

enum mt_index_outcome mt_index_read_unit(struct mt_index_reader *reader,
                                         const struct mt_index_space *space,
                                         const struct mt_unit *unit,
                                         const struct mt_index_sink *sink)
{
	const uint8_t *bytes = space->bytes.data;
	struct walk walk = { .reader = reader, .space = space, .unit = unit, .sink = sink };
	unsigned version, address_size;
	uint64_t abbrevs = 0;

	if (unit->end > space->bytes.size || unit->die > unit->end || unit->offset > unit->die)
		return MT_INDEX_UNREADABLE;
	walk.cursor = (struct mt_cursor){ .at = bytes + unit->offset, .end = bytes + unit->end };
	if (!read_header(&walk.cursor, &abbrevs, &version, &address_size) ||
	    !has_abbrevs(reader, space->abbrev, abbrevs, version, address_size))
		return MT_INDEX_UNREADABLE;
	walk.str_base = !space->is_split ? NO_STRINGS : version < 5 ? 0 : 8;
	walk.cursor.at = bytes + unit->die;
	while (next_die(&walk))
		continue;
	return walk.is_stopped   ? MT_INDEX_STOPPED
	       : walk.cursor.bad ? MT_INDEX_UNREADABLE
	                         : MT_INDEX_READ;
}

void mt_index_reader_deinit(struct mt_index_reader *reader)
{
	mt_abbrevs_deinit(&reader->abbrevs);
}
