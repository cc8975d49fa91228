"""What each token of an answer attends to, as shown: the rows of the model's attention, in words and in sentences."""

from __future__ import annotations

import html
import re
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from attn_interp.figures.words.answer import ANSWER, ShownAnswer, legible
from attn_interp.figures.words.answer_figure import Mark, lay_out
from attn_interp.figures.words.heat_rows import HeatRows, cells_of, most_on, signed_rows
from attn_interp.figures.words.literal import width
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.language.contexts.answering_door import answering
from attn_interp.models.language.contexts.asked_document import Asked
from attn_interp.models.language.contexts.rows_of_answer import rows_of_answer

pytest.importorskip("transformers")

from tests.models.language.contexts.test_answering import PROMPT, tokenizer_of_words
from tests.models.language.test_language_models import module_of

ASKED = Asked("the film was very dull . the plot was good .", "good plot", answer="very bad film", id="r17")


@pytest.fixture(scope="module")
def model() -> AttentionModel:
    return answering(module_of("llama"), tokenizer_of_words(), prompt=PROMPT)


def matrix(shown: ShownAnswer) -> np.ndarray:
    """(1 + A, U) the weights that are drawn of the answer and of its tokens."""
    named = shown.drawn.dropna(subset="token")
    assert named["row"].unique().tolist() == shown.tokens["row"].tolist()
    return named["weight"].to_numpy().reshape(len(shown.tokens), -1)


def by_hand(units: int, tokens: int, unit: str, length: int = 1) -> ShownAnswer:
    """Weights drawn at random; a unit has `length` words."""
    draw = np.random.default_rng(0)
    weights = draw.dirichlet(np.full(units + 1, 0.3), tokens)
    names = [f"token {number}" for number in range(1, tokens + 1)]
    words = [" ".join(f"word{place}x{each}" for each in range(length)) for place in range(units)]
    own = {ANSWER: weights[:, :-1].mean(0), **dict(zip(names, weights[:, :-1], strict=True))}
    cells = cells_of(words, own, {})
    frame = pd.DataFrame(
        {
            "row": list(own),
            "token": ["all of it", *(f"piece{number}" for number in range(tokens))],
            "log_probability": -draw.exponential(size=tokens + 1),
            "probability": draw.uniform(size=tokens + 1),
            "outside": [1 - row.sum() for row in own.values()],
            "first": 0.0,
        }
    )
    labels = dict(zip(names, frame["token"].iloc[1:], strict=True))
    heat = HeatRows(f"document r17: {units} units", cells, labels, signed_rows(cells))
    return ShownAnswer(heat, frame, "What is it ?", unit)


def test_the_rows_are_those_of_the_view_and_sum_to_one_with_what_is_outside(model) -> None:
    rows = rows_of_answer(model, model.batch([ASKED]))
    for layer, site in enumerate(model.sites):
        for head in ("mean", 1):
            shown = model.at(site=site.name, head=head).show(ASKED)
            heads = slice(4 * layer, 4 * layer + 4) if head == "mean" else slice(4 * layer + 1, 4 * layer + 2)
            expected = rows.weights[0, heads].double().mean(0)
            np.testing.assert_allclose(matrix(shown)[1:], expected, atol=1e-9)
            np.testing.assert_allclose(matrix(shown)[0], expected.mean(0), atol=1e-9)
            np.testing.assert_allclose(matrix(shown).sum(1) + shown.tokens["outside"], 1)
            np.testing.assert_allclose(shown.tokens["first"][1:], rows.first[0, heads].double().mean(0), atol=1e-9)
            assert (shown.tokens["first"] <= shown.tokens["outside"]).all()


def test_tokens_have_their_probabilities_and_the_answer_their_product(model) -> None:
    tokens = model.show(ASKED).tokens
    assert tokens["token"].str.strip().tolist() == ["very bad film", "very", "bad", "film"]
    log = float(model.logits([ASKED])[0, 1])
    assert tokens["log_probability"].iloc[0] == pytest.approx(log)
    assert tokens["log_probability"].iloc[1:].sum() == pytest.approx(log)
    assert np.exp(tokens["log_probability"]).tolist() == pytest.approx(tokens["probability"].tolist())


def test_a_sentence_has_the_attention_of_its_words(model) -> None:
    words, sentences = model.show(ASKED), model.show(ASKED, units="sentence")
    assert sentences.heat.words == ["the film was very dull .", "the plot was good ."]
    sums = np.stack([matrix(words)[:, :6].sum(1), matrix(words)[:, 6:].sum(1)], 1)
    np.testing.assert_allclose(matrix(sentences), sums, atol=1e-6)
    pd.testing.assert_frame_equal(sentences.tokens, words.tokens)


def test_an_answer_that_is_not_given_is_generated(model) -> None:
    asked = Asked("the film was bad", "good plot", id="own")
    shown = model.show(asked)
    assert shown.tokens["token"].iloc[0] == model.completed(asked).answer
    assert len(shown.tokens) > 1


def test_methods_stand_below_and_have_no_probability(model) -> None:
    shown = model.show(ASKED, methods="leave-one-out", units="sentence")
    assert shown.heat.rows == [ANSWER, "token 1", "token 2", "token 3", "leave-one-out"]
    assert shown.drawn.loc[shown.drawn["row"] == "leave-one-out", "probability"].isna().all()
    texts = [t.get_text() for t in shown.figure().axes[0].texts]
    assert texts.count("leave-one-out") == 1 and not [text for text in texts if "…" in text]
    assert '<div class="name" dir="auto">leave-one-out</div>' in shown.html()


def test_a_method_that_has_nothing_to_say_of_one_sentence_is_drawn_as_undefined(model) -> None:
    shown = model.show(Asked("the film was bad", "good plot", answer="very bad"), "leave-one-out", units="sentence")
    own = shown.drawn[shown.drawn["row"] == "leave-one-out"]
    assert len(own) == 1 and own["weight"].isna().all()
    assert len(shown.figure().axes[0].patches) > 4 and "undefined" in shown.html()


@pytest.mark.parametrize("units", ["word", "sentence"])
def test_the_html_has_every_token_once_and_no_script(model, units) -> None:
    shown = model.show(ASKED, units=units)
    source = shown._repr_html_()
    assert re.findall(r'<b class="token">(.*?)</b>', source) == ["very", "bad", "film"]
    rows = 1 if units == "sentence" else 4
    own = [html.unescape(text) for text in re.findall(r"<bdi[^>]*>(.*?)</bdi>", source)]
    assert own == shown.heat.words * rows
    assert "<b>Question</b> good plot" in source and "<b>Answer</b> very bad film" in source
    assert not re.search(r"https?:|<script|@import|url\(", source)
    if units == "sentence":
        numbers = re.findall(r"<small>(\d)</small>(\.\d+)</span>", source)
        assert [int(number) for number, _ in numbers] == [1, 2] * 3
        assert [float(weight) for _, weight in numbers] == pytest.approx(matrix(shown)[1:].ravel(), abs=5e-3)


def test_rows_of_a_long_context_are_folded_under_what_they_attend_to_most() -> None:
    short, long = by_hand(100, 3, "word").html(), by_hand(101, 3, "word")
    assert short.count("<details open>") == 3 and "<details>" not in short
    assert long.html().count("<details>") == 3
    cells = long.heat.cells[long.heat.cells["row"] == "token 2"]
    best = cells.sort_values("weight", ascending=False)["word"].head(3).tolist()
    assert [part.split(" (")[0] for part in most_on(cells).split(", ")] == best
    assert f"<summary>largest: {most_on(cells)}</summary>" in long.html()


def test_what_a_model_says_is_no_markup() -> None:
    shown = by_hand(2, 1, "word")
    heat = HeatRows("<i>", shown.heat.cells, {"token 1": "<b>&"})
    tokens = shown.tokens.assign(token=["<script>", "<b>&"])
    source = ShownAnswer(heat, tokens, "<u>?", "word").html()
    assert "&lt;b&gt;&amp;" in source and "&lt;u&gt;?" in source
    assert not {"<script>", "<u>", "<i>"} & set(re.findall(r"<[^>]+>", source))
    assert [legible(each) for each in (" very", "\n", "x")] == ["very", r"'\n'", "x"]


@pytest.mark.parametrize(
    ("units", "tokens", "unit", "length"),
    [(12, 10, "sentence", 20), (60, 4, "sentence", 7), (1, 1, "sentence", 1), (9, 3, "word", 1), (300, 10, "word", 1)],
)
def test_on_a_page_nothing_overlaps_and_all_fits(units, tokens, unit, length) -> None:
    shown = by_hand(units, tokens, unit, length)
    layout = lay_out(shown, 480.0, 7.0)
    assert layout.y < 620  # points: a page has 700
    for mark in layout.marks:
        assert mark.x >= 0 and mark.x + mark.wide <= 480.01 and mark.y + mark.high <= layout.y
        if mark.text and not mark.rotation and not mark.text.isdigit():
            assert width(mark.text, mark.size) <= mark.wide + 0.01, mark
    written = [mark for mark in layout.marks if mark.text and not mark.rotation]
    assert not [pair for pair in combinations(map(box, written), 2) if overlap(*pair)]
    texts = [mark.text for mark in layout.marks]
    assert all(texts.count(f"piece{number}") == 1 for number in range(tokens))
    assert {word for each in shown.heat.words for word in each.split()} <= set(texts)


def box(mark: Mark) -> tuple[float, float, float, float]:
    """Where the text of a mark stands."""
    wide, high = width(mark.text, mark.size), 1.2 * mark.size
    x = mark.x if mark.at == "left" else mark.x + (mark.wide - wide) / 2
    return x, mark.y + (mark.high - high) / 2, x + wide, mark.y + (mark.high + high) / 2


def overlap(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def test_it_is_drawn_smaller_where_there_is_less_room(model) -> None:
    from attn_interp.figures.draw.style import new_figure

    shown = by_hand(12, 6, "sentence", 6)
    ax = new_figure(5.0, 2.0).subplots()
    assert shown.plot(ax) is ax
    small = {text.get_fontsize() for text in ax.texts}
    large = {text.get_fontsize() for text in shown.figure().axes[0].texts}
    assert max(small) < max(large) == 7.0 and min(small) > 3


def test_a_figure_shades_each_cell_by_the_share_of_its_row() -> None:
    from attn_interp.figures.words.shading import shade

    shown = by_hand(12, 10, "sentence")
    fills = [patch.get_facecolor()[:3] for patch in shown.figure().axes[0].patches]
    shares = shown.heat.cells["share"].tolist()
    expected = [shade(share) for share in [*shares[:12], *shares]]  # the context, and the matrix
    np.testing.assert_allclose(fills[: len(expected)], expected)


@pytest.mark.parametrize(
    ("document", "options", "message"),
    [
        ("the film was bad", {}, "has no question, and the model answers one; type Asked"),
        (ASKED, {"units": "paragraph"}, "units: got 'paragraph', expected 'word', 'sentence', or a function"),
        (ASKED, {"methods": "magic"}, "'magic'"),
        (Asked("the film", "bad", answer="very bad . " * 20, id="own"), {}, "document 'own': its prompt and answer"),
    ],
)
def test_what_cannot_be_shown_is_named(model, document: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        model.show(document, **options)


def test_sentences_of_a_classifier_are_shown_too(model, planted) -> None:
    import attn_interp as ai

    classifier = ai.train(planted, encoder="average", epochs=1)
    shown = classifier.show("It is good. Go and see it.", units="sentence")
    assert shown.heat.words == ["It is good .", "Go and see it ."]
    words = classifier.show("It is good. Go and see it.").drawn["weight"]
    assert shown.drawn["weight"].tolist() == pytest.approx([words[:4].sum(), words[4:].sum()])
    assert torch.is_tensor(classifier.logits("It is good."))


def test_one_text_is_shown_at_a_time(model) -> None:
    with pytest.raises(ValueError, match="show: got 2 texts, expected one; show each by itself"):
        model.show([ASKED, "ok"])
