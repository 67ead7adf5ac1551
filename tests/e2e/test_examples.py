# SPDX-License-Identifier: MIT
"""The programs of examples/ run, and print what they are there to show, with both back ends."""

import os
import re
import signal
import subprocess

import pytest

from watching import BUILD, LIMIT, ROOT

EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.c"))


@pytest.fixture(params=["perf", "ptrace"])
def example(request):
    """Starts an example by name, with its output as text."""

    def start(name):
        return subprocess.Popen([BUILD / "examples" / name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=dict(os.environ, MEMTRAP_BACKEND=request.param))

    return start


def output_of(process, status=0):
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == status, err
    return out, err


def test_there_are_six_short_ones_each_with_its_line():
    page = (ROOT / "examples" / "README.md").read_text()
    assert len(EXAMPLES) == 6
    for name in EXAMPLES:
        assert len((ROOT / "examples" / f"{name}.c").read_text().splitlines()) < 60
        assert f"[{name}.c]({name}.c)" in page


def test_the_thread_that_writes_50_is_held_until_it_is_let_go(example):
    process = example("catch_fifty")
    said = ""
    while "go on:" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    assert re.search(r"counter: 49 -> 50$", said, re.MULTILINE)
    assert "count_to_a_hundred" in said and f"gdb -p {process.pid}" in said
    process.send_signal(signal.SIGUSR1)
    out, _ = output_of(process)
    assert out == "let go: 1 thread\ncounter is 100 after 100 writes\n"


def test_only_the_reader_of_the_third_byte_is_told(example):
    out, _ = output_of(example("third_byte"))
    first, report, last = re.fullmatch(r"(.*?\n)(.*)(all of them: \d+\n)", out, re.DOTALL).groups()
    assert first == f"the first two bytes: {sum(b'ae')}\n"
    assert last == f"all of them: {sum(b'aeSecret')}\n"
    assert len(re.findall(r"^#\d", report, re.MULTILINE)) == 1
    assert re.search(r"^#1 .* read +buffer\[2\]: 83$", report, re.MULTILINE)
    assert "checksum+" in report


def test_the_division_by_zero_is_mended_at_the_call(example):
    out, _ = output_of(example("function_calls"))
    assert out.splitlines() == ["84 / 2 = 42", "84 / 1 = 84", "84 / 0 = 84",
                                "divide was called 3 times; 1 division by zero was mended"]


def test_the_copy_that_is_too_long_is_caught(example):
    out, _ = output_of(example("heap_corruption"))
    assert len(re.findall(r"^#\d", out, re.MULTILINE)) == 1
    assert re.search(r"write +user->rights.*: 511 -> 256$", out, re.MULTILINE)
    assert re.search(r" user_rename\+0x", out)
    assert out.endswith("rights: 0x100\n")


def test_the_contract_tells_the_put_too_many(example):
    out, _ = output_of(example("refcount"))
    assert len(re.findall(r"^#\d", out, re.MULTILINE)) == 1
    assert re.search(r"refs: 0 -> -1$", out, re.MULTILINE) and " put+0x" in out
    assert out.endswith("4 writes, 1 violation\n")


def test_a_crash_names_the_last_writers(example):
    _, err = output_of(example("last_writers"), status=-signal.SIGSEGV)
    writers = re.findall(r"^ +(\w+)\+0x\S+ \[last_writers\]", err, re.MULTILINE)
    assert writers == ["rewind_cursor", "next", "restore"]
    assert re.search(r"cursor: 0x[0-9a-f]+ -> (42|0x2a)$", err, re.MULTILINE)
