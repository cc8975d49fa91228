"""Where a module is, and whether it is still what it was."""

from __future__ import annotations

import torch
from torch import nn


def device_of(module: nn.Module) -> torch.device:
    """Where the parameters of a module are; the CPU where it has none."""
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))


def require_device(device: torch.device | str) -> torch.device:
    """The device of this name, on this machine.

    Raises:
        ValueError: there is none, or nothing can be computed on it; the message lists those that there are.
    """
    try:
        torch.empty(1, device=device)
        found = torch.device(device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError):
        found = torch.device("meta")
    if found.type == "meta":  # holds shapes and no numbers
        kinds = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        kinds += ["mps"] * torch.backends.mps.is_available()
        raise ValueError(f"device: got {str(device)!r}, expected one of {', '.join(kinds)}")
    return found


def weights_of(module: nn.Module) -> tuple[tuple[int, int], ...]:
    """Where the weights of a module are and how often they were written to: equal as long as they are the same."""
    return tuple((x.data_ptr(), -1 if x.is_inference() else x._version) for x in module.parameters())
