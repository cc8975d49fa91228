"""Attention flow: the layers as a network of pipes, and the most that can run from a state down to a word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import maximum_flow

from attn_interp.attribution.flow.rollout import check_layers, with_residual

# Capacities are integers in scipy, of 32 bits. What leaves a state sums to 1, so no flow exceeds this by more than
# rounding.
UNIT = 2**30


def attention_flow(layers: Sequence[torch.Tensor], start: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
    """The maximum flow from a state of the last layer to each word, the weights of the layers being capacities.

    Nodes are the positions of the input and of every layer. A layer is the mean over its heads in equal parts with the
    identity, as in `rollout`. Each word has a flow of its own, as if it were the only one, so the flows of a document
    do not sum to 1. Range [0, 1]; never below rollout, which is one of the flows that the network allows. A word of
    several positions is reached through all of them at once. From the mean of many states almost everything can reach
    any word, and flows crowd at 1.

    Exact for capacities rounded to 2^-30: a flow is off by at most 2^-31 for each edge of a smallest cut.

    Args:
        layers: weights (B, H, T, T), first layer first; the last may be a pooling (B, H, Q, T).
        start: (B, Q) the share of the flow that may leave each state of the last layer: 1 at one of them, or equal
            shares where their mean is asked about.
        unit: (B, T) index of the word at each position of the input, -1 for none.

    Returns:
        (B, W) float64, 0 past the last word.

    Raises:
        ValueError: no layer, or layers that do not lie on top of one another.

    >>> layer = torch.tensor([[[[0.5, 0.5], [0.0, 1.0]]]])
    >>> flow = attention_flow([layer], torch.tensor([[1.0, 0.0]]), torch.tensor([[0, 1]]))  # from the first state
    >>> flow.tolist()
    [[0.75, 0.25]]

    Reference: Abnar & Zuidema 2020, section 3.
    """
    check_layers(layers)
    joined = [with_residual(weights).cpu().numpy() for weights in layers]
    joined.append(start.double().cpu().numpy()[:, None])  # the source is a state above the last layer
    words = unit.cpu().numpy()
    flows = np.zeros((len(words), int(words.max()) + 1))
    for row, word_at in enumerate(words):
        network, source = _network([weights[row] for weights in joined], word_at)
        for word in range(word_at.max() + 1):
            flows[row, word] = maximum_flow(network, source, source + 1 + word).flow_value / UNIT
    return torch.from_numpy(flows).to(layers[0].device)


def _network(layers: Sequence[np.ndarray], unit: np.ndarray) -> tuple[csr_array, int]:
    """Capacities from each state to those below it, and from the positions of the input to their words; and the node
    of the source. Nodes are numbered from the input upwards to the source, and words come last."""
    above = np.cumsum([len(unit), *(len(weights) for weights in layers)])  # the first node that is above each level
    edges = []
    for depth, weights in enumerate(layers):
        queries, keys = weights.nonzero()
        below = above[depth] - weights.shape[1]
        edges.append((above[depth] + queries, below + keys, weights[queries, keys] * UNIT))
    (positions,) = np.nonzero(unit >= 0)
    edges.append((positions, above[-1] + unit[positions], np.full(len(positions), 2 * UNIT - 1)))
    starts, ends, capacities = (np.concatenate(parts) for parts in zip(*edges))
    nodes = above[-1] + unit.max() + 1
    rounded = np.rint(capacities).astype(np.int32)
    return csr_array(coo_array((rounded, (starts, ends)), shape=(nodes, nodes))), int(above[-1]) - 1
