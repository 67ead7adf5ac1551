/* SPDX-License-Identifier: MIT */
/* Children in numbers: followed or not, let go or kept, sharing memory or not. */
#include <signal.h>

#include "engine_session.h"
#include "target/process.h"

#define MANY 200

/* Stopped at the first instruction, with a breakpoint that all children pass. */
static void start(struct session *session, const char *how, const char *count)
{
	SESSION_START(session, "children", how, count);
	session_break(session, "marker", NULL);
}

/* What the first process has printed, once it has ended: nobody may be traced for that. */
static void check_first(struct session *session, const char *text)
{
	mt_debug_destroy(session->debug);
	session->debug = NULL;
	while (waitpid(-1, NULL, __WALL) > 0)
		continue;
	session_printed(session, text);
	session_end(session);
}

/* They must not run into our int3. */
static void let_go(const char *how, const char *count, unsigned children, const char *printed)
{
	struct session session;

	start(&session, how, count);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_uint_eq(session.notices[MT_NOTICE_PROCESS_NEW], children);
	check_first(&session, printed);
}

START_TEST(two_hundred_children_are_let_go)
{
	let_go("all", "200", MANY, "good=200\n");
}
END_TEST

START_TEST(children_of_eight_threads_are_let_go)
{
	let_go("threads", "200", MANY, "good=200\n");
}
END_TEST

START_TEST(a_chain_is_let_go)
{
	let_go("chain", "50", 1, "good=50\n");
}
END_TEST

START_TEST(shells_are_let_go)
{
	let_go("system", "20", 20, "good=20\n");
}
END_TEST

/* They pass the int3, which is in their parent's memory, and nobody stops for it. */
START_TEST(children_that_share_memory_are_let_go)
{
	let_go("shared", "200", MANY, "good=200\n");
}
END_TEST

START_TEST(a_chain_is_followed_to_its_end)
{
	struct session session;
	unsigned stops = 0;

	start(&session, "chain", "200");
	mt_debug_settings(session.debug)->follow_fork = MT_FOLLOW_CHILD;
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		stops++;
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, 5);
	ck_assert_uint_eq(stops, MANY);
	check_first(&session, "good=200\n");
}
END_TEST

/* The first one is followed; the others are its parent's business. */
static void follow_first(const char *how, unsigned hits, int status, const char *count,
                         const char *printed)
{
	struct session session;
	unsigned stops = 0;

	start(&session, how, count);
	mt_debug_settings(session.debug)->follow_fork = MT_FOLLOW_CHILD;
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		stops++;
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, status);
	ck_assert_uint_eq(stops, hits);
	check_first(&session, printed);
}

START_TEST(the_first_child_is_followed)
{
	follow_first("all", 1, 5, "200", "good=200\n");
	follow_first("threads", 1, 5, "200", "good=200\n");
	follow_first("shared", 1, 5, "20", "good=20\n");
	follow_first("system", 0, 0, "3", "good=3\n");
}
END_TEST

/* ---- Kept ---------------------------------------------------------------- */

static size_t processes(struct session *session, struct mt_process_info infos[MANY + 1])
{
	return mt_debug_processes(session->debug, infos, MANY + 1);
}

/* The parent waits for them, stopped as they are; then each is let run, and passes marker(). */
static void keep(const char *how, const char *count, unsigned children, const char *printed)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	struct mt_process_info infos[MANY + 1];
	struct session session;
	unsigned ended = 0;

	start(&session, how, count);
	mt_debug_settings(session.debug)->detach_on_fork = false;
	MT_CK_OK(mt_debug_go(session.debug, &go));
	while (processes(&session, infos) < children + 1)
		MT_CK_OK(mt_debug_wait(session.debug, 10, &session.stop));
	mt_debug_interrupt(session.debug);
	ck_assert_int_eq(session_wait(&session), MT_STOP_INTERRUPTED);
	for (unsigned i = 1; i <= children; i++) {
		MT_CK_OK(mt_debug_select_process(session.debug, infos[i].number));
		MT_CK_OK(mt_debug_go(session.debug, &go));
		ck_assert_int_eq(session_wait(&session), MT_STOP_BREAKPOINT);
		ck_assert_int_eq(session.stop.pid, infos[i].pid);
		ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
		ck_assert_int_eq(session.stop.pid, infos[i].pid);
		ck_assert_int_eq(session.stop.status, 5);
		ended++;
	}
	ck_assert_uint_eq(ended, children);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.pid, infos[0].pid);
	check_first(&session, printed);
}

START_TEST(two_hundred_children_are_kept)
{
	keep("all", "200", MANY, "good=200\n");
}
END_TEST

START_TEST(children_of_eight_threads_are_kept)
{
	keep("threads", "40", 40, "good=40\n");
}
END_TEST

/* A parent that has lent its memory waits in the kernel for the child, which goes on with it. */
START_TEST(a_child_that_shares_memory_is_kept)
{
	struct mt_process_info infos[MANY + 1];
	struct session session;

	start(&session, "shared", "3");
	mt_debug_settings(session.debug)->detach_on_fork = false;
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
		ck_assert_uint_eq(processes(&session, infos), 2);
		ck_assert_int_eq(session.stop.pid, infos[1].pid);
		ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
		ck_assert_int_eq(session.stop.pid, infos[1].pid);
		ck_assert_int_eq(session.stop.status, 5);
	}
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.pid, infos[0].pid);
	check_first(&session, "good=3\n");
}
END_TEST

/* Followed into each child, with everybody else kept, stopped, and in the end let go to run. */
START_TEST(a_chain_is_followed_and_kept)
{
	struct mt_process_info infos[MANY + 1];
	struct session session;
	unsigned stops = 0;
	size_t left;

	start(&session, "chain", "30");
	mt_debug_settings(session.debug)->follow_fork = MT_FOLLOW_CHILD;
	mt_debug_settings(session.debug)->detach_on_fork = false;
	while (session_continue(&session) == MT_STOP_BREAKPOINT)
		stops++;
	ck_assert_uint_eq(stops, 30);
	ck_assert_int_eq(session.stop.kind, MT_STOP_EXITED);
	for (left = 30; left; left--) {
		ck_assert_uint_eq(processes(&session, infos), left);
		MT_CK_OK(mt_debug_select_process(session.debug, infos[left - 1].number));
		ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
		ck_assert_int_eq(session.stop.pid, infos[left - 1].pid);
	}
	check_first(&session, "good=30\n");
}
END_TEST

/* ---- The session ends while they are there ------------------------------- */

START_TEST(kept_children_end_with_the_session)
{
	const struct mt_go go = { .kind = MT_GO_CONTINUE, .signal = -1 };
	struct mt_process_info infos[MANY + 1];
	struct session session;

	start(&session, "all", "50");
	mt_debug_settings(session.debug)->detach_on_fork = false;
	MT_CK_OK(mt_debug_go(session.debug, &go));
	while (processes(&session, infos) < 51)
		MT_CK_OK(mt_debug_wait(session.debug, 10, &session.stop));
	mt_debug_interrupt(session.debug);
	ck_assert_int_eq(session_wait(&session), MT_STOP_INTERRUPTED);
	session_end(&session);
	for (int i = 0; i < 51; i++) /* what is left is its new parent's to bury */
		ck_assert_ptr_nonnull(strchr("ZX", mt_process_state(infos[i].pid)));
}
END_TEST

/* ---- exec while others are stopped --------------------------------------- */

/* Threads that the scheduler lock keeps stopped end with the program that they were of. */
START_TEST(a_program_is_replaced_while_threads_are_stopped)
{
	const struct mt_break_spec exec = { .kind = MT_BREAK_CATCH_EXEC, .location = "" };
	struct session session;
	int marker, catch;

	SESSION_START(&session, "family", "threadexec");
	marker = session_break(&session, "exec_in_thread", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_ne(session.stop.tid, session.stop.pid);
	MT_CK_OK(mt_debug_break(session.debug, &exec, &catch));
	mt_debug_settings(session.debug)->lock_scheduler = true;
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXEC);
	ck_assert_int_eq(session.stop.tid, session.stop.pid);
	ck_assert_uint_eq(mt_debug_threads(session.debug, NULL, 0), 1);
	ck_assert_uint_eq(session_info(&session, marker).place_count, 1); /* set anew */
	session_break(&session, "marker", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	ck_assert_int_eq(session_continue(&session), MT_STOP_EXITED);
	ck_assert_int_eq(session.stop.status, 5);
	session_end(&session);
}
END_TEST

MT_UNIT_MAIN("engine: children", two_hundred_children_are_let_go,
             children_of_eight_threads_are_let_go, a_chain_is_let_go, shells_are_let_go,
             children_that_share_memory_are_let_go, a_chain_is_followed_to_its_end,
             the_first_child_is_followed, two_hundred_children_are_kept,
             children_of_eight_threads_are_kept, a_child_that_shares_memory_is_kept,
             a_chain_is_followed_and_kept, kept_children_end_with_the_session,
             a_program_is_replaced_while_threads_are_stopped)
