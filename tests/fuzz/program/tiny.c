/* SPDX-License-Identifier: MIT */
/* Small programs to start the fuzzing of the symbol readers from: no libc, all kinds of names. */

enum state { IDLE, BUSY = 5 };

struct item {
	struct item *next;
	enum state state : 8;
	unsigned count : 24;
	union {
		double weight;
		char name[8];
	};
};

volatile long total;
static volatile struct item list[3];

static inline int twice(int value)
{
	return value * 2 + (int)total;
}

__attribute__((noinline)) static int work(int value)
{
	static volatile int calls;
	char room[value + 1];

	calls = calls + 1;
	list[value % 3].count = (unsigned)twice(value);
	room[value] = (char)calls;
	return room[value];
}

void _start(void)
{
	total = work(2);
	__asm__ volatile("mov $60, %eax\n\txor %edi, %edi\n\tsyscall");
}
