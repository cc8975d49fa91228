import math

import numpy as np
import torch

from attn_interp.measures.rows import dense_ranks, no_order, paired_rows, undefined_rows

WORDS = torch.tensor([[True, False, True, True], [False, False, False, False], [True, True, False, False]])
X = torch.tensor([[0.5, 9.0, 0.1, 0.5], [1.0, 2.0, 3.0, 4.0], [math.nan, 1.0, 0.0, 0.0]])


def test_values_outside_the_words_are_gone_and_the_input_stays() -> None:
    x, y, mask = paired_rows("some_measure", X.requires_grad_(), X.half(), WORDS)
    assert x.dtype == y.dtype == np.float64 and (x[1] == 0).all() and math.isnan(x[2, 0])
    assert X[0, 1].item() == 9.0 and (mask == WORDS.numpy()).all()


def test_rows_without_an_order() -> None:
    x, _, mask = paired_rows("some_measure", X, X, WORDS)
    assert no_order(x, x, mask).tolist() == [False, True, True]
    constant = np.where(mask, 0.25, 0.0)
    assert undefined_rows(x, constant, mask).all()
    assert undefined_rows(x, x, mask).tolist() == [False, True, True]


def test_ranks_tie_on_words_and_never_elsewhere() -> None:
    x, _, mask = paired_rows("some_measure", X, X, WORDS)
    assert dense_ranks(x, mask)[0].tolist() == [1, 2, 0, 1]
    assert sorted(dense_ranks(x, mask)[1].tolist()) == [0, 1, 2, 3]
