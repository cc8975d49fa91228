"""Does a model need the attention of a layer? Its weights are made uniform, at test time alone or in training too.

Where nothing is retrained, a loss says that this model uses the weights of the layer, and not that a model without them
would do worse: that is the question of retrained ones, and of the experiment necessity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

import torch

from attn_interp.experiments.read_batch import OF_ANY_VIEW, about_documents
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Summary, rows_of
from attn_interp.experiments.result import Result
from attn_interp.measures.divergence import tvd
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.view import Change
from attn_interp.recording import intervene
from attn_interp.recording.ablation import ablate

NONE, ALL = "none", "all layers"

COLUMNS = {
    **OF_ANY_VIEW,
    "uniform": Column("the layers whose attention is uniform"),
    "correct": Column("whether the class then predicted is the gold class"),
    "accuracy_lost": Column("1 if the model is right and then wrong, -1 the other way round, else 0", "", -1, 1),
    "tvd": Column("total variation distance of the output", "", 0, 1),
    "decision_flip": Column("whether the decision changes"),
}


def uniform_layers(
    reading: Reading,
    *,
    choices: Mapping[str, Sequence[str]] | None = None,
    retrained: Mapping[str, AttentionModel] | None = None,
) -> Result:
    """Does the model need the attention of a layer?

    Every head of a chosen layer gives each position that it may attend to the same weight.

    Args:
        reading: A model's attention over labelled documents, from `read`.
        choices: Name of the choice -> names of sites; None: no layer, each layer alone, and all layers.
        retrained: Name of each choice -> the model that was trained with its layers uniform, to be compared with the
            model of the reading; None: nothing is retrained.

    Returns:
        A result with one row per document and choice: correct, accuracy_lost, tvd, decision_flip.

    Raises:
        ValueError: a document without a label, a choice that names a site that does not exist, or one without its
            retrained model.
    """
    model = reading.model
    names = [site.name for site in model.sites]
    choices = layer_choices(model) if choices is None else choices
    models = dict.fromkeys(choices, model) if retrained is None else retrained
    if missing := [choice for choice in choices if choice not in models]:
        raise ValueError(
            f"uniform_layers: there is no retrained model for {missing[0]!r}; given are {', '.join(models)}"
        )
    for choice, chosen in choices.items():
        if unknown := sorted(set(chosen) - set(names)):
            raise ValueError(f"choice {choice!r}: there is no site {unknown[0]!r}; the sites are {', '.join(names)}")
    if unlabelled := [document.id for document in reading.documents if document.label is None]:
        raise ValueError(f"uniform_layers: document {unlabelled[0]!r} has no label; accuracy needs the gold class")
    frames = []
    for each in reading.each_batch("uniform layers"):
        own, batch = each.logits, each.batch
        about = about_documents(model.classes, batch.documents, own.argmax(-1))
        labels = torch.tensor([document.label for document in batch.documents])
        right = own.argmax(-1) == labels
        for choice, chosen in choices.items():
            changed = own
            if chosen or models[choice] is not model:
                with torch.no_grad(), made_uniform(models[choice], chosen):
                    changed = models[choice].batch_logits(batch).double().cpu()
            still = changed.argmax(-1) == labels
            values = {
                "correct": still,
                "accuracy_lost": right.double() - still.double(),
                "tvd": tvd(changed.softmax(-1), own.softmax(-1)),
                "decision_flip": changed.argmax(-1) != own.argmax(-1),
            }
            frames.append(about.assign(uniform=choice, **{name: value.numpy() for name, value in values.items()}))
    settings = {
        "documents": len(reading),
        "classes": list(model.classes),
        "choices": {name: list(chosen) for name, chosen in choices.items()},
        "retrained": retrained is not None,
        "status": "measured",
        "seed": reading.seed,
    }
    return Result("uniform_layers", reading.in_order(frames)[list(COLUMNS)], settings, COLUMNS)


def why_not(reading: Reading) -> str:
    """Layers stand in several sites; right and wrong need gold labels."""
    if len(reading.model.sites) < 2:
        return "the model attends in one place alone; necessity asks whether that is needed"
    unlabelled = any(document.label is None for document in reading.documents)
    return "a document has no label; accuracy needs the gold class" if unlabelled else ""


def layer_choices(model: AttentionModel) -> dict[str, tuple[str, ...]]:
    """No layer, each layer alone, and all layers: name -> names of sites."""
    names = tuple(site.name for site in model.sites)
    return {NONE: (), **{f"layer {index}": (name,) for index, name in enumerate(names)}, ALL: names}


@contextmanager
def made_uniform(model: AttentionModel, chosen: Sequence[str]) -> Iterator[None]:
    """Within this context every head of the sites named gives each position that it may attend to the same weight, and
    no gradient reaches the weights that it would have given."""
    heads = {site: range(site.heads) for site in model.sites if site.name in chosen}
    ablated = ablate(heads, "uniform")
    changes = {site: partial(_of_constant, change) for site, change in ablated.items() if callable(change)}
    with intervene(model.module, changes) if heads else nullcontext():
        yield


def _of_constant(change: Change, weights: torch.Tensor) -> torch.Tensor:
    return change(weights.detach())


VALUES = {"accuracy": ("share",), "decision_flip": ("share",), "accuracy_lost": ("mean",), "tvd": ("mean",)}

EXPERIMENT = Experiment(
    uniform_layers,
    "reading",
    Card(
        "Does the model need the attention of a layer?",
        "The model decides otherwise, and worse, where the attention of a layer is uniform.",
        "Unless retrained, the rest of the model was trained with the attention that is taken from it.",
        "What this model loses without the weights of a layer.",
        "That a model trained without them would do worse, unless it was retrained.",
    ),
    Summary(
        VALUES,
        ("uniform",),
        groupings=(),
        rows=lambda result: rows_of(result).assign(accuracy=result.frame["correct"].astype(float)),
        in_order=True,
    ),
    why_not=why_not,
)
