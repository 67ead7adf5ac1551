# SPDX-License-Identifier: MIT
"""The instruction that is named is the one that did it, whatever it is."""

import pytest

from watching import fixture, watch

MNEMONICS = {
    "mov8": "mov", "imm64": "mov", "indexed": "mov", "inc": "inc", "complement": "not", "setcc": "sete|setz",
    "bts": "bts", "xchg": "xchg", "xadd": "lock xadd", "cmpxchg": "lock cmpxchg", "cmpxchg16b": "lock cmpxchg16b",
    "movsb": "movsb", "stosq": "stosq", "rep_movsb": "rep movsb", "rep_movsq": "rep movsq",
    "rep_stosb": "rep stosb", "movups": "movups", "movaps": "movaps", "fistp": "fistp", "push": "push",
    "pushf": "pushf", "call": "call", "call_far_away": "call", "pop": "pop", "enter": "enter",
}


@pytest.fixture(scope="module", params=["culprits", "culprits-nopie"])
def report(request, tmp_path_factory):
    return watch("area.target", program=[fixture(request.param)], tmp_path=tmp_path_factory.mktemp("culprits"))


def names(truth):
    return [key.removeprefix("at_") for key in truth if key.startswith("at_")]


def hits_at(report, name):
    return [hit for hit in report.hits if int(hit["insn"]["addr"], 16) == report.truth[f"at_{name}"]]


def test_only_culprits_are_named(report):
    addresses = {report.truth[f"at_{name}"] for name in names(report.truth)}
    strangers = {(hit["insn"]["addr"], hit["insn"]["text"]) for hit in report.hits
                 if int(hit["insn"]["addr"], 16) not in addresses}
    assert strangers == set()


def test_each_culprit_is_named(report):
    assert [name for name in names(report.truth) if not hits_at(report, name)] == []


def test_culprits_come_in_their_order(report):
    order = []
    for hit in report.hits:
        if not order or order[-1] != hit["insn"]["addr"]:
            order.append(hit["insn"]["addr"])
    assert order == [hex(report.truth[f"at_{name}"]) for name in names(report.truth)]


def test_values_are_what_each_culprit_left(report):
    wrong = []
    for name in names(report.truth):
        hits = hits_at(report, name)
        seen = (int(hits[0]["old"]), int(hits[-1]["new"])) if hits else None
        expected = (report.truth[f"old_{name}"], report.truth[f"new_{name}"])
        if seen != expected:
            wrong.append((name, seen, expected))
    assert wrong == []


def test_one_hit_for_an_instruction_that_does_not_repeat(report):
    many = {name: len(hits_at(report, name)) for name in names(report.truth)
            if not name.startswith("rep_") and len(hits_at(report, name)) != 1}
    assert many == {}


def test_functions_are_those_of_the_culprits(report):
    wrong = [(name, hit["function"]) for name in names(report.truth) for hit in hits_at(report, name)
             if hit["function"] != f"do_{name}"]
    assert wrong == []


def test_the_text_is_the_instruction(report):
    wrong = []
    for name, expected in MNEMONICS.items():
        texts = {hit["insn"]["text"] for hit in hits_at(report, name)}
        wrong += [(name, text) for text in texts if not text.startswith(tuple(expected.split("|")))]
    assert wrong == []


def test_bytes_are_those_of_the_program(report):
    """`movb $0x5a, 3(%rdi)` assembles to c6 47 03 5a, `push %rax` to 50 (Intel SDM vol. 2)."""
    assert {hit["insn"]["bytes"].replace(" ", "") for hit in hits_at(report, "imm8")} == {"c647035a"}
    assert {hit["insn"]["bytes"].replace(" ", "") for hit in hits_at(report, "push")} == {"50"}


def test_a_failed_exchange_is_a_write_that_changes_nothing(report):
    (hit,) = hits_at(report, "cmpxchg_fails")
    assert hit["old"] == hit["new"]


def test_intel_syntax(tmp_path):
    att = watch("area.target", "-n", 1, program=[fixture("culprits")], tmp_path=tmp_path)
    intel = watch("area.target", "-n", 1, "--intel", program=[fixture("culprits")], tmp_path=tmp_path)
    assert "%al" in att.hits[0]["insn"]["text"]
    assert "%" not in intel.hits[0]["insn"]["text"] and "al" in intel.hits[0]["insn"]["text"]
