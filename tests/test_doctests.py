"""The examples in the docstrings of the rooms that need no model: each runs and gives what it says."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import attn_interp
from attn_interp import measures, readout, statistics

PACKAGE = Path(attn_interp.__file__).parent
ROOMS = ("measures", "attribution", "readout", "statistics")
MODULES = sorted(
    ".".join(["attn_interp", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
    for room in ROOMS
    for path in (PACKAGE / room).rglob("*.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


@pytest.mark.parametrize("room", [measures, readout, statistics], ids=lambda room: room.__name__)
def test_every_function_that_a_room_offers_has_an_example(room) -> None:
    functions = {name: getattr(room, name) for name in room.__all__ if not name[0].isupper()}
    assert len(functions) > 15
    assert [name for name, function in functions.items() if ">>>" not in (function.__doc__ or "")] == []
