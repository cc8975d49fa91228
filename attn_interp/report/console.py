"""A frame as a table in the terminal."""

from __future__ import annotations

import sys

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

FILE_WIDTH = 160  # characters of a line where the output is no terminal


def show_table(frame: pd.DataFrame, title: str) -> None:
    """Print the frame; numbers that are not whole are rounded to three digits for the eye alone."""
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name, column in frame.items():
        table.add_column(Text(str(name)), justify="right" if pd.api.types.is_numeric_dtype(column) else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(_text(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else FILE_WIDTH).print(table)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) >= 2 else f"{value:.3f}"
    return str(value)
