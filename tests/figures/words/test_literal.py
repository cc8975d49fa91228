import unicodedata

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from attn_interp.figures.draw.files import save_figure
from attn_interp.figures.words import literal
from attn_interp.figures.words.literal import OWN_FAMILY, visible, width, write
from attn_interp.figures.words.shading import ink, shade


@pytest.mark.parametrize("word", ["$x_1$", "\\input", "<script>", "😀", "a_b^c", "naïve", "שלום", "%#&~{}", "U+0041"])
def test_what_the_font_has_stays_as_it_is(word: str) -> None:
    assert visible(word) == word


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *[("a\nb", "a<U+000A>b"), ("\x00", "<U+0000>"), ("\U0010fffd", "<U+10FFFD>"), ("\u2028", "<U+2028>")],
        *[("a\ufeffb", "a<U+FEFF>b"), ("a\u200bb", "a<U+200B>b"), ("a\u2060b", "a<U+2060>b")],
    ],
)
def test_what_cannot_be_shown_is_named_by_code_point(word: str, expected: str) -> None:
    assert visible(word) == expected


@pytest.mark.parametrize(
    ("one", "other"), [("में", "मैं"), ("รู้", "รี"), ("ကို", "ကု"), ("ব", "বি"), ("שלום", "שָלום"), ("a", "a\u200b")]
)
def test_words_that_differ_look_different(one: str, other: str) -> None:
    assert visible(one) != visible(other)


def test_joiners_and_variation_selectors_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literal, "_family", lambda character: OWN_FAMILY if character.isascii() else None)
    assert visible("a\u200d\ufe0fb\u00adc\U000e0067") == "abc"


def test_a_figure_of_any_character_is_saved(tmp_path) -> None:
    kinds = ("Cc", "Cf", "Cs", "Mn", "Zl", "Zp", "Zs")
    codes = [code for plane in (range(0x3100), range(0xFE00, 0x10000), range(0xE0000, 0xE0200)) for code in plane]
    word = "".join(chr(code) for code in codes if unicodedata.category(chr(code)) in kinds)
    for start in range(0, len(word), 60):
        figure = Figure()
        write(figure.subplots(), 0, 0, "a".join(word[start : start + 60]), 7.0)
        figure.savefig(tmp_path / "a.pdf")


NASTY = "a\ufeff $b_{$ \\frac मैं"


def test_every_text_of_a_figure_is_legible_where_it_is_saved(tmp_path) -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], [1, 10], label=NASTY)
    axes.set(title="x" * 300, xlabel="plain", ylabel=f"{NASTY}\n{NASTY}", yscale="log")
    axes.set_xticks([1, 2], [NASTY, "$x_1$"])
    axes.legend()
    save_figure(figure, tmp_path / "a", pd.DataFrame())
    shown = "a<U+FEFF> $b_{$ \\frac <U+092E><U+0948><U+0902>"
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert {shown, f"{shown}\n{shown}", "plain", "$x_1$", "x" * 29 + "…"} <= set(texts)
    assert any(text.startswith("$\\mathdefault") for text in texts)


def test_a_word_is_written_without_mathtext() -> None:
    text = write(Figure().subplots(), 0, 0, "$x_1$", 7.0)
    assert text.get_text() == "$x_1$"
    assert not text.get_parse_math()


def test_width_is_in_points_and_grows_with_the_size() -> None:
    figure = Figure(dpi=72)
    text = write(figure.subplots(), 0, 0, "measured word", 20.0)
    figure.draw_without_rendering()
    assert width("measured word", 20.0) == pytest.approx(text.get_window_extent().width, rel=0.03)
    assert width("measured word", 10.0) == pytest.approx(width("measured word", 20.0) / 2, rel=0.02)


def test_ink_stands_out_on_every_shade() -> None:
    def luminance(colour: tuple[float, ...]) -> float:
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for share in (-1.0, -0.6, -0.3, 0.0, 0.1, 0.5, 0.8, 1.0):
        fill = luminance(shade(share)) + 0.05
        own = 1.05 if ink(shade(share)) == "white" else 0.05
        assert max(fill / own, own / fill) >= 4.5  # what WCAG 2 asks of text
