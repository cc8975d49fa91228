"""The attention of a whole generation: the steps of all passes as the queries of one matrix for each layer."""

from __future__ import annotations

from typing import Any

import torch

from attn_interp.recording.recording import Pass, Recording


def generated(recording: Recording, sequences: Any) -> dict[str, torch.Tensor]:
    """The attention of every layer while a causal language model of the transformers library generates.

    A generation of N tokens, prompt included, is a pass over the prompt and then one pass for each new token, which
    attends to the cache. The rows of these passes, one below the other, are the attention of one whole pass over the
    first T = N - 1 tokens. The last token is never read, so it attends to nothing. The k-th row is where the model
    says token k + 1. Greedy and sampled generation are read, several sequences for a prompt, a growing, a sliding and
    a static cache, a prompt in chunks, and generation without a cache.

    Args:
        recording: Of `with record(model) as recording`, around one call of `model.generate`.
        sequences: What that call returned: (B, N), or the output that holds them.

    Returns:
        Name of the site -> weights (B, heads, T, T), 0 where the key is later or no longer in the cache.

    Raises:
        RuntimeError: nothing is recorded.
        TypeError: the first argument is no recording, or the sequences are no ids.
        ValueError: the passes are not those of these sequences, as in a beam search, whose rows change places.

    >>> with ai.record(model) as recording:  # doctest: +SKIP
    ...     out = model.generate(ids, max_new_tokens=20)
    >>> layers = ai.generated(recording, out)  # doctest: +SKIP
    """
    if not isinstance(recording, Recording):
        raise TypeError(
            f"generated: got a {type(recording).__name__}, expected the recording of `with record(model) as recording` "
            "and then what model.generate gave"
        )
    recording.latest()
    ids = getattr(sequences, "sequences", sequences)
    if not isinstance(ids, torch.Tensor) or ids.ndim != 2 or ids.is_floating_point():
        shape = f" {tuple(ids.shape)} of {ids.dtype}" if isinstance(ids, torch.Tensor) else ""
        raise TypeError(
            f"generated: sequences is a {type(sequences).__name__}{shape}, expected the ids (B, N) that model.generate "
            "gave"
        )
    read = ids[:, :-1]
    passes = _passes_of(recording, read)
    return {name: _whole([each[name] for each in passes], read.shape[1], name) for name in passes[0]}


def _passes_of(recording: Recording, read: torch.Tensor) -> list[Pass]:
    """The passes that read these tokens (B, T) once each; without a cache the last pass reads all of them."""
    passes, parts = [], []
    for number, each in enumerate(recording.passes):
        if each.ids is None:
            raise ValueError(
                f"generated: pass {number} of the recording was not given input_ids; call model.generate(ids) of "
                "a causal model inside `with record(model)`. The passes of an encoder and decoder stand in "
                "recording.passes"
            )
        passes.append(each)
        parts.append(each.ids)
    rows, length = read.shape
    if len(parts[-1]) != rows:
        raise ValueError(
            f"generated: the passes have {len(parts[-1])} rows and the sequences {rows}; in a beam search a row is no "
            "sequence: generate with num_beams=1, greedily or with do_sample=True"
        )
    if parts[-1].shape[1] == length:
        passes, parts = passes[-1:], parts[-1:]
    counts = [part.shape[1] for part in parts]
    if sum(counts) != length:
        raise ValueError(
            f"generated: the passes read {shown(counts)} tokens a row, in all {sum(counts)}, and the sequences have "
            f"{length} before their last; record one call of model.generate alone, without an assistant, whose tokens "
            "may be taken back"
        )
    wrong = torch.cat(parts, 1) != read.to(parts[0].device)
    if wrong.any():
        row, place = (int(index) for index in wrong.nonzero()[0])
        raise ValueError(
            f"generated: token {place} of row {row} is not the one that was read; give the sequences of this very "
            "call, and generate with num_beams=1: in a beam search rows change places"
        )
    return passes


def shown(counts: list[int]) -> str:
    """The first few of many numbers.

    >>> shown([7, 1, 1, 1, 1])
    '7 + 1 + 1 + ...'
    """
    return " + ".join([*map(str, counts[:3]), *["..."] * (len(counts) > 3)])


def _whole(steps: list[torch.Tensor], length: int, name: str) -> torch.Tensor:
    """The rows (B, H, Q, K) of each pass in one matrix (B, H, T, T). A cache with room for later keys has them at the
    end; one that has dropped early keys ends with the query."""
    whole = steps[0].new_zeros(*steps[0].shape[:2], length, length)
    end = 0
    for step in steps:
        start, end = end, end + step.shape[2]
        kept = step[..., :end]
        if (step[..., end:] != 0).any():
            raise ValueError(f"generated: site {name!r}: a query attends to later keys; give a causal language model")
        whole[:, :, start:end, end - kept.shape[-1] : end] = kept
    return whole
