# SPDX-License-Identifier: MIT
"""--if: what C means by it, decided in the kernel."""

import pytest

import watching
from watching import FAILED, Attached, Program, fixture, run, watch, watch_running


def test_true_once_in_200000(tmp_path):
    report = watch("level", "--if", "new < 0", program=[fixture("conditions")], tmp_path=tmp_path)
    (hit,) = report.hits
    assert (hit["old"], hit["new"]) == (report.truth["old"], report.truth["new"])
    assert hit["line"] == report.truth["line_set"]
    assert report.summary["hits"] == 1 and report.summary["lost"] == 0
    assert report.summary["unmet"] == report.truth["writes"] - 1
    assert report.armed["condition"] == watching.decider()


def test_true_once_in_200000_attached():
    report = watch_running("conditions", watch_arguments=["level", "--if", "new < 0"])
    assert report.column("new") == [report.truth["new"]]
    assert report.summary["unmet"] == report.truth["writes"] - 1


@pytest.mark.parametrize("condition, values", [
    ("new == 5", [5]),
    ("new > 197 && old != 198", [198, 200]),
    ("new % 50 == 0", [50, 100, 150, 200]),
    ("(new & 0xf0) == 0xc0 && new - old == 1", [192, 193, 194, 195, 196, 197, 198, 199, 200]),
    ("new <= 3 || new >= 199", [1, 2, 3, 199, 200]),
    ("!(new - 7)", [7]),
    ("hits == 42", [42]),
    ("hits > 198", [199, 200]),
    ("(char)new == 'A'", [65]),
    ("new * new == 144", [12]),
    ("new / 100 == 2", [200]),
    ("new >> 3 == 1 && new < 10", [8, 9]),
    ("(new == 3 ? 1 : new == 9) != 0", [3, 9]),
    ("(signed char)new == -56", [200]),
    ("comm == \"writes\" && new == 4", [4]),
    ("comm == \"another\"", []),
    ("comm != \"another\" && new == 6", [6]),
    ("pid == tid && new == 11", [11]),
    ("tid == 1", []),
    ("~new == -3", [2]),  # counter is unsigned, so -3 becomes 2^64 - 3
    ("false", []),
])
def test_conditions(condition, values, tmp_path):
    report = watch("counter", "--if", condition, program=[fixture("writes"), 200], tmp_path=tmp_path)
    assert report.column("new") == values
    assert report.summary["lost"] == 0


def test_signedness_counts(tmp_path):
    below = watch("unsigned_level", "--if", "new < 0", program=[fixture("conditions")], tmp_path=tmp_path)
    assert below.hits == []
    above = watch("unsigned_level", "--if", "new > 2147483647", program=[fixture("conditions")], tmp_path=tmp_path)
    assert above.column("new") == [2**32 - i for i in range(1, 11)]


def test_registers(tmp_path):
    """`bump` is called with the value in rdi (System V ABI), and stores it from a register."""
    report = watch("counter", "--if", "$rdi == 77", program=[fixture("writes-fast"), 100], tmp_path=tmp_path)
    assert report.column("new") == [77]


def test_the_place_of_the_writer(tmp_path):
    first = watch("counter", "-n", 1, program=[fixture("writes-nopie"), 5], tmp_path=tmp_path)
    pc = first.hits[0]["pc"]
    assert watch("counter", "--if", f"pc == {pc}", program=[fixture("writes-nopie"), 5],
                 tmp_path=tmp_path).column("new") == [1, 2, 3, 4, 5]
    assert watch("counter", "--if", f"pc != {pc}", program=[fixture("writes-nopie"), 5], tmp_path=tmp_path).hits == []


def test_floats_are_decided_on_the_stream_and_it_says_so(tmp_path):
    report = watch("reading", "--if", "new > 2.1", program=[fixture("conditions")], tmp_path=tmp_path)
    assert report.column("new") == [2.25, 2.5]
    assert report.armed["condition"] == "stream"


def test_members_of_structs(tmp_path):
    report = watch("v_struct", "--if", "new.y == -7 && old.y == 2", program=[fixture("types")], tmp_path=tmp_path)
    assert report.column("new") == [{"x": 1, "y": -7}]


def test_enumerators(tmp_path):
    report = watch("v_enum", "--if", "new == BROKEN && old == IDLE", program=[fixture("types")], tmp_path=tmp_path)
    assert len(report.hits) == 1


@pytest.mark.parametrize("condition, at", [
    ("new <", 5), ("new == ", 7), ("nev == 1", 0), ("(new == 1", 0), ("new = 1", 4), ("new == $nope", 7),
    ("new @ 1", 4), ("", 0), ("new == 1 1", 9),
])
def test_a_caret_shows_what_is_wrong(condition, at):
    done = run("watch", "counter", "--if", condition, program=[fixture("writes")])
    assert done.returncode == FAILED
    lines = done.stderr.splitlines()
    (caret,) = [i for i, line in enumerate(lines) if line.strip() == "^"]
    assert lines[caret - 1] == "  " + condition
    assert lines[caret].index("^") == at + 2
    assert done.stdout == ""  # the program was not started


# The list of chase.c is as long as the counter says, but for 151 to 200, where there is none.
THERE = [n for n in range(1, 301) if not 150 < n <= 200]


@pytest.mark.parametrize("program", ["chase", "chase-i386"])
@pytest.mark.parametrize("condition, values", [
    ("head && head->next->len > cap", [n for n in THERE if n > 100]),
    ("head == 0", range(151, 201)),
    ("head != 0 && head->next->len == new - 0 && new % 50 == 0", [50, 100, 150, 250, 300]),
    ("second.len == 7 || (&second)->len == 8", [7, 8]),
    ("strcmp(mood, \"angry\") == 0 && new < 35", [10, 20, 30]),
    ("mood[0] == 'a' && strncmp(first.name, \"alp\", 3) == 0 && new > 280", [290, 300]),
    ("$_streq(second.name, \"beta\") && *(int *)&second.len == 3", [3]),
])
def test_memory_and_pointers(program, condition, values, tmp_path):
    report = watch("counter", "--if", condition, program=[fixture(program)], tmp_path=tmp_path)
    assert report.column("new") == list(values)
    assert report.armed["condition"] == watching.decider()
    assert report.summary["unmet"] == 300 - len(report.hits) and report.summary["lost"] == 0


def test_what_cannot_be_read_is_no_answer(tmp_path):
    """A null pointer on the way: whether the condition held is not known, so the hit is told, and marked."""
    report = watch("counter", "--if", "head->next->len == 250", program=[fixture("chase")], tmp_path=tmp_path)
    assert report.column("new") == list(range(151, 201)) + [250]
    assert [hit.get("undecided", False) for hit in report.hits] == 50 * [True] + [False]
    assert report.truth["without"] == 50


@pytest.mark.parametrize("byte, told", [(1, None), (0, True)])
def test_a_no_about_the_kernels_write_is_no_certain_one(byte, told):
    """Memory that a condition reads is read later than the copy: only what holds still has held then."""
    condition = f"page.word[0] == {byte}"
    with Program("kernelwrites", "read") as program, Attached(program.pid, "page.word", "--if", condition) as memtrap:
        program.go()
        hit = memtrap.until("hit")  # the program lives, and keeps what the kernel wrote
    assert hit["origin"] == "kernel" and hit.get("undecided") is told
