"""The table holds the summaries' own numbers, and the correlations are over methods on common documents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attn_interp.experiments.people.faithfulness import ATTENTION, HUMAN, RANDOM, faithfulness, per_document
from attn_interp.experiments.reading import read
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result
from attn_interp.report.tables.people import COMPREHENSIVE, PLAUSIBLE, SUFFICIENT, correlations, side_by_side
from attn_interp.report.tables.wide import readable
from attn_interp.statistics.bootstrap import summarise

SCORERS = {ATTENTION: 0.3, "leave-one-out": 0.9, "gradient x input": 0.6, RANDOM: 0.2, "another person": 0.95}


@pytest.fixture(scope="module")
def faithful(model, planted) -> Result:
    return faithfulness(read(model, planted.test[:12]), methods=["gradient x input", "gradient x input (detached)"])


@pytest.fixture(scope="module")
def plausible(planted) -> Result:
    """Two annotators; the measure of each scorer is known up to noise."""
    random = np.random.default_rng(0)
    rows = [
        (document.id, scorer, annotator, mean + random.normal(0, 0.05))
        for document in planted.test[3:12]
        for scorer, mean in {**SCORERS, "gradient x input (detached)": 0.7}.items()
        for annotator in (0, 1)
    ]
    frame = pd.DataFrame(rows, columns=["document", "scorer", "annotator", "average_precision"])
    return Result("plausibility", frame, {"seed": 0}, {name: Column(name) for name in frame})


def summary_of(plausible: Result) -> pd.DataFrame:
    frame = plausible.frame.groupby(["document", "scorer"])["average_precision"].mean().reset_index()
    return summarise(frame, ["scorer"], ["average_precision"]).assign(grouping="all", group="all")


def test_every_method_stands_with_its_own_numbers(plausible: Result, faithful: Result) -> None:
    one, two = summary_of(plausible), faithful.summary()
    table = side_by_side(one, two).set_index("method")
    areas = two.query("grouping == 'all' and size == 'AOPC'").set_index(["method", "quantity"])
    for name in (ATTENTION, "gradient x input", RANDOM):
        expected = one.set_index("scorer").loc[name]
        assert table.loc[name, "plausibility"] == expected["estimate"]
        assert table.loc[name, "plausibility high"] == expected["high"]
        assert table.loc[name, "sufficiency low"] == areas.loc[(name, "sufficiency"), "low"]
        assert table.loc[name, "comprehensiveness n"] == 12 and table.loc[name, "plausibility n"] == 9
    explained = list(table.index[:3])
    assert set(explained) == {ATTENTION, "gradient x input", "gradient x input (detached)"}
    assert table.loc[explained, "comprehensiveness"].is_monotonic_decreasing
    assert list(table.index[3:5]) == [HUMAN, RANDOM]
    assert np.isnan(table.loc["another person", "comprehensiveness"])
    assert table.loc["another person", "comprehensiveness n"] == 0
    assert np.isnan(table.loc[HUMAN, "plausibility"])
    assert {PLAUSIBLE, COMPREHENSIVE, SUFFICIENT} <= set(table.columns)
    assert "plausibility low" not in readable(table.reset_index()).columns


def test_correlations_are_over_methods_on_the_common_documents(plausible: Result, faithful: Result) -> None:
    table = correlations(plausible, faithful)
    assert table["faithfulness"].tolist() == ["comprehensiveness", "minus sufficiency"]
    assert (table["methods"] == 3).all() and (table["documents"] == 9).all() and (table["left_out"] == 3).all()
    names = [ATTENTION, "gradient x input", "gradient x input (detached)"]
    areas = per_document(faithful).query("size == 'AOPC'")
    areas = areas[areas["document"].isin(plausible.frame["document"])]
    marked = plausible.frame.groupby("scorer")["average_precision"].mean()[names]
    for row, (side, sign) in zip(table.itertuples(), (("comprehensiveness", 1), ("sufficiency", -1))):
        carried = sign * areas.groupby("method")[side].mean()[names]
        assert row.rho == pytest.approx(stats.spearmanr(marked, carried).statistic)
        assert row.p_value >= 2 / 6


def test_an_unknown_measure_is_refused(plausible: Result, faithful: Result) -> None:
    with pytest.raises(ValueError, match="no measure 'auc' of plausibility; choose from average_precision"):
        side_by_side(summary_of(plausible), faithful.summary(), "auc")
