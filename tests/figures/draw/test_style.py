import matplotlib as mpl
import pandas as pd
import pytest

from attn_interp.figures.draw import style


def settings() -> dict[str, object]:
    return {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"}  # reading that one chooses it


def test_the_style_holds_inside_the_context_only() -> None:
    before = settings()
    with style.paper():
        assert mpl.rcParams["font.size"] == 8.0
        assert mpl.rcParams["pdf.fonttype"] == 42
    assert settings() == before


def test_the_style_goes_when_drawing_fails() -> None:
    before = settings()
    with pytest.raises(RuntimeError), style.paper():
        raise RuntimeError
    assert settings() == before


def test_widths_are_those_of_a_two_column_page() -> None:
    assert style.new_figure(style.SINGLE).get_size_inches()[0] == pytest.approx(3.3)
    assert style.new_figure(style.DOUBLE).get_size_inches()[0] == pytest.approx(6.9)


def test_class_names_come_from_label_and_prediction_and_numbers_by_value() -> None:
    frame = pd.DataFrame({"label": ["10", "9"], "predicted": ["2", "9"]})
    assert style.class_names(frame) == ["2", "9", "10"]
    frame = pd.DataFrame({"label": ["b", "a"], "predicted": ["10", "a"]})
    assert style.class_names(frame) == ["10", "a", "b"]


def test_twenty_classes_differ_in_colour_or_line() -> None:
    names = [str(index) for index in range(20)]
    colours, lines = style.class_colours(names), style.class_lines(names)
    assert len({(colours[name], lines[name]) for name in names}) == 20


def test_interval_and_count_as_text() -> None:
    assert style.interval_text(0.344, 0.3, -0.126) == "0.34 [0.30, -0.13]"
    assert style.interval_text(float("nan"), 0.0, 0.0) == "undefined"
    assert style.interval_text(0.344, float("nan"), float("nan")) == "0.34"
    assert style.count_text(1234, 0) == "n = 1,234"
    assert style.count_text(5, 2) == "n = 5 (2 undefined)"


def test_a_legend_is_literal() -> None:
    with style.axes_or_new(None) as axes:
        line = axes.plot([0, 1])
        legend = style.legend_above(axes, line, ["$x_1$"], "$y$")
        style.letter(axes, "b")
    assert [text.get_parse_math() for text in legend.get_texts()] == [False]
    assert legend.get_title().get_text() == "(b) $y$"
    assert not legend.get_title().get_parse_math()


def test_a_panel_without_a_legend_cannot_carry_a_letter() -> None:
    with style.axes_or_new(None) as axes, pytest.raises(ValueError, match="panel 'a'"):
        style.letter(axes, "a")
