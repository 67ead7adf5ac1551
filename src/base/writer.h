/* SPDX-License-Identifier: MIT */
/*
 * Output that never keeps its owner waiting. A thread of its own does the write(2)s, so that a
 * reader who does not read (a pager, a terminal stopped with Ctrl-S) holds up that thread alone.
 *
 * poll(2) and O_NONBLOCK would not do: a pipe may be the watched program's as well, which fills it
 * between our look and our write, and its flags are the program's; and a terminal is writable when
 * it takes a single byte.
 */
#ifndef MT_BASE_WRITER_H
#define MT_BASE_WRITER_H

#include "base/buf.h"
#include "base/error.h"

struct mt_writer;

/* Writes to `fd`, which stays the caller's and open as long as the writer lives. */
struct mt_error *mt_writer_create(int fd, struct mt_writer **writer);

/* Ends it at once: what is not written by now never is. */
void mt_writer_destroy(struct mt_writer *writer);

/* What is to be written is appended here. */
struct mt_buf *mt_writer_text(struct mt_writer *writer);

/* Hands the text over to the thread, unless that is busy still: then the text goes on gathering. */
void mt_writer_push(struct mt_writer *writer);

/* Readable when the thread is through with what it had: time for another mt_writer_push(). */
int mt_writer_fd(const struct mt_writer *writer);

/* Whether everything is written, as of the last push; or never will be, after an error. */
bool mt_writer_is_done(const struct mt_writer *writer);

/* The errno of a write that went wrong, after which all is dropped; or 0. As of the last push. */
int mt_writer_failure(const struct mt_writer *writer);

#endif
