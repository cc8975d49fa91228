"""What the decision loses without, and with only, the words that each method ranks first (DeYoung et al. 2020)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.curves import draw_curve
from attn_interp.figures.draw.marks import estimate, filled, marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

COMPREHENSIVENESS, SUFFICIENCY = "comprehensiveness", "sufficiency"
AOPC, OWN_LENGTH = "AOPC", "rationale"
RANDOM, OPTIMUM, HUMAN = "random", "optimum", "human rationale"
EXPLAINED = {
    COMPREHENSIVENESS: "loss without first words\n(higher: they were needed)",
    SUFFICIENCY: "loss with first words alone\n(lower: they are enough)",
}
SCALES = (0.25, 0.5, 1.0)  # upper ends of the axis; a loss of probability cannot pass 1
LONGEST_NAME = 26
SIDE_BY_SIDE = 0.5  # of the distance between two shares, for all methods together
NUMBERS = ("low", "high", "n", "undefined")


def plot(result: Result, ax: Axes | None = None, measure: str = COMPREHENSIVENESS) -> Axes:
    """Mean loss of the decision's probability over all shares of words (AOPC) by method, with 95 % intervals and n.

    The grey band is the interval of the random ranking, the broad pale line the optimum where it is known.

    Raises:
        ValueError: the measure is neither comprehensiveness nor sufficiency.
    """
    return _draw_areas(ax, drawn(result), _known(measure))


def curves(result: Result, ax: Axes | None = None, measure: str = COMPREHENSIVENESS) -> Axes:
    """Mean loss of the decision's probability against the share of words that are first, with 95 % intervals.

    Shares stand at equal distances, and the methods of one share side by side. The grey band is the random ranking, the
    broad pale line the optimum, which no method can pass.

    Raises:
        ValueError: the measure is neither comprehensiveness nor sufficiency.
    """
    return _draw_curves(ax, drawn(result), _known(measure), listed=True)


def figure(result: Result) -> Figure:
    """The paper's figure: above the curves of both measures, below their means over the shares."""
    rows = drawn(result)
    count = rows["series"].nunique()
    heights = (2.4 + 0.04 * count, 0.9 + 0.17 * count)
    with style.paper():
        page = style.new_figure(style.DOUBLE, sum(heights))
        above, below = page.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
        for name, axes, measure in zip("ab", above.subplots(1, 2), EXPLAINED):
            style.letter(_draw_curves(axes, rows, measure, listed=False), name)
        style.literal(above.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=4))
        left, right = below.subplots(1, 2)
        style.letter(_draw_areas(left, rows, COMPREHENSIVENESS), "c")
        style.letter(_draw_areas(right, rows, SUFFICIENCY), "d")
        right.tick_params(labelleft=False)  # the rows are those of the left
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: panels "comprehensiveness curve", "sufficiency curve" (mark 'curve', x the place of the
    share, group its name) and "comprehensiveness", "sufficiency" (mark 'estimate', the AOPC)."""
    table = filled(result).summary()
    table = table[table["grouping"] == "all"]
    found = {(row["quantity"], row["method"], row["size"]): row for row in table.to_dict("records")}
    parts = []
    for measure in EXPLAINED:
        for name in _methods(result.frame):
            for place, percent in enumerate(result.settings["percent"]):
                size = f"{percent} %"
                row = found[measure, name, size]
                numbers = {key: row[key] for key in NUMBERS}
                parts.append(marks(f"{measure} curve", "curve", name, size, x=place, y=row["estimate"], **numbers))
            row = found[measure, name, AOPC]
            parts.append(estimate(measure, row, name))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    n = result.frame["document"].nunique()
    settings = result.settings
    return (
        "Faithfulness (not plausibility): loss of the decision's probability when the words that a method ranks first "
        "are erased (comprehensiveness) and when all others are (sufficiency), by share of the words and averaged over "
        f"the shares (AOPC); means with 95 % bootstrap intervals over n = {n:,} documents. Erasing: "
        f"{settings['erasure']}. Shares: {settings['rounding']}. Random, and words of equal rank: "
        f"{settings['draws']} draws. Optimum: {settings['optimum']}. What random erasure "
        "loses is the effect of the operator itself."
    )


def _known(measure: str) -> str:
    if measure not in EXPLAINED:
        raise ValueError(f"figure faithfulness: no measure {measure!r}; choose from {', '.join(sorted(EXPLAINED))}")
    return measure


def _methods(frame: pd.DataFrame) -> list[str]:
    """The methods in the order of the frame, but random and the optimum last."""
    present = list(frame["method"].unique())
    last = [name for name in (RANDOM, OPTIMUM) if name in present]
    return [name for name in present if name not in last] + last


def _draw_areas(ax: Axes | None, rows: pd.DataFrame, measure: str) -> Axes:
    own = rows[rows.panel == measure]
    names = list(own["series"])
    with style.axes_or_new(ax, style.DOUBLE, 0.9 + 0.19 * len(names)) as axes:
        for place, row in enumerate(own.to_dict("records")):
            name, colour = row["series"], _look(row["series"], names)[0]
            if name == RANDOM:
                axes.axvspan(row["low"], row["high"], color=style.GREY, alpha=0.25, linewidth=0, zorder=0)
            if name == OPTIMUM:
                axes.axvline(row["x"], color=colour, linewidth=4.0, alpha=0.2, zorder=0)
            axes.hlines(place, row["low"], row["high"], colors=colour)
            axes.plot(row["x"], place, "o", color=colour, markersize=2.2)
            style.beside(axes, place, style.interval_text(row["x"], row["low"], row["high"]), "black")
        axes.set_yticks(range(len(names)), [_short(name) for name in names])
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.axvline(0.0, color=style.GREY, linewidth=0.6, linestyle=":")
        axes.set_xlim(*_scale(rows))
        axes.set_xlabel("loss of probability, mean over the shares")
        style.legend_above(axes, [], [], f"{measure} (AOPC), mean [95 % interval];\n{_counts(own)}")
    return axes


def _draw_curves(ax: Axes | None, rows: pd.DataFrame, measure: str, listed: bool) -> Axes:
    own = rows[rows.panel == f"{measure} curve"]
    names = list(own["series"].unique())
    sizes = list(own["group"].unique())
    with style.axes_or_new(ax, height=2.2 + 0.14 * len(names)) as axes:
        for place, name in enumerate(names):
            mine, (colour, line) = own[own.series == name], _look(name, names)
            if name == RANDOM:
                draw_curve(axes, mine, colour, line, label=name)
            elif name == OPTIMUM:
                axes.vlines(mine.x, mine.low, mine.high, colors=colour, linewidth=0.8)
                axes.plot(mine.x, mine.y, color=colour, linewidth=4.0, alpha=0.25, zorder=1.5, label=name)
            else:
                beside = mine.x + (place - (len(names) - 1) / 2) * SIDE_BY_SIDE / len(names)
                axes.vlines(beside, mine.low, mine.high, colors=colour, linewidth=0.8)
                axes.plot(beside, mine.y, color=colour, linestyle=line, marker=".", markersize=4.0, label=_short(name))
        axes.set_xticks(range(len(sizes)), sizes)
        axes.set_xlim(-0.4, len(sizes) - 0.6)
        axes.set_xlabel("first words (share of the words, rounded up)")
        axes.axhline(0.0, color=style.GREY, linewidth=0.6, linestyle=":")
        axes.set_ylim(*_scale(rows))
        axes.set_ylabel(EXPLAINED[measure])
        handles, labels = axes.get_legend_handles_labels() if listed else ([], [])
        style.legend_above(axes, handles, labels, f"{measure}; {_counts(own)}")
    return axes


def _scale(rows: pd.DataFrame) -> tuple[float, float]:
    """One scale for both measures: to .25, .5 or 1, and below 0 as far as any interval goes."""
    means = rows["x"].where(rows["mark"] == "estimate", rows["y"])
    most = max((float(value.max()) for value in (means, rows["high"]) if value.notna().any()), default=1.0)
    least = min((float(value.min()) for value in (means, rows["low"]) if value.notna().any()), default=0.0)
    top = next((end for end in SCALES if most <= end), SCALES[-1])
    return min(least, 0.0) - 0.03 * top, top


def _counts(rows: pd.DataFrame) -> str:
    """ "n = 1,000", or the range where methods are defined on different documents."""
    least, most = int(rows["n"].min()), int(rows["n"].max())
    undefined = int(rows["undefined"].max())
    count = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    return f"n = {count} documents" + (f" ({undefined:,} undefined)" if undefined else "")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME + 1 else name[:LONGEST_NAME] + "…"


def _look(name: str, names: list[str]) -> tuple[str, Any]:
    """Colour and line of a method; those of no fixed role share out, by their place, the colours that no fixed one
    has."""
    if name in style.ORDERINGS:
        return style.ORDERINGS[name]
    if name == HUMAN:
        return style.BLACK, "--"
    taken = {style.ORDERINGS[other][0] for other in names if other in style.ORDERINGS}
    free = [colour for colour in style.CLASS_COLOURS[:6] if colour not in taken]
    place = [other for other in names if other not in style.ORDERINGS and other != HUMAN].index(name)
    again, place = divmod(place, len(free))
    return free[place], style.LINES[(place + again) % len(style.LINES)]
