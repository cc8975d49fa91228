"""What an erasure does beside erasing: the shift that it causes, and how far it moves the output, by operator and size.

A table to be read beside those of faithfulness: where random words move the output as far as the first ones do, it is
the operator that is measured.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from attn_interp.experiments.people.faithfulness import ATTENTION, PERCENT, RANDOM
from attn_interp.experiments.people.shift import ALONE, ERASED

MEANINGS = {
    "unseen before": "share of neighbouring pairs of tokens in the unedited documents that no training document has",
    "more when erased": "increase of that share when as many random words are erased",
    "more when alone": "the same when all words but these are erased",
    "TVD, random": "total variation distance of the output when the random words are erased",
    "TVD, attention": "the same for the words of the largest attention",
}
"""For the legend of a table."""


def shift_table(shifted: pd.DataFrame, faithful: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per operator and size: the columns of `MEANINGS`, each with low and high, n (documents), undefined.

    Args:
        shifted: what `summary()` of a result of shift returns.
        faithful: operator -> the same of faithfulness, on the same documents under the same seed.

    Raises:
        KeyError: an operator of the shift has no summary of faithfulness.
    """
    rows_of = shifted.to_dict("records")
    shares = {(row["operator"], row["side"], row["size"], row["quantity"]): row for row in rows_of}
    rows = []
    for operator in dict.fromkeys(row["operator"] for row in rows_of):
        outputs = faithful[operator].query("grouping == 'all' and quantity == 'tvd'").to_dict("records")
        moved = {(row["method"], row["size"]): row for row in outputs}
        for percent in PERCENT:
            size = f"{percent} %"
            found = {
                "unseen before": shares[operator, ERASED, size, "unseen_before"],
                "more when erased": shares[operator, ERASED, size, "shift"],
                "more when alone": shares[operator, ALONE, size, "shift"],
                "TVD, random": moved[RANDOM, size],
                "TVD, attention": moved[ATTENTION, size],
            }
            row: dict[str, object] = {"operator": operator, "size": size}
            for heading, own in found.items():
                row |= {heading: own["estimate"], f"{heading} low": own["low"], f"{heading} high": own["high"]}
            least = min(found.values(), key=lambda own: own["n"])
            rows.append({**row, "n": int(least["n"]), "undefined": int(least["undefined"])})
    return pd.DataFrame(rows)
