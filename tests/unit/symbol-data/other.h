/* SPDX-License-Identifier: MIT */
#ifndef OTHER_H
#define OTHER_H

extern int defined_elsewhere[];

/* In library.c; the executable may have a copy of it. */
extern long library_counter;

void tell_other(void);

#endif
