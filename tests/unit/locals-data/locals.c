/* SPDX-License-Identifier: MIT */
/* Variables of all sorts, told as tell.h says. */
#include <string.h>

#include "tell.h"

struct pair {
	long first, second;
};

struct mixed {
	double real;
	int whole;
	char letter;
};

int global = 4711;
__thread int of_thread = 77;
static __thread long own_of_thread = 78;

static NOINLINE void scalars(int a, unsigned char b, short c, long d, float e, double f,
                             long double g, _Bool h)
{
	int sum = a + b;
	long product = d * c;
	double quotient = f / (double)e;

	marker(1);
	tell(1, 1, "a", a);
	tell(1, 1, "b", b);
	tell(1, 1, "c", c);
	tell(1, 1, "d", d);
	tell_float(1, 1, "e", (long double)e);
	tell_float(1, 1, "f", (long double)f);
	tell_float(1, 1, "g", g);
	tell(1, 1, "h", h);
	tell(1, 1, "sum", sum);
	tell(1, 1, "product", product);
	tell_float(1, 1, "quotient", (long double)quotient);
}

static NOINLINE long shadows(int x)
{
	long outer = hidden(x + 1);

	for (int i = 0; i < 2; i++) {
		long y = hidden(outer + i);

		if (y) {
			short x = (short)hidden(y * 2); /* NOLINT: it is to hide the parameter */

			if (i == 1) {
				char y = (char)hidden(x + 1); /* NOLINT: as above */

				marker(2);
				tell(2, 1, "y", y);
				outer += y;
			}
			if (i == 1)
				tell(2, 1, "x", x);
			outer += x;
		}
		if (i == 1) {
			tell(2, 1, "y^1", y);
			tell(2, 1, "i", i);
		}
	}
	tell(2, 1, "x^1", x);
	return outer;
}

static inline __attribute__((always_inline)) long innermost(long of, int step)
{
	long result = hidden(of + step);

	marker(3);
	tell(3, 1, "of", of);
	tell(3, 1, "step", step);
	tell(3, 1, "result", result);
	return result;
}

static inline __attribute__((always_inline)) long middle(int count)
{
	long total = hidden(count * 10);
	long got = innermost(total, count);

	tell(3, 2, "count", count);
	tell(3, 2, "total", total);
	return got;
}

static NOINLINE long outermost(int number)
{
	long doubled = hidden(2 * number);
	long got = middle((int)doubled);

	tell(3, 3, "number", number);
	tell(3, 3, "doubled", doubled);
	return got + doubled;
}

static NOINLINE void structs(struct pair pair, struct mixed mixed, struct pair *pointer)
{
	struct pair other = { hidden(pair.second), hidden(pair.first) };
	struct pair copy;

	other.first += pointer->first;
	marker(4);
	copy = pair;
	tell_bytes(4, 1, "pair", &copy, sizeof(copy));
	copy = other;
	tell_bytes(4, 1, "other", &copy, sizeof(copy));
	tell_bytes(4, 1, "mixed", &(double){ mixed.real }, sizeof(double));
	tell_bytes(4, 1, "*pointer", &(long){ pointer->first }, sizeof(long));
	tell(4, 1, "pointer", (long long)(unsigned long)pointer);
}

static NOINLINE void arrays(int n, int m)
{
	int known[3] = { n, m, n + m };
	short bounded[n];
	char plane[m][n];

	for (int i = 0; i < n; i++)
		bounded[i] = (short)(i * i);
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++)
			plane[i][j] = (char)(i * n + j);
	hidden((long)(unsigned long)known);
	hidden((long)(unsigned long)bounded);
	hidden((long)(unsigned long)plane);
	marker(5);
	tell_bytes(5, 1, "known", known, sizeof(known));
	tell_bytes(5, 1, "bounded", bounded, sizeof(bounded));
	tell_bytes(5, 1, "plane", plane, sizeof(plane));
	tell(5, 1, "n", n);
	tell(5, 1, "m", m);
}

static NOINLINE void fixed(void)
{
	static int calls = 5;
	static __thread int per_thread = 6;
	extern int global;
	const int constant = 42;
	const long large = -0x12345678L;
	const char text[] = "a text that is longer than it needs to be, since there are those who "
	                    "would give up at sixty-four bytes";

	calls += (int)hidden(1);
	per_thread += (int)hidden(1);
	own_of_thread += hidden(1);
	of_thread += (int)hidden(1);
	global += (int)hidden(1);
	marker(6);
	tell(6, 1, "calls", calls);
	tell(6, 1, "per_thread", per_thread);
#ifndef __clang__ /* it leaves such a declaration out */
	tell(6, 1, "global", global);
#endif
	tell(6, 1, "constant", constant);
	tell(6, 1, "large", large);
	tell_bytes(6, 1, "text", text, sizeof(text));
	tell(6, 0, "of_thread", of_thread);
	tell(6, 0, "own_of_thread", own_of_thread);
}

/* After the marker nobody needs the arguments: they are what the caller has passed. */
static NOINLINE long spent(int a, long b, struct pair *c, double d)
{
	long sum = a + b + c->first + (long)d;

	tell(7, 1, "a", a);
	tell(7, 1, "b", b);
	tell(7, 1, "c", (long long)(unsigned long)c);
	marker(7);
	tell(7, 1, "sum", sum);
	return sum;
}

static NOINLINE long spends(long kept)
{
	struct pair pair = { kept, kept + 1 };
	long got = spent(11, kept, &pair, 2.5) + hidden(pair.second);

	tell(7, 2, "kept", kept);
	return got;
}

static inline __attribute__((always_inline)) long by_pointer(const struct pair *where)
{
	marker(8);
	return where->first + where->second;
}

static NOINLINE long pointed(long a, long b)
{
	struct pair nowhere = { hidden(a), hidden(b) };
	long sum = by_pointer(&nowhere);

	tell_bytes(8, 1, "*where", &(long){ nowhere.first }, sizeof(long));
	tell_bytes(8, 2, "nowhere", &(struct pair){ nowhere.first, nowhere.second },
	           sizeof(nowhere));
	return sum;
}

static NOINLINE long recursive(int depth)
{
	long mine = hidden(depth * 3);
	long below = 0;

	if (depth)
		below = recursive(depth - 1);
	else
		marker(9);
	tell(9, depth + 1, "depth", depth);
	tell(9, depth + 1, "mine", mine);
	return mine + below;
}

static NOINLINE void wide(long seed)
{
	_Complex double number = (double)seed + (double)(seed + 1) * 1.0i;
	unsigned long long both = (unsigned long long)seed << 40 | 5;
	float quarter = (float)seed / 4;
	_Complex double copy;

	marker(10);
	copy = number;
#ifdef __i386__
	(void)copy; /* GCC 12 says of both halves that they are in st(0) */
#else
	tell_bytes(10, 1, "number", &copy, sizeof(copy));
#endif
	tell(10, 1, "both", (long long)both);
	tell_float(10, 1, "quarter", (long double)quarter);
}

/* A loop at which optimizers love to work: unrolled, turned round, with other counters. */
static NOINLINE long loops(const int *numbers, int count)
{
	long sum = 0;

	for (int i = 0; i < count; i++) {
		long square = (long)numbers[i] * numbers[i];

		if (square == 49) {
			marker(11);
			tell(11, 1, "i", i);
			tell(11, 1, "square", square);
			tell(11, 1, "count", count);
			tell(11, 1, "sum", sum);
		}
		sum += square;
	}
	return sum;
}

#ifndef __clang__
static NOINLINE long nests(long base)
{
	long seen = hidden(base + 1);
	NOINLINE long nested(long more)
	{
		long inner = hidden(more + base);

		marker(12);
		tell(12, 1, "more", more);
		tell(12, 1, "inner", inner);
		tell(12, 1, "base", base);
		return inner + seen;
	}
	long got = nested(hidden(100));

	tell(12, 2, "seen", seen);
	return got;
}
#endif

int main(void)
{
	static const int numbers[] = { 3, 5, 7, 9 };
	struct pair pair = { 0x11223344, 0x55667788 };
	struct mixed mixed = { 1.5, 3, 'x' };
	long sum = 0;

	pair.first = hidden(pair.first);
	scalars((int)hidden(-5), (unsigned char)hidden(200), (short)hidden(-300), hidden(70000),
	        (float)hidden(4), (double)hidden(9), (long double)hidden(3) / 2, hidden(1) != 0);
	sum += shadows((int)hidden(10));
	sum += outermost((int)hidden(21));
	structs(pair, mixed, &pair);
	arrays((int)hidden(7), (int)hidden(3));
	fixed();
	sum += spends(hidden(33));
	sum += pointed(hidden(17), hidden(18));
	sum += recursive((int)hidden(4));
	wide(hidden(6));
	sum += loops(numbers, (int)hidden(4));
#ifndef __clang__
	sum += nests(hidden(8));
#endif
	return (int)hidden(sum) & 1;
}
