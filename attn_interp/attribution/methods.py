"""The attribution methods by name."""

from __future__ import annotations

from attn_interp.attribution.at_weights import attention_x_gradient, attention_x_gradient_absorbed
from attn_interp.attribution.attribution import Method
from attn_interp.attribution.gradient import gradient_x_input, gradient_x_input_detached
from attn_interp.attribution.integrated import integrated_gradients
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.attribution.noise import gradient_shap, smoothgrad
from attn_interp.attribution.pushed_back import pushed_back_attention
from attn_interp.attribution.surrogate import kernel_shap, lime
from attn_interp.attribution.votes import votes

METHODS: dict[str, Method] = {
    "gradient x input (detached)": gradient_x_input_detached,
    "gradient x input": gradient_x_input,
    "integrated gradients": integrated_gradients,
    "leave-one-out": leave_one_out,
}
"""What experiments compute where nothing else is asked for."""

ALL_METHODS: dict[str, Method] = {
    **METHODS,
    "smoothgrad": smoothgrad,
    "gradient SHAP": gradient_shap,
    "LIME": lime,
    "KernelSHAP": kernel_shap,
    "attention x gradient": attention_x_gradient,
    "attention x gradient (bias absorbed)": attention_x_gradient_absorbed,
    "attention pushed back": pushed_back_attention,
    "votes": votes,
}
"""Every method. The further ones are many runs of the model for each document, or of attention itself. A sampled one
takes another seed by functools.partial(method, seed=1)."""


def named(*names: str) -> dict[str, Method]:
    """Methods by their names, as experiments take them: agreement(model, documents, methods=named("LIME")).

    Raises:
        ValueError: a name is no method's; the message lists them.
    """
    for name in names:
        if name not in ALL_METHODS:
            raise ValueError(f"attribution method {name!r} is not one of {', '.join(sorted(ALL_METHODS))}")
    return {name: ALL_METHODS[name] for name in names}
