"""The released figures stand beside the rows that they are of, and nowhere else."""

from __future__ import annotations

import pandas as pd
import pytest

from attn_interp.report.tables.pairs import TAUS, beside_published
from attn_interp.report.tables.published import JAIN_WALLACE_PAIRS


def test_figures_of_babi_stand_beside_their_rows() -> None:
    rows = [
        *[{"question": question, "statistic": "mean Kendall's tau"} for question in TAUS],
        {"question": "How good is it?", "statistic": "accuracy"},
        {"question": "How good is it?", "statistic": "accuracy, bag of words"},
        {"question": "Does it matter which word gets which weight?", "statistic": "mean of median TVD, permuted"},
    ]
    models = [("babi-1", "lstm", "additive"), ("movies", "lstm", "additive")]
    table = pd.concat([pd.DataFrame(rows).assign(corpus=c, encoder=e, attention=a) for c, e, a in models])
    found = beside_published(table.reset_index(drop=True))
    assert found["published"].tolist()[:4] == [0.251, 0.16, 0.499, 1.0]
    assert found["published_sd"].tolist()[:3] == [0.156, 0.141, 0.158]
    assert found["published"].isna().tolist()[4:] == [True] * 8


def test_every_figure_is_possible() -> None:
    assert len(JAIN_WALLACE_PAIRS) == 5 * 6
    for figures in JAIN_WALLACE_PAIRS.values():
        assert 0 <= figures.accuracy <= 1
        assert all(-1 <= tau <= 1 and 0 <= sd <= 1 for tau, sd in zip(figures[1::2], figures[2::2]))


def test_they_are_those_that_were_released(request: pytest.FixtureRequest) -> None:
    path = request.config.rootpath.parent / "shared" / "data" / "jw_published" / "figures.csv"
    if not path.exists():
        pytest.skip("the released figures are not here")
    released = pd.read_csv(path).query("`class` == 'all'").set_index(["corpus", "encoder", "attention", "quantity"])
    theirs = {"lstm": "lstm", "cnn": "cnn(1,3,5,7)", "average": "average"}
    taus = ("tau attention-gradient", "tau attention-leave-one-out", "tau gradient-leave-one-out")
    for (task, encoder, attention), figures in JAIN_WALLACE_PAIRS.items():
        key = (task.replace("-", "_"), theirs[encoder], {"additive": "tanh", "scaled_dot": "dot"}[attention])
        assert figures.accuracy == pytest.approx(released.loc[(*key, "accuracy"), "mean"], abs=6e-4)
        for place, tau in enumerate(taus):
            row = released.loc[(*key, tau)]
            assert figures[1 + 2 * place : 3 + 2 * place] == pytest.approx((row["mean"], row["std"]), abs=6e-4)
