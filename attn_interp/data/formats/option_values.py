"""The texts of options on the command line as values."""

from __future__ import annotations

import re
from typing import Any

from attn_interp.data.formats.schema import plain_name


def folder_name(option: str, text: str) -> str:
    try:
        return plain_name(text)
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from error


def whole_numbers(option: str, text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"-?[0-9]{1,18}", part) for part in parts):
        raise ValueError(f"{option}: got {text[:60]!r}, expected whole numbers with commas between, as 0,1,2")
    return tuple(map(int, parts))


def given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def parsed(option: str) -> tuple[str, Any]:
    """name=value -> (name, value): whole numbers, true and false as such, a,b,c for classes, other text as it is."""
    name, equals, value = option.partition("=")
    if not (name and equals):
        raise ValueError(f"--option {option!r}: expected NAME=VALUE, as in label=stars")
    name = name.replace("-", "_")
    if name == "classes":
        return name, value.split(",")
    if name in ("text", "words", "second", "label", "id", "split"):  # columns, which may be called 1 or true
        return name, value
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if re.fullmatch(r"[0-9]{1,18}", value) else value
