# SPDX-License-Identifier: MIT
"""What is promised of the output: the schema, the man page, the help, the demo, what is installed."""

import json
import os
import re
import subprocess

import jsonschema
import pytest

from watching import MEMTRAP, ROOT, fixture, run, watch


@pytest.fixture(scope="module")
def schema():
    text = json.loads((ROOT / "docs" / "hit.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(text)
    return jsonschema.Draft7Validator(text)


@pytest.mark.parametrize("arguments, program", [
    (["counter"], ["writes", 20]),
    (["counter"], ["writes-nodebug", 3]),
    (["counter", "-c"], ["writes", 20]),
    (["--stack=dwarf", "sink"], ["stacks-fast"]),
    (["--stack=none", "sink"], ["stacks"]),
    (["page.word"], ["kernelwrites", "read"]),
    (["--access", "word_a", "--exec", "main", "word_b"], ["many"]),
    (["-f", "generation"], ["execs", "again"]),
    (["v_struct", "v_double", "v_enum"], ["types"]),
    (["v_pointer", "v_function", "v_string"], ["types"]),
    (["area.target"], ["culprits"]),
    (["library_counter"], ["loader"]),
    (["--pending", "never_there"], ["writes", 1]),
    (["recursive::mine"], ["calls", "recursive", 5]),
    (["own"], ["tls", 2, 2]),
    (["--deep", "current->refs"], ["deep", "nulls", 5]),
    (["level", "--print", "first", "--print", "nobody->at"], ["prints", 5]),
])
def test_every_line_is_as_the_schema_says(schema, arguments, program, tmp_path):
    report = watch(*arguments, program=[fixture(program[0]), *program[1:]], tmp_path=tmp_path)
    assert report.lines
    for line in report.lines:
        schema.validate(line)


def test_the_schema_refuses_what_it_should(schema):
    for line in ({}, {"type": "hit"}, {"type": "other"}, {"type": "summary", "hits": "3"}, {"type": "info"}):
        assert not schema.is_valid(line)


def test_the_schema_refuses_a_hit_that_is_not_whole(schema, tmp_path):
    hit = watch("counter", "-n", 1, program=[fixture("writes"), 2], tmp_path=tmp_path).hits[0]
    for field in ("n", "old", "new_from", "insn", "function", "stack", "syscall"):
        assert not schema.is_valid({key: value for key, value in hit.items() if key != field}), field
    assert not schema.is_valid(dict(hit, addr=1)) and not schema.is_valid(dict(hit, access="touch"))


def options_of_help():
    text = run("watch", "--help").stdout
    return {option for line in text.splitlines() if re.match(r" +-", line)
            for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line)}


@pytest.mark.unprivileged
def test_the_man_page_has_every_option_of_the_help():
    page = subprocess.run(["man", "-l", ROOT / "data" / "memtrap.1"], capture_output=True, text=True, check=True,
                          env=dict(os.environ, MANWIDTH="100", LC_ALL="C.UTF-8")).stdout
    page = page.replace("\u2212", "-").replace("\u2010", "-")
    missing = {option for option in options_of_help() if option not in page}
    assert missing - {"--usage"} == set()


@pytest.mark.unprivileged
def test_completion_has_every_long_option_of_the_help():
    completion = (ROOT / "data" / "memtrap.bash").read_text()
    missing = {option for option in options_of_help() if option.startswith("--") and option not in completion}
    assert missing - {"--usage"} == set()


@pytest.mark.unprivileged
def test_completion_offers_options_and_variables():
    def complete(*words):
        script = (f"source /usr/share/bash-completion/bash_completion; source {ROOT}/data/memtrap.bash;"
                  f"COMP_WORDS=({' '.join(words)}); COMP_CWORD=2; COMP_LINE='{' '.join(words)}';"
                  f"COMP_POINT={len(' '.join(words[:3]))}; _memtrap; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert "--timeout" in complete("memtrap", "watch", "--ti")
    assert complete("memtrap", "watch", "coun", "--", fixture("writes")) == ["counter"]


@pytest.mark.unprivileged
def test_the_man_page_is_well_formed():
    done = subprocess.run(["man", "--warnings", "-l", ROOT / "data" / "memtrap.1"], capture_output=True, text=True,
                          env=dict(os.environ, LC_ALL="C.UTF-8"))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.unprivileged
def test_version_and_help():
    assert re.fullmatch(r"memtrap \d+\.\d+\.\d+\n", run("--version").stdout)
    for arguments in (["--help"], ["watch", "--help"], ["doctor", "--help"]):
        done = run(*arguments)
        assert done.returncode == 0 and "memtrap" in done.stdout and done.stderr == ""


def test_doctor_tries_each_thing():
    done = run("doctor")
    assert done.returncode == 0
    for subject in ("breakpoint", "perf_event_paranoid", "eBPF", "ptrace", "seccomp", "protection keys"):
        assert subject in done.stdout


def test_the_demo_ends_in_the_culprit():
    done = subprocess.run([ROOT / "demo" / "run", MEMTRAP], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    source = (ROOT / "demo" / "warehouse.c").read_text().splitlines()
    (line,) = [i for i, text in enumerate(source, 1) if "delays[warehouse.next_delay] =" in text]
    assert "802 units in stock, should be 1000" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"demo/warehouse.c:{line}: ")
