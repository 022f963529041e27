"""Tensor parallelism of one module: its width shared out over ranks, and put together again."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from ..comm import Channel
from ..intercept import Interception
from ..logger import init_logger
from .failure import watch
from .mesh import Mesh
from .tensor_exchange import hooks_of, register
from .tensor_plan import Plan, Shared
from .tensor_resolution import Resolution
from .tensor_shards import Shard, fill

logger = init_logger(__name__)

Read = Callable[[str], Any]
Convert = Callable[[torch.Tensor], torch.Tensor]


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
        self._whole_numbers: list[Any] = []
        self._hooks: list[RemovableHandle] = []
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
            convert: puts what was read where it belongs, in the type that it should have.
        """
        self._install(lambda shard: read(shard.path), convert)
        shared = {id(shard.parameter) for shard in self.shards.parameters if self._on}
        module = self.module()
        assert module is not None
        for path, parameter in list(module.named_parameters()):
            if id(parameter) not in shared:
                owner, _, name = path.rpartition(".")
                fill(module.get_submodule(owner), name, convert(read(path)[:]))

    def _install(self, whole: Callable[[Shard], Any], convert: Convert | None = None) -> None:
        rank, size = self.channel.rank, self.channel.size
        if size == 1:
            return
        register(self.channel)
        self._on = True
        for shard in self.shards.parameters:
            part = shard.part(whole(shard), rank, size)
            shard.keep(part if convert is None else convert(part))
        numbers = [(each.module(), each) for each in self.shards.numbers]
        self._whole_numbers = [getattr(module, each.name) for module, each in numbers]
        for module, each in numbers:
            setattr(module, each.name, each.here)
        self._hook_on()
        logger.info(
            f"tensor parallelism on {self.name}: {len(self.shards.parameters)} parameters over "
            f"{size} ranks"
        )

    def _hook_on(self) -> None:
        module = self.module()
        assert module is not None
        self._watch = watch(module, self.mesh.sample)
        for call in self.shards.calls:
            layer = call.module()
            assert layer is not None
            before, after = hooks_of(self.channel, layer, call.style)
            if before is not None:
                self._hooks.append(layer.register_forward_pre_hook(before, with_kwargs=True))
            if after is not None:
                self._hooks.append(layer.register_forward_hook(after))

    def uninstall(self) -> None:
        """Every rank has the whole weights again, bit by bit; all ranks must enter.

        On an error, such as that a rank is gone, the width is still shared out.
        """
        if not self._on:
            return
        for layer in self._watch:
            layer.check()
        done: list[Shard] = []
        try:
            for shard in self.shards.parameters:
                shard.keep(self._whole(shard))
                done.append(shard)
        except BaseException:
            for shard in done:
                whole = shard.parameter.data
                shard.keep(shard.part(whole, self.channel.rank, self.channel.size))
            raise
        for layer in self._watch:
            layer.release()
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._watch, self._on = [], [], False
        for each, whole in zip(self.shards.numbers, self._whole_numbers, strict=True):
            setattr(each.module(), each.name, whole)
        self._whole_numbers = []

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The module's state with whole weights, on the CPU; all ranks must enter."""
        module = self.module()
        assert module is not None
        shards = {id(shard.parameter): shard for shard in self.shards.parameters}
        state = {}
        for name, value in module.state_dict(keep_vars=True).items():
            shard = shards.get(id(value)) if self._on else None
            whole = value.detach() if shard is None else self._whole(shard)
            state[name] = whole.cpu()
        return state

    def _whole(self, shard: Shard) -> torch.Tensor:
        part = shard.parameter.data
        lengths = [part.shape[0]] * self.channel.size
        return shard.whole(self.channel.all_gather(part, lengths, 0))
