import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.experiments.serrano_smith.erasure import per_document
from attn_interp.figures.draw import style
from attn_interp.figures.serrano_smith import erasure as figures
from attn_interp.statistics.kaplan_meier import survival

COUNT, DRAWS = 43, 3


@pytest.fixture(scope="module")
def erasure() -> Result:
    """43 documents in seven orders, three of them random; the optimum needs the fewest words."""
    random = np.random.default_rng(0)
    about = pd.DataFrame(
        {
            "document": [f"d{index}" for index in range(COUNT)],
            "label": random.choice(["negative", "positive"], COUNT),
            "predicted": random.choice(["negative", "positive"], COUNT),
            "words": random.integers(5, 40, COUNT),
            "max_attention": random.uniform(0.05, 0.7, COUNT),
            "outside": 0.0,
        }
    )
    optimum = random.uniform(0.05, 1.2, COUNT)
    frames = []
    for place, ordering in enumerate(style.ORDERINGS):
        for draw in range(DRAWS if ordering == "random" else 1):
            fraction = optimum + (0 if ordering == "optimum" else random.exponential(0.02 + 0.03 * place, COUNT))
            frames.append(
                about.assign(
                    ordering=ordering,
                    draw=draw,
                    fraction=np.minimum(fraction, 1.0),
                    flipped=fraction < 1,
                    regret=np.minimum(fraction, 1.0) - np.minimum(optimum, 1.0),
                )
            )
    frame = pd.concat(frames, ignore_index=True)
    settings = {"seed": 0, "random_draws": DRAWS, "optimum": "exact"}
    return Result("erasure", frame, settings, {name: Column(name) for name in frame})


def texts(axes: object) -> list[str]:
    return [text.get_text() for text in axes.texts]  # type: ignore[attr-defined]


def test_curves_are_the_survival_of_each_order(erasure: Result) -> None:
    rows, table = figures.drawn(erasure), survival(erasure.frame, ["ordering"])
    curves = rows[rows.panel == "survival"]
    assert curves["series"].unique().tolist() == list(style.ORDERINGS)
    for name, own in curves.groupby("series"):
        expected = table[table["ordering"] == name]
        np.testing.assert_array_equal(own[["x", "y", "low", "high"]], expected[["fraction", "share", "low", "high"]])
        assert (own["n"] == COUNT).all()


def test_the_artists_show_the_drawn_frame(erasure: Result) -> None:
    axes, rows = figures.plot(erasure), figures.drawn(erasure)
    curves = rows[rows.panel == "survival"].groupby("series", sort=False)
    assert len(axes.lines) == len(axes.collections) == 7
    for line, band, (_, own) in zip(axes.lines, axes.collections, curves, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), own.x)
        np.testing.assert_array_equal(line.get_ydata(), own.y)
        assert line.get_drawstyle() == "steps-post"
        edges = band.get_paths()[0].vertices[:, 1]
        assert (edges.min(), edges.max()) == (own.low.min(), own.high.max())
    assert axes.get_xlim() == (0, 1)
    assert axes.get_ylim() == pytest.approx((0, 1), abs=0.03)


def test_orders_differ_in_colour_and_line_and_the_optimum_is_broad(erasure: Result) -> None:
    lines = figures.plot(erasure).lines
    assert len({line.get_color() for line in lines}) == 7
    assert lines[-1].get_linewidth() > 2 * lines[0].get_linewidth()
    assert lines[-1].get_zorder() < lines[0].get_zorder()
    assert len({str(look) for look in style.ORDERINGS.values()}) == 7


def test_legend_names_every_order_and_n(erasure: Result) -> None:
    legend = figures.plot(erasure).get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list(style.ORDERINGS)
    assert "n = 43 documents" in legend.get_title().get_text()
    assert "n = 43 documents" in figures.caption(erasure)
    assert "3 random orders" in figures.caption(erasure)


def test_boxes_are_quartiles_with_every_document_and_the_share_never_changed(erasure: Result) -> None:
    rows, means = figures.drawn(erasure), per_document(erasure)
    boxes = rows[rows.panel == "fraction erased"]
    for name in style.ORDERINGS:
        fraction = means.loc[means["ordering"] == name, "fraction"]
        box = boxes[(boxes.series == name) & (boxes.mark == "box")].iloc[0]
        expected = np.quantile(fraction, [0.05, 0.25, 0.5, 0.75, 0.95])
        np.testing.assert_allclose([box.x, box.low, box.y, box.high, box.x_end], expected)
        assert sorted(boxes.loc[(boxes.series == name) & (boxes.mark == "point"), "x"]) == sorted(fraction)
    never = boxes[boxes.mark == "estimate"]
    own = erasure.frame[erasure.frame["ordering"] == "attention"]
    assert never["x"].iloc[0] == pytest.approx(1 - own["flipped"].mean())
    written = texts(figures.boxes(erasure))
    assert written == [style.interval_text(row.x, row.low, row.high) for row in never.itertuples()]


def test_differences_are_paired_with_attention_which_is_the_reference(erasure: Result) -> None:
    rows = figures.drawn(erasure)
    differences = rows[rows.panel == "difference to attention"]
    assert "attention" not in set(differences.series)
    wide = per_document(erasure).pivot_table(index="document", columns="ordering", values="fraction")
    for row in differences.itertuples():
        assert row.x == pytest.approx((wide[row.series] - wide["attention"]).mean())
        assert row.low <= row.x <= row.high
    axes = figures.differences(erasure)
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(points, differences.x)
    low, high = axes.get_xlim()
    assert low == -high
    assert high > differences[["low", "high"]].abs().max().max()
    assert "0, the reference" in texts(axes)


def test_rows_of_boxes_and_differences_are_the_same(erasure: Result) -> None:
    boxes, differences = figures.figure(erasure).axes[1:]
    assert boxes.get_ylim() == differences.get_ylim()
    assert [tick.get_text() for tick in boxes.get_yticklabels()] == list(style.ORDERINGS)
    alone = figures.differences(erasure)
    assert alone.get_ylim() == boxes.get_ylim()
    assert [tick.get_text() for tick in alone.get_yticklabels()] == list(style.ORDERINGS)


def test_only_what_was_measured_is_drawn_and_new_orders_come_last(erasure: Result) -> None:
    frame = erasure.frame[erasure.frame["ordering"].isin(["random", "gradient"])].replace({"gradient": "rationale"})
    result = Result("erasure", frame.reset_index(drop=True), erasure.settings, erasure.columns)
    assert figures.drawn(result)["series"].unique().tolist() == ["random", "rationale"]
    figures.figure(result).draw_without_rendering()  # without attention there is nothing to differ from


def test_one_document_is_enough(erasure: Result) -> None:
    frame = erasure.frame[erasure.frame["document"] == "d0"].reset_index(drop=True)
    figures.figure(Result("erasure", frame, erasure.settings, erasure.columns)).draw_without_rendering()


def test_an_empty_frame_is_refused(erasure: Result) -> None:
    empty = Result("erasure", erasure.frame.iloc[:0], erasure.settings, erasure.columns)
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(empty)


def test_the_given_axes_are_drawn_on_and_returned(erasure: Result) -> None:
    axes = Figure().subplots()
    assert figures.plot(erasure, axes) is axes
    assert erasure.plot(axes) is axes
    assert [figures.boxes(erasure, axes), figures.differences(erasure, axes)] == [axes, axes]


def test_documents_of_one_sentence_are_left_out_and_counted(erasure: Result) -> None:
    alone = erasure.frame["document"].isin(["d0", "d7"])
    frame = erasure.frame.assign(fraction=erasure.frame["fraction"].mask(alone))
    frame["flipped"] &= ~alone
    result = Result("erasure", frame, {**erasure.settings, "unit": "sentence"}, erasure.columns)
    rows = figures.drawn(result)
    assert (rows.loc[rows.panel == "survival", "n"] == COUNT - 2).all()
    assert (rows.loc[rows.mark == "box", "n"] == COUNT - 2).all()
    title = figures.plot(result).get_legend().get_title().get_text()
    assert "sentences erased in the order of; n = 41 (2 undefined) documents" in title
    assert "sentences erased" in figures.boxes(result).get_xlabel()
    assert "A document of one sentence has nothing to erase" in figures.caption(result)
    never = rows[(rows.mark == "estimate") & (rows.series == "attention") & (rows.group == "never")].iloc[0]
    assert never.x == pytest.approx(1 - frame.loc[(frame["ordering"] == "attention") & ~alone, "flipped"].mean())


def test_nothing_to_erase_anywhere_is_an_empty_figure(erasure: Result) -> None:
    frame = erasure.frame.assign(fraction=np.nan, regret=np.nan, flipped=False)
    result = Result("erasure", frame, erasure.settings, erasure.columns)
    figures.figure(result).draw_without_rendering()
    assert "n = 0 (43 undefined)" in figures.plot(result).get_legend().get_title().get_text()
