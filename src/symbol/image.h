/* SPDX-License-Identifier: MIT */
/*
 * An image: what one process has mapped, and what the files behind it say. Modules are read lazily;
 * a file that several processes map is opened and indexed once and shared. All addresses here are
 * the process's own (load bias applied), unless they are called file addresses.
 *
 * An image keeps working after its process has ended: files are opened when their mapping is first
 * seen, through /proc/PID/root or /proc/PID/map_files, so deleted files and other mount namespaces
 * are fine.
 *
 * Not thread-safe. The only room that knows libdw and libelf.
 */
#ifndef MT_SYMBOL_IMAGE_H
#define MT_SYMBOL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "x86/machine.h"

struct mt_image;

/* Where a module lies. The struct stays readable as long as the image, also when a refresh finds
 * that the module has gone. */
struct mt_module {
	const char *path;            /* as in /proc/PID/maps; "[vdso]" for the vDSO */
	const char *name;            /* the last part of path */
	uint64_t start;              /* lowest mapped address */
	uint64_t end;                /* one past the highest, .bss included */
	uint64_t bias;               /* process address minus file address */
	struct mt_module_file *file; /* src/symbol's own; never NULL */
};

/* Asking opens the file, and looks for its separate debug file. */
bool mt_module_has_symbols(const struct mt_module *module); /* more than .dynsym */
bool mt_module_has_dwarf(const struct mt_module *module);

/*
 * Whether asking for lines costs little: the debug information is in the module itself, or has been
 * read. A separate debug file of a system library (Debian's libc6-dbg) is compressed, and reading
 * it takes as long as starting a small program does.
 */
bool mt_module_lines_at_hand(const struct mt_module *module);

/* Why there is less than there could be (unreadable file, damaged DWARF, missing .dwo …), or NULL.
 */
const char *mt_module_note(const struct mt_module *module);

/* Reads the mappings of `pid`. The process needs not be stopped. */
struct mt_error *mt_image_create(pid_t pid, struct mt_image **image);

/*
 * An image of a program that is not running, for checking names before a launch: one module, bias
 * 0. Fails with MT_ERR_FORMAT for what is not an ELF program for x86-64 (or i386) and says what it
 * is instead ("a script for /bin/sh", "an empty file", "ELF for AArch64").
 */
struct mt_error *mt_image_open_file(const char *path, struct mt_image **image);

/*
 * Adds a library to such an image, behind what it has: as if the dynamic linker had mapped it, at
 * an address that no process will have. Fails as mt_image_open_file() does.
 */
struct mt_error *mt_image_add_file(struct mt_image *image, const char *path);

/* Where a file was mapped, as a core file tells it. */
struct mt_image_file {
	const char *path;
	int fd; /* open on what stands for the file, and is taken over; -1: the path is opened */
	uint64_t start, end;
	uint64_t code, code_offset; /* where its code lies, and at which offset in the file */
};

/* An image of what was mapped once: it needs no process, and does not change. Files that are no
 * ELF files are left out. The first one is the executable. */
struct mt_error *mt_image_create_mapped(const struct mt_image_file *files, size_t count,
                                        struct mt_image **image);

void mt_image_destroy(struct mt_image *image);

/* Reads the mappings again, after dlopen and the like. `changed`, which may be NULL, says whether a
 * module came or went. On failure (the process has gone) the old view stays. */
struct mt_error *mt_image_refresh(struct mt_image *image, bool *changed);

/* The mappings are read by that thread of the process from now on: a main thread that has ended has
 * none to show. */
void mt_image_read_by(struct mt_image *image, pid_t tid);

pid_t mt_image_pid(const struct mt_image *image);

/* What the program was built for. */
enum mt_machine mt_image_machine(const struct mt_image *image);

/* The module with that address, or NULL. Does not refresh. */
const struct mt_module *mt_image_module_at(struct mt_image *image, uint64_t addr);

/* Modules in the order of their addresses; the executable is mt_image_executable(). */
size_t mt_image_module_count(struct mt_image *image);
const struct mt_module *mt_image_module(struct mt_image *image, size_t i);
const struct mt_module *mt_image_executable(struct mt_image *image);

/* A module by its file name ("libfoo.so.1", "libfoo.so" and "libfoo" all name /x/libfoo.so.1.2), or
 * NULL. */
const struct mt_module *mt_image_module_named(struct mt_image *image, const char *name);

/* ---- Addresses to names -------------------------------------------------- */

struct mt_symbol {
	const char *name; /* demangled, C++ and Rust; owned by the image */
	uint64_t addr;
	uint64_t size; /* 0 when the ELF symbol has none */
	bool is_function;
	bool is_resolver; /* STT_GNU_IFUNC: it returns the address of what the name stands for */
	const struct mt_module *module;
};

/* The function or object that covers `addr`: from ELF symbols (debug files too), then DWARF, then
 * .gnu_debugdata. False when there is none. A symbol of size 0 reaches to the next one. */
bool mt_image_symbol_at(struct mt_image *image, uint64_t addr, struct mt_symbol *symbol);

struct mt_line {
	const char *file; /* full path as the compiler had it; owned by the image */
	unsigned line;
	unsigned column; /* 0: unknown */
};

/* The source line of the instruction at `pc`: where several have its address, the one that
 * mt_line_range_at() says (symbol/lines.h). False without a line table for it. */
bool mt_image_line_at(struct mt_image *image, uint64_t pc, struct mt_line *line);

/*
 * The bounds of the function that holds `pc`, as a place to decode from: the ELF symbol's, else the
 * FDE's (.eh_frame_hdr, which stripped programs have too). False when neither knows it.
 */
bool mt_image_function_bounds(struct mt_image *image, uint64_t pc, uint64_t *start, uint64_t *end);

/*
 * Code bytes as the file has them (not the process: breakpoints don't show, a dead process is
 * fine). Returns how many of `len` bytes at `addr` were copied; 0 outside the modules' text.
 */
size_t mt_image_read_code(struct mt_image *image, uint64_t addr, void *out, size_t len);

/* What memory holds when the program starts, by the file: code, and variables before relocation.
 * Returns how many of `len` bytes at `addr` were copied. */
size_t mt_image_read_initial(struct mt_image *image, uint64_t addr, void *out, size_t len);

/*
 * The functions inlined at `pc`, innermost first, not counting the real function: fills `names`
 * and, for each, the file and line it was called from. Returns how many. For stacks that show
 * inlined frames.
 */
struct mt_inline_frame {
	const char *name;    /* owned by the image */
	struct mt_line call; /* where the next outer function called it */
	uint64_t start; /* its lowest address: with its depth, this tells the copies of one apart */
};
size_t mt_image_inlines_at(struct mt_image *image, uint64_t pc, struct mt_inline_frame *frames,
                           size_t max);

/* The instructions around `pc` at which the same functions are inlined as there: narrows *start and
 * *end to them. */
void mt_image_inline_span(struct mt_image *image, uint64_t pc, uint64_t *start, uint64_t *end);

/* ---- Places in the code: "function", "file.c:123", "*0x401136", "0x401136", "module+0x1136"  */

struct mt_location {
	uint64_t addr;   /* for a function, and the line that it begins at: past its prologue by the
	                    line table, where that is known */
	uint64_t entry;  /* of such: the function's first instruction; else addr */
	bool is_inlined; /* a function's code in another one: it has none that could be called */
	char *what;      /* "main at demo.c:12", owned by the caller */
};

/* All addresses that `text` names (an inlined or duplicated line has several). At most 32.
 * NOT_FOUND (with near names), AMBIGUOUS (a static function in several files: name it 'file.c'::f),
 * SYNTAX. Free with mt_locations_free(). */
struct mt_error *mt_image_locate(struct mt_image *image, const char *text,
                                 struct mt_location **locations, size_t *count);

/* The same, for those who ask whether there is such a place: what is not found is told without near
 * names, which are more work than all the rest. */
struct mt_error *mt_image_locate_guess(struct mt_image *image, const char *text,
                                       struct mt_location **locations, size_t *count);
void mt_locations_free(struct mt_location *locations, size_t count);

#endif
