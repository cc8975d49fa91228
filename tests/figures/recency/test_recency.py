"""The recency figure: what is drawn is the summary, conditions by panel; few seeds and gaps are drawn too."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments.recency import recency as measures
from attn_interp.experiments.recency.recency import EVERYWHERE, LATE, MODEL, POSITIONS, REAL, row
from attn_interp.experiments.result import Result
from attn_interp.figures.recency import recency

SETTINGS = {"lengths": [20, 100], "profile": 4}


@cache
def made(seeds: int, network: str = "lstm", undefined: bool = False) -> Result:
    random, rows = np.random.default_rng(0), []
    for seed in range(seeds):
        for pooling in ("last", "attention"):
            about = {**dict(zip(MODEL, (network, 1, pooling, EVERYWHERE, 20.0))), "seed": seed}
            for distance in range(4):
                share = np.array([np.nan if undefined else 0.25])
                rows.append({**about, **row(measures.GRADIENT, share, 4, distance)})
            for position in POSITIONS:
                for trained_at, length in ((EVERYWHERE, 20), (LATE, 20), (LATE, 100)):
                    value = random.random(3)
                    placed = {**about, "trained_at": trained_at}
                    rows.append({**placed, **row(measures.ACCURACY, value, length, position)})
            real = {**about, "trained_at": REAL, "trained_length": np.nan}
            rows += [{**real, **row(measures.PADDING, random.random(3), x=count)} for count in (5, 50)]
    return measures.recency(rows, SETTINGS)


@pytest.fixture(scope="module")
def drawn() -> pd.DataFrame:
    return recency.drawn(made(3))


def test_a_panel_draws_the_rows_of_the_summary(drawn) -> None:
    result = made(3)
    axes = recency.plot(result)
    summary = result.summary()
    own = summary[
        (summary["measure"] == measures.ACCURACY) & (summary["trained_at"] == LATE) & (summary["length"] == 100)
    ]
    lines = {line.get_color(): line for line in axes.lines if len(line.get_xdata())}
    for pooling in ("last", "attention"):
        expected = own[own["pooling"] == pooling].sort_values("x")
        line = lines[recency.LOOKS[pooling][0]]
        np.testing.assert_array_equal(line.get_xdata(), expected["x"])
        np.testing.assert_array_equal(line.get_ydata(), expected["estimate"])
        curve = drawn[(drawn.series == pooling) & (drawn.panel == "accuracy, keyword late in training; lstm")]
        np.testing.assert_array_equal(curve[["low", "high"]], expected[["low", "high"]])
        assert set(curve.n) == {3}
    assert "n = 3 seeds" in axes.get_legend().get_title().get_text()
    assert axes.get_xlim() == (0.0, 1.0)
    assert "Student's 95 % intervals" in recency.caption(result)


@pytest.mark.parametrize(("directions", "name"), [(1, "last state"), (2, "last states, both ends")])
def test_the_legend_names_the_last_states_and_leaves_the_panel_its_width(directions: int, name: str) -> None:
    result = made(3)
    result = replace(result, frame=result.frame.assign(directions=directions))
    axes = recency.plot(result, directions=directions)
    axes.figure.draw_without_rendering()
    assert name in {text.get_text() for text in axes.get_legend().get_texts()}
    assert axes.get_position().width > 0.7


@pytest.mark.parametrize("panel", range(len(recency.PANELS)))
def test_every_panel_alone_is_that_of_the_page(panel: int, drawn) -> None:
    axes = recency.plot(made(3), panel=panel)
    own = drawn[(drawn.panel == recency._name(panel, "lstm")) & (drawn.group == "1")]
    lines = {line.get_color(): line for line in axes.lines if len(line.get_xdata())}
    assert set(lines) == {recency.LOOKS[pooling][0] for pooling in own.series}
    for pooling, curve in own.groupby("series"):
        np.testing.assert_array_equal(lines[recency.LOOKS[pooling][0]].get_ydata(), curve.y)
    if own.empty:
        assert [text.get_text() for text in axes.texts] in (["not measured"], ["no attention"])


@pytest.mark.parametrize(
    ("seeds", "network", "undefined"), [(1, "lstm", True), (2, "a very long $name_1$ of a recurrent network", False)]
)
def test_one_seed_gaps_and_long_names_are_drawn(seeds: int, network: str, undefined: bool) -> None:
    page = recency.figure(made(seeds, network, undefined))
    page.draw_without_rendering()
    texts = [text.get_text() for axes in page.axes for text in axes.texts]
    assert "not measured" in texts
    assert page.get_size_inches()[0] == pytest.approx(6.9)
