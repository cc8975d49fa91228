"""A small encoder-decoder with attention, and its training on pairs of texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from attn_interp.data.batch import batch_count, batches_by_length
from attn_interp.data.corpora.transduction import Transduction
from attn_interp.data.vocabulary import END_ID, PADDING_ID, START_ID, Vocabulary
from attn_interp.models.classifiers.recurrent import GruEncoder
from attn_interp.models.classifiers.settings import (
    MOST,
    require_at_least,
    require_at_most,
    require_kinds,
    require_option,
)
from attn_interp.models.progress import progress_bar
from attn_interp.models.sequences.pair_batch import PairBatch, collate_pairs
from attn_interp.models.training.fitting import seeded

GRADIENT_NORM = 1.0  # longer gradients are shortened to this, as in the paper


@dataclass(frozen=True)
class Seq2SeqSettings:
    """What an encoder-decoder is made of and how it is trained (Adam on cross-entropy, the true words given).

    Attributes:
        values: What attention mixes: "states" of the encoder, as in the paper. They know their neighbours, and the
            decoder remembers what it read, so a word can be read beside its place or ahead of its time. Or "words",
            their vectors, and the logits see the mixture alone: a control in which a word has to be read where it
            stands when it is said, so that its attention has to be the alignment. The scores are of the states in both.
        embedding_width: E, width of the word vectors on both sides, at most 100,000.
        hidden: D, width of the decoder's state, and of the encoder's in each direction; at most 100,000.
        epochs: Passes over the training pairs.
        batch_size: Pairs per step, of similar length.
        learning_rate: Step size of Adam.

    Raises:
        ValueError: naming the setting, its value and what is allowed.
    """

    values: str = "states"
    embedding_width: int = 32
    hidden: int = 32
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        require_kinds(self)
        require_option("values", self.values, ("states", "words"))
        for name in ("embedding_width", "hidden", "epochs", "batch_size"):
            require_at_least(name, getattr(self, name), 1)
            require_at_most(name, getattr(self, name), MOST.get(name, math.inf))
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate: got {self.learning_rate!r}, expected a number above 0")


class CrossAttention(nn.Module):
    """context = sum_i weight_i value_i, weights = softmax over the source words of v . tanh(W s + U h_i)."""

    def __init__(self, state_width: int, memory_width: int) -> None:
        super().__init__()
        self.query = nn.Linear(state_width, state_width)  # W
        self.keys = nn.Linear(memory_width, state_width, bias=False)  # U
        self.score = nn.Linear(state_width, 1, bias=False)  # v

    def forward(
        self, state: torch.Tensor, values: torch.Tensor, keys: torch.Tensor, is_source: torch.Tensor
    ) -> torch.Tensor:
        """state (B, D), values (B, K, M), keys = U h (B, K, D), is_source (B, K) -> context (B, M)."""
        scores = self.score(torch.tanh(self.query(state)[:, None] + keys))[..., 0]  # (B, K)
        weights = torch.softmax(scores.masked_fill(~is_source, -math.inf), dim=-1)  # (B, K)
        return (weights[:, None] @ values)[:, 0]


class Seq2Seq(nn.Module):
    """Source ids and the target words so far -> logits of the next target word.

    A GRU reads the source in both directions (h_i), its first backward state starts the decoder. Before each target
    word the decoder's state asks where to look; what it reads there and the word before move the state on, and state
    and context give the logits. The attention is one softmax for each target word, in the submodule `attention`: a
    recording has it as one site, queries the decoder's steps, keys the source words.

    Reference: Bahdanau, Cho & Bengio 2015, section 3 and appendix A.2; an affine map of state and context stands for
    their deep output.
    """

    def __init__(self, settings: Seq2SeqSettings, vocabulary_size: int) -> None:
        super().__init__()
        width, hidden = settings.embedding_width, settings.hidden
        self.values = settings.values
        mixed = 2 * hidden if settings.values == "states" else width
        self.source_embedding = nn.Embedding(vocabulary_size, width, padding_idx=PADDING_ID)
        self.target_embedding = nn.Embedding(vocabulary_size, width, padding_idx=PADDING_ID)
        self.encoder = GruEncoder(width, hidden, bidirectional=True)
        self.start = nn.Linear(hidden, hidden)
        self.attention = CrossAttention(hidden, 2 * hidden)
        self.decoder = nn.GRUCell(width + mixed, hidden)
        self.head = nn.Linear(hidden + mixed if settings.values == "states" else mixed, vocabulary_size)

    def forward(self, source: torch.Tensor, is_source: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """source (B, K), is_source (B, K), padded on the right; given (B, Q) words before -> logits (B, Q, V)."""
        values, keys, state = self._read(source, is_source)
        logits = []
        for word in given.unbind(1):
            state, of_next = self._step(word, state, values, keys, is_source)
            logits.append(of_next)
        return torch.stack(logits, 1)

    @torch.no_grad()
    def decode(self, source: torch.Tensor, is_source: torch.Tensor, longest: int) -> torch.Tensor:
        """(B, longest) the likeliest word at each step, given those before; padding from the first end on."""
        values, keys, state = self._read(source, is_source)
        word = torch.full_like(source[:, 0], START_ID)
        ended = torch.zeros_like(word, dtype=torch.bool)
        said = []
        for _ in range(longest):
            state, logits = self._step(word, state, values, keys, is_source)
            word = logits.argmax(-1)
            ended = ended | (word == END_ID)
            said.append(word.masked_fill(ended, PADDING_ID))
        return torch.stack(said, 1)

    def _read(self, source: torch.Tensor, is_source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The values (B, K, M), the keys (B, K, D) and the decoder's first state (B, D)."""
        words = self.source_embedding(source)
        states = self.encoder(words, is_source)
        first_backward = states[:, 0, states.shape[-1] // 2 :]
        values = states if self.values == "states" else words
        return values, self.attention.keys(states), torch.tanh(self.start(first_backward))

    def _step(
        self, word: torch.Tensor, state: torch.Tensor, values: torch.Tensor, keys: torch.Tensor, is_source: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The next state (B, D) and the logits (B, V) of the next word."""
        context = self.attention(state, values, keys, is_source)  # (B, M)
        state = self.decoder(torch.cat([self.target_embedding(word), context], -1), state)
        return state, self.head(torch.cat([state, context], -1) if self.values == "states" else context)


@dataclass(frozen=True)
class TrainedSeq2Seq:
    """An encoder-decoder in evaluation mode with everything needed to say where it came from.

    Attributes:
        module: The encoder-decoder.
        settings: What it is made of and how it was trained; `epochs` is not followed where it is untrained.
        vocabulary: Word <-> id of both sides.
        seed: Decided the initial weights and the order of the pairs.
        losses: Mean cross-entropy (nats per target word) of each epoch, while the weights moved; none: untrained.
    """

    module: Seq2Seq
    settings: Seq2SeqSettings
    vocabulary: Vocabulary
    seed: int
    losses: tuple[float, ...]


def untrained_seq2seq(vocabulary: Vocabulary, settings: Seq2SeqSettings | None = None, seed: int = 0) -> TrainedSeq2Seq:
    """The encoder-decoder that `train_seq2seq` starts from."""
    settings = settings or Seq2SeqSettings()
    with seeded(seed, torch.device("cpu")):
        return TrainedSeq2Seq(Seq2Seq(settings, len(vocabulary)).eval(), settings, vocabulary, seed, ())


def train_seq2seq(
    pairs: Sequence[Transduction],
    vocabulary: Vocabulary,
    settings: Seq2SeqSettings | None = None,
    seed: int = 0,
    progress: bool = True,
) -> TrainedSeq2Seq:
    """An encoder-decoder trained on the pairs, on the CPU and one thread; the same arguments give the same weights.

    Where the words of the two sides belong together is not told to it.

    Raises:
        ValueError: there are no pairs, or the vocabulary lacks a word.
        FloatingPointError: the loss became infinite or NaN; names the epoch.
    """
    settings = settings or Seq2SeqSettings()
    if not pairs:
        raise ValueError("train_seq2seq: got no pairs to train on")
    losses = []
    steps = settings.epochs * batch_count([len(pair.target) for pair in pairs], settings.batch_size)
    with seeded(seed, torch.device("cpu")), progress_bar("training on pairs", steps, progress) as step:
        module = Seq2Seq(settings, len(vocabulary))
        optimiser = torch.optim.Adam(module.parameters(), settings.learning_rate)
        for epoch in range(1, settings.epochs + 1):
            total = words = 0.0
            for batch in _in_random_order(pairs, vocabulary, settings.batch_size):
                loss = functional.cross_entropy(
                    module(batch.source, batch.is_source, batch.given).flatten(0, 1),
                    batch.target.flatten(),
                    ignore_index=PADDING_ID,
                )
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(module.parameters(), GRADIENT_NORM)
                optimiser.step()
                count = int((batch.target != PADDING_ID).sum())
                total, words = total + count * loss.item(), words + count
                step(f"epoch {epoch}")
            losses.append(total / words)
            if not math.isfinite(losses[-1]):
                raise FloatingPointError(f"epoch {epoch}: the loss is {losses[-1]}; lower the learning rate")
    return TrainedSeq2Seq(module.eval(), settings, vocabulary, seed, tuple(losses))


def _in_random_order(pairs: Sequence[Transduction], vocabulary: Vocabulary, size: int) -> list[PairBatch]:
    """All pairs once, in batches of similar target length."""
    shuffled = [pairs[index] for index in torch.randperm(len(pairs)).tolist()]
    groups = list(batches_by_length([len(pair.target) for pair in shuffled], size))
    order = torch.randperm(len(groups)).tolist()
    return [collate_pairs([shuffled[index] for index in groups[group]], vocabulary) for group in order]
