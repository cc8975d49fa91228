"""The hierarchical attention network: attention over the words of each sentence, then over the sentences.

Sentences live at their last word: every tensor keeps the positions T of the document, sentence vectors and states
stand at the last word of their sentence, and the attention over sentences is attention over these positions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from attn_interp.data.vocabulary import END_ID, START_ID, UNKNOWN_ID, Vocabulary
from attn_interp.models.classifiers.attention_pooling import Scores, build_attention
from attn_interp.models.classifiers.classifier import Classifier, check_one_text
from attn_interp.models.classifiers.encoders import Encoder, StateEncoder
from attn_interp.models.classifiers.recurrent import LstmEncoder
from attn_interp.models.classifiers.settings import ClassifierSettings

SENTENCE_ENDS = (".", "!", "?")


def sentence_end_ids(vocabulary: Vocabulary) -> tuple[int, ...]:
    """The ids of . ! ? as far as the vocabulary has them; none: every document is one sentence."""
    return tuple(index for index in vocabulary.ids(SENTENCE_ENDS) if index != UNKNOWN_ID)


def last_of_sentences(ids: torch.Tensor, is_word: torch.Tensor, end_ids: Sequence[int]) -> torch.Tensor:
    """(B, T) true on the last word of each sentence.

    A sentence ends with a mark that no further mark follows (so with the last of "?!"), or with the document.
    """
    ends = is_word & torch.isin(ids, torch.tensor(end_ids, dtype=ids.dtype, device=ids.device))
    next_ends, next_is_word = (functional.pad(mask, (-1, 1)) for mask in (ends, is_word))
    return is_word & (ends & ~next_ends | ~next_is_word)


def ended_before(is_last: torch.Tensor) -> torch.Tensor:
    """(B, T) number of sentences that ended before a position: the index of the sentence that a word belongs to."""
    return is_last.cumsum(1) - is_last.long()


def words_among(ids: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
    """(B, T) true on tokens that are neither start nor end."""
    return is_token & (ids != START_ID) & (ids != END_ID)


class WordAttention(nn.Module):
    """Sentence vector = sum_t beta_t h_t over the words of the sentence, beta = softmax of their scores.

    The weights are (B, H, T, T): the row of a sentence's last word holds the weights of its words. The rows of all
    other positions hold 1 at the position itself, and nothing reads them.
    """

    def __init__(self, scores: Scores) -> None:
        super().__init__()
        self.scores = scores

    def forward(self, states: torch.Tensor, is_word: torch.Tensor, is_last: torch.Tensor) -> torch.Tensor:
        """states (B, T, D), is_word (B, T), is_last (B, T) -> sentence vectors (B, T, D), 0 but at last words."""
        sentence = ended_before(is_last)
        within = is_last[:, :, None] & is_word[:, None] & (sentence[:, :, None] == sentence[:, None])  # (B, T, T)
        itself = torch.eye(states.shape[1], dtype=torch.bool, device=states.device) & ~is_last[:, :, None]
        scores = self.scores(states)[:, :, None].masked_fill(~(within | itself)[:, None], -math.inf)  # (B, H, T, T)
        values = states.unflatten(-1, (scores.shape[1], -1)).transpose(1, 2)  # (B, H, T, D/H)
        vectors = (torch.softmax(scores, dim=-1) @ values).transpose(1, 2).flatten(2)
        return vectors * is_last[..., None]


class HierarchicalClassifier(Classifier):
    """Token ids -> logits of C classes, through sentences: word BiLSTM within each sentence -> word attention ->
    BiLSTM over the sentence vectors -> pooling over the sentences -> affine head.

    `encoder` is the word level, `pooling` the sentence level. With attention pooling the logits are affine in the
    attention over sentences; they are not in the attention over words, which the sentence LSTM and the sentence
    attention read further. Start and end tokens belong to no sentence and are not read.

    Args:
        settings, vocabulary_size, class_count, embeddings: as for `Classifier`.
        end_ids: Ids of the words that end a sentence, see `sentence_end_ids`.

    Reference: Yang et al. 2016, with LSTMs in place of GRUs as in Serrano & Smith 2019.
    """

    def __init__(
        self,
        settings: ClassifierSettings,
        vocabulary_size: int,
        class_count: int,
        end_ids: Sequence[int],
        embeddings: torch.Tensor | None = None,
    ) -> None:
        super().__init__(settings, vocabulary_size, class_count, embeddings)
        self.end_ids = tuple(end_ids)
        scores = build_attention(settings.state_width, settings.attention, settings.heads).scores
        self.word_attention = WordAttention(scores)
        self.sentence_encoder = LstmEncoder(settings.state_width, settings.hidden, settings.bidirectional)

    def forward(
        self, ids: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor, *second: torch.Tensor
    ) -> torch.Tensor:
        """ids (B, T), is_token (B, T), is_word (B, T), padded on the right -> logits (B, C); `second` is refused.

        `is_word` may be true on the last words of the sentences alone: words are all tokens but start and end.
        """
        check_one_text(second)
        is_word = words_among(ids, is_token)
        is_last = last_of_sentences(ids, is_word, self.end_ids)
        embedded = self.dropout(self.embedding(ids))  # (B, T, E)
        starts = is_word & ~functional.pad(is_word & ~is_last, (1, -1))
        states = _each_run_alone(self.encoder, embedded, is_word, starts)  # (B, T, D)
        sentences = self.word_attention(states, is_word, is_last)  # (B, T, D)
        begins = is_last & (is_last.cumsum(1) == 1)
        states = _each_run_alone(self.sentence_encoder, sentences, is_last, begins)  # (B, T, D)
        return self.head(self.dropout(self.pooling(states, is_last, is_last)))


def _each_run_alone(
    encoder: StateEncoder, values: torch.Tensor, chosen: torch.Tensor, first: torch.Tensor
) -> torch.Tensor:
    """The states (B, T, D) of the chosen positions, 0 elsewhere, each run of them encoded as a sequence of its own.

    Args:
        values: (B, T, E).
        chosen: (B, T) positions that are read.
        first: (B, T) those of them at which a run starts; the first chosen one of each row is among them.
    """
    if not chosen.any():
        return values.new_zeros(*chosen.shape, encoder.width)
    run = first[chosen].cumsum(0) - 1  # (M,) which run each chosen position is in
    start = first[chosen].nonzero().squeeze(1)  # (R,)
    place = torch.arange(len(run), device=run.device) - start[run]  # (M,)
    shape = (len(start), int(place.max()) + 1)
    rows = values.new_zeros(*shape, values.shape[-1])
    rows[run, place] = values[chosen]
    present = torch.zeros(shape, dtype=torch.bool, device=values.device)
    present[run, place] = True
    encoded = encoder(rows, present)[run, place]  # (M, D)
    return encoded.new_zeros(*chosen.shape, encoded.shape[-1]).index_put(chosen.nonzero(as_tuple=True), encoded)


def build_hierarchical(
    settings: ClassifierSettings, vocabulary: Vocabulary, class_count: int, embeddings: torch.Tensor | None = None
) -> HierarchicalClassifier:
    """The hierarchical classifier of these settings, freshly initialised.

    Raises:
        ValueError: as `Classifier`, and for a vocabulary without any mark that ends sentences.
    """
    ends = sentence_end_ids(vocabulary)
    if not ends:
        raise ValueError(
            f"encoder: 'hierarchical' needs sentences, but none of {' '.join(SENTENCE_ENDS)} is a word of the "
            "training texts, so every document would be one; use another encoder"
        )
    return HierarchicalClassifier(settings, len(vocabulary), class_count, ends, embeddings)


HIERARCHICAL = Encoder(
    "hierarchical",
    lambda settings: LstmEncoder(settings.embedding_width, settings.hidden, settings.bidirectional),
    fields=("bidirectional",),
    attends=True,
    check=ClassifierSettings.check_heads,
    build_classifier=build_hierarchical,
)
