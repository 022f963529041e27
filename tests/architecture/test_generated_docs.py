"""Pages that are derived from the code say what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import generate_docs
from benchmark_plots import PLOTS, digest, drawn_from, rendered
from benchmark_table import table
from benchmark_tables import TABLES, with_tables
from cache_dit.caching.block_adapters import BlockAdapterRegister
from excerpts import excerpt, refreshed


def test_the_generated_pages_are_fresh() -> None:
    assert list(generate_docs.stale_pages(generate_docs.DOCS)) == [], "run `make generate`"


def test_a_new_model_makes_the_page_stale_and_generating_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate_docs, "DOCS", tmp_path)
    monkeypatch.setattr(generate_docs, "README", tmp_path / "README.md")
    (tmp_path / "README.md").write_text("<!-- matrix -->\nold\n<!-- /matrix -->\n")
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
    assert "| cache | " in (tmp_path / "README.md").read_text()
    page = (tmp_path / "user_guide" / "SUPPORTED_MODELS.md").read_text()
    assert "| `Novelty` | The newest model. |" in page


def test_a_page_quotes_what_the_file_says_now(tmp_path: Path) -> None:
    code = (
        "@decorated\ndef f():\n    return 1\n\n\nclass C:\n    x: int = 2\n\n    def m(self): ...\n"
    )
    (tmp_path / "a.py").write_text(code)
    page = '```python title="a.py: f, C.x, C.m"\nold\n```\n\n```python\nkept\n```\n'
    quoted = "@decorated\ndef f():\n    return 1\n\n\nx: int = 2\n\n\ndef m(self): ...\n"
    assert refreshed(page, tmp_path) == page.replace("old\n", quoted)
    assert excerpt("a.py", tmp_path) == code
    with pytest.raises(ValueError, match=r"a\.py has no 'g'"):
        excerpt("a.py: g", tmp_path)


def test_a_table_shows_what_was_measured(tmp_path: Path) -> None:
    row = {"what": "a video", "over": "2 ranks", "per_untiled": 0.344, "per_tiled": 1}
    ran = {"command": "python x.py", "python": "3.12", "torch": "2", "diffusers": "1"}
    document = {"ran": {**ran, "processor": "x86_64", "cores": 2}, "rows": [row, row]}
    (tmp_path / "vae_parallel.json").write_text(json.dumps(document))
    page = "before\n<!-- benchmark vae_parallel -->\nold\n<!-- /benchmark -->\nafter\n"
    shown = with_tables(page, tmp_path)
    assert "\n| a video | 2 ranks | 0.34 | 1.00 |\n|  | 2 ranks | 0.34 |" in shown
    assert "Measured by `python x.py` with Python 3.12" in shown
    assert "old" not in shown and shown.endswith("after\n")
    assert with_tables(shown, tmp_path) == shown
    not_yet = page.replace("vae_parallel", "overhead")
    assert with_tables(not_yet, tmp_path) == not_yet
    with pytest.raises(ValueError, match=r"<!-- benchmark none -->: there is no such table"):
        with_tables(page.replace("vae_parallel", "none"), tmp_path)


def test_a_plot_is_drawn_anew_when_its_figures_change(tmp_path: Path) -> None:
    rows = [
        {"case": "tiny:1", "block_ms": 0.7, "subject": name, "median_times_bound": ratio}
        for name, ratio in {"bound": 1.0, "this package, static": 1.1}.items()
    ]
    plot, results = PLOTS["images/overhead.svg"], tmp_path / "overhead.json"
    results.write_text(json.dumps({"rows": rows}))
    drawn = rendered(plot, tmp_path)
    assert drawn == rendered(plot, tmp_path), "the same to the byte"
    path = tmp_path / "overhead.svg"
    path.write_text(drawn)
    assert drawn_from(path) == digest(plot, tmp_path)
    rows[1]["median_times_bound"] = 1.2
    results.write_text(json.dumps({"rows": rows}))
    assert drawn_from(path) != digest(plot, tmp_path)
    assert rendered(plot, tmp_path) != drawn


def test_a_column_without_figures_is_left_out_and_a_list_has_no_machine(tmp_path: Path) -> None:
    rows = [{"model": "A", "axis": "cp", "ok": True}, {"model": "B", "axis": "cp", "ok": False}]
    (tmp_path / "new_model_share.json").write_text(json.dumps(rows))
    shown = table(TABLES["new_model_share"], tmp_path)
    assert (
        shown
        == "| axis | passed | of | share |\n| --- | ---: | ---: | ---: |\n| cp | 1 | 2 | 50% |\n"
    )
    assert "LPIPS" in TABLES["quality_all"].columns
    assert "LPIPS" not in table(TABLES["quality_all"]), "it was not measured"
