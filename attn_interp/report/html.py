"""Parts of a self-contained HTML page: tables, pictures as data, and the room's templates, always escaped."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from attn_interp.figures.words.literal import printable

if TYPE_CHECKING:
    from jinja2 import Environment

UNDEFINED = "–"
ROUNDING = 1e-12  # of the ends of an interval: what float64 leaves of a mean that is 0
SHOWN = 40  # rows of a table that stand open on the page


@dataclass(frozen=True)
class Table:
    """A table ready to be printed: every cell as text, and whether a column is of numbers."""

    name: str
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def long(self) -> bool:
        return len(self.rows) > SHOWN


def table(frame: pd.DataFrame, name: str = "") -> Table:
    """The frame with intervals beside their estimates, three decimals, whole numbers in full, "–" where undefined.

    A column x goes with `x low` and `x high`; the column before `low` and `high` with these.
    """
    ends = _ends(frame)
    dropped = {end for pair in ends.values() for end in pair}
    names = [column for column in frame.columns if column not in dropped]
    numeric = [pd.api.types.is_any_real_numeric_dtype(frame[column]) for column in names]
    rows = []
    for row in frame.to_dict("records"):
        rows.append(tuple(_cell(row, column, ends) for column in names))
    headings = tuple(f"{column} [95 % interval]" if column in ends else str(column) for column in names)
    return Table(name, tuple(map(printable, headings)), tuple(numeric), tuple(rows))


def number(value: float) -> str:
    """Three decimals, more for what is smaller than a hundredth; whole numbers in full; "–" where undefined."""
    if pd.isna(value):
        return UNDEFINED
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, Integral):
        return f"{value:,d}".replace("-", "−")
    small = 0 < abs(value) < 0.01
    return (f"{value:.2g}" if small else f"{value:z,.3f}").replace("-", "−")


def with_interval(estimate: float, low: float, high: float) -> str:
    """ "0.403 [0.392, 0.413]"; the estimate alone where it has no interval. What rounding leaves of a 0 is 0."""
    ends = max(abs(low), abs(high))
    estimate = 0.0 if abs(estimate) < ROUNDING * ends else estimate
    return number(estimate) + ("" if pd.isna(low) or pd.isna(high) else f" [{number(low)}, {number(high)}]")


def picture(path: Path) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{b64encode(path.read_bytes()).decode()}"


def picture_width(path: Path) -> int:
    """Width on the page, in CSS pixels, of a PNG of 300 dots per inch: a quarter larger than in a paper."""
    return round(1.25 * 96 / 300 * int.from_bytes(path.read_bytes()[16:20]))


def render(template: str, values: Mapping[str, Any]) -> str:
    """A template of this room with values, all escaped but what is marked as HTML."""
    return _environment().get_template(template).render(values)


def _ends(frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Column -> the columns of its interval."""
    columns = list(frame.columns)
    ends = {name: (f"{name} low", f"{name} high") for name in columns if {f"{name} low", f"{name} high"} <= {*columns}}
    if {"low", "high"} <= {*columns} and columns.index("low") > 0:
        ends[columns[columns.index("low") - 1]] = ("low", "high")
    return ends


def _cell(row: Mapping[Any, Any], column: str, ends: Mapping[str, tuple[str, str]]) -> str:
    value = row[column]
    if column in ends:
        low, high = ends[column]
        return with_interval(value, row[low], row[high])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if pd.isna(value) or isinstance(value, Real) else printable(str(value))


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("attn_interp.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
