"""Are the weights that were found those that the module attends with? Put them back, and put others in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from attn_interp.recording.discovery.dry_run_inputs import Example, fresh
from attn_interp.recording.discovery.flow import tensors_in
from attn_interp.recording.engine.checked_change import Change
from attn_interp.recording.engine.interceptor import intercepting
from attn_interp.recording.engine.visitors import Changer, Recorder
from attn_interp.recording.recording import Recording
from attn_interp.recording.site import Site


def _numbers(output: Any) -> list[torch.Tensor]:
    return [tensor for tensor in tensors_in(output) if tensor.is_floating_point()]


def _run(root: nn.Module, example: Example) -> list[torch.Tensor]:
    args, kwargs = fresh(example.args, example.kwargs)
    return _numbers(root(*args, **kwargs))


def _recorded(root: nn.Module, found: Sequence[Site], example: Example) -> tuple[Recording, list[torch.Tensor]]:
    recording = Recording()
    with intercepting(root, Recorder(found, recording, gradients=False)):
        return recording, _run(root, example)


def _changed(root: nn.Module, sites: Sequence[Site], of: dict[str, Change], example: Example) -> list[torch.Tensor]:
    with intercepting(root, Changer(sites, of, unnormalised=True)):
        return _run(root, example)


def _moved(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """True where two outputs differ; NaN is equal to NaN."""
    return (one != two) & ~(one.isnan() & two.isnan())


def _unequal(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return any(x.shape != y.shape or bool(_moved(x, y).any()) for x, y in zip(one, two))


def _other_rows(weights: torch.Tensor, row: int) -> torch.Tensor:
    """Random weights for one document, over the keys that have weight now; the other documents keep theirs."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(weights[row].shape, generator=generator).to(weights) + 0.1
    noise = noise * (weights[row] > 0)
    mass = weights[row].sum(-1, keepdim=True)
    total = noise.sum(-1, keepdim=True)
    new = weights.clone()
    new[row] = torch.where(total > 0, noise * (mass / total.clamp_min(1e-30)), weights[row])
    return new


def verified(root: nn.Module, found: list[Site], example: Example) -> tuple[list[Site], list[str]]:
    """The sites that hold, with sinks told from keys and the order of folded axes settled; and why others do not.

    Raises:
        ValueError: if the module is random in eval mode, own weights put back give another output, or folded
            documents and heads cannot be told apart.
    """
    recording, output = _recorded(root, found, example)
    if sinks := {site.name for site in found if _has_sink(root, site, example, recording, output)}:
        found = [_with_sink(site) if site.name in sinks else site for site in found]
        recording, output = _recorded(root, found, example)
    own: dict[str, Change] = {site.name: recording[site] for site in found}
    if _unequal(output, _changed(root, found, own, example)):
        if _unequal(output, _recorded(root, found, example)[1]):
            raise ValueError(
                f"{type(root).__name__}: two runs in eval mode differ; sites of a random module cannot be verified"
            )
        raise ValueError(f"{type(root).__name__}: its own attention weights, put back, do not reproduce its output")
    holding, silent = [], []
    moving = _moving_by_gradient(root, found, example)
    for site in found:
        settled = site if site.name in moving else _settled(root, site, example, output)
        if settled is None:
            silent.append(f"{site.name}: other weights do not move the output")
        else:
            holding.append(settled)
    return holding, silent


def _moving_by_gradient(root: nn.Module, found: Sequence[Site], example: Example) -> set[str]:
    """Names of the sites whose weights the output depends on, as one gradient tells of all at once.

    Where none passes, as through quantised or detached weights, a site is not among them and is tried by itself; so are
    folded sites, whose documents have to be told from heads.
    """
    plain = [site for site in found if "B*H" not in site.layout.split()]
    recording = Recording()
    try:
        with torch.enable_grad():
            with intercepting(root, Recorder(plain, recording, gradients=True)):
                output = _run(root, example)
            shown = [
                x for x in output if x.requires_grad and not any(_is_weights(x, recording[site]) for site in plain)
            ]
            generator = torch.Generator().manual_seed(
                0
            )  # a random mixture, since rows of probabilities always sum to 1
            mixed = sum(
                ((x * torch.randn(x.shape, generator=generator).to(x)).nansum() for x in shown), torch.zeros(())
            )
        steps = [(site.name, step) for site in plain for step in recording.steps(site)]
        gradients = torch.autograd.grad(mixed, [step for _, step in steps], materialize_grads=True)
    except (RuntimeError, NotImplementedError):  # autograd's own words for what it cannot pass
        return set()
    return {name for (name, step), gradient in zip(steps, gradients) if _matters(step, gradient)}


def _matters(weights: torch.Tensor, gradient: torch.Tensor) -> bool:
    """Whether moving weight between keys that have some moves what the gradient is of, beyond rounding."""
    has = weights > 0
    mean = (gradient * has).sum(-1, keepdim=True) / has.sum(-1, keepdim=True).clamp(min=1)
    return bool((((gradient - mean) * has).abs() > 1e-3 * gradient.abs().amax()).any())


def _has_sink(root: nn.Module, site: Site, example: Example, recording: Recording, output: list[torch.Tensor]) -> bool:
    """True if there is one key more than positions and queries, and what weight it has does not matter."""
    weights = recording.steps(site)[-1]
    positions = dict(example.lengths).get(site.layout.split()[site.key_axis])
    if positions != weights.shape[-1] - 1 or weights.shape[-2] == weights.shape[-1]:
        return False

    def without_last(weights: torch.Tensor) -> torch.Tensor:
        return torch.cat([weights[..., :-1], torch.zeros_like(weights[..., -1:])], dim=-1)

    changed = _changed(root, [site], {site.name: without_last}, example)
    return not any(_moved(x, y).any() for x, y in _beside(weights, output, changed))


def _with_sink(site: Site) -> Site:
    words = site.layout.split()
    words[site.key_axis] += "+1"
    return replace(site, layout=" ".join(words), sink=True)


def _settled(root: nn.Module, site: Site, example: Example, output: list[torch.Tensor]) -> Site | None:
    """The site in the order of folded axes in which one document's weights move its own output; None if none moves."""
    folded = "B*H" in site.layout.split()
    orders = ("B*H", "H*B") if folded else ("",)
    for order in orders:
        candidate = replace(site, layout=site.layout.replace("B*H", order)) if folded else site
        recording = _recorded(root, [candidate], example)[0]
        weights = recording[candidate]
        whole = torch.cat([weights, recording.sink(candidate)[..., None]], -1) if site.sink else weights
        row = int((weights > 0).flatten(1).sum(1).argmax())
        moved = _changed(root, [candidate], {candidate.name: _other_rows(weights, row)}, example)
        kept = _beside(whole, output, moved)
        if not any(bool(_moved(x, y).any()) for x, y in kept):
            return None
        if not folded or _alone(kept, row, example.batch or 0):
            return candidate
    raise ValueError(
        f"site {site.name!r}: documents and heads are folded into one axis, and neither order keeps documents apart; "
        "candidates: " + "; ".join(site.layout.replace("B*H", order) for order in orders)
    )


def _beside(
    weights: torch.Tensor, before: list[torch.Tensor], after: list[torch.Tensor]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The outputs but for the weights themselves and their mean over heads, which move with them and show nothing."""
    return [(x, y) for x, y in zip(before, after) if not _is_weights(x, weights)]


def _is_weights(output: torch.Tensor, weights: torch.Tensor) -> bool:
    """Whether an output holds the numbers of the weights or of their mean over heads, in whatever order."""
    for known in (weights, weights.mean(1)):
        if output.numel() == known.numel():
            values, expected = (x.detach().double().flatten().sort().values for x in (output, known))
            if torch.allclose(values, expected, atol=1e-6, rtol=0):
                return True
    return False


def _alone(pairs: list[tuple[torch.Tensor, torch.Tensor]], row: int, batch: int) -> bool:
    """True if no other document's output moved; an output without an axis of documents shows nothing."""
    for before, after in pairs:
        axis = next((axis for axis, size in enumerate(before.shape) if size == batch), None)
        if axis is None:
            continue
        moved = _moved(before, after) & ((before - after).abs() > 1e-5 * (1 + before.abs()))
        rows = moved.transpose(0, axis).flatten(1).any(1)
        rows[row] = False
        if rows.any():
            return False
    return True
