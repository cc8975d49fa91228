"""Reads from a model what its weights weigh: values, output projection, residual connection, layer normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from attn_interp.attribution.flow.values import Block, Norm, parts
from attn_interp.models.classifiers.transformer import TransformerLayer
from attn_interp.recording import Site, record

# Blocks of transformers that are built alike: value projection, output projection, and the normalisation after the sum.
ALIKE = {
    "BERT": ("attention.self.value", "attention.output.dense", "attention.output.LayerNorm"),
    "DistilBERT": ("attention.v_lin", "attention.out_lin", "sa_layer_norm"),
}
ALLOWED_GAP = 1e-4  # what float32 leaves between an output and the sum of its parts, relative to the largest of it

Tap = tuple[nn.Module, bool]
"""A module, and whether the tensor is its output (True) or its first input."""


@dataclass(frozen=True)
class _Structure:
    """Where the tensors of a block are."""

    attended: Tap  # what the values are made of
    residual: Tap
    whole: Tap  # the sum, normalised where the block normalises it
    value: tuple[torch.Tensor, torch.Tensor | None]  # weight (H * V, D) and bias (H * V,)
    output: tuple[torch.Tensor, torch.Tensor | None]  # weight (D, H * V) and bias (D,)
    norm: nn.LayerNorm | None
    batch_first: bool = True


def attention_block(module: nn.Module, site: Site, *args: Any, **kwargs: Any) -> Block:
    """The block of self-attention at a site, as it ran on these inputs.

    Known are the layers of our own transformer, nn.TransformerEncoderLayer, and BERT, DistilBERT and what transformers
    builds like them (RoBERTa, ELECTRA). Run the module in eval mode. The parts that are read are summed up again and
    held against what the module computed, so a block that does something else besides is refused.

    Returns:
        Block: in float64.

    Raises:
        ValueError: the block is of another structure; the message says what is missing, or that its parts do not sum to
            its output.
    """
    path = block_path(site)
    structure = _structure(module.get_submodule(path), site, path)
    with torch.no_grad(), record(module, [site]) as recording, _kept(structure) as kept:
        module(*args, **kwargs)
    runs = len(kept["residual"])
    if runs != 1:
        raise ValueError(f"block {path!r} ran {runs} times in one pass of the module, expected once")
    attended, residual, whole = (
        states[0].double() if structure.batch_first else states[0].double().transpose(0, 1) for states in kept.values()
    )
    nothing = residual.new_zeros(residual.shape[-1])
    norm = structure.norm
    block = Block(
        weights=recording[site].double(),
        values=_values(structure, attended, site.heads),
        bias=nothing if structure.output[1] is None else structure.output[1].detach().double(),
        residual=residual,
        norm=None if norm is None else _norm(norm, nothing),
    )
    by_position, rest = parts(block)
    gap = (by_position.sum(2) + rest - whole).abs().max().item()
    if not gap <= ALLOWED_GAP * max(1.0, whole.abs().max().item()):
        raise ValueError(
            f"block {path!r}: values, residual connection and normalisation sum to its output within {gap:.3g} only; "
            "it is in train mode, or does something else besides"
        )
    return block


def block_path(site: Site) -> str:
    """The path of the block that a site is in: the innermost member of a list of modules around it, such as
    `encoder.layer.0` for `encoder.layer.0.attention.self`.

    Raises:
        ValueError: there is none.
    """
    names = site.path.split(".")
    numbered = [depth for depth, name in enumerate(names) if name.isdigit()]
    if not numbered:
        raise ValueError(
            f"site {site.name!r} is in no list of layers, so the module whose output are the states after this layer "
            "is not known"
        )
    return ".".join(names[: numbered[-1] + 1])


def _structure(block: nn.Module, site: Site, path: str) -> _Structure:
    if isinstance(block, nn.TransformerEncoderLayer):
        attention = block.self_attn
        width = attention.embed_dim
        projection, bias = attention.in_proj_weight, attention.in_proj_bias
        return _Structure(
            attended=(attention, False),
            residual=(block, False),
            whole=(block.norm2, False) if block.norm_first else (block.norm1, True),
            value=(projection[2 * width :], None if bias is None else bias[2 * width :]),
            output=(attention.out_proj.weight, attention.out_proj.bias),
            norm=None if block.norm_first else block.norm1,
            batch_first=attention.batch_first,
        )
    if isinstance(block, TransformerLayer):
        read, write = block.attention.read, block.attention.write
        width = write.in_features
        return _Structure(
            attended=(block.attention, False),
            residual=(block, False),
            whole=(block.before_network, False),
            value=(read.weight[2 * width :], read.bias[2 * width :]),
            output=(write.weight, write.bias),
            norm=None,
        )
    present = dict(block.named_modules())
    missing = {}
    for name, places in ALIKE.items():
        missing[name] = [place for place in places if place not in present]
        if not missing[name]:
            value, output, norm = (present[place] for place in places)
            if not (isinstance(value, nn.Linear) and isinstance(output, nn.Linear) and isinstance(norm, nn.LayerNorm)):
                break
            return _Structure(
                attended=(value, False),
                residual=(value, False),
                whole=(norm, True),
                value=(value.weight, value.bias),
                output=(output.weight, output.bias),
                norm=norm,
            )
    lacks = "; ".join(f"to be like {name} it lacks {', '.join(places)}" for name, places in missing.items() if places)
    raise ValueError(
        f"site {site.name!r}: the structure of block {path!r} ({type(block).__name__}) is not known: it is no layer of "
        f"our transformer and no nn.TransformerEncoderLayer; {lacks or 'its parts are of other kinds'}. "
        "Read its values, residual and normalisation by hand, and make a Block of them"
    )


@contextmanager
def _kept(structure: _Structure) -> Iterator[dict[str, list[torch.Tensor]]]:
    """While the module runs: the tensors at the taps, one for each run of the block."""
    kept: dict[str, list[torch.Tensor]] = {}

    def hook(name: str, tap: Tap) -> Any:
        tapped, is_output = tap
        kept[name] = []
        if is_output:
            return tapped.register_forward_hook(lambda module, inputs, output: kept[name].append(output))
        return tapped.register_forward_pre_hook(
            lambda module, inputs, named: kept[name].append([*inputs, *named.values()][0]), with_kwargs=True
        )

    taps = {"attended": structure.attended, "residual": structure.residual, "whole": structure.whole}
    hooks = [hook(name, tap) for name, tap in taps.items()]
    try:
        yield kept
    finally:
        for handle in hooks:
            handle.remove()


def _values(structure: _Structure, attended: torch.Tensor, heads: int) -> torch.Tensor:
    """(B, H, T, D): the value of each position and head after the head's part of the output projection."""
    weight, bias = structure.value
    values = attended @ weight.detach().double().T  # (B, T, H * V)
    if bias is not None:
        values = values + bias.detach().double()
    projection = structure.output[0].detach().double().unflatten(1, (heads, -1))  # (D, H, V)
    return torch.einsum("bthv,dhv->bhtd", values.unflatten(-1, (heads, -1)), projection)


def _norm(norm: nn.LayerNorm, nothing: torch.Tensor) -> Norm:
    scale = nothing + 1 if norm.weight is None else norm.weight.detach().double()
    shift = nothing if norm.bias is None else norm.bias.detach().double()
    return Norm(scale, shift, norm.eps)
