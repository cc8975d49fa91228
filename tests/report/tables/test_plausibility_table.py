"""The tables of plausibility hold the summaries' own numbers, and say which question they answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attn_interp.attribution.gradient import gradient_x_input
from attn_interp.experiments.people.human_agreement import human_agreement
from attn_interp.experiments.people.plausibility import plausibility
from attn_interp.report.latex import table as latex_table
from attn_interp.report.tables.plausibility_table import MEANINGS, agreement_table, paper_layout, plausibility_table

LABELS = {"corpus": "planted", "encoder": "lstm"}


@pytest.fixture(scope="module")
def documents(planted):
    """A second annotator who marks the word before the first one's as well."""
    marked = []
    for document in planted.test:
        (one,) = document.rationales
        two = tuple(max(here, after) for here, after in zip(one, (*one[1:], 0.0)))
        marked.append(replace(document, rationales=(one, two)))
    return marked


def test_the_numbers_are_the_summarys(model, documents, reading) -> None:
    result = plausibility(model, documents, {"gradient": gradient_x_input})
    table = plausibility_table([(LABELS, result)]).set_index("scorer")
    assert list(table.index) == result.settings["scorers"]
    summary = result.summary().query("grouping == 'all'").set_index(["scorer", "quantity", "statistic"])
    assert table.loc["gradient", "AUROC low"] == summary.loc[("gradient", "auroc", "mean"), "low"]
    assert table.loc["gradient", "IOU F1"] == summary.loc[("gradient", "iou_f1", "F1 of means"), "estimate"]
    assert (
        table.loc["gradient", "AP normalised"]
        == summary.loc[("gradient", "average_precision", "normalised"), "estimate"]
    )
    shown = paper_layout(table.reset_index())
    assert shown.set_index("scorer").loc["another person", "AUROC normalised"] == "--"
    assert "AUROC low" not in shown
    assert "Not faithfulness" in latex_table(shown, columns=MEANINGS)


def test_the_agreement_of_people(documents) -> None:
    result = human_agreement(documents)
    row = agreement_table([({"corpus": "planted"}, result)]).iloc[0]
    summary = result.summary().set_index(["judge", "quantity", "statistic"])
    assert row["AUROC"] == summary.loc[("another person", "auroc", "mean over pairs"), "estimate"]
    assert row["Fleiss' kappa high"] == summary.loc[("all annotators", "fleiss_kappa", "pooled"), "high"]
    assert row["n"] + row["undefined"] == len(documents)
