"""Statements tell rows of a summary: which, under what name, and what kind of number each is."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from attn_interp.experiments import experiment_of
from attn_interp.experiments.record.statement import stated


def summary(**rows: tuple[float, float, float]) -> pd.DataFrame:
    """quantity -> (estimate, low, high), over all documents."""
    table = pd.DataFrame([(name, *numbers) for name, numbers in rows.items()])
    table.columns = pd.Index(["quantity", "estimate", "low", "high"])
    return table.assign(grouping="all", group="all", statistic="mean", n=53, undefined=2)


def test_a_statement_names_its_row_and_keeps_its_numbers() -> None:
    rows = summary(median_tvd=(0.05, 0.04, 0.06), flip_share=(0.1, 0.0, 0.2))
    (row,) = stated(experiment_of("permutation"), rows, {}).to_dict("records")
    assert row == {
        "question": "Does it matter which word gets which weight?",
        "statistic": "mean of median TVD, permuted",
        "estimate": 0.05,
        "low": 0.04,
        "high": 0.06,
        "n": 53,
        "undefined": 2,
        "status": "sampled",
    }


def test_a_statement_is_filled_in_from_its_row_and_the_settings() -> None:
    rows = summary(jsd=(0.5, 0.4, 0.6), jsd_upper=(0.6, 0.5, 0.7)).assign(status="certified")
    table = stated(experiment_of("adversary"), rows, {"eps": 0.02})
    assert table["statistic"].tolist() == ["mean eps-max JSD, eps 0.02", "its proved upper bound"]
    assert table["status"].tolist() == ["certified", "certified"]
    curve = pd.concat([rows.assign(eps=eps, status="exact") for eps in (0.1, 0.2)])
    assert stated(experiment_of("adversary_curve"), curve, {})["statistic"].tolist() == [
        "mean eps-max JSD, eps 0.1",
        "mean eps-max JSD, eps 0.2",
    ]


def test_rows_come_in_the_order_of_the_statements_and_only_those_chosen() -> None:
    experiment = experiment_of("adversary")
    lower, upper = experiment.statements[:2]
    rows = summary(jsd_upper=(0.6, 0.5, 0.7), jsd=(0.5, 0.4, 0.6)).assign(status="certified")
    assert stated(experiment, rows, {"eps": 0.1})["estimate"].tolist() == [0.5, 0.6]
    assert stated(experiment, rows, {"eps": 0.1}, [upper, lower])["estimate"].tolist() == [0.6, 0.5]
    assert len(stated(experiment, rows, {"eps": 0.1}, [])) == 0


def test_without_statements_the_first_rows_over_all_documents_are_told() -> None:
    made_up = replace(experiment_of("permutation"), statements=())
    rows = pd.concat([summary(a=(1, 0, 2)), summary(b=(3, 2, 4)).assign(grouping="predicted")])
    table = stated(made_up, rows, {"status": "search"})
    assert table[["statistic", "estimate", "status"]].to_numpy().tolist() == [["a, mean", 1, "search"]]
    assert len(stated(made_up, pd.DataFrame({"x": [1]}), {})) == 0
