"""The classifier that compares two texts, each of which has its own attention: no text gives a query to the other."""

from __future__ import annotations

import copy

import torch
from torch import nn

from attn_interp.models.classifiers.pairs.pair_classifier import ReadsTwo, only_allowed
from attn_interp.models.classifiers.pooling import build_pooling
from attn_interp.models.classifiers.settings import ClassifierSettings


class ComparedClassifier(ReadsTwo):
    """Two texts -> logits of C classes, as the pairs of Neely et al. 2022 (their code).

    One encoder reads both texts. Each is pooled by attention over its own words, into c1 and c2, and the logits are

        W [c1, c2, |c1 - c2|, c1 c2] + b

    with the product column by column. The attention of each text has parameters of its own here; theirs share them.

    Attributes:
        exchanged: Whether it takes the second texts first, see `exchange`.

    Args:
        settings, vocabulary_size, class_count, embeddings: As for `Classifier`; `settings.texts` is 2 and
            `settings.second` "compared".
    """

    exchanged = False

    def __init__(
        self,
        settings: ClassifierSettings,
        vocabulary_size: int,
        class_count: int,
        embeddings: torch.Tensor | None = None,
    ) -> None:
        super().__init__(settings, vocabulary_size, class_count, embeddings)
        self.second_pooling: nn.Module = build_pooling(settings)
        self.head = nn.Linear(4 * settings.state_width, class_count)

    def of_states(
        self, states: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor, *second: torch.Tensor
    ) -> torch.Tensor:
        """Arguments and errors as those of `PairClassifier.of_states`."""
        other = self.dropout(self.second_pooling(*self.read_second(second, self.encoder)))  # (B, D)
        asked = self.dropout(self.pooling(states, is_token, is_word))
        one, two = (other, asked) if self.exchanged else (asked, other)
        return only_allowed(self.head(torch.cat([one, two, (one - two).abs(), one * two], -1)), second)

    def exchange(self) -> ComparedClassifier:
        """The same classifier, with the same parameters, for texts that are exchanged: it takes the second texts first,
        and `pooling` is the attention over them. What it says of a pair stays."""
        made = copy.copy(self)
        made._modules = {**self._modules, "pooling": self.second_pooling, "second_pooling": self.pooling}
        made.exchanged = not self.exchanged
        return made
