"""Rows of weights over the words of a document as HTML: escaped, light and dark, on paper and on a telephone.

Words are set in their own direction, each in an element that keeps it from turning its neighbours, and one below the
other in as many lines as the page is wide. Each word carries a bar, its weight and its rank, to be read without colour.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from attn_interp.figures.words.heat_rows import LEGEND, HeatRows, right_to_left, weight_texts
from attn_interp.figures.words.literal import printable
from attn_interp.figures.words.shading import DARK_DIVERGING, DARK_SEQUENTIAL, DIVERGING, SEQUENTIAL, Colour, ink, shade

if TYPE_CHECKING:
    from jinja2 import Environment

UNDEFINED: Colour = (0.6, 0.6, 0.6)
SCALE_STEPS = 12


def words_html(heat: HeatRows, open_rows: Collection[str] | None = None) -> str:
    """The document as an HTML fragment, to stand in a page that has the rules of `words_css`.

    Args:
        heat: The document.
        open_rows: Names of the rows that are seen at once, the others being folded; None: all.
    """
    rows = {str(name): row_html(heat, str(name), own) for name, own in heat.cells.groupby("row", sort=False)}
    first = [row for name, row in rows.items() if open_rows is None or name in open_rows]
    signs = sorted({name in heat.signed for name in heat.rows})
    return (
        environment()
        .get_template("words.html")
        .render(
            title=printable(heat.title),
            rows=first,
            folded=[row for row in rows.values() if row not in first],
            direction="rtl" if right_to_left(heat.words) else "ltr",
            legend=LEGEND,
            scales=[scale_html(signed) for signed in signs],
        )
    )


def words_css() -> str:
    """The rules of `words_html`, all below the class attn-interp."""
    return environment().get_template("words.css").render()


def row_html(heat: HeatRows, name: str, own: pd.DataFrame) -> dict[str, Any]:
    """What a template writes of one row: its label, and of each word text, colours, bar, weight and rank."""
    ends = own[["weight", "low", "high"]].to_numpy()
    defined = ends[~pd.isna(ends)]
    lowest, highest = min([0.0, *defined]), max([0.0, *defined])  # 0 where all are undefined
    span = (highest - lowest) or 1.0

    def percent(length: float) -> float:
        return round(100 * length / span, 1)

    words = []
    texts = weight_texts(own["weight"].tolist())
    for cell, text in zip(own.to_dict("records"), texts, strict=True):
        undefined = math.isnan(cell["weight"])
        fill, dark = (
            (UNDEFINED, UNDEFINED)
            if undefined
            else (shade(cell["share"], name in heat.signed), shade(cell["share"], name in heat.signed, dark=True))
        )
        weight = 0.0 if undefined else cell["weight"]
        error = (
            None if math.isnan(cell["low"]) else (percent(cell["low"] - lowest), percent(cell["high"] - cell["low"]))
        )
        words.append(
            {
                "text": printable(cell["word"]),
                "about": _about(cell, len(own)),
                "number": "undefined" if undefined else f"{text} ({cell['rank']:.0f})",
                "fill": _hex(fill),
                "ink": ink(fill),
                "dark": _hex(dark),
                "dark_ink": ink(dark),
                "bottom": percent(min(weight, 0.0) - lowest),
                "height": percent(abs(weight)),
                "error": error,
            }
        )
    interval = f"{lowest:.2g} to {highest:.2g}" if own["low"].notna().any() else ""
    return {"label": printable(heat.label(name)), "words": words, "zero": percent(-lowest), "interval": interval}


def _about(cell: Mapping[Any, Any], count: int) -> str:
    if math.isnan(cell["weight"]):
        return f"word {cell['position'] + 1}: undefined"
    interval = "" if math.isnan(cell["low"]) else f" [{cell['low']:.4g}, {cell['high']:.4g}]"
    return f"word {cell['position'] + 1}: weight {cell['weight']:.4g}{interval}, rank {cell['rank']:.0f} of {count}"


def scale_html(signed: bool) -> dict[str, str]:
    """What a template writes of a scale of shades."""
    lowest = -1.0 if signed else 0.0
    strengths = [lowest + (1 - lowest) * step / SCALE_STEPS for step in range(SCALE_STEPS + 1)]

    def gradient(dark: bool) -> str:
        shades = (shade(math.copysign(value**2, value), signed, dark) for value in strengths)
        return f"linear-gradient(to right,{','.join(map(_hex, shades))})"

    light, dark = (DIVERGING, DARK_DIVERGING) if signed else (SEQUENTIAL, DARK_SEQUENTIAL)
    name = f"{light}, on dark {dark}, square root"
    return {"low": "−1" if signed else "0", "light": gradient(False), "dark": gradient(True), "name": name}


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def environment() -> Environment:
    """The templates of this room."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("attn_interp.figures.words"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
