"""Alignment figures: the drawn artists are the summary."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.deep.alignment import COLUMNS
from attn_interp.experiments.result import Result
from attn_interp.figures.deep import alignment as figures


@pytest.fixture
def result() -> Result:
    """31 pairs; one site with one head, and one with two heads and their mean; one pair has no link."""
    random = np.random.default_rng(0)
    frames = []
    for model, heads in (("ours", ["0"]), ("of $two$ heads", ["0", "1", "mean"])):
        for head in heads:
            frame = pd.DataFrame(
                {"pair": [f"p{i}" for i in range(31)], "model": model, "site": "attention", "head": head}
            )
            frame = frame.assign(source_words=4, target_words=3, unlinked=0, error_rate=random.random(31), chance=0.75)
            frames.append(frame.assign(mass=random.random(31), right_words=1.0))
            frames[-1].loc[30, ["error_rate", "chance", "mass"]] = np.nan
    return Result("alignment", pd.concat(frames, ignore_index=True), {"seed": 0, "models": [], "pairs": 31}, COLUMNS)


def test_the_artists_show_the_summary(result: Result) -> None:
    axes, rows = figures.plot(result), figures.drawn(result)
    summary = result.summary().query("quantity == 'error_rate'")
    attended = rows[rows.series == figures.ATTENTION]
    np.testing.assert_array_equal(attended[["x", "low", "high"]], summary[["estimate", "low", "high"]])
    names = ["ours", *(f"of $two$ heads, {head}" for head in ("head 0", "head 1", "mean"))]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == names
    assert [line.get_xdata().tolist() for line in axes.lines] == [attended.x.tolist(), [0.75] * 4]
    low, high = axes.get_xlim()
    assert low < 0 < 1 < high
    assert "n = 30 (1 undefined)" in axes.texts[0].get_text()
    axes.figure.draw_without_rendering()
    assert "n = 31 pairs" in figures.caption(result)
    assert isinstance(figures.figure(result), Figure)
    given = Figure().subplots()
    assert result.plot(given) is given


def test_an_empty_frame_is_refused(result: Result) -> None:
    with pytest.raises(ValueError, match="no rows"):
        figures.drawn(Result("alignment", result.frame.iloc[:0], result.settings, COLUMNS))
