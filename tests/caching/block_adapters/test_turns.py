"""Block lists that take turns, in rounds of any form."""

from __future__ import annotations

import pytest

from cache_dit.caching.block_adapters.turns import in_turn, round_of

LISTS = {"a": {0: "a0", 1: "a1", 2: "a2", 3: "a3"}, "b": {0: "b0", 1: "b1"}}


def test_one_of_each_in_turn_is_by_place() -> None:
    assert in_turn(LISTS, True) == ["a0", "b0", "a1", "b1", "a2", "a3"]
    by_key = {**LISTS, "b": {1: "b1", 3: "b3"}}
    assert in_turn(by_key, True) == ["a0", "a1", "b1", "a2", "a3", "b3"]


def test_a_round_names_who_comes_after_whom() -> None:
    assert in_turn(LISTS, ("a", "a", "b")) == ["a0", "a1", "b0", "a2", "a3", "b1"]
    assert in_turn(LISTS, ("a", "b", "a")) == ["a0", "b0", "a1", "a2", "b1", "a3"]
    assert in_turn(LISTS, ("b", "a")) == ["b0", "a0", "b1", "a1", "a2", "a3"]


def test_a_list_that_never_has_its_turn_is_an_error() -> None:
    with pytest.raises(ValueError, match="never comes to b"):
        in_turn(LISTS, ("a",))


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ("aabb", False),
        ("aaaa", False),
        ("abab", True),
        ("aabaab", ("a", "a", "b")),
        ("abaaba", ("a", "b", "a")),
        ("abaa", ("a", "b")),
        ("aabaaabb", ("a", "a", "b", "a")),
    ],
)
def test_the_shortest_round_is_found(running: str, expected: object) -> None:
    assert round_of(running) == expected
