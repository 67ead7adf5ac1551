/* SPDX-License-Identifier: MIT */
/*
 * Where the machines' core files differ, in one table: the class of the ELF file, and what the
 * kernel writes into its notes (Linux include/linux/elfcore.h; elfcore-compat.h and
 * arch/x86/include/asm/user32.h for i386). Numbers are little-endian, as ours are.
 */
#ifndef MT_TARGET_CORE_LAYOUT_H
#define MT_TARGET_CORE_LAYOUT_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "x86/machine.h"

/* Room for any of the structs below, and for the registers of FXSAVE. */
#define MT_CORE_STRUCT_MAX 512
/* Of NT_PRPSINFO, the NUL included. */
#define MT_CORE_NAME 16
#define MT_CORE_ARGUMENTS 80

struct mt_core_layout {
	enum mt_machine machine;
	uint8_t elf_class; /* EI_CLASS */
	uint16_t elf_machine;
	uint8_t word; /* bytes of a number in NT_AUXV and NT_FILE */
	uint8_t file_head, segment_head, section_head; /* sizes of the ELF headers */
	/* Offsets in NT_PRSTATUS; at `ids` are pid, ppid, pgrp and sid, of 4 bytes each. */
	struct {
		uint16_t size, signal, ids, registers, has_fp;
	} status;
	/* Offsets in NT_PRPSINFO. */
	struct {
		uint16_t size, state, ids, name, arguments;
	} program;
	uint8_t register_count;
	const uint8_t
	    *registers; /* which of struct user_regs_struct's each is; NULL: all, in order */
};

const struct mt_core_layout *mt_core_layout_of(enum mt_machine machine);

/* That of a file whose ELF header begins with these EI_NIDENT + 4 bytes; NULL: of neither machine.
 */
const struct mt_core_layout *mt_core_layout_find(const uint8_t *head);

/* ELF headers, which are layout->…_head bytes long, from and to the wider class's. */
void mt_core_read_head(const struct mt_core_layout *layout, const uint8_t *bytes, Elf64_Ehdr *head);
void mt_core_read_segment(const struct mt_core_layout *layout, const uint8_t *bytes,
                          Elf64_Phdr *segment);
void mt_core_read_section(const struct mt_core_layout *layout, const uint8_t *bytes,
                          Elf64_Shdr *section);
void mt_core_put_head(const struct mt_core_layout *layout, const Elf64_Ehdr *head, uint8_t *bytes);
/* False: its numbers need more bits than the file's class has. */
bool mt_core_put_segment(const struct mt_core_layout *layout, const Elf64_Phdr *segment,
                         uint8_t *bytes);
void mt_core_put_section(const struct mt_core_layout *layout, const Elf64_Shdr *section,
                         uint8_t *bytes);

/* The i-th of the words at `bytes`. */
uint64_t mt_core_word(const struct mt_core_layout *layout, const uint8_t *bytes, size_t i);

/*
 * The registers of NT_PRSTATUS as ptrace has them, and back. What i386's lack is 0: the bases of
 * segments too, which NT_386_TLS tells. orig_eax has its sign, as the kernel shows it to a debugger
 * of 64 bits.
 */
void mt_core_read_registers(const struct mt_core_layout *layout, const uint8_t *bytes,
                            struct user_regs_struct *regs);
void mt_core_put_registers(const struct mt_core_layout *layout, const struct user_regs_struct *regs,
                           uint8_t *bytes);

#endif
