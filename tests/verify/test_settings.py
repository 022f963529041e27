"""Which settings are tried, and what each of them implies."""

from __future__ import annotations

from cache_dit import DBCacheConfig
from cache_dit.caching.block_adapters.block_lists import BlockList
from cache_dit.verify.chain import Chain
from cache_dit.verify.settings import (
    BY_ORDER,
    NAMED,
    SNAPSHOTS,
    Setting,
    every_setting,
    telling_settings,
)
from tests.verify.toys import TakingTurns, adapter, built


def lists(model: object) -> list[BlockList]:
    return adapter(model).transformers()[0].lists


def chained(sizes: tuple[int, int] = (4, 6), idle: tuple[int, ...] = ()) -> Chain:
    both = lists(built(joint=sizes[0], single=sizes[1]))
    running = [(each.name, i) for each in both for i in range(len(each.references))]
    return Chain.of(both, [place for n, place in enumerate(running) if n not in idle])


def test_a_chain_is_in_the_order_in_which_its_blocks_run() -> None:
    both = lists(TakingTurns())
    turns = [(name, index) for index in range(4) for name in ("layers", "single_layers")]
    assert Chain.of(both, turns).places == tuple(turns)
    assert Chain.of(both, turns).border == 1
    assert chained().border == 4


def test_a_block_that_is_left_out_keeps_its_place_in_its_list() -> None:
    whole = chained()
    for idle in ((0,), (3,), (4,), (5, 6), (9,)):
        assert chained(idle=idle).places == whole.places
        assert chained(idle=idle).idle == set(idle)


def test_front_and_tail_are_cut_to_the_chain() -> None:
    assert Setting(2, 1).skippable(6) == range(2, 5)
    assert Setting(2, 4).skippable(6) == range(2, 2)
    assert len(Setting(8, 1).skippable(6)) == 0
    assert len(Setting(2, 9).skippable(6)) == 0


def test_modifiers_are_in_the_order_of_the_lists_and_fit_each_chain() -> None:
    both = lists(built(joint=4, single=6))
    apart = [Chain.of([each], [(each.name, 0)]) for each in both]
    arguments = Setting(5, 1).arguments([apart[1], apart[0]], both)
    short, long = (each.cache_config for each in arguments["params_modifiers"])
    assert (short.Fn_compute_blocks, short.Bn_compute_blocks) == (4, 0)
    assert (long.Fn_compute_blocks, long.Bn_compute_blocks) == (5, 1)


def test_the_telling_settings_leave_no_kind_out() -> None:
    settings = telling_settings([chained()], named=True)
    assert {each.predictor for each in settings} == set(SNAPSHOTS)
    assert {each.cache_type for each in settings} == {"residual", "hidden_states"}
    assert {each.branches for each in settings} > {BY_ORDER, NAMED}
    assert {each.front for each in settings} >= {3, 4, 5}
    assert {len(each.skippable(10)) for each in settings} >= {0, 1}
    assert any(each.prunes for each in settings) and any(each.measured for each in settings)
    assert not any(each.branches == NAMED for each in telling_settings([chained()], named=False))
    assert Setting(6, 0, measured=True) in telling_settings([chained(idle=(5,))], named=False)


def test_every_setting_is_all_spans_with_all_predictors() -> None:
    settings = every_setting([chained((2, 2))], named=True)
    assert len(settings) == len(set(settings))
    spans = [(front, behind) for front in range(1, 5) for behind in range(5 - front)]
    for predictor in SNAPSHOTS:
        for store in ("residual", "hidden_states"):
            assert {Setting(*span, predictor, store) for span in spans} <= set(settings)
    assert {Setting(*span, prunes=True) for span in spans} <= set(settings)
    assert {Setting(*span, measured=True, branches=NAMED) for span in spans} <= set(settings)


def test_a_mask_fills_the_predictor_before_the_first_reuse() -> None:
    assert Setting(1, 0).mask == [1, 0, 1, 0]
    assert Setting(1, 0, "DMD").mask == [1, 1, 1, 1, 0, 1, 0]
    config = Setting(1, 0, "DMD", prunes=True).arguments([], [])["cache_config"]
    assert isinstance(config, DBCacheConfig) and config.strify().startswith("DBPrune")


def test_a_setting_reads_well() -> None:
    assert str(Setting(1, 0)) == "F1B0 hold"
    text = "prune F2B1 Taylor 1 hidden_states measured, branches by order"
    assert str(Setting(2, 1, "Taylor 1", "hidden_states", True, True, BY_ORDER)) == text
