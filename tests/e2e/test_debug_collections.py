# SPDX-License-Identifier: MIT
"""Containers as what they hold: as gdb's printers show those of libstdc++; Rust's; GLib's."""

import re

import pytest

from debugging import debug, gdb, line_of
from watching import fixture

pytestmark = pytest.mark.unprivileged

# Where ours tell more, or in other words: what is in a std::array is shown without the member that holds it.
NAMES = ["deque", "empty_deque", "points", "tuple", "empty_tuple", "one_tuple", "variant", "first_variant",
         "point_variant", "any", "empty_any", "any_string", "optional", "empty_optional", "bitset", "long_bitset", "stack",
         "queue", "heap", "span", "fixed_span", "bools", "no_bools", "many_bools", "forward", "multimap", "multiset",
         "unordered_multiset", "with_deleter", "list", "atomic", "atomic_bool", "vector_at", "deque_at", "set_at",
         "map_at", "forward_at", "pairs", "nested"]
PRETTY = ["deque", "points", "tuple", "variant", "point_variant", "any", "bitset", "bools", "pairs", "nested", "stack"]


def shown(done):
    """What each print said, which may be several lines."""
    return re.findall(r"^\$\d+ = (.*(?:\n(?!\$).*)*)", done.out, re.MULTILINE)


@pytest.mark.parametrize("build", ["collections", "collections-clang"])
@pytest.mark.parametrize("names, settings", [(NAMES, []), (PRETTY, ["set print pretty on"]),
                                             (["deque", "many_bools"], ["set print elements 4"])])
def test_the_standard_library_as_gdb_has_it(build, names, settings):
    commands = ["break stop", "run", "up", *settings, *(f"print {name}" for name in names)]
    ours = debug(*commands, program=[fixture(build)])
    theirs = gdb(*commands, program=[fixture(build)])
    assert ours.err == ""
    assert dict(zip(names, shown(ours))) == dict(zip(names, shown(theirs)))


CONTAINERS = ["text", "empty", "longer", "numbers", "none", "items", "ages", "sorted", "chain", "no_chain", "no_owner", "no_shared",
              "maybe", "not_at_all", "hashed", "view", "nested", "pair"]


@pytest.mark.parametrize("program, names", [("containers", CONTAINERS), ("collections", NAMES)])
def test_another_standard_library_shows_the_same(program, names):
    """LLVM's, with the same containers of the same values; gdb has no printers for it."""
    commands = ["break stop", "run", "up", *(f"print {name}" for name in names)]
    ours = debug(*commands, program=[fixture(f"{program}-libcxx")])
    other = debug(*commands, program=[fixture(f"{program}-clang")])
    assert ours.err == ""
    assert dict(zip(names, shown(ours))) == {name: text.replace("std::__cxx11::", "std::")
                                             for name, text in zip(names, shown(other))}


def test_shared_pointers_of_another_standard_library():
    done = debug("break stop", "run", "up", "print shared", "print owner", program=[fixture("containers-libcxx")])
    assert done.lines(r"^\$1 = std::shared_ptr<Item> \(use count 1, weak count 0\) = \{get\(\) = 0x[0-9a-f]+\}$")
    assert done.lines(r"^\$2 = std::unique_ptr<int> = \{get\(\) = 0x[0-9a-f]+\}$")


RUST = {"deque": "VecDeque(size=4) = {2, 3, 4, 5}", "empty_deque": "VecDeque(size=0)",
        "map": 'HashMap(size=1) = {["one"] = 1}', "empty_map": "HashMap(size=0)", "set": "HashSet(size=1) = {9}",
        "rc": "Rc(strong=1, weak=1) = {value = 5}", "weak": "Weak(strong=1, weak=1) = {value = 5}",
        "arc": "Arc(strong=1, weak=0) = {value = 6}", "cell": "Cell = {value = 8}",
        "refcell": "RefCell(borrow=1) = {value = 7}", "borrowed": "Ref = {value = 7}",
        "changed_in": "RefCell(borrow_mut=1) = {value = Vec(size=2) = [1, 2]}", "mutex": "Mutex = {value = 10}", "tree": 'BTreeMap(size=2) = {[1] = "one", [2] = "two"}', "empty_tree": "BTreeMap(size=0)",
        "tree_set": "BTreeSet(size=2) = {1, 3}", "boxed": "Box = {value = collections::Square {side: 3}}",
        "shapes": "Vec(size=2) = [Box = {value = collections::Square {side: 1}}, "
                  "Box = {value = collections::Rectangle {width: 2, height: 3}}]",
        "counted": "Rc(strong=1, weak=0) = {value = collections::Rectangle {width: 4, height: 5}}",
        "shared": "Arc(strong=1, weak=0) = {value = collections::Square {side: 6}}",
        "lent": "&dyn collections::Shape = {value = collections::Square {side: 3}}"}


def test_rust():
    done = debug("break collections::stop", "run", "up", *(f"print {name}" for name in RUST), "print numbers", "print high_tree",
                 "set print elements 3", "print high_tree", program=[fixture("collections-rust")])
    values = list(done.values().values())
    assert dict(zip(RUST, values)) == RUST
    hashed, tree, part = values[-3:]
    assert hashed.startswith("HashMap(size=100) = {")
    assert sorted(map(int, re.findall(r"\[(\d+)\] = ", hashed))) == list(range(100))
    assert all(int(value) == 2 * int(key) for key, value in re.findall(r"\[(\d+)\] = (\d+)", hashed))
    assert tree == "BTreeMap(size=100) = {" + ", ".join(f"[{i}] = {2 * i}" for i in range(100)) + "}"
    assert part == "BTreeMap(size=100) = {[0] = 0, [1] = 2, [2] = 4...}"


def test_glib():
    done = debug("break stop", "run", "up", *(f"print {name}" for name in
                 ["list", "single", "string", "array", "byte_array", "table", "sized"]), program=[fixture("gcollections")])
    values = list(done.values().values())
    assert values[:6] == ["GList = {[0] = 0x1, [1] = 0x2}", "GSList = {[0] = 0x3}", '"text"',
                          "GPtrArray of length 2 = {0x4, 0x5}", 'GByteArray of length 2 = "\\b\\t"',
                          "GHashTable with 2 elements = {[0x1] = 0x11, [0x3] = 0x33}"]
    assert re.fullmatch(r"GArray of length 2 = \{data = 0x[0-9a-f]+\}", values[6])


OWN = """
short pt = geo::point
format geo::point
    let two = (int *)&$self
    header "{type} {{{typeof $two}} of {1 + 1}"
    each 4, $two[$i % 2] * ($i + 1)
    where $item % 2 || $i == 1
    item $item + 100
format leaf
    header "a leaf"
    bases b
"""


def test_a_formatter_of_ones_own_has_all_verbs(tmp_path):
    (tmp_path / "memtrap").mkdir()
    (tmp_path / "memtrap" / "formatters").write_text(OWN)
    first = line_of('tell_number("p == q"', "overloads.cc")
    done = debug(f"break overloads.cc:{first}", "run", "print p", "print *bp", "set print object on", "print *bp",
                 program=[fixture("overloads")], env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert done.err == ""
    assert done.values()[1] == "pt {int *} of 2 = {101, 104, 103}"
    assert done.values()[3].endswith("a leaf = {[1] = 5}")
