"""Rules decide by whole intervals, and by paired differences where both sides were measured on the same documents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments import experiment_of
from attn_interp.experiments.jain_wallace.agreement import ATTENTION, GRADIENT, LEAVE_ONE_OUT, agreement
from attn_interp.experiments.quality import ACCURACY, BAG_OF_WORDS, MAJORITY, MODEL
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.record.rule import UNDECIDED, verdicts
from attn_interp.experiments.result import Result
from attn_interp.experiments.why.mixing import GAIN
from attn_interp.studies.planted.claims import CLAIMS


def told(experiment: str, low: float, high: float, **where: str) -> list[str]:
    """The verdicts where the one row of the summary has this interval."""
    row = {"grouping": "all", "group": "all", "statistic": "mean", "estimate": (low + high) / 2, "n": 53, **where}
    return verdicts(experiment_of(experiment), pd.DataFrame([{**row, "low": low, "high": high}]))


def test_a_verdict_needs_a_whole_interval_on_one_side() -> None:
    where = {"quantity": "median_tvd"}
    assert told("permutation", 0.11, 0.3, **where) == ["it matters which word gets which weight (above 0.1)"]
    assert told("permutation", 0.0, 0.09, **where) == ["it hardly matters which word gets which weight (below 0.1)"]
    for low, high in ((0.1, 0.3), (0.0, 0.1), (np.nan, np.nan)):
        assert told("permutation", low, high, **where) == [UNDECIDED]


def test_a_search_and_a_value_that_is_only_attained_prove_no_absence() -> None:
    none = "no attention is quite another at this output"
    assert told("adversary", 0.05, 0.15, quantity="jsd", status="exact") == [none]
    for status in ("search", "certified"):
        assert told("adversary", 0.05, 0.15, quantity="jsd", status=status) == [UNDECIDED]
        assert told("adversary", 0.4, 0.5, quantity="jsd", status=status) == [
            "quite another attention gives the same output"
        ]
    assert told("adversary", 0.1, 0.3, quantity="jsd_upper", status="certified") == [none]
    assert told("adversary", 0.4, 0.5, quantity="jsd_upper", status="certified") == [UNDECIDED]


def test_without_rules_there_is_no_verdict() -> None:
    assert told("plausibility", 0.4, 0.5, quantity="auroc") == []


MEASURES = {
    "permutation": "mean of median TVD, permuted",
    "adversary": "mean eps-max JSD, eps 0.01",
    "reach": "share unflippable",
    "erasure": "fraction erased, random - attention",
    "single_erasure": "mean difference of JS divergences",
    "seeds": "mean JSD between two seeds",
    "polarity": "mean weight whose votes are for the rival",
    "conicity": "minus Spearman's rho, conicity with TVD",
    "mixing": "mean own share of a state",
    "roar": "area, random - attention removed",
}


@pytest.mark.parametrize("experiment", MEASURES)
def test_thresholds_are_those_whose_power_is_measured(experiment: str) -> None:
    """But for what pushing back gains, of which no truth is known by construction."""
    known = {(claim.measure, claim.threshold) for claim in CLAIMS}
    rules = [rule for rule in experiment_of(experiment).rules if rule.statement is not GAIN]
    assert {(MEASURES[experiment], rule.threshold) for rule in rules} <= known


def predicted(right: dict[str, np.ndarray]) -> Result:
    """Predictor -> whether it is right in each document."""
    frames = []
    for predictor, correct in right.items():
        label = np.where(np.arange(len(correct)) % 2, "good", "bad")
        guessed = np.where(correct, label, np.where(label == "good", "bad", "good"))
        about = {"document": [f"d{index}" for index in range(len(correct))], "predictor": predictor, "label": label}
        good = np.where(guessed == "good", 0.9, 0.1)
        scores = {"predicted": guessed, "correct": correct, "probability bad": 1 - good, "probability good": good}
        frames.append(pd.DataFrame({**about, **scores}))
    frame = pd.concat(frames, ignore_index=True)
    return Result("quality", frame, {"classes": ["bad", "good"], "seed": 0}, {name: Column(name) for name in frame})


def test_predictors_are_told_apart_by_the_documents_that_only_one_of_them_decides_rightly() -> None:
    """Of 200 documents one is right in 160, the other in 150 of these: the intervals of the two overlap widely."""
    place = np.arange(200) * 7 % 200
    more, fewer, half = place < 160, place < 150, place < 100
    better = predicted({MODEL: more, BAG_OF_WORDS: fewer, MAJORITY: half})
    table = better.summary().set_index(["predictor", "quantity"])
    assert table.loc[(MODEL, ACCURACY), "low"] < table.loc[(BAG_OF_WORDS, ACCURACY), "estimate"]
    assert table.loc[(BAG_OF_WORDS, ACCURACY), "high"] > table.loc[(MODEL, ACCURACY), "estimate"]
    paired = table.loc[(f"{MODEL} - {BAG_OF_WORDS}", ACCURACY)]
    assert paired["estimate"] == pytest.approx(0.05) and 0 < paired["low"] < 0.05 < paired["high"] < 0.1
    assert better.verdict() == ["better than the majority class", "better than a bag of words"]
    worse = predicted({MODEL: fewer, BAG_OF_WORDS: more, MAJORITY: fewer})
    assert worse.verdict() == ["not told apart from the majority class", "worse than a bag of words"]
    other = (np.arange(200) * 11 + 3) % 200 < 150  # right as often, in other documents
    assert predicted({MODEL: more, BAG_OF_WORDS: other, MAJORITY: half}).verdict()[1] == (
        "not told apart from a bag of words"
    )


@pytest.mark.parametrize(("step", "said"), [(0.05, "above"), (-0.05, "below")])
def test_attention_is_held_against_the_ceiling_in_each_document(reading, step: float, said: str) -> None:
    """Everywhere a little above, or below, a ceiling that differs much between documents."""
    found = agreement(reading, methods=[GRADIENT, LEAVE_ONE_OUT])
    frame = found.frame.copy()
    ceiling = pd.Series(np.linspace(-0.6, 0.9, len(reading)), [document.id for document in reading.documents])
    moved = np.where(frame["second"] == GRADIENT, step, 0.0) * (frame["first"] == ATTENTION)
    frame["tau"] = frame["document"].map(ceiling) + moved
    result = Result("agreement", frame, found.settings, found.columns)
    rows = result.summary().query("grouping == 'all' and quantity == 'tau' and statistic == 'mean'")
    rows = rows.set_index(["first", "second"])
    own, other = rows.loc[(ATTENTION, GRADIENT)], rows.loc[(GRADIENT, LEAVE_ONE_OUT)]
    assert max(own["low"], other["low"]) < min(own["high"], other["high"])
    assert result.verdict() == [
        f"{said} the ceiling with gradients",
        "not told apart from the ceiling with leave-one-out",
    ]
