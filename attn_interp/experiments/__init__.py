"""One question put to one model per module: (model, documents) -> Result. Modules are imported when asked for."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attn_interp.experiments import (
        adversary,
        adversary_curve,
        agreement,
        alignment,
        erasure,
        examples,
        external,
        faithfulness,
        guide,
        head_combination,
        head_reach,
        heads,
        human_agreement,
        imitation,
        ladder,
        necessity,
        permutation,
        plausibility,
        plausibility_curves,
        positions,
        quality,
        reach,
        same_shape,
        seeds,
        shift,
        single_erasure,
        uniform_layers,
    )

__all__ = [
    "adversary",
    "adversary_curve",
    "agreement",
    "alignment",
    "erasure",
    "examples",
    "external",
    "faithfulness",
    "guide",
    "head_combination",
    "head_reach",
    "heads",
    "human_agreement",
    "imitation",
    "ladder",
    "necessity",
    "permutation",
    "plausibility",
    "plausibility_curves",
    "positions",
    "quality",
    "reach",
    "same_shape",
    "seeds",
    "shift",
    "single_erasure",
    "uniform_layers",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module 'attn_interp.experiments' has no attribute {name!r}; it offers {__all__}")
    return import_module(f"attn_interp.experiments.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
