import numpy as np
import pytest
import torch

from attn_interp.readout.adversary.pruned_pairs import best_vertex
from attn_interp.readout.adversary.pruned_pairs import shared as shared_arrays
from attn_interp.readout.adversary.slab import slab
from attn_interp.readout.adversary.two_classes import all_pairs, pruned_pairs, shared


@pytest.mark.parametrize("kind", ["peaked", "uniform", "rounded", "one side", "no slab"])
def test_pruning_loses_nothing(kind: str) -> None:
    generator = torch.Generator().manual_seed(3)
    alpha = (torch.randn(3, 230, generator=generator, dtype=torch.float64) * 2).softmax(-1)
    s = torch.randn(3, 230, generator=generator, dtype=torch.float64) * 3 + 1
    if kind == "uniform":
        alpha = torch.full_like(alpha, 1 / 230)
    if kind == "rounded":
        s = s.round()
    if kind == "one side":
        s[:, 1:], s[:, 0] = s[:, 1:].abs(), -0.5
    bounds = slab((alpha * s).sum(-1), 0.9999 if kind == "no slab" else 0.01)
    inside = torch.ones(3, 230, dtype=torch.bool)
    pruned, every = pruned_pairs(alpha, s, inside, bounds), all_pairs(alpha, s, inside, bounds)
    torch.testing.assert_close(pruned.overlap, every.overlap, rtol=0, atol=1e-14)
    for row in range(3):
        i, j, share = int(pruned.first[row]), int(pruned.second[row]), pruned.weight[row]
        value = share * s[row, i] + (1 - share) * s[row, j]
        assert bounds.lower[row] - 1e-12 <= value <= bounds.upper[row] + 1e-12
        overlap = shared(alpha[row, i], share) + shared(alpha[row, j], 1 - share)
        torch.testing.assert_close(overlap, pruned.overlap[row], rtol=0, atol=1e-14)


def test_few_pairs_are_visited(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated = []

    def counted(a: np.ndarray, q: np.ndarray) -> np.ndarray:
        if q.ndim == 3:
            evaluated.append(q.size)
        return shared_arrays(a, q)

    monkeypatch.setattr("attn_interp.readout.adversary.pruned_pairs.shared", counted)
    generator = np.random.default_rng(0)
    alpha, s = generator.dirichlet(np.full(2000, 0.5)), generator.normal(size=2000)
    assert best_vertex(alpha, s, alpha @ s - 0.04, alpha @ s + 0.04) is not None
    # .4 % of the pairs are needed; two faces, each pair counted for both of its words
    assert 0 < sum(evaluated) < 0.1 * 2000**2


def test_no_vertex_where_every_word_is_on_one_side() -> None:
    assert best_vertex(np.array([0.5, 0.5]), np.array([1.0, 2.0]), 3.0, 4.0) is None
