from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from attn_interp.figures.words.matrix import show_matrix
from attn_interp.figures.words.shading import shade

QUERIES = ("Das", "Haus", "<script>")
KEYS = ("the", "$x_1$", "\\input", "😀", "the")


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).dirichlet(np.ones(shape[-1]), shape[:-1])


def heads_of(figure: Figure) -> list:
    return [ax for ax in figure.axes if ax.images]


def test_every_cell_is_drawn_with_its_own_words_and_weight() -> None:
    values = weights(2, 3, 5)
    shown = show_matrix(values, QUERIES, KEYS)
    rows = shown.drawn
    assert len(rows) == 30
    for row in rows.to_dict("records"):
        assert row["weight"] == values[row["head"], row["query_position"], row["key_position"]]
        assert (row["query"], row["key"]) == (QUERIES[row["query_position"]], KEYS[row["key_position"]])
    drawn = heads_of(shown.figure())
    assert len(drawn) == 2
    for ax, own in zip(drawn, values, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), own)
        np.testing.assert_allclose(ax.images[0].to_rgba(own)[1, 2, :3], shade(float(own[1, 2])), atol=0.02)


def test_words_stand_literally_at_the_edges_and_the_axes_are_named() -> None:
    (ax,) = heads_of(show_matrix(weights(3, 5), QUERIES, KEYS).figure())
    assert [label.get_text() for label in ax.get_yticklabels()] == list(QUERIES)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(KEYS)
    assert not any(label.get_parse_math() for label in ax.get_xticklabels())
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("decoder query", "encoder key")
    (ax,) = heads_of(show_matrix(weights(3, 3), QUERIES).figure())
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query", "key")
    (ax,) = heads_of(show_matrix(weights(3, 5), QUERIES, KEYS, names=("answer", "$question$")).figure())
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("answer", "$question$")


def test_a_causal_mask_is_hatched_and_named() -> None:
    values = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    shown = show_matrix(values, QUERIES, causal=True)
    assert shown.masked.tolist() == [[False, True, True], [False, False, True], [False] * 3]
    figure = shown.figure()
    (ax,) = heads_of(figure)
    assert [patch.get_xy() for patch in ax.patches if patch.get_hatch()] == [(0.5, -0.5), (1.5, -0.5), (1.5, 0.5)]
    assert "hatched: masked, a query sees no later key" in [t.get_text() for each in figure.axes for t in each.texts]
    assert sorted(t.get_text() for t in ax.texts) == [".20", ".30", ".50", ".50", ".50", "1.00"]
    # two queries that continue three keys: the first sees all keys but the last
    assert show_matrix([[0.5, 0.5, 0], [0, 0.5, 0.5]], ("b", "c"), ("a", "b", "c"), causal=True).masked.sum() == 1


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (weights(5, 3), {}, r"weights of shape \(5, 3\) for 3 queries and 5 keys; give \(3, 5\) or \(heads, 3, 5\)"),
        (weights(2, 2, 3, 5), {}, "one head or layer at a time"),
        (np.full((3, 5), np.nan), {}, r"head 0, query 0 \('Das'\), key 0 \('the'\): weight nan is not finite"),
        (-weights(3, 5), {}, r"is outside \[0, 1\]; pass it after softmax"),
        (3 * np.ones((3, 5)), {}, "weight 3 is outside"),
        (
            np.eye(3, 5)[:, ::-1],
            {"causal": True},
            r"query 0 \('Das'\), key 4 \('the'\): weight 1 is on a later, masked",
        ),
    ],
)
def test_mistakes_name_head_query_and_key(values: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        show_matrix(values, QUERIES, KEYS, **options)


def test_causal_with_fewer_keys_than_queries_and_unknown_heads_are_refused() -> None:
    with pytest.raises(ValueError, match="causal with 3 queries but 2 keys"):
        show_matrix(weights(3, 2), QUERIES, ("a", "b"), causal=True)
    with pytest.raises(ValueError, match="head 2, but there are 2"):
        show_matrix(weights(2, 3, 5), QUERIES, KEYS).plot(head=2)


def test_many_words_are_written_as_far_as_they_can_be_read() -> None:
    words = [f"word{index}" for index in range(140)]
    (ax,) = heads_of(show_matrix(weights(140, 140), words).figure())
    step = 140 // len(ax.get_xticks())
    assert step > 1
    assert [label.get_text() for label in ax.get_xticklabels()] == words[:: len(words) // len(ax.get_xticks())]
    assert ax.get_xlabel() == f"key (1 of {step} words written)"
    assert min(label.get_fontsize() for label in ax.get_xticklabels()) >= 4


def test_words_overlap_neither_each_other_nor_the_edge_of_the_page() -> None:
    words = ["m" * 60, *(f"word{index}" for index in range(23))]
    figure = show_matrix(weights(6, 24, 24), words).figure()
    figure.draw_without_rendering()
    first = heads_of(figure)[0]
    boxes = [label.get_window_extent() for label in first.get_yticklabels()]
    assert all(above.y0 >= below.y1 - 0.5 for above, below in pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0
    assert min(label.get_window_extent().y0 for label in heads_of(figure)[-1].get_xticklabels()) >= 0


def test_given_axes_are_drawn_on_and_returned() -> None:
    ax = Figure(layout="constrained").subplots()
    assert show_matrix(torch.tensor(weights(2, 3, 5)).requires_grad_(), QUERIES, KEYS).plot(ax, head=1) is ax
    assert ax.get_title() == "head 1"


def test_the_notebook_gets_a_picture_with_a_description() -> None:
    source = show_matrix([[1.0]], ["<b>"], about="layer <3>")._repr_html_()
    assert re.match(r'<img style="max-width:100%" alt="([^"]*)" src="data:image/png;base64,', source)
    assert "attention: 1 head, 1 × 1 (query × key), layer &lt;3&gt;" in source
