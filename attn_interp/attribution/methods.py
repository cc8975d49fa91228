"""The attribution methods by name."""

from __future__ import annotations

from attn_interp.attribution.attribution import Method
from attn_interp.attribution.gradient import gradient_x_input, gradient_x_input_detached
from attn_interp.attribution.integrated import integrated_gradients
from attn_interp.attribution.leave_one_out import leave_one_out

METHODS: dict[str, Method] = {
    "gradient x input (detached)": gradient_x_input_detached,
    "gradient x input": gradient_x_input,
    "integrated gradients": integrated_gradients,
    "leave-one-out": leave_one_out,
}
