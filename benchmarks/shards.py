"""Blocks of FLUX over ranks, their parts kept as plain tensors or as DTensors, in three trials.

What compiling makes of them, what quantizing makes of them, and what their whole state costs. Each
trial runs on all ranks at once, and returns rows (see `record`).
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch
import torch.distributed as dist
from diffusers.models.transformers.transformer_flux import FluxTransformerBlock
from over_ranks import processor_ratio
from record import Row
from torch import nn
from torch._dynamo.utils import counters
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.utils._python_dispatch import TorchDispatchMode

from cache_dit.parallelism import ParallelismConfig
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.tensor_parallel import TensorParallel

WHOLE, PLAIN, DTENSOR = "one process", "plain parts", "DTensor"
INTO = (
    *(f"attn.{name}" for name in ("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj")),
    *("attn.add_v_proj", "ff.net.0.proj", "ff_context.net.0.proj"),
)
OUT = ("attn.to_out.0", "attn.to_add_out", "ff.net.2", "ff_context.net.2")


@dataclass(frozen=True)
class Trial:
    """The blocks that are tried, and over how many ranks.

    Attributes:
        lengths: numbers of tokens of an image; the text has 8.
        backend: of ``torch.compile``.
    """

    size: int
    heads: int
    width: int
    blocks: int
    lengths: tuple[int, ...]
    backend: str
    repeats: int

    def make(self) -> nn.ModuleList:
        """The blocks, always with the same weights."""
        torch.manual_seed(0)
        dim = self.heads * self.width
        made = [FluxTransformerBlock(dim, self.heads, self.width) for _ in range(self.blocks)]
        return nn.ModuleList(made).requires_grad_(False)

    def call(self, blocks: nn.ModuleList, length: int) -> torch.Tensor:
        """What the blocks make of so many tokens."""
        dim, source = self.heads * self.width, torch.Generator().manual_seed(length)
        image, text = (torch.randn(1, n, dim, generator=source) for n in (length, 8))
        condition = torch.randn(1, dim, generator=source)
        for block in blocks:
            text, image = block(hidden_states=image, encoder_hidden_states=text, temb=condition)
        return image

    def share_out(self, blocks: nn.ModuleList, parts: str) -> list[TensorParallel]:
        """Share out the width of the blocks; what does it, for plain parts."""
        if parts == DTENSOR:
            styles: dict[str, Any] = {name: ColwiseParallel() for name in INTO}
            styles |= {name: RowwiseParallel() for name in OUT}
            for block in blocks:
                parallelize_module(block, init_device_mesh("cpu", (self.size,)), styles)
                block.attn.heads //= self.size
        if parts != PLAIN:
            return []
        plan = dict.fromkeys(INTO, "colwise") | dict.fromkeys(OUT, "rowwise")
        mesh = Mesh.of(ParallelismConfig(tp_size=self.size))
        made = [TensorParallel(block, plan, mesh, mesh.tp, ("attn.heads",)) for block in blocks]
        for each in made:
            each.install()
        return made


@torch.no_grad()
def compiled(trial: Trial) -> list[Row]:
    """Blocks that are compiled one by one, as ``compile_repeated_blocks`` does."""
    return [_compiled(trial, parts) for parts in (WHOLE, PLAIN, DTENSOR)]


def _compiled(trial: Trial, parts: str) -> Row:
    blocks, whole, first = trial.make(), trial.make(), trial.lengths[0]
    trial.share_out(blocks, parts)
    expected = trial.call(whole, first)
    torch._dynamo.reset()
    counters.clear()
    for block in blocks:
        block.compile(backend=trial.backend)
    error = _error(trial.call(blocks, first), expected)
    graphs = counters["stats"]["unique_graphs"]
    time = processor_ratio(
        lambda: trial.call(blocks, first), lambda: trial.call(whole, first), trial.repeats
    )
    other = _outcome(lambda: [trial.call(blocks, length) for length in trial.lengths[1:]])
    return {
        "part": "compiled",
        "parts": parts,
        "graphs": graphs,
        "graph_breaks": sum(counters["graph_break"].values()),
        "other_lengths": other,
        "graphs_then": counters["stats"]["unique_graphs"],
        "processor": time,
        "error": error,
    }


@torch.no_grad()
def quantized(trial: Trial) -> list[Row]:
    """Linear layers in 8 bits, before or after the width is shared out."""
    rows = []
    for name, quantize in quantizers().items():
        for order in ("shared out first", "quantized first"):
            for parts in (PLAIN, DTENSOR):
                found = _quantized(trial, quantize, parts, order == "quantized first")
                rows.append({"part": "quantized", "by": name, "order": order, **found})
                dist.barrier()
    return rows


def _quantized(trial: Trial, quantize: Any, parts: str, first: bool) -> dict[str, Any]:
    length = trial.lengths[0]
    exact, whole, blocks = trial.call(trial.make(), length), trial.make(), trial.make()
    quantize(whole)
    expected = trial.call(whole, length)
    output: list[torch.Tensor] = []

    def work() -> None:
        if first:
            quantize(blocks)
        trial.share_out(blocks, parts)
        if not first:
            quantize(blocks)
        output.append(trial.call(blocks, length))

    outcome = _outcome(work)
    return {
        "parts": parts,
        "outcome": outcome,
        "error": _error(output[0], expected) if output else None,
        "rounding": _error(expected, exact),
    }


def quantizers() -> dict[str, Callable[[nn.Module], Any]]:
    """What is installed that quantizes on a processor."""

    def dynamic(module: nn.Module) -> None:
        torch.ao.quantization.quantize_dynamic(module, {nn.Linear}, dtype=torch.qint8, inplace=True)

    found: dict[str, Callable[[nn.Module], Any]] = {"torch.ao, dynamic": dynamic}
    if find_spec("torchao"):
        from torchao.quantization import (  # noqa: PLC0415 - need not be there
            Int8WeightOnlyConfig,
            quantize_,
        )

        name = f"torchao {version('torchao')}, weights only"
        found[name] = lambda module: quantize_(module, Int8WeightOnlyConfig())
    return found


@torch.no_grad()
def whole_state(trial: Trial) -> list[Row]:
    """The whole state of one block."""
    rows: list[Row] = []
    for parts in (PLAIN, DTENSOR):
        blocks = trial.make()
        expected = blocks[0].state_dict()
        expected = {name: value.clone() for name, value in expected.items()}
        (spread, *_) = trial.share_out(blocks, parts) or [None]
        way = of_plain if spread else of_dtensors
        with Exchanged(trial.size) as exchanged:
            state = way(spread or blocks[0])
        held = blocks[0].state_dict().values()
        weights = sum(value.numel() * value.element_size() for value in expected.values())
        own = not any(isinstance(value, DTensor) for value in held)
        rows.append(
            {
                "part": "state",
                "parts": parts,
                "lines": len(textwrap.dedent(inspect.getsource(way)).splitlines()) - 2,
                "exchanges": exchanged.calls,
                "sent": exchanged.sent / weights,
                "same": state.keys() == expected.keys()  # DTensor's is there on the first rank only
                and all(torch.equal(state[name], value) for name, value in expected.items()),
                "ordinary": own,
            }
        )
    return rows


def of_plain(parallel: TensorParallel) -> dict[str, Any]:
    """The whole state."""
    return parallel.state_dict()


def of_dtensors(block: nn.Module) -> dict[str, Any]:
    """The whole state."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_model_state_dict(block, options=options)


class Exchanged(TorchDispatchMode):
    """Counts what is gathered within it, and how many bytes of it this rank sends."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.calls, self.sent = size, 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "c10d" in str(func) and "gather" in str(func):
            self.calls += 1
            given = args[1] if "allgather_" in str(func) else args[0]  # outputs come first there
            self.sent += sum(each.nbytes for each in _tensors(given)) * (self.size - 1)
        return func(*args, **(kwargs or {}))


def _tensors(value: torch.Tensor | Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
    yield from [value] if isinstance(value, torch.Tensor) else value


def _outcome(work: Callable[[], Any]) -> str:
    try:
        work()
    except Exception as error:
        if inner := re.search(r"got (\w+)\(['\"]+(.*?)['\"]+\)", str(error)):  # of torch.compile
            return f"{inner[1]}: {inner[2]}"
        said = str(error).partition(". ")[0]
        return f"{type(error).__name__}: {said}".rstrip(": ")
    return "works"


def _error(output: torch.Tensor, expected: torch.Tensor) -> float:
    return float((output - expected).norm() / expected.norm())
