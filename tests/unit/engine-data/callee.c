/* SPDX-License-Identifier: MIT */
/*
 * Functions of every kind of argument and result. For each, `want_NAME` is what it returns for
 * `a_NAME`, `b_NAME` … when the program calls it itself; test_engine_call.c has it called by us.
 */
#include <complex.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum color { RED = -3, GREEN = 7 };
struct pair {
	int a, b;
};
struct mixed {
	int a;
	double b;
};
struct floats {
	float a, b, c;
};
struct big {
	long a, b, c;
};
struct odd {
	char a[3];
};
struct nest {
	long a;
	struct {
		short b;
		float c;
	} d;
};
struct wide {
	long double a;
};
struct bits {
	unsigned a : 3;
	int b : 20;
	long c : 40;
};
union either {
	double a;
	long b;
};
typedef int quad __attribute__((vector_size(16)));

#define ONE(name, result, ta, va, ...)                                                             \
	ta a_##name = va;                                                                          \
	result want_##name;                                                                        \
	__attribute__((noinline)) result name(ta a) __VA_ARGS__

#define TWO(name, result, ta, va, tb, vb, ...)                                                     \
	ta a_##name = va;                                                                          \
	tb b_##name = vb;                                                                          \
	result want_##name;                                                                        \
	__attribute__((noinline)) result name(ta a, tb b) __VA_ARGS__

#define S(...)                                                                                     \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

TWO(ints, int, int, -5, int, 7, { return a * b; })
TWO(small, long, signed char, -5, unsigned char, 250, { return a * 1000L + b; })
TWO(truth, bool, bool, true, short, -2, { return a && b < 0; })
TWO(unsigned_short, unsigned short, unsigned short, 65535, unsigned, 4000000000u,
    { return (unsigned short)(a - b); })
TWO(doubles, double, double, 0.5, double, -3.25, { return a / b; })
TWO(mixture, double, float, 0.5f, long, 1L << 40, { return (double)a * (double)b; })
TWO(single, float, float, 0.1f, float, 0.2f, { return a + b; })
TWO(wide_float, long double, long double, 0.1L, int, 3, { return a * b; })
TWO(huge, __int128, __int128, -((__int128)7 << 70), long, 3, { return a * b; })
TWO(complex_double, double complex, double complex, 1 + 2 * I, double, 2, { return a * b; })
ONE(complex_float, float complex, float complex, 1.5f - 2 * I, { return a * 2; })
ONE(complex_wide, long double complex, long double complex, 1 + 2 * I, { return a * 3; })
TWO(pairs, struct pair, struct pair, S(1, -2), int, 10, {
	return (struct pair){ a.a + b, a.b - b };
})
TWO(mixes, struct mixed, struct mixed, S(4, 0.25), double, 2, {
	return (struct mixed){ a.a + 1, a.b * b };
})
ONE(three, struct floats, struct floats, S(1, 2, 3), { return (struct floats){ a.c, a.a, a.b }; })
TWO(bigs, struct big, struct big, S(1, 2, 3), long, 4, {
	return (struct big){ a.a + b, a.b * b, a.c - b };
})
ONE(odds, struct odd, struct odd, S("ab"), {
	a.a[2] = a.a[0];
	return a;
})
ONE(nests, struct nest, struct nest, S(9, { -8, 0.5f }), {
	a.d.b++;
	a.d.c *= 3;
	return a;
})
ONE(wides, struct wide, struct wide, S(1.25L), {
	a.a *= 2;
	return a;
})
ONE(bit_fields, struct bits, struct bits, S(5, -77, 1L << 35), {
	a.b--;
	a.c++;
	return a;
})
ONE(eithers, union either, union either, S(2.5), {
	a.a += 1;
	return a;
})
ONE(vectors, quad, quad, S(1, 2, 3, 4), { return a * 2; })
ONE(enums, enum color, enum color, RED, { return a == RED ? GREEN : RED; })
ONE(pointer, int *, int *, &a_ints, { return a + 1; })
TWO(mix_order, double, struct mixed, S(1, 2), struct big, S(5, 6, 7),
    { return a.b + (double)(a.a + b.c); })

long a_many = 1, b_many = 2, c_many = 3, d_many = 4, e_many = 5, f_many = 6, g_many = 7, h_many = 8;
long want_many;
__attribute__((noinline)) long many(long a, long b, long c, long d, long e, long f, long g, long h)
{
	return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f + 1000000 * g +
	       10000000 * h;
}

int a_sum = 3, b_sum = 10;
double c_sum = 0.5;
long d_sum = -4;
double want_sum;
__attribute__((noinline)) double sum(int count, ...)
{
	double total = count;
	va_list list;

	va_start(list, count);
	total += va_arg(list, int);
	total += va_arg(list, double);
	total += (double)va_arg(list, long);
	va_end(list);
	return total;
}

volatile long touched;
__attribute__((noinline)) void nothing(void)
{
	touched++;
}

__attribute__((noinline)) long deep(long n)
{
	touched++;
	return n ? deep(n - 1) + 1 : 0;
}

__attribute__((noinline)) int crash(int *p)
{
	return *p;
}

__attribute__((noinline)) void endless(void)
{
	for (;;)
		touched++;
}

__attribute__((noinline)) void leave(int status)
{
	_exit(status);
}

/* Registers and the vector state of the place where the calls are made must not change. */
double kept = 1.5;
__attribute__((noinline)) void stop_here(double x, long y)
{
	__asm__ volatile("" : : "x"(x), "r"(y) : "memory");
}

int main(void)
{
	double before = kept * 3;
	long word = touched + 77;

	want_ints = ints(a_ints, b_ints);
	want_small = small(a_small, b_small);
	want_truth = truth(a_truth, b_truth);
	want_unsigned_short = unsigned_short(a_unsigned_short, b_unsigned_short);
	want_doubles = doubles(a_doubles, b_doubles);
	want_mixture = mixture(a_mixture, b_mixture);
	want_single = single(a_single, b_single);
	want_wide_float = wide_float(a_wide_float, b_wide_float);
	want_huge = huge(a_huge, b_huge);
	want_complex_double = complex_double(a_complex_double, b_complex_double);
	want_complex_float = complex_float(a_complex_float);
	want_complex_wide = complex_wide(a_complex_wide);
	want_pairs = pairs(a_pairs, b_pairs);
	want_mixes = mixes(a_mixes, b_mixes);
	want_three = three(a_three);
	want_bigs = bigs(a_bigs, b_bigs);
	want_odds = odds(a_odds);
	want_nests = nests(a_nests);
	want_wides = wides(a_wides);
	want_bit_fields = bit_fields(a_bit_fields);
	want_eithers = eithers(a_eithers);
	want_vectors = vectors(a_vectors);
	want_enums = enums(a_enums);
	want_pointer = pointer(a_pointer);
	want_mix_order = mix_order(a_mix_order, b_mix_order);
	want_many = many(a_many, b_many, c_many, d_many, e_many, f_many, g_many, h_many);
	want_sum = sum(a_sum, b_sum, c_sum, d_sum);
	nothing();
	if (deep(2) != 2)
		return 2;
	stop_here(before, word);
	return before == 4.5 && word == 77 ? 0 : 1;
}
