/* SPDX-License-Identifier: MIT */
/* A library that tls.c loads. */
int *plugged(void);

static __thread char before[5000] = "a";
__thread int of_plugin = 300;

int *plugged(void)
{
	before[0]++;
	return &of_plugin;
}
