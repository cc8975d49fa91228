import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.deep.sink import COLUMNS, TESTED
from attn_interp.experiments.result import Result
from attn_interp.figures.deep import sink as figures


@pytest.fixture
def result() -> Result:
    """21 documents under three layers, of which the last is tested."""
    random = np.random.default_rng(0)
    frames = []
    for layer, site in ((TESTED, "c"), ("layer 0", "a"), ("layer 1", "b"), ("layer 2", "c")):
        frame = pd.DataFrame({"document": [f"d{i}" for i in range(21)], "label": "a", "predicted": "a", "words": 12})
        reached = 1.0 if layer == TESTED else np.nan
        outside = random.random(21)
        frames.append(frame.assign(layer=layer, site=site, outside=outside, first_token=outside / 2,
                                   log_odds_reached=reached))  # fmt: skip
    return Result("sink", pd.concat(frames, ignore_index=True), {"seed": 0, "documents": 21}, COLUMNS)


def test_the_marks_are_the_summary(result: Result) -> None:
    rows, summary = figures.drawn(result), result.summary().set_index(["layer", "quantity"])
    assert len(rows) == 8
    for quantity, (label, _, _) in figures.SERIES.items():
        for row in rows[rows.series == label].to_dict("records"):
            layer = TESTED if row["mark"] == "range" else f"layer {row['x']:.0f}"
            expected = summary.loc[(layer, quantity)]
            assert (row["y"], row["low"], row["high"]) == tuple(expected[["estimate", "low", "high"]])
    assert rows[rows.mark == "range"]["x"].tolist() == [2, 2]


def test_the_artists_show_the_marks(result: Result) -> None:
    axes, rows = figures.plot(result), figures.drawn(result)
    curves = [line for line in axes.lines if len(line.get_xdata()) > 1]
    for line, (label, _, _) in zip(curves, figures.SERIES.values()):
        np.testing.assert_array_equal(line.get_ydata(), rows[(rows.series == label) & (rows.mark == "curve")].y)
    assert "n = 21" in axes.get_legend().get_title().get_text()


def test_the_figure_and_its_caption(result: Result) -> None:
    figures.figure(result).draw_without_rendering()
    assert "n = 21 documents" in figures.caption(result)
    axes = Figure().subplots()
    assert result.plot(axes) is axes


def test_an_empty_frame_is_refused(result: Result) -> None:
    with pytest.raises(ValueError, match="no rows"):
        figures.drawn(Result("sink", result.frame.iloc[:0], result.settings, COLUMNS))
