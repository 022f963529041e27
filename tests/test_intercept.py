"""Code around the calls of one object: it runs, nothing shows it, and nothing stays behind."""

from __future__ import annotations

import copy
import io
import pickle
import weakref
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import nn

from cache_dit.intercept import Around, Call, intercept, original_class, parameter_names


class Doubler(nn.Module):
    """Twice its input, with a parameter and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("offset", torch.tensor(0.0))

    def forward(self, states: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        """What a model writes here is left alone."""
        return states * self.factor * scale + self.offset

    def name(self) -> str:
        return "doubler"


class Pipe:
    def __call__(self, number: int) -> int:
        return number + 1


def adding(amount: float) -> Around:
    return lambda call, args, kwargs: call(*args, **kwargs) + amount


def times(factor: float) -> Around:
    return lambda call, args, kwargs: call(*args, **kwargs) * factor


ONE = torch.tensor(1.0)


def test_the_code_runs_around_the_call_and_sees_its_arguments() -> None:
    module, seen = Doubler(), []

    def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen.append((args, kwargs))
        return call(*args, scale=10.0)

    intercept(module, __call__=around)
    assert module(ONE, scale=3.0) == 20
    assert seen == [((ONE,), {"scale": 3.0})]
    assert Doubler()(ONE) == 2  # other objects of the class are untouched


def test_any_method_can_be_intercepted_and_several_at_once() -> None:
    module = Doubler()
    layer = intercept(module, __call__=adding(1), name=lambda call, *_: call().upper())
    assert (module(ONE), module.name()) == (3, "DOUBLER")
    layer.release()
    assert (module(ONE), module.name()) == (2, "doubler")


def test_plain_objects_can_be_intercepted() -> None:
    pipe = Pipe()
    layer = intercept(pipe, __call__=times(10))
    assert (pipe(1), Pipe()(1)) == (20, 2)
    layer.release()
    assert (pipe(1), type(pipe)) == (2, Pipe)


def test_nothing_shows_while_it_is_on() -> None:
    module = Doubler()
    before = dict(vars(module))
    keys = list(module.state_dict())
    intercept(module, __call__=adding(1))
    assert vars(module) == before
    assert list(module.state_dict()) == keys
    assert isinstance(module, Doubler)
    assert repr(module) == repr(Doubler())
    cls = type(module)
    assert (cls.__name__, cls.__qualname__, cls.__module__) == (
        Doubler.__name__,
        Doubler.__qualname__,
        Doubler.__module__,
    )
    assert cls.__doc__ == Doubler.__doc__
    assert type(module).forward is Doubler.forward
    assert original_class(module) is Doubler
    assert parameter_names(module) == ["states", "scale"]


def test_nothing_stays_behind() -> None:
    module = Doubler()
    before = dict(vars(module))
    intercept(module, __call__=adding(1)).release()
    assert vars(module) == before
    assert type(module) is Doubler
    assert module(ONE) == 2


def test_releasing_twice_does_nothing() -> None:
    module = Doubler()
    inner, outer = intercept(module, __call__=adding(1)), intercept(module, __call__=times(10))
    outer.release()
    outer.release()
    assert module(ONE) == 3
    inner.release()
    inner.release()
    assert module(ONE) == 2


def test_the_newer_layer_is_further_out_and_a_higher_level_still_more() -> None:
    module = Doubler()
    intercept(module, level=5, __call__=adding(0.5))
    intercept(module, __call__=adding(1))
    intercept(module, __call__=times(10))
    assert module(ONE) == (2 + 1) * 10 + 0.5


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_layers_come_off_in_any_order(order: tuple[int, ...]) -> None:
    module = Doubler()
    layers = [intercept(module, level=i % 2, __call__=adding(10.0**i)) for i in range(4)]
    for count, index in enumerate(order):
        layers[index].release()
        left = [i for i in range(4) if i not in order[: count + 1]]
        assert module(ONE) == 2 + sum(10.0**i for i in left)
    assert type(module) is Doubler


def test_all_objects_of_a_class_share_one_subclass() -> None:
    first, second = Doubler(), Doubler()
    layers = [intercept(each, __call__=adding(1)) for each in (first, second)]
    assert type(first) is type(second) is not Doubler
    layers[0].release()
    assert (first(ONE), second(ONE)) == (2, 3)


def test_an_exception_passes_through() -> None:
    module = Doubler()
    intercept(module, __call__=adding(1))
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        module(ONE, speed=2)
    assert module(ONE) == 3


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda module, protocol=protocol: pickle.loads(pickle.dumps(module, protocol))
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_copies_are_plain_objects_of_the_original_class(duplicate: Callable[[Any], Any]) -> None:
    for original, plain, expected in ((Doubler(), Doubler, (3, 2)), (Pipe(), Pipe, (3, 2))):
        layer = intercept(original, __call__=adding(1))
        made = duplicate(original)
        assert type(made) is plain
        argument = ONE if plain is Doubler else 1
        assert (original(argument), made(argument)) == expected
        layer.release()


def test_a_saved_module_is_loaded_as_a_plain_one() -> None:
    module, file = Doubler(), io.BytesIO()
    intercept(module, __call__=adding(1))
    torch.save(module, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert type(loaded) is Doubler
    assert loaded(ONE) == 2


def test_the_object_is_not_kept_alive() -> None:
    for released in (False, True):
        module = Doubler()
        layer = intercept(module, __call__=adding(1))
        if released:
            layer.release()
        gone = weakref.ref(module)
        del module
        assert gone() is None
        layer.release()  # of an object that is no more


def test_a_new_object_at_the_same_address_is_not_intercepted() -> None:
    for _ in range(50):
        module = Doubler()
        assert module(ONE) == 2
        intercept(module, __call__=adding(1))
        del module


def test_hooks_run_inside() -> None:
    module, order = Doubler(), []
    module.register_forward_pre_hook(lambda *_: order.append("pre"))
    module.register_forward_hook(lambda *_: order.append("post"))

    def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        order.append("in")
        result = call(*args, **kwargs)
        order.append("out")
        return result

    layer = intercept(module, __call__=around)
    module(ONE)
    assert order == ["in", "pre", "post", "out"]
    layer.release()
    assert len(module._forward_hooks) == len(module._forward_pre_hooks) == 1


@pytest.mark.parametrize("patched_first", [True, False])
def test_a_forward_that_was_replaced_on_the_object_runs_inside(patched_first: bool) -> None:
    """As accelerate and diffusers' hooks do it."""
    module = Doubler()

    def patch() -> None:
        old = module.forward
        module.forward = lambda *args, **kwargs: old(*args, **kwargs) * 100  # type: ignore

    if patched_first:
        patch()
    layer = intercept(module, __call__=adding(1))
    if not patched_first:
        patch()
    assert module(ONE) == 201
    assert parameter_names(module) == ["states", "scale"]
    layer.release()
    assert module(ONE) == 200
