"""Classifiers written by hand in plain PyTorch, each attending in another style. 5 documents, 11 positions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attn_interp.recording import mark

LENGTHS = torch.tensor([11, 8, 6, 3, 2])


class Reader(nn.Module):
    """Ids (B, T), 0 is padding -> logits (B, 3); `attend` of the subclass turns states (B, T, 12) into (B, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(47, 9, padding_idx=0)
        self.encoder = nn.Linear(9, 12)
        self.score = nn.Linear(12, 1)
        self.decide = nn.Linear(12, 3)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.7)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.decide(self.attend(torch.tanh(self.encoder(self.embedding(ids))), ids != 0))

    def scores(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        return self.score(states).squeeze(-1).masked_fill(~is_token, -math.inf)

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


class Additive(Reader):
    """A packed BiLSTM whose states are weighed by v.tanh(W h): the classifier of Jain & Wallace."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(9, 6, batch_first=True, bidirectional=True)
        self.project = nn.Linear(12, 7)
        self.vector = nn.Linear(7, 1, bias=False)
        nn.init.normal_(self.vector.weight)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        pack, unpack = nn.utils.rnn.pack_padded_sequence, nn.utils.rnn.pad_packed_sequence
        states, _ = unpack(self.lstm(pack(self.embedding(ids), lengths, batch_first=True))[0], batch_first=True)
        scores = self.vector(torch.tanh(self.project(states))).squeeze(-1)
        weights = torch.softmax(scores.masked_fill(ids == 0, -math.inf), dim=-1)
        return self.decide(torch.bmm(weights.unsqueeze(1), states).squeeze(1))


class Dot(Reader):
    """A weighted sum by an elementwise product, the softmax a method."""

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        return (self.scores(states, is_token).softmax(1).unsqueeze(-1) * states).sum(1)


class Column(Reader):
    """Weights (B, T, 1), by a module nn.Softmax, masked by a large negative number."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = nn.Softmax(dim=1)

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        weights = self.normalise(self.score(states).masked_fill(~is_token.unsqueeze(-1), -1e9))
        return torch.sum(weights * states, dim=1)


class Einsum(Reader):
    """Weights (B, T, H) for four heads, softmaxed over the middle axis."""

    def __init__(self) -> None:
        super().__init__()
        self.hops = nn.Linear(12, 4)
        self.join = nn.Linear(48, 12)

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        weights = torch.softmax(self.hops(states).masked_fill(~is_token.unsqueeze(-1), -math.inf), dim=1)
        return self.join(torch.einsum("bth,btd->bhd", weights, states).flatten(1))


class Folded(Reader):
    """Self-attention with documents and four heads folded into one axis, documents outermost."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(12, 12), nn.Linear(12, 12)

    def fold(self, states: torch.Tensor) -> torch.Tensor:
        return states.unflatten(-1, (4, 3)).transpose(1, 2).flatten(0, 1)

    def mask(self, is_token: torch.Tensor) -> torch.Tensor:
        return is_token.repeat_interleave(4, 0).unsqueeze(1)

    def unfold(self, states: torch.Tensor) -> torch.Tensor:
        return states.unflatten(0, (-1, 4)).transpose(1, 2).flatten(2)

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        query, key, value = (self.fold(x) for x in (self.query(states), self.key(states), states))
        scores = torch.bmm(query, key.transpose(1, 2)).masked_fill(~self.mask(is_token), -math.inf)
        weights = F.dropout(F.softmax(scores, dim=-1), 0.4, self.training)
        return self.unfold(torch.bmm(weights, value)).mean(1)


class FoldedHeadsFirst(Folded):
    """The same with heads outermost."""

    def fold(self, states: torch.Tensor) -> torch.Tensor:
        return torch.cat(states.chunk(4, dim=-1), dim=0)

    def mask(self, is_token: torch.Tensor) -> torch.Tensor:
        return is_token.repeat(4, 1).unsqueeze(1)

    def unfold(self, states: torch.Tensor) -> torch.Tensor:
        return torch.cat(states.chunk(4, dim=0), dim=-1)


class KeysFirst(Reader):
    """Scores (B, keys, queries), softmaxed over the middle axis."""

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        scores = (states @ states.transpose(1, 2)).masked_fill(~is_token.unsqueeze(-1), -math.inf)
        return (torch.softmax(scores, dim=1).transpose(1, 2) @ states).mean(1)


class Fused(Reader):
    """scaled_dot_product_attention with one learned query and grouped heads."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = nn.Parameter(torch.randn(1, 4, 1, 6))

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        keys = states.unflatten(-1, (2, 6)).transpose(1, 2)
        query = self.asked.expand(len(states), -1, -1, -1)
        mask = is_token[:, None, None]
        mixed = F.scaled_dot_product_attention(query, keys, keys, attn_mask=mask, enable_gqa=True, scale=0.9)
        return mixed.flatten(1)[:, :12]


class Pool(nn.Module):
    """Attention in a module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(12, 1)
        nn.init.normal_(self.score.weight)

    def forward(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        weights = torch.softmax(self.score(states).squeeze(-1).masked_fill(~is_token, -math.inf), -1)
        return torch.matmul(weights.unsqueeze(1), states).squeeze(1)


class TwoCalls(Reader):
    """One attention module called twice, on states and on their squares; before it a gate, which is no attention."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = Pool()
        self.gate = nn.Linear(12, 2)

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        states = states * torch.softmax(self.gate(states), dim=-1)[..., :1]
        return self.attention(states, is_token) + self.attention(states.square(), is_token)


class Decoder(Reader):
    """A loop of one attention and one softmax over symbols a step, as many steps as there are symbols to decode."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(24, 12)
        self.symbols = nn.Embedding(7, 12)

    def forward(self, ids: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
        states = torch.tanh(self.encoder(self.embedding(ids)))
        state = states.new_zeros(len(ids), 12)
        outputs = []
        for symbol in self.symbols(decoded).unbind(1):
            scores = (states @ state.unsqueeze(-1)).squeeze(-1) + self.score(states).squeeze(-1)
            weights = torch.softmax(scores.masked_fill(ids == 0, -math.inf), -1)
            state = self.cell(torch.cat([symbol, (weights.unsqueeze(-1) * states).sum(1)], -1), state)
            outputs.append(torch.softmax(self.decide(state), -1))
        return torch.stack(outputs, 1)


def sparsemax(scores: torch.Tensor) -> torch.Tensor:
    """The nearest point of the simplex (Martins & Astudillo 2016, Algorithm 1)."""
    ordered = scores.sort(dim=-1, descending=True).values
    sums = ordered.cumsum(-1) - 1
    counts = torch.arange(1, scores.shape[-1] + 1)
    support = (counts * ordered > sums).sum(-1, keepdim=True)
    return (scores - sums.gather(-1, support - 1) / support).clamp_min(0)


class Sparse(Reader):
    """Attention that is no softmax; shown by a mark."""

    marked = True

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        weights = sparsemax(self.score(states).squeeze(-1).masked_fill(~is_token, -1e4))
        weights = mark(weights) if self.marked else weights
        return torch.bmm(weights.unsqueeze(1), states).squeeze(1)


class Renormalised(Reader):
    """A softmax over padding too, which is then taken out: the softmax is not what is multiplied with the values."""

    marked = True

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        weights = torch.softmax(self.score(states).squeeze(-1), -1) * is_token
        weights = weights / weights.sum(-1, keepdim=True)
        weights = mark(weights) if self.marked else weights
        return torch.bmm(weights.unsqueeze(1), states).squeeze(1)


class Sigmoid(Reader):
    """Weights between 0 and 1 that do not sum to 1."""

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        weights = mark(torch.sigmoid(self.score(states)) * is_token.unsqueeze(-1), dim=1)
        return (weights * states).sum(1)


class Averaging(Reader):
    """No attention at all; a softmax over classes."""

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        return states.mean(1) * torch.softmax(states.mean(1), -1)


class PerDocument(Reader):
    """Documents one by one."""

    def attend(self, states: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        scores = self.scores(states, is_token)
        return torch.stack([torch.softmax(row, -1) @ state for row, state in zip(scores, states)])


@dataclass(frozen=True)
class Style:
    module: nn.Module
    inputs: tuple[torch.Tensor, ...]
    layout: str
    heads: int = 1
    queries: int = 1


STYLES: dict[str, tuple[Callable[[], nn.Module], str, int, int]] = {
    "additive": (Additive, "B T", 1, 1),
    "column": (Column, "B T 1", 1, 1),
    "decoder": (Decoder, "B T", 1, 6),
    "dot": (Dot, "B T", 1, 1),
    "einsum": (Einsum, "B T H", 4, 1),
    "folded": (Folded, "B*H T T", 4, 11),
    "folded heads first": (FoldedHeadsFirst, "H*B T T", 4, 11),
    "fused": (Fused, "B H 1 T", 4, 1),
    "keys first": (KeysFirst, "B T T", 1, 11),
    "renormalised": (Renormalised, "B T", 1, 1),
    "sparse": (Sparse, "B T", 1, 1),
}
OTHERS = {
    "averaging": Averaging,
    "per document": PerDocument,
    "sigmoid": Sigmoid,
    "two calls": TwoCalls,
}


def documents() -> torch.Tensor:
    ids = torch.randint(1, 47, (5, 11), generator=torch.Generator().manual_seed(3))
    return ids * (torch.arange(11) < LENGTHS[:, None])


def build(name: str) -> Style:
    maker, layout, heads, queries = STYLES[name] if name in STYLES else (OTHERS[name], "", 1, 1)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        module = maker().eval()
    inputs: tuple[torch.Tensor, ...] = (documents(),)
    if name == "additive":
        inputs = (*inputs, LENGTHS)
    if name == "decoder":
        inputs = (*inputs, torch.randint(0, 7, (5, 6), generator=torch.Generator().manual_seed(4)))
    return Style(module, inputs, layout, heads, queries)


@pytest.fixture(params=sorted(STYLES))
def style(request: pytest.FixtureRequest) -> Style:
    return build(request.param)


@pytest.fixture
def styled() -> Callable[[str], Style]:
    return build


@pytest.fixture
def is_token() -> torch.Tensor:
    return documents() != 0  # (5, 11)


@pytest.fixture
def additive() -> Style:
    return build("additive")
