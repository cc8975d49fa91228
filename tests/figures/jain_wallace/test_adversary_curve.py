import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.figures.jain_wallace import adversary_curve as figures

LN2 = float(np.log(2))
EPS = (0.001, 0.01, 0.1)


def made(status: str | np.ndarray, count: int = 47) -> Result:
    random = np.random.default_rng(3)
    about = pd.DataFrame(
        {
            "document": [f"d{index}" for index in range(count)],
            "label": random.choice(["a", "b"], count),
            "predicted": random.choice(["a", "b"], count),
            "status": status,
        }
    )
    loose = random.beta(6, 2, count) * LN2
    frames = []
    for eps in EPS:
        upper = loose ** (1 - eps)
        rows = about.assign(eps=eps, jsd=np.where(about["status"] == "exact", upper, 0.9 * upper), jsd_upper=np.nan)
        rows.loc[rows["status"] == "certified", "jsd_upper"] = upper[rows["status"] == "certified"]
        frames.append(rows)
    frame = pd.concat(frames, ignore_index=True)
    return Result("adversary_curve", frame, {"seed": 0}, {name: Column(name) for name in frame})


def legend_of(axes: object) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[attr-defined]


def test_curves_are_means_at_each_eps_of_each_predicted_class() -> None:
    result = made("exact")
    rows = figures.drawn(result)
    means = result.frame.groupby(["predicted", "eps"])["jsd"].agg(["mean", "size"])
    for row in rows.itertuples():
        expected = means.loc[(row.series, row.x)]
        assert (row.y, row.n) == (pytest.approx(expected["mean"]), expected["size"])
        assert row.low <= row.y <= row.high
    assert len(rows) == len(means) == 6


def test_the_artists_show_the_drawn_frame() -> None:
    result = made("exact")
    axes, rows = figures.plot(result), figures.drawn(result)
    lines = [line for line in axes.lines if line.get_marker() == "."]
    for line, band, (_, own) in zip(lines, axes.collections, rows.groupby("series"), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), own[["x", "y"]])
        edges = band.get_paths()[0].vertices[:, 1]
        assert (edges.min(), edges.max()) == (own.low.min(), own.high.max())
    assert axes.get_xscale() == "log"


def test_the_axis_goes_to_ln_2_which_is_marked_in_nats() -> None:
    axes = figures.plot(made("exact"))
    low, high = axes.get_ylim()
    assert low == 0
    assert LN2 < high < 0.72
    assert [tick.get_text() for tick in axes.get_yticklabels()][-1] == "ln 2"
    assert any(np.allclose(line.get_ydata(), LN2) for line in axes.lines)
    assert "nats" in axes.get_ylabel()


def test_n_and_status_are_written() -> None:
    result = made("exact")
    axes = figures.plot(result)
    counts = result.frame.drop_duplicates("document")["predicted"].value_counts()
    assert legend_of(axes) == [f"{name}: n = {counts[name]}" for name in ("a", "b")]
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_title().get_text().startswith("exact\n")
    assert "n = 47 documents; exact" in figures.caption(result)


def test_certified_values_have_a_dashed_upper_bound() -> None:
    status = np.where(np.arange(47) < 40, "certified", "exact")
    result = made(status)
    axes, rows = figures.plot(result), figures.drawn(result)
    upper = rows[rows.group == "upper bound"]
    bound = result.frame["jsd_upper"].fillna(result.frame["jsd"])
    means = bound.groupby([result.frame["predicted"], result.frame["eps"]]).mean()
    np.testing.assert_allclose(upper.y, means)
    assert (upper.y.to_numpy() > rows[rows.group == "value"].y.to_numpy()).all()
    dashed = [line for line in axes.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == len(EPS)]
    np.testing.assert_array_equal(np.concatenate([line.get_ydata() for line in dashed]), upper.y)
    assert legend_of(axes)[-1] == "certified: mean upper bound"
    assert "certified 85 %" in figures.caption(result)


def test_a_search_has_no_upper_bound() -> None:
    mixed = figures.drawn(made(np.where(np.arange(47) < 40, "certified", "search")))
    assert mixed.loc[mixed.group == "upper bound", "n"].sum() == 40 * len(EPS)
    alone = made("search")
    assert set(figures.drawn(alone).group) == {"value"}
    assert len(legend_of(figures.plot(alone))) == 2


def test_a_document_counts_once_at_each_eps_with_its_strongest_status() -> None:
    exact = made("exact")
    both = pd.concat([exact.frame.assign(status="search", jsd=0.0), exact.frame], ignore_index=True)
    result = Result("adversary_curve", both, exact.settings, exact.columns)
    pd.testing.assert_frame_equal(figures.drawn(result), figures.drawn(exact))


def test_one_document_is_enough_and_none_is_refused() -> None:
    result = made("exact", count=1)
    figures.figure(result).draw_without_rendering()
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(Result("adversary_curve", result.frame.iloc[:0], result.settings, result.columns))


def test_the_given_axes_are_drawn_on_and_returned() -> None:
    axes, result = Figure().subplots(), made("exact")
    assert figures.plot(result, axes) is axes
    assert result.plot(axes) is axes
    assert len(figures.figure(result).axes) == 1
