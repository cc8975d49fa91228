"""The table of every document: each value is that of the result, wherever an experiment looked."""

from __future__ import annotations

from attn_interp.experiments.jain_wallace.agreement import GRADIENT, LEAVE_ONE_OUT, agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reach import reach
from attn_interp.report.documents import documents


def test_each_quantity_of_a_board_is_a_column(reading) -> None:
    some, fewer = reading.only(reading.documents[2:11]), reading.only(reading.documents[:5])
    agreed, reached = agreement(some, methods=[GRADIENT, LEAVE_ONE_OUT]), reach(fewer)
    table = documents([agreed, reached])
    about = ["document", "label", "predicted", "words", "max_attention", "margin"]
    columns = [f"agreement: tau, {GRADIENT}", f"agreement: tau, {LEAVE_ONE_OUT}", "reach: unflippable"]
    assert list(table) == [*about, *columns]
    names = [document.id for document in reading.documents[:11]]
    assert list(table["document"]) == names[2:] + names[:2]  # as the results have them
    assert table[about[:-1]].notna().all(axis=None)
    found = table.set_index("document")
    for other, column in zip((GRADIENT, LEAVE_ONE_OUT), columns, strict=False):
        frame = agreed.frame[(agreed.frame["first"] == "attention") & (agreed.frame["second"] == other)]
        own = frame.set_index("document")["tau"]
        assert found[column].dropna().equals(own.rename(column).dropna())
    own = found.loc[reached.frame["document"]]
    assert own["reach: unflippable"].tolist() == reached.frame["unflippable"].astype(int).tolist()
    assert own["margin"].tolist() == reached.frame["margin"].tolist()
    assert found[["reach: unflippable", "margin"]].notna().sum().tolist() == [5, 5]
    assert documents([permutation(fewer, draws=3)])["permutation: median_tvd"].notna().all()
