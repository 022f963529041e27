"""Trying plans on two ranks: the first that changes nothing is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch

from cache_dit.new_model.find_context import ContextPlan
from cache_dit.new_model.find_tensor import TensorPlan
from cache_dit.parallelism import ParallelismConfig
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.tensor_parallel import TensorParallel
from cache_dit.verify import zoo
from cache_dit.verify.context_check import TOLERANCE, call_model, compare
from cache_dit.verify.outputs import difference
from cache_dit.verify.ranks import ranks
from cache_dit.verify.widened import widened

P = TypeVar("P", ContextPlan, TensorPlan)


def first_exact(entry: str, plans: Sequence[P], wrong: Callable[[str, P], str]) -> P:
    """The first plan with which two ranks give what one does; else the first of all, with a note.

    Args:
        entry: by which `zoo.get` finds the model.
        plans: the likeliest first.
        wrong: says what is wrong with a plan.
    """
    tried = [plan for plan in plans if plan.plan]
    for plan in tried:
        if not (reason := wrong(entry, plan)):
            return plan
        plan.notes.append(f"Over two ranks: {reason}")
    return tried[0] if tried else plans[0]


def wrong_context(entry: str, plan: ContextPlan) -> str:
    """What is wrong with a context-parallel plan; empty where nothing is."""
    config = {"ulysses_size": 2, "cp_plan": plan.plan}
    return _error(compare, entry, [config], error=lambda found: found[0].error)


def wrong_tensor(entry: str, plan: TensorPlan) -> str:
    """What is wrong with a tensor-parallel plan; empty where nothing is."""
    return _error(tensor_error, entry, plan.plan, plan.divide, error=float)


def tensor_error(entry: str, plan: Mapping[str, Any], divide: tuple[str, ...]) -> float:
    """One rank's part: how far its output is from that of one process."""
    own = zoo.get(entry)
    model = own.build(torch.float64)
    mesh = Mesh.of(ParallelismConfig(tp_size=2))
    parallel = TensorParallel(model, plan, mesh, mesh.tp, divide)
    with torch.no_grad(), widened():
        expected = call_model(own, model, {})
        parallel.install()
        return difference(call_model(own, model, {}), expected)


def _error(job: Callable[..., Any], *arguments: Any, error: Callable[[Any], float]) -> str:
    try:
        worst = max(error(found) for found in ranks(2).run(job, *arguments))
    except RuntimeError as failure:
        return str(failure)
    return "" if worst <= TOLERANCE else f"the output is off by {worst:.1e}."
