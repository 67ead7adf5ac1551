/* SPDX-License-Identifier: MIT */
#include <dwarf.h>
#include <string.h>

#include "base/alloc.h"
#include "symbol/die.h"
#include "symbol/type_dwarf.h"

struct ranges {
	struct mt_variant_range *data;
	size_t len;
	size_t cap;
};

/* ---- The values of a variant: DWARF 5 section 5.7.10 ----------------------- */

struct bytes {
	const uint8_t *at, *end;
};

/* A LEB128, signed or not (section 7.6). False at the end, or for one that doesn't end in time. */
static bool read_leb(struct bytes *bytes, bool is_signed, int64_t *value)
{
	uint64_t bits = 0;

	for (unsigned shift = 0; bytes->at < bytes->end && shift < 64; shift += 7) {
		uint8_t byte = *bytes->at++;

		bits |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (is_signed && (byte & 0x40) && shift + 7 < 64)
			bits |= ~0ull << (shift + 7);
		*value = (int64_t)bits;
		return true;
	}
	return false;
}

static bool read_list(Dwarf_Die *die, bool is_signed, struct ranges *ranges)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;

	if (!dwarf_attr(die, DW_AT_discr_list, &attr) || dwarf_formblock(&attr, &block) != 0)
		return false;

	struct bytes bytes = { block.data, block.data + block.length };

	while (bytes.at < bytes.end) {
		bool is_range = *bytes.at++ == DW_DSC_range;
		struct mt_variant_range range;

		if (!read_leb(&bytes, is_signed, &range.low))
			break;
		range.high = range.low;
		if (is_range && !read_leb(&bytes, is_signed, &range.high))
			break;
		if (!mt_vec_push(ranges, range))
			break;
	}
	return true;
}

static void read_values(Dwarf_Die *die, bool is_signed, struct mt_variant *variant)
{
	struct ranges ranges = { 0 };
	int64_t value;

	bool has_value = mt_die_integer(die, DW_AT_discr_value, &value);
	struct mt_variant_range range = { value, value };

	if (has_value ? !mt_vec_push(&ranges, range) : !read_list(die, is_signed, &ranges))
		variant->is_default = true;
	variant->ranges = ranges.data;
	variant->range_count = ranges.len;
}

/* ---- The variants ----------------------------------------------------------- */

static bool read_variant_member(struct mt_module_file *file, Dwarf_Die *die,
                                struct mt_member *member)
{
	Dwarf_Die child;

	if (!mt_die_child(die, &child))
		return false;
	do {
		if (dwarf_tag(&child) == DW_TAG_member && mt_type_read_member(file, &child, member))
			return true;
	} while (mt_die_sibling(&child, &child));
	return false;
}

static void read_discriminant(struct mt_module_file *file, Dwarf_Die *part,
                              struct mt_variants *variants)
{
	Dwarf_Die die;

	variants->has_discriminant = mt_die_target(part, DW_AT_discr, &die) &&
	                             mt_type_read_member(file, &die, &variants->discriminant);
}

static bool add_variant(struct mt_module_file *file, Dwarf_Die *die, struct mt_variants *variants)
{
	struct mt_variant variant = { 0 };

	if (!read_variant_member(file, die, &variant.member))
		return true;
	mt_type_complete(variant.member.type);
	read_values(die, variants->has_discriminant && variants->discriminant.type->is_signed,
	            &variant);
	if (mt_vec_push(variants, variant))
		return true;
	free(variant.ranges);
	return false;
}

static void read_variants(struct mt_module_file *file, Dwarf_Die *part,
                          struct mt_variants *variants)
{
	Dwarf_Die child;

	read_discriminant(file, part, variants);
	if (!mt_die_child(part, &child))
		return;
	do {
		if (dwarf_tag(&child) == DW_TAG_variant && !add_variant(file, &child, variants))
			return;
	} while (mt_die_sibling(&child, &child));
}

static bool find_part(Dwarf_Die *type, Dwarf_Die *part)
{
	if (!mt_die_child(type, part))
		return false;
	do {
		if (dwarf_tag(part) == DW_TAG_variant_part)
			return true;
	} while (mt_die_sibling(part, part));
	return false;
}

void mt_type_variants_free(struct mt_variants *variants)
{
	if (!variants)
		return;
	for (size_t i = 0; i < variants->len; i++)
		free(variants->data[i].ranges);
	free(variants->data);
	free(variants);
}

const struct mt_variants *mt_type_variants(const struct mt_type *type)
{
	struct mt_lazy_type *lazy = type->kind == MT_TYPE_STRUCT ? mt_type_origin(type) : NULL;
	Dwarf_Die die, part;

	if (!lazy)
		return NULL;
	if (!lazy->variants) {
		mt_type_definition_die(lazy, &die);
		lazy->variants = find_part(&die, &part) ? mt_alloc(sizeof(*lazy->variants)) : NULL;
		if (lazy->variants)
			read_variants(lazy->file, &part, lazy->variants);
	}
	return lazy->variants;
}

/* As many bits as the discriminant has: compilers write -1 as 255 too. */
static uint64_t bits_of(const struct mt_variants *variants, int64_t value)
{
	uint64_t size = variants->discriminant.type->size;

	return size < 8 ? (uint64_t)value & ((1ull << 8 * size) - 1) : (uint64_t)value;
}

static bool has_value(const struct mt_variants *variants, const struct mt_variant *variant,
                      int64_t discriminant)
{
	uint64_t bits = bits_of(variants, discriminant);

	for (size_t i = 0; i < variant->range_count; i++)
		if (bits >= bits_of(variants, variant->ranges[i].low) &&
		    bits <= bits_of(variants, variant->ranges[i].high))
			return true;
	return false;
}

const struct mt_variant *mt_variant_of(const struct mt_variants *variants, int64_t discriminant)
{
	const struct mt_variant *otherwise = NULL;

	for (size_t i = 0; i < variants->len; i++) {
		const struct mt_variant *variant = &variants->data[i];

		if (variant->is_default)
			otherwise = variant;
		else if (variants->has_discriminant && has_value(variants, variant, discriminant))
			return variant;
	}
	return otherwise;
}
