"""How well each score tells what taking sources away does, what falls without its first source, and which is marked."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, filled, stack
from attn_interp.figures.draw.point_ranges import draw_point_ranges
from attn_interp.figures.draw.types import Axes, Figure, Result

LDS, FALL, FOUND = "lds", "fall_1", "average_precision"
AXES = {
    LDS: "linear datamodelling\nscore",
    FALL: "fall of log p (nats)\nwithout the first source",
    FOUND: "average precision\nof marked sources",
}


def plot(result: Result, ax: Axes | None = None, panel: str = LDS) -> Axes:
    """The mean of each score over the documents, with its 95 % interval.

    Args:
        panel: "lds", "fall_1" or "average_precision".

    Raises:
        ValueError: there is no such panel, or no source is marked.
    """
    rows = drawn(result)
    if panel not in set(rows.panel):
        raise ValueError(f"figure sources: no panel {panel!r}; there are {', '.join(dict.fromkeys(rows.panel))}")
    with style.axes_or_new(ax, height=_height(rows)) as axes:
        return _draw(axes, rows, panel, named=True)


def figure(result: Result) -> Figure:
    """The linear datamodelling score (a), the fall of the log-probability without the source scored highest (b), and
    where sources are marked the average precision (c)."""
    rows = drawn(result)
    panels = list(dict.fromkeys(rows.panel))
    with style.paper():
        page = style.new_figure(style.DOUBLE, _height(rows))
        for axes, panel, name in zip(page.subplots(1, len(panels)), panels, "abc"):
            style.letter(_draw(axes, rows, panel, named=panel == LDS), name)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: one estimate for each panel and score; of layers and heads the summary tells."""
    summary = filled(result).summary()
    summary = summary[~summary["score"].str.startswith("layer ")]
    parts = []
    for quantity in AXES:
        own = summary[summary["quantity"] == quantity].set_index("score", drop=False)
        if quantity != FOUND or own["n"].max() > 0:
            scores = [name for name in dict.fromkeys(result.frame["score"]) if name in own.index]
            parts += [estimate(quantity, row, row["score"]) for row in own.loc[scores].to_dict("records")]
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    settings = result.settings
    return (
        f"What scores the {settings['unit']}s of a document as sources of the decision. (a) Rank correlation, over up "
        f"to {settings['ablations']} random ablations of each document, of the sum of the scores of what is kept with "
        "the log-probability of the decision. (b) How far that falls without the source scored highest. (c), where the "
        "sources are known: average precision of those that decide. Learned scores were fitted on other ablations: the "
        f"surrogate on those of the document itself, heads on those of other documents. n = {settings['documents']:,} "
        "documents; points are means with 95 % bootstrap intervals over documents."
    )


def _draw(axes: Axes, rows: pd.DataFrame, panel: str, named: bool) -> Axes:
    own = rows[rows.panel == panel]
    draw_point_ranges(axes, own, list(own.series), style.BLUE, named)
    axes.axvline(0.0, color=style.GREY, linewidth=0.6, linestyle=":")
    if panel == LDS:
        axes.set_xlim(min(-0.1, float(own["low"].min()) - 0.02), 1.02)
    elif panel == FOUND:
        axes.set_xlim(0.0, 1.02)
    axes.set_xlabel(AXES[panel])
    defined = own[own.n > 0]
    counts = style.count_text(int(defined["n"].min()), int(defined["undefined"].max())) if len(defined) else "n = 0"
    style.legend_above(axes, [], [], f"mean [95 % interval]\n{counts}")
    return axes


def _height(rows: pd.DataFrame) -> float:
    return 1.2 + 0.2 * rows.series.nunique()
