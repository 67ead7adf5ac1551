/* SPDX-License-Identifier: MIT */
#include "x86/regtable.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>

#define XSAVE_HEADER 512 /* where XSTATE_BV lies (Intel SDM volume 1, 13.4.2) */
#define FXSAVE_FSW 2
#define FXSAVE_ST 32
#define FXSAVE_XMM 160
#define CPUID_XSAVE_LEAF 0xd

/* ---- The layout of the XSAVE area ---------------------------------------- */

void mt_xsave_layout_read(struct mt_xsave_layout *layout)
{
	unsigned a, b, c, d;

	*layout = (struct mt_xsave_layout){ 0 };
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) ||
	    !__get_cpuid_count(CPUID_XSAVE_LEAF, 0, &a, &b, &c, &d))
		return;
	layout->size = b;
	layout->enabled = (uint64_t)d << 32 | a;
	layout->length[MT_XSTATE_X87] = FXSAVE_XMM;
	layout->length[MT_XSTATE_SSE] = XSAVE_HEADER;
	for (unsigned i = MT_XSTATE_YMM; i < MT_XSTATE_COUNT; i++) {
		if (!(layout->enabled >> i & 1) ||
		    !__get_cpuid_count(CPUID_XSAVE_LEAF, i, &a, &b, &c, &d))
			continue;
		layout->length[i] = a;
		layout->offset[i] = b;
		layout->aligned |= (uint64_t)(c >> 1 & 1) << i;
	}
}

/* ---- The table ----------------------------------------------------------- */

#define MAX_REGISTERS 320
#define BUCKETS 256

static struct {
	struct mt_register entries[MAX_REGISTERS];
	size_t count;
	/* By their names' hash: numbers of entries from 1 on, 0 for none. Every $name of an
	 * expression is looked for here. */
	uint16_t first[BUCKETS];
	uint16_t next[MAX_REGISTERS];
} table;

static size_t bucket_of(const char *name)
{
	size_t hash = 0;

	for (; *name; name++)
		hash = hash * 31 + (unsigned char)*name;
	return hash % BUCKETS;
}

static struct mt_register *add(const char *name, enum mt_register_group group,
                               enum mt_register_kind kind)
{
	struct mt_register *reg = &table.entries[table.count++];

	snprintf(reg->name, sizeof(reg->name), "%s", name);
	reg->group = (uint8_t)group;
	reg->kind = (uint8_t)kind;
	reg->dwarf = MT_REG_NONE;
	table.next[table.count - 1] = table.first[bucket_of(name)];
	table.first[bucket_of(name)] = (uint16_t)table.count;
	return reg;
}

static void add_piece(struct mt_register *reg, bool general, enum mt_xstate component,
                      size_t offset, size_t size)
{
	reg->pieces[reg->piece_count++] =
	    (struct mt_register_piece){ .general = general,
		                        .component = (uint8_t)component,
		                        .offset = (uint16_t)offset,
		                        .size = (uint16_t)size };
	reg->size = (uint16_t)(reg->size + size);
}

/* clang-format off */
#define USER(name, size, kind, dwarf)                                                              \
	{ #name, offsetof(struct user_regs_struct, name), size, kind, dwarf }

static const struct general {
	const char *name;
	size_t offset;
	uint8_t size;
	uint8_t kind;
	uint8_t dwarf;
} generals[] = {
	USER(rax, 8, MT_REGISTER_INTEGER, MT_REG_RAX), USER(rbx, 8, MT_REGISTER_INTEGER, MT_REG_RBX),
	USER(rcx, 8, MT_REGISTER_INTEGER, MT_REG_RCX), USER(rdx, 8, MT_REGISTER_INTEGER, MT_REG_RDX),
	USER(rsi, 8, MT_REGISTER_INTEGER, MT_REG_RSI), USER(rdi, 8, MT_REGISTER_INTEGER, MT_REG_RDI),
	USER(rbp, 8, MT_REGISTER_DATA, MT_REG_RBP), USER(rsp, 8, MT_REGISTER_DATA, MT_REG_RSP),
	USER(r8, 8, MT_REGISTER_INTEGER, MT_REG_R8), USER(r9, 8, MT_REGISTER_INTEGER, MT_REG_R9),
	USER(r10, 8, MT_REGISTER_INTEGER, MT_REG_R10), USER(r11, 8, MT_REGISTER_INTEGER, MT_REG_R11),
	USER(r12, 8, MT_REGISTER_INTEGER, MT_REG_R12), USER(r13, 8, MT_REGISTER_INTEGER, MT_REG_R13),
	USER(r14, 8, MT_REGISTER_INTEGER, MT_REG_R14), USER(r15, 8, MT_REGISTER_INTEGER, MT_REG_R15),
	USER(rip, 8, MT_REGISTER_CODE, MT_REG_RIP), USER(eflags, 4, MT_REGISTER_FLAGS, MT_REG_RFLAGS),
	USER(cs, 4, MT_REGISTER_INTEGER, MT_REG_NONE), USER(ss, 4, MT_REGISTER_INTEGER, MT_REG_NONE),
	USER(ds, 4, MT_REGISTER_INTEGER, MT_REG_NONE), USER(es, 4, MT_REGISTER_INTEGER, MT_REG_NONE),
	USER(fs, 4, MT_REGISTER_INTEGER, MT_REG_NONE), USER(gs, 4, MT_REGISTER_INTEGER, MT_REG_NONE),
	USER(fs_base, 8, MT_REGISTER_INTEGER, MT_REG_NONE),
	USER(gs_base, 8, MT_REGISTER_INTEGER, MT_REG_NONE),
	USER(orig_rax, 8, MT_REGISTER_INTEGER, MT_REG_NONE),
};

static const struct {
	const char *name;
	uint16_t offset;
	uint16_t size;
} controls[] = {
	{ "fctrl", 0, 2 }, { "fstat", FXSAVE_FSW, 2 }, { "ftag", 4, 1 }, { "fop", 6, 2 },
	{ "fip", 8, 8 },   { "fdp", 16, 8 },
};
/* clang-format on */

static void add_generals(void)
{
	for (size_t i = 0; i < sizeof(generals) / sizeof(*generals); i++) {
		struct mt_register *reg = add(generals[i].name, MT_GROUP_GENERAL, generals[i].kind);

		reg->dwarf = generals[i].dwarf;
		add_piece(reg, true, 0, generals[i].offset, generals[i].size);
	}
}

static size_t general_offset(uint8_t dwarf)
{
	for (size_t i = 0; i < sizeof(generals) / sizeof(*generals); i++)
		if (generals[i].dwarf == dwarf)
			return generals[i].offset;
	return 0;
}

static const struct mt_register *find(const char *name)
{
	for (size_t i = table.first[bucket_of(name)]; i; i = table.next[i - 1])
		if (!strcmp(table.entries[i - 1].name, name))
			return &table.entries[i - 1];
	return NULL;
}

/* The parts that regs.h has names for. */
static void add_parts(void)
{
	const struct mt_reg_part *part;

	for (size_t i = 0; (part = mt_reg_part_at(i)); i++) {
		if (find(part->name))
			continue;

		struct mt_register *reg = add(part->name, MT_GROUP_PART, MT_REGISTER_INTEGER);

		if (part->reg == MT_REG_RIP)
			reg->kind = MT_REGISTER_CODE;
		else if (part->size == 8 && (part->reg == MT_REG_RSP || part->reg == MT_REG_RBP))
			reg->kind = MT_REGISTER_DATA;
		else if (part->reg == MT_REG_RFLAGS)
			reg->kind = MT_REGISTER_FLAGS;
		reg->dwarf = part->reg;
		add_piece(reg, true, 0, general_offset(part->reg) + part->shift / 8, part->size);
	}
}

static struct mt_register *add_numbered(const char *stem, unsigned i, enum mt_register_group group,
                                        enum mt_register_kind kind)
{
	char name[16];

	snprintf(name, sizeof(name), "%s%u", stem, i);
	return add(name, group, kind);
}

static void add_x87(void)
{
	for (unsigned i = 0; i < 8; i++)
		add_piece(add_numbered("st", i, MT_GROUP_FLOAT, MT_REGISTER_FLOAT), false,
		          MT_XSTATE_X87, FXSAVE_ST + 16 * i, 10);
	for (size_t i = 0; i < sizeof(controls) / sizeof(*controls); i++)
		add_piece(add(controls[i].name, MT_GROUP_FLOAT, MT_REGISTER_INTEGER), false,
		          MT_XSTATE_X87, controls[i].offset, controls[i].size);
	for (unsigned i = 0; i < 8; i++) {
		struct mt_register *reg =
		    add_numbered("mm", i, MT_GROUP_VECTOR, MT_REGISTER_VECTOR);

		reg->physical = (uint8_t)(i + 1);
		add_piece(reg, false, MT_XSTATE_X87, FXSAVE_ST, 8);
	}
}

/* xmm, ymm and zmm are the first 16, 32 and 64 bytes of one register. */
static void add_vectors(const char *stem, size_t size)
{
	for (unsigned i = 0; i < 32; i++) {
		struct mt_register *reg =
		    add_numbered(stem, i, MT_GROUP_VECTOR, MT_REGISTER_VECTOR);

		if (i >= 16) {
			add_piece(reg, false, MT_XSTATE_HI_ZMM, 64 * (i - 16), size);
			continue;
		}
		add_piece(reg, false, MT_XSTATE_SSE, FXSAVE_XMM + 16 * i, 16);
		if (size > 16)
			add_piece(reg, false, MT_XSTATE_YMM, 16 * i, 16);
		if (size > 32)
			add_piece(reg, false, MT_XSTATE_ZMM, 32 * i, 32);
	}
}

static void build(void)
{
	if (table.count)
		return;
	add_generals();
	add_parts();
	add_x87();
	add_piece(add("mxcsr", MT_GROUP_VECTOR, MT_REGISTER_INTEGER), false, MT_XSTATE_SSE, 24, 4);
	add_vectors("xmm", 16);
	add_vectors("ymm", 32);
	add_vectors("zmm", 64);
	for (unsigned i = 0; i < 8; i++)
		add_piece(add_numbered("k", i, MT_GROUP_MASK, MT_REGISTER_INTEGER), false,
		          MT_XSTATE_K, 8 * i, 8);
	add_piece(add("pkru", MT_GROUP_SYSTEM, MT_REGISTER_INTEGER), false, MT_XSTATE_PKRU, 0, 4);
}

size_t mt_register_count(void)
{
	build();
	return table.count;
}

const struct mt_register *mt_register_at(size_t i)
{
	build();
	return &table.entries[i];
}

const struct mt_register *mt_register_find(const char *name)
{
	build();
	return find(name);
}

bool mt_register_exists(const struct mt_register *reg, const struct mt_xsave_layout *layout)
{
	for (size_t i = 0; i < reg->piece_count; i++)
		if (!reg->pieces[i].general && !(layout->enabled >> reg->pieces[i].component & 1))
			return false;
	return true;
}

bool mt_register_in_xsave(const struct mt_register *reg)
{
	return !reg->pieces[0].general;
}

/* ---- Values -------------------------------------------------------------- */

/* ST(i) is physical register (TOP + i) mod 8 (Intel SDM volume 1, 8.1.2); MMi is the physical one.
 */
static size_t physical_offset(const struct mt_register *reg, const struct mt_register_areas *areas)
{
	unsigned top = areas->xsave[FXSAVE_FSW + 1] >> 3 & 7;

	return reg->physical ? 16 * ((reg->physical - 1 - top) & 7) : 0;
}

/* Where the piece lies; NULL: not in these areas. */
static uint8_t *place_of(const struct mt_register *reg, size_t i,
                         const struct mt_register_areas *areas)
{
	const struct mt_register_piece *piece = &reg->pieces[i];

	if (piece->general)
		return (uint8_t *)areas->general + piece->offset;
	if (!areas->xsave || areas->xsave_size < XSAVE_HEADER)
		return NULL;

	size_t start = areas->layout->offset[piece->component];
	size_t offset = start + piece->offset + physical_offset(reg, areas);

	if (offset + piece->size > areas->xsave_size ||
	    piece->offset + piece->size > areas->layout->length[piece->component])
		return NULL;
	return areas->xsave + offset;
}

bool mt_register_get(const struct mt_register *reg, const struct mt_register_areas *areas,
                     void *out)
{
	uint8_t bytes[MT_REGISTER_MAX_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < reg->piece_count; i++) {
		const uint8_t *place = place_of(reg, i, areas);

		if (!place)
			return false;
		memcpy(bytes + len, place, reg->pieces[i].size);
		len += reg->pieces[i].size;
	}
	memcpy(out, bytes, len);
	return true;
}

static void mark_used(const struct mt_register_areas *areas, uint8_t component)
{
	if (areas->xsave_size > (size_t)XSAVE_HEADER + component / 8)
		areas->xsave[XSAVE_HEADER + component / 8] |= (uint8_t)(1U << component % 8);
}

bool mt_register_put(const struct mt_register *reg, const struct mt_register_areas *areas,
                     const void *value)
{
	const uint8_t *bytes = value;

	for (size_t i = 0; i < reg->piece_count; i++)
		if (!place_of(reg, i, areas))
			return false;
	for (size_t i = 0; i < reg->piece_count; i++) {
		const struct mt_register_piece *piece = &reg->pieces[i];

		memcpy(place_of(reg, i, areas), bytes, piece->size);
		bytes += piece->size;
		if (!piece->general)
			mark_used(areas, piece->component);
		else if (reg->group == MT_GROUP_PART && piece->size == 4)
			memset(place_of(reg, i, areas) + 4, 0, 4);
	}
	return true;
}

unsigned long long *mt_user_reg(struct user_regs_struct *user, enum mt_reg reg)
{
	return (unsigned long long *)(void *)((uint8_t *)user + general_offset((uint8_t)reg));
}

/* ---- Flags --------------------------------------------------------------- */

/* Intel SDM volume 1, figure 3-8. */
static const struct {
	const char *name;
	unsigned bit;
} flags[] = {
	{ "CF", 0 },  { "PF", 2 },   { "AF", 4 },   { "ZF", 6 },  { "SF", 7 },  { "TF", 8 },
	{ "IF", 9 },  { "DF", 10 },  { "OF", 11 },  { "NT", 14 }, { "RF", 16 }, { "VM", 17 },
	{ "AC", 18 }, { "VIF", 19 }, { "VIP", 20 }, { "ID", 21 },
};

void mt_eflags_format(uint64_t eflags, struct mt_buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (!(eflags >> flags[i].bit & 1))
			continue;
		mt_buf_printf(out, "%s%s", between, flags[i].name);
		between = " ";
	}
}
