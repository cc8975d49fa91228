"""The logits of documents with some of their words erased, by any of four ways of erasing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from attn_interp.data.edit import delete_words, replace_words
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.serrano_smith.parts.keeping import logits_keeping
from attn_interp.models.attention_model import AttentionModel

RUNS_AT_ONCE = 256

DELETE, MASK, MEAN_EMBEDDING, ATTENTION_MASK = "delete", "mask", "mean embedding", "attention mask"
OPERATORS = {
    DELETE: "the words are taken out of the text, which gets shorter",
    MASK: "each word is replaced by the word that stands for a hidden one",
    MEAN_EMBEDDING: "the input embedding of each word is replaced by the mean of the vocabulary",
    ATTENTION_MASK: "the attention of the words is set to 0 and the rest renormalised; the states stay",
}
"""How words are erased. Deletion and attention mask need a word that is left; the other two keep the length."""


def check_operator(model: AttentionModel, operator: str, also: Sequence[str] = ()) -> None:
    """Raises ValueError for an operator that is unknown, none of `OPERATORS` and of those that are allowed `also`, or
    that the view of the model does not allow."""
    if operator not in (*OPERATORS, *also):
        known = ", ".join(sorted((*OPERATORS, *also)))
        raise ValueError(f"operator {operator!r} is unknown; choose from {known}")
    if operator == MASK and not model.words_are_positions:
        raise ValueError(
            "operator 'mask' hides single words, and this view weighs sentences; choose 'delete', 'mean embedding' or "
            "'attention mask'"
        )
    if operator == MASK and model.mask_word is None:
        raise ValueError(
            "operator 'mask': the tokenizer of this model has no mask token and no unknown token; choose 'delete', "
            "'mean embedding' or 'attention mask'"
        )


def edited_logits(reading: Reading, batch: ReadBatch, kept: torch.Tensor, operator: str) -> torch.Tensor:
    """The logits (B, K, C) of each document with only the words in `kept` (B, K, W) left, all others erased.

    Equal sets of one document are run once. NaN where nothing is left: no word under deletion, no attention under the
    attention mask.
    """
    sets, which = _different(kept & batch.is_word[:, None])
    logits = _WAYS[operator](reading, batch, sets)  # (B, U, C)
    return logits.gather(1, which[..., None].expand(-1, -1, logits.shape[-1]))


def _different(kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The different sets of each document (B, U, W), the last one again for documents with fewer than U, and which of
    them each given set is (B, K)."""
    found: list[list[int]] = []
    which: list[list[int]] = []
    for rows in kept.numpy():
        seen: dict[bytes, int] = {}
        which.append([seen.setdefault(row.tobytes(), len(seen)) for row in rows])
        first: dict[int, int] = {}
        for place, number in enumerate(which[-1]):
            first.setdefault(number, place)
        found.append(list(first.values()))
    most = max(map(len, found))
    places = torch.tensor([own + [own[-1]] * (most - len(own)) for own in found])  # (B, U)
    return kept.gather(1, places[..., None].expand(-1, -1, kept.shape[-1])), torch.tensor(which)


def _by_deletion(reading: Reading, batch: ReadBatch, sets: torch.Tensor) -> torch.Tensor:
    rows, places = _to_run(sets, sets.any(-1))
    model, documents = reading.model, batch.batch.documents
    edited = [
        delete_words(documents[row], _erased(sets[row, place], len(documents[row]))) for row, place in zip(rows, places)
    ]
    return _put(sets, rows, places, model.logits(edited, RUNS_AT_ONCE) if edited else None, len(model.classes))


def _by_mask(reading: Reading, batch: ReadBatch, sets: torch.Tensor) -> torch.Tensor:
    rows, places = _to_run(sets, torch.ones(sets.shape[:2], dtype=torch.bool))
    model, documents, mask = reading.model, batch.batch.documents, str(reading.model.mask_word)
    edited = [
        replace_words(documents[row], _erased(sets[row, place], len(documents[row])), mask)
        for row, place in zip(rows, places)
    ]
    return _put(sets, rows, places, model.logits(edited, RUNS_AT_ONCE), len(model.classes))


def _by_mean_embedding(reading: Reading, batch: ReadBatch, sets: torch.Tensor) -> torch.Tensor:
    rows, places = _to_run(sets, torch.ones(sets.shape[:2], dtype=torch.bool))
    model = reading.model
    vector = model.embedding.mean()
    parts = []
    for start in range(0, len(rows), RUNS_AT_ONCE):
        own, at = rows[start : start + RUNS_AT_ONCE], places[start : start + RUNS_AT_ONCE]
        edited = model.batch([batch.batch.documents[row] for row in own])
        parts.append(model.logits_with_embedding(edited, ~sets[own, at].to(model.device), vector))
    return _put(sets, rows, places, torch.cat(parts), len(model.classes))


_Way = Callable[[Reading, ReadBatch, torch.Tensor], torch.Tensor]
_WAYS: dict[str, _Way] = {
    DELETE: _by_deletion,
    MASK: _by_mask,
    MEAN_EMBEDDING: _by_mean_embedding,
    ATTENTION_MASK: logits_keeping,
}


def _to_run(sets: torch.Tensor, wanted: torch.Tensor) -> tuple[list[int], list[int]]:
    """Row and place of each wanted set, the repeated last ones only once."""
    again = torch.zeros(sets.shape[:2], dtype=torch.bool)
    again[:, 1:] = (sets[:, 1:] == sets[:, :-1]).all(-1)
    rows, places = (wanted & ~again).nonzero(as_tuple=True)
    return rows.tolist(), places.tolist()


def _erased(kept: torch.Tensor, length: int) -> list[int]:
    return [position for position, stays in enumerate(kept.tolist()[:length]) if not stays]


def _put(
    sets: torch.Tensor, rows: list[int], places: list[int], logits: torch.Tensor | None, classes: int
) -> torch.Tensor:
    result = torch.full((*sets.shape[:2], classes), torch.nan, dtype=torch.float64)
    if logits is not None:
        result[rows, places] = logits.double().cpu()
    return result
