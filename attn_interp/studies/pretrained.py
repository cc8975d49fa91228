"""The pretrained word vectors that the models of a cell start from."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.embeddings import load_embeddings
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.data.whole_files import replace_file
from attn_interp.studies.cell import Cell


def pretrained(cell: Cell, corpus: Corpus, folder: Path) -> torch.Tensor | None:
    """The vectors (V, E), None where the cell names no file; how much of the corpus they cover is written to
    embeddings.json in the folder.

    Raises:
        as `load_embeddings` does.
    """
    if cell.embeddings is None:
        return None
    vocabulary = Vocabulary.build(corpus.train, cell.training.least_count)
    width = cell.settings.embedding_width
    found = load_embeddings(cell.embeddings, vocabulary, corpus.train, width, seed=cell.seed)
    coverage = {
        "source": found.source,
        "width": width,
        "words_of_the_vocabulary_found": found.type_coverage,
        "words_of_the_training_texts_found": found.token_coverage,
    }
    replace_file(folder / "embeddings.json", (json.dumps(coverage, indent=2) + "\n").encode())
    return found.matrix
