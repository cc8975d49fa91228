"""The outputs of our own LSTM classifiers without each word, without encoding again what a deletion does not touch.

A deletion leaves the input projections of the other words as they are, the forward states before the word and the
backward states after it. So every word is projected once, and the document without word w parts from the whole one
where a direction reaches w; from there on all that have parted take each step together. Attention keys are linear in
the two directions and parted alike. Pooling and head are the module's own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.models.attention import AdditiveScores, AttentionPooling
from attn_interp.models.classifier import Classifier
from attn_interp.models.encoders import LstmEncoder

Linear = Callable[[torch.Tensor], torch.Tensor]

# Numbers of edited states that are held at once: 32 MB.
STATES_AT_ONCE = 1 << 23


def without_each_word(module: nn.Module) -> Callable[[Batch], torch.Tensor] | None:
    """Batch -> `logits_without_each_word`, for a classifier of ours with one LSTM; None for any other module."""
    if type(module) is Classifier and isinstance(module.encoder, LstmEncoder):
        return partial(logits_without_each_word, module)
    return None


@torch.no_grad()
def logits_without_each_word(module: Classifier, batch: Batch) -> torch.Tensor:
    """The logits (B, W, C) of each document without its w-th word, equal to those of the shortened document.

    NaN for a document of one word, of which nothing would be left; 0 past the last word. The module must have an LSTM
    encoder and be in eval mode. Time grows with the square of the length; memory is bounded.

    Raises:
        TypeError: the encoder is no LSTM.
    """
    encoder = module.encoder
    if not isinstance(encoder, LstmEncoder):
        raise TypeError(f"logits_without_each_word: got a module with {type(encoder).__name__}, expected LstmEncoder")
    counts = batch.is_word.sum(1)  # (B,)
    word = (batch.is_word.cumsum(1) - 1).clamp(min=0)  # (B, T) which word stands at a position
    result = torch.zeros(len(batch), int(counts.max()), module.head.out_features, device=batch.ids.device)
    for rows in _similar_lengths(batch.is_token.sum(1), encoder.width):
        longest = int(batch.is_token[rows].sum(1).max())
        ids, is_token, is_word = (x[rows, :longest] for x in (batch.ids, batch.is_token, batch.is_word))
        for places, logits in _edited_logits(module, encoder, ids, is_token, is_word):
            row, place = is_word[:, places].nonzero(as_tuple=True)
            result[rows[row], word[rows[row], places[place]]] = logits[place, row]
    result[counts == 1, 0] = torch.nan
    return result


def _similar_lengths(lengths: torch.Tensor, width: int) -> Iterator[torch.Tensor]:
    """Rows in groups of falling length, as many as may be held at once and at least one."""
    order = lengths.argsort(descending=True, stable=True)
    start = 0
    while start < len(order):
        size = max(1, STATES_AT_ONCE // (int(lengths[order[start]]) ** 2 * width))
        yield order[start : start + size]
        start += size


def _edited_logits(
    module: Classifier, encoder: LstmEncoder, ids: torch.Tensor, is_token: torch.Tensor, is_word: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Positions (P,) at which words stand, and the logits (P, B, C) without what stands there, part by part."""
    pooling = module.pooling
    batch, length = ids.shape
    embedded = module.embedding(ids).transpose(0, 1)  # (T, B, E)
    additive = pooling.scores if isinstance(pooling, AttentionPooling) else None
    additive = additive if isinstance(additive, AdditiveScores) else None
    directions = _directions(encoder, additive, embedded, is_token)
    position = torch.arange(length - 1, device=ids.device)
    at_words = is_word.any(0).nonzero().squeeze(1)
    for places in at_words.split(max(1, STATES_AT_ONCE // (batch * length * encoder.width))):
        shape = (len(places), batch, length - 1)
        states = embedded.new_empty(*shape, encoder.width)
        keys = None if additive is None else (2 * additive.keys.bias).expand(*shape, -1).contiguous()
        for direction, half in zip(directions, states.chunk(len(directions), -1)):
            direction.run(places.tolist(), half, keys)
        kept = position + (position >= places[:, None])  # (P, T - 1) where the kept positions stood
        tokens, words = (mask[:, kept].transpose(0, 1).flatten(0, 1) for mask in (is_token, is_word))  # (P B, T - 1)
        states = states.flatten(0, 1)  # (P B, T - 1, D)
        if isinstance(pooling, AttentionPooling) and additive is not None and keys is not None:
            # tanh(x) = 2 sigmoid(2x) - 1, and softmax does not see the constant that -1 makes of a score
            scores = 2 * additive.of_keys(keys.flatten(0, 1).sigmoid_())  # (P B, H, T - 1)
            pooled = pooling.pool(states, scores, words)
        else:
            pooled = pooling(states, tokens, words)
        yield places, module.head(pooled).unflatten(0, (len(places), batch))


def _directions(
    encoder: LstmEncoder, additive: AdditiveScores | None, embedded: torch.Tensor, is_token: torch.Tensor
) -> list[_Direction]:
    lstms = [encoder.onward] if encoder.back is None else [encoder.onward, encoder.back]
    keys = [None] * len(lstms) if additive is None else (2 * additive.keys.weight).chunk(len(lstms), 1)
    return [_Direction.of(lstm, embedded, is_token, lstm is encoder.onward, key) for lstm, key in zip(lstms, keys)]


@dataclass(frozen=True)
class _Direction:
    """One direction of an LSTM over a batch of documents.

    Attributes:
        recurrent: State (..., H) -> what it adds to the gates (..., 4H).
        keys: State (..., H) -> twice what it adds to the attention keys before their tanh; None without keys.
        projected: (T, B, 4H) what each token adds to the gates, biases included.
        present: (T, B, 1) true on tokens.
        full: (T,) whether a position holds a token in every document.
        onward: Whether it reads from left to right.
    """

    recurrent: Linear
    keys: Linear | None
    projected: torch.Tensor
    present: torch.Tensor
    full: list[bool]
    onward: bool

    @classmethod
    def of(
        cls, lstm: nn.LSTM, embedded: torch.Tensor, is_token: torch.Tensor, onward: bool, keys: torch.Tensor | None
    ) -> _Direction:
        of_input, of_state, *biases = lstm.all_weights[0]
        # The new content goes through tanh(x) = 2 sigmoid(2x) - 1, so that one sigmoid serves all gates; torch's
        # sigmoid is several times as fast as its tanh.
        scale = torch.ones_like(biases[0])
        scale[2 * lstm.hidden_size : 3 * lstm.hidden_size] = 2
        return cls(
            _linear(of_state * scale[:, None]),
            None if keys is None else _linear(keys),
            _linear(of_input * scale[:, None])(embedded).add_((biases[0] + biases[1]) * scale),
            is_token.t()[..., None],
            is_token.all(0).tolist(),
            onward,
        )

    def run(self, deleted: list[int], states: torch.Tensor, keys: torch.Tensor | None) -> None:
        """Reads the documents with and without the token at each of P rising positions.

        Writes the states into states (P, B, T - 1, H) and adds what they are to keys (P, B, T - 1, K). Deletions have a
        row each, in order, and the whole document stands between those that have parted from it and those that have
        not, so that all that move are neighbours.
        """
        length, batch, _ = self.projected.shape
        state, cell = self.projected.new_zeros(2, len(deleted) + 1, batch, states.shape[-1])
        for place in range(length) if self.onward else range(length - 1, -1, -1):
            below, above = bisect_left(deleted, place), bisect_right(deleted, place)
            if self.onward:
                moving, whole, next_whole = slice(below + 1), below, above
            else:
                moving, whole, next_whole = slice(above, None), above, below
            reached = state[whole].clone(), cell[whole].clone()
            self._step(place, state[moving], cell[moving])
            for rows, at, now in self._written(below, above, len(deleted), place):
                states[rows, :, at] = state[moving][now]
            if self.keys is not None and keys is not None:
                added = self.keys(state[moving])
                for rows, at, now in self._written(below, above, len(deleted), place):
                    keys[rows, :, at] += added[now]
            if whole != next_whole:  # the deletion at this very place parts with what the whole document came with
                state[next_whole], cell[next_whole] = state[whole], cell[whole]
                state[whole], cell[whole] = reached

    def _step(self, place: int, state: torch.Tensor, cell: torch.Tensor) -> None:
        """Takes state and cell (R, B, H) past the token at a place; they stay 0 on padding."""
        write, forget, new, read = self.recurrent(state).add_(self.projected[place]).sigmoid_().chunk(4, -1)
        cell.mul_(forget).add_(new.mul_(2).sub_(1).mul_(write))
        torch.mul((2 * cell).sigmoid_().mul_(2).sub_(1), read, out=state)
        if not self.full[place]:  # no direction has met its first token yet, or it is through
            state.mul_(self.present[place])
            cell.mul_(self.present[place])

    def _written(self, below: int, above: int, count: int, place: int) -> Iterator[tuple[slice, int, slice | int]]:
        """Rows, the place where they keep what comes after `place`, and which of the moving rows they take it from."""
        parted, whole = (slice(-1), -1) if self.onward else (slice(1, None), 0)
        if below:  # what was deleted stood before, so the place moves up by one
            yield slice(below), place - 1, parted if self.onward else whole
        if above < count:
            yield slice(above, None), place, whole if self.onward else parted


def _linear(weight: torch.Tensor) -> Linear:
    """x -> x weight', by oneDNN where it is there: for these sizes up to twice as fast as torch's default on a CPU."""
    if weight.device.type == "cpu" and torch.backends.mkldnn.is_available():
        kept = weight.to_mkldnn()
        return lambda x: nn.functional.linear(x.to_mkldnn(), kept).to_dense()
    return lambda x: nn.functional.linear(x, weight)
