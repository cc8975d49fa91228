"""Soft erasure: of each word a part of its embedding is kept, the more the more important it is, and as much in all for
every method (after Zhao & Aletras 2023)."""

from __future__ import annotations

import torch

from attn_interp.data.batch import POSITIONS
from attn_interp.data.draws import generator
from attn_interp.experiments.people.parts.edited import RUNS_AT_ONCE
from attn_interp.experiments.people.parts.ranked import DRAWS
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading

SOFT = "soft"
HOW = (
    "each value of a word's input embedding is set to 0, with a chance that follows the word's score; as large a share "
    "is kept on average as under the other operators"
)


def chances(scores: torch.Tensor, is_word: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """(B, L, W) in [0, 1], in proportion to the scores (B, W) up to 1, with the mean `share` (B, L) over the words.

    That is min(1, c s) with the one c that gives this mean. Scores below 0 count as 0. Where the words above 0 are too
    few to reach it, each of these has 1 and all others the same rest; where none is above 0, all have the share.

    >>> scores, is_word = torch.tensor([[6.0, 1.0, 1.0, 0.0]]), torch.ones(1, 4, dtype=torch.bool)
    >>> chances(scores, is_word, torch.tensor([[0.25, 0.5, 0.75]]))[0].tolist()
    [[0.75, 0.125, 0.125, 0.0], [1.0, 0.5, 0.5, 0.0], [1.0, 1.0, 1.0, 0.0]]
    """
    positive = scores.double().nan_to_num(0.0).clamp(min=0) * is_word
    mass = (share.double() * is_word.sum(-1, keepdim=True))[..., None]  # (B, L, 1)
    above = (positive > 0)[:, None]  # (B, 1, W)
    count = above.sum(-1, keepdim=True).double()
    falling = positive.sort(-1, descending=True).values[:, None]
    rest = falling.flip(-1).cumsum(-1).flip(-1)  # of the word and those behind it
    full = torch.arange(scores.shape[1], dtype=torch.float64)  # words with a chance of 1, if this is the next
    factor = (mass - full) / rest.clamp(min=1e-300)
    fits = (factor * falling <= 1) & (falling > 0)
    chosen = factor.gather(-1, fits.double().argmax(-1, keepdim=True))  # the first that fits
    proportional = (chosen * positive[:, None]).clamp(0, 1)
    others = (is_word[:, None] & ~above).double()
    spread = above.double() + others * (mass - count) / others.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(mass < count, proportional, spread)


def soft_logits(reading: Reading, batch: ReadBatch, kept: torch.Tensor) -> torch.Tensor:
    """The logits (B, K, D, C) of each document, in D draws, where each value of the input embedding of a word is kept
    with its chance `kept` (B, K, W) and is else 0.

    One uniform number is drawn for each draw, position and value from (seed, document id), and a value is kept where it
    lies below the chance: what is kept under a chance is kept under any larger one. Special tokens and second texts
    stay whole.
    """
    model = reading.model
    found = []
    for row, document in enumerate(batch.batch.documents):
        one = model.batch([document])
        unit = model.unit_of(one)[0].cpu()  # (T,)
        inside = (unit >= 0).nonzero()[:, 0]
        embedded = model.embeddings(one)  # (1, T, E)
        size = (DRAWS, len(inside), embedded.shape[-1])
        drawn = torch.as_tensor(generator(reading.seed, f"soft {document.id}").random(size)).to(model.device)
        chance = kept[row][:, unit[inside]].to(model.device)  # (K, P)
        runs = torch.cartesian_prod(torch.arange(len(chance)), torch.arange(DRAWS))  # (K D, 2)
        logits = []
        for some in runs.split(max(1, min(RUNS_AT_ONCE, POSITIONS // len(unit)))):
            copies = one.rows(torch.zeros(len(some), dtype=torch.long, device=model.device))
            values = embedded.repeat(len(some), 1, 1)
            values[:, inside.to(model.device)] *= drawn[some[:, 1]] < chance[some[:, 0], :, None]
            with torch.no_grad(), model.embeddings_given(values):
                logits.append(model.batch_logits(copies))
        found.append(torch.cat(logits).double().cpu().unflatten(0, (len(chance), DRAWS)))
    return torch.stack(found)
