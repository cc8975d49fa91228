from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from attn_interp.experiments.result import Result
from attn_interp.figures import examples as figures
from attn_interp.figures.words.shading import shade

Make = Callable[..., Result]
ROWS = ("attention", "adversary", "leave-one-out")


def words_of(axes: object) -> list[Text]:
    """The words in their cells, line by line: the only centred literal texts."""
    return [
        text
        for text in axes.texts  # type: ignore[attr-defined]
        if text.get_horizontalalignment() == "center" and not text.get_parse_math()
    ]


def cells_of(axes: object) -> list[Rectangle]:
    """The shaded cells: the patches as high as a row of words."""
    height = axes.patches[0].get_height()  # type: ignore[attr-defined]
    return [patch for patch in axes.patches if patch.get_height() == height]  # type: ignore[attr-defined]


def test_every_row_shows_all_words_literally_in_order(examples: Make) -> None:
    result = examples()
    axes = figures.plot(result)
    assert [text.get_text() for text in words_of(axes)] == list(result.frame["word"]) * len(ROWS)
    assert not any(text.get_usetex() for text in words_of(axes))
    for start in range(0, 33, 11):
        places = [text.get_position() for text in words_of(axes)[start : start + 11]]
        assert [x for x, _ in places] == sorted({x for x, _ in places})
        assert len({y for _, y in places}) == 1


def test_awkward_words_are_drawn_without_a_warning(examples: Make) -> None:
    words = ("$x_1$", "\\input", "<script>", "😀", "🍕", "中", "a\nb", "\x00", "%", "#", "{", "é", "❤️", "$", "ﷺ")
    figures.figure(examples(words)).draw_without_rendering()


def test_shades_are_the_shares_that_drawn_gives(examples: Make) -> None:
    result = examples()
    rows, axes = figures.drawn(result), figures.plot(result)
    for cell, share in zip(cells_of(axes), rows.to_dict("records"), strict=True):
        assert cell.get_facecolor()[:3] == pytest.approx(shade(share["share"], signed=share["row"] == "leave-one-out"))


def test_shares_are_over_the_total_absolute_weight_of_the_row(examples: Make) -> None:
    result = examples()
    rows = figures.drawn(result)
    assert list(rows["row"].unique()) == list(ROWS)
    for name, own in rows.groupby("row"):
        np.testing.assert_array_equal(own["weight"], result.frame[name])
        np.testing.assert_allclose(own["share"], result.frame[name] / result.frame[name].abs().sum())
    attention = rows[rows.row == "attention"]
    np.testing.assert_allclose(attention["share"], attention["weight"])


def test_weights_that_are_all_zero_have_share_zero_and_undefined_ones_none(examples: Make) -> None:
    result = examples(("a", "b", "c"), adversary=0.0, **{"leave-one-out": [np.nan, 0.5, -0.5]})
    rows = figures.drawn(result).set_index(["row", "position"])["share"]
    assert rows["adversary"].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(rows["leave-one-out"][0])
    assert rows["leave-one-out"].tolist()[1:] == [0.5, -0.5]
    hatched = [patch.get_hatch() is not None for patch in cells_of(figures.plot(result))]
    assert hatched == [False] * 6 + [True, False, False]


def test_a_repeated_word_keeps_its_own_weight(examples: Make) -> None:
    result = examples(("the", "the", "the"), attention=[0.6, 0.1, 0.3])
    rows = figures.drawn(result)
    assert rows.loc[rows.row == "attention", "weight"].tolist() == [0.6, 0.1, 0.3]
    assert len(words_of(figures.plot(result))) == 9


def test_a_long_document_is_wrapped_inside_the_page(examples: Make) -> None:
    words = tuple(f"word{index}" for index in range(97))
    axes = figures.plot(examples(words))
    drawn = words_of(axes)
    assert sorted(text.get_text() for text in drawn) == sorted(words * 3)
    heights = sorted({text.get_position()[1] for text in drawn})
    assert len(heights) % 3 == 0
    assert len(heights) > 9
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    box = figure.bbox
    for text in drawn:
        extent = text.get_window_extent()
        assert box.x0 <= extent.x0 < extent.x1 <= box.x1
        assert box.y0 <= extent.y0 < extent.y1 <= box.y1


def test_words_stay_inside_their_cells(examples: Make) -> None:
    axes = figures.plot(examples(("i", "mmmmmmmm", "$\\frac{1}{2}$", "😀😀")))
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    for text, cell in zip(words_of(axes), cells_of(axes), strict=True):
        inner, outer = text.get_window_extent(), cell.get_window_extent()
        assert outer.x0 <= inner.x0 < inner.x1 <= outer.x1


def test_a_word_wider_than_the_line_is_cut_with_an_ellipsis(examples: Make) -> None:
    result = examples(("a", "m" * 300, "b"))
    texts = [text.get_text() for text in words_of(figures.plot(result))]
    assert texts[:3] == ["a"] * 3
    assert all(text.endswith("m…") for text in texts[3:6])
    assert texts[6:] == ["b"] * 3
    assert figures.drawn(result)["word"][1] == "m" * 300


def test_the_scale_bar_has_the_colours_of_the_cells(examples: Make) -> None:
    unsigned = examples(**{"leave-one-out": 0.1})
    labels = [text.get_text() for text in figures.plot(unsigned).texts]
    assert labels[-5] == "share of the row's total absolute weight; under each word its weight (its rank)"
    assert labels[-4:] == ["0", "0.1", "0.4", "1"]
    both = [text.get_text() for text in figures.plot(examples()).texts]
    assert both[-11:] == [*labels[-4:], "-1", "-0.4", "-0.1", *labels[-4:]]


def test_intervals_are_error_bars_under_their_words(examples: Make) -> None:
    weight = np.array([0.5, 0.3, 0.2])
    result = examples(
        ("a", "b", "c"), attention=weight, **{"attention low": weight - 0.1, "attention high": weight + 0.2}
    )
    rows, axes = figures.drawn(result), figures.plot(result)
    assert list(rows["row"].unique()) == list(ROWS)
    np.testing.assert_allclose(rows.loc[rows.row == "attention", "low"], weight - 0.1)
    assert rows.loc[rows.row != "attention", ["low", "high"]].isna().all(axis=None)
    bars = [line for line in axes.lines if line.get_color() == "black" and line.get_marker() == "None"]
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert len(bars) == len(points) == 3
    for bar, point, word in zip(bars, points, words_of(axes), strict=False):
        low, high = bar.get_ydata()
        assert high < point.get_ydata()[0] < low  # downwards
        assert (low - point.get_ydata()[0]) * 2 == pytest.approx(point.get_ydata()[0] - high)
        assert bar.get_xdata()[0] == pytest.approx(word.get_position()[0])


def test_the_title_names_document_label_prediction_and_length(examples: Make) -> None:
    texts = [text.get_text() for text in figures.plot(examples()).texts]
    assert texts[0] == "document r17: label negative, predicted positive, 11 words"
    assert "adversary (ε = 0.01, exact)" in texts
    assert "eps = 0.01" in figures.caption(examples())


def test_documents_are_drawn_as_chosen(examples: Make) -> None:
    made = examples(("a", "b"))
    frame = pd.concat([made.frame, made.frame.assign(document="$d_2$", word=["c", "d"])], ignore_index=True)
    result = Result("examples", frame, made.settings, made.columns)
    assert [text.get_text() for text in words_of(figures.plot(result, document="$d_2$"))] == ["c", "d"] * 3
    page = figures.figure(result, ["$d_2$", "r17"])
    assert [text.get_text() for axes in page.axes for text in words_of(axes)] == ["c", "d"] * 3 + ["a", "b"] * 3
    assert len(figures.figure(result).axes) == 2
    with pytest.raises(ValueError, match="no document 'd3'; the frame has"):
        figures.plot(result, document="d3")


def test_an_empty_frame_is_refused(examples: Make) -> None:
    made = examples()
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(Result("examples", made.frame.iloc[:0], made.settings, made.columns))


def test_words_shrink_to_fit_the_given_axes(examples: Make) -> None:
    figure = Figure(figsize=(3.3, 6.3))
    axes = figure.subplots()
    result = examples(tuple(f"word{index}" for index in range(41)))
    assert figures.plot(result, axes) is axes
    assert figure.axes == [axes]
    size = words_of(axes)[0].get_fontsize()
    assert 4 <= size < 7
    assert all(text.get_position()[1] < axes.get_ylim()[0] for text in words_of(axes))


def test_shades_are_those_of_the_named_scales_and_fall_in_lightness() -> None:
    assert [shade(0.0), shade(1.0)] == [colormaps["magma_r"](value)[:3] for value in (0.0, 1.0)]
    assert shade(0.25) == colormaps["magma_r"](0.5)[:3]  # the square root
    assert [shade(share, signed=True) for share in (-1.0, 0.0, 1.0)] == [
        colormaps["PRGn"](value)[:3] for value in (0.0, 0.5, 1.0)
    ]
    strength = [sum(shade(share)) for share in (0.0, 0.01, 0.2, 0.7, 1.0)]
    assert strength == sorted(strength, reverse=True)
    dark = [sum(shade(share, dark=True)) for share in (0.0, 0.01, 0.2, 0.7, 1.0)]
    assert dark == sorted(dark)
    red, green, blue = shade(0.5, signed=True, dark=True)
    assert green > max(red, blue)  # as on a light page
    red, green, blue = shade(-0.5, signed=True, dark=True)
    assert min(red, blue) > green


def test_the_figure_shows_three_documents_and_any_that_is_named(examples: Make) -> None:
    one = examples(("a", "b", "c"))
    frame = pd.concat([one.frame.assign(document=name) for name in "vwxyz"], ignore_index=True)
    result = Result(one.experiment, frame, one.settings, one.columns)

    def titles(figure: Figure) -> list[str]:
        texts = [text.get_text() for axes in figure.axes for text in axes.texts]
        return [text[len("document ")] for text in texts if text.startswith("document ")]

    assert titles(figures.figure(result)) == ["v", "w", "x"] == list(figures.drawn(result)["document"].unique())
    assert titles(figures.figure(result, ["z"])) == ["z"]
    assert len(figures.heats(result)) == 5
    assert "Words of the first 3 of 5 documents" in figures.caption(result)


def test_of_a_very_long_document_the_first_words_are_drawn(examples: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    result = examples()
    whole = figures.drawn(result)
    assert "Of longer documents" not in figures.caption(result)
    monkeypatch.setattr(figures, "MOST_WORDS", 4)
    axes = figures.plot(result)
    assert [text.get_text() for text in words_of(axes)] == list(result.frame["word"])[:4] * len(ROWS)
    assert f"the first 4 of {len(result.frame)} words" in axes.texts[0].get_text()
    assert "Of longer documents the first 4 words." in figures.caption(result)
    # shares and ranks stay those of the whole document
    pd.testing.assert_frame_equal(figures.drawn(result), whole[whole["position"] < 4].reset_index(drop=True))
