/* SPDX-License-Identifier: MIT */
/* Thread-local variables: each thread's copy is where the program says that it has it. */
#include <inttypes.h>

#include "engine/world.h"
#include "engine_session.h"

enum { THREADS = 4, VARIABLES = 3 };

static void select_tid(struct session *session, pid_t tid)
{
	struct mt_thread_info infos[THREADS + 1];
	size_t count = mt_debug_threads(session->debug, infos, THREADS + 1);

	for (size_t i = 0; i < count; i++) {
		if (infos[i].tid != tid)
			continue;
		MT_CK_OK(mt_debug_select_thread(session->debug, infos[i].number));
		return;
	}
	ck_abort_msg("there is no thread %d", (int)tid);
}

/* The current thread's copy, as a number. */
static struct mt_error *read_copy(struct session *session, const char *name, int64_t *value)
{
	const struct mt_variable_query query = { .name = name };
	struct mt_variable variable;
	struct mt_where_frame frame;
	uint64_t offset, addr;
	struct mt_scope_place scope;
	int narrow;

	MT_CK_OK(mt_debug_where_frame(session->debug, 0, &frame, &scope));
	MT_CK_OK(mt_variable_find_tls(frame.image, &query, &variable, &offset));
	ck_assert(variable.type->is_signed);
	ck_assert_uint_eq(variable.addr, 0);
	MT_TRY(frame.tls(frame.arg, variable.module, offset, &addr));
	if (variable.type->size == sizeof(*value))
		return frame.read(frame.arg, addr, value, sizeof(*value));
	MT_TRY(frame.read(frame.arg, addr, &narrow, sizeof(narrow)));
	*value = narrow;
	return NULL;
}

/* "TID NAME VALUE" */
static void check_fact(struct session *session, const char *fact)
{
	char name[64], told[64];
	int64_t value = 0;
	pid_t tid;

	ck_assert_int_eq(sscanf(fact, "%d %63s %63s", &tid, name, told), 3);
	select_tid(session, tid);
	if (!strcmp(told, "untouched")) {
		MT_CK_FAILS(read_copy(session, name, &value), MT_ERR_UNSUPPORTED,
		            "has not touched its copy");
		return;
	}
	MT_CK_OK(read_copy(session, name, &value));
	ck_assert_int_eq(value, strtoll(told, NULL, 10));
}

static void check_program(const char *name, const char *plugin)
{
	char program[PATH_MAX], library[PATH_MAX], fact[256];
	struct session session;
	unsigned facts = 0;

	engine_path("../locals-data", program);
	snprintf(library, sizeof(library), "%.2000s/%s", program, plugin);
	snprintf(program + strlen(program), 64, "/%s", name);
	session_create(&session);
	MT_CK_OK(mt_debug_file(session.debug, program));
	session_launch(&session, (const char *const[]){ library, NULL });
	session_break(&session, "marker", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);

	FILE *output = fopen(session.output, "r");

	for (; fgets(fact, sizeof(fact), output); facts++)
		check_fact(&session, fact);
	fclose(output);
	ck_assert_uint_eq(facts, THREADS * VARIABLES);
	session_end(&session);
}

START_TEST(each_thread_has_its_copy)
{
	check_program("tls_64", "tls_plugin_64.so");
}
END_TEST

START_TEST(each_thread_of_i386_has_its_copy)
{
	check_program("tls_32", "tls_plugin_32.so");
}
END_TEST

START_TEST(other_variables_are_not_thread_local)
{
	const struct mt_variable_query wrong = { .name = "plugged" }, none = { .name = "nobody" };
	struct mt_variable variable;
	struct mt_image *image;
	char path[PATH_MAX];
	uint64_t offset;

	engine_path("../locals-data/tls_64", path);
	MT_CK_OK(mt_image_open_file(path, &image));
	MT_CK_FAILS(mt_variable_find_tls(image, &wrong, &variable, &offset), MT_ERR_NOT_FOUND,
	            "plugged is not thread-local");
	MT_CK_FAILS(mt_variable_find_tls(image, &none, &variable, &offset), MT_ERR_NOT_FOUND,
	            "no variable nobody");
	mt_image_destroy(image);
}
END_TEST

MT_UNIT_MAIN("tls", each_thread_has_its_copy, each_thread_of_i386_has_its_copy,
             other_variables_are_not_thread_local)
