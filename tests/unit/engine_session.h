/* SPDX-License-Identifier: MIT */
/* A debug session over a program of engine-data/, and what the program has printed. */
#ifndef MT_TESTS_ENGINE_SESSION_H
#define MT_TESTS_ENGINE_SESSION_H

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/debug.h"
#include "symbol/variable.h"
#include "target/process.h"
#include "unit.h"

#define WAIT_MS 30000

struct session {
	struct mt_debug *debug;
	char output[32]; /* a file that the program prints to */
	struct mt_stop stop;
	unsigned notices[MT_NOTICE_PROGRESS + 1];
};

static inline void engine_path(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX] = { 0 };

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(path, PATH_MAX, "%.2000s/engine-data/%s", dirname(self), name);
	ck_assert_msg(access(path, X_OK) == 0, "%s was not built", path);
}

static inline void session_notice(const struct mt_notice *notice, void *arg)
{
	struct session *session = arg;

	session->notices[notice->kind]++;
}

static inline void session_create(struct session *session)
{
	const struct mt_debug_config config = { .notice = session_notice, .arg = session };

	*session = (struct session){ .output = "/tmp/mt-engine-XXXXXX" };
	close(mkstemp(session->output));
	MT_CK_OK(mt_debug_create(&config, &session->debug));
}

static inline void session_launch(struct session *session, const char *const *arguments)
{
	const struct mt_debug_launch launch = { .argv = (char *const *)(uintptr_t)arguments,
		                                .out = session->output };

	MT_CK_OK(mt_debug_launch(session->debug, &launch));
}

/* Stopped at the first instruction. */
#define SESSION_START(session, name, ...)                                                          \
	do {                                                                                       \
		char path_[PATH_MAX];                                                              \
		const char *arguments_[] = { __VA_ARGS__ __VA_OPT__(, ) NULL };                    \
		session_create(session);                                                           \
		engine_path(name, path_);                                                          \
		MT_CK_OK(mt_debug_file((session)->debug, path_));                                  \
		session_launch(session, arguments_);                                               \
	} while (0)

/* Nobody may be left who is still traced: waiting for them would not end. */
static inline void session_end(struct session *session)
{
	mt_debug_destroy(session->debug);
	unlink(session->output);
	while (waitpid(-1, NULL, __WALL) > 0)
		continue;
}

static inline enum mt_stop_kind session_wait(struct session *session)
{
	MT_CK_OK(mt_debug_wait(session->debug, WAIT_MS, &session->stop));
	ck_assert_int_ne(session->stop.kind, MT_STOP_NONE);
	return session->stop.kind;
}

static inline enum mt_stop_kind session_go(struct session *session, enum mt_go_kind kind)
{
	const struct mt_go go = { .kind = kind, .signal = -1 };

	MT_CK_OK(mt_debug_go(session->debug, &go));
	return session_wait(session);
}

static inline enum mt_stop_kind session_continue(struct session *session)
{
	return session_go(session, MT_GO_CONTINUE);
}

static inline int session_break(struct session *session, const char *location,
                                const char *condition)
{
	const struct mt_break_spec spec = { .kind = MT_BREAK_SOFTWARE,
		                            .location = location,
		                            .condition = condition };
	int number = 0;

	MT_CK_OK(mt_debug_break(session->debug, &spec, &number));
	return number;
}

/* On the first instruction of a function, or on a label. */
static inline int session_break_entry(struct session *session, const char *symbol,
                                      const char *condition)
{
	struct mt_location *locations;
	char place[32];
	size_t count;

	MT_CK_OK(mt_image_locate(mt_debug_image(session->debug), symbol, &locations, &count));
	snprintf(place, sizeof(place), "*0x%lx", locations[0].entry);
	mt_locations_free(locations, count);
	return session_break(session, place, condition);
}

static inline struct mt_break_info session_info(struct session *session, int number)
{
	struct mt_break_info infos[64];
	size_t count = mt_debug_breaks(session->debug, infos, 64);

	for (size_t i = 0; i < count; i++)
		if (infos[i].number == number)
			return infos[i];
	ck_abort_msg("there is no breakpoint %d", number);
	return infos[0];
}

static inline uint64_t session_reg(struct session *session, const char *name)
{
	uint64_t value = 0;

	MT_CK_OK(mt_debug_reg_read(session->debug, name, &value, sizeof(value)));
	return value;
}

/* A variable of 8 bytes, or what such a one begins with. */
static inline uint64_t session_address(struct session *session, const char *name)
{
	const struct mt_variable_query query = { .name = name };
	struct mt_variable variable;

	MT_CK_OK(mt_variable_find(mt_debug_image(session->debug), &query, &variable));
	return variable.addr;
}

static inline uint64_t session_variable(struct session *session, const char *name)
{
	uint64_t value;

	MT_CK_OK(
	    mt_debug_read(session->debug, session_address(session, name), &value, sizeof(value)));
	return value;
}

/* All signals that the program makes are its own business. */
static inline void session_pass_signals(struct session *session)
{
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		mt_debug_set_signal_rule(session->debug, signal,
		                         (struct mt_signal_rule){ .pass = true });
}

/* Becomes the program, outside of the session; what it prints goes to the session's file. */
static inline void session_become(const struct session *session, int input, const char *name,
                                  const char *const *arguments)
{
	char path[PATH_MAX];
	const char *argv[8] = { path };

	engine_path(name, path);
	for (size_t i = 0; arguments[i]; i++)
		argv[i + 1] = arguments[i];
	dup2(input, STDIN_FILENO);
	dup2(open(session->output, O_WRONLY | O_TRUNC), STDOUT_FILENO);
	execv(path, (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Starts it so, to attach to; its standard input is a pipe that `input` writes to. */
static inline pid_t session_spawn(const struct session *session, int *input, const char *name,
                                  const char *const *arguments)
{
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		session_become(session, ends[0], name, arguments);
	close(ends[0]);
	*input = ends[1];
	return pid;
}

static inline void session_await_threads(pid_t pid, size_t wanted)
{
	struct mt_tids tids = { 0 };

	do
		MT_CK_OK(mt_process_threads(pid, &tids));
	while (tids.list.len < wanted);
	mt_tids_deinit(&tids);
}

/* What the program has printed must be that. */
static inline void session_printed(struct session *session, const char *text)
{
	char output[4096] = { 0 };
	FILE *file = fopen(session->output, "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_lt(fread(output, 1, sizeof(output) - 1, file), sizeof(output) - 1);
	fclose(file);
	ck_assert_str_eq(output, text);
}

#endif
