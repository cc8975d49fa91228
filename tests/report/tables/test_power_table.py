import pandas as pd

from attn_interp.report.tables.power_table import power_layout


def test_claim_and_rule_stand_once_and_no_number_is_lost():
    rows = [("a", "tau", 0.0, "x"), ("a", "tau", 0.0, "y"), ("b", "jsd", 0.3466, "x"), ("a", "tau", 0.5, "x")]
    table = pd.DataFrame(rows, columns=["claim", "measure", "threshold", "case"])
    table = table.assign(estimate=[0.1, 0.2, 0.3, 0.4], low=0.0, high=1.0, n=7, undefined=0, rate="detection")
    shown = power_layout(table)
    assert shown["claim"].tolist() == ["a", "", "b", "a"]
    assert shown["found where"].tolist() == ["tau > 0", "", "jsd > 0.347", "tau > 0.5"]
    numbers = ["case", "rate", "estimate", "low", "high", "n"]
    assert shown[numbers].equals(table[numbers])
    assert list(shown) == ["claim", "found where", *numbers]
    assert list(power_layout(table.assign(undefined=[0, 0, 1, 0])))[-1] == "undefined"
