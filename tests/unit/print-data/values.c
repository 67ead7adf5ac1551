/* SPDX-License-Identifier: MIT */
/* Values of every kind, known before the program starts: test_print.c shows them, and has gdb's
 * answers. */
#include <complex.h>
#include <stdbool.h>
#include <stdint.h>
#include <uchar.h>
#include <wchar.h>

enum flags { FLAG_A = 1, FLAG_B = 2, FLAG_C = 4 };
enum wide { WIDE_1 = 1, WIDE_6 = 6, WIDE_8 = 8 };
enum color { RED, GREEN, BLUE };
enum negative { MINUS = -1, PLUS = 1 };
enum flags flags_3 = 3, flags_8 = 8, flags_0 = 0, flags_9 = 9;
enum wide wide_6 = 6, wide_7 = 7;
enum color color_1 = 1, color_7 = 7;
enum negative negative = MINUS;

char text_16[16] = "abc", text_8[8] = "abc", text_full[3] = "abc";
char runs[30] = "aaaaaaaaaaaaaaaaaaaaab", mixed[40] = "xxbbbbbbbbbbbbbbbbbyy\n\t\"q\\";
char run_10[12] = "aaaaaaaaaa", run_11[16] = "aaaaaaaaaaa";
int zeros[20], zeros_10[10], zeros_11[11], ones[30] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3 };
int matrix[3][4] = { { 1, 2, 3, 4 }, { 5 } }, many[300] = { 1, 2 };

struct point {
	int x, y;
};
struct all {
	struct point p;
	struct point a[2];
	char s[4];
	unsigned b3 : 3;
	int b5 : 5;
	union {
		int i;
		float f;
	};
	const char *name;
	void *v;
	int (*fn)(int);
	double d;
	float fl;
	bool ok;
	struct all *next;
};
struct bits {
	unsigned a : 1, b : 2;
	signed c : 3;
	enum color e : 2;
	bool t : 1;
};

int twice(int a)
{
	return 2 * a;
}

struct all all = {
	{ 1, 2 },
	{ { 3, 4 }, { 5, 6 } },
	"hi",
	5,
	-3,
	{ 0x40490fdb },
	"name\xc3\xa9",
	&all,
	twice,
	0.1,
	0.1f,
	true,
	&all,
};
struct point points[12];
struct bits bits = { 1, 2, -1, BLUE, true };
struct {
} empty;

double doubles[] = { 1,   2.5, 1e100, -0.0, __builtin_nan(""), __builtin_inf(), -__builtin_inf(),
	             1e5, 1e16 };
float floats[] = { 0.1f, 16777216 }, not_a_number = __builtin_nanf("");
long double wide_float = 3.14L, third = 1 / 3.0L;
double complex complex_number = 1 + 2 * I;
wchar_t wide_char = L'a', wide_text[6] = L"h\u00e9y";
char16_t text_u16[] = u"h\u00e9y";
uint8_t byte = 65, bytes[4] = { 1, 2, 3, 4 };
int8_t minus_one = -1;
int vector __attribute__((vector_size(16))) = { 1, 2, 3, 4 };
bool yes = true;
unsigned char bell = 7;
char *text = "text", *bad_text = (char *)1, *no_text, negative_char = -1;
char **text_pointer = &text;
const char *const *constants;
unsigned char *unsigned_text = (unsigned char *)"uc";
__int128 huge = -5;
void (*no_arguments)(void) = (void (*)(void))twice;
int (*functions[2])(int) = { twice, 0 };
int *int_pointer = &zeros[2], (*row_pointer)[4] = matrix;
unsigned short most = 65535;
int seven = 7, pi_bits = 1078530011;

int main(void)
{
	return 0;
}
