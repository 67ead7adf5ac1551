# SPDX-License-Identifier: MIT
"""memtrap debug: values, memory and registers, against the fixture's source and against gdb."""

import functools
import re
import subprocess

import pytest

from debugging import debug, debuggee, gdb, marked
from watching import fixture, truth_of

pytestmark = pytest.mark.unprivileged

AT_LEAF = (f"break {marked('leaf')}", "run")


def printed(*expressions):
    done = debug("break leaf", "run", *(f"print{expression}" for expression in expressions), program=debuggee())
    return list(done.values().values())


def test_variables_of_each_kind():
    assert printed(" counter", " tiny", " ratio", " flag", " text", " numbers", " head->name", " first.state",
                   " first.low + first.high") == [
        "41", "-3 '\\375'", "0.25", "true", r'"hello\tthere\000\000\000\000"', "{10, 20, 30, 40, 50, 60}",
        re.sub(" .*", "", printed(" head->name")[0]) + ' "first"', "RUNNING", "22"]


def test_a_struct_is_shown_whole():
    (value,) = printed(" first")
    assert re.fullmatch(r'\{id = 1, low = 5, high = 17, state = RUNNING, weight = 2\.5, name = 0x[0-9a-f]+ "first", '
                        r'next = 0x[0-9a-f]+ <second>, vector = \{1, -2, 3, -4\}\}', value)


def test_pointers_and_parts():
    values = printed(" numbers[2]", " *&numbers[2]", " numbers[1]@3", " head->next->id", " (*head).vector[1]",
                     " *(short *)&first.vector", " &numbers[3] - numbers", " *(numbers + 5)")
    assert values == ["30", "30", "{20, 30, 40}", "2", "-2", "1", "3", "60"]


SHOWN = [
    "/x 255", "/d -1", "/u (unsigned char)200", "/o 8", "/t 10", "/c 65", "/z 5", " 7/2", " -7/2", " -7 % 3", " 1 << 3",
    " 3 > 2", " !5", " ~5", " 1 ? 4 : 5", " 'A'", " 0x10 + 1", " 2.5 * 2", " 10 / 4.0", " -1 > 0u", " 1 == 1.0",
    " (char)65", " (unsigned char)-1", " (int)2.9", " 5 & 3 | 8 ^ 1", "/x numbers", " counter", "/x counter", " numbers[1]",
    " first.state", " first.vector", " ratio", " tiny", "/x tiny", "/d tiny", " first.low", " second.weight",
    "/x first.vector", " &numbers[2]", " head", "/a &counter", " 4294967295", " 2147483648", " 1.5f + 1",
]

EXAMINED = [
    "x/6dw numbers", "x/8xb text", "x/2xg &counter", "x/4xh &first.vector", "x/s text", "x/2s text", "x/4c text",
    "x/2uw numbers", "x/3ow numbers", "x/4tb text", "x/fw &ratio", "x/fg &first.weight", "x/a &head", "x/4xw numbers",
]


@functools.cache
def session(run_it):
    """All of these in one session, of ours or of gdb, with a mark before each of x."""
    prints = [f"print{expression}" for expression in SHOWN]
    examines = [line for command in EXAMINED for line in (f"echo {command}\\n", command)]
    return run_it("break leaf", "run", *prints, *examines, program=debuggee())


@pytest.mark.parametrize("expression", SHOWN)
def test_print_says_what_gdb_says(expression):
    """gdb's own forms: its eyes and scripts need not change."""
    number = SHOWN.index(expression) + 1
    assert session(debug).values()[number] == session(gdb).values()[number]


@pytest.mark.parametrize("command", EXAMINED)
def test_x_says_what_gdb_says(command):
    def said(done):
        return re.search(rf"^{re.escape(command)}\n((?:0x.*\n)+)", done.out, re.MULTILINE)[1]

    assert said(session(debug)) == said(session(gdb))


def test_x_goes_on_behind_what_it_showed():
    done = debug("break leaf", "run", "x/2dw numbers", "x/2", "x", program=debuggee())
    shown = [line.split("\t")[1:] for line in done.lines("<numbers")]
    assert shown == [["10", "20"], ["30", "40"], ["50"]]


def test_instructions_are_those_of_objdump():
    done = debug("break leaf", "run", "x/6i leaf", program=debuggee())
    ours = [re.search(r"<leaf(\+\d+)?>:\t(\w+)", line)[2] for line in done.lines(r"<leaf.*:\t")]
    listing = subprocess.run(["objdump", "-d", "--disassemble=leaf", "--no-show-raw-insn", fixture("debuggee")],
                             capture_output=True, text=True, check=True).stdout
    theirs = re.findall(r"^ +[0-9a-f]+:\t(\w+)", listing, re.MULTILINE)
    assert [name.rstrip("ql") for name in ours] == [name.rstrip("ql") for name in theirs[:6]]


def test_changing_variables_registers_and_memory():
    done = debug("break leaf", "run", "set var counter = 1000", "print counter", "set var first.high = 3", "print first.high",
                 "print first.low", "set $rax = 0x1234", "print/x $rax", "print/x $al", "set var $ax = 1", "print/x $rax",
                 "set var *(int *)&numbers[1] = -7", "print numbers", "set var ratio = 1.5", "print ratio", "set counter = 7",
                 "print counter", "set var text[0] = 'J'", "print text", "set var tiny = 300", "print tiny",
                 program=debuggee())
    assert list(done.values().values()) == [
        "1000", "3", "5", "0x1234", "0x34", "0x1", "{10, -7, 30, 40, 50, 60}", "1.5", "7", r'"Jello\tthere\000\000\000\000"',
        "44 ','"]


def test_what_is_set_reaches_the_program():
    done = debug("break leaf", "run", "delete", "set var counter = 100", "break do_one", "continue", "print counter",
                 program=debuggee("args"))
    # middle(4) adds 4+0, 4+1 and 4+2, recurse(3) adds 7+6.
    assert done.values()[1] == str(100 + 4 + 5 + 6 + 13)


def test_the_history_and_own_variables():
    done = debug("print 5", "print $ + 1", "print $1 * $$", "set $mine = $3 + 1", "print $mine", "print $nosuch", "show values",
                 program=debuggee())
    assert done.values()[4] == "26"
    assert [done.values()[n] for n in (1, 2, 3)] == ["5", "6", "25"]
    assert done.values()[5] == "void"  # gdb's habit


def test_values_before_the_program_runs():
    truth = debug("print counter", "print text", "print numbers[5]", "print &counter", "print $rip", program=debuggee())
    assert [truth.values()[n] for n in (1, 2, 3)] == ["41", r'"hello\tthere\000\000\000\000"', "60"]
    assert "the program is not running" in truth.err


def test_values_of_a_program_that_is_gone_do_not_harm():
    done = debug("break leaf", "run", "print first", "print counter", "print head", "delete", "continue", "print $1", "print $2 + 1",
                 "print $3", "show values", "run", "print $2", program=debuggee())
    assert done.values()[4] == "42"
    assert "a program that is gone" in done.err


def test_registers_are_the_programs():
    done = debug("break *leaf", "run", "print $rdi", "print $rsi", "print $edi", "info registers rip", "info registers eflags",
                 "print $pc == leaf", "info all-registers xmm0", program=debuggee())
    values = done.values()
    assert (values[1], values[2], values[3], values[4]) == ("4", "0", "4", "1")
    assert re.search(r"^rip +0x[0-9a-f]+ +0x[0-9a-f]+ <leaf>$", done.out, re.MULTILINE)
    assert re.search(r"^eflags +0x[0-9a-f]+ +\[ .*IF ?.*\]$", done.out, re.MULTILINE)
    assert "v4_float" in done.out


def test_info_registers_is_gdbs():
    names = "rax rbx rcx rdx rsi rdi rbp rsp r8 r12 rip eflags cs ss fs_base".split()
    commands = ("break *leaf", "run", *(f"info registers {name}" for name in names))
    known = r"^(r[a-z0-9]+|eflags|cs|ss|fs_base) +0x"

    def rows(done):
        return {line.split()[0]: line.split()[1:] for line in done.lines(known)}

    ours, theirs = rows(debug(*commands, program=debuggee())), rows(gdb(*commands, program=debuggee()))
    # The stack lies elsewhere by the environment that each debugger sets, fs_base by the loader.
    for name in ("rax", "rsi", "rdi", "rip", "cs", "ss", "eflags"):
        assert ours[name] == theirs[name]
    assert ours.keys() == theirs.keys()


def test_find_and_dump(tmp_path):
    out = tmp_path / "numbers.bin"
    done = debug("break leaf", "run", 'find &text, +16, "there"', "print $_", "find /w &numbers, +24, 30, 40", "print $numfound",
                 "find &numbers, +24, 77", f"dump binary memory {out} &numbers &numbers[6]", f"dump value {out}.2 first.vector",
                 program=debuggee())
    assert done.lines(r"<text\+6>$") and done.lines(r"<numbers\+8>$")
    assert "Pattern not found." in done.out
    assert out.read_bytes() == b"".join(n.to_bytes(4, "little") for n in (10, 20, 30, 40, 50, 60))
    assert (tmp_path / "numbers.bin.2").read_bytes() == b"\1\0\xfe\xff\3\0\xfc\xff"


def test_printf_and_echo():
    done = debug("break leaf", "run", r'printf "%d %5s|%-6.2f|%c %#x %%\n", counter, head->name, ratio, 65, 255',
                 r"echo one\ttwo\n", "output counter", program=debuggee())
    assert "41 first|0.25  |A 0xff %\n" in done.out
    assert "one\ttwo\n41" in done.out


def test_displays_come_at_each_stop():
    done = debug("break leaf", "run", "display counter", "display/i $pc", "display/x numbers[1]", "continue", "undisplay 3",
                 "info display", "continue", program=debuggee())
    assert done.lines(r"^1: counter = ") == ["1: counter = 41", "1: counter = 45", "1: counter = 50"]
    assert len(done.lines(r"^=> 0x.*<leaf\+")) == 3
    assert done.lines(r"^3: ") == ["3: /x numbers[1] = 0x14"] * 2


@pytest.mark.parametrize("command, sentence", [
    ("print nosuch", "no variable nosuch"), ("print 1 +", "the expression ends"), ("print 5/0", "a division by zero"),
    ("print numbers++", "same type"), ("print first.nosuch", "no member"), ("print *1", "0x1"),
    ("print numbers +", "ends"), ("print/q 1", "'q' is no format"), ("x/99999999999x 0", "too large"), ("x/2i 1", "0x1"),
    ("print $nosuch + 1", "is no register"), ("print *head->name->x", ""), ("print text = 3", "same type"), ("print 3 = 4", "no place"),
    ("print numbers[1]@0", "a count from 1"), ("print 1@2", "in memory"), ("find", "find takes"), ("output", "takes an expression"),
    ('printf "%d"', "asks for more"), ('printf "%n", 1', "%n"), ("dump memory", "takes a file"), ("print ((((", "ends"),
    ("info symbol", "takes an address"), ("set var", "takes an assignment"), ("print (struct nosuch)1", "no type"),
    ("print counter.x", "has no members"), ("print &1", "not in memory"), ("print &first.low", "bit-field"), ("print $$$", ""),
])
def test_bad_input_gets_a_sentence(command, sentence):
    done = debug("break leaf", "run", command, "print 77", program=debuggee())
    assert sentence in done.err and done.err.strip()
    assert "77" in done.values().values()  # and the session goes on
    assert done.status == 1


def test_the_caret_points_at_the_fault():
    done = debug("print 1 + ) * 2", program=debuggee())
    lines = done.err.splitlines()
    assert lines[1].strip() == "1 + ) * 2"
    assert lines[2].index("^") >= lines[1].index(")")


def test_the_address_is_the_one_that_the_program_tells():
    done = debug("break leaf", "run", "print &counter", program=debuggee())
    assert f"(uint64_t *) {hex(truth_of(done.out)['counter'])} <counter>" == done.values()[1]
