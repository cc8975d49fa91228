"""The outputs of our own LSTM classifiers without each word, without encoding again what a deletion does not touch.

A deletion leaves the input projections of the other words as they are, the forward states before the word and the
backward states after it. So every word is projected once, and the document without word w parts from the whole one
where a direction reaches w; from there on all that have parted take each step together. What attention and head read
of a state, its keys and votes, is linear in it and a sum over the two directions: one product with a new state gives
what it adds to the next gates and to both readings, and no state is kept.

An LSTM forgets. In a long document each deletion is followed only as far as it is felt: until the states are again
those of the whole document, up to rounding. So the time grows with the length, and not with its square, where the model
forgets within the document; where it does not, every deletion is followed to the end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.linear_reading import LinearReading, reading_of
from attn_interp.models.classifiers.recurrent import LstmEncoder

# Numbers of edited states that may be held at once: 32 MB.
STATES_AT_ONCE = 1 << 23

# Documents of at least this share of the longest are read beside it; cost grows with the square of the longest.
NEAR = 0.9

# Positions above which a document is read alone, each deletion as far as it is felt.
LONG = 200

# Numbers that may be held of how the readings of one long document change: 128 MB.
CHANGES_AT_ONCE = 1 << 25

# A change that is no more felt: four units in the last place.
UNFELT = 4 * torch.finfo(torch.float32).eps

# Steps between two looks at whether a change is felt.
STEPS = 8


def without_each_word(module: nn.Module) -> Callable[[Batch], tuple[torch.Tensor, torch.Tensor]] | None:
    """Batch -> `logits_without_each_word`, for a classifier of ours with one LSTM; None for any other module."""
    if type(module) is Classifier and isinstance(module.encoder, LstmEncoder):
        return partial(logits_without_each_word, module)
    return None


@torch.no_grad()
def logits_without_each_word(module: Classifier, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits (B, C) of each document and those (B, W, C) of it without its w-th word, as the module gives them.

    The latter are NaN for a document of one word, of which nothing would be left, and 0 past the last word. The module
    must have an LSTM encoder and be in eval mode. Time grows with the square of the length up to `LONG`, and above it
    with the length times how far a deletion is felt; memory is bounded.

    Raises:
        TypeError: the encoder is no LSTM.
    """
    encoder = module.encoder
    if not isinstance(encoder, LstmEncoder):
        raise TypeError(f"logits_without_each_word: got a module with {type(encoder).__name__}, expected LstmEncoder")
    counts = batch.is_word.sum(1)  # (B,)
    word = (batch.is_word.cumsum(1) - 1).clamp(min=0)  # (B, T) which word stands at a position
    weight = module.head.weight  # (C, D)
    whole = weight.new_zeros(len(batch), len(weight))
    without = weight.new_zeros(len(batch), int(counts.max()), len(weight))
    reading = reading_of(module)
    directions = _directions(encoder, module.embedding, reading, batch.ids, batch.is_token)
    for rows in _similar_lengths(batch.is_token.sum(1), encoder.width):
        longest = int(batch.is_token[rows].sum(1).max())
        is_token, is_word = (x[rows, :longest] for x in (batch.is_token, batch.is_word))
        read = _edited_logits if longest <= LONG or len(rows) > 1 else _felt_logits
        for places, logits in read(reading, [each.over(rows, is_token) for each in directions], is_token, is_word):
            if places[-1] == longest:
                whole[rows], places, logits = logits[-1], places[:-1], logits[:-1]
            row, place = is_word[:, places].nonzero(as_tuple=True)
            without[rows[row], word[rows[row], places[place]]] = logits[place, row]
    without[counts == 1, 0] = torch.nan
    return whole, without


def _similar_lengths(lengths: torch.Tensor, width: int) -> Iterator[torch.Tensor]:
    """Rows in groups of falling length: the shortest near the longest, and as many as may be held at once."""
    order = lengths.argsort(descending=True, stable=True)
    while len(order):
        longest = int(lengths[order[0]])
        near = int((lengths[order] >= NEAR * longest).sum())
        size = max(1, min(near, STATES_AT_ONCE // (longest**2 * width)))
        yield order[:size]
        order = order[size:]


def _edited_logits(
    reading: LinearReading, directions: Sequence[_Direction], is_token: torch.Tensor, is_word: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Positions (P,) at which words stand, and the logits (P, B, C) without what stands there, part by part.

    The last position is T, past the end: nothing stands there, and the logits are those of the whole documents.
    """
    batch, length = is_token.shape
    width = sum(len(direction.weight) for direction in directions)
    position = torch.arange(length, device=is_token.device)
    at_words = torch.cat([is_word.any(0).nonzero().squeeze(1), position[-1:] + 1])
    first, last = (int(at_words[0]), int(at_words[-2])) if reading.of_words else (0, length - 1)
    tokens, words = (torch.cat([mask, torch.zeros_like(mask[:, :1])], 1) for mask in (is_token, is_word))  # (B, T + 1)
    for places in at_words.split(max(1, STATES_AT_ONCE // (batch * length * width))):
        read = reading.weight.new_empty(len(places), batch, length, len(reading.weight))
        read[:, :, last:] = 0  # onward nothing is read here, nor where a shortened document does not reach
        for direction in directions:
            direction.run(places.tolist(), read, last if direction.onward else first)
        kept = position + (position >= places[:, None])  # (P, T) where the kept positions stood; T: nowhere
        masks = (mask[:, kept].transpose(0, 1).flatten(0, 1) for mask in (tokens, words))  # (P B, T)
        yield places, reading.logits(read.flatten(0, 1), *masks).unflatten(0, (len(places), batch))


def _felt_logits(
    reading: LinearReading, directions: Sequence[_Direction], is_token: torch.Tensor, is_word: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """As `_edited_logits`, of one document without padding: every deletion is followed as far as it is felt."""
    length, device = is_token.shape[1], is_token.device
    whole = [direction.whole() for direction in directions]
    given = [each[:, -len(reading.weight) :] for each in whole]  # (T, N) of each direction
    together = torch.stack(given).sum(0)
    position = torch.arange(length, device=device)
    yield position[-1:] + 1, reading.logits(together[None].clone(), is_token, is_word)[None]
    at_once = max(1, CHANGES_AT_ONCE // together.numel())
    for places in is_word[0].nonzero().squeeze(1).split(at_once):
        changes = [each.changes(memory, places) for each, memory in zip(directions, whole)]
        for rows in torch.arange(len(places), device=device).split(max(1, STATES_AT_ONCE // together.numel())):
            kept = (position + (position >= places[rows, None])).clamp(max=length - 1)  # (P, T), the last one twice
            read = together[kept]
            for index, (direction, (values, steps)) in enumerate(zip(directions, changes)):
                number = torch.arange(1, len(values) + 1, device=device)[:, None]  # (L, 1)
                step, row = (number <= steps[rows]).nonzero(as_tuple=True)
                at = places[rows][row] + direction.sign * (step + 1)
                others = sum((each[at] for other, each in enumerate(given) if other != index), torch.zeros(()))
                read[row, at - int(direction.onward)] = values[step, rows[row]] + others
            there = (position < length - 1).expand_as(kept)
            masks = ((mask[0, kept] & there) for mask in (is_token, is_word))
            yield places[rows], reading.logits(read, *masks)[:, None]


def _directions(
    encoder: LstmEncoder, embedding: nn.Embedding, reading: LinearReading, ids: torch.Tensor, is_token: torch.Tensor
) -> list[_Direction]:
    lstms = [encoder.onward] if encoder.back is None else [encoder.onward, encoder.back]
    halves = reading.weight.chunk(len(lstms), 1)
    return [
        _Direction.of(lstm, embedding, ids, is_token, lstm is encoder.onward, half) for lstm, half in zip(lstms, halves)
    ]


@dataclass(frozen=True)
class _Direction:
    """One direction of an LSTM over a batch of documents.

    tanh(x) = 2 sigmoid(2x) - 1, and torch's sigmoid is several times as fast as its tanh. So the cells are held twofold
    and the states halved, and the weights make up for it.

    Attributes:
        weight: (H, 4H + N) half a state times this is what it adds to the gates of the next step and to the N readings.
        projected: (T, B, 4H) what each token adds to the gates, biases included.
        present: (T, B, 1) 1 on tokens, 0 on padding.
        full: (T,) whether a position holds a token in every document.
        onward: Whether it reads from left to right.
    """

    weight: torch.Tensor
    projected: torch.Tensor
    present: torch.Tensor
    full: list[bool]
    onward: bool

    @classmethod
    def of(
        cls,
        lstm: nn.LSTM,
        embedding: nn.Embedding,
        ids: torch.Tensor,
        is_token: torch.Tensor,
        onward: bool,
        reading: torch.Tensor,
    ) -> _Direction:
        of_input, of_state, *biases = lstm.all_weights[0]
        scale = torch.ones_like(biases[0])
        scale[2 * lstm.hidden_size : 3 * lstm.hidden_size] = 2  # the new content, the only gate with a tanh
        known, place = ids.t().unique(return_inverse=True)  # a word that comes again is projected once
        projected = nn.functional.linear(embedding(known), of_input * scale[:, None], (biases[0] + biases[1]) * scale)
        return cls(
            2 * torch.cat([of_state * scale[:, None], reading]).t().contiguous(),
            projected[place],
            is_token.t()[..., None].to(projected),
            is_token.all(0).tolist(),
            onward,
        )

    def over(self, rows: torch.Tensor, is_token: torch.Tensor) -> _Direction:
        """This direction over some documents of the batch, which hold tokens where `is_token` (rows, T) is true."""
        length = is_token.shape[1]
        projected, present = self.projected[:length, rows], self.present[:length, rows]
        return replace(self, projected=projected, present=present, full=is_token.all(0).tolist())

    def run(self, deleted: list[int], read: torch.Tensor, last: int) -> None:
        """Reads the documents with and without the token at each of P rising positions, up to the place `last`.

        Puts what is read of their states into read (P, B, T, N), adding where the other direction was first. Deletions
        have a row each, in order, and the whole document stands between those that have parted from it and those that
        have not, so that all that move are neighbours.
        """
        length, batch, _ = self.projected.shape
        hidden, given = self.weight.shape
        # of each document: its cell, and what its last state gives to gates and readings
        memory = self.projected.new_zeros(len(deleted) + 1, batch, hidden + given)
        for place in range(last + 1) if self.onward else range(length - 1, last - 1, -1):
            below, above = bisect_left(deleted, place), bisect_right(deleted, place)
            if self.onward:
                moving, whole, next_whole = slice(below + 1), below, above
            else:
                moving, whole, next_whole = slice(above, None), above, below
            reached = memory[whole].clone()
            present = None if self.full[place] else self.present[place]
            self._step(self.projected[place], memory[moving], present, last=place == last)
            added = memory[moving][..., 5 * hidden :]
            for rows, at, now in self._written(below, above, len(deleted), place):
                if self.onward:
                    read[rows, :, at] = added[now]
                else:
                    read[rows, :, at].add_(added[now])
            if whole != next_whole:  # the deletion at this very place parts with what the whole document came with
                memory[next_whole] = memory[whole]
                memory[whole] = reached

    @property
    def sign(self) -> int:
        return 1 if self.onward else -1

    def whole(self) -> torch.Tensor:
        """(T, 5H + N) the memory of one document after each of its places."""
        hidden, given = self.weight.shape
        memory = self.projected.new_zeros(1, 1, hidden + given)
        after = self.projected.new_empty(len(self.projected), hidden + given)
        for place in range(len(after))[:: self.sign]:
            self._step(self.projected[place], memory)
            after[place] = memory[0, 0]
        return after

    def changes(self, whole: torch.Tensor, deleted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is read of the states without the token at each of P places: (L, P, N) of the 1st to the L-th place
        after it, and (P,) up to which of them it is felt. `whole` is the memory of the whole document."""
        hidden, length = len(self.weight), len(whole)
        moving = torch.arange(len(deleted), device=deleted.device)
        memory = whole[deleted - self.sign][:, None]  # (P, 1, 5H + N); a start or an end stands before each word
        steps = torch.zeros_like(deleted)
        values: list[torch.Tensor] = []
        while len(moving):
            place = deleted[moving] + self.sign * (len(values) + 1)
            going = (place >= 0) & (place < length)
            if values and len(values) % STEPS == 0:
                before = whole[(place - self.sign).clamp(0, length - 1)]
                felt = (memory[:, 0] - before).abs() > UNFELT * (1 + before.abs())
                going &= felt.any(-1)
            if not going.all():
                moving, memory, place = moving[going], memory[going], place[going]
            if len(moving):
                self._step(self.projected[place], memory)
                read = memory.new_zeros(len(deleted), memory.shape[-1] - 5 * hidden)
                read[moving] = memory[:, 0, 5 * hidden :]
                steps[moving] += 1
                values.append(read)
        return torch.stack(values) if values else whole.new_zeros(0, len(deleted), whole.shape[1] - 5 * hidden), steps

    def _step(
        self, projected: torch.Tensor, memory: torch.Tensor, present: torch.Tensor | None = None, last: bool = False
    ) -> None:
        """Takes the memory (R, B, 5H + N) past tokens that add `projected` to the gates, (B, 4H) or (R, B, 4H); it
        stays 0 where they are not `present` (B, 1). After the `last` step only what is read of it is right."""
        hidden, given = self.weight.shape
        cell = memory[..., :hidden]
        gates = memory[..., hidden : 5 * hidden].add_(projected).sigmoid_()
        write, forget, new, show = gates.chunk(4, -1)
        cell.mul_(forget).addcmul_(new.sub_(0.5), write, value=4)
        state = cell.sigmoid().sub_(0.5).mul_(show)
        if present is not None:  # no direction has met its first token yet, or it is through
            state.mul_(present)
            cell.mul_(present)
        first = 4 * hidden if last else 0  # no gates follow the last step
        torch.mm(state.flatten(0, 1), self.weight[:, first:], out=memory.view(-1, hidden + given)[:, hidden + first :])

    def _written(self, below: int, above: int, count: int, place: int) -> Iterator[tuple[slice, int, slice | int]]:
        """Rows, the place where they keep what comes after `place`, and which of the moving rows they take it from."""
        parted, whole = (slice(-1), -1) if self.onward else (slice(1, None), 0)
        if below:  # what was deleted stood before, so the place moves up by one
            yield slice(below), place - 1, parted if self.onward else whole
        if above < count:
            yield slice(above, None), place, whole if self.onward else parted
