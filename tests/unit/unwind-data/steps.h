/* SPDX-License-Identifier: MIT */
/*
 * What test_unwind.c runs one instruction at a time, from STEPS_BEGIN in some function to
 * STEPS_END. At the beginning rax holds the function's return address, as the compiler knows it.
 */
#ifndef STEPS_H
#define STEPS_H

#define STEPS_BEGIN() __asm__ volatile("int3" : : "a"(__builtin_return_address(0)) : "memory")
#define STEPS_END() __asm__ volatile("int3" : : : "memory")

#define NOINLINE __attribute__((noinline))

#endif
