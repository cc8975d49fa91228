"""The adversary of Jain & Wallace 2019, found as the paper finds it: by gradient descent on attention scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.experiments.read_batch import ReadBatch
from attn_interp.experiments.reading import Reading

STARTS = 5
STEPS = 500
LEARNING_RATE = 0.01
PENALTY = 500.0
TINY = 1e-300
WAY = 20  # steps on the straight line from the model's attention to a further start


def search_adversary(
    reading: Reading, batch: ReadBatch, eps: float, further: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The attention of largest JSD that the search meets while TVD <= eps: a lower bound on the true maximum.

    Five starts per document, scores log(uniform) + 3 N(0, 1), 500 steps of Adam at .01 on
    -JSD + 500 relu(TVD - eps) - (mean JSD between the starts). Every iterate that keeps TVD <= eps is a candidate, and
    so is the model's own attention (JSD 0), so the search is at least as good as one that looks at its last step only.

    Args:
        further: (B, S, W) attentions to start from beside the five. They do not touch the five, so the outcome is never
            below that of the paper's search alone. They and the way to them from the model's own attention are
            candidates as well.

    Returns:
        attention (B, W) and its JSD from the model's own (B,).

    Reference: Jain & Wallace 2019, section 4.2.2.
    """
    device = reading.device  # every step stays there
    weights, is_word = batch.weights.to(device), batch.is_word.to(device)
    own = batch.logits.softmax(-1)[:, None].to(device)  # (B, 1, C)
    base = weights[:, None]  # (B, 1, W)
    scores = _starting_scores(batch.batch.documents, batch.is_word, reading.seed).to(device)
    best, best_jsd = weights.clone(), torch.zeros_like(weights[:, 0])

    def keep_better(attention: torch.Tensor, divergence: torch.Tensor, change: torch.Tensor) -> None:
        nonlocal best, best_jsd
        value, which = torch.where(change <= eps, divergence, -torch.inf).max(-1)
        better = value > best_jsd
        best_jsd = torch.where(better, value, best_jsd)
        best = torch.where(better[:, None], attention[torch.arange(len(best), device=device), which], best)

    if further is not None:
        part = torch.linspace(1, 0, WAY + 1, dtype=torch.float64)[:-1, None, None]  # (P, 1, 1)
        way = torch.cat([step * further + (1 - step) * batch.weights[:, None] for step in part], 1)  # (B, P S, W)
        with torch.no_grad():
            change = (reading.logits_under(batch, way).to(device).softmax(-1) - own).abs().sum(-1) / 2
            keep_better(way.to(device), _jsd(way.to(device), base), change)
        scores = torch.cat([scores, (0.9 * further.to(device) + 0.1 * base).clamp(min=TINY).log()], 1)
    scores = scores.requires_grad_()
    first, second = torch.triu_indices(STARTS, STARTS, 1, device=device)
    under = reading.many_under(batch, scores.shape[1])
    optimiser = torch.optim.Adam([scores], lr=LEARNING_RATE, amsgrad=True)
    for step in range(STEPS + 1):
        attention = scores.masked_fill(~is_word[:, None], -torch.inf).softmax(-1)  # (B, S, W)
        divergence = _jsd(attention, base)  # (B, S)
        change = (under(attention).softmax(-1) - own).abs().sum(-1) / 2
        with torch.no_grad():
            keep_better(attention, divergence, change)
        if step == STEPS:
            break
        apart = _jsd(attention[:, first], attention[:, second]).mean(-1)  # (B,)
        loss = (PENALTY * torch.relu(change - eps) - divergence).sum() / STARTS - apart.sum()
        optimiser.zero_grad()
        loss.backward(inputs=[scores])  # none for the parameters of the model
        optimiser.step()
    return best.detach().cpu(), best_jsd.detach().cpu()


def _jsd(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """`measures.divergence.jsd` with gradients that stay finite where a weight is 0."""
    middle = ((p + q) / 2).clamp(min=TINY).log()
    from_p, from_q = ((x * (x.clamp(min=TINY).log() - middle)).sum(-1) for x in (p, q))
    return (from_p + from_q) / 2


def _starting_scores(documents: Sequence[Document], is_word: torch.Tensor, seed: int) -> torch.Tensor:
    """(B, 5, W) log(uniform) + 3 N(0, 1), drawn from (seed, document id)."""
    scores = torch.zeros(len(documents), STARTS, is_word.shape[1], dtype=torch.float64)
    for row, document in enumerate(documents):
        noise = generator(seed, f"search {document.id}").standard_normal((STARTS, len(document)))
        scores[row, :, : len(document)] = torch.as_tensor(3 * noise - np.log(len(document)))
    return scores
