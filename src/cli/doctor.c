/* SPDX-License-Identifier: MIT */
/* `memtrap doctor`: what this machine allows, by trying it, and what to do about the rest. */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/command.h"
#include "probe/trial.h"
#include "record/json_doctor.h"

#define DETAIL_COLUMN 40

enum long_option {
	OPTION_JSON = 0x100,
};

static const struct argp_option option_table[] = {
	{ "quiet", 'q', NULL, 0, "only what is missing, and the verdict", 0 },
	{ "json", OPTION_JSON, NULL, 0, "one JSON object", 0 },
	{ 0 },
};

static const char documentation[] =
    "Tries each thing that memtrap needs of this machine, and names the remedy for what is "
    "missing. What it tries it tries on itself and on children of its own; nothing stays behind."
    "\vA line says 'ok', 'part' or 'no'. Exit status: 0 when 'memtrap watch' works in full, 1 in "
    "part, or by ptrace alone, 2 not at all; 125 when memtrap failed.\n";

struct doctor {
	bool json, quiet;
	const struct mt_trial *trials;
	size_t count;
	struct mt_finding *findings;
	enum mt_trial_result worst; /* effect on the kernel's engine of the watch */
	bool by_ptrace;             /* ptrace's engine works */
};

static const char *result_name(enum mt_trial_result result)
{
	static const char *const names[] = {
		[MT_TRIAL_OK] = "ok",
		[MT_TRIAL_PART] = "part",
		[MT_TRIAL_NO] = "no",
	};

	return names[result];
}

/* ---- Text ---------------------------------------------------------------- */

/* `before`: the remedy that was printed last, which is not repeated. */
static void print_finding(const struct mt_trial *trial, const struct mt_finding *finding,
                          const char *before)
{
	struct mt_buf line MT_AUTO_BUF = { 0 };

	mt_buf_printf(&line, "%-4s  %s", result_name(finding->result), trial->what);
	mt_buf_pad(&line, DETAIL_COLUMN);
	mt_buf_printf(&line, "  %s\n", finding->detail);
	if (finding->remedy[0])
		mt_buf_printf(&line, "      remedy: %s\n",
		              strcmp(finding->remedy, before) != 0 ? finding->remedy : "the same");
	fputs(line.len ? line.data : "", stdout);
	fflush(stdout);
}

/* Nothing but ptrace is left, and that does. */
static bool is_by_ptrace(const struct doctor *doctor)
{
	return doctor->worst == MT_TRIAL_NO && doctor->by_ptrace;
}

/* The things that keep the watch from doing more. */
static void print_missing(const struct doctor *doctor)
{
	const char *before = "";

	for (size_t i = 0; i < doctor->count; i++) {
		if (mt_trial_effect(&doctor->trials[i], &doctor->findings[i]) != doctor->worst)
			continue;
		printf("%s%s", before, doctor->trials[i].what);
		before = "; ";
	}
	putchar('\n');
}

static void print_verdict(const struct doctor *doctor)
{
	switch (doctor->worst) {
	case MT_TRIAL_OK:
		puts("memtrap watch: everything works");
		return;
	case MT_TRIAL_PART:
		fputs("memtrap watch: works in part; it lacks: ", stdout);
		break;
	case MT_TRIAL_NO:
		fputs(is_by_ptrace(doctor)
		          ? "memtrap watch: works by ptrace, where each hit stops its "
		            "thread; to stop nothing it lacks: "
		          : "memtrap watch: does not work here; it lacks: ",
		      stdout);
		break;
	}
	print_missing(doctor);
}

/* ---- JSON ---------------------------------------------------------------- */

static struct mt_error *print_json(const struct doctor *doctor)
{
	static const char *const watch[] = {
		[MT_TRIAL_OK] = "full",
		[MT_TRIAL_PART] = "part",
		[MT_TRIAL_NO] = "none",
	};
	struct mt_json_trial *list MT_AUTO_FREE = mt_alloc_array(doctor->count, sizeof(*list));
	struct mt_buf line MT_AUTO_BUF = { 0 };

	if (!list)
		return mt_error_nomem();
	for (size_t i = 0; i < doctor->count; i++) {
		const struct mt_finding *finding = &doctor->findings[i];

		list[i] = (struct mt_json_trial){
			.name = doctor->trials[i].name,
			.result = result_name(finding->result),
			.detail = finding->detail,
			.remedy = finding->remedy[0] ? finding->remedy : NULL,
		};
	}
	mt_json_doctor(&line, list, doctor->count,
	               is_by_ptrace(doctor) ? "ptrace" : watch[doctor->worst]);
	if (!mt_buf_ok(&line))
		return mt_error_nomem();
	fputs(line.data, stdout);
	return NULL;
}

/* ---- The command --------------------------------------------------------- */

/* In text, a line as soon as it is known. */
static void try_all(struct doctor *doctor)
{
	const char *remedy = "";

	for (size_t i = 0; i < doctor->count; i++) {
		const struct mt_trial *trial = &doctor->trials[i];
		struct mt_finding *finding = &doctor->findings[i];
		enum mt_trial_result effect;

		*finding = mt_trial_run(trial);
		if (!strcmp(trial->name, "ptrace-debugreg"))
			doctor->by_ptrace = finding->result == MT_TRIAL_OK;
		effect = mt_trial_effect(trial, finding);
		if (effect > doctor->worst)
			doctor->worst = effect;
		if (doctor->json || (doctor->quiet && finding->result == MT_TRIAL_OK))
			continue;
		print_finding(trial, finding, remedy);
		if (finding->remedy[0])
			remedy = finding->remedy;
	}
}

static struct mt_error *report(struct doctor *doctor)
{
	struct mt_finding *findings MT_AUTO_FREE = NULL;

	doctor->trials = mt_trials(&doctor->count);
	doctor->findings = findings = mt_alloc_array(doctor->count, sizeof(*findings));
	if (!findings)
		return mt_error_nomem();
	try_all(doctor);
	if (doctor->json)
		MT_TRY(print_json(doctor));
	else
		print_verdict(doctor);
	if (fflush(stdout) != 0 || ferror(stdout))
		return mt_error_sys(errno, "cannot write what was found");
	return NULL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct doctor *doctor = state->input;

	switch (key) {
	case 'q':
		doctor->quiet = true;
		return 0;
	case OPTION_JSON:
		doctor->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "there is nothing to say about '%s'", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse_option,
		.doc = documentation,
	};
	static char name[] = "memtrap doctor"; /* argp shows it in usage and errors */
	struct doctor doctor = { .worst = MT_TRIAL_OK };
	struct mt_error *error;
	error_t err;

	argv[0] = name;
	argp_err_exit_status = MT_EXIT_FAILED;
	err = argp_parse(&argp, argc, argv, 0, NULL, &doctor);
	error = err ? mt_error_sys(err, "cannot read the command line") : report(&doctor);
	if (error) {
		mt_cli_complain(error, NULL);
		return MT_EXIT_FAILED;
	}
	return is_by_ptrace(&doctor) ? MT_TRIAL_PART : (int)doctor.worst;
}

const struct mt_command mt_command_doctor = {
	.name = "doctor",
	.summary = "what this machine allows, and what to do about the rest",
	.run = run_doctor,
};
