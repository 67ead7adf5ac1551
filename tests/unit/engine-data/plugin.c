/* SPDX-License-Identifier: MIT */
/* A library that loads.c loads and unloads. */
int plugged(int value);

int plugged(int value)
{
	return value + 1;
}
