"""The zoo builds, runs, and is complete; every block of every model matters to its output."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import diffusers
import diffusers.models.transformers
import pytest
import torch
from torch import nn

from cache_dit.verify import zoo
from cache_dit.verify.zoo import Entry
from tests.installed import installed

# What diffusers' own code brings about: old names it still uses, float32 inside float64, and flex
# attention without a compiler.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}")
    for text in (
        "`(FluxPosEmbed|Transformer2DModelOutput)` is deprecated:FutureWarning",
        "In CPU autocast, but the target dtype is not supported:UserWarning",
        "Mismatch dtype between input and weight:UserWarning",
        "_compile flag on create_block_mask:DeprecationWarning",
        "`torch.jit.script_method` is deprecated:DeprecationWarning",
        "flex_attention called without torch.compile:UserWarning",
    )
]


def tagged(tag: str) -> list[str]:
    return [name for name in zoo.names() if tag in zoo.get(name).tags]


@pytest.fixture(scope="module", params=zoo.names())
def entry(request: pytest.FixtureRequest) -> Entry:
    return zoo.get(installed(request.param))


@pytest.fixture(scope="module")
def model(entry: Entry) -> nn.Module:
    """Built once for each entry; tests leave it as they found it."""
    return entry.build()


def run(entry: Entry, model: nn.Module, cache: dict[str, Any], **sizes: int) -> list[torch.Tensor]:
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        return zoo.tensors(model(**{**entry.inputs(dtype, **sizes), **cache}))


def difference(one: list[torch.Tensor], other: list[torch.Tensor]) -> float:
    """The largest relative difference of two outputs, over their tensors."""
    assert [a.shape for a in one] == [b.shape for b in other]
    pairs = zip(one, other, strict=True)
    return max(float((a.double() - b.double()).norm() / a.double().norm()) for a, b in pairs)


def test_it_runs_in_float32_and_in_float64_alike(entry: Entry, model: nn.Module) -> None:
    wide = entry.build(torch.float64)
    with torch.no_grad():
        output = run(entry, model, entry.prepare(model))
        reference = run(entry, wide, entry.prepare(wide, torch.float64))
    assert all(bool(tensor.isfinite().all()) for tensor in output)
    assert all(0.3 < float(tensor.std()) < 10 for tensor in output)
    assert difference(reference, output) < 1e-3


def test_every_block_that_runs_matters_and_no_other(entry: Entry, model: nn.Module) -> None:
    with torch.no_grad():
        cache = entry.prepare(model)
    reference = run(entry, model, cache)
    assert difference(reference, run(entry, model, cache)) == 0
    for name, blocks in entry.block_lists(model):
        assert len(blocks) >= 4
        for index, block in enumerate(blocks):
            before = [parameter.clone() for parameter in block.parameters()]
            for parameter in block.parameters():
                parameter.mul_(1.2)
            change = difference(reference, run(entry, model, cache))
            for parameter, value in zip(block.parameters(), before, strict=True):
                parameter.copy_(value)
            if f"{name}.{index}" in entry.idle:
                assert change == 0, f"{name}.{index} is called"
            else:
                assert change > 1e-3, f"{name}.{index} changes the output by {change:.1e} only"


def test_every_size_can_be_changed(entry: Entry, model: nn.Module) -> None:
    with torch.no_grad():
        reference = run(entry, model, entry.prepare(model))
        for name, size in entry.sizes.items():
            changed = {name: 1 if name == "batch" else 2 * size}
            output = run(entry, model, entry.prepare(model, **changed), **changed)
            assert all(bool(tensor.isfinite().all()) for tensor in output)
            same_shapes = [a.shape for a in output] == [b.shape for b in reference]
            assert not same_shapes or difference(reference, output) > 1e-4, name


SAMPLES = {
    "audio_hidden_states",
    "bb_ca",
    "decoder_input_tokens",
    "hidden_states",
    "local_latents",
    "sound_tokens",
    "vision_tokens",
    "x",
}
NO_TIMES = {"timestep_indices", "use_cross_timestep"}


def moved(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return not torch.equal(one, other)
    pairs = zip(zoo.tensors(one), zoo.tensors(other), strict=True)
    return any(not torch.equal(a, b) for a, b in pairs)


def test_a_step_moves_the_sample_and_the_time_and_nothing_else(entry: Entry) -> None:
    start, again, later = entry.inputs(), entry.step_inputs(0), entry.step_inputs(10)
    inspect.signature(entry.model_class.forward).bind_partial(None, **start)
    assert not any(moved(start[key], again[key]) for key in start)
    times = {key for key in start if "time" in key or key in ("t", "sigma")} - NO_TIMES
    changed = {key for key in start if moved(start[key], later[key])}
    assert times and changed == times | (SAMPLES & set(start))


@pytest.mark.parametrize("entry", tagged("kv_cache"), indirect=True)
def test_what_is_cached_reaches_the_output(entry: Entry, model: nn.Module) -> None:
    with torch.no_grad():
        caches = [entry.prepare(model, seed=seed) for seed in (0, 1)]
    assert difference(*(run(entry, model, cache) for cache in caches)) > 1e-3


@pytest.mark.parametrize("entry", tagged("controlnet"), indirect=True)
def test_what_control_adds_reaches_the_output(entry: Entry, model: nn.Module) -> None:
    other = entry.inputs(seed=1)
    control = {key: other[key] for key in other if "control" in key}
    assert control and difference(run(entry, model, {}), run(entry, model, control)) > 1e-3


def test_weights_depend_on_the_seed_only() -> None:
    entry = zoo.get("FluxTransformer2DModel")
    torch.manual_seed(1)
    one, same, other = (entry.build(seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not any(torch.equal(one[key], other[key]) for key in one)


def test_float64_holds_the_numbers_of_float32() -> None:
    entry = zoo.get("WanTransformer3DModel")
    narrow, wide = (entry.build(dtype).state_dict() for dtype in (torch.float32, torch.float64))
    assert all(torch.equal(narrow[key].double(), wide[key]) for key in narrow)
    narrow, wide = entry.inputs(), entry.inputs(torch.float64)
    assert all(torch.equal(narrow[key].double(), wide[key].double()) for key in narrow)


def test_every_transformer_of_the_installed_diffusers_is_here() -> None:
    """A class of a newer diffusers needs an entry, or a line in NOT_DENOISERS that says why not."""
    package = diffusers.models.transformers
    found = set()
    for module in pkgutil.iter_modules(package.__path__):
        members = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
        found |= {
            name
            for name, member in members.items()
            if inspect.isclass(member)
            and issubclass(member, diffusers.ModelMixin)
            and member.__module__.startswith(package.__name__)
        }
    known = {zoo.get(name).class_name for name in zoo.names()} | set(zoo.NOT_DENOISERS)
    assert found - known == set()


def test_no_name_is_given_twice() -> None:
    entries = [entry for family in zoo.FAMILIES for entry in family.ENTRIES]
    assert [entry.name for entry in entries] == zoo.names()


def test_an_unknown_name_is_an_error_that_names_the_closest() -> None:
    with pytest.raises(ValueError, match=r"no entry named 'FluxTransformer'.*Flux.*2DModel"):
        zoo.get("FluxTransformer")
    with pytest.raises(ValueError, match="Transformer2DModel is no denoiser: a part of UNets"):
        zoo.get("Transformer2DModel")


def test_an_unknown_size_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no size 'tokens'.*Use batch, height, width, text\."):
        zoo.get("FluxTransformer2DModel").inputs(tokens=3)


def test_a_class_that_diffusers_lacks_costs_only_itself() -> None:
    entry = Entry(
        class_name="Flux9Transformer", config={}, sizes={}, call=lambda s: {}, blocks=("blocks",)
    )
    assert not entry.available
    with pytest.raises(ImportError, match="Flux9Transformer is not in diffusers"):
        entry.build()


def test_a_configuration_that_an_older_class_does_not_take_costs_only_itself() -> None:
    entry = zoo.get("FluxTransformer2DModel")
    assert not entry.with_variant("", config={"flux9_layers": 4}).available


@pytest.mark.skipif(diffusers.__version__ < "0.42", reason="an older diffusers lacks some")
def test_nothing_is_left_out_with_a_new_diffusers() -> None:
    assert [name for name in zoo.names() if not zoo.get(name).available] == []


def test_tensors_are_found_in_any_output() -> None:
    a, b, index = torch.ones(2), torch.zeros(3), torch.arange(4)
    found = zoo.tensors((a, [None, {"sample": b, "index": index}], "text"))
    assert found[0] is a and found[1] is b and len(found) == 2
    assert zoo.first_tensor([b, a]) is b
    with pytest.raises(ValueError, match="no tensor in an output of type str"):
        zoo.first_tensor("text")


def test_times_move_as_schedulers_move_them() -> None:
    def times(name: str, key: str) -> list[float]:
        return [float(zoo.get(name).step_inputs(i)[key][0]) for i in range(0, 40, 4)]

    falling = times("FluxTransformer2DModel", "timestep")
    rising = times("ZImageTransformer2DModel", "t")
    whole = times("PixArtTransformer2DModel", "timestep")
    assert falling == sorted(set(falling), reverse=True) and falling[0] == pytest.approx(0.9)
    assert rising == sorted(set(rising)) and rising[0] == pytest.approx(0.1)
    assert whole == sorted(set(whole), reverse=True) and whole[:2] == [900, 896]
