"""Look-up by class name: the longest prefix wins, along the MRO, with errors that help."""

from __future__ import annotations

import sys
import types

import pytest

from cache_dit import BlockAdapter, BlockAdapterRegister
from cache_dit.registry import Registry
from tests.caching.toys import GainTransformer


@pytest.fixture
def registry() -> Registry[str]:
    made: Registry[str] = Registry("planner")
    for prefix in ("Hunyuan", "HunyuanDiT", "HunyuanDiTPAG", "Flux"):
        made.register(prefix)(prefix)
    return made


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HunyuanDiTPAGPipeline", "HunyuanDiTPAG"),
        ("HunyuanDiTPipeline", "HunyuanDiT"),
        ("HunyuanVideoPipeline", "Hunyuan"),
        ("Hunyuan", "Hunyuan"),
        ("FluxPipeline", "Flux"),
        ("Fl", None),
        ("MyFluxPipeline", None),
        ("", None),
    ],
)
def test_the_longest_prefix_wins_whatever_was_registered_first(
    registry: Registry[str], name: str, expected: str | None
) -> None:
    assert registry.find(name) == expected


def test_matches_come_from_the_most_special_to_the_most_general(registry: Registry[str]) -> None:
    found = list(registry.matches("HunyuanDiTPAGPipeline"))
    assert found == ["HunyuanDiTPAG", "HunyuanDiT", "Hunyuan"]


def test_a_subclass_of_a_supported_class_is_supported(registry: Registry[str]) -> None:
    base = type("FluxPipeline", (), {})
    derived = type("OurOwnPipeline", (base,), {})
    assert registry.get(derived()) == "Flux"
    shadowing = type("HunyuanLikePipeline", (base,), {})
    assert list(registry.matches(shadowing())) == ["Hunyuan", "Flux"]


def test_what_is_not_there_is_an_error_naming_the_closest(registry: Registry[str]) -> None:
    with pytest.raises(ValueError, match=r"No planner for Fluks\. Closest: Flux\. 4 are "):
        registry.get("Fluks")
    with pytest.raises(ValueError, match=r"No planner for object\. 4 are .*@register\('object'\)"):
        registry.get(object())


def test_a_name_cannot_be_taken_twice(registry: Registry[str]) -> None:
    registry.register("Flux")("Flux")  # the same entry again is no conflict
    with pytest.raises(ValueError, match="planner named 'Flux' is registered already"):
        registry.register("Wan", "Flux")("other")
    assert registry.find("Wan") is None  # nothing was half registered
    registry.unregister("Flux")
    registry.register("Flux")("other")
    assert registry.get("FluxPipeline") == "other"


def test_forgetting_an_unknown_name_is_an_error_and_forgets_nothing(
    registry: Registry[str],
) -> None:
    with pytest.raises(ValueError, match="No planner for Wan"):
        registry.unregister("Flux", "Wan")
    assert registry.names() == ["Flux", "Hunyuan", "HunyuanDiT", "HunyuanDiTPAG"]


def test_built_in_entries_are_loaded_at_the_first_look_up() -> None:
    registry: Registry[str] = Registry("planner", "planners_of_this_test")

    class Loading(types.ModuleType):
        def __getattribute__(self, name: str) -> object:
            return super().__getattribute__(name)

    registry.register("Own")("own")
    with pytest.raises(ModuleNotFoundError, match="planners_of_this_test"):
        registry.find("Flux")
    sys.modules["planners_of_this_test"] = Loading("planners_of_this_test")
    try:
        assert registry.find("Own") == "own"
    finally:
        del sys.modules["planners_of_this_test"]


def test_an_adapter_from_outside_works_as_a_built_in_one_does() -> None:
    model = GainTransformer()
    pipe = type("ToyPicturePipeline", (), {"transformer": model})()

    @BlockAdapterRegister.register("ToyPicture")
    def toy_adapter(pipe: object, **kwargs: object) -> BlockAdapter:
        return model.adapter(pipe=pipe, **kwargs)

    try:
        assert BlockAdapterRegister.is_supported(pipe)
        assert BlockAdapterRegister.is_supported("ToyPicturePipeline")
        assert BlockAdapterRegister.get_adapter("ToyPicturePipeline") is toy_adapter
        assert BlockAdapterRegister.get_adapter(pipe).transformer is model
        assert not BlockAdapterRegister.has_separate_cfg(pipe)
        count, names = BlockAdapterRegister.supported_pipelines()
        assert "ToyPicture" in names
        assert count == len(names)
    finally:
        BlockAdapterRegister.unregister("ToyPicture")
    assert not BlockAdapterRegister.is_supported("ToyPicturePipeline")
    assert not BlockAdapterRegister.is_supported(pipe)
