/* SPDX-License-Identifier: MIT */
#include "target/core_layout.h"

#include <assert.h>
#include <string.h>
#include <sys/procfs.h>

/* ---- The table ----------------------------------------------------------- */

#define PLACE(member) (offsetof(struct user_regs_struct, member) / sizeof(uint64_t))

static const uint8_t registers_i386[] = {
	PLACE(rbx), PLACE(rcx), PLACE(rdx),    PLACE(rsi), PLACE(rdi), PLACE(rbp),
	PLACE(rax), PLACE(ds),  PLACE(es),     PLACE(fs),  PLACE(gs),  PLACE(orig_rax),
	PLACE(rip), PLACE(cs),  PLACE(eflags), PLACE(rsp), PLACE(ss),
};

static const struct mt_core_layout layouts[] = {
	[MT_MACHINE_X86_64] = {
		.machine = MT_MACHINE_X86_64,
		.elf_class = ELFCLASS64,
		.elf_machine = EM_X86_64,
		.word = 8,
		.file_head = sizeof(Elf64_Ehdr),
		.segment_head = sizeof(Elf64_Phdr),
		.section_head = sizeof(Elf64_Shdr),
		.status = {
			.size = sizeof(struct elf_prstatus),
			.signal = offsetof(struct elf_prstatus, pr_cursig),
			.ids = offsetof(struct elf_prstatus, pr_pid),
			.registers = offsetof(struct elf_prstatus, pr_reg),
			.has_fp = offsetof(struct elf_prstatus, pr_fpvalid),
		},
		.program = {
			.size = sizeof(struct elf_prpsinfo),
			.state = offsetof(struct elf_prpsinfo, pr_sname),
			.ids = offsetof(struct elf_prpsinfo, pr_pid),
			.name = offsetof(struct elf_prpsinfo, pr_fname),
			.arguments = offsetof(struct elf_prpsinfo, pr_psargs),
		},
		.register_count = sizeof(struct user_regs_struct) / sizeof(uint64_t),
	},
	[MT_MACHINE_I386] = {
		.machine = MT_MACHINE_I386,
		.elf_class = ELFCLASS32,
		.elf_machine = EM_386,
		.word = 4,
		.file_head = sizeof(Elf32_Ehdr),
		.segment_head = sizeof(Elf32_Phdr),
		.section_head = sizeof(Elf32_Shdr),
		.status = { .size = 144, .signal = 12, .ids = 24, .registers = 72, .has_fp = 140 },
		.program = { .size = 124, .state = 1, .ids = 12, .name = 28, .arguments = 44 },
		.register_count = sizeof(registers_i386),
		.registers = registers_i386,
	},
};

static_assert(sizeof(struct elf_prstatus) <= MT_CORE_STRUCT_MAX, "room for NT_PRSTATUS");

const struct mt_core_layout *mt_core_layout_of(enum mt_machine machine)
{
	return &layouts[machine];
}

const struct mt_core_layout *mt_core_layout_find(const uint8_t *head)
{
	uint16_t machine;

	memcpy(&machine, head + offsetof(Elf64_Ehdr, e_machine), sizeof(machine));
	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
		if (layouts[i].elf_class == head[EI_CLASS] && layouts[i].elf_machine == machine)
			return &layouts[i];
	return NULL;
}

/* ---- ELF headers --------------------------------------------------------- */

/* The classes' headers have the same members, in other sizes and orders. */
#define COPY(to, from, member) (to)->member = (__typeof__((to)->member))(from)->member

#define COPY_HEAD(to, from)                                                                        \
	do {                                                                                       \
		memcpy((to)->e_ident, (from)->e_ident, EI_NIDENT);                                 \
		COPY(to, from, e_type);                                                            \
		COPY(to, from, e_machine);                                                         \
		COPY(to, from, e_version);                                                         \
		COPY(to, from, e_phoff);                                                           \
		COPY(to, from, e_shoff);                                                           \
		COPY(to, from, e_ehsize);                                                          \
		COPY(to, from, e_phentsize);                                                       \
		COPY(to, from, e_phnum);                                                           \
		COPY(to, from, e_shentsize);                                                       \
		COPY(to, from, e_shnum);                                                           \
	} while (0)

#define COPY_SEGMENT(to, from)                                                                     \
	do {                                                                                       \
		COPY(to, from, p_type);                                                            \
		COPY(to, from, p_flags);                                                           \
		COPY(to, from, p_offset);                                                          \
		COPY(to, from, p_vaddr);                                                           \
		COPY(to, from, p_filesz);                                                          \
		COPY(to, from, p_memsz);                                                           \
		COPY(to, from, p_align);                                                           \
	} while (0)

/* All that a core file's one section header is for: elf(5), PN_XNUM. */
#define COPY_SECTION(to, from) COPY(to, from, sh_info)

/* What the class of the file calls for: `wide` is its own, or goes through `narrow`. */
#define READ(layout, bytes, wide, narrow_type, COPY_ALL)                                           \
	do {                                                                                       \
		narrow_type narrow;                                                                \
                                                                                                   \
		memset(wide, 0, sizeof(*(wide)));                                                  \
		if ((layout)->elf_class == ELFCLASS64) {                                           \
			memcpy(wide, bytes, sizeof(*(wide)));                                      \
		} else {                                                                           \
			memcpy(&narrow, bytes, sizeof(narrow));                                    \
			COPY_ALL(wide, &narrow);                                                   \
		}                                                                                  \
	} while (0)

#define PUT(layout, wide, bytes, narrow_type, COPY_ALL)                                            \
	do {                                                                                       \
		narrow_type narrow;                                                                \
                                                                                                   \
		memset(&narrow, 0, sizeof(narrow));                                                \
		if ((layout)->elf_class == ELFCLASS64) {                                           \
			memcpy(bytes, wide, sizeof(*(wide)));                                      \
		} else {                                                                           \
			COPY_ALL(&narrow, wide);                                                   \
			memcpy(bytes, &narrow, sizeof(narrow));                                    \
		}                                                                                  \
	} while (0)

void mt_core_read_head(const struct mt_core_layout *layout, const uint8_t *bytes, Elf64_Ehdr *head)
{
	READ(layout, bytes, head, Elf32_Ehdr, COPY_HEAD);
}

void mt_core_read_segment(const struct mt_core_layout *layout, const uint8_t *bytes,
                          Elf64_Phdr *segment)
{
	READ(layout, bytes, segment, Elf32_Phdr, COPY_SEGMENT);
}

void mt_core_read_section(const struct mt_core_layout *layout, const uint8_t *bytes,
                          Elf64_Shdr *section)
{
	READ(layout, bytes, section, Elf32_Shdr, COPY_SECTION);
}

void mt_core_put_head(const struct mt_core_layout *layout, const Elf64_Ehdr *head, uint8_t *bytes)
{
	PUT(layout, head, bytes, Elf32_Ehdr, COPY_HEAD);
}

bool mt_core_put_segment(const struct mt_core_layout *layout, const Elf64_Phdr *segment,
                         uint8_t *bytes)
{
	if (layout->elf_class == ELFCLASS32 && (segment->p_offset | segment->p_vaddr |
	                                        segment->p_filesz | segment->p_memsz) > UINT32_MAX)
		return false;
	PUT(layout, segment, bytes, Elf32_Phdr, COPY_SEGMENT);
	return true;
}

void mt_core_put_section(const struct mt_core_layout *layout, const Elf64_Shdr *section,
                         uint8_t *bytes)
{
	PUT(layout, section, bytes, Elf32_Shdr, COPY_SECTION);
}

/* ---- Numbers ------------------------------------------------------------- */

uint64_t mt_core_word(const struct mt_core_layout *layout, const uint8_t *bytes, size_t i)
{
	uint64_t word = 0;

	memcpy(&word, bytes + i * layout->word, layout->word);
	return word;
}

static size_t place_of(const struct mt_core_layout *layout, size_t i)
{
	return layout->registers ? layout->registers[i] : i;
}

void mt_core_read_registers(const struct mt_core_layout *layout, const uint8_t *bytes,
                            struct user_regs_struct *regs)
{
	uint64_t all[sizeof(*regs) / sizeof(uint64_t)] = { 0 };

	for (size_t i = 0; i < layout->register_count; i++)
		all[place_of(layout, i)] = mt_core_word(layout, bytes, i);
	memcpy(regs, all, sizeof(*regs));
	if (layout->word == sizeof(int32_t))
		regs->orig_rax = (unsigned long long)(int32_t)regs->orig_rax;
}

void mt_core_put_registers(const struct mt_core_layout *layout, const struct user_regs_struct *regs,
                           uint8_t *bytes)
{
	uint64_t all[sizeof(*regs) / sizeof(uint64_t)];

	memcpy(all, regs, sizeof(*regs));
	for (size_t i = 0; i < layout->register_count; i++)
		memcpy(bytes + i * layout->word, &all[place_of(layout, i)], layout->word);
}
