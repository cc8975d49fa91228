from __future__ import annotations

import html
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import attn_interp
from attn_interp.data.document import Document
from attn_interp.figures.words.heat_rows import cells_of, right_to_left, weight_texts
from attn_interp.figures.words.literal import printable
from attn_interp.figures.words.shading import shade
from attn_interp.figures.words.show import show
from attn_interp.report.latex import escape
from attn_interp.report.latex import table as latex_table

AWKWARD = ("<script>", "&amp;", "$x_1$", "\\input", "😀", "e\u0301\u0323", "فيلم", "סרט", "the", "the", '"q"', "%{}~^")


def document(*words: str) -> Document:
    return Document(id="r17", words=words, label=1)


def words_in_html(source: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<bdi[^>]*>(.*?)</bdi>", source, re.DOTALL)]


def words_in_figure(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.axes[0].texts if t.get_ha() == "center" and not t.get_parse_math()]


def test_awkward_words_are_literal_in_html_in_figures_and_in_latex() -> None:
    shown = attn_interp.show(document(*AWKWARD), np.arange(12) / 66)
    assert words_in_html(shown.html()) == list(AWKWARD)
    assert "<script>" not in shown.html()
    figure = shown.figure()
    figure.draw_without_rendering()
    assert words_in_figure(figure) == list(AWKWARD)
    source = latex_table(shown.drawn[["word", "weight"]])
    assert [row.split(" & ")[0] for row in source.splitlines() if row.endswith(r"\\")][1:] == [
        escape(word) for word in AWKWARD
    ]
    assert r"\textless{}script\textgreater{}" in source
    assert r"\textbackslash{}input" in source


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.text("<>&\"'/ab;#x1\u202e\x00é", min_size=1, max_size=6).filter(lambda text: text.strip()),
        min_size=1,
        max_size=4,
    )
)
def test_no_word_becomes_markup(words: list[str]) -> None:
    try:
        own = document(*words)
    except ValueError:  # half a character, which no document may hold
        return
    source = show(own, np.ones(len(words))).html()
    assert words_in_html(source) == [printable(word) for word in words]
    tags = set(re.findall(r"</?([a-z]+)", source.split("</style>")[1]))
    assert tags <= {"div", "p", "span", "bdi", "small", "s", "i", "br"}


def test_title_about_and_names_of_rows_are_escaped() -> None:
    source = show(Document(id="<b>", words=("a",), label=0), {"<i>&": [0.5]}, about="<u>").html()
    assert "document &lt;b&gt;: 1 word, &lt;u&gt;" in source
    assert "&lt;i&gt;&amp;" in source
    assert not {"<b>", "<i>&", "<u>"} & set(re.findall(r"<[^>]+>&?", source))


def test_weights_shares_and_ranks() -> None:
    shown = show(document("a", "b", "a", "c"), {"attention": [0.1, 0.4, 0.1, 0.4], "occlusion": [-3.0, 0.0, 1.0, 2.0]})
    cells = shown.drawn.set_index("row")
    assert cells.loc["attention", "rank"].tolist() == [3, 1, 3, 1]
    assert cells.loc["occlusion", "rank"].tolist() == [1, 4, 3, 2]
    np.testing.assert_allclose(cells.loc["occlusion", "share"], [-0.5, 0, 1 / 6, 1 / 3])
    assert cells.loc["attention", "word"].tolist() == ["a", "b", "a", "c"]
    numbers = re.findall(r"<small>(\S+ \(\d+\))</small>", shown.html())
    assert numbers == [".10 (3)", ".40 (1)", ".10 (3)", ".40 (1)", "−3.00 (1)", ".00 (4)", "1.00 (3)", "2.00 (2)"]
    assert [t.get_text() for t in shown.figure().axes[0].texts if t.get_text() in numbers] == numbers


def test_only_rows_with_negative_weights_have_the_diverging_scale() -> None:
    shown = show(document("a", "b"), {"attention": [0.25, 0.75], "occlusion": [-0.75, 0.25]})
    fills = re.findall(r"--fill:(#\w+);--ink", shown.html())
    hexes = ["#" + "".join(f"{round(255 * part):02x}" for part in shade(0.25, signed)) for signed in (False, True)]
    assert [fills[0], fills[3]] == hexes
    assert "magma_r" in shown.html()
    assert "PRGn" in shown.html()
    assert "PRGn" not in show(document("a"), [1.0]).html()


def test_bars_and_error_bars_stand_on_the_scale_of_their_row() -> None:
    shown = show(document("a", "b"), {"attention": [0.2, 0.8]}, {"attention": ([0.1, 0.5], [0.4, 1.0])})
    assert re.findall(r'<i style="bottom:(\S+)%;height:(\S+)%">', shown.html()) == [("0.0", "20.0"), ("0.0", "80.0")]
    assert re.findall(r'<u style="bottom:(\S+)%;height:(\S+)%">', shown.html()) == [("10.0", "30.0"), ("50.0", "50.0")]
    below = show(document("a", "b"), {"occlusion": [-1.0, 3.0]}).html()
    assert re.findall(r'<i style="bottom:(\S+)%;height:(\S+)%">', below) == [("0.0", "25.0"), ("25.0", "75.0")]
    dots = [line for line in shown.figure().axes[0].lines if line.get_marker() == "o"]
    assert len(dots) == 2


def test_lists_arrays_and_tensors_that_carry_gradients_are_taken() -> None:
    own = document("a", "b")
    frames = [show(own, row).drawn for row in ([0.5, 0.5], np.full(2, 0.5), torch.full((2,), 0.5, requires_grad=True))]
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])


@pytest.mark.parametrize(
    ("weights", "intervals", "message"),
    [
        ([0.5, 0.5, 0.0], None, "document 'r17': row 'attention': 3 weights for 2 words; give one for each word"),
        ([[0.5, 0.5]], None, r"weights of shape \(1, 2\) for 2 words"),
        ({"gradient": [0.5, float("nan")]}, None, r"row 'gradient': weight nan of word 1 \('b'\) is not finite; leave"),
        ([0.5, float("inf")], None, "weight inf of word 1"),
        ([1.5, -0.5], None, "row 'attention': weight -0.5 of word 1 is negative, attention is not; pass weights after"),
        ({"adversary": [1.5, -0.5]}, None, "row 'adversary': weight -0.5"),
        ({}, None, "document 'r17': no row of weights to show"),
        ([0.5, 0.5], {"seeds": ([0, 0], [1, 1])}, "interval for 'seeds', but the rows are attention"),
        ([0.5, 0.5], {"attention": ([0, 0], [1])}, "row 'attention, upper ends': 1 weights for 2 words"),
        ([0.5, 0.5], {"attention": ([0, 1], [1, 0])}, r"interval \[1, 0\] of word 1 ends before it begins"),
    ],
)
def test_mistakes_name_document_row_and_remedy(weights: object, intervals: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        show(document("a", "b"), weights, intervals)  # type: ignore[arg-type]


def test_text_from_right_to_left_begins_at_the_right() -> None:
    words = ("זה", "סרט", "movie", "טוב")
    assert right_to_left(words)
    assert not right_to_left(("movie", "סרט"))
    assert not right_to_left(("123", "!"))
    assert right_to_left(("123", "فيلم"))
    shown = show(document(*words), np.ones(4) / 4)
    assert '<div class="words" dir="rtl">' in shown.html()
    assert words_in_html(shown.html()) == list(words)  # reading order
    texts = [t for t in shown.figure().axes[0].texts if t.get_text() in words]
    assert [t.get_text() for t in texts] == list(words)
    assert all(first.get_position()[0] > second.get_position()[0] for first, second in pairwise(texts))


def test_a_long_document_is_wrapped_and_whole() -> None:
    words = [f"word{index}" for index in range(150)]
    shown = show(document(*words), np.ones(150) / 150)
    texts = [t for t in shown.figure().axes[0].texts if t.get_text().startswith("word")]
    assert [t.get_text() for t in texts] == words
    assert len({t.get_position()[1] for t in texts}) > 9


def test_texts_of_weights_have_equal_decimals() -> None:
    assert weight_texts([0.421, 0.0301, -0.0]) == [".42", ".03", ".00"]
    assert weight_texts([12.3, -4.6]) == ["12", "−5"]
    assert weight_texts([1.0, 0.0]) == ["1.00", ".00"]
    assert weight_texts([0.0123, float("nan")]) == [".012", ""]
    assert weight_texts([0.0, 0.0]) == [".00", ".00"]
    assert weight_texts([1.2e-7]) == ["1.2e−07"]


def test_one_word_uniform_and_zero_weights() -> None:
    assert show(document("a"), [1.0]).drawn["share"].tolist() == [1.0]
    assert cells_of(["a", "b"], {"x": np.zeros(2)}, {})["share"].tolist() == [0.0, 0.0]
    assert show(document("a", "b", "c"), [1 / 3] * 3).drawn["rank"].tolist() == [1, 1, 1]
    assert ".00 (1)" in show(document("a", "b"), {"x": [0.0, 0.0]}).html()


def test_the_notebook_view_is_the_html_and_asks_the_network_for_nothing() -> None:
    shown = show(document("a", "b"), [0.5, 0.5])
    assert shown._repr_html_() == shown.html()
    assert "prefers-color-scheme: dark" in shown.html()
    assert not re.search(r"https?:|<script|@import|url\(", shown.html())
    assert repr(shown) == "<document r17: 2 words: attention>"


def test_turning_characters_are_named() -> None:
    assert printable("\u202eevil\u0000") == "<U+202E>evil<U+0000>"
    assert printable("fa\u200dmily") == "fa\u200dmily"


def test_a_text_is_taken_where_a_document_is() -> None:
    shown = show("a good film", [0.2, 0.5, 0.3])
    assert shown.drawn["word"].tolist() == ["a", "good", "film"] and shown.drawn["weight"].tolist() == [0.2, 0.5, 0.3]
