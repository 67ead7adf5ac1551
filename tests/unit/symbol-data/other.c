/* SPDX-License-Identifier: MIT */
#include "other.h"

#include "truth.h"

AT(twin) static int twin = 200;
AT(defined_elsewhere) int defined_elsewhere[3] = { 7, 8, 9 };

void tell_other(void)
{
	TELL("other.c::twin", twin, line_of_twin, "int", "200");
	TELL("symbol-data/other.c::twin", twin, line_of_twin, "int", "200");
	TELL("defined_elsewhere", defined_elsewhere, line_of_defined_elsewhere, "int [3]",
	     "{7, 8, 9}");
}
