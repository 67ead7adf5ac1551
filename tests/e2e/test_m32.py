# SPDX-License-Identifier: MIT
"""Programs for i386: other instructions, words of 4 bytes, stacks and system calls of their own."""

import collections
import subprocess

import pytest

import watching
from watching import base_name, fixture, run, watch, watch_running

STORES = 300


@pytest.fixture(scope="module", params=["culprits-i386", "culprits-i386-nopie"])
def culprits(request, tmp_path_factory):
    return watch("area.target", program=[fixture(request.param)], tmp_path=tmp_path_factory.mktemp("culprits"))


def names(truth):
    return [key.removeprefix("at_") for key in truth if key.startswith("at_")]


def hits_at(report, name):
    return [hit for hit in report.hits if int(hit["insn"]["addr"], 16) == report.truth[f"at_{name}"]]


def test_each_culprit_is_named_and_nothing_else(culprits):
    order = []
    for hit in culprits.hits:
        if not order or order[-1] != hit["insn"]["addr"]:
            order.append(hit["insn"]["addr"])
    assert order == [hex(culprits.truth[f"at_{name}"]) for name in names(culprits.truth)]


def test_values_are_what_each_culprit_left(culprits):
    wrong = []
    for name in names(culprits.truth):
        hits = hits_at(culprits, name)
        seen = (hits[0]["old"], hits[-1]["new"]) if hits else None
        expected = (culprits.truth[f"old_{name}"], culprits.truth[f"new_{name}"])
        if seen != expected:
            wrong.append((name, seen, expected))
    assert wrong == []


def test_functions_and_callers_of_culprits(culprits):
    """Those that write through the stack pointer have no stack."""
    for name in names(culprits.truth):
        for hit in hits_at(culprits, name):
            assert hit["function"] == f"do_{name}"
            if not name.startswith(("push", "call", "pop")):
                assert [frame["function"] for frame in hit["stack"][:2]] == [f"do_{name}", "main"]


def test_instructions_are_32_bit_ones(culprits):
    texts = {name: hits_at(culprits, name)[0]["insn"]["text"] for name in names(culprits.truth)}
    assert texts["mov32"] == "mov %eax, (%edi)"
    assert texts["push"] == "push %eax"
    assert not any("%r" in text for text in texts.values()), texts


@pytest.mark.parametrize("build", ["longs-i386", "longs-i386-static"])
def test_threads_and_a_long_of_4_bytes(build, tmp_path):
    report = watch("last_writer", program=[fixture(build), STORES], tmp_path=tmp_path)
    by_thread = collections.defaultdict(list)
    for hit in report.hits:
        by_thread[hit["tid"]].append(hit["new"])
    main = by_thread.pop(report.truth["ready"])
    assert main == [-STORES]
    assert by_thread == {report.truth[f"tid_{n}"]: [n << 16 | i for i in range(1, STORES + 1)] for n in range(4)}
    assert report.armed["len"] == 4 and report.armed["value_type"] == "volatile long"
    assert report.summary["lost"] == 0
    places = {(hit["function"], base_name(hit["file"]), hit["line"]) for hit in report.hits}
    assert places <= {(function, "longs.c", report.truth["line_store"]) for function in ("store", "worker")}


def test_a_thread_of_a_running_program():
    report = watch_running("longs-i386", STORES, watch_arguments=["last_writer"])
    assert len(report.hits) == 4 * STORES + 1
    assert {hit["stack"][1]["function"] for hit in report.hits} == {"worker", "main"}


def test_a_pointer_has_4_bytes(tmp_path):
    report = watch("*last_writer_pointer", program=[fixture("longs-i386-static"), 2], tmp_path=tmp_path)
    assert int(report.armed["addr"], 16) == report.truth["addr"] and len(report.hits) == 9


@pytest.mark.parametrize("condition, values", [
    ("new < 0", [-STORES]),
    ("new == -300 && old != new", [-STORES]),
    ("(unsigned long)new == 4294966996", [-STORES]),
    ("(long)(unsigned)new == -300", [-STORES]),
    ("(size_t)new > 4294966000", [-STORES]),
    ("new - 1UL == 4294966995", [-STORES]),
    ("new == 4294966996UL", [-STORES]),
    ("new == 4294966996LL", []),
    ("(char *)new == (char *)-300", [-STORES]),
    ("new == 65539", [65539]),
])
def test_conditions_mean_what_they_do_in_32_bit_c(condition, values, tmp_path):
    report = watch("last_writer", "--if", condition, program=[fixture("longs-i386"), STORES], tmp_path=tmp_path)
    assert report.column("new") == values
    assert report.armed["condition"] == watching.decider()


def test_registers(tmp_path):
    """`store` has its argument on the stack (System V ABI), and stores it from eax or ecx."""
    report = watch("last_writer", "--if", "$eax == 65543 || $ecx == 65543 || $edx == 65543",
                   program=[fixture("longs-i386"), 20], tmp_path=tmp_path)
    assert report.column("new") == [65543]


def own_functions(hit):
    found = [frame["function"] for frame in hit["stack"] if (frame["module"] or "").startswith("stacks")]
    return found[: found.index("main") + 1] if "main" in found else found


@pytest.mark.parametrize("build", ["stacks-i386", "stacks-fast-i386"])
def test_dwarf_stacks_are_the_truth(build, tmp_path):
    report = watch("sink", program=[fixture(build)], tmp_path=tmp_path)
    for hit in report.hits:  # the halves of an 8-byte store
        assert own_functions(hit) == report.truth["stack"].split()
        assert [frame["function"] for frame in hit["stack"]][-1] == "_start" and not hit.get("stack_cut")


def test_frame_pointer_stacks_are_right_down_to_code_without_them(tmp_path):
    report = watch("--stack=fp", "sink", program=[fixture("stacks-i386")], tmp_path=tmp_path)
    assert own_functions(report.hits[0])[:8] == report.truth["stack"].split()[:8]


@pytest.mark.parametrize("mode", ["read", "wide", "partial", "getrandom", "file", "readv"])
def test_system_calls_have_their_32_bit_names(mode, tmp_path):
    report = watch("page.word", program=[fixture("kernelwrites-i386"), mode], tmp_path=tmp_path)
    (hit,) = report.hits
    assert (hit["origin"], hit["syscall"], hit["new_raw"]) == ("kernel", report.truth["syscall"], report.truth["raw_new"])
    assert (hit["old_raw"], hit["access"]) == (report.truth["raw_old"], "write")
    if "fd" in report.truth:
        assert int(hit["syscall_args"][0], 16) == report.truth["fd"]
    if mode in ("read", "getrandom"):
        assert report.truth["addr"] in (int(argument, 16) for argument in hit["syscall_args"][:2])
    functions = [frame["function"] for frame in hit["stack"] if frame["module"] == "kernelwrites-i386"]
    assert functions[:2] == [f"do_{mode}", "main"]


def test_the_file_is_named(tmp_path):
    hits = tmp_path / "hits.txt"
    run("watch", "-o", hits, "page.word", program=[fixture("kernelwrites-i386"), "file"])
    assert "by the kernel, in pread64(3" in hits.read_text()


@pytest.mark.parametrize("build", ["loader-i386", "loader-nopie-i386"])
def test_a_library_is_armed_before_its_constructors(build, tmp_path):
    report = watch("library_counter", program=[fixture(build)], tmp_path=tmp_path)
    assert [hit["new"] for hit in report.hits if hit["module"] == "libfixture-i386.so"] == [41, 42, 43, 44]
    assert int(report.hits[0]["addr"], 16) == report.truth["addr"]


def test_a_library_loaded_later(tmp_path):
    report = watch("--pending", "plugin_counter", program=[fixture("loader-i386"), fixture("plugin-i386.so")],
                   tmp_path=tmp_path)
    assert [hit["new"] for hit in report.hits if hit["module"] == "plugin-i386.so"][:3] == [7, 8, 9]


def test_a_pointer_at_a_location(tmp_path):
    report = watch("--at", "list_is_ready", "head->next->refs", program=[fixture("pointers-i386")], tmp_path=tmp_path)
    assert report.column("new") == [10, 11, 12, 13, 14]
    assert int(report.hits[0]["addr"], 16) == report.truth["addr_refs"]


@pytest.mark.parametrize("expression, values", [
    ("table[3].refs", [103]), ("grid[2][1]", [77]), ("(*head).next->refs", [10, 11, 12, 13, 14]),
    ("head->next->slots[0]", [1]),
])
def test_expressions_in_a_running_program(expression, values):
    report = watch_running("pointers-i386", watch_arguments=[expression])
    assert report.column("new") == values


TYPES = {
    "v_schar": (-1, -100), "v_ushort": (2, 60000), "v_int": (-3, -2000000000), "v_uint": (3, 4000000000),
    "v_bool": (False, True), "v_float": (0.5, 1.5), "v_enum": ("IDLE", "BROKEN"), "v_typedef": (80, 8080),
    "v_struct": ({"x": 1, "y": 2}, {"x": 1, "y": -7}), "v_array": ([1, 2, 3], [1, -20, 3]),
    "v_long": (-4, -9000000000000000000 % 2**32), "v_ulong": (4, 18000000000000000000 % 2**32),
}


def test_values_of_each_type(tmp_path):
    wrong = []
    for name, (old, new) in TYPES.items():
        report = watch(name, program=[fixture("types-i386")], tmp_path=tmp_path)
        seen = [(hit["old"], hit["new"]) for hit in report.hits]
        if seen != [(old, new)]:
            wrong.append((name, seen))
    assert wrong == []


def test_pointers_show_what_they_point_to(tmp_path):
    for name, shown in (("v_pointer", "v_int"), ("v_function", "named_function")):
        hits = tmp_path / "hits.txt"
        run("watch", "-o", hits, "--stack=none", name, program=[fixture("types-i386")])
        assert shown in hits.read_text()


def test_casts_of_addresses_have_32_bit_sizes(tmp_path):
    """Where the program lies at fixed addresses, a launch may name one."""
    nm = subprocess.run(["nm", fixture("longs-i386-static")], capture_output=True, text=True, check=True).stdout
    where = {line.split()[-1]: "0x" + line.split()[0] for line in nm.splitlines()}
    for text, length in ((f"*(long *){where['last_writer']}", 4),
                         (f"**(long **){where['last_writer_pointer']}", 4),
                         (f"*(size_t *){where['last_writer']}", 4),
                         (f"*(long long *){where['last_writer']}", 8)):
        report = watch(text, program=[fixture("longs-i386-static"), 1], tmp_path=tmp_path)
        assert report.armed["len"] == length
        assert len(report.hits) == 5 if length == 4 else len(report.hits) >= 5  # what follows is written too
