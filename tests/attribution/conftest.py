"""A batch that a model is unsure of, with the shortest documents and words it does not know."""

from __future__ import annotations

import pytest
import torch

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document


@pytest.fixture(scope="session")
def mixed(model, planted) -> Batch:
    """Seven documents of 1, 2, 2 and 4 words and of 11, 12 and 13, with the keywords of both classes in some."""
    filler = [word for document in planted.test[:8] for word in document.words]
    texts = [("awful",), ("film", "wonderful"), ("qwrt", "qwrt"), ("awful", "wonderful", *filler[:2])]
    texts += [(*filler[:4], "wonderful", *filler[4:8], "awful", *filler[9 : 10 + n]) for n in range(3)]
    return model.batch([Document(id=f"mixed {row}", words=text, label=0) for row, text in enumerate(texts)])


@pytest.fixture(scope="session")
def classes(mixed) -> torch.Tensor:
    return torch.tensor([0, 1, 1, 0, 1, 0, 1])
