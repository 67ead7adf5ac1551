/* SPDX-License-Identifier: MIT */
/*
 * Variables whose locations are written by hand. Each has, by DWARF 5 sections 2.5 and 2.6, the
 * value that its name tells: n42 is 42, m42 is -42, gone is optimized out. Registers are as in
 * test_where.c: 0x1000 times one more than the number; the CFA is 0x70000; the eight bytes at any
 * address are the address doubled.
 */
#define lit(n) (0x30 + (n))
#define reg(n) (0x50 + (n))
#define breg(n) (0x70 + (n))
#define deref 0x06
#define const1u 0x08
#define const1s 0x09
#define const2u 0x0a
#define const2s 0x0b
#define const4u 0x0c
#define const4s 0x0d
#define const8u 0x0e
#define constu 0x10
#define consts 0x11
#define dup 0x12
#define drop 0x13
#define over 0x14
#define pick 0x15
#define swap 0x16
#define rot 0x17
#define abs 0x19
#define and 0x1a
#define div 0x1b
#define minus 0x1c
#define mod 0x1d
#define mul 0x1e
#define neg 0x1f
#define not 0x20
#define or 0x21
#define plus 0x22
#define plus_uconst 0x23
#define shl 0x24
#define shr 0x25
#define shra 0x26
#define xor 0x27
#define bra 0x28
#define eq 0x29
#define ge 0x2a
#define gt 0x2b
#define le 0x2c
#define lt 0x2d
#define ne 0x2e
#define skip 0x2f
#define regx 0x90
#define fbreg 0x91
#define bregx 0x92
#define piece 0x93
#define deref_size 0x94
#define nop 0x96
#define call4 0x99
#define call_ref 0x9a
#define call_frame_cfa 0x9c
#define bit_piece 0x9d
#define implicit_value 0x9e
#define stack_value 0x9f
#define implicit_pointer 0xa0
#define addrx 0xa1
#define entry_value 0xa3
#define const_type 0xa4
#define regval_type 0xa5
#define deref_type 0xa6
#define convert 0xa8
#define reinterpret 0xa9
#define variable_value 0xfd

	.macro	begin name, type=.Llong
	.uleb128 4
	.asciz	"\name"
	.long	\type - .Lunit
	.uleb128 .Lend\@ - .Lbegin\@
.Lbegin\@:
	.macro	end
.Lend\@:
	.purgem	end
	.endm
	.endm

	.text
	.globl	main
	.type	main, @function
main:
	.cfi_startproc
	movl	$0, %eax
	ret
	.cfi_endproc
.Lmain_end:
	.size	main, . - main

	.section .debug_abbrev, "", @progbits
	.macro	abbreviation code, tag, children, pairs:vararg
	.uleb128 \code, \tag
	.byte	\children
	.uleb128 \pairs
	.byte	0, 0
	.endm
	abbreviation 1, 0x11, 1, 0x11, 0x01, 0x12, 0x07	/* unit: low_pc, high_pc */
	abbreviation 2, 0x24, 0, 0x03, 0x08, 0x0b, 0x0b, 0x3e, 0x0b /* base type: name, size, encoding */
	abbreviation 3, 0x2e, 1, 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0x40, 0x18 /* function */
	abbreviation 4, 0x34, 0, 0x03, 0x08, 0x49, 0x13, 0x02, 0x18 /* variable: name, type, location */
	abbreviation 5, 0x34, 0, 0x03, 0x08, 0x49, 0x13, 0x1c, 0x0d /* variable: name, type, const_value */
	abbreviation 6, 0x36, 0, 0x02, 0x18 /* DWARF procedure: location */
	.byte	0

	.section .debug_info, "", @progbits
.Lunit:
	.long	.Lunit_end - .Lversion
.Lversion:
	.2byte	5
	.byte	1, 8
	.long	.debug_abbrev
	.uleb128 1
	.quad	main
	.quad	.Lmain_end - main
.Llong:
	.uleb128 2
	.asciz	"long"
	.byte	8, 5
.Lint:
	.uleb128 2
	.asciz	"int"
	.byte	4, 5
.Lunsigned:
	.uleb128 2
	.asciz	"unsigned int"
	.byte	4, 7
.Ldouble:
	.uleb128 2
	.asciz	"double"
	.byte	8, 4
.Lwide:
	.uleb128 2
	.asciz	"__int128"
	.byte	16, 5
.Lprocedure:
	.uleb128 6
	.uleb128 2
	.byte	lit(7), mul
	.uleb128 3
	.asciz	"main"
	.quad	main
	.quad	.Lmain_end - main
	.uleb128 1
	.byte	call_frame_cfa

	/* Constants. */
	begin	n255
	.byte	const1u, 255, stack_value
	end
	begin	m1
	.byte	const1s, 255, stack_value
	end
	begin	n65535
	.byte	const2u, 255, 255, stack_value
	end
	begin	m2
	.byte	const2s, 254, 255, stack_value
	end
	begin	n4294967294
	.byte	const4u, 254, 255, 255, 255, stack_value
	end
	begin	m3
	.byte	const4s, 253, 255, 255, 255, stack_value
	end
	begin	m4
	.byte	const8u, 252, 255, 255, 255, 255, 255, 255, 255, stack_value
	end
	begin	n129
	.byte	constu, 0x81, 0x01, stack_value
	end
	begin	m129
	.byte	consts, 0xff, 0x7e, stack_value
	end

	/* The stack. */
	begin	n8
	.byte	lit(4), dup, plus, stack_value
	end
	begin	n5
	.byte	lit(5), lit(9), drop, stack_value
	end
	begin	n11
	.byte	lit(11), lit(9), over, stack_value
	end
	begin	n12
	.byte	lit(12), lit(9), lit(8), pick, 2, stack_value
	end
	begin	n7
	.byte	lit(2), lit(9), swap, minus, stack_value
	end
	begin	n321 /* 1 2 3 rot: 3 1 2 from the bottom */
	.byte	lit(1), lit(2), lit(3), rot, lit(10), mul, plus, swap, const1u, 100, mul, plus, stack_value
	end

	/* Arithmetic: division and comparison are signed, mod is not. */
	begin	m6
	.byte	const1s, 236, lit(3), div, stack_value
	end
	begin	n2
	.byte	lit(17), lit(5), mod, stack_value
	end
	begin	n20
	.byte	const1s, 236, abs, stack_value
	end
	begin	m20
	.byte	lit(20), neg, stack_value
	end
	begin	m21
	.byte	lit(20), not, stack_value
	end
	begin	n4
	.byte	lit(12), lit(6), and, stack_value
	end
	begin	n14
	.byte	lit(12), lit(6), or, stack_value
	end
	begin	n10
	.byte	lit(12), lit(6), xor, stack_value
	end
	begin	n48
	.byte	lit(12), lit(2), shl, stack_value
	end
	begin	m5
	.byte	const1s, 236, lit(2), shra, stack_value
	end
	begin	n15
	.byte	const1s, 255, const1u, 60, shr, stack_value
	end
	begin	n312
	.byte	lit(12), plus_uconst, 0xac, 0x02, stack_value
	end
	begin	n1 /* -1 < 0, and so on */
	.byte	const1s, 255, lit(0), lt, lit(2), lit(2), ge, and, lit(3), lit(3), le, and
	.byte	lit(3), lit(3), eq, and, lit(3), lit(4), ne, and, lit(0), const1s, 255, gt, and
	.byte	stack_value
	end
	begin	n55 /* the sum of 10 to 1 */
	.byte	lit(0), lit(10), dup, rot, plus, swap, lit(1), minus, dup, bra, 0xf6, 0xff, drop, nop
	.byte	stack_value
	end
	begin	n3
	.byte	lit(3), skip, 1, 0, lit(9), stack_value
	end

	/* Registers, memory, the frame. */
	begin	n16384
	.byte	reg(3)
	end
	begin	n20480
	.byte	regx, 4
	end
	begin	n16400
	.byte	breg(3), 16, stack_value
	end
	begin	n16392
	.byte	bregx, 3, 8, stack_value
	end
	begin	n32800 /* twice its address */
	.byte	breg(3), 16
	end
	begin	n65600
	.byte	breg(3), 16, deref
	end
	begin	n917472 /* the CFA less 16, doubled */
	.byte	fbreg, 0x70
	end
	begin	n458752
	.byte	call_frame_cfa, stack_value
	end
	begin	n160 /* one byte of 0x20a0 */
	.byte	const2u, 0x50, 0x10, deref_size, 1, stack_value
	end

	/* Pieces: from the low end on. */
	begin	n17179873280
	.byte	reg(0), piece, 4, lit(4), stack_value, piece, 4
	end
	begin	n838 /* four bits of 6, eight of 52, the others 0 */
	.byte	lit(6), stack_value, bit_piece, 4, 0, const1u, 52, stack_value, bit_piece, 8, 0
	.byte	lit(0), stack_value, bit_piece, 52, 0
	end
	begin	n3 /* bits 4 to 7 of 0x31, and nothing else */
	.byte	const1u, 0x31, stack_value, bit_piece, 4, 4, lit(0), stack_value, bit_piece, 60, 0
	end
	begin	n578437695752307201
	.byte	implicit_value, 8, 1, 2, 3, 4, 5, 6, 7, 8
	end
	begin	gone
	end
	begin	gone
	.byte	piece, 4, reg(0), piece, 4
	end

	/* Typed. */
	begin	m7, .Lint
	.byte	const_type
	.uleb128 .Lint - .Lunit
	.byte	4
	.long	-7
	.byte	stack_value
	end
	begin	m7 /* -15.0 / 2.0 as a long */
	.byte	const_type
	.uleb128 .Ldouble - .Lunit
	.byte	8
	.double	-15.0
	.byte	const_type
	.uleb128 .Ldouble - .Lunit
	.byte	8
	.double	2.0
	.byte	div, convert
	.uleb128 .Llong - .Lunit
	.byte	stack_value
	end
	begin	n4611686018427387904 /* the bits of 2.0 */
	.byte	lit(2), convert
	.uleb128 .Ldouble - .Lunit
	.byte	reinterpret
	.uleb128 .Llong - .Lunit
	.byte	stack_value
	end
	begin	n1 /* 0xffffffff > 1 where it is unsigned */
	.byte	const1s, 255, convert
	.uleb128 .Lunsigned - .Lunit
	.byte	lit(1), convert
	.uleb128 .Lunsigned - .Lunit
	.byte	gt, stack_value
	end
	begin	n0 /* and not where it is signed */
	.byte	const1s, 255, convert
	.uleb128 .Lint - .Lunit
	.byte	lit(1), convert
	.uleb128 .Lint - .Lunit
	.byte	gt, stack_value
	end
	begin	n4 /* 2^65 / 2^63 */
	.byte	lit(1), convert
	.uleb128 .Lwide - .Lunit
	.byte	const1u, 65, convert
	.uleb128 .Lwide - .Lunit
	.byte	shl, lit(1), convert
	.uleb128 .Lwide - .Lunit
	.byte	const1u, 63, convert
	.uleb128 .Lwide - .Lunit
	.byte	shl, div, convert, 0, stack_value
	end
	begin	n16389
	.byte	regval_type, 3
	.uleb128 .Lint - .Lunit
	.byte	plus_uconst, 5, convert, 0, stack_value
	end
	begin	n8192
	.byte	const2u, 0, 16, deref_type, 4
	.uleb128 .Lint - .Lunit
	.byte	convert, 0, stack_value
	end

	/* What others say. */
	begin	n63
	.byte	lit(9), call4
	.long	.Lprocedure - .Lunit
	.byte	stack_value
	end
	begin	n70
	.byte	lit(10), call_ref
	.long	.Lprocedure - .debug_info
	.byte	stack_value
	end
.Lconstant:
	.uleb128 5
	.asciz	"m12345"
	.long	.Llong - .Lunit
	.sleb128 -12345
	begin	m12344
	.byte	variable_value
	.long	.Lconstant - .debug_info
	.byte	lit(1), plus, stack_value
	end
	begin	p12345 /* points to what has no address */
	.byte	implicit_pointer
	.long	.Lconstant - .debug_info
	.byte	0
	end
	begin	gone /* nobody called it */
	.byte	entry_value, 1, reg(5), stack_value
	end
	.byte	0
	.byte	0
.Lunit_end:

	.section .note.GNU-stack, "", @progbits
