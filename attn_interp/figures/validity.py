"""The power of the tests: how often each claim is found on planted corpora where it is true, and where it is not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from attn_interp.experiments.validity import DETECTION, FALSE_ALARM
from attn_interp.figures.draw import style
from attn_interp.figures.draw.marks import estimate, stack
from attn_interp.figures.draw.types import Axes, Result

LOOKS = {DETECTION: (style.BLUE, "o"), FALSE_ALARM: (style.VERMILION, "D")}
NOMINAL = 0.025  # a 95 % interval lies above the truth in this share of trials
ROW, MARGINS = 0.145, 0.85  # inches: height of a row, and of axis and legend together
LEFT = 120  # points: where the claims begin, left of the axis


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """The share of trials (across, 0 to 1) in which each claim is found, by planted case, with Wilson's 95 % interval;
    claims downwards, over each what is measured and the threshold. The dashed line is the nominal rate of false alarms
    of a test on its threshold."""
    rows, rules = drawn(result), _rules(result)
    height = ROW * (len(rows) + len(rules)) + MARGINS
    with style.axes_or_new(ax, style.DOUBLE, height) as axes:
        places, labels, place = [], [], 0
        n = int(rows["n"].max())
        for claim, rule in rules.items():
            _write_claim(axes, place, claim, rule)
            for row in rows[rows.panel == claim].to_dict("records"):
                place += 1
                places.append(place)
                labels.append(row["group"])
                colour, marker = LOOKS[str(row["series"])]
                axes.hlines(place, row["low"], row["high"], colors=colour, linewidth=1.2)
                axes.plot(row["x"], place, marker, color=colour, markersize=3.2, clip_on=False)
                if row["n"] < n or row["undefined"]:
                    style.beside(axes, place, style.count_text(int(row["n"]), int(row["undefined"])), "black")
            place += 1
        axes.set_yticks(places, labels)
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(place - 0.4, -0.7)
        axes.set_xlim(0.0, 1.0)
        axes.axvline(NOMINAL, color=style.GREY, linewidth=0.8, linestyle="--", zorder=0)
        axes.grid(axis="x", color=style.GREY, alpha=0.25, linewidth=0.4)
        axes.set_xlabel("share of planted corpora on which the claim is found")
        handles = [axes.plot([], [], marker, color=colour, markersize=3.2)[0] for colour, marker in LOOKS.values()]
        names = [f"{DETECTION}: the claim is true", f"{FALSE_ALARM}: it is not"]
        trials = "corpus" if n == 1 else "corpora, each with a model of its own"
        style.legend_above(axes, handles, names, f"rate [95 % interval]; n = {n} {trials}", columns=2)
    return axes


figure = style.page_of(plot)


def drawn(result: Result) -> pd.DataFrame:
    """One mark "estimate" per claim (panel), rate (series) and case (group)."""
    rows = result.summary().to_dict("records")
    return stack([estimate(row["claim"], row, row["rate"], row["case"]) for row in rows])


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    seeds = len(np.unique(result.frame["seed"]))
    return (
        f"Detection and false-alarm rates of the tests on {seeds} planted corpora per case, each with a model trained "
        "on it. A claim is found where the 95 % interval over test documents lies above its threshold. Intervals of "
        "the rates are Wilson's, 95 %, over corpora. Dashed: the rate of false alarms that such an interval allows "
        f"where the truth is the threshold itself, {NOMINAL:g}."
    )


def _rules(result: Result) -> dict[str, str]:
    """Claim -> what is measured and the threshold."""
    first = result.frame.drop_duplicates("claim")
    return {row["claim"]: f"{row['measure']} > {row['threshold']:.3g}" for row in first.to_dict("records")}


def _write_claim(axes: Axes, place: int, claim: str, rule: str) -> None:
    """The claim, begun over the names of its cases, and its rule up to the right edge."""
    at = axes.get_yaxis_transform()  # x in shares of the width, y in data
    text = axes.annotate(
        claim,
        (0.0, place),
        xycoords=at,
        xytext=(-LEFT, 0),
        textcoords="offset points",
        va="center",
        fontsize=7,
        fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},  # over the axis and the nominal rate
    )
    text.set_parse_math(False)
    axes.text(1.0, place, rule, transform=at, fontsize=6.5, color=style.GREY, ha="right", va="center", parse_math=False)
