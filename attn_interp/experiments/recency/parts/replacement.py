"""What a word can change, by where it stands: the decision with another word at a relative position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.edit import replace_words
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.predicting import predict_logits


def place_of(position: float, words: int) -> int:
    """Index of the word at a relative position, 0 being the first word and 1 the last."""
    return round(position * (words - 1))


def replacement_by_position(
    trained: Trained, documents: Sequence[Document], positions: Sequence[float], words: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """|dz| when the word at each relative position is replaced by one of `words`.

    z is the logit of the class predicted for the whole document minus that of its nearest rival there. The word that
    is put in is drawn for each document, and is the same at all positions.

    Returns:
        One row per document and position: document, position, change (|dz|, in logits) and relative, the change over
        its mean over the positions (1: as everywhere); NaN where nothing changes at any position.

    Raises:
        ValueError: there are no documents or words, or a position outside [0, 1].
    """
    if not words:
        raise ValueError("replacement: got no words to put in, expected at least one")
    if wrong := [position for position in positions if not 0 <= position <= 1]:
        raise ValueError(f"replacement: got position {wrong[0]}, expected relative positions in [0, 1]")
    edited = []
    for document in documents:
        word = words[int(generator(seed, document.id).integers(len(words)))]
        edited += [replace_words(document, {place_of(position, len(document))}, word) for position in positions]
    whole = predict_logits(trained.module, trained.vocabulary, documents).double()  # (N, C)
    logits = predict_logits(trained.module, trained.vocabulary, edited, 256).double()
    best, rival = whole.topk(2, dim=-1).indices.unbind(-1)  # (N,)
    rows = np.arange(len(documents))
    before = (whole[rows, best] - whole[rows, rival]).numpy()
    after = logits.unflatten(0, (len(documents), len(positions)))  # (N, P, C)
    change = np.abs((after[rows, :, best] - after[rows, :, rival]).numpy() - before[:, None])  # (N, P)
    same = [edit.words == documents[index // len(positions)].words for index, edit in enumerate(edited)]
    change[np.reshape(same, change.shape)] = 0.0  # a word in its own place: no rounding between two passes
    mean = change.mean(1, keepdims=True)
    relative = np.divide(change, mean, out=np.full_like(change, np.nan), where=mean > 0)
    return pd.DataFrame(
        {
            "document": np.repeat([document.id for document in documents], len(positions)),
            "position": np.tile(np.asarray(positions, dtype=np.float64), len(documents)),
            "change": change.ravel(),
            "relative": relative.ravel(),
        }
    )
