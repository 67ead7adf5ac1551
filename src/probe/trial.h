/* SPDX-License-Identifier: MIT */
/*
 * Trials: what this machine allows, found out by doing it. Each one runs in a child process of its
 * own, for some seconds at most, and leaves nothing behind: a system call that a seccomp filter
 * answers with death costs that child only.
 */
#ifndef MT_PROBE_TRIAL_H
#define MT_PROBE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

enum mt_trial_result {
	MT_TRIAL_OK,
	MT_TRIAL_PART,
	MT_TRIAL_NO,
};

/* What `memtrap watch` loses without it. */
enum mt_trial_weight {
	MT_TRIAL_TOLD,   /* nothing: it explains others, or another command needs it */
	MT_TRIAL_WANTED, /* a part of what it can do */
	MT_TRIAL_NEEDED, /* everything */
};

struct mt_finding {
	enum mt_trial_result result;
	char detail[384]; /* one line */
	char remedy[640]; /* empty: there is nothing to do, or nothing that helps */
};

struct mt_trial {
	const char *name; /* for programs: stable, without spaces */
	const char *what; /* for people */
	enum mt_trial_weight weight;
	void (*run)(struct mt_finding *finding);
};

/* All trials, in the order in which they are shown. */
const struct mt_trial *mt_trials(size_t *count);

/* Never fails: what goes wrong is a finding. The process must not have other threads. */
struct mt_finding mt_trial_run(const struct mt_trial *trial);

/* The worst that a finding does to `memtrap watch`: OK it works in full, NO not at all. */
enum mt_trial_result mt_trial_effect(const struct mt_trial *trial,
                                     const struct mt_finding *finding);

#endif
