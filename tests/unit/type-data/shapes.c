/* SPDX-License-Identifier: MIT */
/* C's types, all of them. */
#include <stdint.h>
#include <uchar.h>
#include <wchar.h>

#include "shapes.h"

typedef unsigned long ulong_t;
typedef ulong_t mine;
typedef int vector4 __attribute__((vector_size(16)));
typedef int (*callback)(int);
typedef int function(int);
typedef int triple[3];

enum state { IDLE, RUNNING = 5, STOPPED, FAILED = -1 };
enum flags { READ = 1, WRITE = 2, EXECUTE = 4 };
enum huge { HUGE = 0x100000000ull };
enum tiny { TINY } __attribute__((packed));
enum { NAMELESS, UNKNOWN } nameless;

typedef struct {
	int a;
	struct {
		int q;
		struct {
			int r;
		} deep;
	} in;
} anonymous;
typedef anonymous *anonymous_pointer;
typedef const anonymous constant;

struct node {
	struct node *next;
	const char *name;
	unsigned a : 3;
	unsigned b : 5;
	int : 0;
	int c : 7;
	union {
		int i;
		float f;
	};
	struct {
		int x;
	} in;
	int (*visit)(struct node *, int, ...);
	char flexible[];
};

struct bits {
	_Bool flag : 1;
	signed s : 4;
	unsigned long long wide : 40;
	unsigned short tail : 9;
};

struct __attribute__((packed)) packed_bits {
	unsigned char head;
	unsigned a : 3;
	unsigned b : 31;
	long long c : 60;
	int plain;
};

struct holes {
	char a;
	long b;
	char c;
	struct {
		char d;
		int e;
	} inner;
	union {
		short f;
		struct {
			char g, h;
		} both;
	} choice;
	char end;
};

union mixed {
	struct {
		int a;
		struct {
			int b;
		} x;
	};
	int y;
};

struct incomplete;
struct empty {
};

size_t size;
mine number;
const mine fixed = 1;
const char *const names[3];
int (*simple)(int, char *);
int (*table[3])(void);
int (*(*twice)(int))(char);
int none_at_all[0];
int cube[2][3][4];
vector4 vector;
_Complex double complex_double;
_Complex float complex_float;
long double extended;
#ifdef __x86_64__
__int128 wide;
#endif
wchar_t wide_letter;
char16_t letter16;
char32_t letter32;
volatile int changing;
int *restrict restricted;
_Atomic int atomic;
struct node node;
enum state state;
enum flags flags;
enum huge huge;
enum tiny tiny;
uint8_t byte;
long long longest;
unsigned long long unsigned_longest;
short narrow;
unsigned short unsigned_narrow;
signed char small;
unsigned char unsigned_small;
_Bool boolean;
const struct node *constant_node;
void *anything;
void (*old_style)();
int (*array_pointer)[4];
const volatile int *const volatile qualified;
const int constants[3];
struct node *_Atomic atomic_pointer;
callback *callbacks;
callback callback_array[3];
anonymous_pointer *pointers;
const anonymous constant_anonymous;
const anonymous_pointer constant_pointer;
triple *triples;
constant *of_constant;
volatile constant changing_constant;
function *function_pointer;
struct incomplete *incomplete;
struct empty empty;
struct bits bits;
struct packed_bits packed_bits;
struct holes holes;
union mixed mixed;
int (*(*far)(void))[3];
char *(*texts[2])[5];

anonymous by_typedef(anonymous_pointer a, constant *b)
{
	return a ? *a : *b;
}

int varied(int a, char *b, ...)
{
	return a + (b != NULL);
}

void (*handler(int sig, void (*next)(int)))(int)
{
	return sig ? next : NULL;
}

static void tell_sizes(void)
{
	TELL_SIZE(struct node);
	TELL_SIZE(struct bits);
	TELL_SIZE(struct packed_bits);
	TELL_SIZE(struct holes);
	TELL_SIZE(struct empty);
	TELL_SIZE(union mixed);
	TELL_SIZE(enum state);
	TELL_SIZE(enum huge);
	TELL_SIZE(enum tiny);
	TELL_SIZE(anonymous);
	TELL_SIZE(anonymous_pointer);
	TELL_SIZE(callback);
	TELL_SIZE(triple);
	TELL_SIZE(vector4);
	TELL_SIZE(mine);
	TELL_SIZE(long double);
	TELL_SIZE(wchar_t);
	TELL_SIZE(size_t);
	TELL_SIZE(unsigned long);
	TELL_SIZE(uint8_t);
	TELL_SIZE(long long unsigned);
}

static void tell_members(void)
{
	TELL_MEMBER(struct node, next);
	TELL_MEMBER(struct node, name);
	TELL_MEMBER(struct node, i);
	TELL_MEMBER(struct node, f);
	TELL_MEMBER(struct node, in);
	TELL_MEMBER(struct node, visit);
	TELL_MEMBER(struct packed_bits, plain);
	TELL_MEMBER(struct holes, b);
	TELL_MEMBER(struct holes, inner);
	TELL_MEMBER(struct holes, choice);
	TELL_MEMBER(struct holes, end);
	TELL_MEMBER(union mixed, x);
	TELL_MEMBER(union mixed, y);
	TELL_MEMBER(anonymous, in);
	TELL_BITS(struct node, a);
	TELL_BITS(struct node, b);
	TELL_BITS(struct node, c);
	TELL_BITS(struct bits, flag);
	TELL_BITS(struct bits, s);
	TELL_BITS(struct bits, wide);
	TELL_BITS(struct bits, tail);
	TELL_BITS(struct packed_bits, a);
	TELL_BITS(struct packed_bits, b);
	TELL_BITS(struct packed_bits, c);
}

int main(void)
{
	int length = 3;
	int variable[length];

	variable[0] = varied(1, NULL) + (handler(0, NULL) != NULL);
	tell_sizes();
	tell_members();
	return variable[0] + by_typedef(&(anonymous){ 0 }, NULL).a - 1;
}
