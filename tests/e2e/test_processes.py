# SPDX-License-Identifier: MIT
"""Children and exec, with and without -f."""

from watching import fixture, watch, watch_running


def values_of(report, pid):
    return [hit["new"] for hit in report.hits if hit["pid"] == pid]


PARENT = [*range(100, 120)]
CHILD = [*range(200, 220)]


def test_a_child_is_left_alone_without_follow(tmp_path):
    report = watch("shared_name", program=[fixture("forks")], tmp_path=tmp_path)
    assert report.column("new") == PARENT
    assert report.status == 0


def test_a_child_is_followed(tmp_path):
    report = watch("-f", "shared_name", program=[fixture("forks")], tmp_path=tmp_path)
    assert values_of(report, report.truth["parent"]) == PARENT
    assert values_of(report, report.truth["child"]) == CHILD
    assert len(report.hits) == 40


def test_a_child_of_a_running_program_is_followed():
    report = watch_running("forks", watch_arguments=["-f", "shared_name"])
    assert values_of(report, report.truth["parent"]) == PARENT
    assert values_of(report, report.truth["child"]) == CHILD


def test_a_child_has_its_own_old_value(tmp_path):
    report = watch("-f", "shared_name", program=[fixture("forks")], tmp_path=tmp_path)
    olds = [hit["old"] for hit in report.hits if hit["pid"] == report.truth["child"]]
    assert olds == [109, *range(200, 219)]


def test_exec_ends_the_watch_and_says_so(tmp_path):
    report = watch("generation", program=[fixture("execs"), "again"], tmp_path=tmp_path)
    assert report.column("new") == [1, 2, 3]
    assert any("exec" in str(line) for line in report.lines if line["type"] != "hit") or "exec" in report.err


def test_exec_is_followed_into_the_new_program(tmp_path):
    report = watch("-f", "generation", program=[fixture("execs"), "again"], tmp_path=tmp_path)
    assert report.column("new") == [1, 2, 3, 11, 12]
    first, last = report.hits[0], report.hits[-1]
    assert int(first["addr"], 16) == report.truth["addr"]
    assert int(last["addr"], 16) == report.truth["addr_last"]
    assert {hit["function"] for hit in report.hits} == {"write_from"}


def test_children_that_exec_are_followed_also_where_the_name_is_unknown(tmp_path):
    """The one child is the same program, the other has no such variable, and the parent goes on."""
    report = watch("-f", "generation", program=[fixture("execs"), "fork", fixture("writes")], tmp_path=tmp_path)
    assert [hit["new"] for hit in report.hits] == [1, 2, 3, 11, 12, 4]
    assert report.status == 0


def test_nothing_fires_at_the_old_address_after_exec(tmp_path):
    """writes has other variables where execs has its own; a trap that outlived exec would tell them."""
    report = watch("-f", "generation", program=[fixture("execs"), "fork", fixture("writes-nopie")], tmp_path=tmp_path)
    assert {hit["function"] for hit in report.hits} == {"write_from"}
