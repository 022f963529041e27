"""How a model is spread over devices."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from ..closest import hint


class ParallelismBackend(Enum):
    """Whose machinery does it; AUTO lets this package choose."""

    AUTO = "Auto"
    CACHE_DIT = "Cache_DiT"
    NATIVE_DIFFUSER = "Cache_DiT"  # noqa: PIE796 - the old name of CACHE_DIT
    NATIVE_PYTORCH = "Native_PyTorch"
    NATIVE_HYBRID = "Native_Hybrid"
    NONE = "None"

    @classmethod
    def named(cls, name: Any) -> ParallelismBackend:
        """The one of that name, as a YAML file gives it; upper and lower case do not matter.

        Raises:
            ValueError: there is none.
        """
        by_name = {key.lower(): each for key, each in cls.__members__.items()}
        by_value = {each.value.lower(): each for each in cls}
        known = by_name | by_value
        if isinstance(name, str) and name.lower() in known:
            return known[name.lower()]
        raise ValueError(
            f"ParallelismConfig: backend={name!r}; expected one of {', '.join(cls.__members__)}."
        )


@dataclass
class ParallelismConfig:
    """Sizes of the mesh ("ring", "ulysses", "tp") and how its axes exchange data.

    Attributes:
        backend: whose machinery is used, or its name; all but NONE mean this package's.
        ulysses_size: ranks that exchange attention heads for sequence parts.
        ring_size: ranks that pass keys and values around.
        tp_size: ranks that share the width of linear layers.
        attention_backend: attention kernel on each rank.
        cp_plan: where to split and gather, in place of the registered plan.
        ulysses_anything: accepted; any length and number of heads work without it.
        ulysses_float8: send q, k, v and the output in 8 bits (whole numbers): about 1 % off.
        ulysses_async: attend to a quarter of the heads while others travel.
        ring_rotate_method: ``"p2p"`` or ``"allgather"``.
        ring_convert_to_fp32: merge partial attention in float32.
        extra_parallel_modules: further modules, or their names on the pipeline.
        parallel_kwargs: the fields above, in the old form.

    Raises:
        ValueError: a size below 1, or an unknown backend, rotation method or old key.
    """

    backend: ParallelismBackend = ParallelismBackend.AUTO
    ulysses_size: int | str | None = None
    ring_size: int | str | None = None
    tp_size: int | str | None = None
    attention_backend: str | None = None
    cp_plan: dict[str, Any] | None = None
    ulysses_anything: bool = False
    ulysses_float8: bool = False
    ulysses_async: bool = False
    ring_rotate_method: str = "p2p"
    ring_convert_to_fp32: bool = True
    extra_parallel_modules: list[Any] = field(default_factory=list)
    parallel_kwargs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.parallel_kwargs.items():
            if name not in self.names():
                raise ValueError(
                    f"ParallelismConfig: parallel_kwargs has unknown key {name!r}."
                    f"{hint(name, self.names())} Its keys are the other fields."
                )
            setattr(self, name, value)
        if not isinstance(self.backend, ParallelismBackend):
            self.backend = ParallelismBackend.named(self.backend)
        self.parallel_kwargs = {}  # or `dataclasses.replace` would set them once more
        for name in ("ulysses_size", "ring_size", "tp_size"):
            size = getattr(self, name)
            if size in (None, "auto"):
                continue
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(
                    f"ParallelismConfig: {name}={size!r}; expected a whole number from 1 up, "
                    "'auto' or None."
                )
        if self.ring_rotate_method not in ("p2p", "allgather"):
            raise ValueError(
                f"ParallelismConfig: ring_rotate_method={self.ring_rotate_method!r}; expected "
                "'p2p' or 'allgather'."
            )

    @classmethod
    def names(cls) -> list[str]:
        """Names of the fields."""
        return [each.name for each in fields(cls)]
