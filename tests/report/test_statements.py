from __future__ import annotations

import pandas as pd
import pytest
from attn_interp.report.cards import CARDS, Rule
from attn_interp.report.statements import COLUMNS, STATEMENTS, statements
from attn_interp.report.verdicts import verdicts

from attn_interp.studies.planted.claims import CLAIMS


def summary(**rows: tuple[float, float, float]) -> pd.DataFrame:
    """quantity -> (estimate, low, high), over all documents."""
    table = pd.DataFrame([(name, *numbers) for name, numbers in rows.items()])
    table.columns = pd.Index(["quantity", "estimate", "low", "high"])
    return table.assign(grouping="all", group="all", statistic="mean", n=53, undefined=2)


def told(**rows: tuple[float, float, float]) -> pd.DataFrame:
    """statistic -> (estimate, low, high), as `statements` gives them."""
    table = pd.DataFrame([("", name, *numbers, 53, 0, "exact", True) for name, numbers in rows.items()])
    return table.set_axis(list(COLUMNS), axis=1)


def test_a_statement_names_its_row_and_keeps_its_numbers() -> None:
    table = statements("permutation", summary(median_tvd=(0.05, 0.04, 0.06), flip_share=(0.1, 0.0, 0.2)), {})
    (row,) = table.to_dict("records")
    assert row == {
        "question": "Does it matter which word gets the weight?",
        "statistic": "mean of median TVD, permuted",
        "estimate": 0.05,
        "low": 0.04,
        "high": 0.06,
        "n": 53,
        "undefined": 2,
        "status": "sampled",
        "overview": True,
    }


def test_a_statement_is_filled_in_from_its_row_and_the_settings() -> None:
    rows = summary(jsd=(0.5, 0.4, 0.6), jsd_upper=(0.6, 0.5, 0.7)).assign(status="certified")
    table = statements("adversary", rows, {"eps": 0.02})
    assert table["statistic"].tolist() == ["mean eps-max JSD, eps 0.02", "its proved upper bound"]
    assert table["status"].tolist() == ["certified", "certified"]
    curve = pd.concat([rows.assign(eps=eps, status="exact") for eps in (0.1, 0.2)])
    assert statements("adversary_curve", curve, {})["statistic"].tolist() == [
        "mean eps-max JSD, eps 0.1",
        "mean eps-max JSD, eps 0.2",
    ]


def test_an_unknown_experiment_is_told_by_its_first_rows_over_all_documents() -> None:
    rows = pd.concat([summary(a=(1, 0, 2)), summary(b=(3, 2, 4)).assign(grouping="predicted")])
    table = statements("made_up", rows, {"status": "search"})
    assert table[["statistic", "estimate", "status"]].to_numpy().tolist() == [["a, mean", 1, "search"]]
    assert len(statements("made_up", pd.DataFrame({"x": [1]}), {})) == 0


def test_a_verdict_needs_a_whole_interval_on_one_side() -> None:
    card = CARDS["permutation"]
    name = "mean of median TVD, permuted"
    assert verdicts(card, told(**{name: (0.2, 0.11, 0.3)})) == ["it matters which word gets which weight (above 0.1)"]
    assert verdicts(card, told(**{name: (0.05, 0.0, 0.09)})) == [
        "it hardly matters which word gets which weight (below 0.1)"
    ]
    for numbers in ((0.2, 0.1, 0.3), (0.05, 0.0, 0.1), (0.3, float("nan"), float("nan"))):
        assert verdicts(card, told(**{name: numbers})) == []


def test_a_model_is_held_against_the_interval_of_its_baselines() -> None:
    numbers = {"accuracy": (0.8, 0.75, 0.85), "accuracy, majority class": (0.5, 0.45, 0.55)}
    close = told(**numbers, **{"accuracy, bag of words": (0.78, 0.73, 0.83)})
    assert verdicts(CARDS["quality"], close) == ["better than the majority class", "not told apart from a bag of words"]
    worse = told(**numbers, **{"accuracy, bag of words": (0.9, 0.86, 0.95)})
    assert verdicts(CARDS["quality"], worse) == ["better than the majority class", "worse than a bag of words"]


def test_a_search_and_a_value_that_is_only_attained_prove_no_absence() -> None:
    low = told(**{"mean eps-max JSD, eps 0.01": (0.1, 0.05, 0.15)})
    assert verdicts(CARDS["adversary"], low) == ["no attention is quite another at this output"]
    for status in ("search", "certified"):
        assert verdicts(CARDS["adversary"], low.assign(status=status)) == []
    bounded = told(**{"mean eps-max JSD, eps 0.01": (0.1, 0.05, 0.15), "its proved upper bound": (0.2, 0.1, 0.3)})
    assert verdicts(CARDS["adversary"], bounded.assign(status="certified")) == [
        "no attention is quite another at this output"
    ]


@pytest.mark.parametrize("experiment", ["permutation", "adversary", "reach", "erasure", "single_erasure", "seeds"])
def test_thresholds_are_those_whose_power_is_measured(experiment: str) -> None:
    known = {(claim.measure, claim.threshold) for claim in CLAIMS}
    measures = {
        "permutation": "mean of median TVD, permuted",
        "adversary": "mean eps-max JSD, eps 0.01",
        "reach": "share unflippable",
        "erasure": "fraction erased, random - attention",
        "single_erasure": "mean difference of JS divergences",
        "seeds": "mean JSD between two seeds",
    }
    assert {(measures[experiment], rule.against) for rule in CARDS[experiment].rules} <= known


def test_every_rule_and_card_belongs_to_a_statement() -> None:
    assert set(CARDS) == set(STATEMENTS)
    for name, card in CARDS.items():
        for rule in card.rules:
            assert any(_begins(each.statistic, rule) for each in STATEMENTS[name]), (name, rule)
        assert all((card.title, card.claim, card.assumption, card.means, card.means_not))


def _begins(statistic: str, rule: Rule) -> bool:
    return statistic.startswith(rule.statistic)
