# SPDX-License-Identifier: MIT
"""memtrap debug: starting, stopping, stepping, breakpoints, signals, threads, forks."""

import os
import re
import signal
import subprocess
import time

import pytest

from debugging import debug, debuggee, gdb, line_of, marked
from watching import MEMTRAP, fixture, truth_of

pytestmark = pytest.mark.unprivileged

RESULT = 4 * (0 + 1 + 2) + 7 * 6 + 3  # middle(4) + recurse(3)


def stops(done):
    """The lines of source that stops showed."""
    return [int(line.split("\t")[0]) for line in done.lines(r"^\d+\t")]


# ---- Starting


def test_a_breakpoint_stops_in_gdbs_words():
    done = debug("break leaf", "run", program=debuggee())
    line = marked("leaf")
    assert f"\nBreakpoint 1, leaf (a=4, b=0) at ../tests/fixtures/debuggee.c:{line}\n{line}\t\tcounter += " in done.out


def test_the_program_ends_as_it_would():
    done = debug("run", program=debuggee())
    assert truth_of(done.out)["result"] == RESULT
    assert re.search(r"\[Inferior 1 \(process \d+\) exited with code 07\]", done.out)
    assert done.status == 0


def test_arguments_environment_and_folder(tmp_path):
    done = debug("set env MEMTRAP_TEST = hello there", f"set cwd {tmp_path}", """run args 'a b' $MARK "q\\"q" *.none""",
                 program=debuggee(), env={"MARK": "of the shell"})
    truth = truth_of(done.out)
    assert [truth[f"arg{i}"] for i in range(2, 7)] == ["a b", "of", "the", "shell", 'q"q']
    assert truth["arg7"] == "*.none"
    assert truth["env"] == "hello there" and truth["cwd"] == str(tmp_path)


def test_arguments_of_the_command_line_stay_as_they_are():
    done = debug("run", "show args", program=debuggee("args", "a b", "$HOME", "*", "it's", "-x"))
    truth = truth_of(done.out)
    assert [truth[f"arg{i}"] for i in range(2, 7)] == ["a b", "$HOME", "*", "it's", "-x"]


def test_redirections(tmp_path):
    (tmp_path / "in").write_text("one\ntwo\n")
    debug(f"run input <{tmp_path}/in >{tmp_path}/out", f"run >>{tmp_path}/out", program=debuggee())
    text = (tmp_path / "out").read_text()
    assert "input=one\ninput=two\n" in text and text.count("result=") == 2


def test_start_stops_in_main_and_starti_before_it():
    done = debug("start", "info breakpoints", "kill", "starti", "info symbol $pc", program=debuggee())
    assert re.search(r"Temporary breakpoint 1, main \(.*\) at .*debuggee\.c:", done.out)
    assert "No breakpoints" in done.out
    assert re.search(r"_start .*in .*ld-linux", done.out)


def test_addresses_are_the_same_in_each_run_unless_told_otherwise():
    addresses = ["break leaf", "run", "kill", "run", "kill", "set disable-randomization off", "run", "kill", "run"]
    told = re.findall(r"^counter=(0x\w+)$", debug(*addresses, program=debuggee()).out, re.MULTILINE)
    assert told[0] == told[1] and len(set(told)) == 3


# ---- Stepping


def test_steps_go_where_gdbs_go():
    commands = ["break middle", "run", *["next"] * 4, *["step"] * 6, "delete", "finish", "next", "next"]
    ours, theirs = debug(*commands, program=debuggee()), gdb(*commands, program=debuggee())
    assert stops(ours) == stops(theirs)
    assert len(stops(ours)) == 14


def test_stepi_and_nexti():
    done = debug("break *leaf", "run", "stepi", "print $pc - leaf", "stepi 2", "print $pc - leaf", "delete", "finish",
                 f"tbreak {marked('call')}", "continue", "nexti 4", "print $pc - middle", program=debuggee())
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", fixture("debuggee")], capture_output=True, text=True,
                             check=True).stdout
    leaf = re.search(r"<leaf>:\n(.*?)\n\n", listing, re.DOTALL)[1]
    addresses = [int(address, 16) for address in re.findall(r"^ +([0-9a-f]+):\t", leaf, re.MULTILINE)]
    values = done.values()
    assert int(values[1]) == addresses[1] - addresses[0]
    assert int(values[2]) == addresses[3] - addresses[0]


def test_until_and_advance_go_where_gdbs_go():
    commands = ["break middle", "run", f"advance {marked('call')}", *["until"] * 3, "run", f"until {marked('after')}",
                f"advance {line_of('result += recurse')}", "advance leaf"]
    ours, theirs = debug(*commands, program=debuggee()), gdb(*commands, program=debuggee())
    assert stops(ours) == stops(theirs)
    assert marked("after") in stops(ours)


def test_finish_tells_what_was_returned():
    done = debug("break leaf if $edi == 7", "run", "finish", "print $", program=debuggee())
    assert re.search(r"Run till exit from #0  leaf \(a=7, b=\d+\)", done.out)
    assert done.values()[2] == "42"


def test_an_error_says_what_to_do_next():
    done = debug("next", "attach 0x", "continue", "info threads", "finish", program=debuggee())
    assert done.err.count("'run' or 'start' starts it") == 4


# ---- Breakpoints


def test_breakpoints_count_ignore_and_go():
    done = debug("break leaf", "ignore 1 2", "run", "print counter", "info breakpoints", "disable 1", "continue",
                 program=debuggee())
    assert done.values()[1] == str(41 + 4 + 5)  # two passed
    assert "breakpoint already hit 3 times" in done.out
    assert truth_of(done.out)["result"] == RESULT


def test_a_temporary_breakpoint_stops_once():
    done = debug("tbreak leaf", "run", "continue", program=debuggee())
    assert len(done.lines("Temporary breakpoint 1, leaf")) == 1
    assert truth_of(done.out)["result"] == RESULT


@pytest.mark.parametrize("kind", ["break", "hbreak"])
def test_conditions(kind):
    done = debug(f"{kind} *leaf if $edi == 7 && $esi == 6", "run", "print $edi", "info breakpoints", "condition 1", "delete",
                 "continue", program=debuggee())
    assert done.values()[1] == "7"
    assert "stop only if $edi == 7 && $esi == 6" in done.out


def test_continue_n_passes_the_breakpoint():
    done = debug("break leaf", "run", "continue 2", "print counter", program=debuggee())
    assert "Will ignore next 1 crossings of breakpoint 1" in done.out
    assert done.values()[1] == str(41 + 4 + 5)


def test_the_table_says_where_and_how():
    done = debug(f"break debuggee.c:{marked('leaf')}", "hbreak main", "run", "info breakpoints", program=debuggee())
    assert done.lines(r"^Num +Type +Disp Enb Address +What$")
    assert done.lines(rf"^1 +breakpoint +keep y +0x[0-9a-f]{{16}} in leaf at debuggee.c:{marked('leaf')}$")
    assert done.lines(r"^2 +hw breakpoint +keep y +0x[0-9a-f]{16} in main at debuggee.c:\d+$")
    assert done.lines(r"^\tby an int3") and done.lines(r"^\tby a debug register")


def test_clear_delete_and_bad_numbers():
    done = debug("break leaf", "break middle", "clear leaf", "info breakpoints", "delete 7", "delete 2-1", "delete 2", "run",
                 program=debuggee())
    assert "Deleted breakpoint 1" in done.out
    assert "there is no breakpoint 7" in done.err and "2-1" in done.err
    assert truth_of(done.out)["result"] == RESULT


def test_unknown_places_are_told_or_wait():
    done = debug("break nosuch", "set breakpoint pending on", "break nosuch2", "info breakpoints", "run", program=debuggee())
    assert "no function nosuch" in done.err
    assert "(nosuch2) pending" in done.out and done.lines("<PENDING> +nosuch2")


def test_a_pending_breakpoint_finds_its_library():
    done = debug("set breakpoint pending on", "break plugin_write", "run", "info breakpoints",
                 program=[fixture("loader")])
    assert "<PENDING>" in done.out or "Breakpoint 1, plugin_write" in done.out


def test_commands_of_a_breakpoint(tmp_path):
    script = tmp_path / "script"
    script.write_text("break leaf\ncommands\nsilent\nprintf \"at %d\\n\", counter\ncontinue\nend\nrun\n")
    done = debug(options=["-x", script], program=debuggee())
    assert done.lines("^at ") == ["at 41", "at 45", "at 50", "at 56"]
    assert "Breakpoint 1, leaf" not in done.out
    assert truth_of(done.out)["result"] == RESULT


# ---- Stacks


def test_the_stack_is_gdbs():
    commands = ("break leaf if $edi == 7", "run", "backtrace", "up 2", "frame", "down", "backtrace -1", "backtrace 2")
    frame = r"^#(\d+) +(?:0x[0-9a-f]+ in )?(\w+) \(.*\) at .*:(\d+)$"

    def frames(done):
        return re.findall(frame, done.out, re.MULTILINE)

    ours = frames(debug("break leaf", "ignore 1 3", "run", *commands[2:], program=debuggee()))
    theirs = frames(gdb("break leaf", "ignore 1 3", "run", *commands[2:], program=debuggee()))
    assert ours == theirs
    assert [name for _, name, _ in ours[:6]] == ["leaf", *["recurse"] * 4, "main"]


def test_moving_in_the_stack_has_ends():
    done = debug("break leaf", "run", "down", "up 99", "up", "frame 1", "info frame", "info registers rip", program=debuggee())
    assert "innermost frame" in done.err and "outermost frame" in done.err
    assert re.search(r"rip +0x\w+ +0x\w+ <middle\+\d+>", done.out)
    assert "called by frame at" in done.out


# ---- Signals


def test_signals_stop_and_are_delivered_once():
    done = debug("run", "backtrace", "continue", program=debuggee("signal"))
    assert "Program received signal SIGUSR1, User defined signal 1." in done.out
    assert truth_of(done.out)["signals"] == 1


@pytest.mark.parametrize("actions, told, signals", [
    ("nostop noprint pass", 0, 1), ("nostop print nopass", 1, 0), ("stop nopass", 1, 0), ("nostop print", 1, 1)])
def test_handle(actions, told, signals):
    done = debug(f"handle SIGUSR1 {actions}", "run", "continue", program=debuggee("signal"))
    assert len(done.lines("received signal SIGUSR1")) == told
    assert truth_of(done.out)["signals"] == signals


def test_signal_delivers_another_or_none():
    assert truth_of(debug("run", "signal 0", program=debuggee("signal")).out)["signals"] == 0
    done = debug("break main", "run", "signal SIGTERM", program=debuggee())
    assert "Program terminated with signal SIGTERM, Terminated." in done.out


def test_a_crash_names_the_address():
    done = debug("run", "continue", "info threads", program=debuggee("crash"))
    assert "Program received signal SIGSEGV, Segmentation fault.\nThe address was 0x8.\n" in done.out
    assert f"{line_of('(volatile int *)8 = 1')}\t" in done.out
    assert "The program no longer exists." in done.out
    assert "'run' or 'start' starts it" in done.err


# ---- Catchpoints, threads, processes


def test_catch_syscall_and_signal():
    done = debug("catch syscall getcwd", "run", "continue", "delete", "continue", program=debuggee("args"))
    assert "Catchpoint 1 (call to syscall getcwd), " in done.out
    assert "Catchpoint 1 (returned from syscall getcwd), " in done.out
    done = debug("catch signal SIGUSR1", "handle SIGUSR1 nostop noprint", "run", program=debuggee("signal"))
    assert "Catchpoint 1 (signal SIGUSR1), " in done.out


def test_catch_fork_and_exec():
    done = debug("catch fork", "run", "delete", "continue", program=debuggee("fork"))
    assert re.search(r"Catchpoint 1 \(forked process \d+\), ", done.out)
    done = debug("catch exec", "run", "info inferiors", program=debuggee("exec", fixture("exits")))
    assert re.search(rf"Catchpoint 1 \(exec'd {fixture('exits')}\), ", done.out)


def test_following_the_child():
    done = debug("set follow-fork-mode child", "break leaf if $edi == 100", "run", "print $edi", "continue",
                 program=debuggee("fork"))
    assert "exited with code 03" in done.out


def test_threads_are_listed_chosen_and_asked():
    done = debug("break worker", "run", "info threads", "thread 1", "thread", "thread apply all backtrace 1",
                 "thread apply 1 print 5", "thread 99", program=debuggee("threads"))
    assert len(done.lines(r'^[* ] \d+ +Thread \d+ "')) >= 2
    assert re.search(r"\[Current thread is 1 \(tid \d+\)", done.out)
    assert "5" in done.values().values()
    assert "99" in done.err


# ---- Attaching, and leaving


def waiting():
    program = subprocess.Popen(debuggee("loop"), stdout=subprocess.PIPE, text=True)
    program.stdout.readline()
    return program


def status_of(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(line.split()[1] for line in status if line.startswith(field))


def test_attach_looks_and_lets_go():
    with waiting() as program:
        done = debug("backtrace", "set var numbers[0] = 99", "detach", options=["-p", str(program.pid)])
        again = debug("print numbers[0]", options=["-p", str(program.pid)])
        state, tracer = status_of(program.pid, "State"), status_of(program.pid, "TracerPid")
        program.kill()
    assert f"Attaching to process {program.pid}" in done.out and "goes on without us" in done.out
    assert again.values()[1] == "99"
    assert state in "SR" and tracer == "0"


def test_what_was_launched_dies_with_the_session():
    done = debug("break leaf", "run", "info proc", program=debuggee())
    pid = int(re.search(r"^process (\d+)$", done.out, re.MULTILINE)[1])
    assert not os.path.exists(f"/proc/{pid}")


def session_that_waits(*arguments):
    """memtrap debug that waits, for its program or for a command."""
    return subprocess.Popen([MEMTRAP, "debug", "-q", *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True)


def gone(pid):
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.01)
    return not os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_session_that_is_ended_kills_what_it_launched(number):
    with session_that_waits("-batch", "-ex", "run", *debuggee("loop")) as session:
        while not session.stdout.readline().startswith("counter="):
            pass
        with open(f"/proc/{session.pid}/task/{session.pid}/children", encoding="ascii") as children:
            child = int(children.read().split()[0])
        session.send_signal(number)
        assert session.wait(10) == (-number if number == signal.SIGKILL else 128 + number)
    assert gone(child)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("commands", [["continue"], []])
def test_a_session_that_is_ended_leaves_what_it_attached_to_whole(number, commands):
    """usleep is called a thousand times a second: an int3 that is left there ends the program."""
    with waiting() as program:
        with session_that_waits("-p", program.pid, "-ex", "break leaf", "-ex", "break do_one", "-ex", "tbreak nanosleep",
                               "-ex", "break usleep", "-ex", "disable 4", "-ex", "echo ready\\n", "-ex", "print 1",
                               *(word for command in commands for word in ("-ex", command))) as session:
            while not session.stdout.readline().startswith("$1 = 1"):
                pass
            session.send_signal(number)
            assert session.wait(10) == 128 + number
        assert status_of(program.pid, "TracerPid") == "0" and status_of(program.pid, "State") in "SR"
        assert program.poll() is None
        program.kill()


def test_core_files(tmp_path):
    core = tmp_path / "core"
    live = debug("break leaf", "ignore 1 3", "run", "backtrace", "print counter", f"generate-core-file {core}",
                 program=debuggee())
    assert f"Saved corefile {core}" in live.out
    for command in ([*debuggee(), core],):
        dead = debug("backtrace", "print counter", "print first", "info registers rip", "continue", program=command)
        assert dead.lines(r"^#\d") == live.lines(r"^#\d")
        assert dead.values()[1] == live.values()[1]
        assert "a core file only shows what was" in dead.err


def test_siginfo_is_the_kernels():
    done = debug("print $_siginfo", "run", "print $_siginfo.si_signo", "print $_siginfo._sifields._sigfault.si_addr",
                 "print $_siginfo.si_code", "set $kept = $_siginfo", "print $kept.si_signo", "kill", "print $_siginfo",
                 program=debuggee("crash"))
    assert list(done.values().values()) == ["void", "11", "(void *) 0x8", "1", "11", "void"]


def test_siginfo_of_a_signal_that_was_sent():
    done = debug("run", "print $_siginfo.si_signo", "print $_siginfo.si_code", "print $_siginfo._sifields._kill.si_pid",
                 "print sizeof($_siginfo)", "print $_siginfo.si_signo = 3", "info inferiors",
                 program=["/bin/sh", "-c", "kill -USR2 $$"])
    values = done.values()
    assert (values[1], values[2], values[4]) == ("12", "0", "128")
    assert done.lines(rf"^\* 1 .*\b{values[3]}\b")
    assert "no place to assign to" in done.err
