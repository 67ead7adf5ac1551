/* SPDX-License-Identifier: MIT */
#include "target/mapping.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "target/syscall.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* linux/mman-common.h; newer than glibc 2.36 */
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* ---- Which calls ----------------------------------------------------------- */

enum mt_mapping_class mt_mapping_class(enum mt_machine machine, uint64_t number)
{
	/* i386's mmap has its arguments in memory; its ipc is shmat and shmdt as well. */
	static const struct {
		const char *name;
		enum mt_mapping_class klass;
	} calls[] = {
		{ "munmap", MT_MAPPING_UNMAPS },   { "remap_file_pages", MT_MAPPING_UNMAPS },
		{ "madvise", MT_MAPPING_ADVISES }, { "mmap", MT_MAPPING_MAPS },
		{ "mmap2", MT_MAPPING_MAPS },      { "mremap", MT_MAPPING_MOVES },
		{ "brk", MT_MAPPING_SOMEWHERE },   { "shmat", MT_MAPPING_SOMEWHERE },
		{ "shmdt", MT_MAPPING_SOMEWHERE }, { "ipc", MT_MAPPING_SOMEWHERE },
	};
	const char *name = mt_syscall_name(machine, number);

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (strcmp(name, calls[i].name) != 0)
			continue;
		if (machine == MT_MACHINE_I386 && !strcmp(name, "mmap"))
			return MT_MAPPING_SOMEWHERE;
		return calls[i].klass;
	}
	return MT_MAPPING_OTHER;
}

const int32_t mt_mapping_dropping[] = { MADV_DONTNEED, MADV_REMOVE, MADV_DONTNEED_LOCKED, 0 };

bool mt_mapping_drops(uint64_t advice)
{
	for (size_t i = 0; mt_mapping_dropping[i]; i++)
		if (advice == (uint64_t)mt_mapping_dropping[i])
			return true;
	return false;
}

/* ---- What they have done --------------------------------------------------- */

/* Lengths are rounded up to whole pages. */
static uint64_t end_of(uint64_t addr, uint64_t len)
{
	return (addr + len + MT_MAPPING_PAGE - 1) & ~(uint64_t)(MT_MAPPING_PAGE - 1);
}

static bool overlaps(uint64_t from, uint64_t size, uint64_t addr, uint64_t len)
{
	return size && from < addr + len && addr < end_of(from, size);
}

static enum mt_mapping_effect effect_of_move(const struct mt_mapping_call *call, uint64_t addr,
                                             uint64_t len, uint64_t *to)
{
	uint64_t from = call->args[0], size = call->args[1], now = call->args[2];

	if (now && call->result != from && overlaps(call->result, now, addr, len))
		return MT_MAPPING_NEW;
	if (!overlaps(from, size, addr, len)) /* of no bytes: it is shared, and stays */
		return MT_MAPPING_NONE;
	if (call->result == from)
		return addr + len > end_of(from, now) ? MT_MAPPING_UNMAPPED : MT_MAPPING_NONE;
	if (call->args[3] & MREMAP_DONTUNMAP)
		return MT_MAPPING_NEW;
	*to = call->result + (addr - from);
	return addr < from || addr + len > end_of(from, now) ? MT_MAPPING_UNMAPPED
	                                                     : MT_MAPPING_MOVED;
}

enum mt_mapping_effect mt_mapping_effect(const struct mt_mapping_call *call, uint64_t addr,
                                         uint64_t len, uint64_t *to)
{
	const uint64_t *args = call->args;
	bool there = overlaps(args[0], args[1], addr, len);

	if (mt_machine_wrap(call->machine, call->result) >=
	    mt_machine_wrap(call->machine, (uint64_t)-MT_MAPPING_ERRORS))
		return MT_MAPPING_NONE;
	switch (mt_mapping_class(call->machine, call->number)) {
	case MT_MAPPING_UNMAPS:
		if (there && strcmp(mt_syscall_name(call->machine, call->number), "munmap") != 0)
			return MT_MAPPING_NEW;
		return there ? MT_MAPPING_UNMAPPED : MT_MAPPING_NONE;
	case MT_MAPPING_ADVISES:
		return there && mt_mapping_drops(args[2]) ? MT_MAPPING_NEW : MT_MAPPING_NONE;
	case MT_MAPPING_MAPS:
		return overlaps(call->result, args[1], addr, len) ? MT_MAPPING_NEW
		                                                  : MT_MAPPING_NONE;
	case MT_MAPPING_MOVES:
		return effect_of_move(call, addr, len, to);
	case MT_MAPPING_SOMEWHERE:
		return MT_MAPPING_UNSURE;
	default:
		return MT_MAPPING_NONE;
	}
}

/* ---- What is mapped -------------------------------------------------------- */

enum mt_mapped mt_process_mapped(pid_t pid, uint64_t addr, uint64_t len)
{
	char path[40], line[4400];
	uint64_t begin, end, at = addr;
	bool any = false;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);

	FILE *maps MT_AUTO_FILE = fopen(path, "re");

	while (maps && at < addr + len && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &begin, &end) != 2)
			continue;
		any = true;
		if (begin <= at && at < end)
			at = end;
	}
	if (at >= addr + len)
		return MT_MAPPED_ALL;
	return any ? MT_MAPPED_NOT : MT_MAPPED_NOTHING;
}
