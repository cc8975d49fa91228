"""The figures of the retraining tests: what is drawn is what the summaries say, on the measures' own ranges."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.result import Result
from attn_interp.experiments.wiegreffe_pinter import imitation as imitation_experiment
from attn_interp.experiments.wiegreffe_pinter import ladder as ladder_experiment
from attn_interp.experiments.wiegreffe_pinter import seeds as seeds_experiment
from attn_interp.experiments.wiegreffe_pinter.parts.predictions import COLUMNS, CONDITIONS
from attn_interp.figures import quality
from attn_interp.figures.draw import style
from attn_interp.figures.draw.plane import plane_marks
from attn_interp.figures.wiegreffe_pinter import guide, imitation, ladder, necessity, seeds

DOCUMENTS = [f"d{index:02d}" for index in range(31)]


def scored(name: str, accuracies: dict[str, float], columns, settings) -> Result:
    rng = np.random.default_rng(3)
    parts = []
    for condition, accuracy in accuracies.items():
        for seed in (0, 1, 2):
            label = rng.integers(2, size=len(DOCUMENTS))
            right = rng.random(len(DOCUMENTS)) < accuracy
            words = np.array(["bad", "good"])
            columns_ = {"document": DOCUMENTS, "seed": seed, "label": words[label]}
            frame = pd.DataFrame({settings["name"]: condition, **columns_, "predicted": words[label ^ ~right]})
            parts.append(frame.assign(correct=right, probability_label=np.where(right, 0.8, 0.3)))
    return Result(name, pd.concat(parts, ignore_index=True), settings, columns)


@cache
def paired() -> dict[str, Result]:
    shared = {"margin": 0.02, "seeds": [0, 1, 2], "documents": len(DOCUMENTS), "level": 0.05}
    accuracies = {"attention": 0.95, "uniform $x_1$": 0.5, "mean": 0.9}
    one = scored(
        "necessity",
        accuracies,
        {"condition": CONDITIONS["condition"], **COLUMNS},
        {**shared, "reference": "attention", "name": "condition"},
    )
    accuracies = {"uniform": 0.6, "own learned": 0.8, "base model": 0.95}
    two = scored(
        "guide",
        accuracies,
        {"guide": CONDITIONS["guide"], **COLUMNS},
        {**shared, "reference": "uniform", "name": "guide"},
    )
    return {"necessity": one, "guide": two}


def divergences(**columns) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"document": DOCUMENTS, "label": "good", "words": 5})
    frame["predicted"] = np.where(np.arange(len(DOCUMENTS)) % 3 == 0, "bad", "good")
    frame["max_attention"] = np.linspace(0.1, 0.9, len(DOCUMENTS))
    frame["jsd"], frame["tvd"], frame["kl"] = rng.random((3, len(DOCUMENTS))) * [[0.6], [0.2], [3.0]]
    return frame.assign(decision_flip=False, correct=True, outside=0.0, **columns)


@cache
def between() -> Result:
    frame = pd.concat([divergences(seed=1), divergences(seed=2).assign(jsd=0.1)], ignore_index=True)
    settings = {"seed": 0, "others": [1, 2], "documents": len(DOCUMENTS)}
    return Result("seeds", frame[list(seeds_experiment.COLUMNS)], settings, seeds_experiment.COLUMNS)


@cache
def imitated() -> Result:
    parts = [
        divergences(free=free, strength=strength, seed=0).assign(jsd=0.5 + strength, tvd=0.05 + strength)
        for free in ("attention", "full")
        for strength in (0.1, 0.02, 0.05)
    ]
    frame = pd.concat(parts, ignore_index=True)[list(imitation_experiment.COLUMNS)]
    settings = {"seed": 0, "objective": "TVD - lambda KL", "documents": len(DOCUMENTS)}
    return Result("imitation", frame, settings, imitation_experiment.COLUMNS)


STATUS = {
    "adversary": "exact",
    "same-shape adversary": "certified",
    "other seeds": "measured",
    "uniform attention": "measured",
}


@cache
def climbed() -> Result:
    rungs = {
        ("adversary", 10.0): (0.55, 1e-4),
        ("adversary", 1.0): (0.6, 0.01),
        ("same-shape adversary", 1.0): (0.2, 0.02),
        ("imitator, full", 0.1): (0.62, 0.09),
        ("imitator, full", 0.01): (0.56, 0.05),
        ("imitator, attention", 0.1): (0.58, 0.08),
        ("other seeds", np.nan): (0.15, 0.06),
        ("uniform attention", np.nan): (0.1, 0.07),
    }
    noise = np.linspace(-0.01, 0.01, len(DOCUMENTS))
    parts = [
        pd.DataFrame(
            {
                "rung": rung,
                "status": STATUS.get(rung, "search"),
                "setting": setting,
                "seed": seed,
                "document": DOCUMENTS,
                "jsd": x + noise,
                "tvd": y + 0 * noise,
            }
        )
        for (rung, setting), (x, y) in rungs.items()
        for seed in (0, 1)
    ]
    settings = {"seeds": [0, 1], "documents": len(DOCUMENTS), "seed": 0}
    return Result("ladder", pd.concat(parts, ignore_index=True), settings, ladder_experiment.COLUMNS)


MODULES = {"necessity": necessity, "guide": guide, "seeds": seeds, "imitation": imitation, "ladder": ladder}


def result_of(name: str) -> Result:
    made = {"seeds": between, "imitation": imitated, "ladder": climbed}
    return made[name]() if name in made else paired()[name]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_figures_are_of_final_width_and_drawn_without_warning(name) -> None:
    result, module = result_of(name), MODULES[name]
    page = module.figure(result)
    page.draw_without_rendering()
    assert page.get_size_inches()[0] in (3.3, 6.9)
    assert module.drawn(result).equals(module.drawn(result))
    assert f"{len(DOCUMENTS)} " in module.caption(result).replace(",", "") or "n = 31" in module.caption(result)
    assert result.plot().figure is not page


def test_differences_and_verdicts_stand_where_the_summary_has_them() -> None:
    result = paired()["necessity"]
    axes = necessity.plot(result)
    table = result.summary().query("quantity == 'accuracy' and statistic == 'difference'")
    drawn = sorted(
        float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())
    )
    assert drawn == pytest.approx(sorted(table["estimate"]))
    texts = [text.get_text() for text in axes.texts]
    assert texts == list(table["verdict"])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["uniform $x_1$", "mean"]
    assert not any(text.get_parse_math() for text in axes.get_yticklabels())


def test_long_names_of_conditions_take_several_lines_and_both_panels_share_them() -> None:
    result = paired()["necessity"]
    frame = result.frame.replace({"condition": {"mean": "the last state of a recurrent encoder"}})
    left, right = necessity.figure(replace(result, frame=frame)).axes
    labels = [text.get_text() for text in left.get_yticklabels()]
    assert labels == ["attention", "uniform $x_1$", "the last state of a\nrecurrent encoder"]
    heights = [line.get_ydata()[0] for line in right.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert heights == [1, 2]  # the reference, above them, has no difference
    ticks = [text.get_text() for text in right.get_xticklabels()]
    assert len(ticks) <= 7


def test_the_quality_of_several_seeds_says_how_many() -> None:
    label = np.where(np.arange(len(DOCUMENTS)) % 3, "good", "bad")
    columns = {"document": DOCUMENTS, "predictor": "model", "label": label, "predicted": "good"}
    scores = {"correct": label == "good", "probability good": 0.9, "probability bad": 0.1}
    frame = pd.DataFrame({**columns, **scores})
    settings = {"classes": ["bad", "good"], "seed": 0}
    one = Result("quality", frame, settings, {name: Column("") for name in frame})
    both = over_seeds({0: one, 1: replace(one, frame=frame.assign(correct=False))})
    assert quality.plot(both).get_xlabel() == "score, 0 to 1; n = 31 documents, 2 seeds"
    assert "over new seeds and new documents, n = 31 documents, 2 seeds" in quality.caption(both)
    assert "bootstrap intervals over documents, n = 31 documents." in quality.caption(one)


def test_guides_are_drawn_against_uniform() -> None:
    rows = guide.drawn(paired()["guide"])
    own = rows[rows.panel == "differences"]
    assert list(own.series) == ["own learned", "base model"]
    assert (own.x > 0).all()
    assert len(rows[(rows.panel == "scores") & (rows.mark == "point")]) == 9


def test_every_document_is_a_point_at_its_median_divergence() -> None:
    rows = seeds.drawn(between())
    own = rows[(rows.panel == "points")]
    frame = seeds_experiment.per_document(between())
    assert sorted(own.x) == pytest.approx(sorted(frame["jsd"]))
    assert seeds.points(between()).get_ylim() == (0.0, 1.0)


def test_a_sweep_is_joined_in_the_order_of_its_strengths() -> None:
    rows = imitation.drawn(imitated())
    points = rows[(rows.mark == "point") & (rows.series == "full")]
    assert list(points.group) == ["0.02", "0.05", "0.1"]
    axes = imitation.plot(imitated())
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["attention: λ from 0.02 to 0.1", "full: λ from 0.02 to 0.1"]
    assert axes.get_legend().get_title().get_text() == "free to learn; bars: 95 % intervals; 1 seed, n = 31"
    assert axes.get_xlim() == pytest.approx((0, np.log(2) * 1.02))


def test_every_rung_is_drawn_with_its_intervals_in_both_directions() -> None:
    result = climbed()
    axes = ladder.plot(result)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    own = [name for name in ladder.LOOKS if name in set(result.frame["rung"])]
    assert labels == [f"{name} ({STATUS.get(name, 'search')})" for name in own]
    for name, (colour, _, marker) in ladder.LOOKS.items():
        own = [
            line for line in axes.lines if line.get_marker() == marker and to_rgba(line.get_color()) == to_rgba(colour)
        ]
        assert len(own) == (name in set(result.frame["rung"]))
    rows = ladder.drawn(result)
    ranges = rows[rows.mark == "range"]
    assert set(ranges.group) == {"jsd", "tvd"}
    assert (ranges[ranges.group == "jsd"].low < ranges[ranges.group == "jsd"].high).all()
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] < rows.y.min()
    assert len(axes.child_axes) == 1  # the imitators, magnified


def test_the_page_of_the_ladder_names_every_rung_once_over_both_panels() -> None:
    page = ladder.figure(climbed())
    names = [text.get_text() for text in page.legends[0].get_texts()]
    assert names == [text.get_text() for text in ladder.plot(climbed()).get_legend().get_texts()]
    first, second = (axes.get_legend() for axes in page.axes[:2])
    assert not first.get_texts() and not second.get_texts()
    assert first.get_title().get_text() == "(a) 2 base models, n = 31; bars: 95 % intervals"


def test_an_inset_hides_no_point() -> None:
    result = climbed()
    crowd = result.frame[result.frame["rung"] == "other seeds"]
    points = [
        crowd.assign(rung="same-shape adversary", setting=float(k), jsd=0.1 + 0.05 * k, tvd=tvd)
        for k in range(11)
        for tvd in [10.0 ** -(k % 5)]
    ]
    full = pd.concat([result.frame[result.frame["rung"] != "same-shape adversary"], *points], ignore_index=True)
    assert not ladder.plot(replace(result, frame=full)).child_axes


@pytest.mark.parametrize(("rung", "place"), [("adversary", ladder.PLACES[3]), ("other seeds", ladder.PLACES[0])])
def test_an_inset_hides_no_line_between_points(rung: str, place: tuple[float, ...]) -> None:
    axes = style.new_figure(3, 3).add_subplot(xlim=(0, 1), ylim=(0, 1))
    corners = pd.DataFrame({"mark": "point", "series": rung, "x": [0.0, 1.0], "y": [0.001, 0.5]})
    assert ladder._free_place(axes, corners) == place


def test_the_gap_panel_shows_every_rung_but_the_exact_one_at_its_own_distance() -> None:
    result = climbed()
    rows = ladder.drawn(result)
    own = rows[rows.panel == "gap"]
    assert len(own) == 6
    assert "adversary" not in set(own.series)
    table = result.summary()
    full = table[(table["rung"] == "imitator, full") & (table["setting"] == 0.01)].set_index("quantity")["estimate"]
    row = own[(own.series == "imitator, full") & (own.group == "0.01")].iloc[0]
    assert (row.x, row.y) == pytest.approx((full["gap"], full["tvd"]))


def test_a_point_without_a_setting_has_an_empty_group() -> None:
    rows = plane_marks(climbed().summary().query("quantity != 'gap'"), "rung", "setting")
    assert set(rows[(rows.series == "other seeds") & (rows.mark == "point")].group) == {""}
