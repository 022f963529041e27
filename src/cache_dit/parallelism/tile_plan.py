"""What the engine for tiles is told about a kind of autoencoder."""

from __future__ import annotations

from dataclasses import dataclass

METHODS = (
    "tiled_encode",
    "tiled_decode",
    "_tiled_encode",
    "_tiled_decode",
    "_temporal_tiled_encode",
    "_temporal_tiled_decode",
)


@dataclass(frozen=True)
class TilePlan:
    """Where an autoencoder computes its tiles. The default: each call of a worker is a tile.

    Attributes:
        methods: those of its methods that cut, compute and stitch tiles, as far as it has them.
        workers: those of its modules that compute a tile, or one time section of it.
        opens: a method of it that makes its modules ready for what follows. A call of it begins a
            tile, unless its first argument is False.
        carries: keyword by which the calls for one tile hand on features. The workers then return
            ``(tile, features)``, and a call without features begins a tile.
    """

    methods: tuple[str, ...] = METHODS
    workers: tuple[str, ...] = ("encoder", "decoder")
    opens: str = ""
    carries: str = ""
