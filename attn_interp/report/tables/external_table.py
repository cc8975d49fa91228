"""The table of attention and attributions beside data from outside the model, for any set of models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from attn_interp.experiments.result import Result

QUANTITIES = {"tau": "tau", "rho": "spearman", "partial rho": "partial"}


def external_table(models: Iterable[tuple[Mapping[str, str], Result]]) -> pd.DataFrame:
    """One row per model, signal and scorer, from results of `external`.

    Args:
        models: for each its labels (such as corpus, encoder, attention) and its result.

    Returns:
        The labels; signal (which says where it is a context-free proxy), coverage (share of running words with a
        value), scorer; tau, rho and partial rho (means over documents), each with low, high (95 % interval), n and
        undefined (documents without a value); given (the controls), status. `erasure_tables.readable` puts intervals
        into cells.
    """
    rows = []
    for labels, result in models:
        summary = result.summary().query("grouping == 'all'")
        for signal in result.settings["signals"]:
            for scorer in ("attention", *result.settings["methods"]):
                own = summary[(summary["signal"] == signal["title"]) & (summary["scorer"] == scorer)]
                own = own.set_index("quantity")
                row = {**labels, "signal": signal["title"], "coverage": signal["coverage"], "scorer": scorer}
                for name, quantity in QUANTITIES.items():
                    found = own.loc[quantity]
                    row |= {name: found["estimate"], f"{name} low": found["low"], f"{name} high": found["high"]}
                    row |= {f"{name} n": int(found["n"]), f"{name} undefined": int(found["undefined"])}
                rows.append({**row, "given": own["given"].iloc[0], "status": result.settings["status"]})
    return pd.DataFrame(rows)
