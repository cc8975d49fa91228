"""The experiments: one question each, asked of a reading, of several models, or of what people marked.

`EXPERIMENTS` is the one list of them, in the order in which they are asked and told. Everything else comes from it and
from the constant EXPERIMENT in each module: the public door, the cards, the overview, the steps of a study, what
decides each step, when it applies, and how seeds are pooled. A new experiment is its module, its figure and one line
here.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attn_interp.experiments.record.experiment import Experiment

EXPERIMENTS = (
    "quality",
    "jain_wallace.agreement",
    "jain_wallace.permutation",
    "jain_wallace.adversary",
    "jain_wallace.adversary_curve",
    "jain_wallace.same_shape",
    "other_question",
    "reach",
    "serrano_smith.single_erasure",
    "serrano_smith.erasure",
    "why.conicity",
    "why.polarity",
    "why.mixing",
    "sources.sources",
    "deep.sink",
    "deep.heads",
    "deep.head_combination",
    "deep.head_reach",
    "deep.uniform_layers",
    "people.faithfulness",
    "people.roar",
    "people.shift",
    "people.external",
    "people.plausibility",
    "people.plausibility_curves",
    "people.positions",
    "people.human_agreement",
    "wiegreffe_pinter.necessity",
    "wiegreffe_pinter.seeds",
    "wiegreffe_pinter.guide",
    "wiegreffe_pinter.imitation",
    "wiegreffe_pinter.ladder",
    "deep.alignment",
    "recency.recency",
    "validity",
    "examples",
)
"""Where each experiment stands in this room, and its figure in the room of figures."""


def names() -> tuple[str, ...]:
    """The names of the experiments, in their order."""
    return tuple(home.rpartition(".")[2] for home in EXPERIMENTS)


def module_of(room: str, experiment: str) -> ModuleType:
    """The module of an experiment in the room `experiments` or `figures`.

    Raises:
        ValueError: there is no such experiment; the message lists them.
    """
    for home in EXPERIMENTS:
        if home.rpartition(".")[2] == experiment:
            return import_module(f"attn_interp.{room}.{home}")
    raise ValueError(f"experiment {experiment!r} is unknown; there are {', '.join(sorted(names()))}")


def experiment_of(name: str) -> Experiment:
    """The record of an experiment.

    Raises:
        ValueError: there is no such experiment; the message lists them.
    """
    return module_of("experiments", name).EXPERIMENT


def __getattr__(name: str) -> Any:
    if name in names():
        raise AttributeError(
            f"experiments.{name} is not called here; type attn_interp.{name}(...), as in "
            f"`import attn_interp as ai; ai.{name}(ai.read(model, documents))`"
        )
    raise AttributeError(f"module 'attn_interp.experiments' has no attribute {name!r}")
