/* SPDX-License-Identifier: MIT */
/*
 * Source files as text: found, read once, and shown by line.
 */
#ifndef MT_CLI_DEBUG_SOURCE_H
#define MT_CLI_DEBUG_SOURCE_H

#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

struct mt_shell;

struct mt_source {
	char *path;  /* as the compiler had it */
	char *found; /* where it was read; NULL: it is nowhere */
	char *text;
	MT_VEC(size_t) starts; /* where each line begins in the text */
};

struct mt_sources {
	MT_VEC(struct mt_source *) files;
};

void mt_sources_deinit(struct mt_sources *sources);

/* Forgets all: the directories that are searched have changed. */
void mt_sources_forget(struct mt_sources *sources);

/* The file that the compiler called `path`: there (`pc`, an address of its code, tells the folder
 * that a relative path starts from; 0: unknown), with its tail in the directories of `set
 * directories`, or here. NOT_FOUND. Owned by the shell. */
struct mt_error *mt_source_find(struct mt_shell *shell, const char *path, uint64_t pc,
                                const struct mt_source **source);

/* Line `number`, from 1, without its newline; NULL past the end. */
const char *mt_source_line(const struct mt_source *source, unsigned number, size_t *len);

/* Lines to be shown, numbered. */
struct mt_source_lines {
	const char *path; /* and pc: as in mt_source_find() */
	uint64_t pc;
	unsigned first, last;
	unsigned here; /* the one that is marked; 0: none */
};

/* Says them; says nothing and fails when the file is not there. *shown, which may be NULL, is the
 * last line there was. */
struct mt_error *mt_source_show(struct mt_shell *shell, const struct mt_source_lines *lines,
                                unsigned *shown);

/* ---- Locations ---------------------------------------------------------------- */

/* A place in the source that was named for list, info line, break: "file.c:12", "12", "main",
 * "*0x1234"; "" is where the program stands, or main. */
struct mt_source_place {
	const char *file; /* owned by the image */
	unsigned line;
	uint64_t addr; /* 0: of a line that was named by its number alone */
	uint64_t pc;   /* some address of the file's code, as mt_source_find() wants it */
};

struct mt_error *mt_source_locate(struct mt_shell *shell, const char *text,
                                  struct mt_source_place *place);

#endif
