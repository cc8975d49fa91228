"""The figures of plausibility show their results: estimates, band, prior, curves, groups; and hold nasty data."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.data.document import Document
from attn_interp.experiments.people import plausibility as estimates_module
from attn_interp.experiments.people import plausibility_curves as curves_module
from attn_interp.experiments.people.human_agreement import human_agreement
from attn_interp.experiments.people.parts.word_scores import WordScores
from attn_interp.experiments.result import Result
from attn_interp.figures.people import human_agreement as agreement_figures
from attn_interp.figures.people import plausibility as figures
from attn_interp.figures.people import plausibility_curves as curve_figures
from attn_interp.figures.people import plausibility_groups as group_figures

MADE = ("attention", "gradient x input", "later in the text")
LONG = "a very long name of an attribution with $m_a$th_s in it"


def made_scores(count: int, people: int = 3, nan: bool = False) -> WordScores:
    """Made-up documents of 5 to 30 words in which people mark the words whose hidden worth is high."""
    random = np.random.default_rng(7)
    documents, scores = [], {name: [] for name in (*MADE, LONG)}
    for number in range(count):
        words = int(random.integers(5, 31))
        worth = random.normal(0, 1, words)
        maps = tuple(tuple((worth + random.normal(0, 1, words) > 0.5).astype(float)) for _ in range(people))
        documents.append(Document(id=f"d{number}", words=("w",) * words, label=0, rationales=maps))
        scores["attention"].append(worth + random.normal(0, 3, words))
        scores["gradient x input"].append(np.full(words, np.nan) if nan else worth + random.normal(0, 2, words))
        scores["later in the text"].append(np.arange(words, dtype=float))
        scores[LONG].append(random.random(words))
    about = pd.DataFrame(
        {
            "document": [document.id for document in documents],
            "label": "negative",
            "predicted": np.where(np.arange(count) % 3 == 0, "positive", "negative"),
            "words": [len(document) for document in documents],
            "max_attention": 0.5,
            "outside": 0.0,
        }
    )
    kinds = dict(zip((*MADE, LONG), ("attention", "attribution", "baseline", "attribution")))
    return WordScores(tuple(documents), about, scores, kinds, {"seed": 0})


def results(scored: WordScores) -> tuple[Result, Result]:
    """What the experiments make of these scores, whatever model they are of."""
    asked: Any = SimpleNamespace(documents=scored.documents, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        for module in (estimates_module, curves_module):
            patch.setattr(module, "word_scores", lambda *given: scored)
        return estimates_module.plausibility(asked), curves_module.plausibility_curves(asked)


@pytest.fixture(scope="module")
def made() -> tuple[Result, Result]:
    return results(made_scores(23))


def texts(axes: object) -> list[str]:
    legend = axes.get_legend()  # type: ignore[attr-defined]
    return [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]


def test_points_and_intervals_are_the_summary(made) -> None:
    result = made[0]
    axes = figures.plot(result, measure="average_precision")
    table = result.summary().query("grouping == 'all' and statistic == 'mean' and quantity == 'average_precision'")
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() in "os^D" and len(line.get_xdata())]
    np.testing.assert_allclose(points, table["estimate"])
    np.testing.assert_allclose(figures.drawn(result).query("panel == 'average_precision'")["low"], table["low"])
    assert axes.get_xlim() == (0, 1)
    assert [label.get_text() for label in axes.get_yticklabels()][:3] == [
        "attention",
        "gradient x input",
        "later in the text",
    ]
    assert "n = 23" in texts(axes)[0]


def test_the_band_is_the_interval_of_people_and_the_line_the_prior(made) -> None:
    result = made[0]
    axes = figures.plot(result)
    rows = (
        result.summary().query("grouping == 'all' and statistic == 'mean' and quantity == 'auroc'").set_index("scorer")
    )
    band = axes.patches[0]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx(
        tuple(rows.loc["another person", ["low", "high"]].astype(float))
    )
    prior = next(line for line in axes.lines if line.get_linestyle() == ":")
    assert prior.get_xdata()[0] == pytest.approx(rows.loc["later in the text", "estimate"])
    assert "another person (the ceiling)" in texts(axes)


def test_curves_show_the_frame(made) -> None:
    result = made[1]
    axes = curve_figures.plot(result, curve="precision-recall", scorers=["attention", "another person"])
    for line, name in zip(axes.lines, ("attention", "another person")):
        own = result.frame[(result.frame["scorer"] == name) & (result.frame["curve"] == "precision-recall")]
        np.testing.assert_array_equal(line.get_ydata(), own["y"])
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)
    assert texts(axes)[1] == "attention, n = 23"
    default = set(curve_figures.drawn(result)["series"])
    assert default == {"attention", "gradient x input", LONG, "later in the text", "another person"}


def test_groups_are_quarters_and_annotators(made) -> None:
    result = made[0]
    rows = group_figures.drawn(result)
    lengths = rows.query("panel == 'length' and series == 'attention'")
    assert len(lengths) == 4
    assert lengths["n"].sum() == 23
    low, high = (int(end) for end in lengths["group"].iloc[0].split("–"))
    own = result.frame[(result.frame["scorer"] == "attention") & result.frame["words"].between(low, high)]
    assert lengths["y"].iloc[0] == pytest.approx(own.groupby("document")["auroc"].mean().mean())
    annotators = rows.query("panel == 'annotator' and series == 'another person'")
    assert annotators["group"].tolist() == ["0", "1", "2"]
    assert len(group_figures.figure(result).axes) == 2


def test_people_with_people() -> None:
    result = human_agreement(made_scores(31).documents)
    rows = agreement_figures.drawn(result)
    table = result.summary().query("quantity == 'kappa' and statistic == 'mean' and judge == 'another person'")
    assert rows.query("series == 'another person' and group == \"Cohen's κ\"")["x"].item() == table["estimate"].item()
    axes = result.plot()
    assert axes.get_xlim()[1] == 1
    assert "n = 31" in texts(axes)[0]
    against = human_agreement([Document(id="a", words=("v", "w"), label=0, rationales=((1, 0), (0, 1)))])
    assert against.plot().get_xlim() == (-1, 1)


@pytest.mark.parametrize("scored", [made_scores(1), made_scores(4, people=1, nan=True)])
def test_one_document_undefined_scores_and_one_annotator_can_be_drawn(scored: WordScores) -> None:
    estimates, curves = results(scored)
    for result, module in ((estimates, figures), (curves, curve_figures), (estimates, group_figures)):
        page = module.figure(result)
        page.draw_without_rendering()
        assert page.get_size_inches()[0] == pytest.approx(6.9)
        assert module.caption(result)


@pytest.mark.parametrize(
    "plot",
    [
        lambda made, ax: figures.plot(made[0], ax),
        lambda made, ax: curve_figures.plot(made[1], ax),
        lambda made, ax: group_figures.plot(made[0], ax),
    ],
)
def test_the_given_axes_are_drawn_on_and_returned(made, plot: Callable[..., object]) -> None:
    axes = Figure().subplots()
    assert plot(made, axes) is axes


def test_every_text_says_which_of_the_two_it_measures(made) -> None:
    for caption in (figures.caption(made[0]), curve_figures.caption(made[1]), group_figures.caption(made[0])):
        assert "lausib" in caption
        assert "faithfulness" in caption or "does not say that the model used" in caption


def test_mistakes_are_named(made) -> None:
    with pytest.raises(ValueError, match="no measure 'f2'; choose from auroc"):
        figures.plot(made[0], measure="f2")
    with pytest.raises(ValueError, match="no curve 'roc'; choose from ROC, precision-recall"):
        curve_figures.plot(made[1], curve="roc")
    with pytest.raises(ValueError, match="no curve of 'lime'; there are attention"):
        curve_figures.plot(made[1], scorers=["lime"])
    with pytest.raises(ValueError, match=r"no scorer 'lime'; there are .*another person"):
        group_figures.plot(made[0], scorers=["lime"])
    with pytest.raises(ValueError, match="choose from annotator, length"):
        group_figures.plot(made[0], by="class")
