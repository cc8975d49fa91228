"""A frame as a LaTeX table in booktabs style, every cell escaped."""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import pandas as pd

from attn_interp.data.document import shortened
from attn_interp.data.whole_files import replace_file
from attn_interp.experiments.record.column import Column
from attn_interp.figures.words.literal import LONGEST_LINE, printable

INTERVAL = ("estimate", "low", "high")
SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after a row's end \\ a bracket would be read as its argument
    "]": "{]}",
    "*": "{*}",  # and a star as its variant
}
PLAIN = frozenset(
    "¡¢£¤¥¦§¨©ª¬®¯°±²³´µ¶·¸¹º¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖ×ØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõö÷øùúûüýÿĀāĂăĆćĈĉĊċČčĎďĒēĔ"
    "ĕĖėĚěĜĝĞğĠġĢģĤĥĨĩĪīĬĭİıĲĳĴĵĶķĹĺĻļĽľŁłŃńŅņŇňŌōŎŏŐőŒœŔŕŖŗŘřŚśŜŝŞşŠšŢţŤťŨũŪūŬŭŮůŰűŴŵŶŷŸŹźŻżŽžƒǄǅǆǇǈǉǊǋǌǍǎǏǐǑ"
    "ǒǓǔǢǣǦǧǨǩǰǴǵȘșȚțȲȳȷˆˇ˘˙˜˝฿ḂḃḍḞḟḠḡḥḰḱḷṃṅṇṛṣṭẎẏẐẑẞỲỳ‐‑‒–—―‖‘’“”†‡•…‰‱※‽⁄⁎⁒₡₤₦₩₫€₱℃№℗℞℠™Ω℧℮←↑→↓〈〉␢␣◦◯♪⟨⟩"
)
"""What pdfLaTeX prints in the encoding OT1 with no package, besides ASCII: its kernel has a definition of each."""
MATHS = {
    **{"−": "$-$", "∞": r"$\infty$", "≤": r"$\leq$", "≥": r"$\geq$", "○": r"$\circ$"},
    **{"ε": r"$\varepsilon$", "κ": r"$\kappa$", "λ": r"$\lambda$", "ρ": r"$\rho$", "τ": r"$\tau$"},
}
PROVIDED = r"""\providecommand{\charor}[2]{\ifdefined\Umathchar#1\else
  \ifcsname u8:\ifcsname\encodingdefault\string\guillemotleft\endcsname\detokenize{#1}\fi\endcsname#1\else#2\fi\fi}"""
"""LaTeX that prints its first argument, one character, where the engine (XeTeX, LuaTeX) or the document's encoding (not
OT1) has it, otherwise its second."""
LIGATURES = re.compile(r"(?<=[-',])(?=[-',])")  # "--" would become a dash, "''" a quotation mark


def escape(text: str) -> str:
    r"""The text such that LaTeX prints it literally, in the normal form NFC.

    White space of any kind becomes one space, control characters their code point, such as "<U+0000>". A character that
    not every LaTeX has is \charor{character}{code point}, a command of `PROVIDED`. A word of more than `LONGEST_LINE`
    characters, wider than TeX can measure, loses its end. Needs LaTeX of 2020 or later.
    """
    words = (shortened(word, LONGEST_LINE) for word in re.split(r"\s+", unicodedata.normalize("NFC", text)))
    text = printable(" ".join(words))
    return "{}".join("".join(map(_escape_character, part)) for part in LIGATURES.split(text))


def _escape_character(character: str) -> str:
    if character.isascii() or character in PLAIN:
        return SPECIAL.get(character, character)
    code_point = rf"\textless{{}}U+{ord(character):04X}\textgreater{{}}"
    return rf"\charor{{{character}}}{{{MATHS.get(character, code_point)}}}"


def number(value: float, digits: int = 2) -> str:
    """A number with that many decimals and a true minus sign; "--" where it is undefined; an integer in full."""
    if pd.isna(value):
        return "--"
    if math.isinf(value):
        return r"$\infty$" if value > 0 else r"$-\infty$"
    text = f"{value:,d}" if isinstance(value, Integral) else f"{value:.{digits}f}"
    return f"$-${text[1:]}" if text.startswith("-") and float(text.replace(",", "")) else text.removeprefix("-")


def table(
    frame: pd.DataFrame,
    path: str | os.PathLike[str] | None = None,
    caption: str = "",
    columns: Mapping[str, Column | str] | None = None,
    label: str | None = None,
    digits: int = 2,
) -> str:
    r"""The LaTeX source of a floating table (packages booktabs only), also written to `path` where one is given.

    Columns named estimate, low and high become one, "0.34 [0.31, 0.37]"; an interval that is undefined is left out.
    Truth values print as yes and no, undefined cells as "--". Numbers stand right, text left.

    Args:
        frame: One table row per row; the index is not printed.
        path: File to write, moved into place when whole; its folder is made where missing.
        caption: Plain text above the table; escaped as cells are.
        columns: Meaning of columns, such as `Result.columns`: a legend below the table, of those that are printed.
        label: For \ref, without what LaTeX could not read in a label.
        digits: Decimals of numbers that are not whole.

    Raises:
        ValueError: the frame has no columns, or the label holds a character that LaTeX would act upon.
    """
    if frame.columns.empty:
        raise ValueError("latex table: the frame has no columns; a table needs at least one")
    if label is not None and not re.fullmatch(r"[\w:.+/-]+", label):
        raise ValueError(f"latex table: label {label!r} may hold letters, digits and : . + / - _ only")
    cells = _cells(frame, digits)
    numeric = [pd.api.types.is_any_real_numeric_dtype(frame[name]) for name in cells]
    shown = cells.set_axis([escape(str(name)) for name in cells], axis=1)
    tabular = shown.style.hide(axis="index").to_latex(
        hrules=True, column_format="".join("r" if right else "l" for right in numeric)
    )
    lines = [rf"\caption{{{escape(caption)}}}"] if caption else []
    lines += [rf"\label{{{label}}}"] if label else []
    lines += [tabular.strip(), *_legend(columns or {}, frame), r"\end{table}", ""]
    provided = [PROVIDED] if any(r"\charor" in line for line in lines) else []
    source = "\n".join([r"\begin{table}", r"\centering", *provided, *lines])
    if path is not None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, source.encode())
    return source


def _cells(frame: pd.DataFrame, digits: int) -> pd.DataFrame:
    """Every cell as LaTeX, with the interval inside the column of its estimate."""
    cells = pd.DataFrame({name: [_cell(value, digits) for value in frame[name]] for name in frame.columns})
    if not set(INTERVAL) <= set(frame.columns):
        return cells
    ends = zip(cells["estimate"], cells["low"], cells["high"], frame["low"].isna() | frame["high"].isna(), strict=True)
    joined = [middle if undefined else f"{middle} [{low}, {high}]" for middle, low, high, undefined in ends]
    return cells.assign(estimate=joined).drop(columns=["low", "high"])


def _cell(value: Any, digits: int) -> str:
    if isinstance(value, str):
        return escape(value)
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    return number(value, digits) if pd.isna(value) or isinstance(value, Real) else escape(str(value))


def _legend(columns: Mapping[str, Column | str], frame: pd.DataFrame) -> list[str]:
    meanings = []
    for name, about in columns.items():
        if name in frame.columns:
            text = about if isinstance(about, str) else about.meaning + (f" ({about.unit})" if about.unit else "")
            meanings.append(rf"\textit{{{escape(str(name))}}}: {escape(text)}.")
    return [r"\par\smallskip", r"{\footnotesize " + " ".join(meanings) + r"\par}"] if meanings else []
