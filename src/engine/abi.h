/* SPDX-License-Identifier: MIT */
/*
 * Where a call's arguments and its result are: System V ABI, AMD64 section 3.2.3, and i386 section
 * 2.2.3. Nothing here touches a process.
 */
#ifndef MT_ENGINE_ABI_H
#define MT_ENGINE_ABI_H

#include "base/buf.h"
#include "base/error.h"
#include "symbol/type.h"
#include "x86/machine.h"

struct mt_abi_value {
	const struct mt_type *type;
	const uint8_t *bytes; /* type->size of them */
};

#define MT_ABI_INTEGERS 6
#define MT_ABI_VECTORS 8

/* A call that is about to be made. */
struct mt_abi_call {
	uint64_t integer[MT_ABI_INTEGERS]; /* rdi rsi rdx rcx r8 r9 */
	size_t integer_count;
	uint8_t vector[MT_ABI_VECTORS][16]; /* xmm0 … */
	size_t vector_count;                /* al, for functions of `...` */
	struct mt_buf stack;   /* from the stack pointer, above the return address, upwards */
	bool result_in_memory; /* the first argument is where it is to be */
};
void mt_abi_call_deinit(struct mt_abi_call *call);

/*
 * Puts the arguments where `type`, a function's, or NULL, wants them: each converted to its
 * parameter's type, or as C does without a prototype (float as double, small integers as int).
 * `result_at` is memory for a result that is to be passed in memory; see mt_abi_in_memory().
 * UNSUPPORTED, USAGE: too few arguments, or one that can't be converted, with a sentence.
 */
struct mt_error *mt_abi_place(enum mt_machine machine, const struct mt_type *type,
                              const struct mt_abi_value *args, size_t count, uint64_t result_at,
                              struct mt_abi_call *call);

/* Whether a value of that type is returned in memory that the caller gives. */
bool mt_abi_in_memory(enum mt_machine machine, const struct mt_type *type);

/* Whether it is an object that C++ passes and returns by its address, since copying its bytes would
 * be no copy of it: it has to stay where it was made. */
bool mt_abi_is_object(const struct mt_type *type);

/* What a function has left in registers. `st` are the x87 stack's top two, 10 bytes each. */
struct mt_abi_registers {
	uint64_t rax, rdx;
	uint8_t xmm[2][16];
	uint8_t st[2][10];
};

/* Copies a result that is not in memory, type->size bytes. */
void mt_abi_result(enum mt_machine machine, const struct mt_type *type,
                   const struct mt_abi_registers *registers, uint8_t *out);

#endif
