"""The context-parallel plan of a model, from one call of it that was watched."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import nn

from cache_dit.caching.block_adapters.block_lists import BlockList
from cache_dit.caching.forward_pattern import ENCODER, HIDDEN
from cache_dit.new_model.facts import Facts, stream
from cache_dit.new_model.streams import Streams, order_in, token_dim
from cache_dit.new_model.watch import Attended, Call
from cache_dit.new_model.whole_between import whole_between_blocks
from cache_dit.parallelism import attention, gather, split
from cache_dit.parallelism.plan_steps import Attention, Split

MIXING = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
MASK = re.compile("mask")


@dataclass
class ContextPlan:
    """A plan, and what should be known about it.

    Attributes:
        plan: as `cache_dit.parallelism.context_plan` describes it; empty where none was found.
        notes: doubts, for the reader.
    """

    plan: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_context_plans(facts: Facts) -> list[ContextPlan]:
    """Where the sequence is split, attended to and put together; the likeliest plan first.

    What cannot be seen in one call is whether the code around the blocks wants to know the length
    of the whole sequence or of the part on its rank, and likewise for masks; nor what a loop
    between blocks does with the second stream.
    """
    made = [_Finder(facts, *how).find() for how in product((False, True), (False, True))]
    made.append(ContextPlan(whole_between_blocks(facts, made[0].plan)))
    return [plan for n, plan in enumerate(made) if plan.plan not in [p.plan for p in made[:n]]]


def _without_arguments(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan without what it says about arguments of modules."""
    left = {}
    for glob, entry in plan.items():
        entries = entry if isinstance(entry, tuple) else (entry,)
        kept = [each for each in entries if not isinstance(each, dict)]
        if kept:
            left[glob] = kept[0]
    return left


class _Finder:
    """Finds one plan.

    Args:
        facts: the model.
        at_entrance: split the model's own arguments, not those of the first block.
        masks: split masks that the attention is given as they are, too.
    """

    def __init__(self, facts: Facts, at_entrance: bool, masks: bool) -> None:
        self.facts = facts
        self.at_entrance = at_entrance
        self.masks = masks
        self.streams = Streams()
        self.made = ContextPlan()

    def find(self) -> ContextPlan:
        facts, made = self.facts, self.made
        first = facts.lists[0]
        calls = facts.calls(first)
        attended = facts.seen.within(first.name)
        if not calls or not attended:
            made.notes.append(
                f"No block of {first.name} calls scaled_dot_product_attention: its attention is of "
                "another kind, and cannot be split by a plan of this kind."
            )
            return made
        for name, value in self._first_streams(first, calls[0]):
            self.streams.add(name, token_dim(value, attended), value)
        streams = {name: split(dim) for name, dim in self.streams.dims.items()}
        made.plan[f"{first.name}.0"] = streams
        self._find_order(first, calls[0])
        for each in facts.lists:
            self._list(each)
        if self.at_entrance and not self._move_to_entrance(streams):
            return ContextPlan()
        self._residuals()
        self._gathers(next(each for each in facts.lists if each.name == facts.running[-1]))
        return made

    def _move_to_entrance(self, streams: dict[str, Split]) -> bool:
        """Split the model's arguments; False where it does not take the streams themselves."""
        arguments = self.facts.seen.arguments
        for name, how in streams.items():
            value = arguments.get(name)
            if not isinstance(value, torch.Tensor) or value.ndim != 3:
                return False
            if value.shape[how.dim] != self.streams.lengths[name]:
                return False
        others = {
            name: how
            for name, value in arguments.items()
            if name not in streams and (how := self._argument(name, value, [])) is not None
        }
        plan = self.made.plan
        self.made.plan = {"": {**streams, **others}, **_without_arguments(plan)}
        return True

    def _first_streams(self, each: BlockList, call: Call) -> list[tuple[str, torch.Tensor]]:
        """Streams that the first block takes: those that it hands on."""
        wanted = [HIDDEN] + [ENCODER] * (ENCODER in each.pattern.Out)
        found = [stream(call, each, which) for which in wanted]
        return [pair for pair in found if pair is not None]

    def _find_order(self, each: BlockList, call: Call) -> None:
        """In which order streams attend together; a text that is only a key is a stream too."""
        names = {name: name for name in self.streams.lengths}
        self.streams.joint = order_in(self.facts.model, call, names, "query")
        keys = self.facts.seen.within(each.name)[0].key.shape[2]
        if self.streams.of(keys):
            return
        for name, value in call.arguments.items():
            if isinstance(value, torch.Tensor) and value.ndim == 3 and name not in names:
                dim = self.streams.dims[next(iter(names))]
                if value.shape[dim] + sum(self.streams.lengths.values()) == keys:
                    self.streams.add(name, dim, value)
                    self.streams.joint = order_in(
                        self.facts.model, call, {**names, name: name}, "key"
                    )
                    self.made.plan[f"{each.name}.*"] = {name: split(dim)}
                    return

    def _list(self, each: BlockList) -> None:
        calls = self.facts.calls(each)
        entry = self.made.plan.pop(f"{each.name}.*", {})
        first = self.made.plan[f"{self.facts.lists[0].name}.0"]
        first = {name: how for name, how in first.items() if name not in entry}
        self.made.plan[f"{self.facts.lists[0].name}.0"] = first
        own = {name for name, _ in self._list_streams(each, calls[0])} | set(entry)
        attended = self.facts.seen.within(calls[0].name)
        for name, value in calls[0].arguments.items():
            if name not in own and (how := self._argument(name, value, attended)) is not None:
                entry[name] = how
        if entry:
            self.made.plan[f"{each.name}.*"] = entry
        for glob, attentions in self._attentions(each, calls).items():
            taken = self.made.plan.get(glob)  # arguments of a block that attends itself
            steps = (*([taken] if taken else []), *attentions)
            self.made.plan[glob] = steps if len(steps) > 1 else steps[0]
        self._mixing(each)

    def _list_streams(self, each: BlockList, call: Call) -> list[tuple[str, torch.Tensor]]:
        found = [stream(call, each, which) for which in (HIDDEN, ENCODER)]
        streams = [pair for pair in found if pair is not None]
        return [pair for pair in streams if pair[0] in self.streams.lengths or pair is streams[0]]

    def _argument(self, name: str, value: Any, attended: list[Attended]) -> Any:
        """How one argument of the blocks is split; None where every rank has all of it."""
        if isinstance(value, torch.Tensor):
            return self._tensor(name, value, attended)
        if isinstance(value, (list, tuple)) and value:
            splits = [self._argument(name, each, attended) for each in value]
            if any(each is None for each in splits):
                return list(splits) if any(splits) else None
            return splits[0] if all(each == splits[0] for each in splits) else list(splits)
        if isinstance(value, dict):
            splits = [self._argument(name, each, attended) for each in value.values()]
            return splits[0] if splits and all(each == splits[0] for each in splits) else None
        return None

    def _tensor(self, name: str, value: torch.Tensor, attended: list[Attended]) -> Split | None:
        """Along the dimension that is as long as a sequence."""
        masks = {each.mask[-1] for each in attended if each.mask is not None}
        for dim in range(value.ndim - 1, -1, -1) if MASK.search(name) else range(value.ndim):
            size = value.shape[dim]
            names = self.streams.of(size) if size > 1 else ()
            if not names or (dim == value.ndim - 1 and value.ndim > 2 and not MASK.search(name)):
                continue
            if MASK.search(name) and size in masks and not self.masks:
                return None  # given to the attention as it is: over the whole sequence
            return split(dim, of=names if len(names) > 1 else names[0])
        return None

    def _attentions(self, each: BlockList, calls: list[Call]) -> dict[str, list[Attention]]:
        found: dict[str, list[Attention]] = {}
        for call in calls:
            for name in dict.fromkeys(one.name for one in self.facts.seen.within(call.name)):
                glob = re.sub(rf"^{re.escape(each.name)}\.\d+", f"{each.name}.*", name)
                if glob not in found:
                    own = [one for one in self.facts.seen.attended if one.name == name]
                    entries = [self._attention(one) for one in own]
                    kept = [entry for entry in entries if entry is not None]
                    if kept:
                        found[glob] = kept if len(set(kept)) > 1 else kept[:1]
        return found

    def _attention(self, one: Attended) -> Attention | None:
        """None where an attention looks at nothing that is split, such as a text's own."""
        query, keys = self.streams.of(one.query.shape[2]), self.streams.of(one.key.shape[2])
        if query and keys:
            return attention(*query) if query == keys else attention(*query, keys=keys)
        if keys:
            return attention(keys=keys)
        lengths = self.streams.lengths.values()
        alike = not query and one.query.shape[2] == one.key.shape[2]
        if alike and min(lengths) < one.query.shape[2] < sum(lengths):
            return attention()  # padding was left out: the lengths are asked for
        return None

    def _mixing(self, each: BlockList) -> None:
        blocks = self.facts.model.get_submodule(each.name)
        for name, module in blocks.named_modules():
            if isinstance(module, MIXING) and max(module.kernel_size) > 1:
                self.made.notes.append(
                    f"{each.name}.{name} is a convolution: where it mixes neighbouring tokens, "
                    "they have to be whole (see whole(...))."
                )
                return

    def _residuals(self) -> None:
        """Samples of a ControlNet, which the model adds to the stream between blocks."""
        main, dim = next(iter(self.streams.dims.items()))
        entry = {}
        for name, value in self.facts.seen.arguments.items():
            sample = value[0] if isinstance(value, (list, tuple)) and value else None
            if "control" not in name or not isinstance(sample, torch.Tensor) or sample.ndim != 3:
                continue
            if sample.shape[dim] == self.streams.lengths[main]:
                entry[name] = split(dim, name="residuals")
        if entry and not self.at_entrance:
            self.made.plan[""] = entry

    def _gathers(self, last: BlockList) -> None:
        """Behind the last block; or, where streams stand in one tensor, behind the projection."""
        call = self.facts.calls(last)[-1]
        outputs = call.output if isinstance(call.output, (list, tuple)) else [call.output]
        names = [pair[0] for pair in self._list_streams(last, call)]
        if len(outputs) > 1 and not last.pattern.Return_H_First:
            names.reverse()
        gathers = []
        for output, name in zip(outputs, names, strict=False):
            if name not in self.streams.lengths:
                name = next(iter(self.streams.lengths))
            if not isinstance(output, torch.Tensor) or (
                output.shape[self.streams.dims[name]] != self.streams.lengths[name]
            ):
                self._gather_later(call)
                return
            gathers.append(gather(self.streams.dims[name], of=name))
        single = not isinstance(call.output, (list, tuple))
        self.made.plan[f"{last.name}.-1"] = gathers[0] if single else gathers

    def _gather_later(self, last: Call) -> None:
        """The last module of the model that still has a token for each of the denoised stream."""
        main, dim = next(iter(self.streams.dims.items()))
        children = {name for name, _ in self.facts.model.named_children()}
        later = [
            call
            for call in self.facts.seen.calls
            if call.name in children
            and call.number > last.number
            and isinstance(call.output, torch.Tensor)
            and call.output.ndim == 3
            and call.output.shape[dim] == self.streams.lengths[main]
        ]
        if not later:
            self.made.notes.append(
                "No module behind the blocks has the denoised tokens only: say where the sequence "
                "is put together."
            )
            return
        self.made.plan[later[-1].name] = gather(dim, of=main)
