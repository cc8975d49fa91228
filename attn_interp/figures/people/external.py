"""Attention and attributions beside data from outside the model: rank correlations, plain and given the controls."""

from __future__ import annotations

import textwrap

import pandas as pd

from attn_interp.data.signals import PROXY
from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, stack
from attn_interp.figures.draw.types import Axes, Figure, Result

PLAIN, PARTIAL = "spearman", "partial"
LABELS = {PLAIN: "mean Spearman's ρ", PARTIAL: "mean partial ρ given the controls"}
TITLE = "mean over documents [95 % interval]"
MARKERS = "os^Dv<>"
LINE, LINES_OF_NAME = 28, 2  # characters on a line of a signal's name, and lines
ROW, REST = 0.13, 1.1  # inches: of one scorer of one signal, and of axis and legend


def plot(result: Result, ax: Axes | None = None, value: str = PLAIN) -> Axes:
    """Mean correlation of each scorer with each signal and its 95 % interval, on the whole range from -1 to 1.

    Args:
        result: of the experiment external.
        ax: where to draw; a new figure of the page's width when None.
        value: "spearman", or "partial" for the correlation given the controls.

    Raises:
        ValueError: another value.
    """
    if value not in LABELS:
        raise ValueError(f"figure external: value {value!r} is unknown; options are {', '.join(sorted(LABELS))}")
    rows = drawn(result)
    signals, scorers = list(dict.fromkeys(rows.group)), list(dict.fromkeys(rows.series))
    rows = rows[rows.panel == value]
    step = 0.8 / len(scorers)
    with style.axes_or_new(ax, style.DOUBLE, _height(result)) as axes:
        handles = []
        axes.axvline(0.0, color=style.GREY, linewidth=0.6)
        for index, scorer in enumerate(scorers):
            own = rows[rows.series == scorer]
            colour = style.PAIR_COLOURS[index % len(style.PAIR_COLOURS)]
            places = [signals.index(group) + step * (index - (len(scorers) - 1) / 2) for group in own.group]
            axes.hlines(places, own.low, own.high, colors=colour)
            marker = MARKERS[index % len(MARKERS)]
            handles += axes.plot(own.x, places, marker, color=colour, markersize=2.5, linestyle="")
            for end in (own.low, own.high):  # caps: many an interval is no wider than its marker
                axes.plot(end, places, "|", color=colour, markersize=4, markeredgewidth=0.7)
        for place, signal in enumerate(signals):
            style.beside(axes, place, _counts(rows[rows.group == signal]), style.BLACK)
        style.list_rows(axes, [_described(result, signal) for signal in signals], parted=True)
        axes.set_xlim(-1.0, 1.0)
        axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)
        axes.set_xlabel(LABELS[value])
        style.legend_above(axes, handles, scorers, TITLE, columns=3)
    return axes


def figure(result: Result) -> Figure:
    """Plain correlations (a) and those given the controls (b), side by side."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, _height(result))
        left, right = page.subplots(1, 2, sharey=True)
        plot(result, right, PARTIAL)
        plot(result, left, PLAIN)  # the last one names the signals of both
        handles = left.get_legend().legend_handles
        labels = [text.get_text() for text in left.get_legend().get_texts()]
        left.get_legend().remove()
        right.get_legend().remove()
        style.literal(page.legend(handles, labels, title=TITLE, ncols=3, loc="outside upper center", handlelength=1.4))
        style.legend_above(left, [], [], "plain")
        style.legend_above(right, [], [], "given the controls")
        style.letter(left, "a")
        style.letter(right, "b")
        right.tick_params(labelleft=False)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: an estimate per scorer (series) and signal (group) in the panels spearman and partial."""
    summary = result.summary()
    summary = summary[(summary["grouping"] == "all") & (summary["scorer"] != "")]
    scorers = ["attention", *result.settings["methods"]]
    signals = [described["title"] for described in result.settings["signals"]]
    parts = []
    for panel in (PLAIN, PARTIAL):
        table = summary[summary["quantity"] == panel].set_index(["signal", "scorer"])
        for signal in signals:
            for scorer in scorers:
                parts.append(estimate(panel, table.loc[(signal, scorer)], scorer, signal))
    return stack(parts)


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    controls = [described["title"] for described in result.settings["signals"] if described["control"]]
    given = f"given the ranks of the controls ({', '.join(controls)}; a control is not given itself)"
    return (
        "Rank correlation within a document between a ranking of its words (attention, or the absolute value of an "
        f"attribution) and data from outside the model: (a) Spearman's rho, (b) the same {given if controls else ''}; "
        f"means over documents with 95 % bootstrap intervals, of n = {result.settings['documents']:,} documents those "
        "in which the correlation is defined. A context-free proxy has one value for a word in every sentence. A "
        "correlation with ratings by people measures plausibility, not faithfulness to the model."
    )


def _height(result: Result) -> float:
    scorers = max(6, 1 + len(result.settings["methods"]))
    return REST + ROW * scorers * len(result.settings["signals"])


def _described(result: Result, signal: str) -> str:
    """The signal's name on at most two lines, whether it is a proxy, and the share of words that it covers."""
    (found,) = [described for described in result.settings["signals"] if described["title"] == signal]
    name = signal.removesuffix(f" ({PROXY})")
    lines = textwrap.wrap(name, LINE, max_lines=LINES_OF_NAME, placeholder=" …")
    lines += [f"({PROXY})"] * found["context_free"]
    return "\n".join([*lines, f"covers {found['coverage']:.0%} of words".replace("%", " %")])


def _counts(rows: pd.DataFrame) -> str:
    """Documents behind the marks of one signal, on two lines; a range where the scorers differ."""
    undefined = _range(rows["undefined"])
    return f"n = {_range(rows['n'])}" + (f"\n({undefined} undef.)" if undefined != "0" else "")


def _range(counts: pd.Series[int]) -> str:
    least, most = int(counts.min()), int(counts.max())
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"
