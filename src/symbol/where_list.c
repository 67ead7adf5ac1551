/* SPDX-License-Identifier: MIT */
#include <dwarf.h>

#include "symbol/where_private.h"

#define ENTRIES_OF_STEP 16 /* that take as long as a step of an expression */

/* A location list under way: DWARF 5 section 2.6.2, DWARF 4 section 2.6.2, and what GNU put into
 * the .dwo files of DWARF 4. */
struct list {
	const struct mt_where_scope *scope;
	struct mt_cfi_reader in;
	uint64_t pc;   /* a file address */
	uint64_t base; /* that offsets count from */
	uint8_t address_size;
	uint64_t low, high; /* around `pc`, where the same entry is found, or none is either */
};

/* What one entry covers, and how. */
struct entry {
	uint64_t start, end;
	bool is_end;
	bool has_range;
	bool is_default;
	struct mt_cfi_span expression;
};

static struct mt_error *damaged(const struct mt_where_scope *scope, const char *what)
{
	return mt_error_new(MT_ERR_FORMAT, "%s: damaged %s", scope->file->path, what);
}

static bool section_of(Dwarf *dwarf, const char *name, struct mt_cfi_span *span)
{
	GElf_Shdr header;
	Elf *elf = dwarf_getelf(dwarf);
	Elf_Scn *section = elf ? mt_elf_section(elf, name, &header) : NULL;
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

	if (!data || !data->d_buf)
		return false;
	*span = (struct mt_cfi_span){ data->d_buf, data->d_size };
	return true;
}

/* libdw knows where the unit's part of .debug_addr is, with -gsplit-dwarf too. */
struct mt_error *mt_where_indexed(const struct mt_where_scope *scope, uint64_t index,
                                  uint64_t *addr)
{
	Dwarf_Attribute attr = { .code = DW_AT_location, .cu = scope->cu }, indexed;
	const Dwarf_Op op = { .atom = DW_OP_addrx, .number = index };
	Dwarf_Addr found;

	if (dwarf_getlocation_attr(&attr, &op, &indexed) != 0 ||
	    dwarf_formaddr(&indexed, &found) != 0)
		return damaged(scope, "index into .debug_addr");
	*addr = found;
	return NULL;
}

/* ---- Entries ------------------------------------------------------------- */

static struct mt_error *read_indexed(struct list *list, uint64_t *addr)
{
	return mt_where_indexed(list->scope, mt_cfi_read_uleb(&list->in), addr);
}

static struct mt_error *read_start_end(struct list *list, uint8_t kind, struct entry *entry)
{
	entry->has_range = true;
	switch (kind) {
	case DW_LLE_startx_endx:
		MT_TRY(read_indexed(list, &entry->start));
		return read_indexed(list, &entry->end);
	case DW_LLE_startx_length:
		MT_TRY(read_indexed(list, &entry->start));
		entry->end = entry->start + mt_cfi_read_uleb(&list->in);
		return NULL;
	case DW_LLE_offset_pair:
		entry->start = list->base + mt_cfi_read_uleb(&list->in);
		entry->end = list->base + mt_cfi_read_uleb(&list->in);
		return NULL;
	case DW_LLE_start_end:
		entry->start = mt_cfi_read_uint(&list->in, list->address_size);
		entry->end = mt_cfi_read_uint(&list->in, list->address_size);
		return NULL;
	default: /* DW_LLE_start_length */
		entry->start = mt_cfi_read_uint(&list->in, list->address_size);
		entry->end = entry->start + mt_cfi_read_uleb(&list->in);
		return NULL;
	}
}

static struct mt_error *read_entry5(struct list *list, struct entry *entry)
{
	uint8_t kind = (uint8_t)mt_cfi_read_uint(&list->in, 1);

	switch (kind) {
	case DW_LLE_end_of_list:
		entry->is_end = true;
		return NULL;
	case DW_LLE_base_addressx:
		return read_indexed(list, &list->base);
	case DW_LLE_base_address:
		list->base = mt_cfi_read_uint(&list->in, list->address_size);
		return NULL;
	case DW_LLE_GNU_view_pair:
		mt_cfi_read_uleb(&list->in);
		mt_cfi_read_uleb(&list->in);
		return NULL;
	case DW_LLE_default_location:
		entry->is_default = true;
		break;
	case DW_LLE_startx_endx:
	case DW_LLE_startx_length:
	case DW_LLE_offset_pair:
	case DW_LLE_start_end:
	case DW_LLE_start_length:
		MT_TRY(read_start_end(list, kind, entry));
		break;
	default:
		return damaged(list->scope, "location list");
	}
	entry->expression = mt_cfi_read_span(&list->in, mt_cfi_read_uleb(&list->in));
	return NULL;
}

static struct mt_error *read_entry4(struct list *list, struct entry *entry)
{
	uint64_t start = mt_cfi_read_uint(&list->in, list->address_size);
	uint64_t end = mt_cfi_read_uint(&list->in, list->address_size);
	uint64_t selects_base = list->address_size == 4 ? UINT32_MAX : UINT64_MAX;

	if (start == selects_base) {
		list->base = end;
	} else if (!start && !end) {
		entry->is_end = true;
	} else {
		entry->has_range = true;
		entry->start = list->base + start;
		entry->end = list->base + end;
		entry->expression = mt_cfi_read_span(&list->in, mt_cfi_read_uint(&list->in, 2));
	}
	return NULL;
}

/* https://gcc.gnu.org/wiki/DebugFission: lengths of 4 bytes, indices as ULEB128. */
static struct mt_error *read_entry_fission(struct list *list, struct entry *entry)
{
	switch (mt_cfi_read_uint(&list->in, 1)) {
	case DW_LLE_GNU_end_of_list_entry:
		entry->is_end = true;
		return NULL;
	case DW_LLE_GNU_base_address_selection_entry:
		return read_indexed(list, &list->base);
	case DW_LLE_GNU_start_end_entry:
		MT_TRY(read_indexed(list, &entry->start));
		MT_TRY(read_indexed(list, &entry->end));
		break;
	case DW_LLE_GNU_start_length_entry:
		MT_TRY(read_indexed(list, &entry->start));
		entry->end = entry->start + mt_cfi_read_uint(&list->in, 4);
		break;
	default:
		return damaged(list->scope, "location list");
	}
	entry->has_range = true;
	entry->expression = mt_cfi_read_span(&list->in, mt_cfi_read_uint(&list->in, 2));
	return NULL;
}

/* ---- A list -------------------------------------------------------------- */

typedef struct mt_error *(*entry_reader)(struct list *list, struct entry *entry);

static bool covers(struct list *list, const struct entry *entry)
{
	bool found = entry->has_range && list->pc >= entry->start && list->pc < entry->end;
	uint64_t low = entry->start, high = entry->end;

	if (!entry->has_range || high <= low)
		return found;
	if (!found && list->pc < low) {
		high = low;
		low = 0;
	} else if (!found) {
		low = high;
		high = UINT64_MAX;
	}
	list->low = low > list->low ? low : list->low;
	list->high = high < list->high ? high : list->high;
	return found;
}

static struct mt_error *search(struct list *list, entry_reader read, struct mt_cfi_span *expression)
{
	struct mt_cfi_span otherwise = { 0 };

	for (size_t i = 0; !list->in.failed; i++) {
		struct entry entry = { 0 };

		if (i % ENTRIES_OF_STEP == 0)
			MT_TRY(mt_where_charge(list->scope, 1));
		MT_TRY(read(list, &entry));
		if (list->in.failed)
			break;
		if (entry.is_end) {
			*expression = otherwise;
			return NULL;
		}
		if (entry.is_default)
			otherwise = entry.expression;
		if (covers(list, &entry)) {
			*expression = entry.expression;
			return NULL;
		}
	}
	return damaged(list->scope, "location list");
}

/* The section and the way to read it. False: the file has none. */
static bool open_list(Dwarf_CU *cu, uint8_t *address_size, struct mt_cfi_span *section,
                      entry_reader *read)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(cu);
	Dwarf_Half version;
	uint8_t type;

	if (dwarf_cu_info(cu, &version, &type, NULL, NULL, NULL, address_size, NULL) != 0 ||
	    *address_size > sizeof(uint64_t))
		return false;

	bool is_split = type == DW_UT_split_compile;

	if (version >= 5) {
		*read = read_entry5;
		return section_of(dwarf, is_split ? ".debug_loclists.dwo" : ".debug_loclists",
		                  section);
	}
	*read = is_split ? read_entry_fission : read_entry4;
	return section_of(dwarf, is_split ? ".debug_loc.dwo" : ".debug_loc", section);
}

/* DW_FORM_loclistx counts entries of a table of offsets: DWARF 5 section 7.29. That of a .dwo file
 * is the only one there, behind the section's header. libdw 0.188 gives the index as it is. */
static bool indexed_offset(Dwarf_CU *cu, struct mt_cfi_span section, uint64_t index,
                           uint64_t *offset)
{
	Dwarf_Attribute attr;
	Dwarf_Die unit;
	Dwarf_Word base;
	uint8_t size;
	uint64_t at;

	if (!dwarf_cu_die(cu, &unit, NULL, NULL, NULL, &size, NULL, NULL))
		return false;
	if (dwarf_formudata(dwarf_attr(&unit, DW_AT_loclists_base, &attr), &base) != 0)
		base = size == 8 ? 20 : 12;
	if (__builtin_mul_overflow(index, size, &at) || __builtin_add_overflow(at, base, &at) ||
	    at > section.len || size > section.len - at || size > sizeof(*offset))
		return false;

	struct mt_cfi_reader in =
	    mt_cfi_reader_of((struct mt_cfi_span){ section.bytes + at, size });

	*offset = mt_cfi_read_uint(&in, size) + base;
	return true;
}

/* Addresses of the file become those of the process. */
static void narrow(const struct mt_where_scope *scope, const struct list *list)
{
	struct mt_where_uses *uses = scope->frame->uses;
	uint64_t low = list->low ? list->low + scope->bias : 0;
	uint64_t high = list->high == UINT64_MAX ? UINT64_MAX : list->high + scope->bias;

	if (!uses)
		return;
	uses->low = low > uses->low ? low : uses->low;
	uses->high = high < uses->high ? high : uses->high;
}

static struct mt_error *find_in_list(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                                     struct mt_cfi_span *expression)
{
	struct list list = { .scope = scope,
		             .pc = scope->frame->pc - scope->bias,
		             .high = UINT64_MAX };
	Dwarf_Die unit = scope->unit;
	struct mt_cfi_span section;
	entry_reader read;
	Dwarf_Word offset;
	struct mt_error *error;

	if (dwarf_formudata(attr, &offset) != 0 ||
	    !open_list(scope->cu, &list.address_size, &section, &read) ||
	    (dwarf_whatform(attr) == DW_FORM_loclistx &&
	     !indexed_offset(scope->cu, section, offset, &offset)) ||
	    offset > section.len)
		return damaged(scope, "reference to a location list");
	if (dwarf_lowpc(&unit, &list.base) != 0)
		list.base = 0;
	list.in =
	    mt_cfi_reader_of((struct mt_cfi_span){ section.bytes + offset, section.len - offset });
	error = search(&list, read, expression);
	narrow(scope, &list);
	return error;
}

static bool is_block(unsigned form)
{
	return form == DW_FORM_exprloc || form == DW_FORM_block || form == DW_FORM_block1 ||
	       form == DW_FORM_block2 || form == DW_FORM_block4;
}

struct mt_error *mt_where_expression(const struct mt_where_scope *scope, Dwarf_Attribute *attr,
                                     struct mt_cfi_span *expression)
{
	Dwarf_Block block;

	if (!is_block(dwarf_whatform(attr)))
		return find_in_list(scope, attr, expression);
	if (dwarf_formblock(attr, &block) != 0)
		return damaged(scope, "location");
	*expression = (struct mt_cfi_span){ block.data, block.length };
	return NULL;
}
