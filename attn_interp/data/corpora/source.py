"""What `load` knows of a corpus that has a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attn_interp.data.corpus import Corpus

Loader = Callable[..., Corpus]


@dataclass(frozen=True)
class Source:
    """A corpus that has a name: what `load` calls for it.

    Attributes:
        name: What `load` is given.
        about: One line on what it holds.
        licence: Licence of the texts.
        loader: Function of the options that returns the corpus.
        needs_path: Whether the user has to have the files: `path` is then an option without a default.
    """

    name: str
    about: str
    licence: str
    loader: Loader
    needs_path: bool = True
