"""Made-up results with the columns that the experiments give."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from attn_interp.experiments.record.column import Column
from attn_interp.experiments.result import Result

Make = Callable[..., Result]


def result_of(experiment: str, frame: pd.DataFrame, **settings: object) -> Result:
    columns = {name: Column(f"meaning of {name}") for name in frame.columns}
    return Result(experiment, frame.reset_index(drop=True), {"seed": 0, **settings}, columns)


def documents(count: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    label = random.choice(["negative", "positive"], count)
    return pd.DataFrame(
        {
            "document": [f"d{index}" for index in range(count)],
            "label": label,
            "predicted": np.where(random.random(count) < 0.8, label, "positive"),
            "words": random.integers(2, 40, count),
            "max_attention": random.uniform(0.05, 0.7, count),
            "outside": 0.0,
        }
    )


@pytest.fixture
def agreement() -> Result:
    """Three pairs over 61 documents; 2 documents have no tau with the gradient."""
    about, random = documents(61), np.random.default_rng(1)
    frames = []
    for first, second, mean in (
        ("attention", "gradient x input (detached)", 0.4),
        ("attention", "leave-one-out", 0.3),
        ("gradient x input (detached)", "leave-one-out", 0.65),
    ):
        tau = np.clip(random.normal(mean, 0.2, len(about)), -1, 1)
        if second.startswith("gradient"):
            tau[:2] = np.nan
        frames.append(about.assign(first=first, second=second, tau=tau))
    return result_of("agreement", pd.concat(frames))


@pytest.fixture
def permutation() -> Result:
    """67 documents: the last bin of the largest weight holds the three last, all of one class."""
    about = documents(67)
    about.loc[64:, ["max_attention", "predicted"]] = pd.DataFrame(
        {"max_attention": [0.75, 0.8, 1.0], "predicted": "negative"}, index=[64, 65, 66]
    )
    median_tvd = np.random.default_rng(2).beta(1, 4, len(about))
    return result_of("permutation", about.assign(median_tvd=median_tvd), draws=100)


@pytest.fixture
def adversary() -> Make:
    """Makes a result with the given statuses: exact values, and a search that finds 90 % of each."""

    def make(*statuses: str) -> Result:
        about = documents(59)
        exact = np.log(2) * np.random.default_rng(3).beta(6, 2, len(about))
        factor = {"exact": 1.0, "certified": 0.95, "search": 0.9}
        frames = [
            about.assign(eps=0.01, status=status, jsd=factor[status] * exact, jsd_upper=exact, tvd=0.009)
            for status in statuses
        ]
        return result_of("adversary", pd.concat(frames), eps=0.01)

    return make


WORDS = ("the", "worst", "$x_1$", "of", "the", "\\input", "<script>", "a_b^c", "😀", "{", "%")


@pytest.fixture
def examples() -> Make:
    """Makes a result of one document of the given words, with signed leave-one-out values."""

    def make(words: tuple[str, ...] = WORDS, **columns: object) -> Result:
        random = np.random.default_rng(4)
        frame = pd.DataFrame(
            {
                "document": "r17",
                "label": "negative",
                "predicted": "positive",
                "position": range(len(words)),
                "word": words,
                "attention": random.dirichlet(np.ones(len(words))),
                "adversary": random.dirichlet(np.ones(len(words))),
                "leave-one-out": random.normal(0, 0.1, len(words)),
            }
        )
        return result_of("examples", frame.assign(**columns), eps=0.01, status="exact")

    return make
