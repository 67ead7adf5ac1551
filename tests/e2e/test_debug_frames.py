# SPDX-License-Identifier: MIT
"""Variables, types, calls and containers in memtrap debug: gdb says the same, word by word."""

import re

import pytest

from debugging import debug, gdb
from watching import fixture, source_line

BUILDS = ["frames", "frames-dwarf4", "frames-fast", "frames-clang", "frames-clang-fast", "frames-i386"]
PLAIN = ["frames", "frames-dwarf4", "frames-clang", "frames-i386"]
PLACE = f"frames.c:{source_line('frames.c', 'the place')}"


def answers(done, *patterns):
    """The lines from the first mark on, which echo has set; what the program prints is none."""
    text = done.out.split("MARK\n", 1)[1]
    text = re.sub(r"0x7ff[0-9a-f]{9}|0xffff[0-9a-f]{4}\b", "ON_THE_STACK", text)  # gdb adds to the environment
    # That there are more frames, gdb says to people alone.
    return [line.rstrip() for line in text.splitlines() if not line.startswith("(More stack frames")]


def same_as_gdb(program, *commands, place=PLACE):
    before = [f"break {place}", "set print entry-values no", "run", r"echo MARK\n"]
    ours = debug(*before, *commands, program=[program])
    theirs = gdb(*before, *commands, program=[program])
    assert answers(ours) == answers(theirs)
    assert len(answers(ours)) > 1


@pytest.mark.parametrize("build", PLAIN)
def test_locals_and_arguments(build):
    same_as_gdb(fixture(build), "info locals", "info args", "up", "info locals", "info args", "up", "info locals",
                "up 2", "info locals", "info args")


@pytest.mark.parametrize("build", BUILDS)
def test_backtrace_with_arguments(build):
    same_as_gdb(fixture(build), "bt", "bt 2", "set print frame-arguments all", "bt", "set print frame-arguments none",
                "bt", "set print frame-arguments presence", "bt")


@pytest.mark.parametrize("build", PLAIN)
def test_backtrace_full(build):
    same_as_gdb(fixture(build), "bt full")


@pytest.mark.parametrize("build", PLAIN)
def test_values(build):
    same_as_gdb(fixture(build), *(f"print {expression}" for expression in """
        first|second|*first.next|&first|first.next|*shape|shape->name|shape->corner|shape->corner[1]|&shape->corner[1]
        local|numbers|text|here|calls|depth|letter|flag|mine|numbers[1]@2|*numbers@3|local + numbers[0] * 2|letter + 1
        (char)(letter + 1)|depth - 8|(int)depth - 8|first.area * 2|first.area / 3|first.color|first.color == GREEN
        first.sides + 1|first.round|first.bytes|first.word|second.word|first.measure|measure|*measure|&measure
        sizeof(first)|sizeof first.corner|sizeof(struct point)|sizeof(count_t)|(long)&first == (long)shape
        first.next == shape|shape ? shape->name : 0|1 ? 2 : 3|-5 / 2|-5 % 3|5u - 6|1 << 4 | 3|~0|!first.round|'a'|"text"
        (struct point *)&first|*(struct point *)&first|((struct shape *)&first)->name|deepest::calls|$_|$__|$1|$|$$2
        &numbers[3] - &numbers[1]|1.5 > 1|1e3|0x10|017|$nothing|first.corner[0].x, first.corner[1].y|&*shape == shape
        """.replace("\n", "|").split("|") for expression in [expression.strip()] if expression))


@pytest.mark.parametrize("format", "xduotcfzas")
def test_formats(format):
    same_as_gdb(fixture("frames"), *(f"print/{format} {expression}" for expression in [
        "local", "letter", "depth", "numbers", "first.word", "second.word", "first.color", "here", "shape->corner",
        "first.bytes", "calls", "flag", "first.sides"]))


@pytest.mark.parametrize("setting", [
    "pretty on", "array on", "array-indexes on", "elements 2", "repeats 2", "max-depth 1", "address off", "symbol off",
    "union off", "null-stop on"])
def test_settings(setting):
    same_as_gdb(fixture("frames"), f"set print {setting}", "print first", "print numbers", "print &first",
                "print shape->corner", "print first.measure", "print first.name")


@pytest.mark.parametrize("build", PLAIN)
def test_types(build):
    same_as_gdb(fixture(build), "ptype first", "ptype shape", "ptype struct point", "ptype count_t", "whatis depth",
                "whatis count_t", "whatis first", "whatis &first", "whatis numbers", "whatis numbers[0]", "whatis text",
                "ptype enum color", "whatis measure", "ptype measure", "whatis first.measure", "whatis 1 + 1L",
                "whatis local + 1.5", "whatis letter", "ptype main", "whatis shape->corner[0]", "whatis (char)1")


@pytest.mark.parametrize("build", BUILDS)
def test_calls(build):
    """What the program itself is told: gdb 13 cannot call functions on processors with AMX."""
    done = debug("break deepest", "run", "print middle(&first)", "print scaled(1.5, 2, 3)", "print middle(&second).y + 1",
                 "print add_up(3, 1, 2, 3)", "print middle(shape).x", "print sink", "call (void)middle(&first)", "print sink",
                 "print measure(&first, 10) + 1", "print (*first.measure)(&second, 2)", "print $rsp == $sp",
                 "print (int)strlen(\"four\")", "print (int)strcmp(first.name, first.name)", "delete",
                 "continue", program=[fixture(build)])
    numbers = list(done.values().values())
    assert numbers == ["{x = 2, y = 3}", "9", "8", "6", "7", "7", "2", "21", "8", "1", "4", "0"]
    assert "2 9.00 7" in done.out and "exited normally" in done.out


@pytest.mark.parametrize("build", PLAIN)
def test_what_was_returned(build):
    ours = debug("break middle", "break scaled", "run", "finish", "continue", "finish", program=[fixture(build)])
    assert sorted(re.findall(r"^Value returned is \$\d = (.*)$", ours.out, re.M)) == ["9", "{x = 2, y = 3}"]


def test_assignments():
    done = debug(f"break {PLACE}", "run", "set var local = 77", "print local", "print numbers[2] = 9", "print numbers",
                 "set var here.x = -4", "print here", "set var first.sides = 3", "print first.sides", "print local += 3",
                 "print local++", "print local", "set var first.color = RED", "print first.color", "set var text[0] = 'D'",
                 "print text", "print mine = 5", "print mine", "set var first.area = 2.5", "print first.area",
                 program=[fixture("frames")])
    assert list(done.values().values()) == [
        "77", "9", "{8, 2, 9, 4}", "{x = -4, y = 9}", "3", "80", "80", "81", "RED", r'"Deep\000\000\000"', "5", "5", "2.5"]


@pytest.mark.parametrize("expression, part", [
    ("nope", "nope"), ("local +", "ends"), ("first.nope", "nope"), ("*local", "0x0"), ("first + 1", "struct shape"),
    ("deepest(1", "closed"), ("(struct nope *)0", "nope"), ("*(int *)8", "0x8"), ("numbers[", "ends"), ("1 / 0", "zero"),
    ("middle()", "argument"), ("local(3)", "function"), ("$rax->x", ""), ("'x", "mate")])
def test_what_is_wrong_is_told(expression, part):
    done = debug(f"break {PLACE}", "run", f"print {expression}", program=[fixture("frames")])
    assert part in done.err and not done.values()
    assert done.err.strip()


CONTAINERS = {
    "text": '"hello"', "empty": '""', "longer": "'x' <repeats 40 times>",
    "numbers": "std::vector of length 3, capacity 3 = {1, 2, 3}", "none": "std::vector of length 0, capacity 0",
    "items": 'std::vector of length 2, capacity 2 = {{number = 1, name = "one"}, {number = 2, name = "two"}}',
    "ages": 'std::map with 3 elements = {["ann"] = 41, ["bob"] = 7, ["cid"] = 19}',
    "sorted": "std::set with 3 elements = {[0] = 1, [1] = 2, [2] = 3}",
    "chain": "std::__cxx11::list = {[0] = 4, [1] = 5}", "no_chain": "empty std::__cxx11::list",
    "*owner": None, "no_owner": "std::unique_ptr<int> = {get() = 0x0}",
    "no_shared": "std::shared_ptr<Item> (empty) = {get() = 0x0}",
    "maybe": "std::optional<int> = {[contained value] = 5}", "not_at_all": "std::optional<int> [no contained value]",
    "hashed": 'std::unordered_map with 1 element = {[1] = "one"}', "view": '"hello"',
    "nested": "std::map with 1 element = {[1] = std::vector of length 2, capacity 2 = {1, 2}}",
    "pair": '{first = 1, second = "p"}',
}


@pytest.mark.parametrize("build", ["containers", "containers-clang"])
def test_containers(build):
    shown = {name: text for name, text in CONTAINERS.items() if text}
    done = debug("break stop", "run", "up", *(f"print {name}" for name in shown), program=[fixture(build)])
    assert list(done.values().values()) == list(shown.values())


def test_shared_pointers_and_pretty_containers():
    done = debug("break stop", "run", "up", "print shared", "set print pretty on", "print ages", "print/r none",
                 program=[fixture("containers")])
    assert re.search(r"^\$1 = std::shared_ptr<Item> \(use count 1, weak count 0\) = \{get\(\) = 0x[0-9a-f]+\}$", done.out, re.M)
    assert '$2 = std::map with 3 elements = {\n  ["ann"] = 41,\n  ["bob"] = 7,\n  ["cid"] = 19\n}' in done.out
    assert "_M_impl = {" in done.out.split("$3 = ")[1]


@pytest.mark.parametrize("build", ["containers", "containers-clang"])
def test_classes(build):
    same_as_gdb(fixture(build), "up", "print derived", "print base", "print *base", "print derived.same",
                "print Derived::made", "set print static-members off", "print derived", "print Derived::limit + 1",
                "whatis Derived", "print sizeof(Derived)", "print *(Derived *)base", "whatis (Base *)0", "print wide",
                "print &wide[1]", "print wide[2]", place="stop")


@pytest.mark.parametrize("build", ["containers", "containers-clang"])
def test_a_reference_is_shown_as_what_it_refers_to(build):
    done = debug("break letters", "run", "info args", "print word", "print count", program=[fixture(build)])
    assert done.lines(r'^word = "hello"$') and done.lines(r"^count = @0x[0-9a-f]+: 2$")
    assert done.values()[1] == '"hello"' and re.fullmatch(r"\(const size_t &\) @0x[0-9a-f]+: 2", done.values()[2])
    assert done.lines(r"^Breakpoint 1, letters \(word=\.\.\., count=@0x[0-9a-f]+\) at ")


def test_a_formatter_of_ones_own(tmp_path):
    (tmp_path / "memtrap").mkdir()
    (tmp_path / "memtrap" / "formatters").write_text(
        'format Item\n    header "Item {$self.number}"\n    field called = $self.name\n')
    done = debug("break stop", "run", "up", "print items", "info formatters", "disable formatter Item", "print items[0]",
                 "print *items._M_impl._M_start", program=[fixture("containers")], env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert done.values()[1] == 'std::vector of length 2, capacity 2 = {Item 1 = {called = "one"}, Item 2 = {called = "two"}}'
    assert done.lines(r"^Item .*formatters:1$")
    assert '{number = 1, name = "one"}' in done.values().values()


def test_a_broken_formatter_is_told_and_no_more(tmp_path):
    (tmp_path / "memtrap").mkdir()
    (tmp_path / "memtrap" / "formatters").write_text("format Item\n    shwo $self\n")
    done = debug("print 1 + 1", program=[fixture("containers")], env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert "formatters:2: a line begins with" in done.err
    assert done.values() == {1: "2"}
