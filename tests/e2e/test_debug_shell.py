# SPDX-License-Identifier: MIT
"""memtrap debug as a shell: names of commands, help, settings, source, scripts, JSON, and a person at a terminal."""

import json
import re

import jsonschema
import pytest

from debugging import Terminal, debug, debuggee, gdb, line_of, marked
from watching import ROOT, fixture, run

pytestmark = pytest.mark.unprivileged


# ---- Commands


@pytest.mark.parametrize("short, long", [
    ("b leaf", "break leaf"), ("tb leaf", "tbreak leaf"), ("l main", "list main"), ("p 1", "print 1"), ("i b", "info breakpoints"),
    ("inf li main", "info line main"), ("disas main", "disassemble main"), ("sho listsize", "show listsize"),
    ("h step", "help step"), ("i sym main", "info symbol main"), ("p/x 17", "print/x 17"), ("list  main ", "list main"),
])
def test_abbreviations(short, long):
    assert debug(short, program=debuggee()).out == debug(long, program=debuggee()).out != ""


def test_what_is_ambiguous_or_unknown_is_told():
    done = debug("in", "xyzzy", "info xyzzy", "info", program=debuggee())
    assert re.search(r"'in' may mean any of: .*\binfo\b", done.err) and done.err.count("info, info") == 0
    assert "there is no command 'xyzzy'" in done.err and "'info xyzzy'" in done.err
    assert "info breakpoints" in done.out


def test_every_command_has_help_and_is_found():
    names = re.findall(r"^  (\S+(?: \S+)?) {2,}\S", debug("help all").out, re.MULTILINE)
    assert len(names) > 90
    done = debug(*(f"help {name}" for name in names))
    assert done.err == ""
    for name in names:
        assert re.search(rf"^{re.escape(name)}( |$)", done.out, re.MULTILINE), name


def test_help_has_topics_a_tour_and_apropos():
    done = debug("help", "help breakpoints", "help tour", "help expressions", "apropos watchdog", "apropos ^signal")
    assert "help running" in done.out and "tbreak" in done.out and "Ctrl-C" in done.out
    assert "No command speaks of 'watchdog'" in done.out and "goes on with this signal" in done.out


def test_each_setting_can_be_shown_and_set():
    shown = debug("show").out
    names = re.findall(r"^([a-z][a-z -]*): ", shown, re.MULTILINE)
    assert len(names) > 15
    values = dict(re.findall(r'^([a-z][a-z -]*): "?(.*?)"?  \(', shown, re.MULTILINE))
    again = debug(*(f"set {name} {values[name]}" for name in names), "show")
    assert again.err == "" and again.out == shown
    assert "on or off" in debug("set confirm maybe").err
    assert "one of att, intel" in debug("set disassembly-flavor arm").err
    assert "there is no setting" in debug("set xyzzy 3").err


# ---- Source and code


def source_lines(first, last):
    text = (ROOT / "tests" / "fixtures" / "debuggee.c").read_text().splitlines()
    return [f"{n}\t{text[n - 1]}" for n in range(first, last + 1)]


def test_list_in_all_forms():
    line = marked("leaf")
    for commands, first, last in [
        ([f"list {line}"], line - 5, line + 4), ([f"list {line},{line + 2}"], line, line + 2), ([f"list {line},"], line, line + 9),
        ([f"list ,{line}"], line - 9, line), ([f"list debuggee.c:{line}"], line - 5, line + 4),
        ([f"list {line},+3"], line, line + 3), ([f"list {line}", "list"], line - 5, line + 14),
        ([f"list {line},", "list -"], None, None), (["set listsize 3", f"list {line}"], line - 1, line + 1)]:
        shown = debug(*commands, program=debuggee()).lines(r"^\d+\t")
        if first is None:
            assert shown == source_lines(line, line + 9) + source_lines(line - 10, line - 1)
        else:
            assert shown == source_lines(first, last), commands


def test_list_ends_with_a_sentence():
    done = debug("list 99999", "list nosuch", "list 3,1", "list ,", "list 1,5", "list -", program=debuggee())
    assert "out of range" in done.err and "nosuch" in done.err and "before it begins" in done.err
    assert "already at the start" in done.err


def test_info_line_and_symbol_are_gdbs():
    commands = ("info line leaf", "info symbol leaf", f"info line {marked('leaf')}", "info symbol &numbers[1]")
    ours, theirs = debug(*commands, program=debuggee()), gdb(*commands, program=debuggee())
    begins = r'^Line (\d+) of ".*debuggee.c" starts at address (0x\w+ <.*?>)'
    assert re.findall(begins, ours.out, re.MULTILINE) == re.findall(begins, theirs.out, re.MULTILINE)
    assert len(ours.lines(begins)) == 2
    names = [line.split(" in ")[0] for line in ours.lines(" in ")]
    assert names == ["leaf", "numbers + 4"]


def test_disassembly_is_of_the_function():
    ours, theirs = (run_it("disassemble leaf", "disassemble /r leaf", program=debuggee()) for run_it in (debug, gdb))
    place = r"0x[0-9a-f]+ <\+\d+>"
    assert re.findall(place, ours.out) == re.findall(place, theirs.out)
    codes = r"<\+\d+>:\t((?:[0-9a-f]{2} ?)+)\s"
    assert [code.split() for code in re.findall(codes, ours.out)] == [code.split() for code in re.findall(codes, theirs.out)]
    intel = debug("set disassembly-flavor intel", "disassemble /s leaf", program=debuggee()).out
    assert "mov rbp, rsp" in intel and f"{marked('leaf')}\t\tcounter +=" in intel


def test_names_of_the_program():
    done = debug("info functions ^leaf$", "info variables ^number", "info sources debuggee", "info sharedlibrary", "info source",
                 "info functions (", program=debuggee())
    assert done.lines(rf"^\d+:\tleaf$") and done.lines(r"^0x[0-9a-f]{16}  numbers$")
    assert done.lines(r"debuggee\.c$") and "no regular expression" in done.err


def test_sources_elsewhere_are_found(tmp_path):
    copy = tmp_path / "deep" / "debuggee.c"
    copy.parent.mkdir()
    copy.write_text((ROOT / "tests" / "fixtures" / "debuggee.c").read_text())
    done = debug(f"set directories /nowhere:{tmp_path}/deep", "info source", program=debuggee())
    assert re.search(r"Contains \d+ lines", done.out)


def test_what_the_kernel_knows():
    done = debug("break leaf", "run", "info proc", "info proc mappings", "info auxv", "info inferiors", "info signals SIGINT",
                 program=debuggee())
    assert f"exe = '{fixture('debuggee')}'" in done.out and "[stack]" in done.out
    assert re.search(r"AT_PAGESZ +System page size +4096", done.out)
    assert re.search(rf'AT_EXECFN .* "{fixture("debuggee")}"', done.out)
    assert re.search(r"^\* 1 +process \d+ +stopped +", done.out, re.MULTILINE)


# ---- Scripts and the command line


def test_own_commands_and_source(tmp_path):
    script = tmp_path / "script"
    script.write_text("# a comment\ndefine twice\necho $argc <$arg0>\\n\nprint $arg0 * 2\nend\n\ntwice 21\nshow user twice\n")
    done = debug(f"source {script}", program=debuggee())
    assert "1 <21>" in done.out and done.values()[1] == "42" and "print $arg0 * 2" in done.out
    script.write_text("define again\nagain\nend\nagain\n")
    assert "never end" in debug(f"source {script}").err
    script.write_text("print 1\nnosuch\nprint 2\n")
    done = debug(f"source {script}")
    assert list(done.values().values()) == ["1"] and f"in {script}: there is no command" in done.err


def test_exit_statuses(tmp_path):
    assert debug("print 1").status == 0
    assert debug("print nosuch", program=debuggee()).status == 1
    assert debug("run", program=debuggee()).status == 0
    assert debug("run", program=debuggee(), options=["-return-child-result"]).status == 7
    assert debug("quit 5").status == 5
    for arguments in (["--nosuch"], ["-batch", tmp_path / "nosuch"], ["-batch", "-p", "0"], ["-batch", "-p", "999999999"]):
        done = run("debug", *arguments)
        assert done.returncode == 125 and done.stderr


def test_the_man_page_and_completion_have_every_option():
    options = set(re.findall(r"--[a-z][a-z-]+", run("debug", "--help").stdout)) - {"--usage"}
    page = (ROOT / "data" / "memtrap.1").read_text().replace("\\-", "-")
    completion = (ROOT / "data" / "memtrap.bash").read_text()
    assert len(options) > 10
    assert {option for option in options if option not in page or option not in completion} - {"--port"} == set()


def test_json_says_all_in_lines_that_the_schema_allows():
    schema = json.loads((ROOT / "docs" / "debug.schema.json").read_text())
    done = debug("break leaf", "run >/dev/null", "print first", "print nosuch", "info breakpoints", "delete", "catch syscall write",
                 "continue", "delete", "continue", program=debuggee(), options=["--json"])
    lines = [json.loads(line) for line in done.out.splitlines()]
    for line in lines:
        jsonschema.validate(line, schema)
    stops = [line for line in lines if line["type"] == "stop"]
    assert [stop["reason"] for stop in stops] == ["breakpoint", "syscall-entry", "exited"]
    assert stops[0]["function"] == "leaf" and stops[0]["line"] == marked("leaf") and stops[0]["breakpoints"] == [1]
    assert stops[1]["syscall"] == "write" and stops[2]["status"] == 7
    assert any(line["type"] == "error" and "nosuch" in line["text"] for line in lines)
    assert lines[-1] == {"type": "end", "status": 1}


def test_commands_come_from_standard_input_too():
    assert debug(program=debuggee(), options=[]).status == 0
    done = run("debug", "-q", *debuggee(), stdin="break leaf\nrun\nprint counter\n\nkill\n")
    assert "$1 = 41" in done.stdout and "$2" not in done.stdout  # an empty line is a person's


# ---- A person at a terminal


@pytest.fixture
def terminal(tmp_path):
    with Terminal("-q", fixture("debuggee"), "loop", home=tmp_path) as session:
        yield session


def test_a_stop_shows_source_code_and_operands(terminal):
    terminal.do("break leaf")
    shown = terminal.do("run")
    line = marked("leaf")
    assert f"> {line}\t" in shown.replace(" " * 8, "\t") and "  " + str(line + 1) in shown
    assert re.search(r"=> 0x[0-9a-f]+ <leaf\+\d+>:\s+mov .*# .*rbp = 0x", shown)
    assert "changed: " in terminal.do("stepi")
    terminal.do("set view none")
    assert "=>" not in terminal.do("stepi")


def test_an_empty_line_repeats_what_makes_sense(terminal):
    terminal.do("set view line")
    terminal.do("break leaf")
    terminal.do("run")
    first = terminal.do("next")
    assert f"{marked('leaf') + 1}" in first
    assert f"{marked('leaf') + 2}" in terminal.do("")
    terminal.do("list 1,3")
    assert terminal.do("").lstrip().startswith("4")
    terminal.do("print 5")
    assert "$2" not in terminal.do("")


def test_interrupt_stops_the_program_and_nothing_else(terminal):
    terminal.type("run\n")
    terminal.until("counter=")
    terminal.type("\x03")
    assert "SIGINT" in terminal.until(terminal.PROMPT)
    assert "main" in terminal.do("backtrace")
    terminal.type("disassem\t")
    terminal.until("ble ")
    terminal.type("\x03")
    terminal.until(terminal.PROMPT)
    assert "$1 = 2" in terminal.do("print 2")  # the line was thrown away
    terminal.type("continue\n")
    terminal.until("Continuing.")
    terminal.type("\x03")
    terminal.until(terminal.PROMPT)
    terminal.do("kill", until="(y or n)")
    assert "was killed" in terminal.do("y")


@pytest.mark.parametrize("how", ["ignores", "blocks", "awaits"])
def test_interrupts_return_to_the_prompt_whatever_the_program_does_with_them(tmp_path, how):
    """A signal that is ignored stops it still; one that is kept from us is known by its second time."""
    stopped = "received signal SIGINT" if how == "ignores" else "The program was interrupted."
    with Terminal("-q", fixture("stubborn"), how, home=tmp_path) as terminal:
        terminal.type("run\n")
        terminal.until("keeps on")
        for _ in range(3):
            terminal.insist("\x03", stopped)
            terminal.insist("backtrace\n", "main (")
            terminal.insist("continue\n", "Continuing.")
        terminal.insist("\x03", stopped)


def test_completion(terminal):
    assert "Breakpoint 1 at" in terminal.do("bre\trecur\t")
    assert "in recurse at" in terminal.do("info bre\t")
    assert "= 41" in terminal.do("print coun\t")
    assert "= 82" in terminal.do("print counter+coun\t")
    assert "<leaf>" in terminal.do("x/2i lea\t")
    assert "intel" in terminal.do("set disassembly\tintel\nshow disassembly-flavor", until="(the syntax")
    terminal.until(terminal.PROMPT)
    assert "middle" in terminal.do("info symbol mid\t")
    terminal.type("info s\t")  # several: they are listed
    assert "sharedlibrary" in terminal.until("symbol")


def test_questions_and_the_end(tmp_path):
    with Terminal("-q", fixture("debuggee"), home=tmp_path) as terminal:
        terminal.do("break leaf")
        assert "(y or n)" in terminal.do("delete", until="(y or n)")
        terminal.do("n")
        assert "Breakpoint 1" in terminal.do("run")
        assert "(y or n)" in terminal.do("quit", until="(y or n)")
        terminal.do("n")
        terminal.type("\x04")
        terminal.until("(y or n)")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert "break\\040leaf" in (tmp_path / ".local/state/memtrap/history").read_text()


def test_a_pending_breakpoint_asks(terminal):
    terminal.do("break nosuch", until="(y or n)")
    assert "pending" in terminal.do("y")


def test_history_is_kept_where_it_is_told(tmp_path):
    state = tmp_path / "state"
    for _ in range(2):
        with Terminal("-q", home=tmp_path, env={"XDG_STATE_HOME": str(state)}) as terminal:
            terminal.do("print 12345")
            terminal.type("\x04")
            terminal.end()
    with Terminal("-q", home=tmp_path, env={"XDG_STATE_HOME": str(state)}) as terminal:
        terminal.type("\x1b[A")
        terminal.until("print 12345")
