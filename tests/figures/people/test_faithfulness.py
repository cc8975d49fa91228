from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attn_interp.experiments.people.faithfulness import BOUNDS, COLUMNS, MEASURES, PERCENT
from attn_interp.experiments.result import Result
from attn_interp.figures.draw import style
from attn_interp.figures.people import faithfulness as figures

COUNT = 23
METHODS = ("attention", "gradient x input", "leave-one-out", "human rationale", "random", "optimum")


def made_up(methods: tuple[str, ...] = METHODS, count: int = COUNT) -> Result:
    """Two documents have no comprehensiveness; the optimum loses most."""
    random = np.random.default_rng(0)
    about = pd.DataFrame(
        {
            "document": [f"d{index}" for index in range(count)],
            "label": random.choice(["negative", "positive"], count),
            "predicted": random.choice(["negative", "positive"], count),
            "words": random.integers(5, 40, count),
            "max_attention": random.uniform(0.05, 0.7, count),
            "outside": 0.0,
        }
    )
    frames = []
    for place, method in enumerate(methods):
        for percent in PERCENT:
            loss = random.uniform(0, 0.05 * (1 + place) + percent / 300, count)
            loss[:2] = np.nan
            values = {**dict.fromkeys((*MEASURES, *BOUNDS), loss), "sufficiency": random.uniform(-0.1, 0.4, count)}
            frames.append(about.assign(method=method, size=f"{percent} %", first=1.0, reason="", **values))
    frame = pd.concat(frames, ignore_index=True)[list(COLUMNS)]
    settings = {
        "seed": 0,
        "percent": list(PERCENT),
        "erasure": "the words are taken out",
        "rounding": "rounded up",
        "draws": 10,
        "optimum": "exact",
    }
    return Result("faithfulness", frame, settings, COLUMNS)


@pytest.fixture(scope="module")
def result() -> Result:
    return made_up()


@pytest.fixture(scope="module")
def rows(result: Result) -> pd.DataFrame:
    return figures.drawn(result)


def test_drawn_is_the_summary(result: Result, rows: pd.DataFrame) -> None:
    table = result.summary().query("grouping == 'all'").set_index(["quantity", "method", "size"])
    for row in rows.to_dict("records"):
        measure, size = row["panel"].removesuffix(" curve"), row["group"] or "AOPC"
        expected = table.loc[(measure, row["series"], size)]
        assert (row["x"] if row["mark"] == "estimate" else row["y"]) == expected["estimate"]
        assert (row["low"], row["high"], row["n"]) == (expected["low"], expected["high"], expected["n"])
    assert len(rows) == 2 * 6 * 6
    own = result.frame[(result.frame["method"] == "attention") & (result.frame["size"] == "5 %")]
    found = rows[(rows.panel == "sufficiency curve") & (rows.series == "attention") & (rows.group == "5 %")]
    assert found["y"].iloc[0] == pytest.approx(own["sufficiency"].mean())


def test_the_artists_show_the_drawn_frame(result: Result, rows: pd.DataFrame) -> None:
    axes = figures.curves(result)
    own = rows[rows.panel == "comprehensiveness curve"]
    lines = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert list(lines) == list(METHODS)
    for name, line in lines.items():
        np.testing.assert_array_equal(line.get_ydata(), own[own.series == name].y)
        assert np.abs(line.get_xdata() - own[own.series == name].x).max() < 0.3
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1 %", "5 %", "10 %", "20 %", "50 %"]
    points = [line.get_xdata()[0] for line in figures.plot(result).lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(points, rows[rows.panel == "comprehensiveness"].x)


def test_both_measures_have_one_scale_that_holds_every_interval(result: Result, rows: pd.DataFrame) -> None:
    page = figures.figure(result)
    left, right = page.subfigs[0].axes
    assert left.get_ylim() == right.get_ylim() == page.subfigs[1].axes[0].get_xlim()
    low, high = left.get_ylim()
    assert high in (0.25, 0.5, 1.0)
    assert low < rows["low"].min() and rows["high"].max() <= high


def test_n_and_what_is_undefined_are_said(result: Result) -> None:
    legend = figures.plot(result).get_legend()
    assert legend is not None and "n = 21 documents (2 undefined)" in legend.get_title().get_text()
    assert "n = 23 documents" in figures.curves(result, measure="sufficiency").get_legend().get_title().get_text()
    assert "n = 23 documents" in figures.caption(result) and "Optimum: exact" in figures.caption(result)
    assert "not plausibility" in figures.caption(result)


def test_random_and_optimum_come_last_and_looks_differ() -> None:
    names = ("random", "optimum", "attention", *(f"method {index} $x_1$ with a very long name" for index in range(9)))
    result = made_up(names, 5)
    series = figures.drawn(result)["series"].unique().tolist()
    assert series == [*names[2:], "random", "optimum"]
    assert len({str(figures._look(name, series)) for name in series}) == len(series)
    figures.figure(result).draw_without_rendering()
    labels = [text.get_text() for text in figures.plot(result).get_yticklabels()]
    assert max(map(len, labels)) <= 27


@pytest.mark.parametrize("fixed", [("attention",), ("attention", "leave-one-out"), ("leave-one-out", "attention")])
def test_no_method_has_the_colour_of_one_whose_role_is_fixed(fixed: tuple[str, ...]) -> None:
    names = [*fixed[:1], "gradient x input", *fixed[1:], *(f"method {index}" for index in range(11)), "human rationale"]
    looks = {name: figures._look(name, names) for name in names}
    assert len({str(look) for look in looks.values()}) == len(names)
    others = {looks[name][0] for name in names if name not in fixed}
    assert not others & {style.ORDERINGS[name][0] for name in fixed}


def test_one_document_that_is_undefined_is_drawn() -> None:
    result = made_up(count=1)
    figures.figure(result).draw_without_rendering()
    assert {text.get_text() for text in figures.plot(result).texts} == {"undefined"}


def test_the_given_axes_are_drawn_on_and_returned(result: Result) -> None:
    axes = Figure().subplots()
    assert figures.plot(result, axes) is axes
    assert figures.curves(result, axes) is axes
    assert result.plot(axes) is axes
    assert figures.plot(result).figure.get_size_inches()[0] == style.DOUBLE


def test_unknown_measures_and_empty_frames_are_refused(result: Result) -> None:
    with pytest.raises(ValueError, match="no measure 'faith'; choose from comprehensiveness, sufficiency"):
        figures.plot(result, measure="faith")
    with pytest.raises(ValueError, match="no rows"):
        figures.plot(Result("faithfulness", result.frame.iloc[:0], result.settings, COLUMNS))
