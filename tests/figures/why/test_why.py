"""The figures of the reasons: what they draw is what the frame and the summary say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.result import Result
from attn_interp.experiments.why import conicity, mixing, polarity
from attn_interp.figures.why import conicity as of_conicity
from attn_interp.figures.why import mixing as of_mixing
from attn_interp.figures.why import polarity as of_polarity

DOCUMENTS = 40
METHODS = ("attention", "gradient", "|gradient|")


def made(name: str, columns: dict, count: int = DOCUMENTS, **values: object) -> Result:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({each: random.random(count) for each in columns})
    ids = [f"d{row % DOCUMENTS}" for row in range(count)]
    frame = frame.assign(document=ids, label="a", predicted="a", words=random.integers(1, 9, count), **values)
    return Result(name, frame, {"seed": 0, "documents": DOCUMENTS, "draws": 100, "affine": True}, columns)


@pytest.fixture
def of_states() -> Result:
    return made("conicity", conicity.COLUMNS)


@pytest.fixture
def of_signs() -> Result:
    methods = np.repeat(METHODS, DOCUMENTS)
    top = dict.fromkeys(("deletion_top", "vote_top"), (np.arange(3 * DOCUMENTS) % 3 == 0).astype(float))
    return made("polarity", polarity.COLUMNS, 3 * DOCUMENTS, method=methods, **top)


@pytest.fixture
def of_words() -> Result:
    return made("mixing", mixing.COLUMNS)


def test_a_point_for_each_document_of_two_words_and_the_rho_of_the_summary(of_states: Result) -> None:
    rows, frame = of_conicity.drawn(of_states), of_states.frame
    longer = frame[frame["words"] > 1]
    assert 0 < len(longer) < len(frame)
    for panel in of_conicity.PANELS:
        own = rows[rows.panel == panel]
        points = own[own.mark == "point"]
        assert points.x.tolist() == longer[panel].tolist() and points.y.tolist() == longer["median_tvd"].tolist()
        (rho,) = of_states.summary().query("quantity == @panel and statistic == @conicity.RHO")["estimate"]
        assert own[own.mark == "estimate"].x.item() == rho
        axes = of_conicity.plot(of_states, panel=panel)
        assert axes.lines[0].get_xdata().tolist() == points.x.tolist()
        assert f"{rho:.2f} [" in axes.get_legend().get_title().get_text()


def test_an_estimate_for_each_explanation_and_no_votes_where_there_are_none(of_signs: Result) -> None:
    rows, summary = of_polarity.drawn(of_signs), of_signs.summary()
    assert list(dict.fromkeys(rows.panel)) == list(of_polarity.PANELS) and len(rows) == 12
    for row in rows.to_dict("records"):
        told = summary[(summary["quantity"] == row["panel"]) & (summary["method"] == row["series"])]
        assert told[told["grouping"] == "all"]["estimate"].item() == row["x"]
    without = Result("polarity", of_signs.frame, {**of_signs.settings, "affine": False}, of_signs.columns)
    assert list(dict.fromkeys(of_polarity.drawn(without).panel)) == ["deletion_weight", "deletion_top"]
    assert len(of_polarity.figure(without).axes) == 2
    with pytest.raises(ValueError, match="no panel 'vote_top'; choose from deletion_top, deletion_weight"):
        of_polarity.plot(without, panel="vote_top")


def test_bars_are_shares_and_taus_those_of_the_summary(of_words: Result) -> None:
    rows, summary = of_mixing.drawn(of_words), of_words.summary().query("grouping == 'all'").set_index("quantity")
    assert rows[rows.mark == "bar"].y.sum() == pytest.approx(1)
    shown = rows[rows.panel == of_mixing.TAU].set_index("series")["x"]
    for quantity, name in of_mixing.TAUS.items():
        assert shown[name] == summary.loc[quantity, "estimate"]
    own = rows[(rows.panel == of_mixing.SHARE) & (rows.mark == "estimate")]
    assert own.x.item() == summary.loc["own_share", "estimate"]
    with pytest.raises(ValueError, match="no panel 'taus'; choose from 'own share', 'tau'"):
        of_mixing.plot(of_words, panel="taus")


@pytest.mark.parametrize(
    ("name", "figures", "panels"),
    [("of_states", of_conicity, 2), ("of_signs", of_polarity, 4), ("of_words", of_mixing, 2)],
)
def test_figures_captions_and_empty_frames(request, name: str, figures, panels: int) -> None:
    result = request.getfixturevalue(name)
    page = figures.figure(result)
    page.draw_without_rendering()
    assert len(page.axes) == panels
    assert "95 %" in figures.caption(result)
    axes = Figure().subplots()
    assert result.plot(axes) is axes
    with pytest.raises(ValueError, match="no rows"):
        figures.drawn(Result(result.experiment, result.frame.iloc[:0], result.settings, result.columns))
