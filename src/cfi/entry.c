/* SPDX-License-Identifier: MIT */
#include "cfi/entry.h"

#include "cfi/constants.h"

#define LENGTH_IS_64_BIT 0xffffffff

/* The start of a CIE or FDE; `body` stands after the identifier. */
struct entry {
	struct mt_cfi_reader body;
	uint64_t id;
	size_t id_offset;
	bool is_cie;
};

static uint64_t address_of(const struct mt_cfi_section *section, const uint8_t *at)
{
	return section->addr + (uint64_t)(at - section->span.bytes);
}

static bool entry_read(const struct mt_cfi_section *section, size_t offset, size_t *next,
                       struct entry *entry)
{
	struct mt_cfi_reader in = mt_cfi_reader_of(section->span);
	uint64_t len;
	bool wide;

	*next = section->span.len;
	mt_cfi_read_span(&in, offset);
	len = mt_cfi_read_uint(&in, 4);
	if (len == 0 && section->is_eh_frame)
		return false; /* the terminator: what follows is no entry */
	wide = len == LENGTH_IS_64_BIT;
	if (wide)
		len = mt_cfi_read_uint(&in, 8);
	entry->body = mt_cfi_reader_of(mt_cfi_read_span(&in, len));
	if (in.failed)
		return false;
	*next = (size_t)(in.at - section->span.bytes);

	entry->id_offset = (size_t)(entry->body.at - section->span.bytes);
	/* In .eh_frame the identifier has 4 bytes after a long length too (LSB core 5.0, 10.6.1).
	 */
	wide = wide && !section->is_eh_frame;
	entry->id = mt_cfi_read_uint(&entry->body, wide ? 8 : 4);
	if (section->is_eh_frame)
		entry->is_cie = entry->id == 0;
	else
		entry->is_cie = entry->id == (wide ? DW_CIE_ID_64 : DW_CIE_ID_32);
	return !entry->body.failed;
}

bool mt_cfi_read_pointer(struct mt_cfi_reader *in, enum mt_machine machine, uint8_t encoding,
                         uint64_t here, uint64_t *value)
{
	uint64_t number;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
		number = mt_cfi_read_uint(in, mt_machine_word(machine));
		break;
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		number = mt_cfi_read_uint(in, 8);
		break;
	case DW_EH_PE_uleb128:
		number = mt_cfi_read_uleb(in);
		break;
	case DW_EH_PE_sleb128:
		number = (uint64_t)mt_cfi_read_sleb(in);
		break;
	case DW_EH_PE_udata2:
		number = mt_cfi_read_uint(in, 2);
		break;
	case DW_EH_PE_sdata2:
		number = (uint64_t)mt_cfi_read_int(in, 2);
		break;
	case DW_EH_PE_udata4:
		number = mt_cfi_read_uint(in, 4);
		break;
	case DW_EH_PE_sdata4:
		number = (uint64_t)mt_cfi_read_int(in, 4);
		break;
	default:
		return false;
	}
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		number += here;
	else if (encoding & 0xf0)
		return false;
	*value = mt_machine_wrap(machine, number);
	return !in->failed;
}

/* The letters after 'z', each with its data (LSB core 5.0, 10.6.1.1). What an unknown one means for
 * the rules cannot be known, so it fails. */
static bool augmentation_read(enum mt_machine machine, struct mt_cfi_reader *letters,
                              struct mt_cfi_reader *data, struct mt_cfi_cie *cie)
{
	uint64_t unused;

	while (mt_cfi_left(letters)) {
		switch (mt_cfi_read_uint(letters, 1)) {
		case 'R':
			cie->pointer_encoding = (uint8_t)mt_cfi_read_uint(data, 1);
			break;
		case 'S':
			cie->is_signal = true;
			break;
		case 'L':
			mt_cfi_read_uint(data, 1);
			break;
		case 'P':
			/* The personality routine: only the size of the pointer matters. */
			if (!mt_cfi_read_pointer(data, machine, mt_cfi_read_uint(data, 1) & 0x0f, 0,
			                         &unused))
				return false;
			break;
		default:
			return false;
		}
	}
	return !data->failed;
}

/* Reads a string and its NUL. */
static struct mt_cfi_span string_read(struct mt_cfi_reader *in)
{
	const uint8_t *nul = memchr(in->at, 0, mt_cfi_left(in));
	struct mt_cfi_span text = mt_cfi_read_span(in, nul ? (uint64_t)(nul - in->at) : UINT64_MAX);

	mt_cfi_read_uint(in, 1);
	return text;
}

static bool cie_read(const struct mt_cfi_section *section, uint64_t offset, struct mt_cfi_cie *cie)
{
	struct entry entry;
	struct mt_cfi_reader *in = &entry.body, letters, data;
	uint64_t version;
	size_t next;

	if (offset > section->span.len || !entry_read(section, (size_t)offset, &next, &entry) ||
	    !entry.is_cie)
		return false;
	*cie = (struct mt_cfi_cie){ .pointer_encoding = DW_EH_PE_absptr };
	version = mt_cfi_read_uint(in, 1);
	letters = mt_cfi_reader_of(string_read(in));
	/* DWARF 2 has version 1, DWARF 3 has 3, DWARF 4 and 5 have 4: with the sizes of an address
	 * and of a segment selector. */
	if (version == 4 && (mt_cfi_read_uint(in, 1) != mt_machine_word(section->machine) ||
	                     mt_cfi_read_uint(in, 1) != 0))
		return false;
	if (version != 1 && version != 3 && version != 4)
		return false;
	cie->code_align = mt_cfi_read_uleb(in);
	cie->data_align = mt_cfi_read_sleb(in);
	cie->return_column = version == 1 ? mt_cfi_read_uint(in, 1) : mt_cfi_read_uleb(in);
	if (mt_cfi_left(&letters)) {
		if (mt_cfi_read_uint(&letters, 1) != 'z')
			return false;
		cie->has_augmentation = true;
		data = mt_cfi_reader_of(mt_cfi_read_span(in, mt_cfi_read_uleb(in)));
		if (!augmentation_read(section->machine, &letters, &data, cie))
			return false;
	}
	cie->program = mt_cfi_read_span(in, mt_cfi_left(in));
	return !in->failed;
}

bool mt_cfi_fde_read(const struct mt_cfi_section *section, size_t offset, size_t *next,
                     struct mt_cfi_fde *fde)
{
	struct entry entry;
	struct mt_cfi_reader *in = &entry.body;
	struct mt_cfi_fde read;
	uint64_t size;

	if (!entry_read(section, offset, next, &entry) || entry.is_cie)
		return false;
	/* .eh_frame counts back from the field, .debug_frame from the section's start. */
	if (!cie_read(section, section->is_eh_frame ? entry.id_offset - entry.id : entry.id,
	              &read.cie))
		return false;
	if (!mt_cfi_read_pointer(in, section->machine, read.cie.pointer_encoding,
	                         address_of(section, in->at), &read.start) ||
	    !mt_cfi_read_pointer(in, section->machine, read.cie.pointer_encoding & 0x0f, 0, &size))
		return false;
	read.end = read.start + size;
	if (read.cie.has_augmentation)
		mt_cfi_read_span(in, mt_cfi_read_uleb(in));
	read.program = mt_cfi_read_span(in, mt_cfi_left(in));
	if (in->failed || read.end < read.start)
		return false;
	*fde = read;
	return true;
}
