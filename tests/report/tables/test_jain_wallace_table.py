"""The table of Jain & Wallace: of one seed the summary's own numbers, of several means over seeds and documents."""

from __future__ import annotations

import pytest

from attn_interp.experiments.jain_wallace.agreement import GRADIENT, LEAVE_ONE_OUT, agreement
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.report.tables.jain_wallace import agreement_table, paper_layout

LABELS = {"corpus": "sst", "encoder": "lstm", "attention": "additive"}


@pytest.fixture(scope="module")
def result(model, planted) -> Result:
    return agreement(read(model, planted.test), methods=[GRADIENT, LEAVE_ONE_OUT])


def test_one_seed_is_the_summary(result: Result) -> None:
    table = agreement_table([(LABELS, {0: result})])
    assert table["class"].tolist() == ["negative", "positive"] * 2
    assert set(table["seeds"]) == {1}
    summary = result.summary().query("first == 'attention' and grouping == 'predicted' and quantity == 'tau'")
    summary = summary.set_index(["second", "group", "statistic"])
    for row in table.to_dict("records"):
        second = GRADIENT if row["compared_with"] == "gradient" else LEAVE_ONE_OUT
        found = summary.loc[(second, row["class"], "mean")]
        assert [row["tau"], row["low"], row["high"], row["n"]] == found[["estimate", "low", "high", "n"]].tolist()
        assert row["sd"] == summary.loc[(second, row["class"], "std"), "estimate"]
    assert table["published_tau"].tolist() == [0.34, 0.36, 0.27, 0.32]
    assert "published" in set(paper_layout(table)["figures"])


def test_seeds_are_pooled_over_the_documents_that_all_put_into_the_class(result: Result) -> None:
    """The same seed again, with one document moved to the other class."""
    frame = result.frame.copy()
    first = frame["document"].iloc[0]
    moved = frame["document"] == first
    was = frame.loc[moved, "predicted"].iloc[0]
    frame.loc[moved, "predicted"] = next(name for name in result.settings["classes"] if name != was)
    other = Result("agreement", frame, result.settings, result.columns)
    table = agreement_table([(LABELS, {0: result, 1: other})]).set_index(["compared_with", "class"])
    alone = agreement_table([(LABELS, {0: result})]).set_index(["compared_with", "class"])
    own = result.frame.query("first == 'attention' and second == @LEAVE_ONE_OUT and predicted == @was")
    kept = own[own["document"] != first]["tau"]
    row = table.loc[("leave-one-out", was)]
    assert row["tau"] == pytest.approx(kept.mean())
    assert (row["seeds"], row["n"]) == (2, kept.notna().sum())
    assert row["n"] + row["undefined"] == alone.loc[("leave-one-out", was), ["n", "undefined"]].sum()
    assert -1 <= row["low"] <= row["tau"] <= row["high"] <= 1
