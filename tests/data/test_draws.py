import numpy as np
import pytest

from attn_interp.data.document import Document
from attn_interp.data.draws import digest, generator, sample


def test_equal_seed_and_id_draw_the_same_and_others_something_else():
    first = generator(3, "r17").normal(size=5)
    assert np.array_equal(first, generator(3, "r17").normal(size=5))
    assert not np.array_equal(first, generator(4, "r17").normal(size=5))
    assert not np.array_equal(first, generator(3, "r18").normal(size=5))


def test_seed_and_id_do_not_run_into_each_other():
    assert digest(1, "23") != digest(12, "3")


def test_draws_of_neighbours_are_unrelated():
    draws = np.array([generator(0, f"d{number}").random(2) for number in range(2000)])
    assert abs(draws.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.07  # three standard errors: 3 / sqrt(2000)
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.07


def test_documents_are_drawn_from_everywhere_and_keep_their_order() -> None:
    documents = [Document(id=f"d{number}", words=("a",), label=int(number >= 500)) for number in range(1000)]
    some = sample(documents, 100, seed=1)
    assert len(some) == 100 and list(some) == sorted(some, key=documents.index)
    assert 25 <= sum(document.label for document in some) <= 75  # five standard deviations of 100 fair coins
    assert {each.id for each in sample(documents, 40, seed=1)} < {each.id for each in some}
    assert sample(documents[::-1], 100, seed=1) == some[::-1]
    assert sample(documents, 100, seed=2) != some
    assert sample(documents, None, seed=1) == sample(documents, 2000, seed=1) == tuple(documents)
    with pytest.raises(ValueError, match="count is -1"):
        sample(documents, -1)
