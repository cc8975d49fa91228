"""What every head of every layer attends to, in words, from one pass: the rows of the view's query alone are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.rows_of_attention import Rows, Window
from attn_interp.models.view import MEAN, word_of
from attn_interp.recording import Site, record
from attn_interp.recording.recording import Recording


@dataclass(frozen=True)
class HeadPlace:
    """One head of a model: its site, the number of that site in the order in which sites run, and its index there."""

    site: str
    layer: int
    head: int


@dataclass(frozen=True)
class HeadRows:
    """The attention of N heads to the words of B documents.

    Attributes:
        places: The N heads, layer by layer.
        weights: (B, N, W) each row summing to 1 over the words; NaN for a head with no attention on words at all.
        word_mass: (B, N) share of a head's attention that falls on words; the rest is on special tokens or a sink.
        logits: (B, C).
        is_word: (B, W).
    """

    places: tuple[HeadPlace, ...]
    weights: torch.Tensor  # (B, N, W)
    word_mass: torch.Tensor  # (B, N)
    logits: torch.Tensor  # (B, C)
    is_word: torch.Tensor  # (B, W)


def heads_of(model: AttentionModel) -> tuple[HeadPlace, ...]:
    """All heads of all sites, layer by layer."""
    return tuple(
        HeadPlace(site.name, layer, head) for layer, site in enumerate(model.sites) for head in range(site.heads)
    )


def rows_of_heads(model: AttentionModel, batch: Batch) -> HeadRows:
    """The attention of every head, from the query of the model's view, or the mean over words where the view is at a
    pooling, which has one query of its own. A word has the sum over its pieces.

    Raises:
        ValueError: naming a site whose keys are not the positions of the documents.
    """
    with torch.no_grad(), record(model.module, model.sites) as recording:
        logits = model.batch_logits(batch)
    words = torch.cat([_words(model, batch, recording, site) for site in model.sites], 1)  # (B, N, W)
    mass = words.sum(-1)
    counts = batch.is_word.sum(-1, keepdim=True)
    is_word = torch.arange(words.shape[2], device=words.device) < counts
    return HeadRows(heads_of(model), words / mass[..., None], mass, logits, is_word)


@dataclass(frozen=True)
class LayerMass:
    """Where the attention of B documents lies beside their words, in the L layers and in the view of the model.

    Attributes:
        outside: (B, L) share outside the words, as the mean over heads.
        first: (B, L) share on the first token.
        first_of_view: (B,) that of the view.
    """

    outside: torch.Tensor  # (B, L)
    first: torch.Tensor  # (B, L)
    first_of_view: torch.Tensor  # (B,)


def mass_of_layers(model: AttentionModel, batch: Batch) -> LayerMass:
    """The shares of attention outside the words and on the first token, at the query that `rows_of_heads` reads.

    Raises:
        ValueError: naming a site whose keys are not the positions of the documents.
    """
    with torch.no_grad(), record(model.module, model.sites) as recording:
        model.batch_logits(batch)
    first = batch.is_token.int().argmax(-1)[:, None]  # (B, 1)
    found = {site.name: _rows(model, batch, recording, site) for site in model.sites}
    view = model.window(batch).rows(recording[model.view.site])
    outside = [1 - rows.mean(rows.words).sum(-1) for rows in found.values()]
    on_first = [rows.mean(rows.weights).gather(1, first)[:, 0] for rows in found.values()]
    return LayerMass(
        torch.stack(outside, -1), torch.stack(on_first, -1), view.mean(view.weights).gather(1, first)[:, 0]
    )


def _words(model: AttentionModel, batch: Batch, recording: Recording, site: Site) -> torch.Tensor:
    """(B, H, W) the weights of one site at the query, summed over the pieces of each word."""
    found, heads = _rows(model, batch, recording, site), recording[site].shape[1]
    by_head = found.words.unflatten(1, (heads, -1))  # (B, H, Q, W)
    counted = found.counted.unflatten(1, (heads, -1))[..., None]
    return (by_head * counted).sum(2) / counted.sum(2)


def _rows(model: AttentionModel, batch: Batch, recording: Recording, site: Site) -> Rows:
    """The rows of all heads of a site at the query."""
    view = replace(model.view, site=site.name, head=MEAN)
    return Window(view, site, word_of(batch), _at(model, batch, recording, site)).rows(recording[site])


def _at(model: AttentionModel, batch: Batch, recording: Recording, site: Site) -> torch.Tensor | None:
    """(B,) the query that is read at a site; None: the mean over words."""
    if recording[site].shape[2] == 1:
        return torch.zeros(len(batch), dtype=torch.long, device=batch.ids.device)
    return None if recording[model.view.site].shape[2] == 1 else model.query_at(batch)
