/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/engine_private.h"
#include "target/process.h"

#define PAGE 4096u
#define INT3 0xcc

enum mt_machine mt_proc_machine(struct mt_proc *proc)
{
	const struct mt_image *image = mt_proc_memory(proc)->image;

	return image ? mt_image_machine(image) : MT_MACHINE_X86_64;
}

/* The first of the sites that are in order of address which may reach to addr. */
static size_t first_site(const struct mt_proc *memory, uint64_t addr)
{
	uint64_t lowest = addr < MT_JUMP_LEN ? 0 : addr - MT_JUMP_LEN + 1;
	size_t low = 0, high = memory->sites.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memory->sites.data[middle]->addr < lowest)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool begins_before_end(const struct mt_site *site, uint64_t addr, size_t len)
{
	return site->addr < addr || site->addr - addr < len;
}

/* What the program has where the site has something of ours. */
static void show_original(const struct mt_site *site, uint64_t addr, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < site->span; i++)
		if (site->addr + i - addr < len)
			bytes[site->addr + i - addr] = site->original[i];
}

struct mt_error *mt_proc_read(struct mt_proc *proc, uint64_t addr, void *out, size_t len)
{
	const struct mt_proc *memory = mt_proc_memory(proc);

	if (proc->core)
		return mt_proc_core_read(proc, addr, out, len);
	MT_TRY(mt_process_read(mt_proc_access(proc), addr, out, len));
	for (size_t i = first_site(memory, addr);
	     i < memory->sites.len && begins_before_end(memory->sites.data[i], addr, len); i++)
		if (memory->sites.data[i]->inserted)
			show_original(memory->sites.data[i], addr, out, len);
	return NULL;
}

/* The int3s stay; what was to be there becomes what is under them. */
static void write_under_sites(const struct mt_proc *memory, uint64_t addr, const uint8_t *bytes,
                              uint8_t *copy, size_t len)
{
	for (size_t i = first_site(memory, addr);
	     i < memory->sites.len && begins_before_end(memory->sites.data[i], addr, len); i++) {
		struct mt_site *site = memory->sites.data[i];

		if (!site->inserted || site->addr < addr)
			continue;
		site->original[0] = bytes[site->addr - addr];
		copy[site->addr - addr] = INT3;
	}
}

struct mt_error *mt_proc_write(struct mt_proc *proc, uint64_t addr, const void *bytes, size_t len)
{
	struct mt_proc *memory = mt_proc_memory(proc);
	uint8_t *copy MT_AUTO_FREE = mt_alloc(len ? len : 1);

	if (!copy)
		return mt_error_nomem();
	/* What is not all there is not written in part. */
	MT_TRY(mt_process_read(mt_proc_access(proc), addr, copy, len));
	mt_ways_leave_jumps(memory, addr - MT_INSN_MAX_LEN + 1, addr + len);
	memcpy(copy, bytes, len);
	write_under_sites(memory, addr, bytes, copy, len);
	MT_TRY(mt_process_write(mt_proc_access(proc), addr, copy, len));
	mt_slots_changed(memory, addr, len);
	mt_watches_rewritten(memory, addr, len);
	return NULL;
}

size_t mt_proc_read_some(struct mt_proc *proc, uint64_t addr, void *out, size_t len)
{
	size_t to_page_end = PAGE - addr % PAGE;
	struct mt_error *error = mt_proc_read(proc, addr, out, len);

	if (!error)
		return len;
	mt_error_free(error);
	if (to_page_end >= len)
		return 0;
	error = mt_proc_read(proc, addr, out, to_page_end);
	mt_error_free(error);
	return error ? 0 : to_page_end;
}

bool mt_proc_decode(struct mt_proc *proc, uint64_t addr, struct mt_insn *insn)
{
	uint8_t code[MT_INSN_MAX_LEN];
	size_t len = mt_proc_read_some(proc, addr, code, sizeof(code));

	return mt_insn_decode(mt_proc_machine(proc), code, len, addr, insn);
}

/* ---- What front ends ask ------------------------------------------------- */

static struct mt_error *need_process(struct mt_debug *debug)
{
	return debug->proc ? NULL : mt_error_new(MT_ERR_USAGE, "no process is being debugged");
}

struct mt_error *mt_debug_read(struct mt_debug *debug, uint64_t addr, void *out, size_t len)
{
	MT_TRY(need_process(debug));
	return mt_proc_read(debug->proc, addr, out, len);
}

struct mt_error *mt_debug_write(struct mt_debug *debug, uint64_t addr, const void *bytes,
                                size_t len)
{
	MT_TRY(need_process(debug));
	if (debug->proc->core)
		return mt_error_new(MT_ERR_UNSUPPORTED, "a core file cannot be written to");
	mt_frames_forget(debug);
	return mt_proc_write(debug->proc, addr, bytes, len);
}
