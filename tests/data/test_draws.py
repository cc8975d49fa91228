import numpy as np

from attn_interp.data.draws import digest, generator


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
