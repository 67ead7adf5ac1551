/* SPDX-License-Identifier: MIT */
/* Writes to `counter` at once: how long from exec to the first hit? */
#include <stdint.h>

volatile uint64_t counter;

int main(void)
{
	counter = 1;
	return 0;
}
