"""Verdicts and rates: closed forms by hand, undefined trials counted, saved and loaded."""

from __future__ import annotations

import numpy as np
import pytest

from attn_interp.experiments.result import Result
from attn_interp.experiments.validity import DETECTION, FALSE_ALARM, together, validity, verdict
from attn_interp.statistics.bootstrap import Interval


def trial(seed: int, *lows: float) -> Result:
    """Claim z on a case where it is true and on one where it is not, claim a where it is true."""
    rows = []
    for (claim, case, truth), low in zip((("z", "yes", True), ("z", "no", False), ("a", "yes", True)), lows):
        about = {"claim": claim, "measure": "m", "case": case, "truth": truth, "seed": seed}
        rows.append(verdict(about, 0.1, Interval(low + 1, low, low + 2, 9, 0)))
    return validity(rows, {"sizes": 3})


def test_a_claim_is_found_where_the_whole_interval_is_above_the_threshold() -> None:
    found = [verdict({}, 0.1, Interval(0.5, low, 0.9, 5, 0))["found"] for low in (0.2, 0.1, -1.0)]
    assert found == [1.0, 0.0, 0.0]
    assert np.isnan(verdict({}, 0.1, Interval(np.nan, np.nan, np.nan, 0, 5))["found"])


def test_rates_count_trials_with_wilsons_interval() -> None:
    result = together({seed: trial(seed, 1.0, float(seed == 0), 1.0 if seed else np.nan) for seed in range(4)})
    summary = result.summary()
    assert summary["claim"].tolist() == ["z", "z", "a"]  # in the order of the claims
    assert summary["rate"].tolist() == [DETECTION, FALSE_ALARM, DETECTION]
    assert summary["estimate"].tolist() == [1.0, 0.25, 1.0]
    assert summary["n"].tolist() == [4, 4, 3]
    assert summary["undefined"].tolist() == [0, 0, 1]
    # Wilson with k = n: from n / (n + z^2) to 1.
    np.testing.assert_allclose(summary["low"][[0, 2]], [4 / (4 + 1.959964**2), 3 / (3 + 1.959964**2)], rtol=1e-6)
    np.testing.assert_allclose(summary["high"][[0, 2]], 1.0)
    middle, half = (1 + 1.959964**2 / 2) / (4 + 1.959964**2), 1.959964 * (0.75 + 1.959964**2 / 4) ** 0.5
    np.testing.assert_allclose(summary[["low", "high"]].iloc[1], np.array([-half, half]) / (4 + 1.959964**2) + middle)
    assert result.settings == {"sizes": 3, "seeds": [0, 1, 2, 3]}


def test_verdicts_are_saved_and_loaded(tmp_path) -> None:
    result = trial(5, 1.0, -1.0, np.nan)
    loaded = Result.load(result.save(tmp_path))
    assert loaded.frame.equals(result.frame)
    assert loaded.summary().equals(result.summary())


def test_a_trial_counts_once() -> None:
    with pytest.raises(ValueError, match="seed 2 stands there twice"):
        together({2: trial(2, 1.0), 3: trial(2, 0.0)})
    with pytest.raises(ValueError, match="at least one trial"):
        together({})
    with pytest.raises(ValueError, match="at least one trial of one claim"):
        validity([], {})
