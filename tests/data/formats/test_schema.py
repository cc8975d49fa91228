"""Files from outside are held to their schema: nothing is converted, and what is wrong is told with its place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.formats.schema import FileName, checked, parse_json, read_json


@dataclass(frozen=True)
class Inner:
    epochs: int = 1
    rate: float = 0.5
    fast: bool = False


@dataclass(frozen=True)
class Outer:
    name: FileName
    kind: Literal["a", "b"] = "a"
    inner: Inner = field(default_factory=Inner)
    either: str | int | None = None
    widths: tuple[int, ...] = ()
    pairs: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.widths == (0,):
            raise ValueError("widths: got 0, expected at least 1")


GOOD: dict[str, Any] = {"name": "x", "inner": {"epochs": 2, "rate": 1}, "widths": [1, 3], "pairs": [[0, 1]]}


def test_what_fits_is_taken() -> None:
    assert checked(GOOD, Outer, "f") == Outer("x", inner=Inner(2, 1.0), widths=(1, 3), pairs=[(0, 1)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inner": {"epochs": True}}, "at inner.epochs: got True, expected a whole number"),
        ({"inner": {"epochs": 2.0}}, "at inner.epochs: got 2.0, expected a whole number"),
        ({"inner": {"epochs": "2"}}, "at inner.epochs: got '2', expected a whole number"),
        ({"inner": {"rate": True}}, "at inner.rate: got True, expected a number"),
        ({"inner": {"rate": None}}, "at inner.rate: got None, expected a number"),
        ({"inner": {"fast": "no"}}, "at inner.fast: got 'no', expected true or false"),
        ({"inner": {"fast": 0}}, "at inner.fast: got 0, expected true or false"),
        ({"inner": []}, "at inner: got [], expected an object"),
        ({"inner": {"epoch": 2}}, "at inner: 'epoch' is unknown"),
        ({"nam": "y"}, "f: 'nam' is unknown; there are either, inner, kind, name, pairs, widths; mend it"),
        ({"kind": "c"}, "at kind: got 'c', expected 'a' or 'b'"),
        ({"either": 1.5}, "at either: got 1.5, expected a text or a whole number"),
        ({"widths": 3}, "at widths: got 3, expected a list"),
        ({"widths": [1, None]}, "at widths.1: got None, expected a whole number"),
        ({"widths": [0]}, "f: widths: got 0, expected at least 1; mend it"),
        ({"pairs": [[1]]}, "at pairs.0: got [1], expected more values"),
        ({"name": "half \ud800"}, "holds half a character"),
        *(({"name": name}, f"at name: got {name!r:.59}") for name in ("", ".", "..", "../x", "/x", "a\\b", "x\0y")),
        ({"name": "x" * 300}, "expected the name of a file or folder in this one"),
        ({"name": "é" * 130}, "expected the name of a file or folder in this one"),
    ],
)
def test_what_does_not_fit_is_told_by_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        checked(GOOD | changes, Outer, "f", "mend it")
    assert message in str(refused.value) and str(refused.value).startswith("f: ")
    assert str(refused.value).endswith("; mend it") and "\n" not in str(refused.value) and len(str(refused.value)) < 250


def test_what_is_missing_or_no_object_is_told() -> None:
    with pytest.raises(ValueError, match="f: 'name' is missing"):
        checked({}, Outer, "f")
    for content in ([], 3, "x", None, True):
        with pytest.raises(ValueError, match=r"f: got .* expected an object"):
            checked(content, Outer, "f")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"f: is not JSON \(Expecting value at row 1, character 1\); mend it"),
        ("{\n 'a': 1}", r"f: is not JSON \(.* at row 2, character 2\)"),
        (b"\xff\xfe{", "f: is not JSON, it is no UTF-8"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "f: key 'c' stands twice; mend it"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "f: Exceeds the limit"),
    ],
)
def test_what_is_no_json_is_told(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_json(text, "f", "mend it")


def test_nesting_is_bounded() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    with pytest.raises(ValueError, match="f: is nested too deeply"):
        checked({"a": deep}, dict[str, Any], "f")


def test_a_file_is_read_or_named(tmp_path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(GOOD))
    assert read_json(tmp_path / "a.json", Outer, "mend it").name == "x"
    with pytest.raises(ValueError, match="is no plain file but a folder"):
        read_json(tmp_path, Outer, "mend it")
    with pytest.raises(FileNotFoundError, match=r"b\.json"):
        read_json(tmp_path / "b.json", Outer, "mend it")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "kind", "fast"]), inner),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from([*GOOD, "kind", "either", "x"]), plain, max_size=4) | plain)
def test_anything_is_taken_as_it_is_or_refused_in_one_line(content: Any) -> None:
    whole = GOOD | content if isinstance(content, dict) else content
    try:
        taken = checked(whole, Outer, "f")
    except ValueError as error:
        assert str(error).startswith("f: ") and "\n" not in str(error)
    else:
        assert isinstance(taken, Outer) and set(whole) <= set(Outer.__annotations__)
        assert all(type(width) is int for width in taken.widths) and type(taken.inner.epochs) is int
        assert type(taken.inner.fast) is bool and taken.name == whole["name"]
