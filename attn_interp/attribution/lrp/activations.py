"""The identity rule at activation functions, put in place during a forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# Of one number each, and zero at zero. ReLU is not among them: its plain gradient is its ratio already.
ACTIVATIONS = frozenset({functional.gelu, functional.silu, torch.tanh, torch.Tensor.tanh})


@contextmanager
def identity_rule(module: nn.Module) -> Iterator[None]:
    """Within this context GELU, SiLU and tanh hand back f(x) / x in place of f'(x); what they compute is the same.

    Gradient x input is then f(x) df before and after the function: all relevance of its output goes to its input. So
    it is for the activations of the transformers library too, which it may write out as a product with a tanh.

    Reference: Achtibat et al. 2024, equation 9.
    """
    with ExitStack() as stack:
        for part in module.modules():
            if type(part).__module__ == "transformers.activations":
                stack.callback(part.register_forward_hook(_of_a_module).remove)
        stack.enter_context(_OfFunctions())
        yield


class _OfFunctions(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        # What is called in another way, as in place, keeps its gradient, which `apply_rules` knows no rule for.
        if func not in ACTIVATIONS or len(args) != 1 or kwargs.get("inplace", False):
            return func(*args, **kwargs)
        return IdentityRule.apply(args[0], lambda states: func(states, **kwargs))


def _of_a_module(module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor | None:
    if not inputs or module.forward(inputs[0].new_zeros(1)).any():
        return None
    return IdentityRule.apply(inputs[0], module.forward)


class IdentityRule(torch.autograd.Function):
    """f(x), whose gradient is f(x) / x; at zero the limit of that, so that rounding moves nothing."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        output = function(states)
        is_zero = states == 0
        if is_zero.any():
            near = states.masked_fill(is_zero, torch.finfo(states.dtype).eps)
            ctx.save_for_backward(function(near) / near)
        else:
            ctx.save_for_backward(output / states)
        return output

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.saved_tensors[0] * gradient, None
