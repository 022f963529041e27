"""The tiles of one autoencoder, shared out over the ranks."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..intercept import Call, Interception, intercept, uncompiled
from ..logger import init_logger
from .config import ParallelismConfig
from .mesh import Mesh
from .tile_exchange import Told, Work, exchanged
from .tile_plan import TilePlan
from .tile_record import Recording, Replay, Tile

logger = init_logger(__name__)


@dataclass(frozen=True)
class Share:
    """How the tiles of one call were shared out.

    Attributes:
        owners: for each tile, the rank that computed it.
        loads: for each rank, how much work it had.
    """

    owners: tuple[int, ...]
    loads: tuple[int, ...]

    @classmethod
    def of(cls, costs: Sequence[int], ranks: int) -> Share:
        """The longest first, each to the rank that has the least so far."""
        owners, loads = [0] * len(costs), [0] * ranks
        for place in sorted(range(len(costs)), key=lambda place: -costs[place]):
            owners[place] = loads.index(min(loads))
            loads[owners[place]] += costs[place]
        return cls(tuple(owners), tuple(loads))

    @property
    def imbalance(self) -> float:
        """The most work of a rank over the mean of all: 1 is perfect."""
        return max(self.loads) * len(self.loads) / (sum(self.loads) or 1)


class TileParallel:
    """Lets every rank compute a share of the tiles of one autoencoder.

    Its own tiled methods run as they are, twice: once to see which tiles they want, and once more
    with the finished tiles, which every rank has by then. Making one touches nothing.

    Attributes:
        computed: tiles that this rank has computed so far.
        last: how those of the last call were shared out.

    Raises:
        ValueError: the autoencoder has no tiles, or the sizes do not fit the world.
    """

    def __init__(self, vae: nn.Module, plan: TilePlan, config: ParallelismConfig) -> None:
        self.name = type(vae).__name__
        self.vae = weakref.ref(vae)
        self.plan = plan
        self.methods = [name for name in plan.methods if hasattr(vae, name)]
        self.workers = [name for name in plan.workers if hasattr(vae, name)]
        for what, found, wanted in (
            ("method", self.methods, plan.methods),
            ("module", self.workers, plan.workers),
        ):
            if not found:
                raise ValueError(
                    f"{self.name}: its plan for tiles names no {what} that it has. It has none of "
                    f"{', '.join(wanted)}. Correct the plan."
                )
        self.mesh = Mesh.of(config)
        self.computed = 0
        self.last: Share | None = None
        self._phase: Recording | Replay | None = None
        self._layers: list[Interception] = []
        self._untiled: dict[str, Any] = {}  # attributes as they were without tiling

    @property
    def bytes_sent(self) -> int:
        """Payload that this rank has sent so far to the ranks that share a sample."""
        return self.mesh.sample.bytes_sent

    def install(self) -> None:
        """Put it on the autoencoder, with tiling switched on."""
        vae: Any = self.vae()
        assert vae is not None
        if not vae.use_tiling:
            before = dict(vars(vae))
            vae.enable_tiling()
            self._untiled = {
                name: value for name, value in before.items() if vars(vae)[name] is not value
            }
            logger.info(f"{self.name}: tiling is switched on, since only tiles can be shared out")
        methods: dict[str, Any] = dict.fromkeys(self.methods, uncompiled(self._around_method))
        if self.plan.opens:
            methods[self.plan.opens] = uncompiled(self._around_preparation)
        self._layers = [intercept(vae, **methods)]
        around = uncompiled(self._around_worker)
        for name in self.workers:
            self._layers.append(intercept(getattr(vae, name), __call__=around))
        logger.info(f"tiles of {self.name} over {self.mesh.sample.size} ranks")

    def uninstall(self) -> None:
        """Take everything off again; tiling is what it was."""
        for layer in self._layers:
            layer.release()
        self._layers = []
        if (vae := self.vae()) is not None:
            vars(vae).update(self._untiled)
        self._untiled = {}

    def _around_method(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._phase is not None or self.mesh.sample.size == 1:  # within another, or alone
            return call(*args, **kwargs)
        with torch.no_grad():  # gradients would end at this rank's tiles
            recording, work = Recording(self.plan), Work()
            try:
                self._run(recording, call, args, kwargs)
                self._compute_own(recording.tiles, work)
            except Exception as error:
                work.error = error
            replay = Replay(self.name, recording, self._exchanged(recording, work))
            return self._run(replay, call, args, kwargs)

    def _run(self, phase: Recording | Replay, call: Call, args: Any, kwargs: Any) -> Any:
        self._phase = phase
        try:
            return call(*args, **kwargs)
        finally:
            self._phase = None

    def _around_worker(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._phase.compute(call, args, kwargs) if self._phase else call(*args, **kwargs)

    def _around_preparation(self, call: Call, args: Any, kwargs: Any) -> Any:
        return self._phase.prepare(call, args, kwargs) if self._phase else call(*args, **kwargs)

    def _compute_own(self, tiles: Sequence[Tile], work: Work) -> None:
        channel = self.mesh.sample
        share = self.last = Share.of([tile.cost for tile in tiles], channel.size)
        for place, owner in enumerate(share.owners):
            if owner == channel.rank:
                work.outputs[place] = tiles[place].compute(self.plan.carries)
        self.computed += len(work.outputs)

    def _exchanged(self, recording: Recording, work: Work) -> list[torch.Tensor]:
        """What the workers return in all of their calls, wherever they were made."""
        channel = self.mesh.sample
        told = channel.gather_objects(work.told(recording.inputs))
        if work.error is not None:
            raise work.error
        self._check(told)
        finished = exchanged(channel, work, told, recording.device)
        return [each for place in sorted(finished) for each in finished[place]]

    def _check(self, told: Sequence[Told]) -> None:
        ranks = self.mesh.sample.ranks
        for rank, each in zip(ranks, told, strict=True):
            if each.problem:
                raise RuntimeError(
                    f"{self.name}: rank {rank} failed, and this one cannot go on without its "
                    f"tiles. {each.problem}"
                )
        for rank, each in zip(ranks, told, strict=True):
            if each.inputs != told[0].inputs:
                raise RuntimeError(
                    f"{self.name}: rank {rank} has other tiles than rank {ranks[0]}. All ranks "
                    "that work on a sample share its tiles: give them inputs of one shape, and "
                    "the same tile sizes."
                )
