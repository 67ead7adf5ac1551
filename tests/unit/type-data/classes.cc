// SPDX-License-Identifier: MIT
// C++'s types: what classes have besides members, and what can be named in them.
#include "shapes.h"

namespace ns
{
struct Inner {
	int q;
};
enum Plain { P1, P2 };
enum class Scoped : unsigned char { A, B = 7 };
enum Small : short { LOW = -1 };

class Base
{
      public:
	virtual ~Base();
	virtual int f(int) const;
	int open;
	static int count;

      protected:
	int guarded;

      private:
	int hidden;
	void secret();
};
Base::~Base()
{
}
int Base::f(int x) const
{
	return x;
}
int Base::count = 3;
void Base::secret()
{
}

struct Shared {
	int shared;
	virtual void g()
	{
	}
};

class Derived : public Base, virtual public Shared
{
      public:
	Derived()
	{
	}
	explicit Derived(int)
	{
	}
	Derived(const Derived &) = default;
	Derived &operator=(const Derived &) = delete;
	operator int() const
	{
		return 1;
	}
	int operator+(int)
	{
		return 0;
	}
	int f(int) const override;
	static void variadic(int, ...)
	{
	}
	typedef int my_int;
	my_int typed;
	void use(my_int, const my_int &, my_int *) volatile
	{
	}
	enum Own { OWN };
	Own own;
	struct Nest {
		int n;
	} nest;
	constexpr static int fixed = 42;
};
int Derived::f(int) const
{
	return 2;
}

struct Hiding : private Shared {
	int y;
};

template <typename T, int N> struct Array {
	T data[N];
	T *pointer;
	const T &get(int i) const
	{
		return data[i];
	}
	T value()
	{
		return data[0];
	}
	typedef T value_type;
	value_type typed;
	Array<T, N> *self;
};

union Union {
	int a;
	float b;
	Union()
	{
	}
};

struct Open {
	int x;
	void m()
	{
	}
};

class Closed
{
	int x;
	void m()
	{
	}
	friend void touch(Closed &closed)
	{
		closed.m();
	}
};

struct Pointers {
	int (*plain)(int);
	int Base::*data;
	int (Base::*method)(int) const;
	int &reference;
	int &&rvalue;
	const char *const text;
	explicit Pointers(int &a)
	    : plain(nullptr), data(nullptr), method(nullptr), reference(a),
	      rvalue(static_cast<int &&>(a)), text(nullptr)
	{
	}
};

struct Named {
	typedef struct {
		int a;
	} inner_t;
	inner_t inner;
	using function = void (*)(int);
	function call;
};

struct Operators {
	void operator()(int)
	{
	}
	void operator[](int)
	{
	}
	bool operator==(const Operators &) const
	{
		return true;
	}
	Operators *operator->()
	{
		return this;
	}
};
} // namespace ns

ns::Derived derived;
ns::Hiding hiding;
ns::Array<int, 4> numbers;
ns::Array<ns::Inner, 2> inners;
ns::Array<const char *, 2> texts;
ns::Array<ns::Array<unsigned long, 2>, 3> nested;
ns::Union both;
ns::Open open_class;
ns::Closed closed;
int number;
ns::Pointers pointers(number);
ns::Named named;
ns::Operators operators;
ns::Scoped scoped;
ns::Plain plain;
ns::Small small;
ns::Base *base_pointer;
const ns::Base &base_reference = derived;
int ns::Base::*member_pointer;
int (ns::Base::*method_pointer)(int) const;
wchar_t wide_letter;
char16_t letter16;
char32_t letter32;
bool boolean;
int *__restrict__ restricted;
struct {
	int z;
} anonymous __attribute__((used));

int take(const ns::Named &, ns::Inner *, int &&q)
{
	return q;
}

template <typename T> T identity(T value)
{
	return value;
}

int main()
{
	touch(closed);
	open_class.m();
	operators(1);
	operators[1];
	derived.use(1, number, nullptr);
	ns::Derived copy(derived), made(3);
	ns::Derived::variadic(1);
	TELL_SIZE(ns::Base);
	TELL_SIZE(ns::Derived);
	TELL_SIZE(ns::Hiding);
	typedef ns::Array<int, 4> array;
	printf("size\tns::Array<int,4>\t%zu\n", sizeof(array));
	printf("member\tns::Array<int, 4>\ttyped\t%zu\t%zu\n", offsetof(array, typed), sizeof(int));
	TELL_SIZE(ns::Pointers);
	TELL_SIZE(ns::Scoped);
	TELL_SIZE(ns::Small);
	printf("size\tDerived::Nest\t%zu\n", sizeof(ns::Derived::Nest));
	TELL_MEMBER(ns::Inner, q);
	return (derived + (operators == *operators.operator->()) + numbers.get(1) +
	        numbers.value() + inners.get(1).q + static_cast<int>(copy) +
	        static_cast<int>(made) + take(named, nullptr, 3) + identity(0)) == -1;
}
