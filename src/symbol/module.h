/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: the file behind a module. Shared between images, counted by reference,
 * found by device and inode. Addresses are file addresses (as the ELF headers have them).
 */
#ifndef MT_SYMBOL_MODULE_H
#define MT_SYMBOL_MODULE_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>

#include "symbol/elfhead.h"
#include "symbol/image.h"

struct mt_file_cfi;
struct mt_interned;
struct mt_symtab;
struct mt_units;
struct mt_lazy_type;
struct mt_scopes;
struct mt_functions;
struct mt_local_die;
struct mt_local_cache;
struct mt_unit_macros;
struct mt_vtables;

struct mt_module_file {
	unsigned refs;
	struct mt_module_file *next; /* in the list of open files */
	struct mt_file_key {
		uint64_t dev, inode, size;
		int64_t mtime_ns; /* a file that was written over is another file */
	} key;
	char *path;
	int fd; /* -1: could not be opened, `note` says why */
	char *note;
	struct mt_elf_head head;

	/* Opened on demand, through the functions below. */
	Dwfl *dwfl;
	Dwfl_Module *dwfl_module;
	Dwarf *dwarf;
	bool tried_dwfl, tried_dwarf;

	struct mt_interned *interned;

	/* What other parts of the room keep with a file, made on demand: see their headers. */
	struct mt_file_cfi *cfi;
	struct mt_symtab *symtab;
	struct mt_units *units;
	struct mt_lazy_type *types;
	struct mt_scopes *scopes;
	struct mt_functions *functions;
	struct mt_local_die *locals;
	struct mt_local_cache *local_cache;
	struct mt_unit_macros *macros;
	bool tried_macros, has_macros;
	uint64_t macros_addr; /* what was asked for last, and which unit's it is */
	struct mt_unit_macros *macros_there;
	struct mt_vtables *vtables;
};

/* The main file's ELF, opened on demand; NULL when it cannot be read. Owned by the file. */
Elf *mt_module_file_elf(struct mt_module_file *file);

/* The DWARF of the main file or its separate debug file (build-id, .gnu_debuglink, .dwz alternate,
 * debuginfod when DEBUGINFOD_URLS is set); NULL: none. Owned by the file. */
Dwarf *mt_module_file_dwarf(struct mt_module_file *file);

/* The ELF that holds the DWARF (the main one or the debug file); NULL without DWARF. */
Elf *mt_module_file_debug_elf(struct mt_module_file *file);

/* The file as libdwfl sees it, at bias 0; NULL when it cannot be read. */
Dwfl_Module *mt_module_file_dwfl(struct mt_module_file *file);

/*
 * The file open at *fd, which is taken over (and is -1 afterwards) whatever comes; shared with
 * those who have opened the same one. `path` is for messages and for finding debug files beside it.
 * A file that is no ELF for x86 is MT_ERR_FORMAT.
 */
struct mt_error *mt_module_file_open(int *fd, const char *path, struct mt_module_file **file);

/* Stands for a file that cannot be opened; has no symbols. `note` is copied. */
struct mt_error *mt_module_file_missing(const char *path, const char *note,
                                        struct mt_module_file **file);

struct mt_module_file *mt_module_file_ref(struct mt_module_file *file);
void mt_module_file_unref(struct mt_module_file *file);

/* A copy of `text` that lives as long as the file; equal texts are kept once. NULL without memory.
 */
const char *mt_module_file_intern(struct mt_module_file *file, const char *text);

/* The section of that name with its header; NULL: none. Sections of the old compressed kind
 * (".zdebug_info") are found under their plain name. */
Elf_Scn *mt_elf_section(Elf *elf, const char *name, GElf_Shdr *header);

/* Remembers why there is less than there could be; the first note stays. */
void mt_module_file_note(struct mt_module_file *file, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
