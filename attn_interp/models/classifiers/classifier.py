"""The classifier: embedding -> encoder -> pooling -> affine head, a plain torch module."""

from __future__ import annotations

import torch
from torch import nn

from attn_interp.by_name import named
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.encoders import build_encoder
from attn_interp.models.classifiers.pooling import build_pooling
from attn_interp.models.classifiers.settings import ClassifierSettings, encoder_named

# Standard deviation of word vectors that start at random. With torch's own 1, what a word happened to start with drowns
# what is learned of it: accuracy on ten thousand movie snippets was lower by .07.
START_SPREAD = 0.1

OF_TWO_TEXTS = {"query": "pair_classifier.PairClassifier", "compared": "compared.ComparedClassifier"}
"""What the second text is for -> the classifier."""


class Classifier(nn.Module):
    """Token ids -> logits of C classes; softmax of the logits gives the class probabilities, for two classes too.

    With attention pooling the logits are affine in the attention weights (those of `PairClassifier`, of two texts, are
    not). The module has no hook for recording: its
    attention is one call of torch.softmax over the positions, in the submodule `pooling`.

    Args:
        settings: What it is made of.
        vocabulary_size: V, number of ids; id 0 is padding, and its word vector is 0.
        class_count: C, at least 2.
        embeddings: Pretrained word vectors (V, E) to start from, in the order of the ids; fine-tuned in training.

    Raises:
        ValueError: naming the argument, what it is and what is allowed.
    """

    def __init__(
        self,
        settings: ClassifierSettings,
        vocabulary_size: int,
        class_count: int,
        embeddings: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        if class_count < 2:
            raise ValueError(f"class_count: got {class_count}, expected at least 2")
        self.settings = settings
        vectors = _start_vectors(vocabulary_size, settings.embedding_width, embeddings)
        self.embedding = nn.Embedding.from_pretrained(vectors, freeze=False, padding_idx=0)
        self.encoder = build_encoder(settings)
        self.pooling: nn.Module = build_pooling(settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(settings.state_width, class_count)

    def forward(
        self, ids: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor, *second: torch.Tensor
    ) -> torch.Tensor:
        """ids (B, T), is_token (B, T), is_word (B, T), padded on the right -> logits (B, C).

        Raises:
            ValueError: the documents have a second text, which this classifier would not read.
        """
        return self.of_states(self.states(ids, is_token), is_token, is_word, *second)

    def states(self, ids: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """ids, is_token (B, T) -> what the encoder makes of each position (B, T, D)."""
        return self.encoder(self.dropout(self.embedding(ids)), is_token)

    def of_states(
        self, states: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor, *second: torch.Tensor
    ) -> torch.Tensor:
        """States (B, T, D) and what `forward` takes after the ids -> logits (B, C)."""
        check_one_text(second)
        return self.head(self.dropout(self.pooling(states, is_token, is_word)))

    def fresh_pooling(self) -> nn.Module:
        """The pooling of these settings, freshly initialised."""
        return build_pooling(self.settings)

    def after_attention(self) -> list[nn.Module]:
        """What stands between the attention and the logits and is learned."""
        return [self.head]


def check_one_text(second: tuple[torch.Tensor, ...]) -> None:
    """Raises ValueError where a classifier of one text is given what it would not read."""
    if second:
        raise ValueError(
            "this classifier reads one text, and the documents have a second; train it on such documents, or leave "
            "second out"
        )


def build_classifier(
    settings: ClassifierSettings, vocabulary: Vocabulary, class_count: int, embeddings: torch.Tensor | None = None
) -> Classifier:
    """The classifier that the settings name, freshly initialised.

    Raises:
        ValueError: as `Classifier`, and what its encoder refuses.
    """
    build = encoder_named(settings.encoder).build_classifier
    if build is not None:
        return build(settings, vocabulary, class_count, embeddings)
    if settings.texts == 2:
        kind: type[Classifier] = named(f"models.classifiers.pairs.{OF_TWO_TEXTS[settings.second]}")
        return kind(settings, len(vocabulary), class_count, embeddings)
    return Classifier(settings, len(vocabulary), class_count, embeddings)


def _start_vectors(vocabulary_size: int, width: int, embeddings: torch.Tensor | None) -> torch.Tensor:
    """The word vectors (V, E) before training: the pretrained ones or random ones; 0 for padding."""
    if embeddings is None:
        vectors = torch.empty(vocabulary_size, width)
        if not vectors.is_meta:  # of a model that is loaded: random numbers there import the compiler, a second
            vectors.normal_().mul_(START_SPREAD)
    else:
        if tuple(embeddings.shape) != (vocabulary_size, width):
            raise ValueError(
                f"embeddings: got shape {tuple(embeddings.shape)}, expected ({vocabulary_size}, {width}): one row for "
                "each entry of the vocabulary, as wide as embedding_width in the settings"
            )
        if not bool(torch.isfinite(embeddings).all()):
            raise ValueError("embeddings: some values are not finite; remove or replace these vectors")
        vectors = embeddings.detach().to(torch.float32, copy=True)
    vectors[0] = 0.0
    return vectors
