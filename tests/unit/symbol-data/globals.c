/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdint.h>

#include "other.h"
#include "truth.h"

enum state { IDLE, RUNNING, STOPPED = 5 };
enum permission { MAY_READ = 1, MAY_WRITE = 2, MAY_EXECUTE = 4 };

typedef struct conn conn_t;

struct conn {
	int fd;
	unsigned low : 3;
	signed middle : 5;
	unsigned high : 20;
	char name[16];
	enum state state;
	conn_t *next;
	union {
		int number;
		unsigned char bytes[4];
	};
	double ratio;
	bool ok;
	int (*handler)(int);
};

struct entry {
	uint16_t key;
	int64_t value;
};

AT(counter) int counter = 5;
AT(total) static unsigned long total = 7;
AT(letter) uint8_t letter = 65;
AT(text) char text[8] = "a\"b\n";
AT(negative) short negative = -32768;
AT(ratio) float ratio = 0.1f;
AT(fraction) double fraction = -2.5e-300;
AT(flags) enum permission flags = MAY_READ | MAY_EXECUTE;
AT(unnamed_state) enum state unnamed_state = (enum state)77;
AT(numbers) int numbers[40] = { 1, 2, 3 };
AT(wide) __int128 wide = -((__int128)1 << 100);
AT(yes) const volatile bool yes = true;
AT(widest) long double widest = 2.5L;
AT(grid) int grid[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
AT(nothing) void *nothing = NULL;
AT(table) struct entry table[2] = { { 1, -1 }, { 2, INT64_MIN } };
AT(twin) static int twin = 100;
AT(per_thread) __thread int per_thread = 3;
const struct hidden *hidden;

static int handle(int number)
{
	AT(calls) static int calls = 40;

	TELL("handle::calls", calls, line_of_calls, "int", "40");
	TELL("globals.c::calls", calls, line_of_calls, "int", "40");
	return calls + number;
}

AT(first) struct conn first;
AT(first_pointer) conn_t *first_pointer = &first;

static inline __attribute__((always_inline)) void inlined(int line)
{
	tell_pc("pc", "inlined", __LINE__);
	tell_pc("inlined", "inlined", line);
}

__attribute__((noinline)) static int work(int local)
{
	inlined(__LINE__);
	tell_pc("pc", "work", __LINE__);
	return handle(local) + local;
}

static void fill_first(void)
{
	first.fd = -1;
	first.low = 5;
	first.middle = -3;
	first.high = 0xfffff;
	snprintf(first.name, sizeof(first.name), "abc");
	first.state = RUNNING;
	first.number = 0x01020304;
	first.ratio = 1.5;
	first.ok = true;
}

static void tell_scalars(void)
{
	TELL("counter", counter, line_of_counter, "int", "5");
	TELL("total", total, line_of_total, "unsigned long", "7");
	TELL("globals.c::total", total, line_of_total, "unsigned long", "7");
	TELL("letter", letter, line_of_letter, "uint8_t", "65 'A'");
	TELL("text", text, line_of_text, "char [8]", "\"a\\\"b\\n\"");
	TELL("negative", negative, line_of_negative, "short", "-32768");
	TELL("ratio", ratio, line_of_ratio, "float", "0.1");
	TELL("fraction", fraction, line_of_fraction, "double", "-2.5e-300");
	TELL("flags", flags, line_of_flags, "enum permission", "(MAY_READ | MAY_EXECUTE)");
	TELL("unnamed_state", unnamed_state, line_of_unnamed_state, "enum state", "77");
	TELL("wide", wide, line_of_wide, "__int128", "-1267650600228229401496703205376");
	TELL("widest", widest, line_of_widest, "long double", "2.5");
	TELL("yes", yes, line_of_yes, "const volatile _Bool", "true");
	TELL("nothing", nothing, line_of_nothing, "void *", "0x0");
}

static void tell_compounds(void)
{
	char pointer[64], whole[256];

	snprintf(pointer, sizeof(pointer), "%p <first>", (void *)&first);
	snprintf(whole, sizeof(whole),
	         "{fd = -1, low = 5, middle = -3, high = 1048575, name = \"abc\", state = RUNNING, "
	         "next = 0x0, {number = 16909060, bytes = \"\\004\\003\\002\\001\"}, ratio = 1.5, "
	         "ok = true, handler = 0x0}");
	TELL("numbers", numbers, line_of_numbers, "int [40]", "{1, 2, 3, 0 <repeats 37 times>}");
	TELL("grid", grid, line_of_grid, "int [2][3]", "{{1, 2, 3}, {4, 5, 6}}");
	TELL("table", table, line_of_table, "struct entry [2]",
	     "{{key = 1, value = -1}, {key = 2, value = -9223372036854775808}}");
	TELL("first_pointer", first_pointer, line_of_first_pointer, "conn_t *", pointer);
	TELL("first", first, line_of_first, "struct conn", whole);
}

static void tell_failures(void)
{
	TELL_FAILS("twin", "ambiguous", "other.c::twin (other.c:");
	TELL_FAILS("per_thread", "unsupported", "thread-local");
	TELL_FAILS("work::local", "unsupported", "local variable");
	TELL_FAILS("conter", "not found", "counter");
	TELL_FAILS("other.c::total", "not found", "no variable total in other.c");
}

int main(int argc, char **argv)
{
	fill_first();
	tell_scalars();
	tell_compounds();
	tell_failures();
	tell_other();
	TELL("globals.c::twin", twin, line_of_twin, "int", "100");
	TELL("library_counter", library_counter, 0, "long", "11");
	TELL_FUNCTION("work", work);
	TELL_FUNCTION("handle", handle);
	total += (unsigned long)work(argc) > 1000 + (unsigned long)defined_elsewhere[0];
	per_thread += argc > 1000;
	return wait_for_end();
}
