import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from attn_interp.experiments.result import Result
from attn_interp.figures.jain_wallace import agreement as figures

PAIR = ("attention", "gradient x input (detached)")
PANEL = "attention – gradient x input (detached)"


def legend_of(axes: object) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[attr-defined]


def taus(result: Result, pair: tuple[str, str] = PAIR) -> pd.DataFrame:
    return result.frame[(result.frame["first"] == pair[0]) & (result.frame["second"] == pair[1])]


def test_bars_are_the_shares_of_each_predicted_class(agreement: Result) -> None:
    rows = figures.drawn(agreement)
    bars = rows[(rows.panel == PANEL) & (rows.mark == "bar")]
    for name, own in taus(agreement).groupby("predicted"):
        counts, _ = np.histogram(own["tau"].dropna(), 40, (-1, 1))
        np.testing.assert_allclose(bars.loc[bars.series == name, "y"], counts / counts.sum())


def test_the_artists_show_the_drawn_frame(agreement: Result) -> None:
    axes = figures.plot(agreement)
    rows = figures.drawn(agreement)
    steps = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    assert len(steps) == 2
    for patch, name in zip(steps, ("negative", "positive"), strict=True):
        own = rows[(rows.panel == PANEL) & (rows.mark == "bar") & (rows.series == name)]
        np.testing.assert_array_equal(patch.get_data().values, own.y)
        np.testing.assert_array_equal(patch.get_data().edges, [*own.x, own.x_end.iloc[-1]])
    means = rows[(rows.panel == PANEL) & (rows.mark == "estimate")]
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(points, means.x)


def test_the_axis_is_the_range_of_tau(agreement: Result) -> None:
    for axes in (figures.plot(agreement), figures.densities(agreement)):
        assert axes.get_xlim() == (-1, 1)
        assert "τ" in axes.get_xlabel()
        assert axes.get_ylabel()


def test_the_legend_gives_mean_interval_n_and_what_is_undefined(agreement: Result) -> None:
    rows = taus(agreement)
    negative = rows.loc[rows.predicted == "negative", "tau"]
    entries = legend_of(figures.plot(agreement))
    assert entries[0].startswith(f"negative: {negative.mean():.2f} [")
    assert f"n = {negative.notna().sum()}" in entries[0]
    undefined = rows["tau"].isna().groupby(rows["predicted"]).sum()
    for entry, name in zip(entries, ("negative", "positive"), strict=True):
        assert (f"({undefined[name]} undefined)" in entry) == bool(undefined[name])


def test_densities_show_the_ceiling_between_the_explanations(agreement: Result) -> None:
    axes = figures.densities(agreement)
    entries = legend_of(axes)
    assert [entry.split(":")[0] for entry in entries] == [
        PANEL,
        "attention – leave-one-out",
        "gradient x input (detached) – leave-one-out",
    ]
    rows = figures.drawn(agreement)
    curves = rows[(rows.panel == "densities") & (rows.mark == "curve")]
    lines = [line for line in axes.lines if len(line.get_xdata()) > 2]
    for line, (_, own) in zip(lines, curves.groupby("series", sort=False), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), own.y)
        assert np.trapezoid(own.y, own.x) == pytest.approx(1, abs=0.01)


def test_a_pair_is_found_in_either_order(agreement: Result) -> None:
    frame = agreement.frame.rename(columns={"first": "second", "second": "first"})[list(agreement.frame.columns)]
    turned = Result("agreement", frame, agreement.settings, agreement.columns)
    before, after = (figures.plot(result, pair=PAIR) for result in (agreement, turned))
    assert before.patches[0].get_data().values.tolist() == after.patches[0].get_data().values.tolist()
    assert len(figures.figure(turned).axes) == 3


def test_only_what_was_measured_is_drawn(agreement: Result) -> None:
    frame = taus(agreement, ("gradient x input (detached)", "leave-one-out")).reset_index(drop=True)
    alone = Result("agreement", frame, agreement.settings, agreement.columns)
    assert figures.plot(alone).get_legend().get_title().get_text().startswith("gradient x input (detached) – leave")
    assert len(legend_of(figures.densities(alone))) == 1


def test_an_unknown_pair_names_the_known_ones(agreement: Result) -> None:
    with pytest.raises(ValueError, match="attention – rationale; the frame has: attention – gradient"):
        figures.plot(agreement, pair=("attention", "rationale"))


def test_an_empty_frame_is_refused(agreement: Result) -> None:
    empty = Result("agreement", agreement.frame.iloc[:0], agreement.settings, agreement.columns)
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(empty)


def test_documents_without_any_tau_are_counted_not_drawn(agreement: Result) -> None:
    none = Result("agreement", agreement.frame.assign(tau=np.nan), agreement.settings, agreement.columns)
    count = (taus(agreement)["predicted"] == "negative").sum()
    assert legend_of(figures.plot(none))[0] == f"negative: undefined, n = 0 ({count} undefined)"
    figures.figure(none)


def test_the_given_axes_are_drawn_on_and_returned(agreement: Result) -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert figures.plot(agreement, right) is right
    assert figures.densities(agreement, left) is left
    assert figure.axes == [left, right]


def test_the_figure_has_a_panel_per_explanation_and_one_for_the_ceiling(agreement: Result) -> None:
    page = figures.figure(agreement)
    titles = [axes.get_legend().get_title().get_text() for axes in page.axes]
    assert [title[:3] for title in titles] == ["(a)", "(b)", "(c)"]
    assert page.get_size_inches()[0] == pytest.approx(6.9)
    assert set(figures.drawn(agreement).panel) == {PANEL, "attention – leave-one-out", "densities"}
    assert "n = 61" in figures.caption(agreement)
