"""What the tests of tensor parallelism run on every rank at once."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import FluxTransformer2DModel
from torch import nn

from cache_dit.parallelism import (
    ParallelismConfig,
    load_sharded,
    parallelism_of,
    parallelize,
    restore,
)
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.tensor_parallel import TensorParallel
from cache_dit.parallelism.tensor_plan import Plan
from cache_dit.verify import zoo
from cache_dit.verify.outputs import difference
from tests.parallelism.attention_jobs import draw
from tests.parallelism.tensor_toys import TOYS


def spread(model: nn.Module, plan: Plan, divide: Any = (), size: int = 2) -> TensorParallel:
    """A module over as many ranks, not yet put on."""
    mesh = Mesh.of(ParallelismConfig(tp_size=size))
    return TensorParallel(model, plan, mesh, mesh.tp, divide)


def toy(name: str, size: int = 2) -> tuple[float, int, dict[str, tuple[int, ...]]]:
    """(error against one process, exchanges, shapes that changed) of one of the toys."""
    make, plan, divide = TOYS[name]
    model = make().double()
    for at, parameter in enumerate(model.parameters()):
        parameter.data = draw(at, *parameter.shape)
    inputs = draw(99, 2, 5, 8)
    with torch.no_grad():
        expected = model(inputs)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        parallel = spread(model, plan, divide, size)
        parallel.install()
        begun = parallel.channel.calls
        error = float((model(inputs) - expected).abs().max())
        calls = parallel.channel.calls - begun
        shapes = {
            key: tuple(value.shape)
            for key, value in model.state_dict().items()
            if value.shape != before[key].shape
        }
        whole = parallel.state_dict()
        parallel.uninstall()
    for state in (whole, model.state_dict()):
        assert all(torch.equal(state[key], value) for key, value in before.items())
    return error, calls, shapes


def compiled(name: str) -> tuple[float, int]:
    """(error, exchanges) of a model that is compiled into one graph while it is spread."""
    entry = zoo.get(name)
    model = entry.build()
    block = model.get_submodule("transformer_blocks.0")
    width = 64
    arguments = {
        "hidden_states": draw(0, 1, 6, width).float(),
        "encoder_hidden_states": draw(1, 1, 3, width).float(),
        "temb": draw(2, 1, width).float(),
    }
    with torch.no_grad():
        expected = block(**arguments)
        plan = {
            "attn.{to_q,to_k,to_v,add_q_proj,add_k_proj,add_v_proj}": "colwise",
            "attn.{to_out.0,to_add_out}": "rowwise",
            "{ff,ff_context}.net.0.proj": "colwise_gather_output",
        }
        parallel = spread(block, plan, ("attn.heads",))
        parallel.install()
        begun = parallel.channel.calls
        output = torch.compile(block, fullgraph=True, backend="aot_eager")(**arguments)
        calls = parallel.channel.calls - begun
        parallel.uninstall()
    pairs = zip(output, expected, strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs), calls


def loaded_in_parts(folder: str, size: int) -> tuple[float, float, bool]:
    """(largest difference to the whole model, share of its numbers, whole again afterwards)."""
    config = ParallelismConfig(tp_size=size)
    whole = FluxTransformer2DModel.from_pretrained(folder).eval()
    model = load_sharded(FluxTransformer2DModel, folder, config, dtype=torch.float32)
    inputs = {
        "hidden_states": draw(0, 1, 6, 64).float(),
        "encoder_hidden_states": draw(1, 1, 3, 64).float(),
        "pooled_projections": draw(2, 1, 64).float(),
        "timestep": torch.tensor([0.5]),
        "img_ids": draw(3, 6, 3).float(),
        "txt_ids": torch.zeros(3, 3),
    }
    with torch.no_grad():
        difference = (model(**inputs).sample - whole(**inputs).sample).abs().max()
    share = sum(each.numel() for each in model.parameters()) / whole.num_parameters()
    restore(model)
    state = whole.state_dict()
    same = all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    return float(difference), share, same


def rank_gone_while_restoring() -> tuple[str, float, bool]:
    """(what is said, error of the model then, whether it can be restored afterwards)."""
    entry = zoo.get("FluxTransformer2DModel")
    model = entry.build(torch.float64)
    inputs = entry.inputs(torch.float64)
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    with torch.no_grad():
        expected = zoo.tensors(model(**inputs))
        parallelize([model], ParallelismConfig(tp_size=2))
        (parallel,) = parallelism_of(model)
        channel, left = parallel.channel, [3]

        def failing(*args: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("connection closed")
            return type(channel).all_gather(channel, *args)

        channel.all_gather = failing
        try:
            restore(model)
            said = "restored"
        except RuntimeError as error:
            said = str(error)
        finally:
            del channel.all_gather
        error = difference(zoo.tensors(model(**inputs)), expected)
        restore(model)
    state = model.state_dict()
    return said, error, all(torch.equal(state[key], value) for key, value in weights.items())


def loaded_as_by_diffusers(folder: str, name: str, dtype: torch.dtype | None) -> list[str]:
    """Names of parameters and buffers that are not what ``from_pretrained`` gives."""
    model_class = zoo.get(name).model_class
    whole = model_class.from_pretrained(folder, torch_dtype=dtype)
    model = load_sharded(model_class, folder, ParallelismConfig(tp_size=2), dtype=dtype)
    restore(model)
    expected = dict(whole.named_parameters()) | dict(whole.named_buffers())
    found = dict(model.named_parameters()) | dict(model.named_buffers())
    assert found.keys() == expected.keys()
    pairs = {key: (value, expected[key]) for key, value in found.items()}
    return [
        key
        for key, (one, other) in pairs.items()
        if one.dtype != other.dtype or not torch.equal(one, other)
    ]


def refused_to_load(folder: str) -> str:
    """What is said about weights that are not the model's."""
    try:
        load_sharded(FluxTransformer2DModel, folder, ParallelismConfig(tp_size=2))
    except ValueError as error:
        return str(error)
    return "loaded"
