"""What a trained classifier says of documents, in their own order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import pandas as pd
import torch
from torch import nn

from attn_interp.data.batch import batches_by_length, collate
from attn_interp.data.document import Document
from attn_interp.data.sequences.on_disk import OnDisk
from attn_interp.data.sequences.split import Split
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.checks.device import device_of
from attn_interp.models.classifiers.frozen_attention import Attention, attending
from attn_interp.recording.discovery.dry_run import in_eval_mode


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode (no dropout) without gradients inside; every submodule's own mode again afterwards."""
    with in_eval_mode(module), torch.no_grad():
        yield


def predict_logits(
    module: nn.Module,
    vocabulary: Vocabulary,
    documents: Sequence[Document],
    batch_size: int = 64,
    attention: Attention | None = None,
) -> torch.Tensor:
    """The logits (N, C), float32 on the CPU, of N documents, run in evaluation mode in batches of similar length.

    Args:
        attention: Given in place of the module's own, where it was trained so.

    Raises:
        ValueError: there are no documents.
    """
    if not documents:
        raise ValueError("documents: got none, expected at least one")
    device = device_of(module)
    order: list[int] = []
    outputs: list[torch.Tensor] = []
    with evaluating(module):
        for rows in batches_by_length([len(document) for document in documents], batch_size):
            batch = collate([documents[row] for row in rows], vocabulary).to(device)
            order += rows
            with nullcontext() if attention is None else attending(module, attention(batch)):
                outputs.append(module(*batch.inputs).cpu())  # (B, C)
    by_length = torch.cat(outputs)  # (N, C)
    logits = torch.empty_like(by_length)
    logits[torch.tensor(order)] = by_length
    return logits


def predictions_frame(
    documents: Sequence[Document], classes: Sequence[str], logits: torch.Tensor, decisions: torch.Tensor
) -> pd.DataFrame:
    """One row per document: document (its id), predicted (the class at the index in `decisions` (N,)), and for each
    class "probability <class>", the softmax of the logits (N, C)."""
    probabilities = logits.double().softmax(-1).cpu()
    return pd.DataFrame(
        {
            "document": [document.id for document in documents],
            "predicted": [classes[index] for index in decisions.tolist()],
            **{f"probability {name}": probabilities[:, index].numpy() for index, name in enumerate(classes)},
        }
    )


def as_documents(texts: str | Document | Sequence[str | Document]) -> Sequence[Document]:
    """Texts and documents as documents, for logits alone: unlike in `documents_of`, ids may repeat."""
    if isinstance(texts, str | Document):
        texts = [texts]
    if isinstance(texts, Split | OnDisk):
        return texts
    return [Document(each) if isinstance(each, str) else each for each in texts]


def probability_of(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """(B,) the probability of one class for each document, to take a gradient of.

    Raises:
        ValueError: as `_require_gradient`.
    """
    _require_gradient(logits)
    return logits.softmax(-1).gather(1, classes[:, None]).squeeze(1)


def log_probability_of(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """(B,) the logarithm of the probability of one class for each document, to take a gradient of.

    Raises:
        ValueError: as `_require_gradient`.
    """
    _require_gradient(logits)
    return logits.log_softmax(-1).gather(1, classes[:, None]).squeeze(1)


def lead_of(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """(B,) the logit of one class for each document minus the largest logit of another, to take a gradient of.

    Raises:
        ValueError: as `_require_gradient`.
    """
    _require_gradient(logits)
    rival = logits.scatter(1, classes[:, None], -torch.inf).amax(-1)
    return logits.gather(1, classes[:, None]).squeeze(1) - rival


def _require_gradient(logits: torch.Tensor) -> None:
    """Raises ValueError where autograd is on, and the logits (B, C) lead back to nothing."""
    if torch.is_grad_enabled() and not logits.requires_grad:
        raise ValueError(
            "no gradient reaches back from the logits: the module cuts it off (quantised layers, torch.no_grad() or "
            "detach() in its forward), or torch.inference_mode() is on; use leave-one-out or attention"
        )
