/* SPDX-License-Identifier: MIT */
/* Trials: that nothing they meet harms who runs them, and that they see what is really there. */
#include <dirent.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/trial_private.h"
#include "unit.h"

static struct mt_finding try(void (*run)(struct mt_finding *finding))
{
	const struct mt_trial trial = { "test", "a test", MT_TRIAL_NEEDED, run };

	return mt_trial_run(&trial);
}

static const struct mt_trial *find(const char *name)
{
	size_t count;
	const struct mt_trial *trials = mt_trials(&count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(trials[i].name, name))
			return &trials[i];
	ck_abort_msg("no trial is called %s", name);
}

/* ---- What a trial may meet ----------------------------------------------- */

static void raise_sigsys(struct mt_finding *finding)
{
	mt_found(finding, MT_TRIAL_OK, "too early");
	signal(SIGSYS, SIG_DFL);
	raise(SIGSYS);
}

START_TEST(a_filter_that_kills_is_a_finding)
{
	struct mt_finding finding = try(raise_sigsys);

	ck_assert_int_eq(finding.result, MT_TRIAL_NO);
	ck_assert_ptr_nonnull(strstr(finding.detail, "seccomp"));
	ck_assert_ptr_nonnull(strstr(finding.remedy, "perf_event_open"));
}
END_TEST

static void hang(struct mt_finding *finding)
{
	mt_found(finding, MT_TRIAL_OK, "too early");
	for (;;)
		pause();
}

START_TEST(a_trial_that_hangs_is_ended)
{
	sigset_t all, before;

	/* Also where the alarm is blocked and ignored. */
	signal(SIGALRM, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);

	struct mt_finding finding = try(hang);

	sigprocmask(SIG_SETMASK, &before, NULL);
	ck_assert_int_eq(finding.result, MT_TRIAL_NO);
	ck_assert_ptr_nonnull(strstr(finding.detail, "did not end"));
}
END_TEST

static void break_off(struct mt_finding *finding)
{
	_exit(1);
}

START_TEST(a_trial_that_says_nothing_has_failed)
{
	struct mt_finding finding = try(break_off);

	ck_assert_int_eq(finding.result, MT_TRIAL_NO);
	ck_assert_str_eq(finding.detail, "the trial broke off");
}
END_TEST

static void say_garbage(struct mt_finding *finding)
{
	mt_found(finding, MT_TRIAL_PART, "two\nlines, \x1b[1m and \xc3\xa4");
	mt_found_remedy(finding, "%*s", 5000, "long");
}

START_TEST(findings_are_lines_of_ascii)
{
	struct mt_finding finding = try(say_garbage);

	ck_assert_int_eq(finding.result, MT_TRIAL_PART);
	ck_assert_str_eq(finding.detail, "two?lines, ?[1m and ??");
	ck_assert_uint_eq(strlen(finding.remedy), sizeof(finding.remedy) - 1);
}
END_TEST

START_TEST(the_effect_is_by_weight)
{
	static const enum mt_trial_result effects[3][3] = {
		[MT_TRIAL_TOLD] = { MT_TRIAL_OK, MT_TRIAL_OK, MT_TRIAL_OK },
		[MT_TRIAL_WANTED] = { MT_TRIAL_OK, MT_TRIAL_PART, MT_TRIAL_PART },
		[MT_TRIAL_NEEDED] = { MT_TRIAL_OK, MT_TRIAL_PART, MT_TRIAL_NO },
	};

	for (unsigned weight = 0; weight < 3; weight++) {
		for (unsigned result = 0; result < 3; result++) {
			struct mt_trial trial = { .weight = weight };
			struct mt_finding finding = { .result = result };

			ck_assert_int_eq(mt_trial_effect(&trial, &finding),
			                 effects[weight][result]);
		}
	}
}
END_TEST

/* ---- All of them --------------------------------------------------------- */

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

START_TEST(all_find_something_and_leave_nothing)
{
	unsigned files = open_files();
	size_t count;
	const struct mt_trial *trials = mt_trials(&count);

	for (size_t i = 0; i < count; i++) {
		struct mt_finding finding = mt_trial_run(&trials[i]);

		ck_assert_msg(finding.detail[0], "%s", trials[i].name);
		ck_assert_msg(!strstr(finding.detail, "did not end") &&
		                  !strstr(finding.detail, "signal "),
		              "%s: %s", trials[i].name, finding.detail);
		ck_assert_str_ne(finding.detail, "the trial broke off");
		ck_assert_msg(finding.result != MT_TRIAL_OK || !finding.remedy[0], "%s: %s",
		              trials[i].name, finding.remedy);
		ck_assert_ptr_eq(find(trials[i].name), &trials[i]); /* names are unique */
	}
	ck_assert_uint_eq(open_files(), files);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* ---- Taken registers ----------------------------------------------------- */

/* A breakpoint that children inherit takes one of theirs. */

static int take_register(void)
{
	static uint64_t words[4];
	static unsigned next;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uint64_t)(uintptr_t)&words[next++ % 4],
		.bp_len = 8,
		.inherit = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

START_TEST(taken_registers_are_seen)
{
	struct mt_finding finding = mt_trial_run(find("registers"));

	if (finding.result != MT_TRIAL_OK)
		return; /* not to be had here, so none can be taken away */
	for (int left = 3; left > 0; left--) {
		char wanted[16];

		ck_assert_int_ge(take_register(), 0);
		finding = mt_trial_run(find("registers"));
		snprintf(wanted, sizeof(wanted), "%d of 4", left);
		ck_assert_int_eq(finding.result, MT_TRIAL_PART);
		ck_assert_msg(strstr(finding.detail, wanted), "%s", finding.detail);
		ck_assert_ptr_nonnull(strstr(finding.remedy, "debugger"));
		ck_assert_int_eq(mt_trial_run(find("hw-write")).result, MT_TRIAL_OK);
	}
	ck_assert_int_ge(take_register(), 0);
	finding = mt_trial_run(find("registers"));
	ck_assert_int_eq(finding.result, MT_TRIAL_NO);
	finding = mt_trial_run(find("hw-write"));
	ck_assert_int_eq(finding.result, MT_TRIAL_NO);
	ck_assert_ptr_nonnull(strstr(finding.detail, "no debug register is free"));
}
END_TEST

MT_UNIT_MAIN("trial", a_filter_that_kills_is_a_finding, a_trial_that_hangs_is_ended,
             a_trial_that_says_nothing_has_failed, findings_are_lines_of_ascii,
             the_effect_is_by_weight, all_find_something_and_leave_nothing,
             taken_registers_are_seen)
