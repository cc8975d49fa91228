"""The sentence says what the intervals decide, on made-up summaries and where the truth is planted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import ATTENTION, GRADIENT, LEAVE_ONE_OUT, MINUS_CEILING
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.quality import MAJORITY, MODEL
from attn_interp.experiments.reach import reach
from attn_interp.report.sentence import halves, sentence
from attn_interp.studies.planted.situations import SITUATIONS, Case, Sizes

IS_NOT = "attention is not an explanation of single decisions"
NOTHING = "nothing that was asked speaks against attention as an explanation of single decisions"
OPEN = "it is not decided whether attention explains single decisions"
NOT_ASKED = "it was not asked whether attention explains single decisions"


def made_up(experiment: str, *rows: tuple[float, float, dict[str, str]]) -> Any:
    """A result whose summary has these intervals."""
    usual = {"grouping": "all", "group": "all", "statistic": "mean", "n": 53, "undefined": 0}
    summary = [{**usual, "estimate": (low + high) / 2, "low": low, "high": high, **where} for low, high, where in rows]
    return SimpleNamespace(experiment=experiment, settings={"eps": 0.01}, summary=lambda: pd.DataFrame(summary))


def adversary_of(low: float, high: float, status: str = "exact") -> Any:
    return made_up("adversary", (low, high, {"quantity": "jsd", "status": status}))


def permutation_of(low: float, high: float) -> Any:
    return made_up("permutation", (low, high, {"quantity": "median_tvd"}))


def reach_of(low: float, high: float) -> Any:
    return made_up("reach", (low, high, {"quantity": "unflippable", "statistic": "share"}))


@pytest.mark.parametrize(
    ("jsd", "tvd", "powerless", "head"),
    [
        ((0.1, 0.2), (0.2, 0.3), (0.1, 0.2), NOTHING),
        ((0.1, 0.2), (0.2, 0.3), None, NOTHING),
        ((0.4, 0.5), (0.2, 0.3), (0.1, 0.2), IS_NOT),
        ((0.1, 0.2), (0.02, 0.03), (0.1, 0.2), IS_NOT),
        ((0.1, 0.2), (0.2, 0.3), (0.8, 0.9), IS_NOT),
        ((0.3, 0.4), (0.02, 0.03), (0.1, 0.2), IS_NOT),
        ((0.3, 0.4), (0.2, 0.3), (0.1, 0.2), OPEN),
        ((0.1, 0.2), (0.05, 0.15), (0.1, 0.2), OPEN),
        ((0.1, 0.2), (0.2, 0.3), (0.7, 0.8), OPEN),
        ((0.1, 0.2), None, (0.1, 0.2), OPEN),
        ((np.nan, np.nan), (0.2, 0.3), None, OPEN),
        (None, None, None, None),
    ],
)
def test_the_head_follows_from_three_verdicts(jsd, tvd, powerless, head) -> None:
    made = {"adversary": (adversary_of, jsd), "permutation": (permutation_of, tvd), "reach": (reach_of, powerless)}
    results = {name: make(*ends) for name, (make, ends) in made.items() if ends is not None}
    found = sentence(results)
    assert found.startswith(f"For this model {head}: ") if head else found == ""
    assert (
        found.count(": ") - bool(head)
        == len(results)
        == found.count("[") + found.count("mean eps-max JSD, eps 0.01: –")
    )


@pytest.mark.parametrize(
    ("result", "clause"),
    [
        (adversary_of(0.4, 0.5), "quite another attention gives the same output (mean eps-max JSD, eps 0.01: 0.450 ["),
        (adversary_of(0.1, 0.2), "no attention that is quite another gives it (mean eps-max JSD, eps 0.01: 0.150 ["),
        (adversary_of(0.3, 0.4), "whether quite another attention gives the same output is not decided (mean eps-max"),
        (adversary_of(0.1, 0.2, "search"), "whether quite another attention gives the same output is not decided ("),
        (permutation_of(0.11, 0.3), "it matters which word gets which weight (mean of median TVD, permuted: 0.205 ["),
        (permutation_of(0.01, 0.09), "it hardly matters which word gets which weight (mean of"),
        (permutation_of(0.1, 0.3), "whether it matters which word gets which weight is not decided (mean of"),
        (reach_of(0.8, 0.9), "no attention changes most decisions (decisions that no attention can change: 0.850 ["),
        (reach_of(0.1, 0.7), "attention has a say in more than a quarter of the decisions (decisions that"),
        (reach_of(0.7, 0.8), "whether no attention changes most decisions is not decided (decisions that"),
        (
            made_up("erasure", (0.06, 0.1, {"quantity": "minus_attention", "ordering": "random"})),
            "erasing the words by attention changes decisions sooner than at random (fraction erased, random",
        ),
        (
            made_up("single_erasure", (0.0, 0.01, {"quantity": "js_difference"})),
            "the most attended word moves the output hardly more than another (mean difference of JS div",
        ),
        (
            made_up("seeds", (0.1, 0.2, {"quantity": "jsd"})),
            "attention changes with the seed of training (mean JSD between two seeds: 0.150 [0.100, 0.200])",
        ),
        (
            made_up("plausibility", (0.7, 0.9, {"quantity": "auroc", "scorer": "attention"})),
            "it marks the words that people marked better than chance, which is plausible and not yet faithful (AUR",
        ),
        (
            made_up("plausibility", (0.4, 0.6, {"quantity": "auroc", "scorer": "attention"})),
            "whether it marks the words that people marked better than chance is not decided (AUROC 0.5",
        ),
    ],
)
def test_each_clause_is_on_its_side_of_the_threshold(result, clause: str) -> None:
    found = halves(sentence({result.experiment: result}))[1].strip()
    assert found.startswith(clause)
    assert "attention is not" not in found


def taus(with_gradient: float, with_leave_one_out: float, minus: tuple[float, float]) -> Any:
    """Attention's tau with each of the two, .1 wide, a ceiling of .5, and attention minus the ceiling."""
    pairs = [(ATTENTION, GRADIENT, with_gradient), (ATTENTION, LEAVE_ONE_OUT, with_leave_one_out)]
    pairs += [
        (GRADIENT, LEAVE_ONE_OUT, 0.5),
        (MINUS_CEILING, GRADIENT, minus[0]),
        (MINUS_CEILING, LEAVE_ONE_OUT, minus[1]),
    ]
    rows = [(t - 0.05, t + 0.05, {"quantity": "tau", "first": first, "second": second}) for first, second, t in pairs]
    return made_up("agreement", *rows)


def test_a_ranking_is_held_against_chance_and_against_the_ceiling() -> None:
    two = "gradients and leave-one-out agree with each other (0.500 [0.450, 0.550])"
    found = sentence({"agreement": taus(0.3, 0.2, (-0.2, -0.3))})
    assert found == (
        f"For this model {NOT_ASKED}: it ranks the words better than chance (tau 0.300 [0.250, 0.350] with gradient x "
        f"input, 0.200 [0.150, 0.250] with leave-one-out) and less well than {two}."
    )
    found = sentence({"agreement": taus(0.0, -0.2, (0.0, 0.3))})
    assert "whether it ranks the words better than chance is not decided (tau 0.000 [−0.050, 0.050] with grad" in found
    assert f") and whether as well as {two} is not decided; it ranks the words worse than chance (tau −0.200" in found
    assert found.endswith(f"and better than {two}.")


@pytest.mark.parametrize(("low", "said"), [(0.1, False), (-0.1, True)])
def test_a_model_that_does_not_classify_has_little_to_explain(low: float, said: bool) -> None:
    quality = made_up("quality", (low, 0.3, {"quantity": "accuracy", "predictor": f"{MODEL} - {MAJORITY}"}))
    found = sentence({"quality": quality, "permutation": permutation_of(0.2, 0.3)})
    assert found.startswith("There is little to explain: the model is not shown to be better than the") == said
    assert halves(found)[0].endswith(f"For this model {OPEN}:")


@pytest.mark.parametrize(
    ("situation", "head", "clauses"),
    [
        ("everywhere", IS_NOT, ("quite another attention gives", "it hardly matters", "no attention changes most")),
        ("ornament", IS_NOT, ("it hardly matters which word", "no attention changes most")),
        (
            "three words",
            NOTHING,
            ("no attention that is quite another", "it matters which word", "attention has a say"),
        ),
    ],
)
def test_planted_truth_is_told(situation: str, head: str, clauses: tuple[str, ...]) -> None:
    case = Case(SITUATIONS[situation], Sizes(train=160, documents=60), 0)
    results = {each.experiment: each for each in (f(case.reading) for f in (adversary, permutation, reach))}
    found = sentence(results)
    assert found.startswith(f"For this model {head}: "), found
    for clause in clauses:
        assert clause in found
