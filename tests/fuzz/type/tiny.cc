// SPDX-License-Identifier: MIT
// What C++ can have in a type, to start the fuzzing of the type readers from; no libc.
namespace ns
{
enum class Color : unsigned char { RED, GREEN = 7 };

struct Base {
	virtual int f(int) const;
	int open;
	static int count;
};
int Base::f(int x) const
{
	return x;
}
int Base::count = 3;

template <typename T, int N> struct Array {
	T data[N];
	typedef T value_type;
	value_type get(int i) const
	{
		return data[i];
	}
};

class Derived : public Base, virtual public Array<long, 3>
{
	unsigned a : 3, b : 30;
	union {
		int i;
		struct {
			float f;
		} inner;
	};
	int Base::*data;
	int (Base::*method)(int) const;
	int &&rvalue;
	const volatile char *const *text;
	struct Incomplete *incomplete;
	Color color;

      public:
	typedef int (*callback)(Derived &, ...);
	callback call;
	explicit Derived(int &x) : rvalue(static_cast<int &&>(x))
	{
	}
};
} // namespace ns

extern "C" void __cxa_pure_virtual()
{
}

int number;
ns::Array<ns::Color, 2> colors;
typedef ns::Derived *pointer;
pointer derived;
ns::Base base;

extern "C" void _start()
{
	int length = base.f(2);
	volatile int variable[length][3];
	ns::Derived local(number);

	derived = &local;
	variable[1][2] = static_cast<int>(colors.get(1));
	__asm__ volatile("mov $60, %eax\n\txor %edi, %edi\n\tsyscall");
}
