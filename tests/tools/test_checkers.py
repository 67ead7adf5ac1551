# SPDX-License-Identifier: MIT
"""The tools that guard the tree find what they are there for, and nothing else."""

import json
import pathlib
import subprocess

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"

TABLE = """
| room | may lean on | outside libraries |
| --- | --- | --- |
| base | | |
| symbol | base | elfutils: `libelf.h` `elfutils/*.h` |
| cli | base, symbol | |
"""


def run(tool, *arguments):
    done = subprocess.run([TOOLS / tool, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


class Layers:
    """A source tree in the making."""

    def __init__(self, folder):
        self.folder = folder
        self.table(TABLE)
        for room in ("base", "symbol", "cli"):
            self.file(f"{room}/{room}.h", "#include <stdio.h>\n#include <sys/types.h>\n")

    def table(self, text):
        (self.folder / "table.md").write_text(text)

    def file(self, name, text):
        path = self.folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def check(self):
        return run("check-layers", "--src", self.folder / "src", "--table", self.folder / "table.md")


@pytest.fixture
def layers(tmp_path):
    return Layers(tmp_path)


def test_layers_accept_the_arrows_of_the_table(layers):
    layers.file("cli/main.c", '#include "symbol/symbol.h"\n  #  include "cli/cli.h"\n')
    layers.file("symbol/deep/elf.c", "#include <elfutils/libdw.h>\n#include <libelf.h>\n")
    assert layers.check() == (0, "")


@pytest.mark.parametrize("include, complaint", [
    ('#include "cli/cli.h"', "symbol may not lean on cli"),
    ("#include <Zydis/Zydis.h>", "symbol may not use the outside header <Zydis/Zydis.h>"),
    ('#include "symbol.h"', '"symbol.h" is written "symbol/symbol.h"'),
    ('#include "gone/gone.h"', "is not in src/"),
])
def test_layers_refuse_other_arrows(layers, include, complaint):
    layers.file("symbol/bad.c", f"#include <stdio.h>\n\n{include}\n")
    status, output = layers.check()
    assert status == 1
    assert complaint in output and "bad.c:3:" in output and output.count("\n") == 1


def test_layers_refuse_a_room_without_a_row(layers):
    layers.file("attic/a.h", "")
    assert "no row for this room" in layers.check()[1]


def test_layers_refuse_a_cycle_and_a_shared_library(layers):
    layers.table(TABLE.replace("| base | | |", "| base | cli | also: `libelf.h` |"))
    status, output = layers.check()
    assert status == 1
    assert "a cycle" in output and "libelf.h belongs to both" in output


def function_of(lines, signature="int f(int x)"):
    return f"{signature}\n{{\n" + "\tx++;\n" * (lines - 3) + "}\n"


def sizes(tmp_path, text, name="a.c"):
    path = tmp_path / name
    path.write_text(text)
    return run("check-sizes", path)


def test_sizes_accept_80_lines_and_refuse_81(tmp_path):
    assert sizes(tmp_path, function_of(80)) == (0, "")
    status, output = sizes(tmp_path, "\n\n" + function_of(81))
    assert status == 1
    assert "a.c:3: a function of 81 lines" in output


@pytest.mark.parametrize("before", [
    "/* { */ // {\n",
    "static const char *text = \"{{{\\\"{\";\nstatic char c = '{';\n",
    "#define OPEN {\n#define LONG \\\n\t{ \\\n\t{\n",
    "struct s {\n\tint a;\n};\nenum e { A, B };\n",
    "static const int table[2][2] = { { 1, 2 }, { 3, 4 } };\n",
    "struct __attribute__((packed)) s {\n\tint a;\n} v = { 1 };\n",
    "typedef struct {\n\tint a;\n} t;\n",
    "int g(void)\n{\n\treturn ({ 1; });\n}\nEND_TEST\n",
    'extern "C" {\n',
    "namespace a\n{\nclass b : public c\n{\npublic:\n",
])
def test_sizes_are_not_misled(tmp_path, before):
    assert sizes(tmp_path, before + "\n" + function_of(80)) == (0, "")
    first = before.count("\n") + 2
    assert f"a.c:{first}: a function of 81 lines" in sizes(tmp_path, before + "\n" + function_of(81))[1]


@pytest.mark.parametrize("signature", [
    "START_TEST(name)",
    "struct s *f(int x,\n            int y)",
    "static int f(int (*g)(void)) __attribute__((noinline))",
])
def test_sizes_know_signatures(tmp_path, signature):
    longer = signature.count("\n")
    assert sizes(tmp_path, function_of(80 - longer, signature)) == (0, "")
    assert "81 lines" in sizes(tmp_path, function_of(81 - longer, signature))[1]


def test_sizes_do_not_take_tables_for_functions(tmp_path):
    table = "static const struct row rows[] = {\n" + "\tROW(a),\n" * 200 + "};\n"
    assert sizes(tmp_path, table) == (0, "")


def test_sizes_say_when_braces_do_not_match(tmp_path):
    assert "cannot follow the braces" in sizes(tmp_path, "int f(void)\n{\n\tif (1) {\n}\n")[1]


def test_sizes_refuse_long_files_and_long_python(tmp_path):
    assert "601 lines" in sizes(tmp_path, "int a;\n" * 601)[1]
    assert "81 lines" in sizes(tmp_path, "def f():\n" + "    x = 1\n" * 80, "a.py")[1]
    assert sizes(tmp_path, "int a;\n" * 600) == (0, "")


def run_programs(tmp_path, **commands):
    """run-tests over a build directory whose unit programs are these shell scripts."""
    tests = [{"name": name, "cmd": ["sh", "-c", command], "env": {}, "workdir": None, "timeout": 5,
              "suite": ["memtrap:unit"]} for name, command in commands.items()]
    (tmp_path / "meson-info").mkdir()
    (tmp_path / "meson-info" / "intro-tests.json").write_text(json.dumps(tests))
    status, output = run("run-tests", "--build", tmp_path, "--only", "unit")
    return status, output.splitlines()


def results(*outcomes):
    tests = "".join(f'<test result="{o}"><id>{o}</id><fn>a.c:1</fn><message>why</message></test>' for o in outcomes)
    return f"echo '<testsuites xmlns=\"http://check.sourceforge.net/ns\">{tests}</testsuites>' >$CK_XML_LOG_FILE_NAME"


def test_totals_are_the_last_line(tmp_path):
    status, lines = run_programs(tmp_path, good=results("success", "success"),
                                 bad=results("success", "failure") + "; exit 1", cannot="echo no perf; exit 77")
    assert status == 1
    assert lines[-1] == "3 passed, 1 failed, 1 skipped"
    assert "FAILED bad: failure: why (a.c:1)" in lines
    assert "skipped cannot: no perf" in lines


@pytest.mark.parametrize("command, said", [
    ("kill -SEGV $$", "killed by SIGSEGV"),
    ("exit 0", "ran no test"),
    ("sleep 60", "did not end in time"),
    (results("success") + "; exit 3", "exit status 3, though no test failed"),
])
def test_programs_that_break_are_failures(tmp_path, command, said):
    status, lines = run_programs(tmp_path, broken=command)
    assert status == 1
    assert said in "\n".join(lines)
    assert lines[-1].endswith("1 failed")


def test_no_test_at_all_is_a_failure(tmp_path):
    assert run_programs(tmp_path) == (1, ["0 passed, 0 failed"])




class Tidy:
    """A build directory of two files that share a header; clang-tidy is one that finds the word FAULT."""

    NINJA = """rule cc
  command = gcc -MD -MF $out.d -c $in -o $out
  deps = gcc
  depfile = $out.d
build a.o: cc ../src/a.c
build b.o: cc ../src/b.c
"""
    CLANG_TIDY = """#!/bin/sh
[ "$1" != --version ] || exec echo 14
for file; do :; done
echo "$file" >>"$(dirname "$0")/read"
! gcc -E "$file" | grep -q FAULT || { echo "shared.h:1: error: a fault"; exit 1; }
"""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        for name, text in (("build/build.ninja", self.NINJA), ("bin/clang-tidy", self.CLANG_TIDY),
                           ("src/shared.h", ""), ("src/a.c", '#include "shared.h"\n'), ("src/b.c", '#include "shared.h"\n')):
            self.write(name, text)
        (folder / "bin/clang-tidy").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder / "bin"), prepend=":")
        commands = [{"directory": str(folder / "build"), "command": f"gcc -c {name}", "file": f"../src/{name}.c",
                     "output": f"{name}.o"} for name in "ab"]
        self.write("build/compile_commands.json", json.dumps(commands * 2))

    def write(self, name, text):
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text)

    def check(self):
        """What it says, and the files that were read for it."""
        subprocess.run(["ninja", "-C", self.folder / "build"], check=True, capture_output=True, timeout=60)
        (self.folder / "bin/read").write_text("")
        said = run("check-tidy", self.folder / "build", "--src", self.folder / "src")
        return said, sorted(pathlib.Path(line).name for line in (self.folder / "bin/read").read_text().split())


@pytest.fixture
def tidy(tmp_path, monkeypatch):
    return Tidy(tmp_path, monkeypatch)


def test_tidy_reads_each_file_until_nothing_is_found(tidy):
    assert tidy.check() == ((0, ""), ["a.c", "b.c"])
    assert tidy.check() == ((0, ""), [])
    tidy.write("src/a.c", '#include "shared.h"\nint more;\n')
    assert tidy.check() == ((0, ""), ["a.c"])


def test_tidy_tells_a_headers_fault_once_and_again_until_it_is_mended(tidy):
    assert tidy.check()[0] == (0, "")
    tidy.write("src/shared.h", "extern int FAULT;\n")
    fault = (1, "shared.h:1: error: a fault\n")
    assert tidy.check() == (fault, ["a.c", "b.c"])
    assert tidy.check() == (fault, ["a.c", "b.c"])
    tidy.write("src/shared.h", "extern int mended;\n")
    assert tidy.check() == ((0, ""), ["a.c", "b.c"])


def test_tidy_says_what_clang_tidy_says_when_it_fails_itself(tidy):
    tidy.write("bin/clang-tidy", "#!/bin/sh\n[ \"$1\" != --version ] || exec echo 14\necho 'it crashed' >&2\nexit 139\n")
    assert tidy.check()[0] == (1, "it crashed\n")
