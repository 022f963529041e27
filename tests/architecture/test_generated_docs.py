"""Pages that are derived from the code say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

import generate_docs
from cache_dit.caching.block_adapters import BlockAdapterRegister


def test_the_generated_pages_are_fresh() -> None:
    assert list(generate_docs.stale_pages(generate_docs.DOCS)) == [], "run `make generate`"


def test_a_new_model_makes_the_page_stale_and_generating_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate_docs, "DOCS", tmp_path)
    (tmp_path / "user_guide").mkdir()
    assert generate_docs.main([]) == 0
    assert generate_docs.main(["--check"]) == 0

    @BlockAdapterRegister.register("Novelty")
    def novelty_adapter(pipe: object, **kwargs: object) -> None:
        """The newest model.

        With details that the table does not show.
        """

    try:
        assert generate_docs.main(["--check"]) == 1
        assert "is stale" in capsys.readouterr().out
        assert generate_docs.main([]) == 0
    finally:
        BlockAdapterRegister.unregister("Novelty")
    page = (tmp_path / "user_guide" / "SUPPORTED_MODELS.md").read_text()
    assert "| `Novelty` | The newest model. |" in page
