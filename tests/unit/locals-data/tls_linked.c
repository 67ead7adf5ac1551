/* SPDX-License-Identifier: MIT */
/* A library that tls.c is linked with. */
int *linked(void);

static __thread char before[3] = "ab";
__thread int of_linked = 200;

int *linked(void)
{
	before[0]++;
	return &of_linked;
}
