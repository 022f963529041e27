"""Automatic detection against the register: how many models are understood from their source."""

from __future__ import annotations

from pathlib import Path

import pytest

from cache_dit import BlockAdapter, BlockAdapterRegister
from cache_dit.verify import zoo
from tests.installed import installed

MODELS = [name for name in zoo.names() if not zoo.get(name).variant]

BEYOND_IT = {
    "Flux3Transformer2DModel": "three lists whose names do not begin as a main list's does",
    "LatteTransformer3DModel": "two lists that take turns; the one found is a correct subset",
    "RFD4ProteinaTransformer": "a module dictionary beside the list; likewise",
}
"""Registered models that detection sees in another way, and why."""


def lists(adapter: BlockAdapter) -> list[tuple[str, list[str]]]:
    found = [each for model in adapter.transformers() for each in model.lists]
    return [(each.name, each.pattern.Out) for each in found]


@pytest.mark.parametrize("name", MODELS)
def test_the_loop_over_the_blocks_says_what_the_register_says(name: str) -> None:
    model = zoo.get(installed(name)).build()
    registered = lists(BlockAdapterRegister.get_adapter(model))
    found = lists(BlockAdapter(transformer=model, auto=True))
    assert (found == registered) is (name not in BEYOND_IT)


def test_at_least_four_of_five_models_need_no_adapter() -> None:
    assert len(BEYOND_IT) <= len(MODELS) / 5


def test_the_documentation_has_the_figure() -> None:
    faq = Path(__file__).parents[2] / "docs" / "FAQ.md"
    found = f"{len(MODELS) - len(BEYOND_IT)} of the {len(MODELS)} models of the zoo"
    assert found in faq.read_text(encoding="utf-8")
