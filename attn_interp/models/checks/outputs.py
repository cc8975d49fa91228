"""What comes out of a module: logits, or probabilities where that is said; and whether each document has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch, Collate
from attn_interp.data.document import Document

LOGITS, PROBABILITIES = "logits", "probabilities"
GAP = 1e-3  # how far logits may move, relative to their size, with what stands beside a document
PRODUCTS = ("Addmm", "Mm", "Mv", "Bmm", "Linear")
PASSED = (
    *("Add", "Sub", "Mul", "Div", "Neg", "View", "UnsafeView", "Reshape", "Squeeze", "Unsqueeze", "Select", "Slice"),
    *("TBackward", "Clone"),
)
"""Steps behind which the product of a last layer is looked for."""

MASK = "mask padding in the module, as scores.masked_fill(~is_token, -torch.inf) before the softmax"


def tensor_in(output: Any) -> torch.Tensor:
    """The tensor that a module returns, alone or under the name `logits`.

    Raises:
        TypeError: there is none, or which it is is not known; names what there is.
    """
    if isinstance(output, torch.Tensor):
        return output
    parts: Mapping[str, Any] = {}
    if isinstance(output, Mapping):
        parts = output
    elif is_dataclass(output):
        parts = {field.name: getattr(output, field.name) for field in fields(output)}
    elif isinstance(output, tuple | list):
        parts = dict(zip(getattr(output, "_fields", map(str, range(len(output)))), output))
    if isinstance(found := parts.get(LOGITS), torch.Tensor):
        return found
    held = [f"{key}: {tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__}" for key, x in parts.items()]
    inside = f" of {', '.join(held)}" if held else ""
    raise TypeError(
        f"wrap: the module returns a {type(output).__name__}{inside}, expected a tensor of logits (documents, "
        "classes); say where they are, for example logits=lambda output: output[0]"
    )


def two_class_logits(output: torch.Tensor) -> torch.Tensor:
    """The output of a module as (B, C) logits: one logit z per document, (B,) or (B, 1), stands for (0, z)."""
    if not _is_one_column(output):
        return output
    logit = output.reshape(-1)
    return torch.stack([torch.zeros_like(logit), logit], dim=1)


def log_probabilities(output: torch.Tensor) -> torch.Tensor:
    """Probabilities (B, C) as logits, their logarithms; one p per document, (B,) or (B, 1), stands for (1 - p, p).

    A probability that rounding has made 0 or 1 has the logit of the nearest number that can be told from it.
    """
    kind = torch.finfo(output.dtype)
    if not _is_one_column(output):
        return output.clamp(min=kind.tiny).log()
    p = output.reshape(-1)
    return torch.stack([torch.log1p(-p.clamp(max=1 - kind.eps / 2)), p.clamp(min=kind.tiny).log()], dim=1)


def _is_one_column(values: torch.Tensor) -> bool:
    return values.dim() > 0 and values.numel() == values.shape[0]


@dataclass(frozen=True)
class Outputs:
    """The output of a module -> (B, C) logits, in float32 or float64.

    Attributes:
        read: What finds the numbers of the documents in the output.
        probabilities: Whether they are probabilities.
        order: For each class its column, where the classes stand in another order than in the module.
    """

    read: Callable[[Any], torch.Tensor] = tensor_in
    probabilities: bool = False
    order: tuple[int, ...] | None = None

    def __call__(self, output: Any) -> torch.Tensor:
        return self.of_numbers(self.read(output))

    def of_numbers(self, values: torch.Tensor) -> torch.Tensor:
        """The logits from what `read` finds."""
        values = values if values.dtype == torch.float64 else values.float()
        values = log_probabilities(values) if self.probabilities else two_class_logits(values)
        return values if self.order is None else values[:, list(self.order)]


def chosen_outputs(logits: Callable[[Any], torch.Tensor], outputs: str | None) -> Outputs:
    """As `wrap` is told.

    Raises:
        ValueError: `outputs` is neither kind.
    """
    if outputs not in (None, LOGITS, PROBABILITIES):
        raise ValueError(f"wrap: got outputs={outputs!r}, expected {LOGITS!r} or {PROBABILITIES!r}")
    return Outputs(tensor_in if logits is two_class_logits else logits, outputs == PROBABILITIES)


def check_outputs(
    run: Callable[[Batch], Any],
    outputs: Outputs,
    said: bool,
    classes: Sequence[str],
    documents: Sequence[Document],
    collate: Collate,
    module: nn.Module,
    remedy: str = MASK,
) -> None:
    """Runs documents of several lengths, together and each alone, and looks at what comes out.

    Args:
        run: Batch -> what the module returns for it.
        said: Whether somebody has said that the outputs are logits, or probabilities.
        collate: Documents -> a batch on the device of the module.
        module: The module, for its precision and the kinds of its layers.
        remedy: What helps where padding changes the logits.

    Raises:
        TypeError: the output holds no tensor of numbers, or it is not known which.
        ValueError: it is no row of C logits for each document, NaN, or probabilities of which nobody has said so; or it
            depends on the other documents of the batch, or on padding.
    """
    batch = collate(documents)
    with torch.enable_grad():
        raw = outputs.read(run(batch))
    together = _logits(raw, outputs, batch, classes)
    likely = _are_probabilities(raw)
    if likely and not said and not _is_product(raw):
        what = "one number in [0, 1] for each document" if _is_one_column(raw) else "rows of numbers that sum to 1"
        raise ValueError(
            f"wrap: the module returns {what}, as a sigmoid or a softmax gives; say outputs='probabilities', or "
            "outputs='logits' if they are logits nevertheless"
        )
    if outputs.probabilities and not likely:
        raise ValueError(
            "wrap: outputs='probabilities', but what the module returns does not lie in [0, 1] or does not sum to 1 "
            "for each document; leave outputs out"
        )
    with torch.no_grad():
        single = [collate([each]) for each in documents]
        alone = torch.cat([_logits(outputs.read(run(each)), outputs, each, classes) for each in single])
    _check_apart(batch, together, alone, module, remedy)


def _logits(raw: Any, outputs: Outputs, batch: Batch, classes: Sequence[str]) -> torch.Tensor:
    """(B, C) from what was found in the output."""
    if not isinstance(raw, torch.Tensor) or not raw.is_floating_point() or raw.layout != torch.strided:
        what = f"a {raw.layout} tensor of {raw.dtype}" if isinstance(raw, torch.Tensor) else f"a {type(raw).__name__}"
        what = what.replace("torch.strided ", "")
        raise TypeError(f"wrap: the outputs are {what}, expected logits: numbers (documents, classes)")
    found = outputs.of_numbers(raw.detach())
    if tuple(found.shape) != (len(batch), len(classes)):
        raise ValueError(
            f"wrap: the logits have shape {tuple(raw.shape)} for {len(batch)} document(s), expected "
            f"{(len(batch), len(classes))}: a row for each document and a column for each class, which are "
            f"{', '.join(classes)}"
        )
    check_numbers(found, batch)
    return found


def check_numbers(logits: torch.Tensor, batch: Batch) -> None:
    """Raises ValueError where a logit is NaN, naming the document."""
    if bool((bad := logits.isnan().any(-1)).any()):
        name = batch.documents[int(bad.nonzero()[0])].id
        raise ValueError(f"document {name!r}: its logits are NaN; look at what the module computes for it")


def precision_of(module: nn.Module) -> torch.dtype:
    """The least precise floating-point type of the parameters."""
    kinds = {parameter.dtype for parameter in module.parameters() if parameter.is_floating_point()}
    return max(kinds, key=lambda kind: torch.finfo(kind).eps, default=torch.float32)


def _are_probabilities(values: torch.Tensor) -> bool:
    """Whether all numbers lie in [0, 1] and those of each document, where they are several, sum to 1."""
    inside = bool(((values >= 0) & (values <= 1)).all())
    if _is_one_column(values):
        return inside
    off = float((values.detach().double().sum(-1) - 1).abs().max())
    return inside and off <= 16 * torch.finfo(values.dtype).eps * values.shape[-1]


def _is_product(values: torch.Tensor) -> bool:
    """Whether one number for each document is the sum or product of a last layer, which lies in [0, 1] by chance."""
    step = values.grad_fn if _is_one_column(values) else None
    while step is not None and not step.name().startswith(PRODUCTS) and step.name().startswith(PASSED):
        step = next((before for before, _ in step.next_functions if before is not None), None)
    return step is not None and step.name().startswith(PRODUCTS)


def _check_apart(batch: Batch, together: torch.Tensor, alone: torch.Tensor, module: nn.Module, remedy: str) -> None:
    """Raises ValueError where the logits of a document depend on what is beside it."""
    allowed = max(GAP, 16 * torch.finfo(precision_of(module)).eps)
    gap = (together - alone).abs().amax(-1) / (1 + alone.abs().amax(-1))
    if float(gap.max()) <= allowed:
        return
    lengths = batch.is_token.sum(-1)
    unpadded = gap.masked_fill(lengths < lengths.max(), 0)
    if float(unpadded.max()) > allowed:
        gap, why = unpadded, "other documents are in the batch"
        remedy = "let the module treat each row alone, without a normalisation over documents"
        quantised = [part for part in module.modules() if "quantized" in type(part).__module__]
        if quantised:
            kind = type(quantised[0]).__name__
            remedy = f"its quantised layers ({kind}) round by the whole batch; give the module they were made from"
    else:
        why = "it is padded"
    worst = int(gap.argmax())
    raise ValueError(
        f"wrap: the logits of document {batch.documents[worst].id!r} change by {float(gap[worst]):.2g} when {why}; "
        f"{remedy}"
    )
