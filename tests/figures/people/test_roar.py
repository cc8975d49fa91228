"""The figure of removal shows the summary: a curve for each method, and its area beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments.people.roar import roar
from attn_interp.experiments.result import Result
from attn_interp.figures.people import roar as figures

METHODS = {"attention": 0.6, "LIME": 0.7, "my $own$": 0.75, "random": 0.9}


@pytest.fixture(scope="module")
def result() -> Result:
    drawn = np.random.default_rng(0).random((2, 40))
    ids = [f"d{row}" for row in range(40)]
    parts = [
        pd.DataFrame({"method": name, "share": share, "seed": seed, "document": ids, "removed": 0}).assign(
            label="x", predicted="x", correct=drawn[seed] < kept, probability_label=kept
        )
        for name, middle in METHODS.items()
        for share, kept in ((0.0, 0.95), (0.5, middle), (1.0, 0.5))
        for seed in (0, 1)
    ]
    return roar(pd.concat(parts), {})


def test_curves_and_areas_are_the_summary(result) -> None:
    axes = result.plot()
    summary = result.summary()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(METHODS)
    for name, line in zip(METHODS, axes.lines):
        own = summary[(summary["method"] == name) & (summary["quantity"] == "correct")]
        np.testing.assert_array_equal(line.get_xdata(), own["share"])
        np.testing.assert_array_equal(line.get_ydata(), own["estimate"])
    assert len({line.get_color() for line in axes.lines}) == len(METHODS)
    assert "n = 40" in axes.get_legend().get_title().get_text()
    _, right = result.figure().axes
    assert [tick.get_text() for tick in right.get_yticklabels()] == ["attention", "LIME", "my $own$"]
    own = summary[summary["quantity"] == "racu"]
    drawn = [line.get_xdata()[0] for line in right.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(drawn, own["estimate"])
    assert "2 seeds, n = 40 documents" in result.caption()


def test_without_random_removal_there_are_the_curves_alone(result) -> None:
    alone = roar(result.frame.query("method == 'attention'"), {})
    assert set(figures.drawn(alone)["panel"]) == {"accuracy"}
    alone.figure().draw_without_rendering()
    with pytest.raises(ValueError, match="the frame has no rows"):
        figures.drawn(Result("roar", result.frame[:0], {}, result.columns))
