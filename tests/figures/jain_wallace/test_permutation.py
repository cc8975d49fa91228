import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.jain_wallace.permutation import attention_bin
from attn_interp.experiments.result import Result
from attn_interp.figures.draw.violins import BINS, SPARSE
from attn_interp.figures.jain_wallace import permutation as figures


def remarks(axes: object) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text().startswith("n =")]  # type: ignore[attr-defined]


def test_the_bins_are_those_of_the_experiment() -> None:
    weights = pd.Series([0.0, 0.249, 0.25, 0.5, 0.749, 0.75, 1.0])
    assert attention_bin(weights).tolist() == [BINS[index] for index in (0, 0, 1, 2, 2, 3, 3)]


def test_every_bin_and_class_has_its_median_and_n(permutation: Result) -> None:
    rows = figures.drawn(permutation)
    estimates = rows[rows.mark == "estimate"].set_index(["group", "series"])
    assert len(estimates) == 8
    frame = permutation.frame.assign(bin=attention_bin(permutation.frame.max_attention))
    for group in BINS:
        for name in ("negative", "positive"):
            own = frame.loc[(frame.bin == group) & (frame.predicted == name), "median_tvd"]
            row = estimates.loc[(group, name)]
            assert row.n == len(own)
            if len(own):
                assert row.x == np.median(own)
                assert row.low <= row.x <= row.high


def test_few_documents_are_points_and_many_a_violin(permutation: Result) -> None:
    rows = figures.drawn(permutation)
    shapes = rows[rows.mark != "estimate"].groupby(["group", "series"])["mark"].agg(set)
    assert shapes[(BINS[3], "negative")] == {"point"}
    assert shapes[(BINS[0], "positive")] == {"violin"}
    assert (BINS[3], "positive") not in shapes.index  # empty
    counts = rows[rows.mark == "estimate"].set_index(["group", "series"])["n"]
    for key, shape in shapes.items():
        assert shape == ({"violin"} if counts[key] >= SPARSE else {"point"})
    points = rows.loc[rows.mark == "point", ["group", "series", "x"]]
    last = points[points.group == BINS[3]]
    assert sorted(last.x) == sorted(permutation.frame["median_tvd"].iloc[64:])


def test_a_violin_stays_within_its_values_and_is_one_at_its_widest(permutation: Result) -> None:
    rows = figures.drawn(permutation)
    own = rows[(rows.mark == "violin") & (rows.group == BINS[0]) & (rows.series == "positive")]
    frame = permutation.frame
    values = frame.loc[(frame.max_attention < 0.25) & (frame.predicted == "positive"), "median_tvd"]
    assert (own.x.min(), own.x.max()) == (values.min(), values.max())
    assert own.y.max() == 1


def test_equal_values_are_points_however_many(permutation: Result) -> None:
    same = Result("permutation", permutation.frame.assign(median_tvd=0.0), permutation.settings, permutation.columns)
    rows = figures.drawn(same)
    assert "violin" not in set(rows.mark)
    assert (rows.mark == "point").sum() == 67
    figures.figure(same)


def test_the_artists_show_the_drawn_frame(permutation: Result) -> None:
    axes, rows = figures.plot(permutation), figures.drawn(permutation)
    assert axes.get_xlim() == pytest.approx((0, 1.1 * permutation.frame["median_tvd"].max()))
    assert "TVD" in axes.get_xlabel()
    violins = [key for key, _ in rows[rows.mark == "violin"].groupby(["group", "series"], sort=False)]
    shapes = [shape for shape in axes.collections if type(shape).__name__ == "FillBetweenPolyCollection"]
    assert len(shapes) == len(violins)
    for shape, (group, series) in zip(shapes, violins, strict=True):
        own = rows[(rows.mark == "violin") & (rows.group == group) & (rows.series == series)]
        x = shape.get_paths()[0].vertices[:, 0]
        assert (x.min(), x.max()) == (own.x.min(), own.x.max())
    medians = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(medians, rows.loc[(rows.mark == "estimate") & rows.x.notna(), "x"])
    dots = np.concatenate([line.get_xdata() for line in axes.lines if line.get_marker() == "."])
    np.testing.assert_allclose(dots, rows.loc[rows.mark == "point", "x"])


def test_n_is_written_beside_every_row(permutation: Result) -> None:
    rows = figures.drawn(permutation)
    written = [int(text.removeprefix("n = ")) for text in remarks(figures.plot(permutation))]
    assert written == rows.loc[rows.mark == "estimate", "n"].tolist()
    assert sum(written) == 67
    assert "n = 67 documents" in figures.caption(permutation)
    assert "100 random permutations" in figures.caption(permutation)


def test_undefined_values_are_counted(permutation: Result) -> None:
    frame = permutation.frame.copy()
    frame.loc[66, "median_tvd"] = np.nan
    result = Result("permutation", frame, permutation.settings, permutation.columns)
    assert "n = 2 (1 undefined)" in remarks(figures.plot(result))


def test_the_given_axes_are_drawn_on_and_returned(permutation: Result) -> None:
    figure = Figure()
    axes = figure.subplots()
    assert figures.plot(permutation, axes) is axes
    assert permutation.plot(axes) is axes
    assert figures.figure(permutation).get_size_inches()[0] == pytest.approx(3.3)


@pytest.mark.parametrize(("largest", "end"), [(0.9, 1.0), (0.0, 1.0), (4e-5, 4.4e-5)])
def test_the_axis_ends_where_the_data_do_and_says_so(permutation: Result, largest: float, end: float) -> None:
    values = permutation.frame["median_tvd"]
    permutation.frame["median_tvd"] = values / values.max() * largest
    axes = permutation.plot()
    assert axes.get_xlim() == pytest.approx((0.0, end))
    assert ("the part up to 4.4e-05" in axes.get_xlabel()) == (end < 1)
    violins = figures.drawn(permutation).query("mark == 'violin'")
    assert violins.empty if largest == 0 else (violins.groupby(["series", "group"]).y.min() < 0.7).all()


def test_bins_of_no_document_are_left_out(permutation: Result) -> None:
    frame = permutation.frame[permutation.frame["max_attention"] < 0.5].reset_index(drop=True)
    axes = Result("permutation", frame, permutation.settings, permutation.columns).plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == list(BINS[:2])
    assert axes.get_ylim() == (-0.5, 1.5)
