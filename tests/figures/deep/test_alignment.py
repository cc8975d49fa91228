"""Alignment figures: the drawn artists are the summary, the truth is outlined, and steps make a lower triangle."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from attn_interp.data.corpora.transduction import Transduction
from attn_interp.experiments.deep.alignment import COLUMNS
from attn_interp.experiments.result import Result
from attn_interp.figures.deep import alignment as figures
from attn_interp.figures.words.steps import show_steps

PAIR = Transduction("p", ("the", "7", "of", "march"), ("03", "07"), ((0, 3), (1, 1)))


@pytest.fixture
def result() -> Result:
    """31 pairs; one site with one head, and one with two heads and their mean; one pair has no link."""
    random = np.random.default_rng(0)
    frames = []
    for model, heads in (("ours", ["0"]), ("of $two$ heads", ["0", "1", "mean"])):
        for head in heads:
            frame = pd.DataFrame(
                {"pair": [f"p{i}" for i in range(31)], "model": model, "site": "attention", "head": head}
            )
            frame = frame.assign(source_words=4, target_words=3, unlinked=0, error_rate=random.random(31), chance=0.75)
            frames.append(frame.assign(mass=random.random(31), right_words=1.0))
            frames[-1].loc[30, ["error_rate", "chance", "mass"]] = np.nan
    return Result("alignment", pd.concat(frames, ignore_index=True), {"seed": 0, "models": [], "pairs": 31}, COLUMNS)


def test_the_artists_show_the_summary(result: Result) -> None:
    axes, rows = figures.plot(result), figures.drawn(result)
    summary = result.summary().query("quantity == 'error_rate'")
    attended = rows[rows.series == figures.ATTENTION]
    np.testing.assert_array_equal(attended[["x", "low", "high"]], summary[["estimate", "low", "high"]])
    names = ["ours", *(f"of $two$ heads, {head}" for head in ("head 0", "head 1", "mean"))]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == names
    assert [line.get_xdata().tolist() for line in axes.lines] == [attended.x.tolist(), [0.75] * 4]
    low, high = axes.get_xlim()
    assert low < 0 < 1 < high
    assert "n = 30 (1 undefined)" in axes.texts[0].get_text()
    axes.figure.draw_without_rendering()
    assert "n = 31 pairs" in figures.caption(result)
    assert isinstance(figures.figure(result), Figure)
    given = Figure().subplots()
    assert result.plot(given) is given


def test_an_empty_frame_is_refused(result: Result) -> None:
    with pytest.raises(ValueError, match="no rows"):
        figures.drawn(Result("alignment", result.frame.iloc[:0], result.settings, COLUMNS))


def test_the_true_links_are_outlined() -> None:
    axes = figures.draw_alignment([[0.1, 0.1, 0.1, 0.7], [0.2, 0.6, 0.1, 0.1]], PAIR)
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    centres = [(box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2) for box in boxes]
    assert np.allclose(centres, [(3, 0), (1, 1)])
    assert any("outlined: true links" in text.get_text() for text in axes.figure.findobj(Text))
    assert axes.get_xlabel() == "encoder key"
    assert axes.get_ylabel() == "decoder query"


def test_steps_are_a_lower_triangle_from_the_second_token_on() -> None:
    weights = np.tril(np.arange(16.0).reshape(4, 4), -1)
    weights[1:] /= weights[1:].sum(-1, keepdims=True)
    shown = show_steps(weights, ["<s>", "a", "b", "</s>"])
    assert shown.queries == ("a", "b", "</s>")
    assert shown.keys == ("<s>", "a", "b")
    np.testing.assert_array_equal(shown.weights[0], weights[1:, :-1])
    np.testing.assert_array_equal(shown.masked, np.triu(np.ones((3, 3), bool), 1))
    assert shown.plot().get_xlabel() == "earlier token (key)"
    with pytest.raises(ValueError, match="later, masked key"):
        show_steps(np.eye(4)[::-1], ["a"] * 4)
    with pytest.raises(ValueError, match=r"shape \(4, 4\) for 1 tokens"):
        show_steps(weights, ["a"])
