"""Names that may have been meant, for messages about one that is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

CUTOFF = 0.65  # less alike than this is a guess: SmallDiT is no misspelt DiT
COMMON = re.compile(r"(?<=.)(transformer)?([123]d)?(model)?$")
"""How names of classes end, which makes no two of them alike."""


def closest(name: object, known: Iterable[str], count: int = 3) -> list[str]:
    """Known names that go on where this one stops, or are spelt much like it; often none.

    Upper and lower case do not matter.
    """
    text = str(name).lower()
    names = {each.lower(): each for each in known}
    longer = [each for each in names if text and each.startswith(text)]
    alike = get_close_matches(text, names, n=len(names) or 1, cutoff=CUTOFF)
    alike = [each for each in alike if get_close_matches(*_unlike(text, each), cutoff=CUTOFF)]
    return [names[each] for each in dict.fromkeys([*alike, *longer])][:count]


def hint(name: object, known: Iterable[str]) -> str:
    """``" Closest: a, b."``, to go on with behind a sentence; empty where nothing is close."""
    close = closest(name, known)
    return f" Closest: {', '.join(close)}." if close else ""


def _unlike(one: str, other: str) -> tuple[str, list[str]]:
    """Two names without their endings, where both have one of those that are common."""
    cores = COMMON.sub("", one), COMMON.sub("", other)
    if cores[0] != one and cores[1] != other:
        one, other = cores
    return one, [other]
