/* SPDX-License-Identifier: MIT */
/*
 * Variables with a fixed address: globals, file statics, function statics, C++ statics and
 * namespace members; from DWARF, or from ELF object symbols where there is no DWARF. Thread-local
 * variables and locals are told as what they are (MT_ERR_UNSUPPORTED, with the words for it), not
 * as missing.
 */
#ifndef MT_SYMBOL_VARIABLE_H
#define MT_SYMBOL_VARIABLE_H

#include "symbol/type.h"

/*
 * What is asked for. `scope` narrows `name`, and is one of: a source file ("cache.c", or the end of
 * its path), a function (for its statics), a module's file name ("libfoo.so"), a namespace or class
 * ("ns::Class"); NULL for none. `name` may itself be qualified ("ns::counter").
 */
struct mt_variable_query {
	const char *scope;
	const char *name;
	bool
	    is_guess; /* something else is asked when there is none: no near names are looked for */
};

struct mt_variable {
	const char *name; /* qualified as C++ has it; owned by the image */
	uint64_t addr;
	const struct mt_type *type; /* MT_TYPE_BYTES of the symbol's size without DWARF */
	const char *file;           /* the source file it is declared in, or NULL */
	unsigned line;
	const char *function; /* of a function static, or NULL */
	const struct mt_module *module;
	bool from_elf;                       /* no DWARF for it: the type is not known */
	const struct mt_local_die *constant; /* has the value of what has no address, or NULL */
};

/*
 * The one variable that the query names. Precedence as in C: an external definition in the
 * executable wins over those in libraries (as the dynamic linker would have it); one static wins
 * when it is alone. MT_ERR_NOT_FOUND: the text suggests up to five near names. MT_ERR_AMBIGUOUS:
 * the text lists the candidates as they can be written ("a.c::count (a.c:3)"). MT_ERR_UNSUPPORTED:
 * thread-local, a local (the text names the function), a register variable, optimised out. A copy
 * relocation (a library's variable copied into a non-PIE executable) resolves to the copy.
 */
struct mt_error *mt_variable_find(struct mt_image *image, const struct mt_variable_query *query,
                                  struct mt_variable *variable);

#endif
