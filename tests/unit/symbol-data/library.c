/* SPDX-License-Identifier: MIT */
long library_counter = 11;

/* The programs only declare it. */
struct hidden {
	long first;
	int second;
};
struct hidden library_hidden = { 1, 2 };
