"""Tables as files and on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pandas as pd

from attn_interp.data.whole_files import replace_file
from attn_interp.report.console import show_table
from attn_interp.report.latex import table as latex_table
from attn_interp.report.tables.wide import readable

Layout = Callable[[pd.DataFrame], pd.DataFrame]


def write_tables(
    tables: Mapping[str, pd.DataFrame],
    folder: Path,
    captions: Mapping[str, str],
    layout: Layout = readable,
    shown: Collection[str] | None = None,
    digits: int = 2,
) -> None:
    """Write every table as <name>.csv with all its numbers; those that have a caption also as <name>.tex and printed.

    Args:
        tables: Name -> table.
        folder: Where the files are written, each whole.
        captions: Name -> what the table is, for those that are read.
        layout: Table -> what is read of it.
        shown: Names of those that are printed; None: all that have a caption.
        digits: Decimals in LaTeX.
    """
    for name, table in tables.items():
        replace_file(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
        if name in captions:
            read = layout(table)
            latex_table(read, folder / f"{name}.tex", caption=captions[name], digits=digits)
            if shown is None or name in shown:
                show_table(read, title=captions[name])
    print(f"written: {', '.join(f'{name}.csv' for name in tables)} in {folder}, and a folder with figures per model")
