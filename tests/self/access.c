/* SPDX-License-Identifier: MIT */
#include "access.h"

/* A label that code in other languages can name, and that ends the function before it for nobody.
 */
#define AT(name) ".globl judge_" #name "\n.hidden judge_" #name "\njudge_" #name ":\n\t"

#define LABEL(name) extern const char judge_##name[] __attribute__((visibility("hidden")))

LABEL(store1);
LABEL(store2);
LABEL(store4);
LABEL(store8);
LABEL(load1);
LABEL(load2);
LABEL(load4);
LABEL(load8);

NOINLINE void store(volatile void *addr, size_t size, uint64_t value)
{
	unsigned long word = (unsigned long)value;

	switch (size) {
	case 1:
		__asm__ volatile(AT(store1) "movb %b0, (%1)" ::"q"(word), "r"(addr) : "memory");
		break;
	case 2:
		__asm__ volatile(AT(store2) "movw %w0, (%1)" ::"r"(word), "r"(addr) : "memory");
		break;
	case 4:
		__asm__ volatile(AT(store4) "movl %k0, (%1)" ::"r"(word), "r"(addr) : "memory");
		break;
	case 8:
#ifdef __x86_64__
		__asm__ volatile(AT(store8) "movq %0, (%1)" ::"r"(word), "r"(addr) : "memory");
#else
		__asm__ volatile("fildll %0\n" AT(store8) "fistpll (%1)" ::"m"(value), "r"(addr)
		                 : "memory");
#endif
		break;
	default:
		FAIL("no store has %zu bytes", size);
	}
}

NOINLINE uint64_t load(const volatile void *addr, size_t size)
{
	unsigned long word = 0;
	uint64_t value = 0;

	switch (size) {
	case 1:
		__asm__ volatile(AT(load1) "movzbl (%1), %k0" : "=&r"(word) : "r"(addr) : "memory");
		return word;
	case 2:
		__asm__ volatile(AT(load2) "movzwl (%1), %k0" : "=&r"(word) : "r"(addr) : "memory");
		return word;
	case 4:
		__asm__ volatile(AT(load4) "movl (%1), %k0" : "=&r"(word) : "r"(addr) : "memory");
		return word;
	case 8:
#ifdef __x86_64__
		__asm__ volatile(AT(load8) "movq (%1), %0" : "=&r"(value) : "r"(addr) : "memory");
#else
		__asm__ volatile(AT(load8) "fildll (%1)\n\tfistpll %0"
		                 : "=m"(value)
		                 : "r"(addr)
		                 : "memory");
#endif
		return value;
	default:
		FAIL("no load has %zu bytes", size);
	}
}

uintptr_t store_at(size_t size)
{
	return (uintptr_t)(size == 1   ? judge_store1
	                   : size == 2 ? judge_store2
	                   : size == 4 ? judge_store4
	                               : judge_store8);
}

uintptr_t load_at(size_t size)
{
	return (uintptr_t)(size == 1   ? judge_load1
	                   : size == 2 ? judge_load2
	                   : size == 4 ? judge_load4
	                               : judge_load8);
}

NOINLINE unsigned long fetch_and_add(volatile unsigned long *word, unsigned long n)
{
	return __atomic_fetch_add(word, n, __ATOMIC_SEQ_CST);
}
