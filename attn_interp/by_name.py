"""Calls that go upwards, as from a result to its figure: by name, and through this file alone."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def named(path: str) -> Any:
    """The attribute at the end of a dotted path inside the package, its module imported now."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(f"attn_interp.{module}"), name)
