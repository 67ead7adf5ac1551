/* SPDX-License-Identifier: MIT */
/*
 * Hostile location expressions and lists. The input becomes, in a small program, the location of a
 * variable, of a list, the bound of an array, what a caller says that it has passed, and, by its
 * first byte, a function's frame base; then everything is asked that can be asked.
 */
#include <dwarf.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "symbol/where.h"

#define MAX_INPUT 4096
#define CODE 0x1000
#define CODE_SIZE 0x1000
#define PC (CODE + 0x800)
#define CALLERS 3

enum { VERSION_4 = 1, OWN_FRAME_BASE = 2 }; /* bits of the first byte */

/* ---- The program --------------------------------------------------------- */

static void put(struct mt_buf *out, uint64_t value, size_t size)
{
	mt_buf_bytes(out, &value, size);
}

static void put_text(struct mt_buf *out, const char *text)
{
	mt_buf_bytes(out, text, strlen(text) + 1);
}

static void put_leb(struct mt_buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put(out, (value & 0x7f) | 0x80, 1);
	put(out, value, 1);
}

static void put_block(struct mt_buf *out, const uint8_t *bytes, size_t len)
{
	put_leb(out, len);
	mt_buf_bytes(out, bytes, len);
}

enum { UNIT = 1, BASE, FUNCTION, PLACED, LISTED, SITE, PASSED, ARRAY, BOUND };

/* Pairs of attribute and form, DWARF 5 section 7.5.3. */
static void put_abbreviation(struct mt_buf *out, uint8_t code, uint8_t tag, bool has_children,
                             const uint8_t *pairs, size_t len)
{
	put(out, code, 1);
	put(out, tag, 1);
	put(out, has_children, 1);
	mt_buf_bytes(out, pairs, len);
	put(out, 0, 2);
}

#define ABBREVIATION(out, code, tag, has_children, ...)                                            \
	put_abbreviation(out, code, tag, has_children, (const uint8_t[]){ __VA_ARGS__ },           \
	                 sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void put_abbreviations(struct mt_buf *out)
{
	ABBREVIATION(out, UNIT, DW_TAG_compile_unit, true, DW_AT_low_pc, DW_FORM_addr,
	             DW_AT_high_pc, DW_FORM_data8);
	ABBREVIATION(out, BASE, DW_TAG_base_type, false, DW_AT_byte_size, DW_FORM_data1,
	             DW_AT_encoding, DW_FORM_data1, DW_AT_name, DW_FORM_string);
	ABBREVIATION(out, FUNCTION, DW_TAG_subprogram, true, DW_AT_name, DW_FORM_string,
	             DW_AT_low_pc, DW_FORM_addr, DW_AT_high_pc, DW_FORM_data8, DW_AT_frame_base,
	             DW_FORM_exprloc);
	ABBREVIATION(out, PLACED, DW_TAG_variable, false, DW_AT_name, DW_FORM_string, DW_AT_type,
	             DW_FORM_ref4, DW_AT_location, DW_FORM_exprloc);
	ABBREVIATION(out, LISTED, DW_TAG_variable, false, DW_AT_name, DW_FORM_string, DW_AT_type,
	             DW_FORM_ref4, DW_AT_location, DW_FORM_sec_offset);
	ABBREVIATION(out, SITE, DW_TAG_call_site, true, DW_AT_call_return_pc, DW_FORM_addr,
	             DW_AT_call_origin, DW_FORM_ref4);
	ABBREVIATION(out, PASSED, DW_TAG_call_site_parameter, false, DW_AT_location,
	             DW_FORM_exprloc, DW_AT_call_value, DW_FORM_exprloc);
	ABBREVIATION(out, ARRAY, DW_TAG_array_type, true, DW_AT_type, DW_FORM_ref4);
	ABBREVIATION(out, BOUND, DW_TAG_subrange_type, false, DW_AT_upper_bound, DW_FORM_exprloc);
	put(out, 0, 1);
}

static void put_type(struct mt_buf *out, uint8_t size, uint8_t encoding, const char *name)
{
	put(out, BASE, 1);
	put(out, size, 1);
	put(out, encoding, 1);
	put_text(out, name);
}

static void put_variable(struct mt_buf *out, const char *name, size_t type, const uint8_t *code,
                         size_t len)
{
	put(out, PLACED, 1);
	put_text(out, name);
	put(out, type, 4);
	put_block(out, code, len);
}

/* The function calls itself: whatever it was called with is told by the same call. */
static void put_call(struct mt_buf *out, size_t function, const uint8_t *code, size_t len)
{
	static const uint8_t first[] = { DW_OP_reg5 };

	put(out, SITE, 1);
	put(out, PC + 1, 8);
	put(out, function, 4);
	put(out, PASSED, 1);
	put_block(out, first, sizeof(first));
	put_block(out, code, len);
	put(out, 0, 1);
}

static void put_function(struct mt_buf *out, uint8_t flags, size_t number, const uint8_t *code,
                         size_t len)
{
	static const uint8_t cfa[] = { DW_OP_call_frame_cfa };
	static const uint8_t passed[] = { DW_OP_entry_value, 1, DW_OP_reg5, DW_OP_stack_value };
	static const uint8_t memory[] = { DW_OP_fbreg, 0 };
	bool own = flags & OWN_FRAME_BASE;
	size_t function = out->len, array;

	put(out, FUNCTION, 1);
	put_text(out, "f");
	put(out, CODE, 8);
	put(out, CODE_SIZE, 8);
	put_block(out, own ? code : cfa, own ? len : sizeof(cfa));
	put_variable(out, "placed", number, code, len);
	put_variable(out, "passed", number, passed, sizeof(passed));
	put(out, LISTED, 1);
	put_text(out, "listed");
	put(out, number, 4);
	put(out, 0, 4);
	put_call(out, function, code, len);
	array = out->len;
	put(out, ARRAY, 1);
	put(out, number, 4);
	put(out, BOUND, 1);
	put_block(out, code, len);
	put(out, 0, 1);
	put_variable(out, "array", array, memory, sizeof(memory));
	put(out, 0, 1);
}

static void put_info(struct mt_buf *out, uint8_t flags, const uint8_t *code, size_t len)
{
	size_t number;
	uint32_t size;

	put(out, 0, 4);
	put(out, flags & VERSION_4 ? 4 : 5, 2);
	if (flags & VERSION_4)
		put(out, 0, 4);
	else
		put(out, DW_UT_compile | 8 << 8, 2);
	put(out, flags & VERSION_4 ? 8 : 0, flags & VERSION_4 ? 1 : 4);
	put(out, UNIT, 1);
	put(out, CODE, 8);
	put(out, CODE_SIZE, 8);
	number = out->len;
	put_type(out, 8, DW_ATE_signed, "long");
	put_type(out, 8, DW_ATE_float, "double");
	put_type(out, 16, DW_ATE_unsigned, "wide");
	put_function(out, flags, number, code, len);
	put(out, 0, 1);
	size = (uint32_t)out->len - 4;
	memcpy(out->data, &size, sizeof(size));
}

enum { INFO = 1, ABBREV, LIST, ADDR, NAMES, SECTIONS };

static const char names[] = "\0.debug_info\0.debug_abbrev\0.debug_loc\0.debug_addr\0.names\0"
                            ".debug_loclists";
static const uint8_t name_at[SECTIONS] = { 0, 1, 13, 27, 38, 50 };
#define LOCLISTS_AT 57

static void put_section(struct mt_buf *out, Elf64_Shdr *header, uint32_t name, const void *bytes,
                        size_t len)
{
	*header = (Elf64_Shdr){ .sh_name = name,
		                .sh_type = SHT_PROGBITS,
		                .sh_offset = out->len,
		                .sh_size = len,
		                .sh_addralign = 1 };
	mt_buf_bytes(out, bytes, len);
}

static void make_program(struct mt_buf *out, uint8_t flags, const uint8_t *code, size_t len)
{
	struct mt_buf info MT_AUTO_BUF = { 0 }, abbrev MT_AUTO_BUF = { 0 };
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		Elf64_Shdr sections[SECTIONS];
	} head = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		                         ELFDATA2LSB, EV_CURRENT },
		            .e_type = ET_EXEC,
		            .e_machine = EM_X86_64,
		            .e_version = EV_CURRENT,
		            .e_phoff = sizeof(Elf64_Ehdr),
		            .e_shoff = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
		            .e_ehsize = sizeof(Elf64_Ehdr),
		            .e_phentsize = sizeof(Elf64_Phdr),
		            .e_phnum = 1,
		            .e_shentsize = sizeof(Elf64_Shdr),
		            .e_shnum = SECTIONS,
		            .e_shstrndx = NAMES },
		.segment = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_memsz = 0x4000 },
	};

	put_info(&info, flags, code, len);
	put_abbreviations(&abbrev);
	mt_buf_bytes(out, &head, sizeof(head));
	put_section(out, &head.sections[INFO], name_at[INFO], info.data, info.len);
	put_section(out, &head.sections[ABBREV], name_at[ABBREV], abbrev.data, abbrev.len);
	put_section(out, &head.sections[LIST], flags & VERSION_4 ? name_at[LIST] : LOCLISTS_AT,
	            code, len);
	put_section(out, &head.sections[ADDR], name_at[ADDR], code, len);
	put_section(out, &head.sections[NAMES], name_at[NAMES], names, sizeof(names));
	head.sections[NAMES].sh_type = SHT_STRTAB;
	memcpy(out->data, &head, sizeof(head));
}

static struct mt_image *open_program(uint8_t flags, const uint8_t *code, size_t len)
{
	int fd MT_AUTO_FD = memfd_create("where", MFD_CLOEXEC);
	struct mt_buf program MT_AUTO_BUF = { 0 }, path MT_AUTO_BUF = { 0 };
	struct mt_image *image = NULL;

	make_program(&program, flags, code, len);
	if (write(fd, program.data, program.len) != (ssize_t)program.len)
		abort();
	mt_buf_printf(&path, "/proc/self/fd/%d", fd);
	if (mt_image_open_file(path.data, &image))
		abort(); /* it is a good program */
	return image;
}

/* ---- The questions ------------------------------------------------------- */

struct world {
	const uint8_t *bytes;
	size_t len;
	unsigned callers; /* that are left */
};

/* The input, over and over; what is below 256 is not mapped. */
static struct mt_error *read_memory(void *arg, uint64_t addr, void *out, size_t len)
{
	const struct world *world = arg;
	uint8_t *bytes = out;

	if (addr < 256 || !world->len)
		return mt_error_new(MT_ERR_UNREADABLE, "nothing is there");
	for (size_t i = 0; i < len; i++)
		bytes[i] = world->bytes[(addr + i) % world->len];
	return NULL;
}

static struct mt_error *find_tls(void *arg, const struct mt_module *module, uint64_t offset,
                                 uint64_t *addr)
{
	*addr = 0x2000 + offset;
	return NULL;
}

static struct mt_error *read_vector(void *arg, unsigned reg, void *out, size_t size)
{
	return read_memory(arg, 256 + reg, out, size);
}

static bool find_caller(void *arg, const struct mt_where_frame *frame,
                        struct mt_where_frame *caller)
{
	struct world *world = arg;

	if (!world->callers)
		return false;
	world->callers--;
	*caller = *frame;
	return true;
}

static void load(const struct mt_where_frame *frame, const struct mt_where *where, size_t size)
{
	uint8_t out[256], gone[256];

	mt_error_free(mt_where_load(frame, where, 0, out, size, gone));
	mt_error_free(mt_where_load(frame, where, size / 3, out, size, NULL));
}

static void ask(const struct mt_where_frame *frame, const struct mt_local *local)
{
	struct mt_where where = { 0 }, pointee = { 0 };
	const struct mt_type *type = local->type;
	struct mt_simple_where simple;
	struct mt_error *error = mt_where_local(frame, local, &where);

	if (!error && !where.len)
		abort();
	mt_error_free(error);
	for (size_t size = 1; where.len && size <= 256; size *= 4)
		load(frame, &where, size);
	for (size_t i = 0; i < where.len; i++) {
		if (where.data[i].kind != MT_WHERE_POINTER)
			continue;
		error = mt_where_pointee(frame, where.data[i].pointee, &pointee, &type);
		if (!error)
			load(frame, &pointee, 8);
		mt_error_free(error);
		mt_where_deinit(&pointee);
		break;
	}
	mt_where_deinit(&where);
	mt_error_free(mt_where_type(frame, local->type, &type));
	mt_where_simple(frame->image, frame->pc, local, &simple);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mt_locals locals = { 0 };
	struct mt_image *image;
	struct mt_regs regs;

	if (size < 1 || size > MAX_INPUT)
		return 0;
	image = open_program(data[0], data + 1, size - 1);
	for (size_t i = 0; i < MT_REG_COUNT; i++)
		regs.r[i] = 0x100 * i;
	if (mt_locals_at(image, PC, 0, &locals) || locals.len != 4)
		abort();
	for (size_t i = 0; i < locals.len; i++) {
		struct world world = { .bytes = data + 1, .len = size - 1, .callers = CALLERS };
		const struct mt_where_frame frame = { .image = image,
			                              .pc = PC,
			                              .regs = &regs,
			                              .known = 0x1ffef,
			                              .has_cfa = true,
			                              .cfa = 0x3000,
			                              .read = read_memory,
			                              .arg = &world,
			                              .tls = find_tls,
			                              .vector = read_vector,
			                              .caller = find_caller };

		ask(&frame, &locals.data[i]);
	}
	mt_locals_deinit(&locals);
	mt_image_destroy(image);
	return 0;
}
