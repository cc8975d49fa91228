"""Any corpus -> the project's own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attn_interp.data.corpus import Corpus
from attn_interp.data.jsonlines import save_jsonlines
from attn_interp.data.load import load


def convert(name_or_path: str | Path, target: Path | str, **options: Any) -> Corpus:
    """Loads a corpus with `load` and its options and writes it to a JSON-lines file; returns the corpus."""
    corpus = load(name_or_path, **options)
    save_jsonlines(corpus, target)
    return corpus
