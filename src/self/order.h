/* SPDX-License-Identifier: MIT */
/*
 * What `memtrap watch --in-process` orders of the library that it has the program preload: the
 * traps to set before main(), as text in an environment variable. Written by the command line, read
 * in the program (injected.c), where it is text from anybody.
 *
 * Words with a space between them: "memtrap1 FOLLOW QUIET LIBRARY HANDLER", then for each trap
 * "KIND OFFSET LEN BUILD-ID MODULE NAME". A byte that is no printable ASCII, a space or a % in a
 * word is %XX; an empty word is %.
 */
#ifndef MT_SELF_ORDER_H
#define MT_SELF_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"
#include "memtrap/memtrap.h"

#define MT_ORDER_VARIABLE "MEMTRAP_IN_PROCESS"
#define MT_ORDER_TRAPS_MAX 64

struct mt_order_trap {
	enum memtrap_kind kind;
	uint64_t offset; /* a file address of the module: what is added to where it is loaded */
	uint64_t len;
	char *build_id; /* of the module, in hexadecimal; empty: it has none, and `module` tells */
	char *module;   /* path */
	char *name;     /* the expression */
};

struct mt_order {
	bool follow;   /* children that run the same program, too: the order stays for them */
	bool quiet;    /* nothing is said but warnings */
	char *library; /* path of the shared object that has … */
	char *handler; /* … this function, a memtrap_handler */
	MT_VEC(struct mt_order_trap) traps;
};

/* Zeroed: empty. */
void mt_order_deinit(struct mt_order *order);

void mt_order_format(const struct mt_order *order, struct mt_buf *text);

/* MT_ERR_SYNTAX: what is wrong with the text. `order` must be zeroed; it is the caller's to end on
 * failure, too. */
struct mt_error *mt_order_parse(const char *text, struct mt_order *order);

#endif
