# SPDX-License-Identifier: MIT
"""memtrap debug's scripts: if, while, define, hooks, the init file, saved breakpoints; held against gdb where gdb has them."""

import json
import re
import subprocess

import jsonschema
import pytest

from debugging import Terminal, debug, debuggee, gdb, marked
from watching import MEMTRAP, ROOT, fixture

pytestmark = pytest.mark.unprivileged


def both(tmp_path, text, program=()):
    """What a script says in memtrap and in gdb, without the differences of `shell`."""
    script = tmp_path / "script"
    script.write_text(text)
    ours = debug(f"source {script}", program=program, options=["-nx"])
    theirs = gdb(f"source {script}", program=program)
    assert ours.err == "" and ours.status == 0
    return ours.out, theirs.out


# ---- if, while


COUNT = """
define count
  set $i = 0
  while $i < $arg0
    if $i % 2
      printf "%d odd\\n", $i
      loop_continue_after
    else
      if $i == 6
        echo six\\n
        loop_break
      end
      printf "%d even\\n", $i
    end
    set $i = $i + 1
  end
  printf "left at %d\\n", $i
end
define loop_continue_after
  echo once more\\n
end
count 3
count 100
"""


def test_loops_and_choices_are_gdbs(tmp_path):
    ours, theirs = both(tmp_path, COUNT)
    assert ours == theirs
    assert ours.count("once more") == 4 and "six\nleft at 6" in ours


def test_a_round_can_be_left(tmp_path):
    ours, theirs = both(tmp_path, """
set $i = 0
set $sum = 0
while 1
  set $i = $i + 1
  if $i == 3
    loop_continue
  end
  set $j = 0
  while $j < 10
    set $j = $j + 1
    if $j == 2
      loop_break
    end
    set $sum = $sum + $i
  end
  if $i > 4
    loop_break
  end
end
print $sum
if 0
  echo never\\n
end
while 0
  echo never\\n
end
if (1)
  echo yes\\n
end
""")
    assert ours == theirs == "$1 = 12\nyes\n"


@pytest.mark.parametrize("text, sentence", [
    ("loop_break\n", "loop_break stands between 'while' and its 'end'"),
    ("end\n", "stand alone on a line"),
    ("if\necho never\\n\nend\n", "if takes a condition"),
    ("while 1 +\necho never\\n\nend\n", "the expression ends"),
    ("if 1\necho never\\n\n", "there is none here"),
    ("define f\nloop_break\nend\nwhile 1\nf\nend\n", "between 'while'"),
    ("define f\nf\nend\nf\n", "never end"),
    ("document nosuch\ntext\nend\n", "no command 'nosuch' was defined"),
    ("define hook-stop\ncontinue\nend\nfile %s\nbreak leaf\nrun\n", "hook-stop looks at a stop"),
])
def test_what_makes_no_sense_is_told(tmp_path, text, sentence):
    script = tmp_path / "script"
    script.write_text(text.replace("%s", str(fixture("debuggee"))))
    done = debug(f"source {script}", options=["-nx"])
    assert sentence in done.err and "never\n" not in done.out


def lines_of(text, pattern):
    return re.findall(pattern, text, re.MULTILINE)


def test_a_loop_steps_the_program(tmp_path):
    """The stop's commands are done inside the loop; gdb leaves those out that a later stop has overtaken."""
    script = tmp_path / "script"
    script.write_text("""
break leaf
commands
  silent
  printf "leaf %d\\n", counter
end
run
set $n = 1
while $n < 3
  continue
  set $n = $n + 1
  printf "round %d\\n", $n
end
kill
""")
    done = debug(f"source {script}", program=debuggee())
    assert lines_of(done.out, "^(?:leaf|round) .*$") == ["leaf 41", "leaf 45", "round 2", "leaf 50", "round 3"]


@pytest.mark.parametrize("before, behind", [("", ""), ("if 1", "end"), ("while 1", "end")])
def test_commands_end_where_the_program_goes_on(tmp_path, before, behind):
    script = tmp_path / "script"
    script.write_text(f"""
break leaf
commands
  silent
  echo hit\\n
  {before}
  continue
  echo of no use\\n
  {behind}
  echo neither\\n
end
run
""")
    done = debug(f"source {script}", program=debuggee())
    assert lines_of(done.out, "^(?:hit|of no use|neither)$") == ["hit"] * 4 and done.err == ""


# ---- Commands of one's own


def test_help_texts_aliases_and_lists(tmp_path):
    script = tmp_path / "script"
    script.write_text("define twice\nprint $arg0 * 2\nend\ndocument twice\nDoubles it.\n  if it can\nend\n"
                      "alias px = print/x\npx 255\ntwi 4\nhelp twice\nhelp px\nhelp user-defined\nshow user\napropos doubles\n")
    done = debug(f"source {script}", options=["-nx"])
    assert done.err == "" and done.values() == {1: "0xff", 2: "8"}
    assert "Doubles it.\n  if it can\n" in done.out and "an alias for 'print/x'" in done.out
    assert done.lines(r"^  twice +Doubles it\.$") == ["  twice                    Doubles it."] * 2
    assert 'User command "twice":\n  print $arg0 * 2\n' in done.out


def test_hooks_stand_around_commands_and_stops(tmp_path):
    ours, theirs = both(tmp_path, """
define hook-print
echo <
end
define hookpost-print
echo >\\n
end
define hook-stop
echo stopped\\n
end
print 5
break leaf
commands
echo its commands\\n
end
run
kill
""", program=debuggee())
    assert "<$1 = 5\n>\n" in ours and "<$1 = 5\n>\n" in theirs
    order = [ours.index("stopped\n"), ours.index("Breakpoint 1, leaf"), ours.index("its commands")]
    assert order == sorted(order)
    order = [theirs.index("stopped\n"), theirs.index("Breakpoint 1, leaf"), theirs.index("its commands")]
    assert order == sorted(order)


def test_with_changes_a_setting_for_once():
    done = debug("with listsize 3 -- list main", "with listsize 2 -- nosuch", "show listsize", "with listsize 3", program=debuggee())
    assert len(done.lines(r"^\d+\t")) == 3
    assert "listsize: 10" in done.out and "no command 'nosuch'" in done.err and "with takes SETTING VALUE -- COMMAND" in done.err


def test_pipe_and_shell(tmp_path):
    done = debug("pipe info functions leaf | grep -c leaf", "print $_shell_exitcode", "| info functions leaf | grep -q nosuch",
                 "print $_shell_exitcode", "shell exit 7", "print $_shell_exitcode", f"pipe print 6 * 7 | cat >{tmp_path}/out",
                 program=debuggee())
    assert done.out.splitlines()[0].isdigit() and done.values() == {1: "0", 2: "1", 3: "7"}
    assert (tmp_path / "out").read_text() == "$4 = 42\n"


def test_folders_and_files(tmp_path):
    (tmp_path / "script").write_text("print 11\n")
    done = debug(f"cd {tmp_path}", "pwd", "source script", "source ~/script", "cd /nosuch", env={"HOME": str(tmp_path)})
    assert done.lines("^Working directory ") == [f"Working directory {tmp_path}."] * 2
    assert done.values() == {1: "11", 2: "11"} and "cannot go to /nosuch" in done.err


def test_scripts_can_be_traced():
    assert debug("set trace-commands on", "print 1").lines("print") == ["+print 1"]


def test_printf_says_what_gdbs_says(tmp_path):
    ours, theirs = both(tmp_path, r"""
break leaf
run
printf "%d %5d|%-5d|%05d|%+d\n", 1, 2, 3, 4, 5
printf "%x %X %#x %o %u\n", 255, 255, 255, 8, 7
printf "%s|%10s|%.3s|%s\n", text, first.name, text, head->name
printf "%c%c %f %.2f %g\n", 65, 0x42, 1.5, 2.5, 0.1
printf "%p %lu %lld 100%%\n", &counter, counter, -1
echo a\tb\\c\"d\101\n
output 5
output/x 255
echo \n
kill
""", program=debuggee())
    begins, ends = ours.index("1     2|"), ours.index("50xff")
    assert ours[begins:ends] == theirs[theirs.index("1     2|"):theirs.index("50xff")]
    assert "hello\tthere|" in ours  # a string's bytes are the program's, not escapes


def test_printf_says_all_or_nothing():
    done = debug('printf "%d %d\\n", 1', 'printf "%d\\n", 1, 2', 'printf "%d %s\\n", 1, 2')
    assert done.out == "" and "asks for more than the 1 value" in done.err and "leaves 1 of the values out" in done.err


def test_commands_can_be_made_by_a_script():
    done = debug("break leaf", "run >/dev/null", "set $n = 2", 'eval "x/%di $pc", $n', 'eval "echo %s\\\\n", first.name', "eval", program=debuggee())
    assert len(done.lines("^(=>|  ) 0x.*<leaf")) == 2 and done.lines("^first$") and "a format in quotes" in done.err


def test_dprintf_says_and_goes_on():
    done = debug('dprintf leaf,"leaf %d %s\\n", counter, first.name', "info breakpoints", "run >/dev/null", "dprintf leaf", program=debuggee())
    assert done.lines("^leaf ") == ["leaf 41 first", "leaf 45 first", "leaf 50 first", "leaf 56 first"]
    assert "Breakpoint 1, leaf" not in done.out and "exited with code 07" in done.out
    assert "        silent\n        printf \"leaf" in done.out and "dprintf takes LOCATION" in done.err


def test_displays_can_be_switched_off():
    done = debug("break leaf", "run >/dev/null", "display/x counter", "display/i $pc", "disable display 2", "info display", "continue",
                 "enable display", "continue", "disable display 7", program=debuggee())
    assert "1:   y  /x counter\n2:   n  /i $pc\n" in done.out
    assert done.lines("^1: /x") == [f"1: /x counter = {value:#x}" for value in (41, 45, 50)]
    assert len(done.lines("^2: x/i")) == 2 and "there is no display 7" in done.err


# ---- How a session begins


def test_the_init_file_is_done_first_unless_told_otherwise(tmp_path):
    folder = tmp_path / ".config" / "memtrap"
    folder.mkdir(parents=True)
    (folder / "init").write_text("define hello\necho from the init file\\n\nend\nset listsize 3\n")
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    done = debug("hello", "list main", program=debuggee(), env=home)
    assert "from the init file" in done.out and len(done.lines(r"^\d+\t")) == 3
    for option in ("-n", "-nx", "--nx"):
        done = debug("hello", "show listsize", options=[option], env=home)
        assert "no command 'hello'" in done.err and "listsize: 10" in done.out
    other = tmp_path / "other"
    (other / "memtrap").mkdir(parents=True)
    (other / "memtrap" / "init").write_text("nosuch\n")
    done = debug("print 1", env={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(other)})
    assert f"in {other}/memtrap/init: there is no command 'nosuch'" in done.err and done.values() == {1: "1"}


def test_the_command_line_can_have_blocks():
    done = debug("break leaf", "commands", "silent", 'printf "at %d\\n", counter', "continue", "end", "run >/dev/null",
                 "if 1", "echo yes\\n", "end", program=debuggee())
    assert done.lines("^at ") == ["at 41", "at 45", "at 50", "at 56"] and "yes\n" in done.out
    done = debug("break leaf", "commands", "print 1", program=debuggee())
    assert "there is none here" in done.err and done.status == 1


# ---- Breakpoints by the dozen


def test_rbreak_takes_what_matches():
    done = debug("rbreak ^(leaf|middle)$", "rbreak debuggee.c:^recur", "rbreak ^nosuch", "rbreak [", "info breakpoints", program=debuggee())
    assert [re.search(r": (\w+) at", line).group(1) for line in done.lines(r"^Breakpoint \d")] == ["leaf", "middle", "recurse"]
    assert "no function matches '^nosuch'" in done.err and "'[' is no regular expression" in done.err


def test_breakpoints_are_saved_and_set_again(tmp_path):
    file = tmp_path / "breaks"
    first = debug("break leaf if $edi == 7", "ignore $bpnum 2", "tbreak middle", "disable $bpnum", "catch syscall write", "commands",
                  "if 1", "echo hi\\n", "end", "end", f"save breakpoints {file}", "info breakpoints", program=debuggee())
    assert first.err == ""
    again = debug(f"source {file}", "info breakpoints", program=debuggee())
    assert again.err == ""
    table = re.compile(r"^Num .*", re.MULTILINE | re.DOTALL)
    assert table.search(first.out).group() == table.search(again.out).group()
    assert "ignore next 2 hits" in again.out and "          echo hi" in again.out and "del  n" in again.out


# ---- The stack, for scripts


def test_frames_by_name_and_all_of_them():
    done = debug("break leaf", "run >/dev/null", "frame function main", "down-silently", "frame", "up-silently", "frame apply all -s print $sp",
                 "frame apply 1 -q print 1", "faas print nosuch", "frame apply all print nosuch", "frame function nosuch", "frame",
                 "backtrace", "set backtrace limit 2", "backtrace", program=debuggee())
    shown = done.lines(r"^#\d")
    assert re.match(r"#\d+ .* in main \(", shown[0]) and not re.search(r" main \(", shown[1])
    depth = int(shown[0][1:3])
    assert len([value for value in done.values().values() if value.startswith("(void *) 0x")]) == depth + 1
    assert "nosuch is not on the stack" in done.err and done.err.count("no variable nosuch") == 1
    assert done.out.rstrip().splitlines()[-3:][0].startswith("#0") and done.out.rstrip().endswith("(More stack frames follow...)")


# ---- For tools


def test_json_stays_whole_in_scripts(tmp_path):
    schema = json.loads((ROOT / "docs" / "debug.schema.json").read_text())
    script = tmp_path / "script"
    script.write_text("define hook-stop\necho hooked\\n\nend\nbreak leaf\ncommands\nprint counter\nend\nrun >/dev/null\n"
                      "set $i = 0\nwhile $i < 2\nset $i = $i + 1\ncontinue\nend\nkill\nsource nosuch\n")
    done = debug(options=["-nx", "--json", "-x", script], program=debuggee())
    lines = [json.loads(line) for line in done.out.splitlines()]
    for line in lines:
        jsonschema.validate(line, schema)
    assert [line["reason"] for line in lines if line["type"] == "stop"] == ["breakpoint"] * 3
    text = "".join(line["text"] for line in lines if line["type"] == "output")
    assert text.count("hooked\n") == 3 and "$1 = 41\n" in text and "$3 = 50\n" in text
    assert lines[-1] == {"type": "end", "status": 1} and done.status == 1


# ---- A person


def test_a_loop_ends_with_ctrl_c(tmp_path):
    with Terminal("-q", "-nx", fixture("debuggee"), "loop", home=tmp_path) as terminal:
        terminal.do("set $i = 0")
        terminal.do("while 1", until=">")
        terminal.do("set $i = $i + 1", until=">")
        terminal.do('printf "round %d\\n", $i', until=">")
        terminal.type("end\n")
        terminal.until("round 3")
        terminal.type("\x03")
        assert "the loop was left: Ctrl-C" in terminal.until(terminal.PROMPT)
        terminal.do("break leaf")
        terminal.do("run")
        terminal.do("delete", until="(y or n)")
        terminal.do("y")
        terminal.do("while 1", until=">")
        terminal.do("echo on\\n", until=">")
        terminal.do("continue", until=">")
        terminal.do("echo again\\n", until=">")
        terminal.do("end", until="on\r\n")
        terminal.type("\x03")  # the program's, whose stop ends the loop
        assert "again" in terminal.until("the loop was left: Ctrl-C")
        terminal.until(terminal.PROMPT)


# ---- What a loop reads is what there is


def test_a_loop_sees_what_another_process_writes(tmp_path):
    shared, script = tmp_path / "shared", tmp_path / "script"
    shared.write_bytes(bytes(4096))
    script.write_text("break mapped\nrun\necho asking\\n\nwhile *cell->outside == 0\nend\n"
                      "while *cell->outside == 1\necho told\\n\nset $told = $told + 1\nend\n"
                      "print *cell->outside\nkill\n")
    command = [MEMTRAP, "debug", "-nx", "-batch", "-ex", "set $told = 0", "-x", script, "--args", fixture("shared"),
               shared]
    with open(shared, "r+b", buffering=0) as file, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert any("asking" in line for line in run.stdout)
        file.write(bytes([1]))  # while memtrap asks again and again, of a program that is stopped
        assert any("told" in line for line in run.stdout)
        file.seek(0)
        file.write(bytes([2]))
        assert any("$1 = 2" in line for line in run.stdout)


def test_a_loop_sees_what_it_writes_itself(tmp_path):
    shared, script = tmp_path / "shared", tmp_path / "script"
    shared.write_bytes(bytes(4096))
    script.write_text("break mapped\nrun\nset $i = 0\nwhile cell->inside < 20 && $i < 100\n"
                      "set var cell->inside = cell->inside + 1\nset $i = $i + 1\nend\nprint $i\n"
                      "while cell->inside++ < 30\nend\nprint cell->inside\n"
                      "set $rounds = 0\nwhile $rounds++ < 2\nprint $_siginfo_is_no_name\nup\nprint cell\ndown\n"
                      "print cell\nend\nkill\n")
    done = debug(f"source {script}", program=["--args", fixture("shared"), shared], options=["-nx"])
    values = done.values()
    assert values[1] == "13" and values[2] == "31", done.out + done.err
    # The name is another variable in the caller's frame: there it is the struct itself.
    assert values[4].startswith("{outside = ") and values[5].startswith("(struct cell *) ")
    assert values[7].startswith("{outside = ") and values[8].startswith("(struct cell *) ")


def test_an_own_command_is_repeated_and_completed(tmp_path):
    with Terminal("-q", "-nx", home=tmp_path) as terminal:
        terminal.do("define greet", until=">")
        terminal.do("print 3 * 7", until=">")
        terminal.do("end")
        assert "$1 = 21" in terminal.do("gree\t")
        assert "$2 = 21" in terminal.do("")
        terminal.do("define greet", until=">")
        terminal.do("dont-repeat", until=">")
        terminal.do("echo once\\n", until=">")
        terminal.do("end")
        assert "once" in terminal.do("greet")
        terminal.type("\n")
        assert "once" not in terminal.until(terminal.PROMPT)
        assert "(y or n)" in terminal.do("define print", until="(y or n)")
        terminal.do("n")
