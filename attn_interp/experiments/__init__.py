"""One question put to one model per module: (model, documents) -> Result. Modules are imported when asked for."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

EXPERIMENTS = (
    "quality",
    "jain_wallace.agreement",
    "jain_wallace.permutation",
    "jain_wallace.adversary",
    "jain_wallace.adversary_curve",
    "jain_wallace.same_shape",
    "reach",
    "serrano_smith.single_erasure",
    "serrano_smith.erasure",
    "wiegreffe_pinter.necessity",
    "wiegreffe_pinter.seeds",
    "wiegreffe_pinter.guide",
    "wiegreffe_pinter.imitation",
    "wiegreffe_pinter.ladder",
    "deep.heads",
    "deep.head_combination",
    "deep.head_reach",
    "deep.uniform_layers",
    "deep.alignment",
    "people.human_agreement",
    "people.plausibility",
    "people.plausibility_curves",
    "people.positions",
    "people.external",
    "people.faithfulness",
    "people.shift",
    "recency.recency",
    "validity",
    "examples",
)
"""Where each experiment stands in this room, and its figure in the room of figures."""

HOMES = {home.rpartition(".")[2]: home for home in EXPERIMENTS}
__all__ = sorted(set(HOMES) - {"recency", "validity"})  # these two are put together from cells and trials


def module_of(room: str, experiment: str) -> ModuleType:
    """The module of an experiment in the room `experiments` or `figures`."""
    return import_module(f"attn_interp.{room}.{HOMES[experiment]}")


def __getattr__(name: str) -> ModuleType:
    if name not in HOMES:
        raise AttributeError(f"module 'attn_interp.experiments' has no attribute {name!r}; it offers {__all__}")
    return module_of("experiments", name)


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
