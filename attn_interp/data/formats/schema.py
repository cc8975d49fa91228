"""Structured files from outside, held against a schema: what is wrong is told by file and place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import numpy as np
from pydantic import AfterValidator, TypeAdapter, ValidationError

from attn_interp.data.document import shortened

Kind = TypeVar("Kind")
UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
PLAIN = {
    "bool_type": "true or false",
    "dataclass_type": "an object",
    "dict_type": "an object",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "string_type": "a text",
    "tuple_type": "a list",
}
KINDS: dict[str, tuple[Any, Any, str]] = {
    "bool": ((bool, np.bool_), bool, "True or False"),
    "float": (Real, float, "a number"),
    "int": (Integral, int, "a whole number"),
    "str": (str, str, "a text"),
}
"""Annotation of an argument -> what may be given, what it is kept as, and its name."""

Extra = Literal["allow", "forbid"]
LONGEST_NAME = 200  # bytes; file systems allow 255, and endings and temporary names are added


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


def read_json(path: Path, kind: type[Kind], remedy: str, extra: Extra = "forbid") -> Kind:
    """What a JSON file says, of this kind.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as `parse_json` and `checked`.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: is no plain file but a folder, a pipe or a device; {remedy}")
    return checked(parse_json(path.read_bytes(), str(path), remedy), kind, str(path), remedy, extra)


def checked(content: Any, kind: type[Kind], place: str, remedy: str = "", extra: Extra = "forbid") -> Kind:
    """Plain content as a value of the kind: a dataclass, a TypedDict, or what lists and mappings hold.

    Nothing is converted: true is no number, "no" is no truth value, 2.0 is no 2, and unknown keys are refused.

    Raises:
        ValueError: the first thing that is wrong: "FILE: at training.epochs: got 2.0, expected a valid integer".
    """
    ending = f"; {remedy}" if remedy else ""
    try:
        return cast(
            Kind, _adapter(cast(Any, kind)).validate_json(json.dumps(content, default=str), strict=True, extra=extra)
        )
    except ValidationError as error:
        raise ValueError(_first(error, content, kind, place) + ending) from error
    except RecursionError as error:
        raise ValueError(f"{place}: its lists or objects are nested too deeply{ending}") from error


def of_kind(name: str, value: Any, kind: str) -> Any:
    """A value that somebody typed, held to the annotation of its argument; a truth value is no number.

    Args:
        kind: "bool", "float", "int" or "str", with " | None" where it may be left out; others are not looked at.

    Returns:
        The value; a number of numpy as one of Python, so that it can be written to a file.

    Raises:
        TypeError: it is of another kind.
    """
    allowed, made, expected = KINDS.get(kind.removesuffix(" | None"), (object, None, ""))
    if made is None or (value is None and kind.endswith(" | None")):
        return value
    if not isinstance(value, allowed) or (isinstance(value, bool) and made is not bool):
        raise TypeError(f"{name}: got {shortened(repr(value), 60)}, expected {expected}")
    return value if type(value) in (float, int) else made(value)


def plain_name(text: str) -> str:
    """The name of a file or folder, as it stands in a file from outside.

    Raises:
        ValueError: it leads elsewhere, or no file can be called so.
    """
    if text in ("", ".", "..") or set(text) & set("/\\\0") or len(text.encode("utf-8", "replace")) > LONGEST_NAME:
        raise ValueError(f"got {shortened(repr(text), 60)}, expected the name of a file or folder in this one")
    return text


FileName = Annotated[str, AfterValidator(plain_name)]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _first(error: ValidationError, content: Any, kind: Any, place: str) -> str:
    """One sentence on the first fault; an unknown key goes before one that is missing, since it may be that one."""
    errors = sorted(error.errors(include_url=False), key=lambda each: each["type"] not in UNKNOWN)
    of_union = [each for each in errors if each["loc"][:-1] == errors[0]["loc"][:-1]]
    if len(_path(errors[0]["loc"], content)) < len(errors[0]["loc"]):  # the deepest: what is wrong in the member meant
        alike = len(errors[0]["loc"]) - 1
        errors = [max((e for e in errors if e["loc"][:alike] == errors[0]["loc"][:-1]), key=lambda e: len(e["loc"]))]
    kind_of_fault, where, got = errors[0]["type"], errors[0]["loc"], shortened(repr(errors[0]["input"]), 60)
    path = _path(where, content)
    if kind_of_fault in UNKNOWN:
        names = sorted(getattr(kind, "__annotations__", {})) if len(where) == 1 else []
        at = f"{place}: at {'.'.join(path[:-1])}" if path[:-1] else place
        return f"{at}: {shortened(repr(where[-1]), 60)} is unknown" + (
            f"; there are {', '.join(names)}" if names else ""
        )
    at = f"{place}: at {'.'.join(path)}" if path else place
    if kind_of_fault == "value_error":
        return f"{at}: {errors[0]['ctx']['error']}"
    if kind_of_fault == "json_invalid":  # it was JSON to Python
        deep = "recursion" in errors[0]["msg"]
        return f"{at}: " + ("is nested too deeply" if deep else "holds half a character, which no file can store")
    if kind_of_fault in ("missing", "missing_argument"):
        return f"{at}: " + (
            f"got {got}, expected more values" if type(where[-1]) is int else f"{where[-1]!r} is missing"
        )
    options = of_union if errors[0] in of_union and len(path) < len(where) else errors[:1]
    expected = [PLAIN.get(each["type"], each["msg"].removeprefix("Input should be ")) for each in options]
    return f"{at}: got {got}, expected {' or '.join(dict.fromkeys(expected))}"


def _path(where: Sequence[str | int], content: Any) -> list[str]:
    """The parts of a place that the content has; pydantic names the members of a union in it too."""
    found, path = content, []
    for part in where:
        known = isinstance(found, dict) and part in found
        if known or (isinstance(found, list | tuple) and isinstance(part, int) and part < len(found)):
            found = found[part]
            path.append(str(part))
    return path


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return content
