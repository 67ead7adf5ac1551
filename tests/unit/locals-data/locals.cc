/* SPDX-License-Identifier: MIT */
/* Variables as C++ has them, told as tell.h says. */
#include <stdexcept>

#include "tell.h"

namespace
{
struct Base {
	long base;
};

struct Counter : Base {
	long count;

	NOINLINE long add(long amount, const long &limit)
	{
		long before = count;

		count += amount;
		marker(1);
		tell(1, 1, "amount", amount);
		tell(1, 1, "*limit", limit);
		tell(1, 1, "before", before);
		tell_bytes(1, 1, "*this", this, sizeof(*this));
		return limit - count;
	}
};

template <typename T> NOINLINE T twice(T value)
{
	static T kept = value;
	T result = value + value;

	kept += static_cast<T>(hidden(1));
	marker(2);
	tell(2, 1, "value", static_cast<long long>(value));
	tell(2, 1, "result", static_cast<long long>(result));
	tell(2, 1, "kept", static_cast<long long>(kept));
	return result;
}

NOINLINE void thrower(long code)
{
	if (code)
		throw code;
}

NOINLINE long catches(long code)
{
	long tried = hidden(0);

	try {
		long inside = hidden(code + 1);

		tried = inside;
		thrower(inside);
	} catch (long caught) {
		long doubled = caught * 2;

		marker(3);
		tell(3, 1, "caught", caught);
		tell(3, 1, "doubled", doubled);
		tell(3, 1, "code", code);
		tried += doubled;
	}
	return tried;
}

NOINLINE long lambdas(long outer)
{
	long captured = hidden(outer * 3);
	auto inner = [captured](long argument) __attribute__((noinline))
	{
		long sum = captured + argument;

		marker(4);
		tell(4, 1, "argument", argument);
		tell(4, 1, "sum", sum);
		return sum;
	};
	long got = inner(hidden(5));

	tell(4, 2, "outer", outer);
	tell(4, 2, "captured", captured);
	return got;
}

template <typename... Ts> NOINLINE long packed(long first, Ts... rest)
{
	long sum = (first + ... + rest);

	marker(5);
	tell(5, 1, "first", first);
	tell(5, 1, "sum", sum);
	return sum;
}
} // namespace

int main()
{
	long limit = hidden(100);
	Counter counter;

	counter.base = hidden(3);
	counter.count = hidden(4);
	limit += counter.add(hidden(7), limit);
	limit += twice(hidden(21));
	limit += catches(hidden(40));
	limit += lambdas(hidden(6));
	limit += packed(hidden(1), hidden(2), static_cast<int>(hidden(3)));
	return static_cast<int>(hidden(limit)) & 1;
}
