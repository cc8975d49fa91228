"""Does the most attended word matter more than another? Erased one by one, drawn as Serrano & Smith 2019 do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.figures.draw import style
from attn_interp.figures.draw.estimates import estimate_marks
from attn_interp.figures.draw.marks import estimate, filled, marks, stack
from attn_interp.figures.draw.types import Artist, Axes, Figure, Result
from attn_interp.statistics.bootstrap import interval

SCATTER, FLIPS = "effect against weight", "flips"
MOST_ATTENDED, OTHER, NONE = "the most attended", "only another", "none"
LOOKS = {NONE: (style.GREY, "."), OTHER: (style.BLUE, "D"), MOST_ATTENDED: (style.VERMILION, "^")}  # later ones on top
ABOVE = "share above 0"
FLIP_CELLS = (  # column of the frame, row and column of the table, each yes before no
    ("flip_both", 0, 0),
    ("flip_only_most_attended", 0, 1),
    ("flip_only_other", 1, 0),
    ("flip_neither", 1, 1),
)
LINEAR = 1e-4  # nats: between -LINEAR and LINEAR the upward axis is linear, outside logarithmic; less where all is less
LEAST = 1e-12  # nats: the rounding of the divergence


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """One point per document: how much more the output moves without the most attended word, against its lead.

    Across, the weight of the most attended word minus another's; upwards, the Jensen-Shannon divergence of the output
    when it is erased minus that when another is; both are means over all other words. Above 0 the most attended word
    has more effect than another. Colours say whose erasure changes the decision. The upward axis is logarithmic on
    both sides of a small linear stretch; both axes end where the data do.
    """
    rows = _points(result)
    points, share = rows[rows.mark == "point"], rows[rows.mark == "estimate"].iloc[0]
    with style.axes_or_new(ax, height=3.2) as axes:
        axes.axhline(0.0, color="black", linewidth=0.6)
        handles: list[Artist] = []
        labels = []
        for name, (colour, marker) in LOOKS.items():
            own = points[points.series == name]
            small = name == NONE
            handles += axes.plot(
                own.x,
                own.y,
                marker,
                color=colour,
                markersize=3.0 if name != OTHER else 2.4,
                alpha=0.45 if small else 0.9,
                markeredgewidth=0,
                linestyle="",
            )
            labels.append(f"{name} (n = {len(own):,})")
        largest = float(points["y"].abs().max()) if len(points) else 1.0
        linear = min(LINEAR, 10.0 ** np.floor(np.log10(max(largest, LEAST)) - 1))
        ends = (-points["y"].min(), points["y"].max()) if len(points) else (largest, largest)
        least, most = (1.5 * max(float(end), linear) for end in ends)
        axes.set_yscale("symlog", linthresh=linear)
        axes.set_ylim(-least, most)
        decades = 10.0 ** np.arange(round(np.log10(linear)), np.log10(max(least, most)))
        ticks = [*-decades[decades < least][::-1], 0.0, *decades[decades < most]]
        axes.set_yticks(ticks, [_power(tick) for tick in ticks])
        axes.minorticks_off()
        style.range_to(axes, points["x"].max(), "difference of the weights")
        axes.set_ylabel("difference of the JS divergences (nats)")
        written = style.count_text(share["n"], share["undefined"])
        title = (
            f"{ABOVE}: {style.interval_text(share.x, share.low, share.high)}, {written}\n"
            f"{_unit(result)} whose erasure changes the decision"
        )
        style.legend_above(axes, handles[::-1], labels[::-1], title)
    return axes


def flips(result: Result, ax: Axes | None = None) -> Axes:
    """The 2x2 table of decision changes: without the most attended word (rows) and without another (columns).

    Each cell is the mean over documents of the chance with the other word drawn at random, with its 95 % interval.
    """
    from matplotlib.patches import Rectangle

    rows = _table(result).set_index("series")
    with style.axes_or_new(ax) as axes:
        for name, down, across in FLIP_CELLS:
            row = rows.loc[name]
            strength: float = 0.0 if pd.isna(row.x) else 0.5 * float(row.x)
            axes.add_patch(Rectangle((across, down), 1, 1, facecolor=(style.BLUE, strength), edgecolor=style.GREY))
            if pd.isna(row.x):
                axes.text(across + 0.5, down + 0.5, "undefined", ha="center", va="center", fontsize=7)
                continue
            axes.text(across + 0.5, down + 0.4, f"{100 * row.x:.1f} %", ha="center", va="center", fontsize=9)
            ends = f"[{100 * row.low:.1f}, {100 * row.high:.1f}]"
            axes.text(across + 0.5, down + 0.68, ends, ha="center", va="center", fontsize=7)
        axes.set_xlim(0, 2)
        axes.set_ylim(2, 0)
        axes.set_xticks([0.5, 1.5], ["changes", "stays"])
        axes.set_yticks([0.5, 1.5], ["changes", "stays"], rotation=90, va="center")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(f"without another {_unit(result)} the decision")
        axes.set_ylabel(f"without the most attended\n{_unit(result)} the decision")
        counts = style.count_text(rows["n"].iloc[0], rows["undefined"].iloc[0])
        style.legend_above(axes, [], [], f"mean over documents [95 % interval]\n{counts}")
    return axes


def figure(result: Result) -> Figure:
    """The paper's figure: the scatter and the table of decision changes."""
    with style.paper():
        page = style.new_figure(style.DOUBLE, 3.2)
        left, right = page.subfigures(1, 2, width_ratios=(1.35, 1.0), squeeze=False)[0]
        style.letter(plot(result, left.subplots()), "a")
        style.letter(flips(result, right.subplots()), "b")
    return page


def drawn(result: Result) -> pd.DataFrame:
    """The marks of `figure`: panel "effect against weight" (its estimate is the share of documents above 0) and panel
    "flips"."""
    return stack([_points(result), _table(result)])


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    counted, unit = result.frame["js_difference"].notna().sum(), _unit(result)
    return (
        f"Erasing the most attended {unit} against erasing another (weight set to 0, the rest renormalised): "
        "difference of the Jensen-Shannon divergences of the output (nats) against difference of the weights, both "
        f"means over all other {unit}s of a document, and how often each erasure changes the decision; "
        f"{style.count_text(int(counted), int(len(result.frame) - counted))} documents, {result.settings['status']}. "
        f"A document of one {unit}, or with all attention on one, has no comparison. 95 % intervals over documents: "
        "Wilson's for the share, bootstrap for the table. The axes end where the data do."
    )


def _unit(result: Result) -> str:
    """What is erased: "word" or "sentence"."""
    return str(result.settings.get("unit", "word"))


def _points(result: Result) -> pd.DataFrame:
    frame = filled(result).frame
    alone = frame["flip_both"] + frame["flip_only_most_attended"] > 0
    kind = pd.Series(np.select([alone, frame["flip_only_other"] > 0], [MOST_ATTENDED, OTHER], NONE), frame.index)
    defined = frame["js_difference"].notna()
    parts = []
    for name in LOOKS:
        own = frame[defined & (kind == name)]
        parts.append(marks(SCATTER, "point", name, x=own["weight_difference"], y=own["js_difference"]))
    above = (frame["js_difference"] > 0).astype(float).where(defined)
    parts.append(estimate(SCATTER, vars(interval(above, "share")), ABOVE))
    return stack(parts)


def _table(result: Result) -> pd.DataFrame:
    parts = []
    for name, _, _ in FLIP_CELLS:
        rows = result.frame.assign(cell=name)
        parts.append(estimate_marks(rows, FLIPS, series="cell", value=name, statistic="mean", result=result))
    return stack(parts)


def _power(value: float) -> str:
    """A power of ten with its sign, as text: "−10⁻⁴"."""
    if value == 0:
        return "0"
    exponent = str(round(np.log10(abs(value)))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{'−' if value < 0 else ''}10{exponent}"
