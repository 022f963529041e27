"""What the cache has to know about a model: which blocks, which pattern, CFG apart or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ...intercept import unwrapped
from ..patch_functor import PatchFunctor
from .block_lists import BlockList, TransformerBlocks, by_transformer, lists_of
from .check import check_fields, check_lists, check_transformers
from .find_blocks import find_blocks
from .turns import Interleaved


class FakeDiffusionPipeline:
    """Stands in for a pipeline where there is a transformer only."""

    def __init__(self, transformer: nn.Module | None = None) -> None:
        self.transformer = transformer


@dataclass(eq=False)
class BlockAdapter:
    """Where the blocks of a model are and what they look like.

    ``blocks``, ``blocks_name``, ``forward_pattern`` and ``params_modifiers`` are single values; or
    lists with one entry for each block list of one transformer, or one for each transformer; or
    lists of lists, for several transformers with several block lists.

    Attributes:
        pipe: the pipeline; anything with a ``transformer``; or None.
        transformer: the transformer, or several; None takes ``pipe.transformer``.
        blocks: the block list(s).
        blocks_name: attribute name(s) of the block lists, for messages and statistics; found by
            itself when left out.
        forward_pattern: what a block takes and returns.
        params_modifiers: settings of their own for block lists.
        check_forward_pattern: refuse blocks whose ``forward`` has no parameters of the streams'
            names; otherwise its first parameters are taken for them.
        check_num_outputs: refuse blocks whose ``forward`` is annotated to return another number of
            tensors. Without it, that is found at the first call.
        patch_functor: applied to the transformer before its blocks are intercepted; an escape
            hatch for models whose forward must be changed, undone when the cache is disabled.
        has_separate_cfg: conditional and unconditional are separate calls of the transformer.
        auto: find block lists and pattern from the structure of the transformer.
        allow_prefixes: with ``auto``, names that a block list may begin with.
        check_prefixes: whether that is required.
        allow_suffixes: with ``auto``, endings that a block's class name may have.
        check_suffixes: whether that is required.
        blocks_policy: with ``auto``, take the candidate with the most (``"max"``) or the fewest
            (``"min"``) blocks.
        chained: the block lists of a transformer, or those named here, run one after another under
            one decision: ``Fn_compute_blocks`` counts from the first list's start,
            ``Bn_compute_blocks`` from the last one's end.
        interleaved: the block lists take turns under one decision: with True, blocks of equal index
            (in a module dictionary: equal key) run one after another, in the order of the lists;
            ``("double", "double", "single")`` are two of one list, one of another, and so on.
        own_streams: with ``interleaved``, each list changes a stream of its own, which the others
            only read.
        stream_parameters: parameter names of the streams, where they are not the usual ones:
            ``{"hidden_states": "x"}``; or a list of such, one for each block list.
        long_skip: parameter by which a block takes the output of its mirror image in the front half
            of the list (U-Net skips).
        merges_early: the loop itself merges what early blocks take or return into the stream before
            late ones, past their arguments; a tail then is at most as long as the front.
        branch_on: arguments of the transformer that make a call one of another kind, such as
            ``("skip_layers",)``.
        compute_when: says for the arguments of a transformer call whether it must compute, because
            it fills a key-value cache for example.
    """

    pipe: Any = None
    transformer: Any = None
    blocks: Any = None
    blocks_name: Any = None
    forward_pattern: Any = None
    params_modifiers: Any = None
    check_forward_pattern: bool | None = None
    check_num_outputs: bool = False
    patch_functor: PatchFunctor | None = None
    has_separate_cfg: bool = False
    auto: bool = False
    allow_prefixes: list[str] = field(
        default_factory=lambda: [
            "transformer",
            "single",
            "double",
            "joint",
            "visual",
            "blocks",
            "layers",
            "decoders",
        ]
    )
    check_prefixes: bool = True
    allow_suffixes: list[str] = field(default_factory=lambda: ["TransformerBlock"])
    check_suffixes: bool = False
    blocks_policy: str = "max"
    chained: bool | tuple[str, ...] = False
    interleaved: Interleaved = False
    own_streams: bool = False
    stream_parameters: dict[str, str] | list[dict[str, str] | None] | None = None
    long_skip: str | None = None
    merges_early: bool = False
    branch_on: tuple[str, ...] = ()
    compute_when: Callable[[dict[str, Any]], bool] | None = None

    def transformers(self) -> list[TransformerBlocks]:
        """The adapter in its one normal form: block lists, grouped by transformer.

        Raises:
            ValueError: nothing that could be cached, a field of no use, lists whose lengths do not
                fit together, or blocks that are unlike the pattern where that is to be checked.
        """
        check_fields(self)
        transformer = self.transformer
        if transformer is None:
            transformer = getattr(self.pipe, "transformer", None)
        if transformer is None:
            raise ValueError(
                "BlockAdapter: no transformer. Give transformer=..., or a pipe that has one."
            )
        modules = list(transformer) if isinstance(transformer, (list, tuple)) else [transformer]
        check_transformers(modules)
        several = len(modules) > 1 or isinstance(transformer, (list, tuple))
        rows = zip(
            modules,
            *(
                by_transformer(name, getattr(self, name), len(modules), several)
                for name in ("blocks", "blocks_name", "forward_pattern", "params_modifiers")
            ),
            strict=True,
        )
        found = [TransformerBlocks(module, self._lists(module, *row)) for module, *row in rows]
        check_lists(self, found)
        return found

    def _lists(
        self, transformer: nn.Module, blocks: Any, names: Any, patterns: Any, modifiers: Any
    ) -> list[BlockList]:
        parameters = self.stream_parameters
        if self.auto and blocks is None and names is None:
            found = find_blocks(unwrapped(transformer), self)
            names = [each.name for each in found]
            patterns = patterns or [each.pattern for each in found]
            parameters = parameters or [each.parameters for each in found]
        return lists_of(transformer, blocks, names, patterns, modifiers, parameters)
