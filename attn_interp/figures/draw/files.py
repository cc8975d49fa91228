"""A figure on disk: PDF for the paper, PNG for a look, CSV of what is drawn."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from attn_interp.data.whole_files import replace_file
from attn_interp.figures.draw.style import paper
from attn_interp.figures.words.literal import make_legible

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure, SubFigure

SUFFIXES = (".pdf", ".png", ".csv")


def save_figure(
    figure: Figure | SubFigure, path: str | os.PathLike[str], data: pd.DataFrame
) -> tuple[Path, Path, Path]:
    """Write `path`.pdf, `path`.png (300 dpi) and `path`.csv, and return the three paths.

    Everything is made in memory first and each file is written under a temporary name and moved into place: a figure
    that cannot be drawn leaves nothing behind. A figure that is made again gives the same bytes: the PDF holds no date.

    Args:
        figure: The figure, or `ax.figure` of what a plot returned.
        path: Folder and name without a suffix; the folder is made where it is missing.
        data: What is drawn, unrounded: the frame from the figure module's `drawn`.

    Raises:
        ValueError: the path ends in .pdf, .png or .csv.
    """
    path = Path(path)
    if path.suffix in SUFFIXES:
        raise ValueError(f"{path}: give the path without its suffix {path.suffix!r}; three files are made from it")
    whole = figure.figure
    if whole is None:
        raise ValueError(f"{path}: the subfigure belongs to no figure; pass the figure that it was made in")
    make_legible(whole)
    pdf, png = BytesIO(), BytesIO()
    with paper():
        whole.savefig(png, format="png", dpi=300)
        layout = whole.get_layout_engine()
        whole.set_layout_engine("none")  # the PDF is laid out as the PNG
        try:
            whole.savefig(pdf, format="pdf", metadata={"CreationDate": None})
        finally:
            whole.set_layout_engine(layout)
    contents = (pdf.getvalue(), png.getvalue(), data.to_csv(index=False, lineterminator="\n").encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    written = tuple(path.with_name(path.name + suffix) for suffix in SUFFIXES)
    for target, content in zip(written, contents, strict=True):
        replace_file(target, content)
    return written[0], written[1], written[2]
