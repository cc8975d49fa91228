"""Kendall's tau of the authors' own run of Jain & Wallace 2019 on SST (see PROVENANCE.md beside the data)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from attn_interp.measures import kendall_tau

DATA = Path(__file__).parents[3] / "shared" / "data" / "jw_reference" / "bilstm_dot_sst_test.npz"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the reference run is not here")


def test_tau_over_the_words_is_theirs() -> None:
    run = np.load(DATA)
    positions = np.arange(run["expected_attn"].shape[1])
    is_word = torch.from_numpy((positions >= 1) & (positions < run["length"][:, None] - 1))
    rows = {
        "attn": torch.from_numpy(run["expected_attn"]),
        "grad": torch.from_numpy(run["expected_grad_importance"]),
        "loo": torch.from_numpy(np.abs(run["expected_loo_prob"] - run["expected_prob"][:, None])),
    }
    for first, second in (("attn", "grad"), ("attn", "loo"), ("grad", "loo")):
        tau, _ = kendall_tau(rows[first], rows[second], is_word)
        expected = torch.from_numpy(run[f"expected_tau_{first}_{second}"])
        torch.testing.assert_close(tau, expected, atol=1e-15, rtol=0, equal_nan=True)
