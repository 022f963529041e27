"""Tensor parallelism of one module: its width shared out over ranks, and put together again."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from ..comm import Channel
from ..intercept import Interception
from ..logger import init_logger
from .failure import watch
from .mesh import Mesh
from .tensor_exchange import register
from .tensor_hooks import Exchanges
from .tensor_plan import Plan, Shared
from .tensor_resolution import Resolution
from .tensor_shards import Shard, fill

logger = init_logger(__name__)

Read = Callable[[str], Any]
Convert = Callable[[str, torch.Tensor], torch.Tensor]


class TensorParallel:
    """Every rank of a channel holds its part of a module's weights, as a plan says.

    The parts are plain tensors in the parameters that were there; what the ranks exchange happens
    in forward hooks of the layers. Making one checks everything and touches nothing.

    Args:
        module: whose width is shared out.
        plan: see `tensor_plan`.
        mesh: the place of this process.
        channel: the ranks that share the width.
        divide: the numbers that become smaller with it.
        option: what the number of ranks is called in errors.

    Raises:
        ValueError: the plan does not fit the module, or its width does not divide.
    """

    def __init__(
        self,
        module: nn.Module,
        plan: Plan,
        mesh: Mesh,
        channel: Channel,
        divide: Sequence[str | Shared] = (),
        option: str = "tp_size",
    ) -> None:
        self.name = type(module).__name__
        self.mesh, self.channel = mesh, channel
        self.module = weakref.ref(module)
        self.shards = Resolution(module, plan, divide, channel.size, option).shards
        self._cut = 0  # so many of the parameters, the first ones
        self._whole_numbers: list[Any] = []
        self._exchanges = Exchanges(channel, self.shards.calls)
        self._watch: list[Interception] = []
        self._on = False

    @property
    def bytes_sent(self) -> int:
        """Payload that this rank has sent so far along the axis that shares the width."""
        return self.channel.bytes_sent

    def install(self) -> None:
        """Keep this rank's part of the weights, and exchange what the parts make."""
        self._install(lambda shard: shard.parameter.data)

    def load(self, read: Read, convert: Convert) -> None:
        """Like `install`, for a module whose parameters have no data yet.

        Args:
            read: name of a parameter -> its whole, of which only the part is read.
            convert: puts what was read of a name where it belongs, in the type that it should have.
        """
        self._install(lambda shard: read(shard.path), convert)
        shared = {id(shard.parameter) for shard in self.shards.parameters if self._on}
        module = self.module()
        assert module is not None
        for path, parameter in list(module.named_parameters()):
            if id(parameter) not in shared:
                owner, _, name = path.rpartition(".")
                fill(module.get_submodule(owner), name, convert(path, read(path)[:]))

    def _install(self, whole: Callable[[Shard], Any], convert: Convert | None = None) -> None:
        rank, size = self.channel.rank, self.channel.size
        if size == 1:
            return
        self._on = True
        register(self.channel)
        for shard in self.shards.parameters:
            part = shard.part(whole(shard), rank, size)
            shard.keep(part if convert is None else convert(shard.path, part))
            self._cut += 1
        for each in self.shards.numbers:
            module = each.module()
            self._whole_numbers.append(getattr(module, each.name))
            setattr(module, each.name, each.here)
        model = self.module()
        assert model is not None
        self._watch = watch(model, self.mesh.sample)
        self._exchanges.put_on(model)
        logger.info(
            f"tensor parallelism on {self.name}: {len(self.shards.parameters)} parameters over "
            f"{size} ranks"
        )

    def uninstall(self) -> None:
        """Every rank has the whole weights again, bit by bit; all ranks must enter.

        A rank whose `install` failed has the rest of them still, and enters as well. On an error,
        such as that a rank is gone, the width is still shared out.

        Raises:
            ValueError: the parts were quantized.
        """
        if not self._on:
            return
        self._check_parts()
        for layer in self._watch:
            layer.check()
        done: list[Shard] = []
        try:
            for at, shard in enumerate(self.shards.parameters):
                shard.keep(self._whole(shard, self._part(shard, at < self._cut)))
                done.append(shard)
        except BaseException:
            for shard in done[: self._cut]:
                shard.keep(self._part(shard, cut=False))
            raise
        for layer in self._watch:
            layer.release()
        self._exchanges.take_off()
        self._watch, self._on, self._cut = [], False, 0
        for each, whole in zip(self.shards.numbers, self._whole_numbers, strict=False):
            setattr(each.module(), each.name, whole)
        self._whole_numbers = []

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The module's state with whole weights, on the CPU; all ranks must enter.

        Raises:
            ValueError: the parts were quantized.
        """
        self._check_parts()
        module = self.module()
        assert module is not None
        shards = {id(shard.parameter): shard for shard in self.shards.parameters}
        state = {}
        for name, value in module.state_dict(keep_vars=True).items():
            shard = shards.get(id(value)) if self._on else None
            whole = value.detach() if shard is None else self._whole(shard, value.data)
            state[name] = whole.cpu()
        return state

    def _check_parts(self) -> None:
        for shard in self.shards.parameters:
            if not shard.plain:
                raise ValueError(
                    f"{self.name}: {shard.path} was replaced or quantized after its width was "
                    "shared out, so that the whole cannot be put together. Load the model again."
                )

    def _part(self, shard: Shard, cut: bool) -> torch.Tensor:
        """This rank's part of a parameter, which holds the part already (``cut``) or the whole."""
        held = shard.parameter.data
        return held if cut else shard.part(held, self.channel.rank, self.channel.size)

    def _whole(self, shard: Shard, part: torch.Tensor) -> torch.Tensor:
        """The whole of a parameter, where the part is; it may have been moved to the CPU."""
        lengths = [part.shape[0]] * self.channel.size
        parts = self.channel.all_gather(self.channel.within_reach(part), lengths, 0)
        return shard.whole(parts).to(part.device)
