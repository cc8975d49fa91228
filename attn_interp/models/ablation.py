"""The mean attention of a model over reference documents, to put in the place of a head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch

from attn_interp.data.document import Document
from attn_interp.models.attention_model import AttentionModel
from attn_interp.recording import Site, record
from attn_interp.recording.ablation import mean_weights


def mean_attention(
    model: AttentionModel, documents: Sequence[Document], sites: Sequence[Site] | None = None, size: int = 32
) -> dict[str, torch.Tensor]:
    """`mean_weights` over documents, which `ablate(heads, "mean", mean_attention(model, documents))` puts in the place
    of heads. Documents that are ablated may not be longer than the longest of these.

    Args:
        sites: None: all sites of the model.

    Raises:
        ValueError: no document, or a site whose keys are not the positions of a document.
    """

    def recorded() -> Iterator[tuple[Mapping[str, torch.Tensor], torch.Tensor]]:
        for _, batch in model.batches(documents, size):
            with torch.no_grad(), record(model.module, model.sites if sites is None else sites) as recording:
                model.batch_logits(batch)
            yield recording, batch.is_token

    return mean_weights(recorded())
