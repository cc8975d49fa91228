"""The attribution methods by name: one line for each, and no other list of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import NamedTuple

import pandas as pd

from attn_interp.attribution.at_weights import (
    attention_x_gradient,
    attention_x_gradient_absorbed,
    attention_x_projection,
)
from attn_interp.attribution.attribution import Attribution, Method
from attn_interp.attribution.effective import effective_weights
from attn_interp.attribution.flow.layered import flowed, relevance, rolled_out, value_zeroed
from attn_interp.attribution.gradient import gradient_x_input, gradient_x_input_detached
from attn_interp.attribution.integrated import integrated_gradients
from attn_interp.attribution.leave_one_out import leave_one_out, leave_one_out_sampled
from attn_interp.attribution.lrp.attn_lrp import attn_lrp
from attn_interp.attribution.noise import gradient_shap, smoothgrad
from attn_interp.attribution.pushed_back import pushed_back_attention
from attn_interp.attribution.surrogate import kernel_shap, lime
from attn_interp.attribution.value_norm import attention_x_value_norm
from attn_interp.attribution.votes import votes
from attn_interp.data.document import shortened


class Registered(NamedTuple):
    """A method, what it costs for a document, whether its values have a sign, and whether it draws by a seed."""

    method: Callable[..., Attribution]
    cost: str
    signed: bool = True
    sampled: bool = False


ALL_METHODS: dict[str, Registered] = {
    "gradient x input (detached)": Registered(gradient_x_input_detached, "one gradient"),
    "gradient x input": Registered(gradient_x_input, "one gradient"),
    "leave-one-out": Registered(leave_one_out, "one run for each word"),
    "leave-one-out (sampled)": Registered(leave_one_out_sampled, "up to 100 runs", sampled=True),
    "integrated gradients": Registered(integrated_gradients, "20 to 420 gradients"),
    "smoothgrad": Registered(smoothgrad, "50 gradients", sampled=True),
    "gradient SHAP": Registered(gradient_shap, "50 gradients", sampled=True),
    "LIME": Registered(lime, "256 runs and 2 for each word", sampled=True),
    "KernelSHAP": Registered(kernel_shap, "up to 256 runs and 2 for each word", sampled=True),
    "attention x gradient": Registered(attention_x_gradient, "one gradient"),
    "attention x gradient (bias absorbed)": Registered(attention_x_gradient_absorbed, "one gradient"),
    "attention x projection": Registered(attention_x_projection, "one gradient"),
    "attention x value norm": Registered(attention_x_value_norm, "two runs", signed=False),
    "attention pushed back": Registered(
        pushed_back_attention, "up to 16 gradients for each word", signed=False, sampled=True
    ),
    "effective attention": Registered(effective_weights, "one run"),
    "votes": Registered(votes, "one run of what follows the attention for each word"),
    "attention rollout": Registered(rolled_out, "one run", signed=False),
    "attention flow": Registered(flowed, "one run, and one maximum flow for each word", signed=False),
    "gradient-weighted relevance": Registered(relevance, "one gradient", signed=False),
    "value zeroing": Registered(value_zeroed, "one run of each layer for each position", signed=False),
    "AttnLRP": Registered(attn_lrp, "one gradient"),
}
"""Every method. Rollout, flow, relevance and value zeroing follow attention through layers, and refuse a model that has
no stack of them; AttnLRP refuses a model that takes a step without a rule."""

METHODS: dict[str, Method] = {name: each.method for name, each in list(ALL_METHODS.items())[:3]}
"""What experiments compute where nothing else is asked for. The further ones are many runs of the model for each
document, or of attention itself."""


def named(*names: str, seed: int = 0) -> dict[str, Method]:
    """Methods by their names, as experiments take them: methods=named("LIME", "leave-one-out").

    Args:
        names: as `list_methods` lists them.
        seed: of those that are sampled; the others draw nothing.

    Raises:
        ValueError: a name is no method's; the message lists them, and says which is nearest.

    >>> list(named("leave-one-out", "attention rollout"))
    ['leave-one-out', 'attention rollout']
    """
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"attribution methods: got {shortened(repr(name), 60)}, expected the name of one")
        if name not in ALL_METHODS:
            known = {each.lower(): each for each in ALL_METHODS}
            nearest = [known[each] for each in get_close_matches(name.lower(), known, n=1)]
            meant = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"attribution method {name!r} is not one of {', '.join(sorted(ALL_METHODS))}{meant}")
    chosen = {name: ALL_METHODS[name] for name in names}
    return {
        name: partial(each.method, seed=seed) if each.sampled and seed else each.method for name, each in chosen.items()
    }


def list_methods() -> pd.DataFrame:
    """Every attribution method: its name, what it says of a word, what it costs for a document, whether its values
    have a sign, and whether it is sampled (another seed gives other values).

    >>> list_methods().set_index("method").loc["leave-one-out", "cost"]
    'one run for each word'
    """
    rows = [(name, _about(each.method), *each[1:]) for name, each in ALL_METHODS.items()]
    return pd.DataFrame(rows, columns=["method", "about", "cost", "signed", "sampled"])


def _about(method: Method) -> str:
    """The first sentence of the docstring."""
    text = " ".join((inspect.getdoc(method) or "").split())
    found = re.match(r".+?\.(?= |$)", text)
    return found[0] if found else text
