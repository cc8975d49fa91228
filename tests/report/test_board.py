"""The board: one row per question, its verdict and its interval on the range of the measure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments import experiment_of
from attn_interp.experiments.jain_wallace.agreement import GRADIENT, LEAVE_ONE_OUT, agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reach import reach
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.record import HALF_LN2, Column
from attn_interp.experiments.record.board import board
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.measures.divergence import LN2
from attn_interp.report.board import LEFT, WIDTH, models, rows
from attn_interp.report.html import render
from attn_interp.report.sentence import sentence
from attn_interp.studies.questions import put
from attn_interp.studies.tables import pooled_names


@pytest.fixture(scope="module")
def few(model, planted) -> Reading:
    return read(model, planted.test[:7], training=planted)


def found(*rows: dict[str, Any]) -> Any:
    """A result of the experiment adversary with these rows in its summary."""
    usual = {"grouping": "all", "group": "all", "statistic": "mean", "n": 53, "undefined": 2}
    columns = {name: Column("", "", 0, LN2) for name in ("jsd", "jsd_upper")}
    summary = pd.DataFrame([usual | row for row in rows])
    return SimpleNamespace(
        experiment="adversary", settings={"eps": 0.05}, columns=columns, summary=lambda: summary.copy()
    )


def test_a_row_has_what_the_record_says_of_range_and_threshold() -> None:
    (row,) = board(found({"quantity": "jsd", "status": "exact", "estimate": 0.5, "low": 0.4, "high": 0.6}))
    assert (row.question, row.status, row.n, row.undefined) == (
        experiment_of("adversary").card.question,
        "exact",
        53,
        2,
    )
    assert (row.threshold, row.ends, row.held) == (HALF_LN2, (0, LN2), ())
    assert row.verdicts == ("quite another attention gives the same output",)
    assert row.statistic == "mean eps-max JSD, eps 0.05"


def test_an_optimum_between_two_ends_is_one_row_and_other_kinds_are_rows_of_their_own() -> None:
    table = found(
        {"quantity": "jsd", "status": "certified", "estimate": 0.3, "low": 0.2, "high": 0.4},
        {"quantity": "jsd_upper", "status": "certified", "estimate": 0.4, "low": 0.33, "high": 0.5},
        {"quantity": "jsd", "status": "search", "estimate": 0.2, "low": 0.1, "high": 0.3},
    )
    certified, search = board(table)
    assert [each[:3] for each in certified.estimates] == [(0.3, 0.2, 0.4), (0.4, 0.33, 0.5)]
    assert (certified.verdicts, search.verdicts, search.status) == (("not decided",), ("not decided",), "search")


def test_a_bar_is_drawn_on_the_range_with_its_numbers_as_text() -> None:
    rows_of_board = rows(
        {
            "one": {
                "adversary": found({"quantity": "jsd", "status": "exact", "estimate": LN2 / 4, "low": 0.0, "high": LN2})
            }
        }
    )
    (bar,) = rows_of_board[0]["bars"]
    drawn = bar["bar"]
    assert drawn["estimates"] == [{"at": LEFT + WIDTH / 4, "low": LEFT, "high": LEFT + WIDTH}]
    assert drawn["threshold"] == pytest.approx(LEFT + WIDTH / 2, abs=0.1)
    assert (drawn["low"], drawn["high"], drawn["zero"]) == ("0", "0.693", None)
    assert bar["about"] == (
        "mean eps-max JSD, eps 0.05: 0.173 [0.000, 0.693]; threshold 0.347; range 0 to 0.693; not decided"
    )
    html = render("board.html", {"board": rows_of_board})
    assert html.count(f'aria-label="{bar["about"]}"') == html.count(f"<title>{bar['about']}</title>") == 1


def test_a_number_without_an_interval_or_a_value_is_drawn_as_far_as_it_goes() -> None:
    for estimate, low in ((0.3, np.nan), (np.nan, np.nan)):
        table = found({"quantity": "jsd", "status": "exact", "estimate": estimate, "low": low, "high": low})
        told = rows({"one": {"adversary": table}})
        html = render("board.html", {"board": told})
        assert "nan" not in html and 'class="interval"' not in html
        assert html.count("<circle") == (not np.isnan(estimate))
        assert "not decided" in html


def test_attention_is_drawn_beside_the_ceiling(reading) -> None:
    result = agreement(reading.only(reading.documents[:19]), methods=[GRADIENT, LEAVE_ONE_OUT])
    told = board(result)
    assert [row.question.split(" as ")[1] for row in told] == ["gradients do?", "leave-one-out does?"]
    summary = result.summary().query("quantity == 'tau' and statistic == 'mean' and grouping == 'all'")
    taus = summary.set_index(["first", "second"])["estimate"]
    for row, other in zip(told, (GRADIENT, LEAVE_ONE_OUT)):
        assert row.estimates[0].estimate == taus["attention", other]
        assert [each.estimate for each in row.held] == [taus[GRADIENT, LEAVE_ONE_OUT]]
        assert row.ends == (-1, 1) and row.threshold is None
    assert [text for row in told for text in row.verdicts] == result.verdict()
    both = over_seeds({0: result, 1: result})
    assert [len(row.held) for row in board(both)] == [1, 1]
    assert all(len(row.verdicts) == 1 for row in board(both))
    assert "agree with each other" in sentence({"agreement": both})


def test_models_that_differ_in_the_seed_are_one_row_over_seeds(reading) -> None:
    few = reading.only(reading.documents[:19])
    made = (permutation(few, draws=5), reach(few))

    def run(name: str, seed: int, **labels: str) -> Any:
        told = [SimpleNamespace(experiment=each.experiment, result=each, variant="") for each in made]
        settings = {"labels": labels, "seed": seed} if labels else {}
        return SimpleNamespace(name=name, settings=settings, found=told)

    pooled = models([run("lstm, seed 0", 0, encoder="lstm"), run("lstm, seed 1", 1, encoder="lstm")])
    assert list(pooled) == ["lstm, 2 seeds"]
    assert list(rows(pooled)[0]["bars"][0]) and rows(pooled)[0]["bars"][0]["n"] == "19"
    assert list(models([run("a", 0, encoder="lstm"), run("b", 0, encoder="cnn")])) == ["a", "b"]
    assert list(models([run("a", 0, encoder="lstm"), run("b", 0, encoder="lstm")])) == ["a", "b"]
    assert list(models([run("x", 0), run("y", 0)])) == ["x", "y"]
    assert len(rows(models([run("x", 0), run("y", 0)]))[0]["bars"]) == 2


@pytest.mark.parametrize("name", pooled_names())
def test_every_experiment_over_seeds_has_its_rows_and_a_sentence(few, of_pairs, name: str) -> None:
    result = put(experiment_of(name), of_pairs if name == "other_question" else few, {})
    both = {name: over_seeds({0: result, 1: result})}
    for results in ({name: result}, both):
        told = rows({"one": results})
        assert told and all(bar["number"] and bar["n"] for row in told for bar in row["bars"])
        assert "nan" not in sentence(results)
        assert render("board.html", {"board": told}).count("<tr") == 1 + sum(len(row["bars"]) for row in told)
