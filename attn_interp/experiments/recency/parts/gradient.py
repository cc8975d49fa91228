"""How far back a decision still feels its words: the gradient at the embeddings, by distance from the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from attn_interp.data.batch import batches_by_length, collate
from attn_interp.data.document import Document
from attn_interp.models.classifiers.trained import Trained
from attn_interp.statistics.bootstrap import Floats


def gradient_by_distance(trained: Trained, documents: Sequence[Document], size: int = 64) -> pd.DataFrame:
    """The norm of dz / de_{T-k}, k = 0 being the last word, as a share of the sum over the words of the document.

    z is the decision: the logit of the predicted class minus that of its nearest rival. Nothing is held constant: the
    path through attention weights counts.

    Returns:
        One row per word: document, distance (k, in words) and share, in [0, 1] and summing to 1; NaN for every word of
        a document whose gradient is 0 throughout.

    Raises:
        ValueError: there are no documents.
    """
    if not documents:
        raise ValueError("gradient by distance: got no documents, expected at least one")
    device = trained.module.head.weight.device
    frames: list[pd.DataFrame] = [pd.DataFrame()] * len(documents)
    for rows in batches_by_length([len(document) for document in documents], size):
        batch = collate([documents[row] for row in rows], trained.vocabulary).to(device)
        held: list[torch.Tensor] = []

        def keep(
            module: torch.nn.Module, given: object, output: torch.Tensor, held: list[torch.Tensor] = held
        ) -> torch.Tensor:
            held.append(output.detach().requires_grad_())
            return held[-1]

        handle = trained.module.embedding.register_forward_hook(keep)
        try:
            with torch.enable_grad():
                logits = trained.module(*batch.inputs)
        finally:
            handle.remove()
        best = logits.topk(2, dim=-1).values
        (gradient,) = torch.autograd.grad((best[:, 0] - best[:, 1]).sum(), held)
        norms = gradient.double().norm(dim=-1).cpu()  # (B, T)
        for row, norm, is_word in zip(rows, norms, batch.is_word.cpu()):
            own = norm[is_word].numpy()
            share = own / own.sum() if own.sum() > 0 else np.full(len(own), np.nan)
            distance = np.arange(len(own))[::-1]
            frames[row] = pd.DataFrame({"document": documents[row].id, "distance": distance, "share": share})
    return pd.concat(frames, ignore_index=True)


def halvings_per_word(shares: Floats) -> float:
    """How often the gradient halves with each word further from the end; its inverse is the half-life in words.

    Minus the slope of a least-squares line through log2 of the shares (T,), by distance, over the half of the words
    nearer to the end: a network of two directions is strong at both ends, and its beginning is not decay. 0 for an even
    gradient, negative where it grows with distance; NaN with fewer than two words there or a share that is 0 or NaN.
    """
    near = np.asarray(shares, dtype=np.float64)[: (len(shares) + 1) // 2]
    if len(near) < 2 or not (near > 0).all():
        return float("nan")
    return -float(np.polyfit(np.arange(len(near)), np.log2(near), 1)[0])
