/* SPDX-License-Identifier: MIT */
/* What the tests of breakpoints whose conditions the kernel decides have in common. */
#ifndef MT_TESTS_ENGINE_FILTERS_H
#define MT_TESTS_ENGINE_FILTERS_H

#include "engine_session.h"

static inline enum mt_break_way way(struct session *session, int number)
{
	return session_info(session, number).places[0].way;
}

static inline void expect_printed(struct session *session, long executions)
{
	char text[64];

	snprintf(text, sizeof(text), "long=%ld short=%ld call=%ld\n", executions, executions,
	         executions);
	session_printed(session, text);
}

#endif
