"""A frame as a table in the terminal."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table


def show_table(frame: pd.DataFrame, title: str) -> None:
    """Print the frame; numbers that are not whole are rounded to three digits for the eye alone."""
    table = Table(title=title, title_justify="left")
    for name, column in frame.items():
        table.add_column(str(name), justify="right" if pd.api.types.is_numeric_dtype(column) else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(_text(value) for value in row))
    Console().print(table, markup=False)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) >= 2 else f"{value:.3f}"
    return str(value)
