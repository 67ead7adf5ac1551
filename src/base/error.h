/* SPDX-License-Identifier: MIT */
/*
 * Errors: the one convention inside memtrap.
 *
 * A function that can fail returns `struct mt_error *`. NULL is success; anything else is owned by
 * the caller, who passes it up or ends it with mt_error_free(). Outputs come last in the parameter
 * list and are untouched on failure. The text names the thing that failed, as a sentence without a
 * full stop: "cannot read 8 bytes at 0x7f12a0001040 in process 4242: No such process".
 *
 * Creating an error never fails: without memory a static one is returned, and freeing it is a
 * no-op.
 */
#ifndef MT_BASE_ERROR_H
#define MT_BASE_ERROR_H

#include <stdbool.h>

/* What a caller can do about it; front ends turn it into an exit status and a hint. */
enum mt_error_kind {
	MT_ERR_SYSTEM,      /* a system call failed; errno is in the text */
	MT_ERR_NOMEM,       /* out of memory */
	MT_ERR_USAGE,       /* the command line or a request makes no sense */
	MT_ERR_SYNTAX,      /* an expression does not parse or has the wrong type; has an offset */
	MT_ERR_NOT_FOUND,   /* no such variable, function, file, process */
	MT_ERR_AMBIGUOUS,   /* a name with several meanings; the text lists them */
	MT_ERR_PERMISSION,  /* the kernel refused; the text says which knob allows it */
	MT_ERR_NO_REGISTER, /* the debug registers do not suffice, or are taken */
	MT_ERR_FORMAT,      /* a file (ELF, DWARF) is damaged or of another kind */
	MT_ERR_UNREADABLE,  /* an address in the tracee that is not mapped */
	MT_ERR_NO_PROGRAM,  /* the program to run is not there */
	MT_ERR_CANNOT_RUN,  /* it is there, and the kernel does not execute it */
	MT_ERR_UNSUPPORTED, /* right, but not possible on this machine or in this build */
	MT_ERR_OLD_KERNEL,  /* not in this kernel, for nobody; the text says which one has it */
};

struct mt_error;

/* `fmt` as in printf. */
struct mt_error *mt_error_new(enum mt_error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result, returns_nonnull));

/*
 * An error of a system call: appends ": " and the text of `err`, an errno value. EACCES and EPERM
 * become MT_ERR_PERMISSION, ENOMEM becomes MT_ERR_NOMEM, ESRCH and ENOENT MT_ERR_NOT_FOUND; the
 * rest is MT_ERR_SYSTEM.
 */
struct mt_error *mt_error_sys(int err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result, returns_nonnull));

/* An error at a place in a source text: `offset` in bytes from its start. Kind MT_ERR_SYNTAX. */
struct mt_error *mt_error_at(long offset, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result, returns_nonnull));

/* The out-of-memory error, static. */
struct mt_error *mt_error_nomem(void) __attribute__((warn_unused_result, returns_nonnull));

/* Puts "CONTEXT: " before the text of `error` and returns it (or what replaces it). NULL stays
 * NULL. */
struct mt_error *mt_error_context(struct mt_error *error, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

const char *mt_error_text(const struct mt_error *error);
enum mt_error_kind mt_error_kind(const struct mt_error *error);

/* Where in the source text the error is, or -1 when it has no place. */
long mt_error_offset(const struct mt_error *error);

/* NULL is allowed. */
void mt_error_free(struct mt_error *error);

/* Returns early with the error, when there is one. */
#define MT_TRY(call)                                                                               \
	do {                                                                                       \
		struct mt_error *mt_try_error_ = (call);                                           \
		if (mt_try_error_)                                                                 \
			return mt_try_error_;                                                      \
	} while (0)

#endif
