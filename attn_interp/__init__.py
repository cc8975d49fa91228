"""attn_interp: do the attention weights of a text classifier explain its decisions?

    corpus = attn_interp.load("movies")
    model = attn_interp.wrap(attn_interp.train(corpus))
    attn_interp.experiments.jain_wallace.agreement.agreement(model, corpus.test).summary()

Each name is imported when it is first asked for, so that `import attn_interp` and the rooms below cost nothing more
than what is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attn_interp import experiments
    from attn_interp.data.corpus import Corpus
    from attn_interp.data.document import Document
    from attn_interp.data.load import load
    from attn_interp.figures.words.show import show
    from attn_interp.models.training.fitting import train
    from attn_interp.models.wrap import wrap
    from attn_interp.recording import intervene, mark, record, sites

__all__ = ["Corpus", "Document", "experiments", "intervene", "load", "mark", "record", "show", "sites", "train", "wrap"]

_HOMES = {
    "Corpus": "data.corpus",
    "Document": "data.document",
    "intervene": "recording",
    "load": "data.load",
    "mark": "recording",
    "record": "recording",
    "show": "figures.words.show",
    "sites": "recording",
    "train": "models.training.fitting",
    "wrap": "models.wrap",
}


def __getattr__(name: str) -> Any:
    if name == "experiments":
        return import_module("attn_interp.experiments")
    if name not in _HOMES:
        raise AttributeError(f"module 'attn_interp' has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(f"attn_interp.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
