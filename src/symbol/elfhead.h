/* SPDX-License-Identifier: MIT */
/*
 * The ELF header and the loaded segments of a file, both classes alike: what is needed to place a
 * file in a process and to read its code, without libelf and without trust in the bytes.
 */
#ifndef MT_SYMBOL_ELFHEAD_H
#define MT_SYMBOL_ELFHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "x86/machine.h"

/* A PT_LOAD segment. */
struct mt_segment {
	uint64_t vaddr;
	uint64_t memsz;
	uint64_t offset; /* in the file */
	uint64_t filesz;
	bool executable;
};

struct mt_elf_head {
	uint16_t type; /* ET_EXEC or ET_DYN */
	enum mt_machine machine;
	struct mt_segment *segments;
	size_t segment_count;
};

/*
 * Reads the head of the file open at `fd`. MT_ERR_FORMAT for what is not a linked ELF file for x86;
 * the text says what `name` is instead. Ended by mt_elf_head_deinit().
 */
struct mt_error *mt_elf_head_read(int fd, const char *name, struct mt_elf_head *head);
void mt_elf_head_deinit(struct mt_elf_head *head);

/* The lowest file address of a segment, and one past the highest; 0 and 0 without segments. */
void mt_elf_head_span(const struct mt_elf_head *head, uint64_t *low, uint64_t *high);

/* What to add to file addresses when file offset `offset` is mapped at `addr`. False when no
 * segment has that offset. */
bool mt_elf_head_bias(const struct mt_elf_head *head, uint64_t addr, uint64_t offset,
                      bool executable, uint64_t *bias);

/* All of `len` bytes at `offset`, or false. */
bool mt_read_at(int fd, void *out, size_t len, uint64_t offset);

#endif
