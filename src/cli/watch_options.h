/* SPDX-License-Identifier: MIT */
/* The command line of `memtrap watch`. */
#ifndef MT_CLI_WATCH_OPTIONS_H
#define MT_CLI_WATCH_OPTIONS_H

#include "base/vec.h"
#include "cli/debugger.h"
#include "watch/session.h"

/* --engine: which one config.engine becomes. */
enum mt_engine_choice {
	MT_ENGINE_AUTO, /* the kernel's, else ptrace's where that is not permitted */
	MT_ENGINE_ONLY_KERNEL,
	MT_ENGINE_ONLY_PTRACE,    /* debug registers, and single steps for what they cannot hold */
	MT_ENGINE_ONLY_REGISTERS, /* of ptrace's, too; without single steps */
	MT_ENGINE_ONLY_STEPS,     /* ptrace's single steps for all */
};

struct mt_watch_options {
	struct mt_watch_config config; /* requests point into `requests` */
	MT_VEC(struct mt_watch_request) requests;
	MT_VEC(const char *) prints;
	const char *output; /* -o; NULL: standard error */
	enum mt_engine_choice engine;
	bool json;
	bool quiet;            /* hits and warnings only */
	bool intel;            /* disassembly in Intel's syntax */
	bool core;             /* --then core: config.action is STOP */
	const char *core_path; /* NULL: core.PID */
	/* --then debug: config.action is HOLD. What the debugger does before it asks, and whether
	 * it asks at all. */
	MT_VEC(struct mt_early) early;
	bool batch;
	bool in_process;
	const char *handler; /* with in_process: FILE:FUNCTION */
};

/*
 * Parses argv (argv[0] is the command). Usage errors and --help are printed here and end the
 * process, as argp does. What parses but makes no sense is an error.
 */
struct mt_error *mt_watch_options_parse(int argc, char **argv, struct mt_watch_options *options);
void mt_watch_options_deinit(struct mt_watch_options *options);

#endif
