/* SPDX-License-Identifier: MIT */
/*
 * Cleanup attributes: a variable marked with one of these releases what it holds when its scope
 * ends. To keep the thing, hand it out with MT_TAKE(), which leaves NULL behind.
 */
#ifndef MT_BASE_CLEANUP_H
#define MT_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MT_CLEANUP(function) __attribute__((cleanup(function)))

/* Defines NAME_cleanup() for variables of pointer type `type *`, released by `release(pointer)`. */
#define MT_DEFINE_CLEANUP(name, type, release)                                                     \
	static inline void name##_cleanup(type **place)                                            \
	{                                                                                          \
		if (*place)                                                                        \
			release(*place);                                                           \
	}

static inline void mt_free_cleanup(void *place)
{
	free(*(void **)place);
}

static inline void mt_fd_cleanup(int *place)
{
	if (*place >= 0)
		close(*place);
}

MT_DEFINE_CLEANUP(mt_file, FILE, fclose)

/* char *name MT_AUTO_FREE = ...; */
#define MT_AUTO_FREE MT_CLEANUP(mt_free_cleanup)
/* int fd MT_AUTO_FD = -1; */
#define MT_AUTO_FD MT_CLEANUP(mt_fd_cleanup)
/* FILE *f MT_AUTO_FILE = fopen(...); */
#define MT_AUTO_FILE MT_CLEANUP(mt_file_cleanup)

/* The value of the pointer variable, which is NULL from here on. */
#define MT_TAKE(variable)                                                                          \
	({                                                                                         \
		__typeof__(variable) mt_taken_ = (variable);                                       \
		(variable) = NULL;                                                                 \
		mt_taken_;                                                                         \
	})

/* The same for a file descriptor: -1 from here on. */
static inline int mt_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
