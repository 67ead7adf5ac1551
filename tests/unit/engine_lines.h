/* SPDX-License-Identifier: MIT */
/* Where a session is, in the words that the program's source has in comments. */
#ifndef MT_TESTS_ENGINE_LINES_H
#define MT_TESTS_ENGINE_LINES_H

#include "engine_session.h"
#include "symbol/lines.h"

static inline struct mt_frame frame_at(struct session *session, unsigned level)
{
	struct mt_frame frame;

	ck_assert_uint_eq(mt_debug_frames(session->debug, level, &frame, 1), 1);
	return frame;
}

static inline const char *function_at(struct session *session, unsigned level)
{
	const char *function = frame_at(session, level).function;

	return function ? function : "";
}

/* The number of the line with that comment, in the file that main() is in. */
static inline unsigned marked(struct session *session, const char *mark)
{
	struct mt_location *locations;
	struct mt_line line;
	char text[256], comment[64], path[PATH_MAX];
	const char *folder;
	unsigned number = 0;
	size_t count;
	FILE *file;

	MT_CK_OK(mt_image_locate(mt_debug_image(session->debug), "main", &locations, &count));
	ck_assert(mt_image_line_at(mt_debug_image(session->debug), locations[0].addr, &line));
	folder = mt_source_folder_at(mt_debug_image(session->debug), locations[0].addr);
	snprintf(path, sizeof(path), "%s/%s", *line.file == '/' ? "" : folder, line.file);
	mt_locations_free(locations, count);
	snprintf(comment, sizeof(comment), "/* %s */", mark);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	for (unsigned i = 1; !number && fgets(text, sizeof(text), file); i++)
		number = strstr(text, comment) ? i : 0;
	fclose(file);
	ck_assert_msg(number, "no line has the comment %s", mark);
	return number;
}

/* Stands at the line with that comment. */
static inline void at_line(struct session *session, unsigned level, const char *mark)
{
	struct mt_frame frame = frame_at(session, level);

	ck_assert(frame.has_line);
	ck_assert_msg(frame.line.line == marked(session, mark),
	              "frame %u is %s, line %u, not \"%s\"", level, frame.function, frame.line.line,
	              mark);
}

/* Runs to the line with that comment, once. */
static inline void run_to_line(struct session *session, const char *mark)
{
	char location[32];
	int number;

	snprintf(location, sizeof(location), "%u", marked(session, mark));
	number = session_break(session, location, NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
	MT_CK_OK(mt_debug_break_delete(session->debug, number));
}

static inline void steps_to(struct session *session, enum mt_go_kind kind, const char *mark)
{
	ck_assert_int_eq(session_go(session, kind), MT_STOP_STEPPED);
	at_line(session, 0, mark);
}

#endif
