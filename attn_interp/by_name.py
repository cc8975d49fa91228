"""What is found by its name at run time: what a room offers from below it, and what stands in a list of names."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def named(path: str) -> Any:
    """The attribute at a dotted path below `attn_interp`; its module is imported now.

    >>> named("data.tokenise.tokenise")("a film")[0]
    ('a', 'film')
    """
    module, _, attribute = path.rpartition(".")
    return getattr(import_module(f"attn_interp.{module}"), attribute)
