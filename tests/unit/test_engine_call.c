/* SPDX-License-Identifier: MIT */
/* Functions that we call in a stopped program, against what they return to the program itself. */
#include <pthread.h>
#include <sys/uio.h>

#include "engine_session.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "engine/call.h"

static const char *const functions[] = {
	"ints",      "small",      "truth",   "unsigned_short", "doubles",       "mixture",
	"single",    "wide_float", "huge",    "complex_double", "complex_float", "complex_wide",
	"pairs",     "mixes",      "three",   "bigs",           "odds",          "nests",
	"wides",     "bit_fields", "eithers", "vectors",        "enums",         "pointer",
	"mix_order", "many",       "sum",
};

static uint64_t entry_of(struct session *session, const char *name)
{
	struct mt_location *locations;
	uint64_t entry;
	size_t count;

	MT_CK_OK(mt_image_locate(mt_debug_image(session->debug), name, &locations, &count));
	entry = locations[0].entry;
	mt_locations_free(locations, count);
	return entry;
}

/* The variable's type and bytes; false: there is none by that name. */
static bool read_variable(struct session *session, const char *prefix, const char *name,
                          struct mt_abi_value *value, uint8_t bytes[64])
{
	struct mt_variable variable;
	char full[64];
	struct mt_variable_query query = { .name = full };
	struct mt_error *error;

	snprintf(full, sizeof(full), "%s_%s", prefix, name);
	error = mt_variable_find(mt_debug_image(session->debug), &query, &variable);
	mt_error_free(error);
	if (error)
		return false;
	ck_assert_uint_le(variable.type->size, 64);
	MT_CK_OK(mt_debug_read(session->debug, variable.addr, bytes, variable.type->size));
	*value = (struct mt_abi_value){ variable.type, bytes };
	return true;
}

/* Padding of x87 numbers is nobody's. */
static bool same_value(const struct mt_type *type, const uint8_t *a, const uint8_t *b)
{
	if (type->kind == MT_TYPE_FLOAT && type->size == 16)
		return !memcmp(a, b, 10);
	if (type->kind == MT_TYPE_COMPLEX && type->size == 32)
		return !memcmp(a, b, 10) && !memcmp(a + 16, b + 16, 10);
	if (type->kind == MT_TYPE_STRUCT && type->member_count == 1 && type->size == 16)
		return same_value(type->members[0].type, a, b);
	return !memcmp(a, b, type->size);
}

static void start(struct session *session)
{
	SESSION_START(session, "callee");
	session_break(session, "stop_here", NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
}

static enum mt_call_end call(struct session *session, const char *name,
                             const struct mt_abi_value *args, size_t count, uint8_t *result)
{
	uint64_t entry = entry_of(session, name);
	const struct mt_call call = {
		.function = entry,
		.name = name,
		.type = mt_type_of_function(mt_debug_image(session->debug), entry),
		.args = args,
		.arg_count = count,
	};
	enum mt_call_end end;

	ck_assert_ptr_nonnull(call.type);
	MT_CK_OK(mt_debug_call(session->debug, &call, result, &end, &session->stop));
	return end;
}

static void check_function(struct session *session, const char *name)
{
	static const char *const letters[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	struct mt_abi_value args[8], want;
	uint8_t bytes[8][64], wanted[64], result[64] = { 0 };
	size_t count = 0;

	while (count < 8 &&
	       read_variable(session, letters[count], name, &args[count], bytes[count]))
		count++;
	ck_assert(read_variable(session, "want", name, &want, wanted));
	ck_assert_int_eq(call(session, name, args, count, result), MT_CALL_RETURNED);
	ck_assert_msg(same_value(want.type, result, wanted), "%s returns something else", name);
}

/* The program goes on as if nothing had been, and says so by its exit status. */
static void check_end(struct session *session)
{
	ck_assert_int_eq(session_continue(session), MT_STOP_EXITED);
	ck_assert_int_eq(session->stop.status, 0);
	session_end(session);
}

START_TEST(results_are_those_that_the_program_gets)
{
	struct session session;

	start(&session);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		uint64_t pc = session_reg(&session, "rip"), sp = session_reg(&session, "rsp");

		check_function(&session, functions[i]);
		ck_assert_uint_eq(session_reg(&session, "rip"), pc);
		ck_assert_uint_eq(session_reg(&session, "rsp"), sp);
	}
	check_end(&session);
}
END_TEST

START_TEST(calls_without_result_and_from_callers_frames)
{
	struct session session;
	uint64_t before;

	start(&session);
	before = session_variable(&session, "touched");
	MT_CK_OK(mt_debug_select_frame(session.debug, 1));
	ck_assert_int_eq(call(&session, "nothing", NULL, 0, NULL), MT_CALL_RETURNED);
	ck_assert_uint_eq(session_variable(&session, "touched"), before + 1);
	ck_assert_uint_eq(mt_debug_frame_level(session.debug), 1);
	check_end(&session);
}
END_TEST

static void deep_call(struct session *session, long n, enum mt_call_end expected, uint64_t *result)
{
	const struct mt_abi_value arg = { mt_type_base("long"), (const uint8_t *)&n };

	ck_assert_int_eq(call(session, "deep", &arg, 1, (uint8_t *)result), expected);
}

/* At a breakpoint on the way: the frames show the call, and its end is a stop where it began. */
START_TEST(a_breakpoint_on_the_way)
{
	struct mt_frame frames[8];
	struct session session;
	uint64_t pc, sp, result;
	int number;

	start(&session);
	pc = session_reg(&session, "rip");
	sp = session_reg(&session, "rsp");
	number = session_break(&session, "deep", NULL);
	deep_call(&session, 1, MT_CALL_STOPPED, &result);
	ck_assert_int_eq(session.stop.kind, MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_uint_ge(mt_debug_frames(session.debug, 0, frames, 8), 5);
	ck_assert_str_eq(frames[0].function, "deep");
	ck_assert_str_eq(frames[1].function, "deep");
	ck_assert_str_eq(frames[2].function, MT_DUMMY_FRAME);
	ck_assert_str_eq(frames[3].function, "stop_here");
	ck_assert_uint_eq(frames[3].pc, pc);
	ck_assert_str_eq(frames[4].function, "main");
	MT_CK_OK(mt_debug_break_delete(session.debug, number));
	ck_assert_int_eq(session_continue(&session), MT_STOP_FINISHED);
	ck_assert_uint_eq(session_reg(&session, "rip"), pc);
	ck_assert_uint_eq(session_reg(&session, "rsp"), sp);
	check_end(&session);
}
END_TEST

/* A call in a call: both come back in their order. */
START_TEST(calls_within_calls)
{
	struct session session;
	uint64_t pc, result = 0;
	int number;

	start(&session);
	pc = session_reg(&session, "rip");
	number = session_break(&session, "nothing", NULL);
	ck_assert_int_eq(call(&session, "nothing", NULL, 0, NULL), MT_CALL_STOPPED);
	deep_call(&session, 5, MT_CALL_RETURNED, &result);
	ck_assert_uint_eq(result, 5);
	MT_CK_OK(mt_debug_break_delete(session.debug, number));
	ck_assert_int_eq(session_continue(&session), MT_STOP_FINISHED);
	ck_assert_uint_eq(session_reg(&session, "rip"), pc);
	check_end(&session);
}
END_TEST

START_TEST(a_signal_on_the_way)
{
	struct session session;
	uint64_t null = 0, pc;
	const struct mt_abi_value arg = { mt_type_base("unsigned long"), (const uint8_t *)&null };
	struct mt_call crash;
	enum mt_call_end end;

	start(&session);
	pc = session_reg(&session, "rip");
	crash = (struct mt_call){ .function = entry_of(&session, "crash"),
		                  .name = "crash",
		                  .args = &arg,
		                  .arg_count = 1 };
	mt_debug_settings(session.debug)->unwind_on_signal = true;
	MT_CK_FAILS(mt_debug_call(session.debug, &crash, NULL, &end, &session.stop), MT_ERR_USAGE,
	            "crash received Segmentation fault");
	ck_assert_uint_eq(session_reg(&session, "rip"), pc);
	mt_debug_settings(session.debug)->unwind_on_signal = false;
	MT_CK_OK(mt_debug_call(session.debug, &crash, NULL, &end, &session.stop));
	ck_assert_int_eq(end, MT_CALL_STOPPED);
	ck_assert_int_eq(session.stop.kind, MT_STOP_SIGNAL);
	ck_assert_uint_ne(session_reg(&session, "rip"), pc);
	session_end(&session);
}
END_TEST

struct runner {
	struct mt_debug *debug;
	pid_t pid;
	uint64_t touched, before;
};

/* The function counts in `touched`. */
static void *interrupt_when_it_runs(void *arg)
{
	const struct runner *runner = arg;
	uint64_t now = runner->before;
	struct iovec ours = { &now, sizeof(now) };
	struct iovec theirs = { (void *)(uintptr_t)runner->touched, sizeof(now) };

	while (now == runner->before)
		if (process_vm_readv(runner->pid, &ours, 1, &theirs, 1, 0) < 0)
			return NULL;
	mt_debug_interrupt(runner->debug);
	return NULL;
}

START_TEST(an_interrupt_undoes_the_call)
{
	struct session session;
	struct mt_call endless;
	struct runner runner;
	enum mt_call_end end;
	pthread_t thread;
	uint64_t pc;

	start(&session);
	pc = session_reg(&session, "rip");
	endless = (struct mt_call){ .function = entry_of(&session, "endless"), .name = "endless" };
	runner = (struct runner){ session.debug, mt_debug_pid(session.debug),
		                  session_address(&session, "touched"),
		                  session_variable(&session, "touched") };
	pthread_create(&thread, NULL, interrupt_when_it_runs, &runner);
	MT_CK_FAILS(mt_debug_call(session.debug, &endless, NULL, &end, &session.stop), MT_ERR_USAGE,
	            "the call of endless was interrupted");
	pthread_join(thread, NULL);
	ck_assert_uint_eq(session_reg(&session, "rip"), pc);
	check_end(&session);
}
END_TEST

START_TEST(the_program_ends_on_the_way)
{
	struct session session;
	int status = 9;
	const struct mt_abi_value arg = { mt_type_base("int"), (const uint8_t *)&status };

	start(&session);
	ck_assert_int_eq(call(&session, "leave", &arg, 1, NULL), MT_CALL_STOPPED);
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, 9);
	session_end(&session);
}
END_TEST

/* Who is let go in the middle of a call of ours goes on where it was before. */
START_TEST(detaching_undoes_calls)
{
	struct session session;
	int status = -1;
	uint64_t result;
	pid_t pid;

	start(&session);
	session_break(&session, "deep", NULL);
	deep_call(&session, 3, MT_CALL_STOPPED, &result);
	pid = mt_debug_pid(session.debug);
	MT_CK_OK(mt_debug_detach(session.debug, 0));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	session_end(&session);
}
END_TEST

MT_UNIT_MAIN("engine_call", results_are_those_that_the_program_gets,
             calls_without_result_and_from_callers_frames, a_breakpoint_on_the_way,
             calls_within_calls, a_signal_on_the_way, an_interrupt_undoes_the_call,
             the_program_ends_on_the_way, detaching_undoes_calls)
