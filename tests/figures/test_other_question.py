import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.other_question import COLUMNS
from attn_interp.experiments.result import Result
from attn_interp.figures import other_question as figures


@pytest.fixture
def result() -> Result:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.random(40) for name in COLUMNS})
    frame = frame.assign(document=[f"d{i}" for i in range(40)], label="a", predicted="a", other="d0", words=9)
    return Result("other_question", frame.assign(decision_flip=False), {"seed": 0, "documents": 40}, COLUMNS)


def test_bars_are_shares_and_the_mean_is_that_of_the_summary(result: Result) -> None:
    rows, summary = figures.drawn(result), result.summary()
    for panel in figures.PANELS:
        own = rows[rows.panel == panel]
        assert own[own.mark == "bar"].y.sum() == pytest.approx(1)
        (mean,) = summary.query("quantity == @panel and grouping == 'all'")["estimate"]
        assert own[own.mark == "estimate"].x.item() == pytest.approx(mean)


def test_the_figure_and_its_caption(result: Result) -> None:
    page = figures.figure(result)
    page.draw_without_rendering()
    assert len(page.axes) == 2
    assert "n = 40 documents" in figures.caption(result)
    assert "n = 40" in page.axes[0].get_legend().get_texts()[0].get_text()
    axes = Figure().subplots()
    assert result.plot(axes) is axes


def test_an_empty_frame_is_refused(result: Result) -> None:
    with pytest.raises(ValueError, match="no rows"):
        figures.drawn(Result("other_question", result.frame.iloc[:0], result.settings, COLUMNS))
