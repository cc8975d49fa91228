import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

from attn_interp.measures import jsd, kl, tvd


def draw(seed: int, rows: int = 5, width: int = 7) -> torch.Tensor:
    """Distributions (rows, width), some with exact zeros."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(rows, width, generator=generator, dtype=torch.float64) ** 4
    weights[torch.rand(rows, width, generator=generator) < 0.3] = 0
    weights[:, 0] += 1e-3
    return weights / weights.sum(-1, keepdim=True)


def test_two_words_by_hand() -> None:
    p, q = torch.tensor([0.75, 0.25]), torch.tensor([0.25, 0.75])
    assert tvd(p, q).item() == 0.5
    assert kl(p, q).item() == pytest.approx(0.5 * math.log(3))
    assert jsd(p, q).item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_same_numbers_as_scipy() -> None:
    p, q = draw(1), draw(2)
    torch.testing.assert_close(jsd(p, q), torch.from_numpy(jensenshannon(p.numpy(), q.numpy(), axis=-1) ** 2))
    torch.testing.assert_close(kl(p, q), torch.from_numpy(rel_entr(p.numpy(), q.numpy()).sum(-1)))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_ranges_and_symmetry(first: int, second: int) -> None:
    p, q = draw(first), draw(second)
    for measure, most in ((tvd, 1.0), (jsd, math.log(2.0))):
        value = measure(p, q)
        assert value.dtype == torch.float64 and value.shape == (5,)
        assert (value >= 0).all() and (value <= most + 1e-15).all()
        torch.testing.assert_close(value, measure(q, p), rtol=0, atol=1e-15)
        assert (measure(p, p) <= 1e-15).all()
    assert (kl(p, q) >= 0).all()
    # Pinsker, and the bound of Lin: two measures that share no code hold each other in place
    assert (kl(p, q) >= 2 * tvd(p, q) ** 2 - 1e-12).all()
    assert (jsd(p, q) <= tvd(p, q) * math.log(2.0) + 1e-12).all()


def test_no_weight_in_common_is_the_maximum() -> None:
    p, q = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.5, 0.5])
    assert jsd(p, q).item() == pytest.approx(math.log(2.0), abs=1e-15)
    assert tvd(p, q).item() == 1.0
    assert kl(p, q).item() == math.inf


def test_kl_ignores_what_the_first_does_not_support() -> None:
    assert kl(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5])).item() == pytest.approx(math.log(2.0))
    assert kl(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])).item() == 0.0
    smallest = torch.tensor([5e-324, 1.0], dtype=torch.float64)
    assert kl(torch.tensor([0.5, 0.5]), smallest).isfinite()


def test_leading_axes_broadcast() -> None:
    p, q = draw(3)[:, None], draw(4, rows=3)
    assert jsd(p, q).shape == tvd(p, q).shape == kl(p, q).shape == (5, 3)
    torch.testing.assert_close(jsd(p, q)[2, 1], jsd(p[2, 0], q[1]))


def test_refuses_what_is_no_distribution() -> None:
    with pytest.raises(ValueError, match=r"jsd: the last axes differ: p is \(2,\), q is \(3,\)"):
        jsd(torch.tensor([0.5, 0.5]), torch.tensor([0.2, 0.3, 0.5]))
    with pytest.raises(ValueError, match="tvd: q has a negative value -1; give distributions"):
        tvd(torch.tensor([0.5, 0.5]), torch.tensor([2.0, -1.0]))
