"""The power figure: what is drawn are the rates of the summary, each with its interval and its n."""

from __future__ import annotations

import numpy as np
import pytest

from attn_interp.experiments.result import Result
from attn_interp.experiments.validity import together, verdict
from attn_interp.experiments.validity import validity as rates_of
from attn_interp.figures import validity
from attn_interp.statistics.bootstrap import Interval

CLAIMS = ("A claim of $x_1$ & \\more <words> than any claim should have", "another")


def made(trials: int, undefined: int = 0) -> Result:
    random, results = np.random.default_rng(0), {}
    for seed in range(trials):
        rows = []
        for claim in CLAIMS:
            for truth, case in ((True, "there"), (False, "one very long name of a case_1"), (False, "absent")):
                low = np.nan if seed < undefined and case == "absent" else random.normal(1.0 if truth else -1.0)
                about = {"claim": claim, "measure": "mean", "case": case, "truth": truth, "seed": seed}
                rows.append(verdict(about, 0.0, Interval(low, low, low, 5, 0)))
        results[seed] = rates_of(rows, {})
    return together(results)


def test_what_is_drawn_is_the_summary() -> None:
    result = made(7, undefined=2)
    rows, summary = validity.drawn(result), result.summary()
    for mark, column in {"x": "estimate", "low": "low", "high": "high", "n": "n", "undefined": "undefined"}.items():
        np.testing.assert_array_equal(rows[mark].to_numpy(float), summary[column].to_numpy(float))
    axes = validity.plot(result)
    assert [text.get_text() for text in axes.get_yticklabels()] == rows.group.tolist()
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() in "oD" and len(line.get_xdata())]
    np.testing.assert_array_equal(points, rows.x)
    assert axes.get_xlim() == (0.0, 1.0)
    texts = [text.get_text() for text in axes.texts]
    assert set(CLAIMS) < set(texts)
    assert texts.count("mean > 0") == len(CLAIMS)
    assert texts.count("n = 5 (2 undefined)") == 2
    assert "n = 7 corpora" in axes.get_legend().get_title().get_text()
    assert "7 planted corpora" in validity.caption(result)


@pytest.mark.parametrize(("trials", "undefined"), [(1, 0), (1, 1), (3, 3)])
def test_few_trials_and_none_defined_are_drawn(trials: int, undefined: int) -> None:
    figure = validity.figure(made(trials, undefined))
    figure.draw_without_rendering()
    assert figure.get_size_inches()[0] == pytest.approx(6.9)
