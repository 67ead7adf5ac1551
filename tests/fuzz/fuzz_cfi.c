/* SPDX-License-Identifier: MIT */
/*
 * Hostile call frame information. The input becomes a section of a small program: by its first byte
 * .eh_frame_hdr and what follows it, .eh_frame or .debug_frame. Rules are asked for all over it,
 * and stacks walked.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "symbol/unwind.h"

#define CONTENT 0x2000 /* where the input is, in the file and in memory */
#define MAX_CONTENT 0x4000
#define MEMORY_SIZE 0x8000
#define PCS 64

enum kind { BY_HEADER, EH_FRAME, DEBUG_FRAME, KINDS };

static const char section_names[] = "\0.eh_frame\0.debug_frame\0.names";

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Shdr sections[3];
	char names[sizeof(section_names)];
};

static void make_program(enum kind kind, size_t size, struct program *program)
{
	*program = (struct program){
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		                         ELFDATA2LSB, EV_CURRENT },
		            .e_type = ET_EXEC,
		            .e_machine = EM_X86_64,
		            .e_version = EV_CURRENT,
		            .e_phoff = offsetof(struct program, segments),
		            .e_shoff = offsetof(struct program, sections),
		            .e_ehsize = sizeof(Elf64_Ehdr),
		            .e_phentsize = sizeof(Elf64_Phdr),
		            .e_phnum = kind == BY_HEADER ? 2 : 1,
		            .e_shentsize = sizeof(Elf64_Shdr),
		            .e_shnum = kind == BY_HEADER ? 0 : 3,
		            .e_shstrndx = kind == BY_HEADER ? SHN_UNDEF : 2 },
		.segments = { { .p_type = PT_LOAD,
		                .p_flags = PF_R | PF_X,
		                .p_filesz = CONTENT + size,
		                .p_memsz = MEMORY_SIZE,
		                .p_align = 0x1000 },
		              { .p_type = PT_GNU_EH_FRAME,
		                .p_flags = PF_R,
		                .p_offset = CONTENT,
		                .p_vaddr = CONTENT,
		                .p_filesz = size,
		                .p_memsz = size,
		                .p_align = 4 } },
		.sections = { { .sh_type = SHT_NULL },
		              { .sh_name = kind == EH_FRAME ? 1 : 11,
		                .sh_type = SHT_PROGBITS,
		                .sh_flags = SHF_ALLOC,
		                .sh_addr = CONTENT,
		                .sh_offset = CONTENT,
		                .sh_size = size,
		                .sh_addralign = 8 },
		              { .sh_name = 24,
		                .sh_type = SHT_STRTAB,
		                .sh_offset = offsetof(struct program, names),
		                .sh_size = sizeof(section_names),
		                .sh_addralign = 1 } },
	};
	memcpy(program->names, section_names, sizeof(section_names));
}

/* An image of the program with the input in it; NULL when it is refused. */
static struct mt_image *open_program(enum kind kind, const uint8_t *data, size_t size)
{
	int fd MT_AUTO_FD = memfd_create("cfi", MFD_CLOEXEC);
	struct mt_buf path MT_AUTO_BUF = { 0 };
	struct mt_image *image;
	struct program program;
	struct mt_error *error;

	make_program(kind, size, &program);
	if (pwrite(fd, &program, sizeof(program), 0) != (ssize_t)sizeof(program) ||
	    pwrite(fd, data, size, CONTENT) != (ssize_t)size)
		abort();
	mt_buf_printf(&path, "/proc/self/fd/%d", fd);
	error = mt_image_open_file(path.data, &image);
	if (error) {
		mt_error_free(error);
		return NULL;
	}
	return image;
}

static void ask_at(struct mt_image *image, uint64_t pc, const struct mt_stack_copy *stack)
{
	struct mt_regs regs = { { 0 } };
	struct mt_cfi_rule rule;
	uint64_t frames[8], start, end;

	for (size_t i = 0; i < MT_REG_COUNT; i++)
		regs.r[i] = stack->addr + 8 * i;
	regs.r[MT_REG_RSP] = stack->addr;
	regs.r[MT_REG_RIP] = pc;
	mt_cfi_rule_at(image, pc, &rule);
	if (rule.kind == MT_CFI_SIMPLE && rule.cfa_reg != MT_REG_RSP && rule.cfa_reg != MT_REG_RBP)
		abort();
	if (mt_unwind(image, &regs, stack, frames, 8, NULL) < 1)
		abort();
	if (mt_image_function_bounds(image, pc, &start, &end) && (pc < start || pc >= end))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mt_stack_copy stack = { .bytes = data, .addr = 0x1000, .len = size };
	struct mt_image *image;

	if (size < 1 || size > MAX_CONTENT)
		return 0;
	image = open_program(data[0] % KINDS, data + 1, size - 1);
	if (!image)
		return 0;
	for (uint64_t i = 0; i < PCS; i++)
		ask_at(image, i * MEMORY_SIZE / PCS + i % 16, &stack);
	mt_image_destroy(image);
	return 0;
}
