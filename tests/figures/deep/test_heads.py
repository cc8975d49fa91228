"""The grids of heads, the learned combination and the layers: what is drawn, with many heads, NaN and odd names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments.deep.head_combination import RANKINGS
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.figures.deep import head_combination, heads, uniform_layers
from attn_interp.figures.draw.head_grid import short


def result_of(experiment: str, frame: pd.DataFrame, **settings: object) -> Result:
    return Result(experiment, frame, {"seed": 0, **settings}, {name: Column(name) for name in frame.columns})


def of_heads(layers: int, count: int, documents: int = 5, gradient: bool = True) -> Result:
    random = np.random.default_rng(0)
    rows = [
        {"document": f"d{d}", "site": f"encoder.{layer}", "layer": layer, "head": head}
        for d in range(documents)
        for layer in range(layers)
        for head in range(count)
    ]
    frame = pd.DataFrame(rows).assign(decision_flip=False, word_mass=1.0)
    frame["tau_leave_one_out"] = random.uniform(-1, 1, len(frame))
    frame["tau_gradient"] = random.uniform(-1, 1, len(frame)) if gradient else np.nan
    frame["js_ablated"] = random.beta(1, 30, len(frame))
    frame["js_difference"] = random.normal(0, 0.02, len(frame))
    frame.loc[0, "tau_leave_one_out"] = np.nan
    return result_of("heads", frame, documents=documents, taken_out="uniform")


def test_every_head_has_its_cell_with_number_and_interval() -> None:
    result = of_heads(2, 3)
    axes = result.plot()
    summary = result.summary().query("quantity == 'tau_leave_one_out'")
    assert len(axes.patches) == 6
    written = [text.get_text() for text in axes.texts]
    for row in summary.to_dict("records"):
        assert short(row["estimate"]) in written
        assert f"[{short(row['low'])}, {short(row['high'])}]" in written
    assert "n = 4 (1 undefined)" in axes.get_legend().get_title().get_text()
    drawn = heads.drawn(result)
    assert set(drawn.panel) == set(heads.PANELS)
    own = drawn[drawn.panel == "tau_leave_one_out"]
    assert np.allclose(own.x, summary["estimate"]) and np.allclose(own.low, summary["low"])
    with pytest.raises(ValueError, match="got panel='tau', expected one of js_ablated"):
        heads.plot(result, panel="tau")


def test_the_shade_is_on_the_range_of_the_measure() -> None:
    """Equal values have equal shades, whatever stands beside them."""
    one, other = of_heads(1, 2, 2), of_heads(1, 2, 2)
    for result, value in ((one, 0.5), (other, 1.0)):
        result.frame["tau_leave_one_out"] = [0.2, value, 0.2, value]
    faces = [result.plot().patches[0].get_facecolor() for result in (one, other)]
    assert faces[0] == faces[1]


def test_numbers_that_would_all_read_zero_are_in_a_unit_that_the_title_says() -> None:
    result = of_heads(1, 2, 3)
    result.frame["js_ablated"] = [1e-5, 4e-5] * 3
    axes = result.plot(panel="js_ablated")
    assert [text.get_text() for text in axes.texts] == ["1.0", "[1.0, 1.0]", "4.0", "[4.0, 4.0]"]
    assert "numbers in units of 1e-05" in axes.get_legend().get_title().get_text()


def test_numbers_of_which_most_would_read_zero_are_in_a_unit_too() -> None:
    result = of_heads(1, 2, 3)
    result.frame["js_ablated"] = [0.0002, 0.0034] * 3  # .000 and .003
    written = [text.get_text() for text in result.plot(panel="js_ablated").texts]
    assert written == [".2", "[.2, .2]", "3.4", "[3.4, 3.4]"]


def test_numbers_have_no_zero_before_their_decimals() -> None:
    assert [short(value) for value in (0.341, -0.07, -0.001, 1.0, -1.0, 0.999)] == [
        *(".34", "-.07", ".00", "1.00", "-1.00", "1.00")
    ]
    assert short(0.0123, 3) == ".012"


@pytest.mark.parametrize("size", [(1, 1), (2, 12)])
def test_the_page_holds_few_heads_and_many(size) -> None:
    page = heads.figure(of_heads(*size, documents=2))
    page.draw_without_rendering()
    assert sum(axes.axison for axes in page.axes) == 4
    assert "by layer" in heads.caption(of_heads(*size))


def test_a_page_without_gradients_leaves_their_grid_out() -> None:
    assert sum(axes.axison for axes in heads.figure(of_heads(1, 2, gradient=False)).axes) == 3


def test_a_head_without_values_is_said_to_have_none() -> None:
    result = of_heads(1, 2, documents=1)
    written = [text.get_text() for text in result.plot().texts]
    assert written[0] == "–"  # the only document has no tau with the first head
    assert len(written) == 2  # and one document has no interval


def test_the_combination_shows_every_ranking_and_coefficient() -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"document": np.repeat([f"d{d}" for d in range(6)], 7), "ranking": RANKINGS * 6})
    frame = frame.assign(tau=random.uniform(-0.2, 0.8, 42), top_k_overlap=0.5, gain=0.0)
    frame.loc[frame["ranking"] == "attention rollout", "tau"] = np.nan
    settings = {"held_out": 6, "fitted_on": 5, "best_head": "layer 0, head 1", "ridge_strength": 10.0}
    places = {"layers": [0, 0, 1], "heads": [0, 1, 0], "coefficients": [0.3, -0.1, 0.0]}
    result = result_of("head_combination", frame, **settings, **places)
    axes = result.plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == list(RANKINGS)
    assert "undefined" in [text.get_text() for text in axes.texts]
    assert axes.get_xlim() == pytest.approx((-1.02, 1.02))
    drawn = head_combination.drawn(result)
    assert drawn.loc[drawn.panel == "coefficients", "x"].tolist() == [0.3, -0.1, 0.0]
    head_combination.figure(result).draw_without_rendering()
    assert "layer 0, head 1" in head_combination.caption(result)


def test_layers_stand_in_the_order_of_the_choices() -> None:
    choices = {"none": [], "layer 0": ["a"], "a very long name of a choice of layers_$x$": ["a", "b"]}
    frame = pd.DataFrame({"document": ["d0", "d1"] * 3, "uniform": np.repeat(list(choices), 2)})
    frame = frame.assign(correct=[True, True, True, False, False, False], accuracy_lost=0.0, tvd=[0, 0, 0.1, 0.2, 1, 1])
    result = result_of(
        "uniform_layers", frame.assign(decision_flip=False), choices=choices, documents=2, retrained=False
    )
    axes = result.plot()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[:2] == ["none", "layer 0"] and names[2].endswith("…")
    drawn = uniform_layers.drawn(result)
    assert drawn.loc[drawn.panel == "accuracy", "x"].tolist() == [1.0, 0.5, 0.0]
    page = uniform_layers.figure(result)
    page.draw_without_rendering()
    assert [label.get_text() for label in page.axes[1].get_yticklabels()] == ["", "", ""]
    assert "nothing retrained" in uniform_layers.caption(result)
    again = replace(result, settings={**result.settings, "retrained": True})
    assert "in training too" in uniform_layers.caption(again)
