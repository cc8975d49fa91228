"""Corpora by name or path."""

from __future__ import annotations

from attn_interp.data.corpus import Corpus
from attn_interp.data.movies import load_movies


def load(name_or_path: str, **options: object) -> Corpus:
    """The corpus of this name."""
    if name_or_path != "movies":
        raise ValueError(f"corpus {name_or_path!r} is unknown; options are movies")
    return load_movies(**options)  # type: ignore[arg-type]
