/* SPDX-License-Identifier: MIT */
/*
 * Fills the registers of each kind that the processor has, passes at_filled with them, and then
 * stores them; at_stored finds them in `stored`. A debugger's reading and writing of them is so
 * held against the processor's own.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define VECTORS 32

struct registers {
	uint8_t vector[VECTORS][64];
	uint64_t mask[8];
	uint8_t x87[8][16]; /* ten bytes of each */
};

struct registers filled, stored;
volatile uint32_t vector_size; /* 16, 32, or 64 with all 32 vectors and the masks */

#define EACH_OF_8(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define EACH_OF_16(X) EACH_OF_8(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define EACH_OF_32(X)                                                                              \
	EACH_OF_16(X)                                                                              \
	X(16)                                                                                      \
	X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)

#define LOAD_X(n) "movdqu 64*" #n "(%0), %%xmm" #n "\n"
#define STORE_X(n) "movdqu %%xmm" #n ", 64*" #n "(%1)\n"
#define LOAD_Y(n) "vmovdqu 64*" #n "(%0), %%ymm" #n "\n"
#define STORE_Y(n) "vmovdqu %%ymm" #n ", 64*" #n "(%1)\n"
#define LOAD_Z(n) "vmovdqu64 64*" #n "(%0), %%zmm" #n "\n"
#define STORE_Z(n) "vmovdqu64 %%zmm" #n ", 64*" #n "(%1)\n"
#define LOAD_K(n) "kmovq 2048+8*" #n "(%0), %%k" #n "\n"
#define STORE_K(n) "kmovq %%k" #n ", 2048+8*" #n "(%1)\n"
/* Pushed in turn, the last is st(0): in `filled` they stand from st(7) on, in `stored` from st(0).
 */
#define LOAD_ST(n) "fldt 2112+16*" #n "(%0)\n"
#define STORE_ST(n) "fstpt 2112+16*" #n "(%1)\n"

/* Labels are global; only one of the three is run, and each begins with a place of its own. */
#define PASS(name, load, store)                                                                    \
	__asm__ volatile("fninit\n" load EACH_OF_8(                                                \
	                     LOAD_ST) ".globl at_filled_" name "\nat_filled_" name ": nop\n"       \
	                              ".globl at_passed_" name "\nat_passed_" name                 \
	                              ":\n" store EACH_OF_8(STORE_ST)::"r"(&filled),               \
	                 "r"(&stored)                                                              \
	                 : "memory")

__attribute__((noinline)) void at_stored(void)
{
	__asm__ volatile("" ::: "memory");
}

/* Exponents that keep a x87 number from being one that is changed on loading. */
static void fill(void)
{
	uint8_t *bytes = (uint8_t *)&filled;

	for (size_t i = 0; i < sizeof(filled); i++)
		bytes[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + 1);
	for (int i = 0; i < 8; i++) {
		filled.x87[i][7] |= 0x80;
		filled.x87[i][9] = 0x40;
	}
}

int main(void)
{
	fill();
	if (__builtin_cpu_supports("avx512bw")) {
		vector_size = 64;
		PASS("zmm", EACH_OF_32(LOAD_Z) EACH_OF_8(LOAD_K),
		     EACH_OF_32(STORE_Z) EACH_OF_8(STORE_K));
	} else if (__builtin_cpu_supports("avx")) {
		vector_size = 32;
		PASS("ymm", EACH_OF_16(LOAD_Y), EACH_OF_16(STORE_Y));
	} else {
		vector_size = 16;
		PASS("xmm", EACH_OF_16(LOAD_X), EACH_OF_16(STORE_X));
	}
	at_stored();
	printf("passed=%d\n", !memcmp(filled.vector, stored.vector, 16));
	return 0;
}
