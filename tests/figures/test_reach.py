import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from scipy import stats

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.figures import reach as figures


def made(count: int) -> Result:
    """Margins of two words each; a document is unflippable where the smaller one is above 0."""
    random = np.random.default_rng(2)
    ends = np.sort(random.normal(1.0, 1.5, (count, 2)), axis=1)
    ends = np.where(ends[:, 1:] < 0, -ends[:, ::-1], ends)
    least, most = ends[:, 0], ends[:, 1]
    margin = np.maximum(least, 0) + 0.6 * (most - np.maximum(least, 0))
    frame = pd.DataFrame(
        {
            "document": [f"d{index}" for index in range(count)],
            "label": random.choice(["a", "b"], count),
            "predicted": random.choice(["a", "b"], count),
            "margin": margin,
            "margin_least": least,
            "margin_most": most,
            "unflippable": least > 0,
            "kl_margin": np.where(least > 0, np.nan, random.exponential(0.5, count)),
            "spread_used": random.beta(2, 5, count),
        }
    )
    frame.loc[0, "spread_used"] = np.nan
    return Result("reach", frame, {"seed": 0}, {name: Column(name) for name in frame})


@pytest.fixture
def reach() -> Result:
    return made(53)


def legend_of(axes: object) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[attr-defined]


def test_ranges_stand_in_the_order_of_the_margin(reach: Result) -> None:
    rows = figures.drawn(reach)
    ranges = rows[rows.mark == "range"].sort_values("x")
    ordered = reach.frame.sort_values("margin")
    np.testing.assert_array_equal(ranges[["y", "low", "high"]], ordered[["margin", "margin_least", "margin_most"]])
    np.testing.assert_array_equal(ranges.x, np.arange(53) + 0.5)
    np.testing.assert_array_equal(ranges.series == "unflippable", ordered["unflippable"])
    assert (ranges.low[ranges.series == "unflippable"] > 0).all()


def test_the_artists_show_the_drawn_frame(reach: Result) -> None:
    axes, rows = figures.plot(reach), figures.drawn(reach)
    bars = [lines for lines in axes.collections if isinstance(lines, LineCollection)]
    ranges = rows[rows.mark == "range"]
    for lines, name in zip(bars, ("unflippable", "flippable"), strict=True):
        own = ranges[ranges.series == name]
        drawn = np.array(lines.get_segments())
        np.testing.assert_array_equal(drawn[:, :, 1], own[["low", "high"]])
        np.testing.assert_array_equal(drawn[:, 0, 0], own.x)
    points = next(line for line in axes.lines if line.get_marker() == ".")
    np.testing.assert_array_equal(points.get_ydata(), ranges.sort_values("x").y)
    assert "nats" in axes.get_ylabel()


def test_the_legend_gives_the_shares_of_all_documents() -> None:
    result = made(700)
    hard = int(result.frame["unflippable"].sum())
    ends = stats.binomtest(hard, 700).proportion_ci(method="wilson")
    axes = figures.plot(result)
    assert legend_of(axes)[0] == f"unflippable: {hard / 700:.2f} [{ends.low:.2f}, {ends.high:.2f}], n = {hard}"
    assert legend_of(axes)[1].endswith(f"n = {700 - hard}")
    assert "(300 of 700)" in axes.get_xlabel()
    ranges = figures.drawn(result).query("mark == 'range'").sort_values("x")
    assert len(ranges) == 300
    assert (ranges.y.iloc[0], ranges.y.iloc[-1]) == (result.frame.margin.min(), result.frame.margin.max())
    assert ranges.x.diff().max() <= 3


def test_spread_is_a_histogram_over_its_own_range_and_counts_the_undefined(reach: Result) -> None:
    axes, rows = figures.spread(reach), figures.drawn(reach)
    steps = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    for patch, (name, own) in zip(steps, reach.frame.groupby("predicted"), strict=True):
        values = own["spread_used"].dropna()
        counts, edges = np.histogram(values, 25, (0, 1))
        np.testing.assert_allclose(patch.get_data().values, counts / len(values))
        np.testing.assert_allclose(patch.get_data().edges, edges)
        estimate = rows[(rows.panel == "spread used") & (rows.mark == "estimate") & (rows.series == name)].iloc[0]
        assert estimate.x == pytest.approx(values.mean())
    assert any("(1 undefined)" in entry for entry in legend_of(axes))
    assert axes.get_xlim() == (0, 1)


def test_decisions_that_no_attention_changes_are_the_right_end_of_the_curve(reach: Result) -> None:
    axes, rows = figures.attention_margin(reach), figures.drawn(reach)
    curves = rows[(rows.panel == "attention margin") & (rows.mark == "curve")]
    for line, (name, own) in zip(axes.lines, curves.groupby("series"), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), own[["x", "y"]])
        documents = reach.frame[reach.frame["predicted"] == name]
        assert own.y.iloc[-1] == pytest.approx(documents["kl_margin"].isna().mean())
        kl = documents["kl_margin"].median()
        assert own.y[own.x <= kl].iloc[-1] == pytest.approx(1 - (documents["kl_margin"] <= kl).mean())
    assert axes.get_xscale() == "log"
    assert axes.get_xlim()[1] >= reach.frame["kl_margin"].max()
    assert "nats" in axes.get_xlabel()


def test_decisions_that_all_stand_and_classes_that_nobody_predicts_can_be_drawn(reach: Result) -> None:
    frame = reach.frame[reach.frame["unflippable"]].assign(predicted="a").reset_index(drop=True)
    result = Result("reach", frame, reach.settings, reach.columns)
    page = figures.figure(result)
    page.draw_without_rendering()
    axes = figures.attention_margin(result)
    assert (axes.lines[0].get_ydata() == 1).all()
    assert legend_of(axes)[1] == "b: n = 0"
    figures.figure(made(1)).draw_without_rendering()


def test_an_empty_frame_is_refused(reach: Result) -> None:
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(Result("reach", reach.frame.iloc[:0], reach.settings, reach.columns))


def test_the_given_axes_are_drawn_on_and_returned(reach: Result) -> None:
    axes = Figure().subplots()
    assert figures.plot(reach, axes) is axes
    assert reach.plot(axes) is axes
    assert [figures.spread(reach, axes), figures.attention_margin(reach, axes)] == [axes, axes]
    assert len(figures.figure(reach).axes) == 3
    assert "n = 53 documents" in figures.caption(reach)
