"""What is known of an encoder: embedded tokens (B, T, E) -> one state per token (B, T, D).

None of them lets padding reach a token: a document has the same states alone and in a padded batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from attn_interp.models.classifiers.settings import ClassifierSettings, encoder_named
from attn_interp.models.view import MEAN

if TYPE_CHECKING:
    from attn_interp.models.classifiers.classifier import Classifier


class StateEncoder(nn.Module):
    """A module from embedded (B, T, E) and is_token (B, T) to states (B, T, D).

    Attributes:
        width: D.
    """

    width: int


@dataclass(frozen=True)
class Encoder:
    """What is known of an encoder; a constant in its own module, listed in `settings.ENCODERS`.

    Attributes:
        name: As in `ClassifierSettings.encoder`.
        build: Settings -> the encoder, freshly initialised.
        fields: The classifier settings that some other encoder does not have: of "bidirectional", "kernels", "layers",
            "encoder_heads" and "forget_bias".
        attends: Whether it attends itself, so that there is attention whatever pools its states.
        sums_up: Whether its last state has read the whole document, so that it can be pooled by "last".
        query: The query of its own attention that is tested where nothing pools by attention (see `View`).
        check: Refuses settings that it cannot be built from, with a ValueError.
        build_classifier: settings, vocabulary, number of classes, word vectors -> the classifier, where it is no plain
            one; None: `Classifier`.
    """

    name: str
    build: Callable[[ClassifierSettings], StateEncoder]
    fields: tuple[str, ...] = ()
    attends: bool = False
    sums_up: bool = False
    query: str = MEAN
    check: Callable[[ClassifierSettings], None] | None = None
    build_classifier: Callable[..., Classifier] | None = None


def build_encoder(settings: ClassifierSettings) -> StateEncoder:
    """The encoder of words that the settings name, freshly initialised."""
    return encoder_named(settings.encoder).build(settings)
