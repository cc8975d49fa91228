"""The long short-term memory network: an LSTM that attends, at every step, over its own past states."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from attn_interp.models.classifiers.encoders import Encoder, StateEncoder
from attn_interp.models.classifiers.recurrent import check_padding
from attn_interp.models.view import LAST


class LstmnEncoder(StateEncoder):
    """An LSTM cell whose previous state and cell are attention's mixtures of all the past ones, left to right.

    At step t, over the earlier steps i < t, with h the states and c the cells:

        score_i = v . tanh(W_h h_i + W_x x_t + W_s s_(t-1)),    weights = softmax of the scores
        s_t = sum_i weight_i h_i,    m_t = sum_i weight_i c_i
        h_t, c_t = LSTM cell(x_t, previous state s_t, previous cell m_t)

    The first step has no past: s_1 = m_1 = 0, and its row of weights is 0. With all weight on the last step this is a
    plain LSTM. Time and memory grow with the square of the length.

    The weights are one softmax over T keys for each step, so a recording has them as one site (B, 1, T, T): queries are
    steps, keys are the tokens they look back on, and what is not strictly below the diagonal is 0. Padding must be on
    the right; no step attends to it. States at padding are 0.

    Reference: Cheng, Dong & Lapata 2016, section 3.1. The biases of the cell are torch's.
    """

    def __init__(self, embedding_width: int, hidden: int) -> None:
        super().__init__()
        self.width = hidden
        self.cell = nn.LSTMCell(embedding_width, hidden)
        self.of_state = nn.Linear(hidden, hidden, bias=False)  # W_h
        self.of_input = nn.Linear(embedding_width, hidden, bias=False)  # W_x
        self.of_summary = nn.Linear(hidden, hidden, bias=False)  # W_s
        self.score = nn.Linear(hidden, 1, bias=False)  # v

    def forward(self, embedded: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """embedded (B, T, E), is_token (B, T) -> states (B, T, D).

        Raises:
            ValueError: padding stands before a token.
        """
        check_padding(is_token, "an LSTMN")
        batch, length, _ = embedded.shape
        is_key = is_token.clone()
        is_key[:, 0] = True  # so that a row without any token has something to look back on
        inputs = self.of_input(embedded)  # (B, T, D)
        summary = embedded.new_zeros(batch, self.width)  # (B, D)
        tape = embedded.new_zeros(batch, 0, 2 * self.width)  # (B, t, 2D) states beside cells
        keys = embedded.new_zeros(batch, 0, self.width)  # (B, t, D) W_h h
        for step in range(length):
            asked = inputs[:, step] + self.of_summary(summary)  # (B, D)
            scores = self.score(torch.tanh(keys + asked[:, None]))[..., 0]  # (B, t)
            scores = scores.masked_fill(~is_key[:, :step], -math.inf)
            scores = functional.pad(scores, (0, length - step), value=-math.inf)  # (B, T)
            weights = torch.softmax(scores, dim=-1)  # (B, T), NaN at the first step, which reads none of them
            summary, memory = (weights[:, None, :step] @ tape)[:, 0].split(self.width, -1)  # (B, D) each
            state, cell = self.cell(embedded[:, step], (summary, memory))
            tape = torch.cat([tape, torch.cat([state, cell], -1)[:, None]], 1)
            keys = torch.cat([keys, self.of_state(state)[:, None]], 1)
        return tape[..., : self.width] * is_token[..., None]


LSTMN = Encoder(
    "lstmn",
    lambda settings: LstmnEncoder(settings.embedding_width, settings.hidden),
    attends=True,
    sums_up=True,
    query=LAST,  # the last token alone looks back on all words
)
