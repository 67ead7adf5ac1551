/* SPDX-License-Identifier: MIT */
#include "symbol/module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "symbol/cfi.h"
#include "symbol/function.h"
#include "symbol/local_die.h"
#include "symbol/macro.h"
#include "symbol/scope.h"
#include "symbol/symtab.h"
#include "symbol/type_dwarf.h"
#include "symbol/units.h"
#include "symbol/vtable.h"

/* All files that are open now, so that processes which map the same one share it. */
static struct mt_module_file *open_files;

static struct mt_file_key key_of(const struct stat *st)
{
	return (struct mt_file_key){ .dev = st->st_dev,
		                     .inode = st->st_ino,
		                     .size = (uint64_t)st->st_size,
		                     .mtime_ns =
		                         st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec };
}

static struct mt_module_file *find_open(const struct mt_file_key *key)
{
	for (struct mt_module_file *file = open_files; file; file = file->next)
		if (file->key.inode == key->inode && file->key.dev == key->dev &&
		    file->key.size == key->size && file->key.mtime_ns == key->mtime_ns)
			return file;
	return NULL;
}

static struct mt_module_file *file_new(const char *path)
{
	struct mt_module_file *file = mt_alloc(sizeof(*file));

	if (!file)
		return NULL;
	file->refs = 1;
	file->fd = -1;
	file->path = mt_strdup(path);
	if (!file->path) {
		free(file);
		return NULL;
	}
	return file;
}

struct mt_error *mt_module_file_open(int *fd, const char *path, struct mt_module_file **file)
{
	int own MT_AUTO_FD = mt_take_fd(fd);
	struct mt_elf_head head;
	struct stat st;

	if (fstat(own, &st))
		return mt_error_sys(errno, "cannot read %s", path);

	struct mt_file_key key = key_of(&st);
	struct mt_module_file *open = find_open(&key);

	if (open) {
		*file = mt_module_file_ref(open);
		return NULL;
	}
	MT_TRY(mt_elf_head_read(own, path, &head));
	open = file_new(path);
	if (!open) {
		mt_elf_head_deinit(&head);
		return mt_error_nomem();
	}
	open->key = key;
	open->head = head;
	open->fd = mt_take_fd(&own);
	open->next = open_files;
	open_files = open;
	*file = open;
	return NULL;
}

struct mt_error *mt_module_file_missing(const char *path, const char *note,
                                        struct mt_module_file **file)
{
	struct mt_module_file *missing = file_new(path);

	if (!missing)
		return mt_error_nomem();
	mt_module_file_note(missing, "%s", note);
	*file = missing;
	return NULL;
}

struct mt_module_file *mt_module_file_ref(struct mt_module_file *file)
{
	file->refs++;
	return file;
}

static void forget_open(const struct mt_module_file *file)
{
	for (struct mt_module_file **link = &open_files; *link; link = &(*link)->next) {
		if (*link == file) {
			*link = file->next;
			return;
		}
	}
}

struct mt_interned {
	UT_hash_handle hh;
	char text[];
};

const char *mt_module_file_intern(struct mt_module_file *file, const char *text)
{
	struct mt_interned *known;
	size_t len = strlen(text);

	HASH_FIND(hh, file->interned, text, len, known);
	if (!known) {
		known = mt_alloc(sizeof(*known) + len + 1);
		if (!known)
			return NULL;
		memcpy(known->text, text, len + 1);
		HASH_ADD_KEYPTR(hh, file->interned, known->text, len, known);
		if (!known->hh.tbl) {
			free(known);
			return NULL;
		}
	}
	return known->text;
}

static void interned_destroy(struct mt_interned *interned)
{
	struct mt_interned *each, *next;

	HASH_ITER (hh, interned, each, next) {
		HASH_DEL(interned, each);
		free(each);
	}
}

void mt_module_file_unref(struct mt_module_file *file)
{
	if (!file || --file->refs)
		return;
	forget_open(file);
	mt_unit_macros_destroy(file->macros);
	mt_units_destroy(file->units); /* threads may be reading what libdwfl has mapped */
	mt_file_cfi_destroy(file->cfi);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	if (file->fd >= 0)
		close(file->fd);
	mt_symtab_destroy(file->symtab);
	mt_types_destroy(file->types);
	mt_scopes_destroy(file->scopes);
	mt_functions_destroy(file->functions);
	mt_local_dies_destroy(file->locals);
	free(file->local_cache);
	mt_vtables_destroy(file->vtables);
	interned_destroy(file->interned);
	mt_elf_head_deinit(&file->head);
	free(file->note);
	free(file->path);
	free(file);
}

void mt_module_file_note(struct mt_module_file *file, const char *fmt, ...)
{
	va_list ap;

	if (file->note)
		return;
	va_start(ap, fmt);
	if (vasprintf(&file->note, fmt, ap) < 0)
		file->note = NULL;
	va_end(ap);
}

/* debuginfod is asked by libdwfl itself, and only when DEBUGINFOD_URLS is set. */
static const Dwfl_Callbacks dwfl_callbacks = {
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static Dwfl_Module *report_file(Dwfl *dwfl, const struct mt_module_file *file)
{
	int fd MT_AUTO_FD = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return NULL;
	dwfl_report_begin(dwfl);

	Dwfl_Module *module = dwfl_report_elf(dwfl, file->path, file->path, fd, 0, true);

	if (!module)
		return NULL;
	mt_take_fd(&fd); /* libdwfl's now */
	return dwfl_report_end(dwfl, NULL, NULL) ? NULL : module;
}

Dwfl_Module *mt_module_file_dwfl(struct mt_module_file *file)
{
	if (file->tried_dwfl || file->fd < 0)
		return file->dwfl_module;
	file->tried_dwfl = true;
	file->dwfl = dwfl_begin(&dwfl_callbacks);
	if (file->dwfl)
		file->dwfl_module = report_file(file->dwfl, file);
	if (!file->dwfl_module)
		mt_module_file_note(file, "%s: %s", file->path, dwfl_errmsg(-1));
	return file->dwfl_module;
}

Elf *mt_module_file_elf(struct mt_module_file *file)
{
	GElf_Addr bias;
	Dwfl_Module *module = mt_module_file_dwfl(file);

	return module ? dwfl_module_getelf(module, &bias) : NULL;
}

/* Damaged DWARF is worth a note, none at all is not. libdwfl tells them apart by text only. */
static void note_dwarf_error(struct mt_module_file *file)
{
	const char *text = dwfl_errmsg(-1);

	if (!strstr(text, "No DWARF") && !strstr(text, "no DWARF"))
		mt_module_file_note(file, "%s: %s", file->path, text);
}

Dwarf *mt_module_file_dwarf(struct mt_module_file *file)
{
	Dwarf_Addr bias = 0;
	Dwfl_Module *module = mt_module_file_dwfl(file);

	if (file->tried_dwarf || !module)
		return file->dwarf;
	file->tried_dwarf = true;

	Dwarf *dwarf = dwfl_module_getdwarf(module, &bias);

	if (!dwarf)
		note_dwarf_error(file);
	else if (bias)
		mt_module_file_note(file, "%s: its debug file is laid out differently", file->path);
	else
		file->dwarf = dwarf;
	return file->dwarf;
}

Elf *mt_module_file_debug_elf(struct mt_module_file *file)
{
	Dwarf *dwarf = mt_module_file_dwarf(file);

	return dwarf ? dwarf_getelf(dwarf) : NULL;
}

/* libdw unpacks compressed sections in place and leaves those of the old kind their old name. */
static bool is_section_name(const char *name, const char *wanted)
{
	return !strcmp(name, wanted) || (!strncmp(name, ".z", 2) && !strcmp(name + 2, wanted + 1));
}

Elf_Scn *mt_elf_section(Elf *elf, const char *name, GElf_Shdr *header)
{
	size_t names;
	Elf_Scn *section = NULL;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *own =
		    gelf_getshdr(section, header) ? elf_strptr(elf, names, header->sh_name) : NULL;

		if (own && is_section_name(own, name))
			return section;
	}
	return NULL;
}

bool mt_module_has_symbols(const struct mt_module *module)
{
	return mt_symtab_of(module->file)->is_full;
}

bool mt_module_has_dwarf(const struct mt_module *module)
{
	struct mt_units *units = mt_units_of(module->file);

	return units && units->space_count;
}

bool mt_module_lines_at_hand(const struct mt_module *module)
{
	GElf_Shdr header;

	return module->file->tried_dwarf ||
	       mt_elf_section(mt_module_file_elf(module->file), ".debug_line", &header) != NULL;
}

const char *mt_module_note(const struct mt_module *module)
{
	mt_units_of(module->file);
	return module->file->note;
}
