"""The tables of plausibility hold the summaries' own numbers, and say which question they answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attn_interp.attribution.gradient import gradient_x_input
from attn_interp.experiments.people.human_agreement import human_agreement
from attn_interp.experiments.people.plausibility import plausibility
from attn_interp.experiments.reading import read
from attn_interp.report.latex import table as latex_table
from attn_interp.report.tables.people import human_agreement_table, plausibility_table
from attn_interp.report.tables.wide import readable
from attn_interp.studies.people.rationale_tables import CAPTIONS

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


def test_the_numbers_are_the_summarys(model, documents) -> None:
    result = plausibility(read(model, documents), methods={"gradient": gradient_x_input})
    table = plausibility_table([(LABELS, result)]).set_index("scorer")
    assert list(table.index) == result.settings["scorers"]
    summary = result.summary().query("grouping == 'all'").set_index(["scorer", "quantity", "statistic"])
    assert table.loc["gradient", "AUROC low"] == summary.loc[("gradient", "auroc", "mean"), "low"]
    assert table.loc["gradient", "IOU F1"] == summary.loc[("gradient", "iou_f1", "F1 of means"), "estimate"]
    assert (
        table.loc["gradient", "AP normalised"]
        == summary.loc[("gradient", "average_precision", "normalised"), "estimate"]
    )
    shown = readable(table.reset_index())
    assert shown.set_index("scorer").loc["another person", "AUROC normalised"] == "--"
    assert "AUROC low" not in shown
    assert "Not faithfulness" in latex_table(shown, caption=CAPTIONS["plausibility"])


def test_the_agreement_of_people(documents) -> None:
    result = human_agreement(documents)
    row = human_agreement_table([({"corpus": "planted"}, result)]).iloc[0]
    summary = result.summary().set_index(["judge", "quantity", "statistic"])
    assert row["AUROC"] == summary.loc[("another person", "auroc", "mean over pairs"), "estimate"]
    assert row["Fleiss' kappa high"] == summary.loc[("all annotators", "fleiss_kappa", "pooled"), "high"]
    assert row["n"] + row["undefined"] == len(documents)
