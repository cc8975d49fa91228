"""The rules of AttnLRP on the graph of a forward pass: what gradient each of its steps hands back.

Relevance is gradient x input of this other gradient. A step that is linear in the states, as a linear layer, hands back
its plain one: that is the rule of LRP without a term of stability, and what a bias adds is absorbed by the bias.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

Gradients = tuple[torch.Tensor | None, ...]

# Steps with their plain gradient. They are linear in all that they take; or piecewise so (ReLU), where the ratio of
# output and input is the gradient; or a softmax, its logarithm or the logarithm of a sum of exponentials, which are
# linearised (proposition 3.1).
PLAIN = frozenset(
    {
        *("Add", "Sub", "Neg", "Sum", "Mean", "Cat", "Stack", "Clone", "ToCopy", "Alias", "MaskedFill", "Where"),
        *("View", "UnsafeView", "ReshapeAlias", "T", "Transpose", "Permute", "Unsqueeze", "Squeeze", "Expand"),
        *("Select", "Slice", "Split", "SplitWithSizes", "Unbind", "Index", "IndexSelect", "Gather", "Repeat"),
        *("IdentityRule", "Relu", "LeakyRelu", "Softmax", "SafeSoftmax", "LogSoftmax", "Logsumexp"),
    }
)
PRODUCTS = {"Mul": (0, 1), "Mm": (0, 1), "Mv": (0, 1), "Bmm": (0, 1), "Addmm": (1, 2), "Baddbmm": (1, 2)}
"""Products, and which of what they take are the factors."""
NORMALISATIONS = {("Mul", "Rsqrt"), ("Div", "Sqrt")}
"""How a normalisation is written out. What it multiplies or divides its states by is a constant (proposition 3.4)."""
STATISTICS = frozenset(statistic for _, statistic in NORMALISATIONS)
LEAF = "torch::autograd::AccumulateGrad"


def apply_rules(logits: torch.Tensor, leaves: Sequence[torch.Tensor], name: str) -> None:
    """Make every step between the leaves and the logits hand back the gradient of its rule, when next it is asked.

    - A product of two activations, as of attention and values, or of queries and keys: half to each (the uniform rule).
    - A layer normalisation or RMS normalisation: the deviation is taken as constant (the identity rule).
    - Attention in one kernel: as its two products and the softmax between them.

    Only what leads back to the leaves is an activation: parameters and what is made of them alone are constants.

    Args:
        name: Of the model, for the message.

    Raises:
        ValueError: there is a step without a rule; names all such.

    Reference: Achtibat et al. 2024, sections 3.2 and 3.3; half the gradient to each factor and a constant deviation are
    the gradients whose product with the input is the relevance of those rules.
    """
    steps = _steps(logits.grad_fn, leaves)
    unknown = sorted({*_without_rule(steps)})
    if unknown:
        raise ValueError(
            f"AttnLRP has no rule for {', '.join(unknown)} in {name}: it is for transformers, of linear layers, layer "
            "and RMS normalisations, GELU, SiLU, tanh, ReLU, softmax and products; use integrated gradients, which "
            "take any model that has a gradient"
        )
    for node, carried in steps.items():
        _change(node, carried)


def _kind(node: Any) -> str:
    return re.sub(r"Backward\d*$", "", node.name())


def _leading(root: Any, leaves: Sequence[torch.Tensor]) -> dict[Any, bool]:
    """Whether each step of the graph leads back to a leaf."""
    leads: dict[Any, bool] = {}
    open_steps = [root]
    while open_steps:
        node = open_steps[-1]
        below = [each for each, _ in node.next_functions if each is not None]
        if waiting := [each for each in below if each not in leads]:
            open_steps += waiting
            continue
        is_leaf = node.name() == LEAF and any(node.variable is leaf for leaf in leaves)
        leads[node] = is_leaf or any(leads[each] for each in below)
        open_steps.pop()
    return leads


def _steps(root: Any, leaves: Sequence[torch.Tensor]) -> dict[Any, list[bool]]:
    """The steps that lead back to a leaf, but for those that make a statistic; and of all that a step takes, whether it
    is an activation."""
    leads = _leading(root, leaves)
    steps: dict[Any, list[bool]] = {}
    open_steps = [root] if leads[root] else []
    while open_steps:
        node = open_steps.pop()
        if node not in steps:
            below = [each if each is not None and leads[each] else None for each, _ in node.next_functions]
            steps[node] = [each is not None and _kind(each) not in STATISTICS for each in below]
            open_steps += [each for each in below if each is not None and _kind(node) not in STATISTICS]
    return steps


def _without_rule(steps: dict[Any, list[bool]]) -> Iterator[str]:
    """What there is no rule for among the steps."""
    statistics = {node for node in steps if _kind(node) in STATISTICS}
    normalising = set()
    for node, carried in steps.items():
        kind = _kind(node)
        if kind == "Div":
            if carried[1]:
                yield "division by an activation"
        elif kind == "NativeLayerNorm" or kind.startswith("ScaledDotProduct"):
            if any(carried[1 if kind == "NativeLayerNorm" else 3 :]):
                yield kind
        elif node not in statistics and kind not in PLAIN and kind not in PRODUCTS and node.name() != LEAF:
            yield kind
        for place, (each, _) in enumerate(node.next_functions):
            if each in statistics and node not in statistics:
                if (kind, _kind(each)) in NORMALISATIONS and carried[1 - place]:
                    normalising.add(each)
                else:
                    yield _kind(each)
    yield from (_kind(each) for each in statistics - normalising)


def _change(node: Any, carried: list[bool]) -> None:
    kind = _kind(node)
    if kind in PRODUCTS and all(carried[place] for place in PRODUCTS[kind]):
        shares = [0.5 if place in PRODUCTS[kind] else 1.0 for place in range(len(carried))]
        node.register_hook(lambda given, of_output: _scaled(given, shares))
    elif kind.startswith("ScaledDotProduct"):
        attention = _shares_of_attention(*carried[:3])
        node.register_hook(lambda given, of_output: _scaled(given, [*attention, *[1.0] * (len(given) - 3)]))
    elif kind == "NativeLayerNorm":
        node.register_hook(_normalisation(node))
    elif kind in STATISTICS:
        node.register_hook(lambda given, of_output: tuple(map(torch.zeros_like, given)))


def _scaled(gradients: Gradients, shares: Iterable[float]) -> Gradients:
    return tuple(None if each is None else each * share for each, share in zip(gradients, shares, strict=True))


def _shares_of_attention(query: bool, key: bool, value: bool) -> tuple[float, float, float]:
    """What query, key and value get of softmax(query key) value, by whether each is an activation.

    >>> _shares_of_attention(True, True, True)
    (0.25, 0.25, 0.5)
    """
    to_weights = 0.5 if value else 1.0
    to_each = to_weights * (0.5 if query and key else 1.0)
    return to_each, to_each, 0.5 if query or key else 1.0


def _normalisation(node: Any) -> Callable[[Gradients, Gradients], Gradients]:
    """The gradient of (x - mean) * weight / deviation, the deviation constant."""
    weight, inverse = node._saved_weight, node._saved_result2  # the second is 1 / deviation
    axes = tuple(range(-len(node._saved_normalized_shape), 0))

    def hook(given: Gradients, of_output: Gradients) -> Gradients:
        (gradient, *_) = of_output
        assert gradient is not None
        scaled = gradient if weight is None else gradient * weight
        centred = (scaled - scaled.mean(axes, keepdim=True)) * inverse
        return centred.to(gradient.dtype), *given[1:]

    return hook
