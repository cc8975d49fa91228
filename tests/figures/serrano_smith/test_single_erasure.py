import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.figures.serrano_smith import single_erasure as figures

COUNT = 41


@pytest.fixture
def single() -> Result:
    """41 documents: 5 flip without the most attended word, 3 only without another; the last two have no comparison."""
    random = np.random.default_rng(1)
    top = np.arange(COUNT) < 5
    share = np.where(np.arange(COUNT) % 13 == 6, 0.25, 0.0)
    frame = pd.DataFrame(
        {
            "document": [f"d{index}" for index in range(COUNT)],
            "label": "a",
            "predicted": random.choice(["a", "b"], COUNT),
            "weight_difference": random.uniform(0, 0.6, COUNT),
            "js_difference": random.normal(0.01, 0.02, COUNT),
            "flip_both": top * share,
            "flip_only_most_attended": top * (1 - share),
            "flip_only_other": ~top * share,
            "flip_neither": ~top * (1 - share),
        }
    )
    frame.iloc[-2:, 3:] = np.nan
    settings = {"seed": 0, "status": "exact"}
    return Result("single_erasure", frame, settings, {name: Column(name) for name in frame})


def scattered(axes: object) -> list[object]:
    return [line for line in axes.lines if line.get_marker() in (".", "D", "^")]  # type: ignore[attr-defined]


def test_every_document_with_a_comparison_is_one_point(single: Result) -> None:
    rows = figures.drawn(single)
    points = rows[rows.mark == "point"]
    assert len(points) == COUNT - 2
    expected = single.frame.dropna().sort_values("weight_difference")[["weight_difference", "js_difference"]]
    np.testing.assert_array_equal(points.sort_values("x")[["x", "y"]], expected)


def test_colours_say_whose_erasure_changes_the_decision(single: Result) -> None:
    rows = figures.drawn(single)
    counts = rows[rows.mark == "point"].groupby("series").size()
    assert counts.to_dict() == {"the most attended": 5, "only another": 3, "none": 31}
    legend = figures.plot(single).get_legend()
    assert legend is not None
    entries = [text.get_text() for text in legend.get_texts()]
    assert entries == ["the most attended (n = 5)", "only another (n = 3)", "none (n = 31)"]


def test_the_artists_show_the_drawn_frame(single: Result) -> None:
    axes, rows = figures.plot(single), figures.drawn(single)
    points = rows[rows.mark == "point"]
    for line, (_, own) in zip(scattered(axes), points.groupby("series", sort=False), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), own[["x", "y"]])  # type: ignore[attr-defined]
    low, high = axes.get_ylim()
    assert low < min(points.y.min(), 0) and high > points.y.max()
    assert axes.get_xlim() == pytest.approx((0, 1.1 * points.x.max()))
    assert f"the part up to {1.1 * points.x.max():.2g}" in axes.get_xlabel()
    assert "nats" in axes.get_ylabel()
    ticks = dict(zip((tick.get_text() for tick in axes.get_yticklabels()), axes.get_yticks(), strict=True))
    assert ticks["−10⁻²"] == pytest.approx(-0.01)
    assert ticks["0"] == 0


def test_the_share_above_zero_has_its_interval_and_counts_the_undefined(single: Result) -> None:
    estimate = figures.drawn(single).query("panel == 'effect against weight' and mark == 'estimate'").iloc[0]
    assert estimate.x == pytest.approx((single.frame["js_difference"].dropna() > 0).mean())
    assert (estimate.n, estimate.undefined) == (39, 2)
    legend = figures.plot(single).get_legend()
    assert legend is not None
    assert "n = 39 (2 undefined)" in legend.get_title().get_text()
    assert "n = 39 (2 undefined) documents" in figures.caption(single)


def test_the_table_holds_the_four_means_in_their_places(single: Result) -> None:
    axes = figures.flips(single)
    means = single.frame.mean(numeric_only=True)
    cells = {(patch.get_x(), patch.get_y()) for patch in axes.patches if isinstance(patch, Rectangle)}
    assert cells == {(0, 0), (1, 0), (0, 1), (1, 1)}
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written[(0.5, 0.4)] == f"{100 * means['flip_both']:.1f} %"
    assert written[(1.5, 0.4)] == f"{100 * means['flip_only_most_attended']:.1f} %"
    assert written[(0.5, 1.4)] == f"{100 * means['flip_only_other']:.1f} %"
    assert written[(1.5, 1.4)] == f"{100 * means['flip_neither']:.1f} %"
    assert axes.get_ylim() == (2, 0)  # the first row on top
    table = figures.drawn(single).query("panel == 'flips'")
    assert table["x"].sum() == pytest.approx(1)
    assert ((table.low <= table.x) & (table.x <= table.high)).all()


def test_documents_without_any_comparison_leave_an_empty_scatter(single: Result) -> None:
    frame = single.frame.iloc[-2:].reset_index(drop=True)
    result = Result("single_erasure", frame, single.settings, single.columns)
    axes = figures.flips(result)
    assert [text.get_text() for text in axes.texts] == ["undefined"] * 4
    figures.figure(result).draw_without_rendering()


def test_an_empty_frame_is_refused(single: Result) -> None:
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(Result("single_erasure", single.frame.iloc[:0], single.settings, single.columns))


def test_the_given_axes_are_drawn_on_and_returned(single: Result) -> None:
    axes = Figure().subplots()
    assert figures.plot(single, axes) is axes
    assert single.plot(axes) is axes
    assert figures.flips(single, axes) is axes
    assert len(figures.figure(single).axes) == 2


def test_sentences_are_called_so(single: Result) -> None:
    result = Result("single_erasure", single.frame, {**single.settings, "unit": "sentence"}, single.columns)
    assert "sentence whose erasure" in figures.plot(result).get_legend().get_title().get_text()
    assert figures.flips(result).get_xlabel() == "without another sentence the decision"
    assert "word" not in figures.caption(result)
