# SPDX-License-Identifier: MIT
"""memtrap debug as one who knows gdb finds it: short names, settings of gdb's, lists of the program, and what is not there."""

import re

import pytest

from debugging import debug, debuggee, gdb, line_of, marked
from watching import ROOT, fixture

pytestmark = pytest.mark.unprivileged


# ---- Names


@pytest.mark.parametrize("short, long", [line.split(":") for line in """
b:break br:break tb:tbreak tbr:tbreak hb:hbreak thb:thbreak d:delete dis:disable en:enable cond:condition comm:commands
c:continue s:step n:next si:stepi ni:nexti fin:finish u:until adv:advance r:run k:kill
bt:backtrace where:backtrace f:frame do:down dow:down p:print inspect:print x:x disp:display undisp:undisplay
l:list disas:disassemble fo:search forward-search:search rev:reverse-search e:edit dir:directory
h:help q:quit i:info inf:info t:thread taas:taas faas:faas gcore:generate-core-file w:with |:pipe !:shell
""".split()])
def test_short_names_are_gdbs(short, long):
    ours = debug(f"help {short}").out
    assert ours and ours == debug(f"help {long}").out


@pytest.mark.parametrize("short, long", [line.split(":") for line in """
b:breakpoints r:registers s:stack f:frame li:line sym:symbol so:source sh:sharedlibrary dll:sharedlibrary fu:functions va:variables ty:types
th:threads inf:inferiors sig:signals handle:signals prog:program target:files fi:files di:display au:auxv al:all-registers
""".split()])
def test_short_names_behind_info_are_gdbs(short, long):
    ours = debug(f"help info {short}").out
    assert ours and ours == debug(f"help info {long}").out


@pytest.mark.parametrize("command, sentence", [
    ("contineu", "there is no command 'contineu'; did you mean continue?"), ("info brekpoints", "did you mean breakpoints?"),
    ("info a", "'info a' may mean any of: "), ("save", "more follows 'save': save breakpoints"),
    ("python print(1)", "there is no Python"), ("target remote :1", "there are no remote targets"), ("reverse-next", "only run forward"),
    ("xyzzy", "'help' shows what there is"), ("info xyzzy", "'help info' lists what there is"), ("ignore", "ignore takes a number"),
])
def test_what_is_not_there_is_told_with_what_is(command, sentence):
    done = debug(command)
    assert sentence in done.err and done.status == 1


def test_help_lists_what_stands_behind_a_word():
    assert "save breakpoints" in debug("help save").out and "thread apply" in debug("help thread").out
    assert re.match(r"memtrap \d+\.\d+", debug("show version").out)


# ---- Settings


def test_settings_that_scripts_begin_with_are_taken():
    done = debug("set pagination off", "set height 0", "set width 0", "set confirm off", "set verbose off", "set debuginfod enabled off",
                 "set non-stop off", "set style enabled off", "set startup-with-shell off", "set auto-load safe-path /", "show pagination")
    assert done.err == "" and "pipe COMMAND | less" in done.out
    assert "non-stop is always off here: all threads stop" in debug("set non-stop on").err


def test_notices_of_threads_can_be_kept_quiet():
    loud = debug("run", program=[fixture("threads")])
    quiet = debug("set print thread-events off", "run", program=[fixture("threads")])
    assert "[New thread" in loud.out and "[New thread" not in quiet.out and "has ended]" not in quiet.out


def test_layouts_are_views():
    done = debug("layout regs", "show view", "layout next", "show view", "tui enable", "layout xyzzy", "directory /tmp/one", "directory /tmp/two",
                 "show directories")
    assert re.findall("^view: (.*?)  ", done.out, re.MULTILINE) == ["source asm regs", "auto"]
    assert "There are no windows" in done.out and "layout takes src" in done.err and '"/tmp/two:/tmp/one"' in done.out


# ---- The program


def test_a_breakpoint_on_a_line_stands_where_gdbs_does():
    """Also on the line that a function begins at: behind its prologue, where its arguments are."""
    count = len((ROOT / "tests" / "fixtures" / "debuggee.c").read_text().splitlines())
    commands = [f"break debuggee.c:{line}" for line in range(1, count + 1)]
    places = re.compile(r"^Breakpoint \d+ at (0x[0-9a-f]+)", re.MULTILINE)
    ours = places.findall(debug(*commands, program=debuggee()).out)
    assert len(set(ours)) > 30 and ours == places.findall(gdb(*commands, program=debuggee()).out)


def test_a_stop_on_the_line_of_a_function_has_its_frame():
    opening = line_of("int leaf(int a, int b)") + 1
    done = debug(f"break debuggee.c:{opening}", "run", "info registers rip", "backtrace 1", f"info line debuggee.c:{opening}", program=debuggee())
    assert re.search(r"leaf\+\d+>", done.lines("^rip")[0])
    assert f":{marked('leaf')}" in done.lines("^#0")[0] and "<leaf> and ends at" in done.out


def test_a_line_without_code_is_told_as_such():
    bare = line_of("int leaf(int a, int b)")
    ours, theirs = (run(f"info line debuggee.c:{bare}", program=debuggee()) for run in (debug, gdb))
    told = r" is at address 0x[0-9a-f]+ <leaf> but contains no code\.$"
    assert re.search(told, ours.out.strip()).group() == re.search(told, theirs.out.strip()).group()


def test_sections_and_the_entry_point_are_gdbs():
    ours, theirs = (run("info files", program=debuggee()) for run in (debug, gdb))
    for pattern in (r"^\t0x.* is \.", r"^\tEntry point: "):
        assert ours.lines(pattern) == theirs.lines(pattern) != []
    done = debug("starti", "info files", "info symbol main", program=debuggee())
    assert done.lines(r" is \.text in .*ld-linux") and re.search(r"^main in section \.text of .*debuggee$", done.out, re.MULTILINE)


def test_types_are_listed_by_file():
    done = debug("info types ^(node|state|int|unsigned char)$", "info types (", "info types ^nosuch$", program=debuggee())
    theirs = gdb(r"info types ^\(node\|state\)$", program=debuggee())  # gdb takes basic regular expressions
    named = r"^\d+:\s+(?:struct|enum) (?:node|state);$"
    assert done.lines(r"^\t") == ["\tint", "\tunsigned char"]
    assert sorted(line.split() for line in done.lines(named)) == sorted(line.split() for line in theirs.lines(named))
    assert len(done.lines(named)) == 2
    assert "'(' is no regular expression" in done.err and done.out.endswith('"^nosuch$":\n')


def test_the_program_tells_where_it_stands():
    done = debug("break leaf", "run", "info program", "print $_thread", "print $_inferior", "search return", "reverse-search counter", "search nosuch",
                 program=debuggee())
    assert "It stopped at breakpoint 1." in done.out and re.search(r"Process \d+, thread \d+, is stopped at 0x", done.out)
    assert done.values() == {1: "1", 2: "1"}
    assert f"{marked('leaf') + 1}\t" in done.out and "is not found behind line" in done.err


def test_places_of_a_breakpoint_have_numbers():
    commands = ("break overloaded", "info breakpoints", "run", "continue")
    ours, theirs = (run(*commands, program=[fixture("cplusplus")]) for run in (debug, gdb))
    assert len(ours.lines(r"^1\.\d ")) == 2
    assert [re.match(r"Breakpoint 1\.\d", line).group() for line in ours.lines("^Breakpoint 1\\.")] == ["Breakpoint 1.1", "Breakpoint 1.2"]
    assert len(theirs.lines(r"^Breakpoint 1\.[12],")) == 2


def test_a_breakpoint_on_what_the_program_imports_waits_for_its_library():
    done = debug("break printf", "break nosuch", "run", "info breakpoints", program=debuggee())
    assert "Breakpoint 1 (printf) pending." in done.out and "Breakpoint 1, " in done.out
    assert "no function nosuch" in done.err and "No breakpoints" not in done.out


def test_commands_follow_the_last_catchpoint():
    done = debug("break leaf", "catch syscall write", "commands", "silent", "echo written\\n", "end", "info breakpoints", program=debuggee())
    assert done.out.index("catchpoint") < done.out.index("echo written")


# ---- Programs for i386


def test_system_calls_of_i386_go_by_its_own_numbers():
    done = debug("catch syscall write", "run", "backtrace 1", program=[fixture("stacks-i386")])
    assert "Catchpoint 1 (call to syscall write), 0x" in done.out
    assert re.search(r"^#0  0x[0-9a-f]{8} in ", done.out, re.MULTILINE)  # an address has eight digits
    assert "there is no system call nosuch" in debug("catch syscall nosuch", program=[fixture("stacks-i386")]).err
