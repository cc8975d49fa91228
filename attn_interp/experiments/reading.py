"""What experiments need to know of a model and its documents, read once: weights, logits, votes, and whether the
readout is affine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document, label_name
from attn_interp.experiments.result import Column
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.view import word_of
from attn_interp.readout.affinity import Affinity, affinity, pooled, probe_weightings


@dataclass(frozen=True)
class ReadBatch:
    """One batch in words; float64 on the CPU where it is a number.

    Attributes:
        rows: Index of each document among all that were read.
        batch: What the model saw.
        weights: (B, W), each row summing to 1.
        logits: (B, C) of the model on its own.
        votes: (B, W, C), the logits with all attention on one word.
        is_word: (B, W).
    """

    rows: list[int]
    batch: Batch
    weights: torch.Tensor  # (B, W)
    logits: torch.Tensor  # (B, C)
    votes: torch.Tensor  # (B, W, C)
    is_word: torch.Tensor  # (B, W)

    @property
    def predicted(self) -> torch.Tensor:
        """(B,) index of the predicted class."""
        return self.logits.argmax(-1)


@dataclass(frozen=True)
class Reading:
    """A model's attention over documents, in batches of similar length."""

    documents: tuple[Document, ...]
    batches: tuple[ReadBatch, ...]
    affinity: Affinity

    @property
    def affine(self) -> bool:
        """Whether closed forms over the votes hold; false where no document was long enough to tell."""
        return self.affinity.documents > 0 and self.affinity.affine


def read(model: AttentionModel, documents: Sequence[Document], seed: int = 0) -> Reading:
    """Read weights, logits and votes, and measure whether the logits are affine in the attention.

    Raises:
        ValueError: there are no documents.
    """
    if not documents:
        raise ValueError("read: no documents were given; an experiment needs at least one")
    read_batches: list[ReadBatch] = []
    parts: list[Affinity] = []
    for rows, batch in model.batches(documents):
        run = model.run(batch)
        is_word = run.is_word.cpu()
        # Word w of each document, the last word again for shorter ones: alternative w is one-hot there.
        longest = is_word.shape[1]
        which = torch.arange(longest).minimum(is_word.sum(-1, keepdim=True) - 1)  # (B, W)
        one_hot = torch.nn.functional.one_hot(which, longest).double()  # (B, W, W)
        weights = run.weights.double().cpu()
        weights = weights / weights.sum(-1, keepdim=True)
        probes = probe_weightings(weights, is_word, [document.id for document in batch.documents], seed)
        alternatives = torch.cat([one_hot, probes], 1).to(run.weights)
        with torch.no_grad():
            logits = model.logits_under(batch, alternatives).double().cpu()
        votes = logits[:, :longest] * is_word[..., None]
        parts.append(affinity(probes, logits[:, longest:], votes, is_word))
        read_batches.append(ReadBatch(rows, batch, weights, run.logits.double().cpu(), votes, is_word))
    return Reading(tuple(documents), tuple(read_batches), pooled(parts))


def logits_under(
    model: AttentionModel, reading: Reading, read_batch: ReadBatch, weightings: torch.Tensor
) -> torch.Tensor:
    """The logits (B, K, C) under weightings (B, K, W): one matrix product with the votes where the readout is affine,
    otherwise the model itself. Gradients reach the weightings where autograd is on."""
    if reading.affine:
        return (read_batch.votes.transpose(1, 2) @ weightings.transpose(1, 2)).transpose(1, 2)
    return model.logits_under(read_batch.batch, _on_device(model, weightings)).double().cpu()


def many_under(
    model: AttentionModel, reading: Reading, read_batch: ReadBatch, count: int
) -> Callable[[torch.Tensor], torch.Tensor]:
    """`logits_under` as a function of `count` weightings (B, count, W) that is called many times."""
    if reading.affine:
        return partial(logits_under, model, reading, read_batch)
    under = model.many_under(read_batch.batch, count)
    return lambda weightings: under(_on_device(model, weightings)).double().cpu()


def _on_device(model: AttentionModel, weightings: torch.Tensor) -> torch.Tensor:
    return weightings.to(model.device, torch.get_default_dtype())


DOCUMENT_COLUMNS = {
    "document": Column("id of the document"),
    "label": Column("gold class"),
    "predicted": Column("class predicted by the model"),
    "words": Column("length of the document", "words", 1),
    "max_attention": Column("largest attention weight", "", 0, 1),
}
"""The columns with which every frame of one row per document begins."""


def document_frame(model: AttentionModel, read_batch: ReadBatch) -> pd.DataFrame:
    """The `DOCUMENT_COLUMNS` of one batch."""
    return pd.DataFrame(
        {
            "document": [document.id for document in read_batch.batch.documents],
            "label": [label_name(document, model.classes) for document in read_batch.batch.documents],
            "predicted": [model.classes[index] for index in read_batch.predicted.tolist()],
            "words": read_batch.is_word.sum(-1).numpy(),
            "max_attention": read_batch.weights.amax(-1).numpy(),
        }
    )


def in_order(frames: list[pd.DataFrame], reading: Reading) -> pd.DataFrame:
    """The frames of all batches as one, in the order of the documents (rows of one document keep theirs)."""
    position = {document.id: index for index, document in enumerate(reading.documents)}
    frame = pd.concat(frames, ignore_index=True)
    return frame.iloc[frame["document"].map(position).argsort(kind="stable")].reset_index(drop=True)


def reading_settings(model: AttentionModel, reading: Reading, seed: int) -> dict[str, object]:
    """What every experiment on a reading records of the model: the view that was tested, what it weighs (words or
    sentences) and the measured affinity."""
    return {
        "documents": len(reading.documents),
        "classes": list(model.classes),
        "site": model.view.site,
        "head": model.view.head,
        "query": model.view.query,
        "unit": "word" if model.unit_of is word_of else "sentence",
        "affine": reading.affine,
        "affinity_gap": reading.affinity.gap,
        "affinity_spread": reading.affinity.spread,
        "seed": seed,
    }
