"""Which row of attention a classifier reads, found by changing rows and looking whether the output moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.view import FIRST, LAST, MEAN, word_of
from attn_interp.recording import intervene, record

SAME = 1e-6


@dataclass(frozen=True)
class LastUnpadded:
    """(B,) the last position whose id is not that of padding: where classifiers on decoders read.

    It is not the last token of a text that ends in the padding id, as one with an end token does that also pads.

    Attributes:
        padding: Id of the padding token.
    """

    padding: int

    def __call__(self, batch: Batch) -> torch.Tensor:
        return ((batch.ids != self.padding) * torch.arange(batch.ids.shape[1], device=batch.ids.device)).argmax(-1)


def with_query(model: AttentionModel, batch: Batch, query: int | str | None, padding: int) -> AttentionModel:
    """The model with the query that was asked for, or that the classifier reads from.

    Raises:
        ValueError: the query is a mean, at a site whose words do not see the words after them; or it is the last, and
            no row can be told that the classifier reads.
    """
    first, last = (replace(model, view=replace(model.view, query=each)) for each in (FIRST, LAST))
    unpadded = replace(last, query_of=LastUnpadded(padding))
    trials = (batch, _with_padding(batch, padding, last=True), _with_padding(batch, padding, last=False))
    tried = (first, last, unpadded) if query is None else (last, unpadded) if query == LAST else ()
    for each in tried:
        if all(_is_read_alone(each, trial) for trial in trials):
            return each
    sees_all = _sees_all_words(model, batch)
    if query == LAST or (query is None and not sees_all):
        for each in (last, unpadded):
            if all(_is_read(each, trial) for trial in trials):
                return each
        if query == LAST:
            return last
        raise ValueError(
            f"wrap: at site {model.view.site!r} neither the last token of a text nor its last that is not padding is "
            f"read by the classifier where texts hold the padding token (id {padding}); choose another site, query= "
            "'first', 'last' or an index, or let the tokenizer pad with a token of its own"
        )
    if query is None:
        query = MEAN
    if query == MEAN and not sees_all:
        raise ValueError(
            f"wrap: at site {model.view.site!r} words do not see the words after them, so no attention over all words "
            "has a mean over queries; choose query='last'"
        )
    return replace(model, view=replace(model.view, query=query))


def _with_padding(batch: Batch, padding: int, last: bool) -> Batch:
    """The batch with the id of padding for a word of each document, its last or a middle one: as an unknown word has,
    where they share it. A last token that is special stays as it is."""
    if last:
        end = batch.is_token & ~batch.is_token.roll(-1, 1)
        end[:, -1] = batch.is_token[:, -1]
        place = end & (word_of(batch) >= 0)
    else:
        place = word_of(batch) == batch.is_word.sum(1, keepdim=True) // 2
    return replace(batch, ids=batch.ids.masked_fill(place, padding))


def _is_read(model: AttentionModel, batch: Batch) -> bool:
    """Whether the output of every document moves with the row of the view: all weight on the key that has least."""
    with torch.no_grad(), record(model.module, [model.site]) as recording:
        own = model.batch_logits(batch)
    weights = recording[model.site].clone()
    documents, at = torch.arange(len(batch), device=model.device), model.query_at(batch)
    rows = weights[documents, :, at]  # (B, H, T)
    least = rows.masked_fill(rows == 0, torch.inf).argmin(-1, keepdim=True)
    weights[documents, :, at] = torch.zeros_like(rows).scatter(-1, least, rows.sum(-1, keepdim=True))
    with torch.no_grad(), intervene(model.module, {model.site: weights}):
        return bool((model.batch_logits(batch) != own).any(-1).all())


def _is_read_alone(model: AttentionModel, batch: Batch) -> bool:
    """Whether the output depends on the query of the view alone: with the attention of all others made uniform it stays
    the same."""
    with torch.no_grad(), record(model.module, [model.site]) as recording:
        own = model.batch_logits(batch)
    weights = recording[model.site]
    model.window(batch).check(weights)
    uniform = (weights > 0) / (weights > 0).sum(-1, keepdim=True).clamp(min=1)
    uniform = uniform * weights.sum(-1, keepdim=True)
    at = model.query_at(batch)
    documents = torch.arange(len(batch), device=model.device)
    others = uniform.clone()
    others[documents, :, at] = weights[documents, :, at]
    with torch.no_grad(), intervene(model.module, {model.site: others}):
        return bool((model.batch_logits(batch) - own).abs().max() <= SAME * (1 + own.abs().max()))


def _sees_all_words(model: AttentionModel, batch: Batch) -> bool:
    """Whether every word of a document attends to every word of it."""
    with torch.no_grad(), record(model.module, [model.site]) as recording:
        model.batch_logits(batch)
    rows = replace(model, view=replace(model.view, query=MEAN)).window(batch).rows(recording[model.site])
    inside = rows.counted[..., None] & (rows.word >= 0)[:, None]
    return bool((rows.weights > 0)[inside].all())
