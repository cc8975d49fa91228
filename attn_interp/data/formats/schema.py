"""Structured files from outside, held against a schema: what is wrong is told by file and place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from attn_interp.data.document import shortened

Kind = TypeVar("Kind")


def parse_json(text: str | bytes, place: str, remedy: str) -> Any:
    """What a JSON text says; a key that stands twice in an object is refused, and so is whatever cannot be read.

    Raises:
        ValueError: naming the place.
    """
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{place}: is not JSON ({error.msg} at row {error.lineno}, character {error.colno}); {remedy}"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{place}: is not JSON, it is no UTF-8 ({error.reason}); {remedy}") from error
    except RecursionError as error:
        raise ValueError(f"{place}: its lists or objects are nested too deeply; {remedy}") from error
    except ValueError as error:  # a key that repeats, a number of thousands of digits
        raise ValueError(f"{place}: {error}; {remedy}") from error


def read_json(path: Path, kind: type[Kind], remedy: str) -> Kind:
    """What a JSON file says, of this kind.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as `parse_json` and `checked`.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: is no plain file but a folder, a pipe or a device; {remedy}")
    return checked(parse_json(path.read_bytes(), str(path), remedy), kind, str(path), remedy)


def checked(content: Any, kind: type[Kind], place: str, remedy: str = "") -> Kind:
    """Plain content as a value of the kind: a dataclass, a TypedDict, or what lists and mappings hold.

    Nothing is converted: true is no number, "no" is no truth value, 2.0 is no 2, and unknown keys are refused.

    Raises:
        ValueError: the first thing that is wrong: "FILE: at training.epochs: got 2.0, expected a valid integer".
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content, default=str), strict=True, extra="forbid")
    except ValidationError as error:
        raise ValueError(_first(error, content, place) + (f"; {remedy}" if remedy else "")) from error


def _first(error: ValidationError, content: Any, place: str) -> str:
    first, *others = error.errors(include_url=False)
    found, where = content, []
    for part in first["loc"]:  # the parts of a union are named in it too
        known = isinstance(found, dict) and part in found
        if known or (isinstance(found, list | tuple) and isinstance(part, int) and part < len(found)):
            found = found[part]
            where.append(str(part))
    at = f"{place}: at {'.'.join(where)}" if where else place
    if first["type"] in ("missing", "missing_argument"):
        return f"{at}: {first['loc'][-1]!r} is missing"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{at}: this key is unknown"
    if first["type"] == "value_error":
        return f"{at}: {first['ctx']['error']}"
    options = [
        each["msg"].removeprefix("Input should be ") for each in (first, *others) if each["input"] is first["input"]
    ]
    return f"{at}: got {shortened(repr(first['input']), 60)}, expected {' or '.join(dict.fromkeys(options))}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return content
