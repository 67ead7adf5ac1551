# SPDX-License-Identifier: MIT
"""Ranges of all sizes and alignments, and several watches that share the four registers."""

import collections

import pytest

from watching import FAILED, fixture, run, watch, watch_running


def test_five_bytes_across_pieces(tmp_path):
    """18 stores touch the range, some of them two or three of its registers; each is one hit."""
    report = watch("odd.five", program=[fixture("unaligned")], tmp_path=tmp_path)
    assert report.armed["registers"] == 3
    assert len(report.hits) == report.truth["stores"]
    expected = [report.truth[f"raw_{i}"] for i in range(report.truth["stores"])]
    assert report.column("new_raw") == expected
    assert report.column("old_raw") == ["0000000000", *expected[:-1]]


def test_all_that_the_registers_hold(tmp_path):
    report = watch("bytes_32", program=[fixture("many")], tmp_path=tmp_path)
    assert report.armed["registers"] == 4
    assert len(report.hits) == 32
    assert report.hits[-1]["new_raw"] == bytes(range(1, 33)).hex()


def test_a_range_that_is_too_large_says_how_much_fits():
    done = run("watch", "bytes_40", program=[fixture("many")])
    assert done.returncode == FAILED
    assert "40 bytes" in done.stderr and "32" in done.stderr


def test_a_fifth_register_is_refused_with_what_holds_the_others():
    words = ["word_a", "word_b", "word_c", "word_d", "word_e"]
    done = run("watch", *words, program=[fixture("many")])
    assert done.returncode == FAILED
    assert all(word in done.stderr for word in words)


def test_four_watches(tmp_path):
    words = ["word_a", "word_b", "word_c", "word_d"]
    report = watch(*words, program=[fixture("many")], tmp_path=tmp_path)
    assert [(hit["expr"], hit["watch"], hit["new"]) for hit in report.hits] == \
        [(word, i, i) for i, word in enumerate(words, 1)]


def test_two_watches_share_a_register(tmp_path):
    """One word, under two names: each access is a hit of both, and one register is taken."""
    report = watch("counter", "counter:8", program=[fixture("writes"), 20], tmp_path=tmp_path)
    first, second = report.of_type("armed")
    assert (first["registers"], first["shared"], second["registers"], second["shared"]) == (1, 0, 0, 1)
    assert collections.Counter(report.column("watch")) == {1: 20, 2: 20}


def test_reads_are_told_from_writes(tmp_path):
    """`word_b = word_a + 1` reads the one and writes the other."""
    report = watch("--access", "word_a", "--read", "word_b", "--write", "word_c",
                   program=[fixture("many")], tmp_path=tmp_path)
    assert [(hit["expr"], hit["access"]) for hit in report.hits] == \
        [("word_a", "write"), ("word_a", "read"), ("word_b", "read"), ("word_c", "write")]


def test_execution_of_a_function(tmp_path):
    report = watch("--exec", "bump", program=[fixture("writes"), 25], tmp_path=tmp_path)
    assert len(report.hits) == 25
    assert {(hit["access"], hit["function"]) for hit in report.hits} == {("exec", "bump")}


@pytest.mark.parametrize("expression, values", [
    ("v_array[1]", [-20]), ("v_array[0..1]", [[1, -20]]), ("v_array[2]", []), ("v_matrix[1][0]", [5]),
    ("v_struct.y", [-7]), ("v_conn.at.x", [9]), ("v_int:2", ["0x6c00"]),
])
def test_parts(expression, values, tmp_path):
    report = watch(expression, program=[fixture("types")], tmp_path=tmp_path)
    assert report.column("new") == values


def test_an_address_beside_the_variable_does_not_fire():
    report = watch_running("writes", 50, watch_arguments=["writes+0x0:8"])
    assert report.hits == []
