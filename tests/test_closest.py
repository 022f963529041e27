"""What is offered instead of an unknown name is what may have been meant, or nothing."""

from __future__ import annotations

from cache_dit.closest import closest, hint

KNOWN = ["DiT", "FluxControlNet", "FluxTransformer", "Fn_compute_blocks", "Wan"]


def test_what_is_spelt_alike_is_offered_most_alike_first() -> None:
    assert closest("FluxTransfomer", KNOWN) == ["FluxTransformer"]
    assert closest("fn_compute_block", KNOWN) == ["Fn_compute_blocks"]


def test_the_beginning_of_a_name_is_enough() -> None:
    assert closest("flux", KNOWN) == ["FluxControlNet", "FluxTransformer"]
    assert closest("flux", KNOWN, count=1) == ["FluxControlNet"]


def test_what_is_not_alike_is_not_offered() -> None:
    for name in ("SmallDiT", "", 7, "xyz"):
        assert closest(name, KNOWN) == []
        assert hint(name, KNOWN) == ""


def test_classes_are_not_alike_by_how_their_names_end() -> None:
    classes = ["SD3Transformer2DModel", "Krea2Transformer2DModel", "WanTransformer3DModel"]
    assert closest("MyTransformer2DModel", classes) == []
    assert closest("KreaTransformer2DModel", classes) == ["Krea2Transformer2DModel"]
    assert closest("Transformer2DModel", classes) == []


def test_the_hint_goes_on_behind_a_sentence() -> None:
    assert hint("Wam", KNOWN) == " Closest: Wan."
