"""Layouts: reading is inverted by writing, and puts each axis where it belongs."""

import pytest
import torch

from attn_interp.recording import Site
from attn_interp.recording.discovery.layout import Layout

B, H, G, Q, K = 2, 3, 5, 7, 11
CASES = [
    ("B T", -1, 1, (B, K)),
    ("B T 1", -2, 1, (B, K, 1)),
    ("B 1 T", -1, 1, (B, 1, K)),
    ("T B", -2, 1, (K, B)),
    ("B T T", -1, 1, (B, Q, K)),
    ("B T T", -2, 1, (B, K, Q)),
    ("B T H", -2, H, (B, K, H)),
    ("B H T", -1, H, (B, H, K)),
    ("B H S T", -1, H, (B, H, Q, K)),
    ("H B S T", -1, H, (H, B, Q, K)),
    ("B H G S T", -1, H * G, (B, H, G, Q, K)),
    ("B*H S T", -1, H, (B * H, Q, K)),
    ("B*H T", -1, H, (B * H, K)),
    ("H*B S T", -1, H, (H * B, Q, K)),
    ("H*B T", -1, H, (H * B, K)),
    ("S T B*H", -2, H, (Q, K, B * H)),
]


@pytest.mark.parametrize(("text", "key_axis", "heads", "shape"), CASES)
def test_write_inverts_read(text, key_axis, heads, shape):
    layout = Layout(text, key_axis, heads)
    weights = torch.arange(float(torch.Size(shape).numel())).reshape(shape)
    read = layout.read(weights)
    assert read.shape == (B, heads, Q if Q in shape else 1, K)
    assert torch.equal(layout.write(read, weights.shape), weights)
    assert layout.write(read.contiguous(), weights.shape).is_contiguous()


def test_each_axis_is_read_where_it_belongs():
    weights = torch.randn(B * H, Q, K)
    read = Layout("B*H T T", -1, H).read(weights)
    assert torch.equal(read[1, 2], weights[1 * H + 2])
    assert torch.equal(Layout("H*B T T", -1, H).read(weights)[1, 2], weights[2 * B + 1])
    weights = torch.randn(B, K, Q)
    assert torch.equal(Layout("B T T", -2).read(weights)[1, 0, 4], weights[1, :, 4])


@pytest.mark.parametrize(
    ("text", "key_axis", "heads", "message"),
    [
        ("H T", -1, 1, "exactly one axis must be one of"),
        ("B B*H T", -1, 2, "exactly one axis must be one of"),
        ("B T S T", -1, 1, "at most one axis"),
        ("B T", 1, 1, r"key_axis must be in -2\.\.-1, got 1"),
        ("B T", -1, 0, "heads must be at least 1, got 0"),
        ("B*H H T", -1, 2, "not both"),
    ],
)
def test_what_is_no_layout(text, key_axis, heads, message):
    with pytest.raises(ValueError, match=message):
        Layout(text, key_axis, heads)
    with pytest.raises(ValueError, match=message):
        Site("attention", "attention", 0, text, key_axis, heads)


@pytest.mark.parametrize("shape", [(B, H, Q), (B, H + 1, Q, K), (B * H, Q, K)])
def test_weights_of_another_layout(shape):
    with pytest.raises(ValueError, match=r"do not have the layout 'B H T T' with 3 heads; find the sites again"):
        Site("attention", "attention", 0, "B H T T", -1, H).read(torch.zeros(shape))
