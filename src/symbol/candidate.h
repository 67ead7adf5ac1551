/* SPDX-License-Identifier: MIT */
/*
 * Inside src/symbol only: all variables of one file that a name may mean, gathered from DWARF and
 * from ELF symbols; variable.c chooses.
 */
#ifndef MT_SYMBOL_CANDIDATE_H
#define MT_SYMBOL_CANDIDATE_H

#include "base/error.h"
#include "symbol/module.h"

/* What is known of where a variable lies. */
enum mt_var_state {
	MT_VAR_FIXED,    /* at `addr` */
	MT_VAR_THREAD,   /* thread-local */
	MT_VAR_CONSTANT, /* has a value that is known, and no place */
	MT_VAR_GONE,     /* optimised out, or dropped by the linker */
	MT_VAR_REGISTER, /* a global or local in a register */
	MT_VAR_LOCAL,    /* in a function's frame */
	MT_VAR_DECLARED, /* not defined in this file */
};

/* Stands for the name of a function that only DWARF without names, or a GCC symbol, tells of. */
#define MT_UNNAMED_FUNCTION "a function"

struct mt_candidate {
	enum mt_var_state state;
	bool is_external;
	bool is_defined; /* declared here, and another candidate has the place */
	bool has_die;
	Dwarf_Die die;         /* has the type */
	const char *name;      /* without qualifiers */
	const char *qualified; /* "ns::Class::name"; of a function's static the bare name */
	const char *unit;      /* the file that was compiled, or NULL */
	const char *function;  /* qualified; NULL outside of functions */
	unsigned line;
	uint64_t addr; /* file address; MT_VAR_THREAD: in the module's thread-local block */
	uint64_t size; /* of the ELF symbol; 0 where DWARF alone told of it */
	const struct mt_module *module;
};

struct mt_candidates {
	struct mt_candidate *data;
	size_t len;
	size_t cap;
};

/* The source file that it is declared in, or NULL. Reads a line table. */
const char *mt_candidate_file(const struct mt_candidate *candidate);

/* Appends what the module's DWARF knows by that unqualified name. */
struct mt_error *mt_candidates_from_dwarf(const struct mt_module *module, const char *name,
                                          struct mt_candidates *candidates);

/*
 * Appends the ELF symbols by that name whose address none of the candidates of the same module has;
 * GCC's name.1234 for a function's static is one. A declaration in DWARF lends its type to the
 * symbol that defines it elsewhere (in assembly, by a copy relocation).
 */
struct mt_error *mt_candidates_from_elf(const struct mt_module *module, const char *name,
                                        struct mt_candidates *candidates);

/* Whether any ELF symbol of the module can stand for such a variable: cheap, next to DWARF. */
bool mt_elf_mentions(const struct mt_module *module, const char *name);

#endif
