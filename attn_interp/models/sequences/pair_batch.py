"""A batch of pairs of texts as an encoder-decoder reads them: the source, and the target one word late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from attn_interp.data.corpora.transduction import Transduction
from attn_interp.data.vocabulary import END_ID, PADDING_ID, START_ID, Vocabulary


@dataclass(frozen=True)
class PairBatch:
    """B pairs: K encoder positions (keys) and Q decoder positions (queries).

    Query q reads the target word before and says word q, so its attention is that of the word it says; the last one
    says the end.

    Attributes:
        pairs: The B pairs, in the order of the rows.
        source: (B, K) ids that the encoder reads.
        is_source: (B, K) true on tokens, false on padding.
        source_word: (B, K) index of the source word at each position, -1 at special tokens and padding.
        given: (B, Q) ids that the decoder reads: the start, then the target words.
        target: (B, Q) ids that it has to say: the target words, then the end.
        target_word: (B, Q) index of the target word that each query says, -1 at the end and at padding.
    """

    pairs: tuple[Transduction, ...]
    source: torch.Tensor  # (B, K)
    is_source: torch.Tensor  # (B, K)
    source_word: torch.Tensor  # (B, K)
    given: torch.Tensor  # (B, Q)
    target: torch.Tensor  # (B, Q)
    target_word: torch.Tensor  # (B, Q)

    def __len__(self) -> int:
        return len(self.pairs)


def collate_pairs(pairs: Sequence[Transduction], vocabulary: Vocabulary, start: int = START_ID) -> PairBatch:
    """Pairs as ids, one word one position, padded on the right; the source has no special tokens.

    Args:
        start: Id that the decoder reads first.

    Raises:
        ValueError: there are no pairs, or the vocabulary lacks a word, naming it and its pair.
    """
    if not pairs:
        raise ValueError("a batch needs at least one pair, got none")
    known = set(vocabulary.words)
    for pair in pairs:
        for word in (*pair.source, *pair.target):
            if word.lower() not in known:
                raise ValueError(f"pair {pair.id!r}: the word {word!r} is not in the vocabulary")
    sources = [vocabulary.ids(pair.source) for pair in pairs]
    targets = [vocabulary.ids(pair.target) for pair in pairs]
    source = _padded(sources, PADDING_ID)
    return PairBatch(
        pairs=tuple(pairs),
        source=source,
        is_source=_padded([[1] * len(row) for row in sources], 0).bool(),
        source_word=_padded([list(range(len(row))) for row in sources], -1),
        given=_padded([[start, *row] for row in targets], PADDING_ID),
        target=_padded([[*row, END_ID] for row in targets], PADDING_ID),
        target_word=_padded([[*range(len(row)), -1] for row in targets], -1),
    )


def true_links(batch: PairBatch) -> torch.Tensor:
    """(B, target words, source words): true where two words belong together."""
    shape = (len(batch), *(max(len(words) for words in side) for side in _sides(batch)))
    links = torch.zeros(shape, dtype=torch.bool)
    for row, pair in enumerate(batch.pairs):
        for target, source in pair.alignment:
            links[row, target, source] = True
    return links


def _sides(batch: PairBatch) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    return [pair.target for pair in batch.pairs], [pair.source for pair in batch.pairs]


def _padded(rows: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
