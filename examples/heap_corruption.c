/* SPDX-License-Identifier: MIT */
/*
 * Who corrupts this heap object? It is trapped from its allocation to its release: whoever writes
 * to it in between is caught in the act. Here it is a copy that is one byte longer than its field.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <memtrap/memtrap.h>

struct user {
	char name[8];
	unsigned rights; /* set once */
};

static void on_write(struct memtrap_hit *hit, void *arg)
{
	(void)arg;
	memtrap_dump(hit, STDOUT_FILENO);
}

/* The bug: where the name fills the field, its NUL does not fit. */
__attribute__((noinline)) void user_rename(struct user *user, const char *name)
{
	volatile char *to = user->name;

	while ((*to++ = *name++))
		;
}

int main(void)
{
	struct user *user = calloc(1, sizeof(*user));
	struct memtrap *guard;

	if (!user)
		return 1;
	user->rights = 0x1ff;
	if (memtrap_set(&guard, &(struct memtrap_spec){ .addr = &user->rights,
	                                                .len = sizeof(user->rights),
	                                                .kind = MEMTRAP_WRITE,
	                                                .handler = on_write,
	                                                .name = "user->rights" }) < 0) {
		fprintf(stderr, "%s\n", memtrap_error());
		return 1;
	}
	user_rename(user, "ada");
	user_rename(user, "margaret");
	printf("rights: %#x\n", user->rights);
	memtrap_remove(guard);
	free(user);
	return 0;
}
