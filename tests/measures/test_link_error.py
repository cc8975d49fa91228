"""Alignment error rates by hand, as sets, and against draws."""

import itertools

import pytest
import torch

from attn_interp.measures.link_error import alignment_error_rate, best_links, chance_error_rate, mass_on_links

SURE = torch.tensor([[[1, 0, 0], [0, 1, 1]], [[0, 0, 0], [0, 0, 0]]], dtype=torch.bool)
ALL = torch.ones(2, 2, 3, dtype=torch.bool)


def test_by_hand() -> None:
    links = torch.tensor([[[1, 0, 0], [1, 1, 0]], [[0, 0, 0], [0, 0, 0]]], dtype=torch.bool)
    rate = alignment_error_rate(links, SURE)
    assert rate[0] == pytest.approx(1 - (2 + 2) / (3 + 3))
    assert rate[1].isnan()  # no links at all
    possible = SURE | torch.tensor([[[0, 0, 0], [1, 0, 0]]] * 2, dtype=torch.bool)
    assert alignment_error_rate(links, SURE, possible)[0] == pytest.approx(1 - (2 + 3) / (3 + 3))


def test_is_that_of_sets_of_links_and_keeps_its_range() -> None:
    draw = torch.Generator().manual_seed(1)
    links, sure, more = (torch.rand(20, 3, 5, generator=draw) < 0.4 for _ in range(3))
    possible = sure | more
    for row, rate in enumerate(alignment_error_rate(links, sure, possible).tolist()):
        a, s, p = ({tuple(x) for x in each[row].nonzero().tolist()} for each in (links, sure, possible))
        assert rate == pytest.approx(1 - (len(a & s) + len(a & p)) / (len(a) + len(s)))
        assert 0 <= rate <= 1
    assert alignment_error_rate(sure, sure).tolist() == [0.0] * 20
    assert alignment_error_rate(~possible, sure, possible).tolist() == [1.0] * 20


def test_wrong_links_are_refused() -> None:
    with pytest.raises(ValueError, match="row 0 has a sure link that is not possible"):
        alignment_error_rate(SURE, SURE, ~SURE)
    with pytest.raises(ValueError, match=r"shapes \(2, 2, 3\), \(2, 2, 2\)"):
        alignment_error_rate(SURE, SURE[..., :2])


def test_the_best_links_tie_and_stay_among_words() -> None:
    weights = torch.tensor([[[0.1, 0.2, 0.7], [0.4, 0.4, 0.2]]])
    is_link = torch.tensor([[[True, True, False], [True, True, True]]])
    assert best_links(weights, is_link).int().tolist() == [[[0, 1, 0], [1, 1, 0]]]
    is_link[0, 0] = False  # a target word that belongs to nothing
    assert best_links(weights, is_link).int().tolist() == [[[0, 0, 0], [1, 1, 0]]]


def test_chance_is_the_mean_over_every_choice() -> None:
    is_link = torch.tensor([[[True, True, False], [True, True, True]]])
    sure = torch.tensor([[[True, False, False], [False, True, True]]])
    rates = []
    for first, second in itertools.product(range(2), range(3)):
        links = torch.zeros_like(sure)
        links[0, 0, first] = links[0, 1, second] = True
        rates.append(float(alignment_error_rate(links, sure)))
    assert float(chance_error_rate(is_link, sure)) == pytest.approx(sum(rates) / len(rates))
    assert chance_error_rate(is_link & False, sure & False).isnan().all()


def test_mass_leaves_words_without_a_link_out() -> None:
    weights = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]]])
    assert mass_on_links(weights, SURE)[0] == pytest.approx((0.5 + 0.9) / 2)
    assert mass_on_links(weights, SURE)[1].isnan()
    first_alone = SURE[:1] & torch.tensor([[True], [False]])
    assert mass_on_links(weights[:1], first_alone)[0] == pytest.approx(0.5)
