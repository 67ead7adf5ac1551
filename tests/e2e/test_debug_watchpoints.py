# SPDX-License-Identifier: MIT
"""memtrap debug: watchpoints, by debug registers and by single steps alike."""

import itertools
import json
import re
import subprocess

import jsonschema
import pytest

from debugging import debug, gdb, line_of
from watching import ROOT, fixture, truth_of

pytestmark = pytest.mark.unprivileged

SOFTWARE = "-force-software "


@pytest.fixture(params=["", SOFTWARE], ids=["registers", "stepping"])
def by(request):
    """What goes before the expression: the same is to come of both."""
    return request.param


def watched(*arguments):
    return [fixture("watchpoints"), *arguments]


def after(name):
    """The line after NEXT_LINE(name)."""
    return line_of(f"NEXT_LINE({name})", "watchpoints.c") + 1


class Run:
    """A program that ran with watchpoints, told in JSON and by itself."""

    def __init__(self, *commands, program, goes_on=30, options=(), before=None):
        at_end = ["break over", "commands", "silent", "delete", "continue", "end"]
        script = ["break begin", "run", "delete", "finish", *commands, *at_end, *["continue"] * goes_on]
        self.done = debug(*script, program=program, options=["--json", *options], before=before)
        lines = self.done.out.splitlines()
        self.said = [json.loads(line) for line in lines if line.startswith('{"type"')]
        self.own = [line for line in lines if not line.startswith('{"type"')]
        self.truth = truth_of("\n".join(self.own))
        # What came before the watchpoints.
        ready = next(i for i, line in enumerate(self.said) if line.get("reason") == "finished")
        self.stops = [line for line in self.said[ready + 1:]
                      if line["type"] == "stop" and line.get("function") != "over"]

    @property
    def hits(self):
        return [hit for stop in self.stops for hit in stop.get("watchpoints", [])]

    @property
    def changes(self):
        return [(hit["old"], hit["new"]) for hit in self.hits]

    @property
    def reasons(self):
        return [stop["reason"] for stop in self.stops]

    def errors(self):
        return [line["text"] for line in self.said if line["type"] == "error"]


# ---- Kinds


def test_a_change_is_told_in_gdbs_words_and_by_whom():
    done = debug("break begin", "run", "delete", "watch counter", "continue", program=watched("kinds"))
    assert "\nHardware watchpoint 2: counter\n" in done.out
    assert re.search(r"\n\nHardware watchpoint 2: counter\n\nOld value = 0\nNew value = 1\n"
                     r"Written by 0x[0-9a-f]+ <run_kinds\+\d+>:\tmovq \$0x1, .*\nrun_kinds \(\) at ", done.out)


@pytest.mark.parametrize("command, expected", [
    ("watch", [("write", "0", "1"), ("read-write", "1", "3"), ("read-write", "3", "9")]),
    ("watch -write", [("write", "0", "1"), ("write", "1", "1"), ("read-write", "1", "3"), ("read-write", "3", "3"),
                      ("read-write", "3", "9")]),
    ("rwatch", [("read", "1", "1")]),
    ("awatch", [("write", "0", "1"), ("write", "1", "1"), ("read", "1", "1"), ("read-write", "1", "3"),
                ("read-write", "3", "3"), ("read-write", "3", "9")]),
])
def test_kinds_of_access(by, command, expected):
    run = Run(f"{command} {by}counter", program=watched("kinds"))
    assert [(hit["access"], hit["old"], hit["new"]) for hit in run.hits] == expected
    assert run.truth["over"] == "kinds" and run.reasons[-1] == "exited"
    assert all(hit["length"] == 8 for hit in run.hits)


def test_json_is_what_the_schema_allows():
    schema = json.loads((ROOT / "docs" / "debug.schema.json").read_text())
    for run in (Run("awatch counter", program=watched("kinds")), Run("watch text", program=watched("calls")),
                Run("watch $rax", program=watched("nothing"), goes_on=3)):
        for line in run.said:
            jsonschema.validate(line, schema)


def test_several_are_hit_by_one_instruction(by):
    run = Run(f"watch {by}counter", f"watch -l {by}counter if counter == 3", f"awatch {by}counter",
              program=watched("kinds"))
    assert [stop["breakpoints"] for stop in run.stops if "breakpoints" in stop] == [
        [2, 4], [4], [4], [2, 3, 4], [4], [2, 4]]


def test_thread_condition_ignore_commands_and_delete():
    run = Run("watch counter if counter > 2", "watch -write counter thread 2", "watch neighbour", "delete 4",
              "watch -write counter", "ignore 5 3", "disable 5", "enable 5", program=watched("kinds"))
    assert [stop["breakpoints"] for stop in run.stops if "breakpoints" in stop] == [[2], [5], [2, 5]]


def test_commands_go_on_by_themselves():
    done = debug("break begin", "run", "delete", "watch counter", "commands", "silent", "printf \"now %d\\n\", counter",
                 "continue", "end", "continue", "info watchpoints", program=watched("kinds"))
    assert re.findall(r"now (\d+)", done.out) == ["1", "3", "9"]
    assert "already hit 3 times" in done.out


# ---- What is watched


def test_every_pointer_on_the_way_is_watched(by):
    run = Run(f"watch {by}head->value + other", program=watched("chain"))
    assert run.changes == [("1", "10"), ("10", "2"), ("2", "20"), ("20", "25"), ("25", "16")]


def test_a_location_stays_where_it_was(by):
    run = Run(f"watch -location {by}head->value", program=watched("chain"))
    assert run.changes == [("1", "10"), ("10", "11")]


def test_a_neighbour_in_the_same_byte_is_not_shown(by):
    run = Run(f"watch {by}first.low", f"watch {by}first.high", program=watched("bits"))
    assert [(hit["number"], hit["old"], hit["new"]) for hit in run.hits] == [(2, "0", "1"), (3, "0", "3"), (2, "1", "2")]


@pytest.mark.parametrize("seed", range(1, 13))
def test_random_accesses_and_ranges(by, seed):
    first, size = (seed * 7) % 40, 1 + (seed * 5) % 16
    for command, wanted in (("watch", lambda kind, changed: changed), ("watch -write", lambda kind, _: kind != "read"),
                            ("rwatch", lambda kind, _: kind == "read"), ("awatch", lambda *_: True)):
        run = Run(f"{command} {by}area[{first}]@{size}", "set print repeats 1000", "set print elements 100",
                  program=[fixture("touches"), 60, seed, first, size], goes_on=80)
        if not run.hits and any("debug register" in text for text in run.errors()):
            continue
        touches = [line[6:].split() for line in run.own if line.startswith("touch=")]
        expected = [(kind, after) for kind, changed, after in touches if wanted(kind, changed == "1")]
        kinds = {"read": "read", "write": "write", "read-write": "both"}
        told = [(kinds[hit["access"]], bytes_of(hit["new"], size)) for hit in run.hits]
        assert told == expected, (command, first, size)


def bytes_of(text, size):
    """What print showed of an array of uint8_t, as hexadecimal digits."""
    octals = re.findall(r"\\(\d{3})|(\d+) '", text)
    values = [int(octal, 8) if octal else int(number) for octal, number in octals]
    assert len(values) <= size, text
    return "".join(f"{value:02x}" for value in values).ljust(2 * size, "0")  # a NUL at the end is not shown


# ---- How long


def test_a_local_ends_with_its_frame_and_all_others_of_it(by):
    script = ["break nested if depth == 1", "run", f"watch {by}local", f"watch {by}twin", *["continue"] * 12]
    done = debug(*script, program=watched("frames"))
    assert done.out.count("deleted because the program has left the block in\nwhich its expression is valid.") == 2
    ends = done.out.index("Watchpoint 2 deleted")
    assert "Watchpoint 3 deleted" in done.out[ends:] and "Old value" not in done.out[ends:]
    values = re.findall(r"atchpoint (\d): \w+\n\nOld value = (-?\d+)\nNew value = (-?\d+)\n", done.out)
    assert values[-3:] == [("2", "1", "101"), ("2", "101", "201"), ("3", "1", "201")]
    assert truth_of(done.out)["over"] == "frames"


@pytest.mark.parametrize("condition, expected", [
    ("i == 3", [("267", "354")]),  # run_names's own, not bump's
    ("(double)i == 3 && neighbour == 5", [("267", "354")]),
    ("amount == 13", [("267", "354")]),  # what only the frame has that writes
    ("neighbour == 5", [("0", "90"), ("90", "179"), ("179", "267"), ("267", "354"), ("354", "440"), ("440", "525")]),
    ("neighbour + 0.5 == 5.5 && $rip && i > 4", [("440", "525")]),
])
def test_a_condition_means_what_it_meant_when_it_was_set(by, condition, expected):
    for commands in ([f"watch {by}counter if {condition}"], [f"watch {by}counter", f"condition 2 {condition}"]):
        run = Run("set var neighbour = 5", *commands, program=watched("names"))
        assert run.changes == expected
        assert "cannot be told" not in run.done.out


def test_the_frame_that_a_condition_speaks_of_is_gone():
    done = debug("break nested if depth == 1", "run", "delete", "watch sum if depth == 1", "continue",
                 program=watched("frames"))
    assert "warning: the condition of watchpoint 2 cannot be told: the function whose variables" in done.out
    assert "Hardware watchpoint 2: sum" in done.out and "Old value = 0" in done.out


def test_a_condition_that_leads_nowhere_is_told(by):
    done = debug("break begin", "run", "delete", f"watch {by}counter if *(int *)8 == 3", "continue",
                 program=watched("kinds"))
    assert "warning: the condition of watchpoint 2 depends on memory that cannot be read: *(int *)8 == 3" in done.out
    assert "Old value = 0\nNew value = 1" in done.out


def test_a_condition_on_nothing_is_refused():
    for condition, why in (("nosuch > 2", "the condition: no variable nosuch in watchpoints"),
                           ("counter++ > 2", "counter++ would change something"), ("counter = 2", "did you mean ==?")):
        for command in (f"watch counter if {condition}", f"condition 2 {condition}"):
            done = debug("break begin", "run", "watch other", command, "info watchpoints", program=watched("nothing"))
            assert why in done.err
            assert "stop only" not in done.out and "counter" not in done.out


def test_a_name_that_only_others_have_is_no_error():
    for condition in ("depth > 2", "local == 3"):
        done = debug("break begin", "run", f"watch counter if {condition}", "info watchpoints", program=watched("nothing"))
        assert f"stop only if {condition}" in done.out and not done.err


SUMS = [fixture("scopes")]


@pytest.mark.parametrize("condition, wanted", [("", slice(None)), (" if x > 2 && x < 8", slice(1, None))],
                         ids=["always", "with a condition"])
def test_a_name_means_what_it_meant_when_it_was_set(by, condition, wanted):
    """A block hides x; the sums are those of the outer one."""
    done = debug("break begin", "run", "up", f"watch {by}x + y{condition}", *["continue"] * 6, program=SUMS)
    sums = truth_of(done.out)["sums"].split()
    changes = list(zip(sums, sums[1:]))[wanted]
    assert re.findall(r"Old value = (\d+)\nNew value = (\d+)\n", done.out) == changes
    assert "warning" not in done.err


@pytest.mark.parametrize("name", ["scopes-fast", "scopes-clang-fast"])
def test_what_lives_in_registers_has_its_own_values_only(name):
    """In a constant first, then in one register, in another, and nowhere."""
    done = debug("break fades", "run", "watch n", *["continue"] * 5, program=[fixture(name)])
    values = truth_of(done.out)["n"].split()
    assert re.findall(r"Old value = (\d+)\nNew value = (\d+)\n", done.out) == list(zip(values, values[1:]))
    assert done.lines(r"^Changed by 0x\w+ <fades[.\w]*\+\d+>") and "has left the block" in done.out
    assert done.err.count("watchpoint 2") <= 1  # where it is nowhere


@pytest.mark.parametrize("name", ["scopes-fast", "scopes-clang-fast"])
def test_what_has_no_value_yet_is_waited_for(name):
    done = debug("break fades", "run", "watch second", *["continue"] * 3, program=[fixture(name)])
    values = truth_of(done.out)["n"].split()
    assert "it has no value here, and is looked for after each instruction" in done.out
    assert re.findall(r"Old value = (.*)\nNew value = (\d+)\n", done.out) == [
        ("<error: second is optimized out here>", values[2])]
    assert "has left the block" in done.out


def test_what_lies_in_memory_for_a_while_only_is_told_as_such():
    """clang tells where it puts n while the registers are wanted; gcc does not."""
    program = [fixture("scopes-clang-fast")]
    unseen = "what is done to it there is not seen; watch -force-software sees it"
    done = debug("break *at_spilled", "run", "watch n", "info watchpoints", *["continue"] * 3, program=program)
    assert done.out.count(unseen) == 2 and "Old value" not in done.out
    done = debug("break *at_spilled", "run", "watch -force-software n", *["continue"] * 3, program=program)
    values = truth_of(done.out)["spilled"].split()
    assert unseen not in done.out
    assert re.findall(r"Old value = (\d+)\nNew value = (\d+)\n", done.out) == [tuple(values)]


def test_a_local_is_written_from_where_its_frame_is_hard_to_find(by):
    run = Run("handle SIGUSR1 nostop noprint", f"watch {by}local", program=watched("stacks"))
    values = ["1", "6", "26", "36", "37", "57"]
    assert run.changes == list(zip(values, values[1:]))
    assert run.truth["local"] == 57 and "watchpoint-scope" in run.reasons


def test_a_local_ends_with_its_thread(by):
    done = debug("break go_away", "run", f"watch {by}local", *["continue"] * 12, program=watched("ending"))
    assert re.findall(r"New value = (\d+)\n", done.out) == ["1", "3"]
    assert "watchpoint 2 is deleted: what its expression needs has gone with thread" in done.out
    assert truth_of(done.out)["over"] == "ending"


def test_a_local_of_a_frame_that_longjmp_leaves_is_never_seen_again(by):
    script = ["break nested if depth == 1", "run", "delete", f"watch {by}local if local < 500", *["continue"] * 12]
    done = debug(*script, program=watched("leaps"))
    values = re.findall(r"Old value = (-?\d+)\nNew value = (-?\d+)\n", done.out)
    assert values[-1] == ("1", "101")
    assert "Watchpoint 2 deleted because" in done.out
    assert truth_of(done.out)["over"] == "leaps"


# ---- The kernel


def test_what_a_system_call_writes_is_told_and_named(by):
    run = Run(f"watch {by}text", program=watched("calls"))
    assert [hit.get("syscall") for hit in run.hits] == ["read", "read", "pread64"]
    assert [hit["new"][:6] for hit in run.hits] == ['"hello'] * 2 + [run.hits[2]["new"][:6]]
    assert run.truth["text"] == run.hits[2]["new"][1:6]


# ---- Signals


def test_hits_in_handlers_and_around_them(by):
    run = Run(f"watch {by}counter", program=watched("signals"), goes_on=12)
    assert run.changes == [("0", "1"), ("1", "11"), ("11", "2"), ("2", "14")]
    assert run.truth["counter"] == 14
    assert run.reasons.count("signal") == 2


# ---- Stepping


@pytest.mark.parametrize("go", ["next", "step", "finish", "until", "advance run_nothing", "stepi 1000", "nexti 1000"])
def test_a_hit_ends_whatever_is_under_way(by, go):
    done = debug("break run_kinds", "run", f"watch {by}counter", "next", go, program=watched("kinds"))
    assert re.search(r"atchpoint 2: counter\n\nOld value = 0\nNew value = 1\n", done.out)


def test_no_hit_changes_nothing(by):
    run = Run(f"watch {by}counter", program=watched("nothing"), goes_on=2)
    assert not run.hits and run.truth["neighbour"] == 999 and run.reasons == ["exited"]


# ---- Threads


@pytest.mark.parametrize("count", [1, 4, 50])
def test_new_threads_are_watched(count):
    run = Run("watch counter", program=watched("threads", str(count)), goes_on=8 * count + 10)
    assert run.changes == [(str(i), str(i + 1)) for i in range(8 * count)]
    assert run.truth["counter"] == run.truth["hits"] == 8 * count


def test_threads_that_write_at_once_are_all_told():
    run = Run("watch -write counter", program=watched("racing", "4"), goes_on=60)
    assert len(run.hits) == run.truth["hits"] == 32
    assert all(old == new for (_, old), (new, _) in zip(run.changes, run.changes[1:])), run.changes
    for thread in range(1, 5):
        own = [int(new) for _, new in run.changes if int(new) // 1000 == thread]
        assert own == [1000 * thread + i for i in range(8)]


@pytest.mark.parametrize("condition", ["", " if local < 3"])
def test_another_thread_changes_what_is_watched_in_a_frame(by, condition):
    run = Run(f"watch {by}local + counter{condition}", program=watched("mixed"))
    sums = ["1", "11", "21", "31", "41", "42"]
    assert run.changes == list(zip(sums, sums[1:]))
    threads = [stop["thread"] for stop in run.stops if "watchpoints" in stop]
    assert threads == [2, 2, 2, 2, 1]
    assert run.truth["sum"] == 42


def test_registers_are_those_of_the_thread_that_they_were_watched_in():
    run = Run("watch $rbx if $_thread == 1", program=watched("mixed"), goes_on=400)
    assert {stop.get("thread", 1) for stop in run.stops} == {1}
    assert all(old == new for (_, old), (new, _) in zip(run.changes, run.changes[1:])) and run.changes


# ---- Processes


@pytest.fixture(params=["counter", SOFTWARE + "counter", "counter if counter != 77"],
                ids=["registers", "stepping", "filter"])
def counter(request):
    """`counter` by each mechanism."""
    return request.param


@pytest.mark.parametrize("settings, expected", [
    ((), [("0", "1"), ("1", "3")]),
    (("set follow-fork-mode child",), [("0", "1"), ("1", "2")]),
])
def test_fork(counter, settings, expected):
    run = Run(*settings, f"watch {counter}", program=watched("fork"), goes_on=6)
    assert run.changes[:2] == expected


@pytest.mark.parametrize("kept", ["on", "off"])
def test_a_vfork_child_writes_to_the_same_memory(counter, kept):
    run = Run(f"set detach-on-fork {kept}", f"watch {counter}", program=watched("vfork"), goes_on=9)
    assert run.changes == [(str(i), str(i + 1)) for i in range(5)]
    assert run.truth["child"] == 5 and run.truth["over"] == "vfork"
    assert run.reasons[-1] == "exited"


@pytest.mark.parametrize("condition", ["", " if $rip != 0", " if counter != 77"])
def test_what_a_thread_writes_is_not_a_vfork_childs_system_call(condition):
    at_end = ["break over", "commands", "silent", "delete 3", "info watchpoints", "continue", "end"]
    done = debug("break begin", "run", "delete", f"watch -write counter{condition}", "commands", "continue", "end",
                 *at_end, "continue", program=watched("lending"))
    assert "by the system call" not in done.out
    written = truth_of(done.out)["counter"]
    hits = int(re.search(r"already hit (\d+) times", done.out)[1])
    assert hits == written - (condition == " if counter != 77" and written >= 77)


@pytest.mark.parametrize("follow", ["parent", "child"])
@pytest.mark.parametrize("condition", ["", " if neighbour != 77"])
def test_what_is_set_in_a_vfork_child_is_watched(follow, condition):
    child = ["watch counter", "continue", "continue", f"watch neighbour{condition}", "watch local", "delete 2"]
    asks = ["print nested(1, 0)", "info watchpoints", *["continue"] * 5]
    done = debug(f"set follow-fork-mode {follow}", "break begin", "run", "delete", *child, *asks,
                 program=watched("vfork"))
    assert done.values()[1] == "201"
    assert re.findall(r"atchpoint (\d): \w+\n\nOld value = (\d+)\nNew value = (\d+)\n", done.out)[2:] == [
        ("3", "0", "7"), ("4", "1", "5")]
    assert "Watchpoint 4 deleted because" in done.out
    assert truth_of(done.out)["child"] == 5


def test_exec_begins_anew(counter):
    run = Run(f"watch {counter}", program=watched("exec"), goes_on=10)
    assert run.changes == [("0", "1"), ("0", "1"), ("1", "3"), ("3", "9")]


# ---- Refusals and limits


def test_what_does_not_fit_is_said_before_the_program_goes_on():
    done = debug("break begin", "run", "watch -l first.value", "watch text", "watch counter", "info watchpoints",
                 program=watched("kinds"))
    assert re.search(r"Watchpoint 4: counter \(software: what registers don't foretell is single-stepped, about [\d.]+ us each\)",
                     done.out) or "Watchpoint 3: text (software" in done.out
    assert "held by watchpoint 2" in done.out or "held by watchpoint 3" in done.out
    done = debug("break begin", "run", "set watch-stepping off", "watch text", "watch counter", "watch other",
                 program=watched("kinds"))
    assert "is held by watchpoint 2" in done.err


def test_one_that_has_got_a_part_of_its_registers_is_named_for_what_it_is():
    done = debug("break begin", "run", "watch counter", "watch other", "watch sum", "watch head->value",
                 program=watched("kinds"))
    assert re.search(r"held by watchpoint 4; .* held by watchpoint 5$", done.out, re.MULTILINE), done.out


@pytest.mark.parametrize("command, part", [
    ("watch", "takes an expression"),
    ("watch 5", "constant value"),
    ("watch run_kinds", "is a function"),
    ("watch counter mask 0xff", "no masks"),
    ("watch nosuch", "nosuch"),
    ("watch -l 3", "nowhere in memory"),
    ("rwatch", "takes an expression"),
    ("info hits 7", "no breakpoint number 7"),
    ("info hits 1", "no watchpoint"),
])
def test_bad_input_gets_a_sentence(command, part):
    done = debug("break begin", "run", command, program=watched("kinds"))
    assert part in done.err, done.err


# ---- Conditions in the kernel


def test_a_false_condition_is_decided_in_the_kernel_where_it_may():
    run = Run("watch counter if counter % 100 == 0", "info watchpoints", program=watched("many", "1000"), goes_on=12)
    assert run.changes == [(str(i - 1), str(i)) for i in range(100, 1001, 100)]
    assert all(hit["instruction"].startswith("mov") for hit in run.hits)


def test_a_condition_holds_for_what_a_system_call_writes():
    run = Run("watch -l *(char (*)[4])(text + 16) if text[16] == ','", program=watched("calls"))
    assert [hit.get("syscall") for hit in run.hits] == ["read"]


@pytest.mark.parametrize("condition", ["counter == 2 || counter == 5", "hits == 2 || hits == 5", "counter % 3 == $wanted"])
def test_a_condition_holds_whoever_decides_it(by, condition):
    run = Run("set $wanted = 2", f"watch {by}counter if {condition}", program=watched("many", "5"))
    assert run.changes == [("1", "2"), ("4", "5")]


def test_a_step_onto_a_hit_that_a_filter_holds():
    done = debug("break run_many", "run", "watch counter if counter == 1", *["next"] * 5, program=watched("many", "3"))
    assert done.out.count("Old value = 0\nNew value = 1") == 1


# ---- Mappings, and leaving


def test_memory_that_is_moved_unmapped_and_mapped_again(by):
    run = Run(f"watch {by}*place", program=watched("maps"))
    assert run.changes[0] == ("1", "2")
    assert ("2", "3") in run.changes and ("0", "4") in run.changes
    assert {hit.get("syscall") for hit in run.hits} >= {"mremap", "munmap", "mmap"}
    assert run.truth["place"] == 4 and run.truth["moved"] == 1


def test_detaching_leaves_no_register_behind():
    done = debug("break begin", "run", "watch counter", "watch text if text[0] == 'x'", "continue", "detach",
                 program=watched("kinds"))
    assert "Old value = 0\nNew value = 1" in done.out
    assert "goes on without us.\n" in done.out and "\nover=kinds\n" in done.out


def test_hits_are_kept():
    done = debug("break begin", "run", "watch counter", *["continue"] * 3, "info hits 2", "continue", "info hits 2",
                 program=watched("kinds"))
    lines = done.lines(r"^\d+ +\d\d:\d\d:\d\d\.\d{6}")
    assert [re.search(r"(\d+ -> \d+)  by 0x", line)[1] for line in lines[:3]] == ["0 -> 1", "1 -> 3", "3 -> 9"]
    assert "<run_kinds+" in lines[0] and len(lines) == 6


# ---- Registers of the processor


def test_a_register_is_watched_by_steps():
    done = debug("break run_many", "run", "watch $rip", "continue", "delete 2", "watch $rsp", "continue",
                 program=watched("many", "3"))
    assert "Watchpoint 2: $rip (software: what registers don't foretell is single-stepped" in done.out
    assert "\nWatchpoint 3: $rsp\n\nOld value" in done.out and "Changed by 0x" in done.out


@pytest.mark.parametrize("ahead", ["on", "off"])
def test_what_is_foretold_need_not_be_stepped(ahead):
    done = debug(f"set watch-ahead {ahead}", "break run_many", "run", "watch $rbx & 0", "continue",
                 program=watched("many", "3"))
    assert ("each instruction is single-stepped" in done.out) == (ahead == "off")
    assert "exited normally" in done.out and "Old value" not in done.out


def test_a_break_and_a_watchpoint_at_one_place_are_both_hit(by):
    line = after("same")
    done = debug("break begin", "run", "delete", f"break {line}", f"watch {by}counter", "continue", "continue",
                 program=watched("kinds"))
    assert re.search(r"Old value = 0\nNew value = 1\n.*Breakpoint 2, ", done.out, re.DOTALL)


def test_saved_watchpoints_are_set_again(tmp_path):
    path = tmp_path / "saved"
    done = debug("break begin", "run", "delete", "watch counter if counter > 2", "rwatch -l other", "watch -write sum",
                 f"save breakpoints {path}", "delete", f"source {path}", "info watchpoints", program=watched("kinds"))
    table = done.out[done.out.rindex("Num "):]
    assert re.findall(r"^\d+ +(\w+ watchpoint) .* y +(.*)$", table, re.MULTILINE) == [
        ("hw watchpoint", "counter"), ("read watchpoint", "-location other"), ("wr watchpoint", "sum")]
    assert "stop only if counter > 2" in table


# ---- I/O ports


def kernel_gives_ports():
    """Whether there is ioperm(2), and we may ask for ports."""
    return "granted=1" in subprocess.run([fixture("ports"), "none"], stdout=subprocess.PIPE, text=True, check=True).stdout


# How it is told where it is a fault, what and how often it is told where it is watched.
PORTS = [
    ("outb", "1 byte, 0x41, to port 0x80", "1 byte to port 0x80: 0x41", 1),
    ("outl", "4 bytes, 0xdeadbeef, to port 0x80", "4 bytes to port 0x80: 0xdeadbeef", 1),
    ("inb", "1 byte from port 0x80", "1 byte from port 0x80: {value:#x}", 1),
    ("inw", "2 bytes from port 0x3f9", None, 0),
    ("outsb", "1 byte to port 0x80, 4 times", "1 byte to port 0x80: 0x44", 4),
    ("insb", "1 byte from port 0x80, 4 times", "1 byte from port 0x80: {value:#x}", 4),
]
PORTS_BUILDS = ["ports", "ports-i386"]


@pytest.mark.parametrize("build", PORTS_BUILDS)
@pytest.mark.parametrize("form, fault, _told, _times", PORTS)
def test_an_access_to_a_port_without_permission_is_told_as_what_it_is(form, fault, _told, _times, build):
    if form != "inw" and kernel_gives_ports():
        pytest.skip("the program has the permission")
    done = debug("run", program=[fixture(build), form])
    assert f"SIGSEGV, Segmentation fault.\nIt is an access to an I/O port without permission (ioperm(2)): {fault}.\n" \
        in done.out


def test_ports_are_refused_where_no_program_has_any():
    if kernel_gives_ports():
        pytest.skip("this kernel has ioperm(2)")
    done = debug("break begin", "run", "watch -port 0x3f8:4", "info watchpoints", program=[fixture("ports")])
    assert "this kernel gives no program a port" in done.err and "No watchpoints." in done.out


@pytest.mark.parametrize("form, _fault, told, times", [port for port in PORTS if port[2]])
def test_ports_are_watched(form, _fault, told, times):
    if not kernel_gives_ports():
        pytest.skip("this kernel, or this user, has no ports")
    right, wrong = ("rwatch", "watch -write") if form.startswith("in") else ("watch -write", "rwatch")
    for build, asked in itertools.product(PORTS_BUILDS, ["ioperm", "iopl"]):
        program = [fixture(build), form, asked]
        for command, wanted in (("awatch", times), (right, times), (wrong, 0)):
            done = debug("break begin", "run", f"{command} -port 0x80:2", *["continue"] * 5, program=program)
            assert done.out.count(" port 0x80: 0x") == wanted, done.out
            assert not wanted or told.format(**truth_of(done.out)) in done.out
        done = debug("break begin", "run", "awatch -port 0x84:4", "continue", program=program)
        assert " port 0x" not in done.out and "exited normally" in done.out


@pytest.mark.parametrize("command, part", [
    ("watch -port", "ports go from 0 to 0xffff"),
    ("watch -port 0x10000", "not '0x10000'"),
    ("rwatch -port 0xfffe:3", "not '0xfffe:3'"),
    ("watch -port 5:0", "not '5:0'"),
    ("watch -port counter", "takes a number, not 'counter'"),
    ("watch -port -l 5", "exclude each other"),
])
def test_bad_ports_get_a_sentence(command, part):
    done = debug("break begin", "run", command, program=watched("kinds"))
    assert part in done.err, done.err
