from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from attn_interp.experiments.result import Result
from attn_interp.figures.jain_wallace import adversary as figures

Make = Callable[..., Result]
LN2 = float(np.log(2))


def legend_of(axes: object) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[attr-defined]


def title_of(axes: object) -> str:
    return str(axes.get_legend().get_title().get_text())  # type: ignore[attr-defined]


def test_bars_are_the_shares_of_each_predicted_class(adversary: Make) -> None:
    result = adversary("exact")
    rows = figures.drawn(result)
    bars = rows[(rows.panel == "histogram") & (rows.mark == "bar")]
    for name, own in result.frame.groupby("predicted"):
        counts, _ = np.histogram(own["jsd"], 25, (0, LN2))
        np.testing.assert_allclose(bars.loc[bars.series == name, "y"], counts / len(own))


def test_the_artists_show_the_drawn_frame(adversary: Make) -> None:
    result = adversary("search", "exact")
    axes, rows = figures.plot(result), figures.drawn(result)
    steps = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    groups = list(rows[rows.mark == "bar"].groupby(["group", "series"], sort=False))
    assert [key for key, _ in groups] == [
        ("class", "negative"),
        ("class", "positive"),
        ("line", "search, same documents"),
    ]
    for patch, (_, own) in zip(steps, groups, strict=True):
        np.testing.assert_array_equal(patch.get_data().values, own.y)


def test_the_axis_goes_to_ln_2_which_is_marked_in_nats(adversary: Make) -> None:
    result = adversary("exact")
    for axes in (figures.plot(result), figures.violins(result)):
        low, high = axes.get_xlim()
        assert low == 0
        assert LN2 < high < 0.72
        assert axes.get_xticks()[-1] == pytest.approx(LN2)
        assert [tick.get_text() for tick in axes.get_xticklabels()][-1] == "ln 2"
        assert any(np.allclose(line.get_xdata(), LN2) for line in axes.lines)
        assert "nats" in axes.get_xlabel()


def test_status_eps_median_and_n_are_written(adversary: Make) -> None:
    result = adversary("exact")
    axes = figures.plot(result)
    assert title_of(axes).startswith("ε = 0.01, exact\n")
    own = result.frame.loc[result.frame.predicted == "negative", "jsd"]
    assert legend_of(axes)[0].startswith(f"negative: {own.median():.2f} [")
    assert legend_of(axes)[0].endswith(f"n = {len(own)}")
    assert "eps = 0.01" in figures.caption(result)
    assert "by status: exact" in figures.caption(result)


def test_a_document_counts_once_with_its_strongest_status(adversary: Make) -> None:
    result = adversary("search", "certified", "exact")
    rows = figures.drawn(result)
    estimates = rows[(rows.panel == "histogram") & (rows.mark == "estimate") & (rows.group == "class")]
    assert estimates.n.sum() == 59
    frame = result.frame[(result.frame.status == "exact") & (result.frame.predicted == "negative")]
    assert estimates.x.iloc[0] == frame["jsd"].median()


def test_a_search_is_held_against_the_exact_value(adversary: Make) -> None:
    result = adversary("exact", "search")
    rows = figures.drawn(result)
    pairs = rows[rows.panel == "search against exact"]
    exact = result.frame.loc[result.frame.status == "exact", "jsd"]
    np.testing.assert_array_equal(np.sort(pairs.x), np.sort(exact))
    np.testing.assert_allclose(pairs.y, 0.9 * pairs.x)
    axes = figures.search_against_exact(result)
    points = [line for line in axes.lines if line.get_marker() in ("o", "^")]
    np.testing.assert_array_equal(np.concatenate([line.get_xdata() for line in points]), pairs.x)
    assert len(figures.figure(result).axes) == 3
    assert "search, same documents" in legend_of(figures.plot(result))[-1]


def test_without_a_search_there_is_nothing_to_compare(adversary: Make) -> None:
    result = adversary("exact")
    assert len(figures.figure(result).axes) == 2
    assert len(legend_of(figures.plot(result))) == 2
    with pytest.raises(ValueError, match="the frame has: exact"):
        figures.search_against_exact(result)


def test_certified_values_show_their_upper_bounds(adversary: Make) -> None:
    result = adversary("certified")
    rows = figures.drawn(result)
    upper = rows[(rows.series == "certified, upper bounds") & (rows.mark == "estimate")]
    assert upper.x.iloc[0] == result.frame["jsd_upper"].median()
    assert "certified, upper bounds" in legend_of(figures.plot(result))[-1]


def test_a_search_alone_needs_no_upper_bound(adversary: Make) -> None:
    made = adversary("search")
    frame = made.frame.drop(columns="jsd_upper")
    result = Result("adversary", frame, made.settings, {name: made.columns[name] for name in frame})
    assert title_of(figures.plot(result)).startswith("ε = 0.01, search")
    assert len(figures.figure(result).axes) == 2


def test_documents_of_different_status_are_counted(adversary: Make) -> None:
    made = adversary("exact")
    frame = made.frame.assign(status=np.where(made.frame.index < 20, "search", "exact"))
    result = Result("adversary", frame, made.settings, made.columns)
    assert title_of(figures.violins(result)).startswith("ε = 0.01, exact 39, search 20")


def test_one_eps_is_drawn_the_smallest_unless_told(adversary: Make) -> None:
    made = adversary("exact")
    frame = pd.concat([made.frame, made.frame.assign(eps=0.05, jsd=LN2)], ignore_index=True)
    result = Result("adversary", frame, made.settings, made.columns)
    assert title_of(figures.plot(result)).startswith("ε = 0.01")
    wide = figures.drawn(result, eps=0.05)
    assert (wide.loc[(wide.mark == "estimate"), "x"].dropna() == LN2).all()
    with pytest.raises(ValueError, match=r"eps = 0.1; the frame has: 0.01, 0.05"):
        figures.plot(result, eps=0.1)


def test_an_empty_frame_is_refused(adversary: Make) -> None:
    made = adversary("exact")
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(Result("adversary", made.frame.iloc[:0], made.settings, made.columns))


def test_the_given_axes_are_drawn_on_and_returned(adversary: Make) -> None:
    figure = Figure()
    axes = figure.subplots()
    result = adversary("exact")
    assert figures.plot(result, axes) is axes
    assert figures.violins(result, axes) is axes
    assert figure.axes == [axes]
