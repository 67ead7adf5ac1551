/* SPDX-License-Identifier: MIT */
/* The header in C++17 as it stands: scopes are objects, and exceptions end them. */
#include "judge.h"

#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace
{

unsigned hits;

NOINLINE void write_it(volatile int *place, int n)
{
	*place = n;
}

memtrap_spec spec_of(const volatile int *place)
{
	memtrap_spec spec = {};

	spec.addr = place;
	spec.len = sizeof(*place);
	spec.kind = MEMTRAP_WRITE;
	spec.handler = count_hit;
	spec.arg = &hits;
	spec.flags = judge_flags();
	return spec;
}

static_assert(!std::is_copy_constructible<memtrap_scope>::value, "a trap has one owner");
static_assert(std::is_nothrow_move_constructible<memtrap_scope>::value, "it may be handed on");

void write_and_throw(volatile int *place)
{
	memtrap_scope trap(place, sizeof(*place), MEMTRAP_WRITE, count_hit, &hits);

	write_it(place, 1);
	throw std::runtime_error("out");
}

void write_and_throw_out_of_macro(volatile int *place)
{
	MEMTRAP_SCOPE(place, sizeof(*place), MEMTRAP_WRITE, count_hit, &hits);
	write_it(place, 1);
	throw std::runtime_error("out");
}

void judge_exception(void (*thrower)(volatile int *))
{
	volatile int local = 0;

	hits = 0;
	for (unsigned i = 1; i <= 20; i++) {
		try {
			thrower(&local);
			FAIL("nothing was thrown");
		} catch (const std::runtime_error &) {
			write_it(&local, 2);
		}
		EQUAL(hits, i);
	}
}

memtrap_scope make(volatile int *place)
{
	return memtrap_scope(spec_of(place));
}

} /* namespace */

CASE(an_object_traps_while_it_lives)
{
	volatile int local = 0;

	{
		memtrap_scope trap(spec_of(&local));

		CHECK(trap);
		write_it(&local, 1);
		EQUAL(hits, 1);
		EQUAL(memtrap_count(trap.get()), 1);
	}
	write_it(&local, 2);
	EQUAL(hits, 1);
}

CASE(an_exception_ends_it)
{
	judge_exception(write_and_throw);
	judge_exception(write_and_throw_out_of_macro);
}

CASE(it_is_handed_on)
{
	volatile int local = 0;
	std::vector<memtrap_scope> kept;

	kept.push_back(make(&local));
	{
		memtrap_scope taken(std::move(kept.back()));

		CHECK(!kept.back());
		CHECK(taken);
		write_it(&local, 1);
		EQUAL(hits, 1);
	}
	write_it(&local, 2);
	EQUAL(hits, 1);
}

CASE(it_is_empty_where_it_cannot_be)
{
	memtrap_spec spec = {};
	memtrap_scope none(spec);

	CHECK(!none);
	CHECK(none.get() == nullptr);
	CHECK(*memtrap_error());
}

/* An exception thrown by code that a handler interrupted, and by code under a handler's caller. */
namespace
{

void count_and_see(memtrap_hit *hit, void *counter)
{
	uintptr_t frames[16];

	count_hit(hit, counter);
	CHECK(memtrap_backtrace(hit, frames, 16) >= 3);
}

} /* namespace */

CASE(exceptions_fly_between_hits)
{
	volatile int local = 0;
	memtrap_scope trap(&local, sizeof(local), MEMTRAP_WRITE, count_and_see, &hits);

	for (int i = 1; i <= 50; i++) {
		try {
			write_it(&local, i);
			throw i;
		} catch (int caught) {
			EQUAL(caught, i);
		}
		EQUAL(hits, i);
	}
}
