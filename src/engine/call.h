/* SPDX-License-Identifier: MIT */
/*
 * Calls of functions in the stopped program: an activation that we make on the thread's stack, a
 * dummy frame, and that is undone when it returns. All of the thread's registers are as before
 * then.
 */
#ifndef MT_ENGINE_CALL_H
#define MT_ENGINE_CALL_H

#include "engine/abi.h"
#include "engine/debug.h"

/* What frames show for the activation that we have made. */
#define MT_DUMMY_FRAME "<function called from memtrap>"

struct mt_call {
	uint64_t function;
	const char *name;           /* of it, for messages; NULL: by its address */
	const struct mt_type *type; /* of the function; NULL: returns int, takes what it is given */
	const struct mt_abi_value
	    *args; /* converted to the parameters' types where these are known */
	size_t arg_count;
	uint64_t result_at; /* memory for a result that is returned there; 0: on the stack */
};

enum mt_call_end {
	MT_CALL_RETURNED,
	MT_CALL_STOPPED, /* by something else on the way: the dummy frame stays on the stack, and
	                    the thread is back where it was when it returns */
};

/*
 * Calls the function in the current thread and waits for its end; other threads run meanwhile
 * unless the scheduler is locked. `result`, of the returned type's size, may be NULL. `stop` is
 * filled in where it was stopped: a breakpoint, a signal (unless `unwind_on_signal` is set), the
 * program's end. An interrupt by mt_debug_interrupt() undoes the call, and so do errors: USAGE "…
 * was interrupted", or what mt_abi_place() says.
 */
struct mt_error *mt_debug_call(struct mt_debug *debug, const struct mt_call *call, uint8_t *result,
                               enum mt_call_end *end, struct mt_stop *stop);

/* What a function of that result type, which is not void, has just returned to the current thread:
 * type->size bytes. */
struct mt_error *mt_debug_result(struct mt_debug *debug, const struct mt_type *type, uint8_t *out);

#endif
