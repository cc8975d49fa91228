"""How much divergence does a looser output buy? The adversary at every tolerance, from a thousandth to a half."""

from __future__ import annotations

from collections.abc import Sequence

from attn_interp.experiments.jain_wallace.adversary import COLUMNS, SEARCHED, best, check_eps, measured
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Experiment, Pooling, Statement, Summary
from attn_interp.experiments.result import Result

EPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def adversary_curve(reading: Reading, *, eps: Sequence[float] = EPS) -> Result:
    """How much divergence does a looser output buy?

    The eps-max divergence of each document, as `adversary` defines it, at each tolerance. Where the readout is not
    affine every tolerance is a search of its own.

    Args:
        reading: A model's attention over documents, from `read`.
        eps: The tolerances, each in (0, 1).

    Returns:
        A result with one row per document and eps, in the columns of `adversary`.

    Raises:
        ValueError: a tolerance outside (0, 1).
    """
    for each in eps:
        check_eps("adversary_curve", each)
    frames = []
    for batch in reading.each_batch("adversary at every tolerance"):
        found = [best(reading, batch, each) for each in eps]
        frames += [batch.about(eps=each, **row) for each, row in zip(eps, measured(batch, found))]
    return Result("adversary_curve", reading.in_order(frames), {**reading.settings, "eps": list(eps)}, COLUMNS)


def why_not(reading: Reading) -> str:
    """Where nothing is exact or certified, nine searches a document are no curve."""
    return "" if reading.affine else "the readout is not affine in the attention"


EXPERIMENT = Experiment(
    adversary_curve,
    "reading",
    Card(
        "How much divergence does a looser output buy?",
        "The divergence rises with the tolerance of the output.",
        "An attention may be chosen freely for each document.",
        "The largest divergence from the model's attention at each tolerance.",
        "That any one tolerance is the right one.",
    ),
    Summary({"jsd": ("mean",), "jsd_upper": ("mean",)}, ("eps", "status")),
    statements=(Statement("mean eps-max JSD, eps {eps}", "jsd", None, in_overview=False),),
    why_not=why_not,
    documents=lambda reading: None if len(reading.model.classes) == 2 else SEARCHED,
    pooling=Pooling(("jsd", "jsd_upper"), ("eps",)),
)
