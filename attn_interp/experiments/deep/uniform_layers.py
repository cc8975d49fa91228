"""Does a model need the attention of a layer? Its weights are made uniform, at test time alone or in training too.

Where nothing is retrained, a loss says that this model uses the weights of the layer, and not that a model without them
would do worse: that is the question of retrained ones, and of the experiment necessity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial

import pandas as pd
import torch

from attn_interp.data.document import Document, label_name
from attn_interp.experiments.progress import track
from attn_interp.experiments.reading import DOCUMENT_COLUMNS
from attn_interp.experiments.result import Column, Result
from attn_interp.measures.divergence import tvd
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.view import Change
from attn_interp.recording import intervene
from attn_interp.recording.ablation import ablate
from attn_interp.statistics.bootstrap import summarise as summarise_columns

NONE, ALL = "none", "all layers"

COLUMNS = {
    **{name: column for name, column in DOCUMENT_COLUMNS.items() if name != "max_attention"},
    "uniform": Column("the layers whose attention is uniform"),
    "correct": Column("whether the class then predicted is the gold class"),
    "accuracy_lost": Column("1 if the model is right and then wrong, -1 the other way round, else 0", "", -1, 1),
    "tvd": Column("total variation distance of the output", "", 0, 1),
    "decision_flip": Column("whether the decision changes"),
}


def uniform_layers(
    model: AttentionModel,
    documents: Sequence[Document],
    choices: Mapping[str, Sequence[str]] | None = None,
    retrained: Mapping[str, AttentionModel] | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Result:
    """One row per document and choice of layers; every head of a chosen layer gives each position that it may attend to
    the same weight.

    Args:
        choices: Name of the choice -> names of sites; None: those of `layer_choices`.
        retrained: Name of each choice -> the model that was trained with its layers uniform, to be compared with
            `model`; None: nothing is retrained.
        seed: Of the intervals; nothing is drawn.

    Raises:
        ValueError: no documents, a choice that names a site that does not exist, or one without its retrained model.
    """
    if not documents:
        raise ValueError("uniform_layers: no documents were given; an experiment needs at least one")
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
    frames: dict[int, pd.DataFrame] = {}
    for indices, batch in track(list(model.batches(documents)), "uniform layers", progress):
        with torch.no_grad():
            own = model.batch_logits(batch).double().cpu()
        about = pd.DataFrame(
            {
                "document": [document.id for document in batch.documents],
                "label": [label_name(document, model.classes) for document in batch.documents],
                "predicted": [model.classes[index] for index in own.argmax(-1).tolist()],
                "words": [len(document) for document in batch.documents],
            }
        )
        labels = batch.gold_labels().cpu()
        right = own.argmax(-1) == labels
        parts = []
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
            parts.append(about.assign(uniform=choice, **{name: value.numpy() for name, value in values.items()}))
        found = pd.concat(parts, ignore_index=True)
        frames |= {index: found[found["document"] == document.id] for index, document in zip(indices, batch.documents)}
    settings = {
        "documents": len(documents),
        "classes": list(model.classes),
        "choices": {name: list(chosen) for name, chosen in choices.items()},
        "retrained": retrained is not None,
        "status": "measured",
        "seed": seed,
    }
    frame = pd.concat([frames[index] for index in range(len(documents))], ignore_index=True)
    return Result("uniform_layers", frame[list(COLUMNS)], settings, COLUMNS)


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


def summarise(result: Result) -> pd.DataFrame:
    """By choice of layers, each with its interval: accuracy, what is lost of it, the mean total variation distance, and
    the share of decisions changed."""
    frame = result.frame.assign(
        accuracy=result.frame["correct"].astype(float), decision_flip=result.frame["decision_flip"].astype(float)
    )
    seed = int(result.settings["seed"])
    tables = [
        summarise_columns(frame, ["uniform"], ["accuracy", "decision_flip"], ("share",), seed),
        summarise_columns(frame, ["uniform"], ["accuracy_lost", "tvd"], ("mean",), seed),
    ]
    order = {name: place for place, name in enumerate(result.settings["choices"])}
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values("uniform", key=lambda names: names.map(order), kind="stable", ignore_index=True)
