"""Whether evidence is found wherever it stands: decisions, and the attention on it, of planted documents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.wrap import wrap


def found_evidence(trained: Trained, batch: Batch, model: AttentionModel | None = None) -> pd.DataFrame:
    """Whether each planted document is classified right, and the attention on the word that decides.

    Args:
        batch: The documents, collated with the classifier's vocabulary; many models may share them.
        model: What `wrap` returned for a classifier that pools by attention, to save wrapping it again.

    Returns:
        One row per document: document, correct (0 or 1) and mass, the attention weight on the words that the first
        rationale marks; NaN for a classifier that does not pool by attention.

    Raises:
        ValueError: a document has no rationale, so that nobody knows where its evidence is.
    """
    for document in batch.documents:
        if not document.rationales:
            raise ValueError(f"document {document.id!r}: has no rationale to say where its evidence is; plant some")
    batch = batch.to(trained.module.head.weight.device)
    mass = np.full(len(batch), np.nan)
    if trained.settings.pooling == "attention":
        run = (model or wrap(trained)).run(batch)
        logits = run.logits
        marked = torch.zeros_like(run.weights, dtype=torch.float64)  # (B, W)
        for index, document in enumerate(batch.documents):
            marked[index, : len(document)] = torch.tensor(document.rationales[0], dtype=torch.float64)
        mass = (run.weights.double() * marked).sum(1).cpu().numpy()
    else:
        with torch.no_grad():
            logits = trained.module(*batch.inputs)
    correct = (logits.argmax(-1) == batch.gold_labels()).double().cpu().numpy()
    return pd.DataFrame({"document": [each.id for each in batch.documents], "correct": correct, "mass": mass})
