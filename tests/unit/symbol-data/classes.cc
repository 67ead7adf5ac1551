/* SPDX-License-Identifier: MIT */
#include "truth.h"

namespace ns
{
AT(counter) int counter = 1;

namespace
{
AT(hidden) volatile int hidden = 2;
}

inline namespace v1
{
AT(versioned) int versioned = 3;
}

struct Base {
	int base_number = 4;
};

class Class : public Base
{
      public:
	enum class Color : unsigned char { Red, Green };

	AT(total) static int total;
	AT(inline_static) static inline long inline_static = 5;
	Color color = Color::Green;
	int &reference;

	explicit Class(int &referred) : reference(referred)
	{
	}
	int method(int number);
};

AT(total_definition) int Class::total = 8;

template <class T> struct Box {
	AT(value) static T value;
};
template <class T> T Box<T>::value = 9;
} // namespace ns

__attribute__((noinline)) int ns::Class::method(int number)
{
	AT(calls) static int calls = 6;

	TELL("calls", calls, line_of_calls, "int", "6");
	TELL("ns::Class::method::calls", calls, line_of_calls, "int", "6");
	tell_pc("pc", "ns::Class::method", __LINE__);
	return calls + number + base_number;
}

AT(counter_at_top) int counter = 10;
int target = 12;
AT(object) ns::Class object(target);
AT(object_pointer) ns::Class *object_pointer = &object;
AT(referring) int &referring = target;
thread_local int per_thread = 1;

static void tell_namespaces()
{
	TELL("counter", counter, line_of_counter_at_top, "int", "10");
	TELL("ns::counter", ns::counter, ns::line_of_counter, "int", "1");
	TELL("hidden", ns::hidden, ns::line_of_hidden, "volatile int", "2");
	TELL("ns::hidden", ns::hidden, ns::line_of_hidden, "volatile int", "2");
	TELL("ns::versioned", ns::versioned, ns::line_of_versioned, "int", "3");
	TELL("ns::v1::versioned", ns::versioned, ns::line_of_versioned, "int", "3");
}

static void tell_classes()
{
	char text[256];

	TELL("ns::Class::inline_static", ns::Class::inline_static, ns::Class::line_of_inline_static,
	     "long", "5");
	TELL("value", ns::Box<int>::value, 0, "int", "9");
	snprintf(
	    text, sizeof(text),
	    "{<ns::Base> = {base_number = 4}, color = ns::Class::Color::Green, reference = @%p}",
	    (void *)&target);
	TELL("object", object, line_of_object, "ns::Class", text);
	snprintf(text, sizeof(text), "%p <object>", (void *)&object);
	TELL("object_pointer", object_pointer, line_of_object_pointer, "ns::Class *", text);
	TELL("ns::Class::total", ns::Class::total, 0, "int", "8");
	TELL("Class::total", ns::Class::total, 0, "int", "8");
	TELL("_ZN2ns5Class5totalE", ns::Class::total, 0, "int", "8");
}

int main(int argc, char **)
{
	tell_namespaces();
	tell_classes();
	TELL_FAILS("per_thread", "unsupported", "thread-local");
	TELL_FAILS("method::number", "unsupported", "number of ns::Class::method");
	object.method(argc);
	per_thread += referring > 1000;
	return wait_for_end();
}
