/* SPDX-License-Identifier: MIT */
/*
 * A program that test_variable.c and test_image.c look into tells the truth about itself, one fact
 *a line, its parts divided by tabs, and then waits to be looked at until its standard input ends:
 *
 *	var	query	address	size	line	type	value
 *	fails	query	kind	part of the error's text
 *	function	name	address
 *	pc	address	function	line
 *	inlined	address	function	line of the call in it
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <stdio.h>
#include <unistd.h>

/* Remembers the line of a definition that stands on the same line. */
#define AT(name) enum { line_of_##name = __LINE__ };

#define TELL(query, place, line, type, value)                                                      \
	printf("var\t%s\t%p\t%zu\t%d\t%s\t%s\n", query, (const volatile void *)&(place),           \
	       sizeof(place), (int)(line), type, value)

#define TELL_FAILS(query, kind, part) printf("fails\t%s\t%s\t%s\n", query, kind, part)

#define TELL_FUNCTION(name, function) printf("function\t%s\t%p\n", name, (void *)(function))

/* Tells of the place where it is called; the return address minus 1 is inside of the call. */
static __attribute__((noinline, unused)) void tell_pc(const char *what, const char *function,
                                                      int line)
{
	printf("%s\t%p\t%s\t%d\n", what, (char *)__builtin_return_address(0) - 1, function, line);
	__asm__ volatile("");
}

static inline int wait_for_end(void)
{
	char c;

	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

#endif
