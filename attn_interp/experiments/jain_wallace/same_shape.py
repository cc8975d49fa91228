"""How different can attention be at the same output if it keeps its shape? Only permutations of it are allowed.

An adversary of the largest divergence puts all attention on one or two words, which no trained model does. This one has
the entropy and the maximum of the model's own attention, so the objection does not reach it.
"""

from __future__ import annotations

from attn_interp.experiments.jain_wallace.adversary import (
    COLUMNS,
    FLIP,
    VALUES,
    WIDTH,
    Adversaries,
    check_eps,
    measured,
    with_width,
)
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import HALF_LN2, Card, Experiment, Pooling, Rule, Statement, Summary
from attn_interp.experiments.result import Result
from attn_interp.readout.adversary.same_shape import permutation_adversary

CLOSED = 1e-9


def same_shape(reading: Reading, *, eps: float = 0.01) -> Result:
    """Can attention be quite another at the same output if its weights are only permuted?

    The eps-max divergence over the permutations of the model's attention. Status is exact where the interval
    [jsd, jsd_upper] has closed, certified elsewhere. The search of a document ends at 2e9
    operations, a second or two: up to 50 words most intervals are at most .001 nats wide, in longer documents of
    sharp attention they were up to .26. All hold the optimum; their mean and largest width are in the summary.

    Args:
        reading: A model's attention over documents, from `read`.
        eps: The output may move by at most this total variation distance, in (0, 1).

    Returns:
        A result with one row per document, in the columns of `adversary`.

    Raises:
        ValueError: eps outside (0, 1), more than two classes, or a readout that is not affine.
    """
    check_eps("same_shape", eps)
    if reason := why_not(reading):
        raise ValueError(f"same_shape: {reason}; use adversary, which has no such limits")
    frames = []
    for batch in reading.each_batch("adversary of the same shape"):
        found = permutation_adversary(batch.weights, batch.votes, batch.is_word, eps)
        (row,) = measured(batch, [Adversaries(found.weights, "certified", found.jsd_upper)])
        closed = (found.jsd_upper - found.jsd < CLOSED).tolist()
        row["status"] = ["exact" if each else "certified" for each in closed]
        frames.append(batch.about(eps=eps, **row))
    return Result("same_shape", reading.in_order(frames), {**reading.settings, "eps": eps}, COLUMNS)


def why_not(reading: Reading) -> str:
    """Two classes and an affine readout are needed."""
    if not reading.affine:
        return "the readout is not affine in the attention"
    classes = len(reading.model.classes)
    return f"{classes} classes; it is for two" if classes > 2 else ""


ATTAINED = Statement("mean eps-max JSD, attained", "jsd", "certified")
BOUND = Statement("mean eps-max JSD, upper bound", "jsd_upper", "certified")

EXPERIMENT = Experiment(
    same_shape,
    "reading",
    Card(
        "And with its weights only permuted?",
        "A permutation of the model's own weights is quite another attention at the same output.",
        "The adversary keeps the entropy and the largest weight of the model's attention.",
        "How far attention can move without becoming sharper or flatter than the model's.",
        "That a trained model would attend so.",
    ),
    # exact and certified documents together: jsd is attained, jsd_upper is proved
    Summary(
        {**VALUES, **WIDTH},
        ("status",),
        ("all", "predicted", "label"),
        lambda result: with_width(result).assign(status="certified"),
    ),
    statements=(ATTAINED, BOUND),
    rules=(
        Rule(ATTAINED, HALF_LN2, "a permutation is quite another attention", ""),
        Rule(BOUND, HALF_LN2, "", "no permutation is quite another attention"),
    ),
    decided_by=("eps",),
    why_not=why_not,
    pooling=Pooling(tuple(VALUES), made=FLIP),
)
