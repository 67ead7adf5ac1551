/* SPDX-License-Identifier: MIT */
#include "cli/watch_options.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/command.h"
#include "probe/host.h"

#define DEFAULT_RING_SIZE ((size_t)32 << 20)

enum long_option {
	OPTION_IF = 0x100,
	OPTION_AT,
	OPTION_PENDING,
	OPTION_USER_ONLY,
	OPTION_GUARD,
	OPTION_NO_GUARD,
	OPTION_TIMEOUT,
	OPTION_CHANGES,
	OPTION_PRINT,
	OPTION_DEEP,
	OPTION_THEN,
	OPTION_JSON,
	OPTION_STACK,
	OPTION_INTEL,
	OPTION_BUFFER,
	OPTION_IN_PROCESS,
	OPTION_HANDLER,
	OPTION_ENGINE,
	OPTION_EX,
	OPTION_COMMAND,
	OPTION_BATCH,
};

static const struct argp_option option_table[] = {
	{ NULL, 0, NULL, 0,
	  "What is watched (before each EXPR; writes unless told otherwise):", 1 },
	{ "write", 'w', NULL, 0, "writes", 1 },
	{ "read", 'r', NULL, 0, "reads, and nothing else", 1 },
	{ "access", 'a', NULL, 0, "reads and writes", 1 },
	{ "exec", 'x', NULL, 0, "executions: EXPR is a function, FILE:LINE or *ADDRESS", 1 },
	{ "deep", OPTION_DEEP, NULL, 0,
	  "EXPR follows pointers (p->name): when one is changed, the trap moves along", 1 },
	{ NULL, 0, NULL, 0, "Where:", 2 },
	{ "pid", 'p', "PID", 0, "in a process that runs already", 2 },
	{ "follow", 'f', NULL, 0, "in forked processes and the programs that they execute, too",
	  2 },
	{ "at", OPTION_AT, "LOCATION", 0, "evaluate EXPR and arm when LOCATION is first reached",
	  2 },
	{ "pending", OPTION_PENDING, NULL, 0, "a name unknown so far may come with a library", 2 },
	{ "guard", OPTION_GUARD, NULL, 0,
	  "trace the program, lest a trap whose reason a hypervisor has lost ends it (the default "
	  "under a hypervisor)",
	  2 },
	{ "no-guard", OPTION_NO_GUARD, NULL, 0, "leave the program untraced", 2 },
	{ "engine", OPTION_ENGINE, "auto|kernel|ptrace|registers|step", 0,
	  "how: perf events and eBPF, which stop nothing; ptrace, which stops a thread at each "
	  "hit, "
	  "needs no rights, and single-steps the program for what the registers cannot hold; "
	  "'registers' is ptrace without steps, 'step' with nothing else (default: registers, by "
	  "ptrace only where the kernel refuses perf events and eBPF)",
	  2 },
	{ "user-only", OPTION_USER_ONLY, NULL, 0, "leave out what the kernel does, as in read(2)",
	  2 },
	{ NULL, 0, NULL, 0, "Which hits:", 3 },
	{ "if", OPTION_IF, "COND", 0,
	  "a C expression over old, new, tid, pid, hits, pc, comm, $rax …", 3 },
	{ "changes", OPTION_CHANGES, NULL, 0, "drop writes that leave the value as it was", 3 },
	{ NULL, 'n', "N", 0, "end the watch after N hits", 3 },
	{ "timeout", OPTION_TIMEOUT, "SECONDS", 0, "end the watch after that time", 3 },
	{ "then", OPTION_THEN, "stop|kill|core[=FILE]|debug", 0,
	  "at the first hit, stop or kill the process, write its core and let it go on, or open "
	  "the "
	  "debugger in it (with -n at the Nth hit)",
	  3 },
	{ "ex", OPTION_EX, "COMMAND", 0, "with --then debug: do COMMAND there first", 3 },
	{ "command", OPTION_COMMAND, "FILE", 0, "with --then debug: do the commands of FILE first",
	  3 },
	{ "batch", OPTION_BATCH, NULL, 0, "with --then debug: do these commands and end", 3 },
	{ NULL, 0, NULL, 0, "Output:", 4 },
	{ "summary", 'c', NULL, 0, "count in the kernel, and print the table of places only", 4 },
	{ "output", 'o', "FILE", 0, "write to FILE instead of standard error", 4 },
	{ "json", OPTION_JSON, NULL, 0, "one JSON object a line", 4 },
	{ "stack", OPTION_STACK, "dwarf|fp|none", 0, "how stacks are walked (default: dwarf)", 4 },
	{ "print", OPTION_PRINT, "EXPR", 0,
	  "show the value of this C expression with each hit; may be given again", 4 },
	{ "quiet", 'q', NULL, 0, "hits and warnings only", 4 },
	{ "intel", OPTION_INTEL, NULL, 0, "disassemble in Intel's syntax", 4 },
	{ "buffer", OPTION_BUFFER, "SIZE", 0,
	  "of the ring between kernel and memtrap (default: 32M)", 4 },
	{ NULL, 0, NULL, 0, "Instead of showing hits:", 5 },
	{ "in-process", OPTION_IN_PROCESS, NULL, 0,
	  "the program traps its own memory, and calls the handler at each hit", 5 },
	{ "handler", OPTION_HANDLER, "FILE:FUNCTION", 0,
	  "a memtrap_handler of <memtrap/memtrap.h> in a shared object", 5 },
	{ 0 },
};

static const char documentation[] =
    "Who touched this memory? Shows every access to EXPR, without stopping the program."
    "\vEXPR is a variable (counter, cache.c::head, func::state, ns::Class::total), a part of one "
    "(table[3].refs, a[2..5], p->next), ADDRESS:LENGTH or MODULE+0xOFFSET:LENGTH.\n\n"
    "Exit status: the program's own; with -p 0. 123: the watch saw less than it was asked to see. "
    "125: memtrap failed. 126, 127: the program cannot be executed, is not there.\n\n"
    "Examples:\n"
    "  memtrap watch counter -- ./server --port 8080\n"
    "  memtrap watch -p 4242 'table[3].refs' --if 'new == 0'\n"
    "  memtrap watch -a 'cache.c::lru_head' -f -o hits.txt -- make run\n";

struct parse {
	struct mt_watch_options *options;
	enum mt_dr_kind kind; /* of the next expression */
	bool kind_given;
	bool deep;   /* the next expression's */
	int outside; /* the last option that has no meaning with --in-process; 0: none */
};

/* ---- Values of options --------------------------------------------------- */

static double parse_seconds(struct argp_state *state, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !isfinite(value) || value <= 0 || value > 1e9)
		argp_error(state, "--timeout takes a number of seconds above 0, not '%s'", text);
	return value;
}

static uint64_t parse_number(struct argp_state *state, const char *option, const char *text,
                             uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (end == text || *end || errno || value == 0 || value > max || strchr(text, '-'))
		argp_error(state, "%s takes a number above 0, not '%s'", option, text);
	return value;
}

/* 64K, 32M, 1G, or bytes. */
static size_t parse_size(struct argp_state *state, const char *text)
{
	static const char units[] = "kKmMgG";
	char *end;
	unsigned long long value = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (unit) {
		value <<= 10 * ((unit - units) / 2 + 1);
		end++;
	}
	if (end == text || *end || value < 4096 || value > (1ULL << 30) || strchr(text, '-'))
		argp_error(state, "--buffer takes a size from 4K to 1G, not '%s'", text);
	return (size_t)value;
}

static enum mt_stack_mode parse_stack(struct argp_state *state, const char *text)
{
	if (!strcmp(text, "none"))
		return MT_STACK_NONE;
	if (!strcmp(text, "fp"))
		return MT_STACK_FP;
	if (strcmp(text, "dwarf") != 0)
		argp_error(state, "--stack takes dwarf, fp or none, not '%s'", text);
	return MT_STACK_DWARF;
}

static enum mt_engine_choice parse_engine(struct argp_state *state, const char *text)
{
	static const char *const names[] = {
		[MT_ENGINE_AUTO] = "auto",          [MT_ENGINE_ONLY_KERNEL] = "kernel",
		[MT_ENGINE_ONLY_PTRACE] = "ptrace", [MT_ENGINE_ONLY_REGISTERS] = "registers",
		[MT_ENGINE_ONLY_STEPS] = "step",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(text, names[i]))
			return (enum mt_engine_choice)i;
	argp_error(state, "--engine takes auto, kernel, ptrace, registers or step, not '%s'", text);
	return MT_ENGINE_AUTO;
}

/* For a core the process is stopped, until that is written. */
static void parse_action(struct argp_state *state, const char *text,
                         struct mt_watch_options *options)
{
	bool core = !strcmp(text, "core") || !strncmp(text, "core=", 5);

	if (!core && strcmp(text, "stop") != 0 && strcmp(text, "kill") != 0 &&
	    strcmp(text, "debug") != 0)
		argp_error(state, "--then takes stop, kill, core, core=FILE or debug, not '%s'",
		           text);
	if (core && text[4] && !text[5])
		argp_error(state, "--then core= takes the name of a file");
	options->config.action = !strcmp(text, "kill")    ? MT_ACTION_KILL
	                         : !strcmp(text, "debug") ? MT_ACTION_HOLD
	                                                  : MT_ACTION_STOP;
	options->config.release = options->core = core;
	options->core_path = core && text[4] ? text + 5 : NULL;
}

/* ---- Options ------------------------------------------------------------- */

static void add_request(struct argp_state *state, struct parse *parse, const char *expr)
{
	struct mt_watch_request request = { .expr = expr,
		                            .kind = parse->kind,
		                            .deep = parse->deep };

	if (!mt_vec_push(&parse->options->requests, request))
		argp_failure(state, MT_EXIT_FAILED, ENOMEM, "cannot keep an expression");
	parse->kind = MT_DR_WRITE;
	parse->kind_given = parse->deep = false;
}

static void set_kind(struct parse *parse, enum mt_dr_kind kind)
{
	parse->kind = kind;
	parse->kind_given = true;
}

static bool parse_kind(struct parse *parse, int key)
{
	switch (key) {
	case 'w':
		set_kind(parse, MT_DR_WRITE);
		return true;
	case 'r':
		set_kind(parse, MT_DR_READ);
		return true;
	case 'a':
		set_kind(parse, MT_DR_ACCESS);
		return true;
	case 'x':
		set_kind(parse, MT_DR_EXEC);
		return true;
	case OPTION_DEEP:
		parse->deep = true;
		return true;
	default:
		return false;
	}
}

/* Options without a value. */
static bool parse_flag(struct mt_watch_options *options, int key)
{
	switch (key) {
	case 'f':
		options->config.follow = true;
		return true;
	case 'c':
		options->config.count_only = true;
		return true;
	case 'q':
		options->quiet = true;
		return true;
	case OPTION_PENDING:
		options->config.pending = true;
		return true;
	case OPTION_USER_ONLY:
		options->config.user_only = true;
		return true;
	case OPTION_GUARD:
		options->config.guard = MT_GUARD_MUST;
		return true;
	case OPTION_NO_GUARD:
		options->config.guard = MT_GUARD_NONE;
		return true;
	case OPTION_CHANGES:
		options->config.changes_only = true;
		return true;
	case OPTION_JSON:
		options->json = true;
		return true;
	case OPTION_INTEL:
		options->intel = true;
		return true;
	case OPTION_IN_PROCESS:
		options->in_process = true;
		return true;
	case OPTION_BATCH:
		options->batch = true;
		return true;
	default:
		return false;
	}
}

static error_t add_early(struct mt_watch_options *options, bool is_file, const char *text)
{
	struct mt_early early = { is_file, text };

	return mt_vec_push(&options->early, early) ? 0 : ENOMEM;
}

static error_t parse_value(struct mt_watch_options *options, int key, char *arg,
                           struct argp_state *state)
{
	switch (key) {
	case 'p':
		options->config.pid = (pid_t)parse_number(state, "-p", arg, INT_MAX);
		return 0;
	case 'n':
		options->config.max_hits = parse_number(state, "-n", arg, UINT64_MAX);
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case OPTION_IF:
		options->config.condition = arg;
		return 0;
	case OPTION_PRINT:
		return mt_vec_push(&options->prints, arg) ? 0 : ENOMEM;
	case OPTION_AT:
		options->config.at = arg;
		return 0;
	case OPTION_TIMEOUT:
		options->config.timeout_s = parse_seconds(state, arg);
		return 0;
	case OPTION_THEN:
		parse_action(state, arg, options);
		return 0;
	case OPTION_STACK:
		options->config.stack = parse_stack(state, arg);
		return 0;
	case OPTION_ENGINE:
		options->engine = parse_engine(state, arg);
		return 0;
	case OPTION_BUFFER:
		options->config.ring_size = parse_size(state, arg);
		return 0;
	case OPTION_HANDLER:
		options->handler = arg;
		return 0;
	case OPTION_EX:
		return add_early(options, false, arg);
	case OPTION_COMMAND:
		return add_early(options, true, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What the library within the program understands; the rest is about what memtrap does outside. */
static bool works_in_process(int key)
{
	switch (key) {
	case 'w':
	case 'r':
	case 'a':
	case 'x':
	case 'f':
	case 'q':
	case OPTION_CHANGES:
	case OPTION_IN_PROCESS:
	case OPTION_HANDLER:
		return true;
	default:
		return false;
	}
}

/* Everything behind "--" is the program; argp is never shown it (see split_program()). */
static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct parse *parse = state->input;
	error_t err = 0;

	if (key == ARGP_KEY_ARG) {
		add_request(state, parse, arg);
		return 0;
	}
	if (!parse_kind(parse, key) && !parse_flag(parse->options, key))
		err = parse_value(parse->options, key, arg, state);
	if (!err && !works_in_process(key))
		parse->outside = key;
	return err;
}

/* ---- The whole line ------------------------------------------------------ */

/* Where the options end: at "--". argv[end + 1] is the program. */
static int split_program(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			return i;
	return argc;
}

/* As it is written: "--json", or "-n" where it has no long name. */
static void put_option(struct mt_buf *text, int key)
{
	const struct argp_option *option = option_table;

	while (option->key != key)
		option++;
	if (option->name)
		mt_buf_printf(text, "--%s", option->name);
	else
		mt_buf_printf(text, "-%c", key);
}

static struct mt_error *check_in_process(const struct mt_watch_options *options,
                                         const struct parse *parse)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	if (!options->in_process)
		return options->handler ? mt_error_new(MT_ERR_USAGE,
		                                       "--handler is called with --in-process only")
		                        : NULL;
	if (!options->handler)
		return mt_error_new(MT_ERR_USAGE, "--in-process calls a handler at each hit: name "
		                                  "it with --handler ./file.so:function");
	if (!parse->outside)
		return NULL;
	put_option(&text, parse->outside);
	return mt_error_new(MT_ERR_USAGE,
	                    "%s has no meaning with --in-process, where the handler says what a "
	                    "hit does",
	                    text.data ? text.data : "");
}

static struct mt_error *check_deep(const struct mt_watch_options *options)
{
	for (size_t i = 0; i < options->requests.len; i++) {
		const struct mt_watch_request *request = &options->requests.data[i];

		if (request->deep && request->kind == MT_DR_EXEC)
			return mt_error_new(
			    MT_ERR_USAGE,
			    "--deep follows pointers to memory, and -x is about code");
		if (request->deep && options->config.follow)
			return mt_error_new(MT_ERR_USAGE,
			                    "--deep follows the pointers of one process: leave out "
			                    "-f");
	}
	return NULL;
}

static struct mt_error *check_debugger(const struct mt_watch_options *options)
{
	if (options->config.action == MT_ACTION_HOLD || (!options->early.len && !options->batch))
		return NULL;
	return mt_error_new(MT_ERR_USAGE, "%s is for the debugger: open it with --then debug",
	                    options->batch                   ? "--batch"
	                    : options->early.data[0].is_file ? "--command"
	                                                     : "--ex");
}

static struct mt_error *check(const struct mt_watch_options *options, const struct parse *parse)
{
	const struct mt_watch_config *config = &options->config;

	if (options->requests.len == 0)
		return mt_error_new(MT_ERR_USAGE, "nothing to watch: name a variable, as in "
		                                  "'memtrap watch counter -- ./program'");
	if (parse->deep)
		return mt_error_new(MT_ERR_USAGE, "--deep stands before no expression");
	if (parse->kind_given)
		return mt_error_new(MT_ERR_USAGE, "-%c stands before no expression",
		                    "xwraa"[parse->kind]);
	MT_TRY(check_in_process(options, parse));
	if (config->pid && config->argv)
		return mt_error_new(
		    MT_ERR_USAGE,
		    "-p names a running process, and behind -- stands a program to start: "
		    "give one of them");
	if (!config->pid && !config->argv)
		return mt_error_new(MT_ERR_USAGE,
		                    "where is %s? Name a running process with -p PID, or a "
		                    "program behind --, as in 'memtrap watch %s -- ./program'",
		                    options->requests.data[0].expr, options->requests.data[0].expr);
	if (config->count_only && config->action != MT_ACTION_NONE)
		return mt_error_new(MT_ERR_USAGE,
		                    "-c only counts, and --then acts at a hit: give one of them");
	if (config->count_only && config->max_hits)
		return mt_error_new(
		    MT_ERR_USAGE,
		    "-c counts in the kernel, where -n cannot end it: give one of them");
	MT_TRY(check_deep(options));
	MT_TRY(check_debugger(options));
	if (config->count_only && config->print_count)
		return mt_error_new(MT_ERR_USAGE,
		                    "-c only counts, and shows no hits that --print could add to: "
		                    "give one of them");
	for (size_t i = 0; i < options->requests.len; i++)
		if (options->requests.data[i].kind != MT_DR_EXEC)
			MT_TRY(mt_error_context(mt_place_check(options->requests.data[i].expr),
			                        "%s", options->requests.data[i].expr));
	return NULL;
}

struct mt_error *mt_watch_options_parse(int argc, char **argv, struct mt_watch_options *options)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse_option,
		.args_doc = "EXPR... -p PID\nEXPR... -- PROGRAM [ARG...]",
		.doc = documentation,
	};
	struct parse parse = { .options = options, .kind = MT_DR_WRITE };
	static char name[] = "memtrap watch";
	int end = split_program(argc, argv);

	*options = (struct mt_watch_options){
		.config = { .stack = MT_STACK_DWARF,
		            .lifeline = -1,
		            .ring_size = DEFAULT_RING_SIZE,
		            .guard = mt_host_has_hypervisor() ? MT_GUARD_TRY : MT_GUARD_NONE },
	};
	argp_err_exit_status = MT_EXIT_FAILED;
	argv[0] = name; /* what argp's own messages begin with */

	error_t err = argp_parse(&argp, end, argv, ARGP_IN_ORDER, NULL, &parse);

	if (err)
		return mt_error_sys(err, "cannot read the command line");
	if (end + 1 < argc)
		options->config.argv = argv + end + 1;
	options->config.requests = options->requests.data;
	options->config.request_count = options->requests.len;
	options->config.prints = options->prints.data;
	options->config.print_count = options->prints.len;
	return check(options, &parse);
}

void mt_watch_options_deinit(struct mt_watch_options *options)
{
	mt_vec_deinit(&options->requests);
	mt_vec_deinit(&options->prints);
	mt_vec_deinit(&options->early);
}
