"""How much divergence a looser output buys: the adversary's divergence against the tolerance eps."""

from __future__ import annotations

import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.curves import draw_curve
from attn_interp.figures.draw.marks import filled, marks, stack
from attn_interp.figures.draw.types import Artist, Axes, Result
from attn_interp.figures.jain_wallace.adversary import MOST, PROOF, TICKS, strongest
from attn_interp.statistics.bootstrap import summarise

PANEL = "divergence against eps"
VALUE, UPPER = "value", "upper bound"


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Mean largest divergence at equal output against eps, one line per predicted class, with 95 % bands.

    The upward axis is the range of the divergence, 0 to ln 2 in nats; eps is on a logarithmic axis. Dashed lines are
    means of the proved upper bounds where values are certified. A document with rows of several statuses counts once
    at each eps, with the strongest.
    """
    from matplotlib.lines import Line2D

    rows = drawn(result)
    names = style.class_names(result.frame)
    colours, lines = style.class_colours(names), style.class_lines(names)
    with style.axes_or_new(ax, height=_height(result)) as axes:
        handles: list[Artist] = []
        labels = []
        for name in names:
            own = rows[(rows.series == name) & (rows.group == VALUE)]
            handles.append(draw_curve(axes, own, colours[name], lines[name], marker=".", markersize=4.0))
            labels.append(_count(own, name))
        bounds = rows[rows.group == UPPER]
        for name in names:
            own = bounds[bounds.series == name]
            axes.plot(own.x, own.y, color=colours[name], linestyle="--", linewidth=0.8)
        if len(bounds):
            handles.append(Line2D([], [], color="black", linestyle="--", linewidth=0.8))
            labels.append("certified: mean upper bound")
        axes.axhline(MOST, color=style.GREY, linewidth=0.8, linestyle="--")
        axes.set_xscale("log")
        axes.set_yticks(list(TICKS), list(TICKS.values()))
        axes.set_ylim(0.0, 1.02 * MOST)
        axes.set_xlabel("ε, allowed change of the output (TVD)")
        axes.set_ylabel("mean ε-max JSD (nats)")
        style.legend_above(axes, handles, labels, f"{_statuses(result)}\npredicted class; band: 95 % interval")
    return axes


figure = style.page_of(plot)


def drawn(result: Result) -> pd.DataFrame:
    """The marks that are drawn: one curve per predicted class (series), of the value and of its upper bound (group)."""
    frame = strongest(filled(result).frame)
    frame = frame.assign(predicted=frame["predicted"].astype(str))
    parts = [_curves(frame, "jsd", VALUE, result)]
    certified = frame["status"] == "certified"
    if certified.any():
        # Every document counts in the bound of a mean; the exact ones are their own bound, a search has none.
        bounded = frame[frame["status"] != "search"]
        bound = bounded["jsd_upper"].where(certified, bounded["jsd"])
        parts.append(_curves(bounded.assign(bound=bound), "bound", UPPER, result))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    rows = drawn(result)
    return (
        "Mean over documents of the largest Jensen-Shannon divergence (nats, at most ln 2) from the model's attention "
        "that an attention can have while the output moves by at most eps in total variation, by predicted class, "
        f"with pointwise 95 % bootstrap intervals; {_per_eps(rows)}; {_statuses(result)}. Exact: the optimum; "
        "certified: a value that is attained, with a proved upper bound, whose mean (dashed) leaves out searched "
        "documents; search: the best found, a lower bound."
    )


def _curves(frame: pd.DataFrame, value: str, group: str, result: Result) -> pd.DataFrame:
    table = summarise(frame, ["predicted", "eps"], [value], ("mean",), int(result.settings.get("seed", 0)))
    return stack(
        [
            marks(
                PANEL,
                "curve",
                str(name),
                group,
                x=own["eps"],
                y=own["estimate"],
                low=own["low"],
                high=own["high"],
                n=own["n"],
                undefined=own["undefined"],
            )
            for name, own in table.groupby("predicted")
        ]
    )


def _height(result: Result) -> float:
    """Inches: room for the lines under a legend of any number of classes."""
    return 2.4 + 0.15 * len(style.class_names(result.frame))


def _count(own: pd.DataFrame, name: str) -> str:
    if own.empty:
        return f"{name}: n = 0"
    least, most = own["n"].min(), own["n"].max()
    return f"{name}: {style.count_text(least, own['undefined'].max())}" + (f" to {most:,}" if most > least else "")


def _per_eps(rows: pd.DataFrame) -> str:
    counts = rows[rows.group == VALUE].groupby("x")["n"].sum()
    least, most = counts.min(), counts.max()
    return f"n = {least:,} documents" if least == most else f"n = {least:,} to {most:,} documents at an eps"


def _statuses(result: Result) -> str:
    """The status of all values, or each with its share of them."""
    shares = strongest(result.frame)["status"].value_counts(normalize=True)
    present = [status for status in PROOF if status in shares]
    return (
        present[0] if len(present) == 1 else ", ".join(f"{status} {100 * shares[status]:.0f} %" for status in present)
    )
