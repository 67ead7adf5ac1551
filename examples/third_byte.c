/* SPDX-License-Identifier: MIT */
/*
 * Who reads the third byte of a buffer? The processor has no trap for reads alone; this one is true
 * all the same: writes of that byte, and reads of its neighbours, are no hits.
 */
#include <stdio.h>
#include <unistd.h>

#include <memtrap/memtrap.h>

static char buffer[16] = "a secret";

static void on_read(struct memtrap_hit *hit, void *arg)
{
	(void)arg;
	memtrap_dump(hit, STDOUT_FILENO);
}

__attribute__((noinline)) unsigned checksum(const char *text, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (unsigned char)text[i];
	return sum;
}

int main(void)
{
	struct memtrap_spec spec = {
		.addr = &buffer[2],
		.len = 1,
		.kind = MEMTRAP_READ,
		.handler = on_read,
		.name = "buffer[2]",
	};
	volatile char *bytes = buffer;
	struct memtrap *trap;

	if (memtrap_set(&trap, &spec) < 0) {
		fprintf(stderr, "%s\n", memtrap_error());
		return 1;
	}
	bytes[1] = bytes[3]; /* neighbours */
	bytes[2] = 'S';      /* a write */
	printf("the first two bytes: %u\n", checksum(buffer, 2));
	fflush(stdout);
	printf("all of them: %u\n", checksum(buffer, 8));
	memtrap_remove(trap);
	return 0;
}
