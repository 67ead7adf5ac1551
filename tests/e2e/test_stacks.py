# SPDX-License-Identifier: MIT
"""Call stacks, through frames of all kinds, with and without frame pointers."""

import pytest

from watching import base_name, fixture, source_line, watch, watch_running


def own_functions(hit):
    """The functions of the fixture on the stack, innermost first, down to main."""
    names = [frame["function"] for frame in hit["stack"] if frame["module"].startswith("stacks")]
    return names[: names.index("main") + 1] if "main" in names else names


def truth(report):
    return report.truth["stack"].split()


@pytest.mark.parametrize("build", ["stacks", "stacks-fast", "stacks-clang", "stacks-fp"])
def test_dwarf_stacks_are_the_truth(build, tmp_path):
    report = watch("--stack=dwarf", "sink", program=[fixture(build)], tmp_path=tmp_path)
    assert own_functions(report.hits[0]) == truth(report)


@pytest.mark.parametrize("build", ["stacks-fast", "stacks-clang"])
def test_dwarf_stacks_attached(build):
    report = watch_running(build, watch_arguments=["--stack=dwarf", "sink"])
    assert own_functions(report.hits[0]) == truth(report)


def test_frame_pointer_stacks_are_right_down_to_code_without_them(tmp_path):
    """libc's qsort keeps no frame pointer, so there the walk may end."""
    report = watch("--stack=fp", "sink", program=[fixture("stacks")], tmp_path=tmp_path)
    names = own_functions(report.hits[0])
    assert names[:8] == truth(report)[:8]


def test_frame_pointer_stacks_invent_nothing(tmp_path):
    """gcc leaves `leaf` without a frame of its own, so its caller may be passed over."""
    report = watch("--stack=fp", "sink", program=[fixture("stacks-fp")], tmp_path=tmp_path)
    names = own_functions(report.hits[0])
    rest = iter(truth(report))
    assert len(names) >= 6 and all(name in rest for name in names), names


def test_the_stack_begins_at_the_culprit(tmp_path):
    report = watch("--stack=dwarf", "sink", program=[fixture("stacks-fast")], tmp_path=tmp_path)
    (hit,) = report.hits
    top = hit["stack"][0]
    assert (hit["function"], base_name(hit["file"]), hit["line"]) == ("leaf", "stacks.c", report.truth["line_leaf"])
    assert (top["function"], top["pc"]) == ("leaf", hit["pc"])


def test_callers_are_named_by_the_line_of_their_call(tmp_path):
    report = watch("--stack=dwarf", "sink", program=[fixture("stacks")], tmp_path=tmp_path)
    lines = {frame["function"]: frame["line"] for frame in report.hits[0]["stack"]}
    assert lines["main"] == source_line("stacks.c", "\tbig_frame();")
    assert lines["big_frame"] == source_line("stacks.c", "qsort(numbers")


def test_no_stack(tmp_path):
    report = watch("--stack=none", "sink", program=[fixture("stacks")], tmp_path=tmp_path)
    assert report.hits[0]["stack"] == []
    assert report.hits[0]["function"] == "leaf"


def test_stacks_in_threads(tmp_path):
    report = watch("--stack=dwarf", "last_writer", program=[fixture("threads"), "before", 20], tmp_path=tmp_path)
    assert {hit["stack"][0]["function"] for hit in report.hits} == {"worker"}
    assert len(report.hits) == 80 and report.summary["lost"] == 0
