"""The register of tensor-parallel plans of text encoders."""

from __future__ import annotations

import weakref
from typing import Any, ClassVar

from torch import nn

from ....logger import init_logger
from ...config import ParallelismConfig
from ...mesh import Mesh
from ...planner import PlannerRegister
from ...tensor_parallel import TensorParallel
from ...tensor_plan import Constraint, Plan, check
from ...tensor_resolution import Resolution
from ...tensor_shards import Number
from ...transformers.tensor_parallelism import TensorParallelismPlanner
from .language_models import attentions, language_plan

logger = init_logger(__name__)


class TextEncoderTensorParallelismPlanner(TensorParallelismPlanner):
    """Base of all tensor-parallel plans of text encoders. A subclass is usually a table.

    Without a table it is the plan that transformers brings along (``base_model_tp_plan``). All
    ranks that work on a sample share an encoder out, whatever they do with the transformer; as many
    of them as its heads allow, if not all of them do.

    Attributes:
        shares_words: in a language model, whether the embedding of words is shared out as well.
    """

    option: ClassVar[str] = "ring_size x ulysses_size x tp_size"
    shares_words: ClassVar[bool] = True

    def plans(self, module: nn.Module) -> Plan:
        """The plan for this encoder."""
        return self.plan or language_plan(module, self.shares_words)

    def prepare(self, module: nn.Module, config: ParallelismConfig) -> TensorParallel:
        """The encoder's width over the ranks."""
        mesh, plan, divide = Mesh.of(config), self.plan_for(module, config), self.divided(module)
        heads = list(attentions(module))
        constraints = [Constraint(f"{each.path}: query heads", each.queries) for each in heads]
        constraints += Resolution(module, plan, divide, 1).constraints
        size = self._ranks(type(module).__name__, constraints, mesh.sample.size)
        parallel = TensorParallel(module, plan, mesh, mesh.neighbours(size), divide, self.option)
        for each in heads:
            if each.keys < size:  # every rank has one, which its query heads share
                here = each.queries // size
                number = Number(weakref.ref(each.module), "num_key_value_groups", here)
                parallel.shards.numbers.append(number)
        return parallel

    def _ranks(self, name: str, constraints: list[Constraint], ranks: int) -> int:
        """How many of the ranks can share the encoder out."""
        sizes = [size for size in range(ranks, 0, -1) if ranks % size == 0]
        size = next(each for each in sizes if all(one.allows(each) for one in constraints))
        if size == 1:
            check(constraints, ranks, name, self.option)
        elif size < ranks:
            logger.warning(
                f"{name}: its heads do not divide by {ranks} ranks, so that {size} ranks share it "
                f"out, {ranks // size} times."
            )
        return size


class TextEncoderTensorParallelismPlannerRegister(
    PlannerRegister,
    kind="tensor-parallel planner of text encoders",
    builtins="cache_dit.parallelism.text_encoders.tensor_parallelism",
):
    """Tensor-parallel planners by prefix of the encoder's class name; the longest wins.

    A language model needs none.
    """

    @classmethod
    def find_planner(cls, target: nn.Module | str) -> Any:
        """The planner class of a module or class name, or None."""
        if (planner := super().find_planner(target)) is not None or isinstance(target, str):
            return planner
        return TextEncoderTensorParallelismPlanner if any(attentions(target)) else None
