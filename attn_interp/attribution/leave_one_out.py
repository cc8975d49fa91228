"""Leave-one-out: the output of the whole model on the document without one word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.batch import Batch
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.edit import delete_words
from attn_interp.models.alternatives import same_but_for_rounding
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.predicting import evaluating
from attn_interp.models.transformers.prefix import prefixes_of
from attn_interp.recording.one_word import CELLS

AT_ONCE = 64  # shortened documents that are run together: more than these no longer fit the caches of a processor
ALIKE = 32  # of which what follows a prefix is run together: few, so that of each about as many tokens are left
SAMPLED = 100  # words of a document


def leave_one_out(model: AttentionModel, batch: Batch, classes: torch.Tensor) -> Attribution:
    """p_class(document) - p_class(document without word w), by deletion. NaN for a document of one word.

    Two equal words side by side have the same value: the text without either is the same.

    Reference: Jain & Wallace 2019, section 4.1.
    """
    # In double precision, where the probabilities of a very sure model still differ.
    own, without = (logits.double().softmax(-1) for logits in logits_without_each_word(model, batch))
    present = torch.arange(without.shape[1], device=own.device) < batch.is_word.sum(1, keepdim=True)
    change = (own[:, None] - without)[torch.arange(len(batch), device=own.device), :, classes]  # (B, W)
    return Attribution(change.masked_fill(~present, 0.0).float())


def leave_one_out_sampled(model: AttentionModel, batch: Batch, classes: torch.Tensor, seed: int = 0) -> Attribution:
    """As leave-one-out, of at most 100 words of a document, drawn by the seed and its id: for long documents, of which
    every word would be a run of the whole model.

    The words that were not drawn have no value. A rank correlation is taken over those that were: for a document it is
    an estimate of that over all its words, and the interval of a mean over documents holds that of the draws too.

    Reference: Jain & Wallace 2019, section 4.1, who leave out every word.
    """
    longest = max(len(document) for document in batch.documents)
    drawn = torch.zeros(len(batch), longest, dtype=torch.bool, device=batch.ids.device)
    for row, document in enumerate(batch.documents):
        words = generator(seed, f"left out {document.id}").permutation(len(document))[:SAMPLED]
        drawn[row, torch.from_numpy(words)] = True
    own = model.logits(batch.documents).double().softmax(-1)
    rows, places = drawn.nonzero(as_tuple=True)
    change = own.new_full(drawn.shape, torch.nan)
    left = [each for each in zip(rows.tolist(), places.tolist()) if len(batch.documents[each[0]]) > 1]
    if left:
        without = model.logits([delete_words(batch.documents[row], {place}) for row, place in left], size=AT_ONCE)
        row, place = torch.tensor(left, device=own.device).T
        change[row, place] = (own[row] - without.double().softmax(-1)).gather(1, classes[row, None])[:, 0]
    present = torch.arange(longest, device=own.device) < batch.is_word.sum(1, keepdim=True)
    return Attribution(change.masked_fill(~present, 0.0).float(), asked=drawn)


def logits_without_each_word(model: AttentionModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits (B, C) of each document, and those (B, W, C) of it without its w-th word; NaN for a document of one
    word, 0 past the last word.

    Models that know a faster way to the same logits go it (`AttentionModel.without_each_word`); others are run on every
    shortened document. What is the same text has the same logits, to the last bit.
    """
    known = model.without_each_word or partial(logits_by_deletion, model)
    with evaluating(model.module):
        own, without = known(batch)
    same = first_of_equal_neighbours(model, batch).to(without.device)  # (B, W)
    return own, without.gather(1, same[..., None].expand_as(without))


def first_of_equal_neighbours(model: AttentionModel, batch: Batch) -> torch.Tensor:
    """(B, W) for each word the first of the run of equal words that it stands in: without either the text is the same.

    Words are equal that are spelled alike; for a classifier of ours, which is given ids alone, also those of equal ids,
    as two words that it does not know.
    """
    by_ids = model.trained is not None
    first = torch.arange(max(len(document) for document in batch.documents)).repeat(len(batch), 1)
    for row, (document, ids, unit) in enumerate(
        zip(batch.documents, batch.ids.tolist(), model.unit_of(batch).tolist())
    ):
        given: list[list[int]] = [[] for _ in document.words]
        for token, word in zip(ids, unit):
            if word >= 0:
                given[word].append(token)
        for place in range(1, len(document)):
            alike = document.words[place] == document.words[place - 1]
            if alike or (by_ids and given[place] == given[place - 1]):
                first[row, place] = first[row, place - 1]
    return first


def logits_by_deletion(model: AttentionModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """As `logits_without_each_word`, each a run of the model on the shortened document."""
    with torch.no_grad():
        own = model.batch_logits(batch)
    edits = [
        (row, position)
        for row, document in enumerate(batch.documents)
        if len(document) > 1
        for position in range(len(document))
    ]
    longest = max(len(document) for document in batch.documents)
    result = torch.zeros(len(batch), longest, len(model.classes)).to(own)
    result[[row for row, document in enumerate(batch.documents) if len(document) == 1], 0] = torch.nan
    for part in _held(edits, batch):
        rows, positions = zip(*part)
        shortened = [delete_words(batch.documents[row], {position}) for row, position in part]
        with evaluating(model.module):
            known = _behind_prefixes(model, batch, torch.tensor(rows, device=own.device), shortened)
        result[list(rows), list(positions)] = model.logits(shortened, size=AT_ONCE) if known is None else known
    return own, result


def _held(edits: Sequence[tuple[int, int]], batch: Batch) -> Iterator[Sequence[tuple[int, int]]]:
    """The edits in parts, of which the shortened documents are held together."""
    at_once = max(AT_ONCE, CELLS // batch.ids.shape[1])
    for first in range(0, len(edits), at_once):
        yield edits[first : first + at_once]


def _behind_prefixes(
    model: AttentionModel, batch: Batch, rows: torch.Tensor, edited: Sequence[Document]
) -> torch.Tensor | None:
    """The logits (N, C) of edited documents, of which a causal decoder runs only what follows the tokens that each has
    in common with its own, document `rows` (N,) of the batch; None where that is not the same, as tried on three."""
    try:
        prefixes = prefixes_of(model.module, model.inputs(batch))
        own, own_is_token = _padded_on_the_right(batch)
        ids, is_token = _padded_on_the_right(model.batch(edited))
        width = min(own.shape[1], ids.shape[1])
        common = (own[rows, :width] == ids[:, :width]) & own_is_token[rows, :width] & is_token[:, :width]
        end = is_token.sum(1)
        left = (end - common.long().cumprod(1).sum(1)).clamp(min=1)  # tokens to be run
        before = batch.is_token.long().argmax(1)[rows]  # padding, where it is on the left
        order = left.argsort()
        parts = []
        for part in order.split(min(ALIKE, 1 + len(order) // 4)):
            start = (end[part] - left[part].max()).clamp(min=0)
            place = start[:, None] + torch.arange(int(left[part].max()), device=start.device)
            given = prefixes.followed(rows[part], before[part] + start, is_token[part].gather(1, place))
            parts.append(model.logits_of(model.module(input_ids=ids[part].gather(1, place), **given)))
        logits = torch.cat(parts)[order.argsort()]
    except Exception:  # another way to the same: whatever it fails of, the documents are run whole
        return None
    tried = order[[0, len(order) // 3, 2 * len(order) // 3]]
    whole = model.logits([edited[index] for index in tried.tolist()])
    return logits if same_but_for_rounding(logits[tried], whole) and bool(logits.isfinite().all()) else None


def _padded_on_the_right(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The ids (B, T) of a batch, and where they are tokens, with all padding on the right."""
    order = (~batch.is_token).long().argsort(dim=1, stable=True)
    return batch.ids.gather(1, order), batch.is_token.gather(1, order)
