# SPDX-License-Identifier: MIT
"""--print: what else was there at the hit, as gdb would print it, while the program runs on."""

import pytest

from watching import FAILED, Attached, Program, fixture, run, watch

PROGRAMS = ["prints", "prints-fast", "prints-clang-fast", "prints-i386"]
PEERS = ["alpha", "beta", "gamma"]
MOODS = ["CALM", "LOUD", "WILD"]
COUNT = 40


def prints(*expressions):
    return [word for expression in expressions for word in ("--print", expression)]


def texts(report, i=0):
    return [hit["print"][i]["text"] for hit in report.hits]


def values(report, i=0):
    return [hit["print"][i]["value"] for hit in report.hits]


def show(program, *expressions, tmp_path, arguments=("level",)):
    report = watch(*arguments, *prints(*expressions), program=[fixture(program), COUNT], tmp_path=tmp_path)
    assert report.summary["lost"] == 0 and len(report.hits) == COUNT
    return report


@pytest.mark.parametrize("program", PROGRAMS)
def test_values_are_those_of_the_hit(program, tmp_path):
    """The program changes all of them right after the hit."""
    report = show(program, "first.at.x", "text", "ratio", "table[2]@3", "first.mood", "first.flags", "level + new", "hits",
                  tmp_path=tmp_path)
    steps = range(1, COUNT + 1)
    assert report.column("new") == list(steps)
    assert texts(report, 0) == [str(i) for i in steps]
    assert texts(report, 1) == [f'"number {i}"' for i in steps]
    assert values(report, 2) == [i / 8 for i in steps]
    assert values(report, 3) == ["".join(map(chr, range(i + 2, i + 5))) for i in steps]
    assert texts(report, 4) == [MOODS[i % 3] for i in steps]
    assert values(report, 5) == [i % 8 for i in steps]
    assert values(report, 6) == [2 * i for i in steps]
    assert values(report, 7) == list(steps)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_struct_with_its_text(program, tmp_path):
    report = show(program, "first", "*head", "word", tmp_path=tmp_path)
    second = f"{report.truth['addr_second']:#x} <second>"
    for i, hit in enumerate(report.hits, 1):
        whole, through_pointer, word = hit["print"]
        assert whole["value"]["at"] == {"x": i, "y": -i} and whole["value"] == through_pointer["value"]
        assert whole["text"] == through_pointer["text"]
        assert whole["text"].startswith(f'{{name = "conn-{i}", peer = 0x')
        assert f'"{PEERS[i % 3]}", at = {{x = {i}, y = {-i}}}, mood = {MOODS[i % 3]}, ' in whole["text"]
        assert f"next = {second if i % 4 else '0x0'}, load = {i / 4:g}}}" in whole["text"]
        assert word["text"].endswith(f'"{PEERS[i % 3]}"' if i % 5 else "0x0")


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_cannot_be_read_is_told_in_its_place(program, tmp_path):
    """The list has no second element at each fourth hit, and `nobody` is NULL always."""
    report = show(program, "head->next->at.y", "nobody->at", "nobody", tmp_path=tmp_path)
    for i, hit in enumerate(report.hits, 1):
        through, nowhere, pointer = hit["print"]
        if i % 4:
            assert through["value"] == 100 + i and "unread" not in through
        else:
            assert through["value"] is None and int(through["unread"], 16) < 64
            assert through["text"] == f"<not readable at the hit: {through['unread']}>"
        assert nowhere["value"] is None and "unread" in nowhere
        assert pointer["text"].endswith("0x0")


@pytest.mark.parametrize("program", PROGRAMS)
def test_locals_of_the_function_that_is_entered(program, tmp_path):
    report = show(program, "step", "which->at.y", "step * 2 + which->at.y", tmp_path=tmp_path, arguments=("-x", "note"))
    steps = range(1, COUNT + 1)
    assert values(report, 0) == list(steps)
    assert values(report, 1) == [101 + i for i in steps]
    assert sum(values(report, 2)) == report.truth["sum"]


def test_a_condition_on_a_parameter_sees_its_value(tmp_path):
    """At the very first instruction it would not lie on the stack yet."""
    report = watch("-x", "note", "--if", "step == 7", *prints("step"), program=[fixture("prints"), COUNT], tmp_path=tmp_path)
    assert values(report) == [7] and report.summary["unmet"] == COUNT - 1


def test_with_writes_of_the_kernel():
    with Program("kernelwrites", "read") as program, \
            Attached(program.pid, "page.word", *prints("page.word[0]", "&page")) as memtrap:
        program.go()
        hit = memtrap.until("hit")
    assert hit["origin"] == "kernel"
    assert hit["print"][0]["value"] is not None and hit["print"][1]["text"].endswith(" <page>")


def test_as_text():
    done = run("watch", "level", "-n", 1, "--stack=none", *prints("first.at", "text"), program=[fixture("prints"), 1])
    lines = done.stderr.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("#1"))
    assert lines[at + 1:at + 3] == ["      first.at = {x = 1, y = -1}", '      text = "number 1"']


@pytest.mark.parametrize("expression, at, why", [
    ("large", 0, "1024"), ("ratio * 2", 0, "floating point"), ("note(1, 0)", 4, "no function can be called"),
    ("head->nope", 6, "did you mean name"), ("level = 2", 6, "changes nothing"), ("level,1", 5, "again"),
    ("nowhere", 0, "nowhere"), ("level +", 7, ""), ("table[0]@0", 9, "constant"), ("sizeof(level)", 0, "same"),
])
def test_a_caret_shows_what_is_refused(expression, at, why):
    done = run("watch", "level", *prints(expression), program=[fixture("prints"), 1])
    assert done.returncode == FAILED and done.stdout == ""  # the program was not started
    lines = done.stderr.splitlines()
    (caret,) = [i for i, line in enumerate(lines) if line.strip() == "^"]
    assert lines[caret - 1] == "  " + expression and lines[caret].index("^") == at + 2
    assert why in done.stderr


def test_a_local_has_no_place_where_others_write():
    done = run("watch", "level", *prints("twice"), program=[fixture("prints"), 1])
    assert done.returncode == FAILED and "twice of note" in done.stderr and "local variable" in done.stderr


def test_too_much_is_refused():
    done = run("watch", "level", *prints(*["large[0]@1000"] * 9), program=[fixture("prints"), 1])
    assert done.returncode == FAILED and "8192" in done.stderr


def test_counting_shows_nothing():
    done = run("watch", "-c", "level", *prints("text"), program=[fixture("prints"), 1])
    assert done.returncode == FAILED and "--print" in done.stderr
