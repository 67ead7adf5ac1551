# SPDX-License-Identifier: MIT
"""What a name means, and how values of each type are shown."""

import os
import pathlib
import shutil

import pytest

from watching import Attached, FAILED, Program, base_name, fixture, run, watch, watch_running


@pytest.mark.parametrize("build", ["statics", "statics-o2"])
@pytest.mark.parametrize("expression, values", [
    ("statics.c::count", [1, 2, 3]),
    ("statics2.c::count", [101, 102, 103, 104, 105]),
    ("'statics2.c'::count", [101, 102, 103, 104, 105]),
    ("fixtures/statics2.c::count", [101, 102, 103, 104, 105]),
    ("tally::calls", [1, 3, 6]),
    ("tally2::calls", [101, 203, 306, 410, 515]),
    ("unique_function::only_static", [4]),
    ("only_static", [4]),
    ("only_here", [4]),
])
def test_statics(build, expression, values, tmp_path):
    report = watch(expression, program=[fixture(build)], tmp_path=tmp_path)
    assert report.column("new") == values


def test_an_ambiguous_name_lists_what_can_be_written_instead():
    done = run("watch", "count", program=[fixture("statics")])
    assert done.returncode == FAILED
    assert "statics.c::count" in done.stderr and "statics2.c::count" in done.stderr
    for name in ("statics.c::count", "statics2.c::count"):
        assert run("watch", "-q", name, program=[fixture("statics")]).returncode == 0


@pytest.mark.parametrize("build", ["cplusplus", "cplusplus-clang"])
@pytest.mark.parametrize("expression, values", [
    ("shop::Inventory::total", [1, 3, 6, 10]),
    ("Inventory::total", [1, 3, 6, 10]),
    ("shop::detail::depth", [-3]),
    ("'shop::Cell<int>'::value", [8]),
    ("'shop::Cell<double>'::value", [2.5]),
    ("hidden", [5, ord("x")]),
    ("colour", ["Colour::green"]),
])
def test_cplusplus_names(build, expression, values, tmp_path):
    report = watch(expression, program=[fixture(build)], tmp_path=tmp_path)
    if expression == "colour":
        assert "green" in str(report.column("new")[0])
    else:
        assert report.column("new") == values


def test_cplusplus_functions(tmp_path):
    report = watch("shop::Inventory::total", "hidden", program=[fixture("cplusplus")], tmp_path=tmp_path)
    functions = [hit["function"] for hit in report.hits]
    assert functions[0].startswith("shop::Inventory::add") and functions[-2].startswith("overloaded")


def test_rust_names(tmp_path):
    report = watch("rusty::shop::TOTAL", program=[fixture("rusty")], tmp_path=tmp_path)
    assert report.column("new") == [1, 3, 6]
    assert "_ZN" not in str(report.hits)
    assert any("rusty::main" in (frame["function"] or "") for frame in report.hits[0]["stack"])


def values_by(module, report):
    """What the code of one module wrote: the dynamic linker writes too, when it copies or clears."""
    assert {hit["module"] for hit in report.hits} <= {module, "ld-linux-x86-64.so.2"}
    return [hit["new"] for hit in report.hits if hit["module"] == module]


@pytest.mark.parametrize("build", ["loader", "loader-nopie"])
def test_a_library_is_armed_before_its_constructors(build, tmp_path):
    report = watch("library_counter", program=[fixture(build)], tmp_path=tmp_path)
    assert values_by("libfixture.so", report) == [41, 42, 43, 44]
    assert int(report.hits[0]["addr"], 16) == report.truth["addr"]


def test_a_static_of_a_library(tmp_path):
    report = watch("libfixture.so::library_static", program=[fixture("loader")], tmp_path=tmp_path)
    assert report.column("new") == [1, 2, 3]


def test_a_library_of_a_running_program():
    report = watch_running("loader", watch_arguments=["library_counter"])
    assert report.column("new") == [42, 43, 44]


def test_a_library_loaded_later(tmp_path):
    report = watch("--pending", "plugin_counter", program=[fixture("loader"), fixture("plugin.so")],
                   tmp_path=tmp_path)
    assert values_by("plugin.so", report)[:3] == [7, 8, 9]


def test_a_pointer_at_a_location(tmp_path):
    report = watch("--at", "list_is_ready", "head->next->refs", program=[fixture("pointers")], tmp_path=tmp_path)
    assert report.column("new") == [10, 11, 12, 13, 14]
    assert int(report.hits[0]["addr"], 16) == report.truth["addr_refs"]


def test_a_location_by_line(tmp_path):
    line = watch("head", program=[fixture("pointers")], tmp_path=tmp_path).truth["line_ready"]
    report = watch("--at", f"pointers.c:{line}", "head->next->slots[1..2]", program=[fixture("pointers")],
                   tmp_path=tmp_path)
    assert report.column("new") == [[2, 0], [2, 3]]


@pytest.mark.parametrize("expression, values", [
    ("table[3].refs", [103]), ("grid[2][1]", [77]), ("*&table[5].refs", [105]), ("(*head).next->refs", [10, 11, 12, 13, 14]),
    ("table[1 + 3].refs", [104]), ("head->next->slots[0]", [1]),
])
def test_expressions_in_a_running_program(expression, values):
    report = watch_running("pointers", watch_arguments=[expression])
    assert report.column("new") == values


def test_an_address_with_a_type():
    with Program("types") as program:
        address = f"{program.truth['addr_v_int']:#x}"
        with Attached(program.pid, f"*(int *){address}") as memtrap:
            program.go()
            program.finish()
            assert memtrap.report().column("new") == [-2000000000]


def test_a_build_id_finds_its_debug_file(tmp_path):
    with open(fixture("writes-buildid"), "rb") as program:
        image = program.read()
    start = image.index(b"\x14\0\0\0\x03\0\0\0GNU\0") + 8 + 4
    build_id = image[start : start + 20].hex()
    folder = pathlib.Path("/usr/lib/debug/.build-id") / build_id[:2]
    if not os.access("/usr/lib", os.W_OK):
        pytest.skip("/usr/lib/debug is not ours to write")
    folder.mkdir(parents=True, exist_ok=True)
    debug = folder / (build_id[2:] + ".debug")
    shutil.copy(fixture("writes-buildid.debug"), debug)
    try:
        report = watch("counter", program=[fixture("writes-buildid"), 5], tmp_path=tmp_path)
    finally:
        debug.unlink()
    assert report.column("new") == [1, 2, 3, 4, 5]
    assert base_name(report.hits[0]["file"]) == "writes.c"


TYPES = {
    "v_schar": (-1, -100), "v_uchar": (1, 200), "v_short": (-2, -30000), "v_ushort": (2, 60000),
    "v_int": (-3, -2000000000), "v_uint": (3, 4000000000), "v_long": (-4, -9000000000000000000),
    "v_ulong": (4, "18000000000000000000"), "v_bool": (False, True), "v_float": (0.5, 1.5),
    "v_double": (-0.25, -1e100), "v_enum": ("IDLE", "BROKEN"), "v_typedef": (80, 8080),
    "v_struct": ({"x": 1, "y": 2}, {"x": 1, "y": -7}), "v_array": ([1, 2, 3], [1, -20, 3]),
    "v_matrix": ([[0, 0], [0, 0]], [[0, 0], [5, 0]]), "v_string": ("before", "Before"),
    "v_conn": ({"kind": 0, "at": {"x": 0, "y": 0}, "name": "", "ready": 0, "level": 0, "wide": 0},
               {"kind": 0, "at": {"x": 9, "y": 0}, "name": "", "ready": 0, "level": 0, "wide": 0}),
    "v_union": ({"whole": 0, "bytes": ""}, {"whole": 0x01020304, "bytes": "\4\3\2\1"}),
}


@pytest.mark.parametrize("build", ["types", "types-clang", "types-dwarf4", "types-dwz"])
def test_values_of_each_type(build, tmp_path):
    wrong = []
    for name, (old, new) in TYPES.items():
        report = watch(name, program=[fixture(build)], tmp_path=tmp_path)
        seen = [(hit["old"], hit["new"]) for hit in report.hits]
        if seen != [(old, new)]:
            wrong.append((name, seen))
    assert wrong == []


def text_of(name, tmp_path):
    hits = tmp_path / "hits.txt"
    run("watch", "-o", hits, "--stack=none", name, program=[fixture("types")])
    return hits.read_text()


@pytest.mark.parametrize("name, shown", [
    ("v_int", "-3 -> -2000000000"), ("v_bool", "false -> true"), ("v_enum", "IDLE -> BROKEN"),
    ("v_flags", "FLAG_A | FLAG_C"), ("v_double", "-0.25 -> -1e+100"), ("v_char", "97 'a' -> 122 'z'"),
    ("v_pointer", "v_int"), ("v_function", "named_function"), ("v_string", "\"Before\""),
    ("v_struct", "{x = 1, y = 2} -> {x = 1, y = -7}"), ("v_array", "{1, 2, 3} -> {1, -20, 3}"),
])
def test_text_of_each_type(name, shown, tmp_path):
    assert shown in text_of(name, tmp_path)
