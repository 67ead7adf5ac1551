/* SPDX-License-Identifier: MIT */
/*
 * Libraries that come and go. The dynamic linker calls an empty function whenever it has mapped or
 * unmapped something, for debuggers to stop at (glibc elf/dl-debug.c; link.h, struct r_debug.r_brk;
 * musl has the same).
 */
#include <elf.h>

#include "engine/engine_private.h"
#include "symbol/dynamic.h"
#include "target/process.h"

void mt_library_watch(struct mt_proc *proc)
{
	uint64_t base =
	             mt_process_auxv(mt_proc_access(proc), mt_image_machine(proc->image), AT_BASE),
	         hook;
	const struct mt_module *linker = base ? mt_image_module_at(proc->image, base) : NULL;
	struct mt_error *error;

	if (!linker || !mt_module_symbol(linker, "_dl_debug_state", &hook))
		return;
	error = mt_site_get(proc, hook, &proc->hook_site);
	if (!error)
		proc->hook = hook;
	mt_error_free(error);
}

static bool is_new(const struct mt_module *module, const struct mt_module *const *before,
                   size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (before[i] == module)
			return false;
	return true;
}

/* Tells the modules that were not among `before`; those stay readable after a refresh. */
static size_t tell_new(struct mt_proc *proc, const struct mt_module *const *before, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; i < mt_image_module_count(proc->image); i++) {
		const struct mt_module *module = mt_image_module(proc->image, i);

		if (!is_new(module, before, count))
			continue;
		found++;
		mt_notify(proc->debug, &(struct mt_notice){ .kind = MT_NOTICE_LIBRARY,
		                                            .pid = proc->pid,
		                                            .text = module->path });
	}
	return found;
}

bool mt_library_changed(struct mt_proc *proc, struct mt_library_change *change)
{
	MT_VEC(const struct mt_module *) before = { 0 };
	bool changed = false;
	size_t found;

	for (size_t i = 0; i < mt_image_module_count(proc->image); i++)
		if (!mt_vec_push(&before, mt_image_module(proc->image, i)))
			break;
	mt_image_read_by(proc->image, mt_proc_access(proc));
	mt_error_free(mt_image_refresh(proc->image, &changed));
	if (changed) {
		found = tell_new(proc, before.data, before.len);
		change->loaded = found > 0;
		change->unloaded = before.len + found > mt_image_module_count(proc->image);
		mt_watches_forget_needs(proc);
		mt_breaks_resolve(proc);
		mt_leaps_renew(proc);
	}
	mt_vec_deinit(&before);
	return changed;
}
