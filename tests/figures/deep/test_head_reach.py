import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.deep.head_reach import ALL, COLUMNS
from attn_interp.experiments.result import Result
from attn_interp.figures.deep import head_reach as figures


@pytest.fixture
def result() -> Result:
    """31 documents under all heads and each of two; the last has equal votes."""
    random = np.random.default_rng(0)
    frames = []
    for heads in (ALL, "head 0", "head 1"):
        hard = random.random(31) < 0.4
        frame = pd.DataFrame({"document": [f"d{i}" for i in range(31)], "label": "a", "predicted": "a", "words": 12})
        fewest = np.where(hard, np.nan, random.integers(1, 9, 31))
        frames.append(
            frame.assign(heads=heads, margin=1.0, margin_least=np.where(hard, 0.5, -0.5), margin_most=2.0,
                         unflippable=hard, spread_used=random.random(31), fewest_weights=fewest,
                         fewest_words_least=fewest, fewest_words_most=fewest, status="exact")
        )  # fmt: skip
        frames[-1].loc[30, "spread_used"] = np.nan
    return Result("head_reach", pd.concat(frames, ignore_index=True), {"seed": 0, "heads": 2, "documents": 31}, COLUMNS)


def test_the_marks_are_the_summary(result: Result) -> None:
    rows, summary = figures.drawn(result), result.summary().set_index(["heads", "quantity"])
    assert len(rows) == 9
    for panel, (quantity, _, _) in figures.PANELS.items():
        for row in rows[rows.panel == panel].to_dict("records"):
            expected = summary.loc[(row["series"], quantity)]
            assert (row["x"], row["low"], row["high"]) == tuple(expected[["estimate", "low", "high"]])


def test_the_artists_show_the_marks(result: Result) -> None:
    for panel in figures.PANELS:
        axes, rows = figures.plot(result, panel=panel), figures.drawn(result).query("panel == @panel")
        np.testing.assert_array_equal([line.get_xdata()[0] for line in axes.lines], rows.x)
        ends = [lines.get_segments()[0][:, 0].tolist() for lines in axes.collections]
        np.testing.assert_array_equal(ends, rows[["low", "high"]])
        assert [tick.get_text() for tick in axes.get_yticklabels()] == [ALL, "head 0", "head 1"]
        low, high = axes.get_xlim()
        assert low < 0 < 1 < high
    assert "n = 30 (1 undefined)" in axes.get_legend().get_title().get_text()


def test_the_figure_has_three_panels_and_its_caption_n(result: Result) -> None:
    page = figures.figure(result)
    page.draw_without_rendering()
    assert len(page.axes) == 3
    assert "n = 31 documents" in figures.caption(result)
    axes = Figure().subplots()
    assert result.plot(axes) is axes


def test_an_empty_frame_is_refused(result: Result) -> None:
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(Result("head_reach", result.frame.iloc[:0], result.settings, result.columns))
