"""What training asks of the attention beside accuracy: penalties that are said to make it an explanation, one that
makes it lie, and words that are hidden so that erased texts are nothing new."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document
from attn_interp.data.edit import replace_words
from attn_interp.data.vocabulary import UNKNOWN_ID
from attn_interp.measures.states import conicity
from attn_interp.models.classifiers.settings import TrainingSettings

SMALLEST = 1e-6  # attention whose logarithm is still taken
MASKED_SHARE = 0.5  # of the documents of a batch, from which words are hidden


@dataclass(frozen=True)
class Seen:
    """What a classifier did with a batch in training.

    Attributes:
        batch: The documents.
        embedded: (B, T, E) word vectors.
        states: (B, T, D) states.
        attention: (B, T) weights over the words, 0 elsewhere.
    """

    batch: Batch
    embedded: torch.Tensor
    states: torch.Tensor
    attention: torch.Tensor


def diversity(seen: Seen, settings: TrainingSettings) -> torch.Tensor:
    """(B,) the conicity of the states that are pooled.

    Reference: Mohankumar et al. 2020, section 4.2.
    """
    return conicity(seen.states, seen.batch.is_word)


def tied(seen: Seen, settings: TrainingSettings) -> torch.Tensor:
    """(B,) mean over words of the squared distance between a state and the vector of its own word, both of one width.

    Reference: Tutek & Snajder 2020, section 4.
    """
    distance = (seen.states - seen.embedded).square().sum(-1)  # (B, T)
    return (distance * seen.batch.is_word).sum(-1) / seen.batch.is_word.sum(-1).clamp(min=1)


def supervised(seen: Seen, settings: TrainingSettings) -> torch.Tensor:
    """(B,) KL(rationale || attention) in nats, the mean rationale made to sum to 1; 0 for a document without a mark."""
    rows = [
        seen.attention.new_tensor(document.rationales).reshape(-1, len(document)).sum(0)
        for document in seen.batch.documents
    ]
    marked = torch.zeros_like(seen.attention)
    marked[seen.batch.is_word] = torch.cat(rows)
    wanted = marked / marked.sum(-1, keepdim=True).clamp(min=SMALLEST)
    return functional.kl_div(seen.attention.clamp(min=SMALLEST).log(), wanted, reduction="none").sum(-1)


def deceptive(seen: Seen, settings: TrainingSettings) -> torch.Tensor:
    """(B,) -log(1 - attention on the words that are forbidden).

    Reference: Pruthi et al. 2020, section 3.
    """
    return -(1 - forbidden_mass(seen.batch, seen.attention, settings.forbidden)).clamp(min=SMALLEST).log()


def forbidden_mass(batch: Batch, attention: torch.Tensor, forbidden: tuple[str, ...]) -> torch.Tensor:
    """(B,) the attention (B, T) on words that are forbidden, in any case of letters."""
    words = {word.lower() for word in forbidden}
    flags = [word.lower() in words for document in batch.documents for word in document.words]
    marked = torch.zeros_like(batch.is_word)
    marked[batch.is_word] = torch.tensor(flags, device=marked.device)
    return (attention * marked).sum(-1)


PENALTIES: Mapping[str, Callable[[Seen, TrainingSettings], torch.Tensor]] = {
    "deceptive": deceptive,
    "diversity": diversity,
    "supervised": supervised,
    "tied": tied,
}
"""Remedy -> what is added to the loss, in nats, times the strength."""


def with_hidden_words(batch: Batch) -> Batch:
    """The batch in which the words that are `drawn_to_hide` are the unknown word."""
    hidden = drawn_to_hide(batch.is_word.cpu()).to(batch.ids.device)
    return replace(batch, ids=batch.ids.masked_fill(hidden, UNKNOWN_ID))


def documents_with_hidden_words(documents: Sequence[Document], word: str) -> list[Document]:
    """The documents in which the words that are `drawn_to_hide` are `word`, for a model that reads words in pieces:
    each is hidden whole, by one mask, as the operator "mask" of faithfulness does."""
    lengths = torch.tensor([len(document) for document in documents])
    hidden = drawn_to_hide(torch.arange(int(lengths.max())) < lengths[:, None])  # (B, W)
    return [replace_words(each, row.nonzero()[:, 0].tolist(), word) for each, row in zip(documents, hidden)]


def drawn_to_hide(is_word: torch.Tensor) -> torch.Tensor:
    """(B, T) which of the words (B, T) training hides: in about half of the documents, each word with a chance of its
    document's, which is drawn between 0 and 1.

    Reference: Madsen et al. 2024, masked fine-tuning (section 3.1).
    """
    count = len(is_word)
    chance = torch.rand(count, 1) * (torch.rand(count, 1) < MASKED_SHARE)
    return (torch.rand(is_word.shape) < chance) & is_word


def why_no_remedy(settings: TrainingSettings, documents: Sequence[Document], same_width: bool) -> str:
    """Why documents or network do not allow the remedy of the settings, or ""."""
    if settings.remedy == "supervised" and not any(document.rationales for document in documents):
        return "no training document has a rationale that attention could learn from"
    if settings.remedy == "deceptive" and not settings.forbidden:
        return "no words are forbidden; name some, as forbidden=('good', 'bad')"
    if settings.remedy == "tied" and not same_width:
        return "states and word vectors have other widths; set hidden (of each direction) and embedding_width alike"
    return ""
