"""The orthogonal LSTM: each state is made orthogonal to the mean of those before it, so that states differ."""

from __future__ import annotations

import torch
from torch import nn

from attn_interp.models.classifiers.encoders import Encoder, StateEncoder
from attn_interp.models.classifiers.recurrent import check_padding, reordered, turned

LEAST = 1e-8  # squared length of a mean that still has a direction


class OrthogonalLstmEncoder(StateEncoder):
    """An LSTM, left to right or in both directions, whose states are orthogonal to the mean of the earlier ones.

    With o_t and c_t the output gate and the cell of an LSTM at step t that goes on from h_(t-1),

        g_t = o_t * tanh(c_t),    m_t = sum of h_1 to h_(t-1),    h_t = g_t - (g_t . m_t / m_t . m_t) m_t

    The first state is as it is. Padding must be on the right; states there are 0. Every step is one of Python, so an
    epoch takes several times that of an LSTM.

    Reference: Mohankumar et al. 2020, section 4.1.
    """

    def __init__(self, embedding_width: int, hidden: int, bidirectional: bool) -> None:
        super().__init__()
        self.width = 2 * hidden if bidirectional else hidden
        self.onward = nn.LSTMCell(embedding_width, hidden)
        self.back = nn.LSTMCell(embedding_width, hidden) if bidirectional else None

    def forward(self, embedded: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """embedded (B, T, E), is_token (B, T) -> states (B, T, D).

        Raises:
            ValueError: padding stands before a token.
        """
        check_padding(is_token, "an orthogonal LSTM")
        states = _read(self.onward, embedded)
        if self.back is not None:
            around = turned(is_token)
            states = torch.cat([states, reordered(_read(self.back, reordered(embedded, around)), around)], dim=-1)
        return states * is_token[..., None]


def _read(cell: nn.LSTMCell, embedded: torch.Tensor) -> torch.Tensor:
    """(B, T, E) -> (B, T, H)."""
    state = memory = total = embedded.new_zeros(len(embedded), cell.hidden_size)
    states = []
    for word in embedded.unbind(1):
        state, memory = cell(word, (state, memory))
        size = (total * total).sum(-1, keepdim=True)
        along = (state * total).sum(-1, keepdim=True) / size.clamp(min=LEAST)
        state = state - torch.where(size > LEAST, along, 0.0) * total
        total = total + state
        states.append(state)
    return torch.stack(states, 1)


ORTHOGONAL_LSTM = Encoder(
    "orthogonal_lstm",
    lambda settings: OrthogonalLstmEncoder(settings.embedding_width, settings.hidden, settings.bidirectional),
    fields=("bidirectional",),
    sums_up=True,
)
