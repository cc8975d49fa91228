"""Fine-tuning: a pretrained classifier learns the classes of a corpus; the dev split, never the test split, chooses the
epoch."""

from __future__ import annotations

import copy
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from attn_interp.data.batch import Batch, batch_count
from attn_interp.data.corpus import SPLITS, Corpus
from attn_interp.data.document import Document, gold_labels
from attn_interp.data.whole_files import room_for
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import require_at_least, require_kinds, require_option
from attn_interp.models.classifiers.trained import Epoch
from attn_interp.models.progress import progress_bar
from attn_interp.models.training.fitting import finite, groups_in_random_order, seeded
from attn_interp.models.training.remedies import documents_with_hidden_words
from attn_interp.models.transformers.adapter import TEXTS, CollatePieces, cut_to_fit, from_files, is_transformers
from attn_interp.models.transformers.subwords import Cut

FACTS = "fine_tuning.json"
MASKED = "masked"


@dataclass(frozen=True)
class FineTuningSettings:
    """How a pretrained classifier is fine-tuned: AdamW on cross-entropy, the learning rate rising linearly from 0 and
    then falling linearly to 0.

    Attributes:
        epochs: Passes over the training documents.
        batch_size: Documents per step, of similar length; fewer of long ones, which together have at most 32,768 words.
        learning_rate: The highest.
        weight_decay: On matrices; biases and normalisations (parameters of one axis) have none.
        warm_up: Share of the steps in which the learning rate rises, 0 <= warm_up < 1.
        clip: Longest gradient (2-norm over all parameters); longer ones are scaled down.
        remedy: "none"; or "masked": words of the training documents are hidden, each by one mask token (or unknown
            token), so that erased texts are not new to the model (`training.remedies`).

    Raises:
        TypeError, ValueError: naming the setting, its value and what is allowed.

    Reference: Devlin et al. 2019, section A.3, for the sizes; Loshchilov & Hutter 2019 for AdamW.
    """

    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 3e-5
    weight_decay: float = 0.01
    warm_up: float = 0.1
    clip: float = 1.0
    remedy: str = "none"

    def __post_init__(self) -> None:
        require_kinds(self)
        for name in ("epochs", "batch_size"):
            require_at_least(name, getattr(self, name), 1)
        require_at_least("weight_decay", self.weight_decay, 0)
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name}: got {getattr(self, name)!r}, expected a number above 0")
        if not 0 <= self.warm_up < 1:
            raise ValueError(f"warm_up: got {self.warm_up!r}, expected 0 <= warm_up < 1")
        require_option("remedy", self.remedy, (MASKED, "none"))


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning did; the model itself was changed in place.

    Attributes:
        settings: How it was trained.
        seed: Decided the order of the documents and the dropout.
        history: One row per epoch.
        best_epoch: Number of the epoch whose weights the model has, from 1.
        words_cut: Id of each training and dev document longer than the model -> words lost at its end.
    """

    settings: FineTuningSettings
    seed: int
    history: tuple[Epoch, ...]
    best_epoch: int
    words_cut: dict[str, int]


def load_to_fine_tune(name: str | Path, classes: tuple[str, ...], seed: int = 0) -> tuple[Any, Any]:
    """A pretrained model with a new head for the classes, drawn from the seed, and its tokenizer.

    Args:
        name: A folder, a name of `list_models` or a name on the hub.

    Raises:
        ImportError, OSError, ValueError: as `adapter.from_files`.
    """
    with seeded(seed, torch.device("cpu")):
        model, tokenizer, _ = from_files(
            name,
            "AutoModelForSequenceClassification",
            ignore_mismatched_sizes=True,  # a head of other classes is replaced
            id2label=dict(enumerate(classes)),
            label2id={label: index for index, label in enumerate(classes)},
        )
    return model, tokenizer


def fine_tune(
    model: AttentionModel,
    corpus: Corpus,
    settings: FineTuningSettings | None = None,
    seed: int = 0,
    progress: bool = True,
) -> FineTuned:
    """Train the module of `model` in place on the corpus, and leave it with the weights of its best epoch.

    Best is the highest dev accuracy, then the lowest dev loss, then the earliest epoch. On the CPU the same arguments
    give the same weights bit for bit: training runs on one thread.

    Args:
        model: What `wrap` returned, of any module.
        corpus: Its training split trains, its dev split chooses; its test split is not read.
        settings: None: the defaults.
        seed: Decides the order of the documents and the dropout.
        progress: Whether to show a bar with the time left if training takes over two seconds.

    Raises:
        ValueError: model and corpus name other classes, or words are to be hidden and the model has no word for that.
        FloatingPointError: the loss became infinite or NaN; names epoch and batch.
    """
    settings = settings or FineTuningSettings()
    if model.classes != corpus.classes:
        raise ValueError(
            f"fine_tune: the model has classes {', '.join(model.classes)}, corpus {corpus.name!r} has "
            f"{', '.join(corpus.classes)}; load the model with the classes of the corpus"
        )
    if settings.remedy == MASKED and model.mask_word is None:
        raise ValueError(
            "fine_tune: remedy 'masked' needs a mask token or an unknown token, and the tokenizer of this model has "
            "neither; use remedy='none'"
        )
    if is_transformers(model.module):
        setattr(model.module.config, TEXTS, 2 if corpus.of_pairs else 1)
    train, dev, lost = _that_fit(model, corpus)
    optimiser = _optimiser(model, settings)
    steps = batch_count([len(document) for document in train], settings.batch_size) * settings.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_at(step, steps, settings.warm_up))
    order = torch.Generator().manual_seed(seed)
    history: list[Epoch] = []
    best_state: dict[str, torch.Tensor] = {}
    with seeded(seed, model.device), progress_bar(f"fine-tuning on {corpus.name}", steps, progress) as step:
        for number in range(1, settings.epochs + 1):
            losses = []
            model.module.train()
            for index, batch in enumerate(_batches(model, train, settings, order)):
                loss = functional.cross_entropy(
                    model.logits_of(model.module(*model.inputs(batch))), batch.gold_labels()
                )
                losses.append(finite(loss.detach().item(), f"epoch {number}, batch {index}"))
                optimiser.zero_grad()
                loss.backward()
                clip_grad_norm_(model.module.parameters(), settings.clip)
                optimiser.step()
                schedule.step()
                step(f"epoch {number}")
            model.module.eval()
            dev_loss, accuracy = _judged(model, dev)
            dev_loss = finite(dev_loss, f"epoch {number}, dev split")
            history.append(Epoch(number, sum(losses) / len(losses), dev_loss, accuracy))
            if max(history, key=merit) is history[-1]:
                best_state = copy.deepcopy(model.module.state_dict())
    model.module.load_state_dict(best_state)
    return FineTuned(settings, seed, tuple(history), max(history, key=merit).epoch, lost)


def merit(epoch: Epoch) -> tuple[float, float, int]:
    """Higher is better: dev accuracy, then a low dev loss, then an early epoch."""
    return epoch.dev_accuracy, -epoch.dev_loss, -epoch.epoch


def rate_at(step: int, steps: int, warm_up: float) -> float:
    """Share of the highest learning rate at a step from 0: rising to 1 in the warm-up, then falling to 0 at `steps`."""
    rising = round(warm_up * steps)
    return (step + 1) / (rising + 1) if step < rising else (steps - step) / max(steps - rising, 1)


def save_fine_tuned(model: AttentionModel, tuned: FineTuned, folder: Path | str) -> None:
    """Write weights (safetensors), configuration, tokenizer and how it was trained to a new `folder`, whole or not at
    all. `wrap(folder)` reads it.

    Raises:
        TypeError: the model is none of the transformers library.
        FileExistsError: the folder is there.
    """
    save_pretrained(model, folder, {FACTS: json.dumps(asdict(tuned), indent=2) + "\n"})


def save_pretrained(model: AttentionModel, folder: Path | str, texts: Mapping[str, str] = {}) -> None:
    """Write weights, configuration, tokenizer and the given texts (name of a file -> what it holds) to a new folder.

    Raises:
        TypeError: the model is none of the transformers library.
        FileExistsError: the folder is there.
        OSError: the disk is full; nothing is left.
    """
    folder = Path(folder)
    if not isinstance(model.collate, CollatePieces):
        raise TypeError("save_pretrained: writes models of the transformers library; use save_checkpoint for others")
    if folder.exists():
        raise FileExistsError(f"{folder}: is there already; name another folder")
    module: Any = model.module
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    with room_for(folder):
        try:
            module.save_pretrained(draft, safe_serialization=True)
            model.collate.tokenizer.save_pretrained(draft)
            for name, text in texts.items():
                (draft / name).write_text(text, "utf-8")
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _that_fit(model: AttentionModel, corpus: Corpus) -> tuple[Sequence[Document], Sequence[Document], dict[str, int]]:
    """Training and dev documents, cut where the model has no more positions, and how many words that cost."""
    train, dev = (_cut(model, corpus.splits[split]) for split in SPLITS[:2])
    return train.documents, dev.documents, train.lost | dev.lost


def _cut(model: AttentionModel, documents: Sequence[Document]) -> Cut:
    return cut_to_fit(model, documents) if isinstance(model.collate, CollatePieces) else Cut(documents, {})


def _optimiser(model: AttentionModel, settings: FineTuningSettings) -> torch.optim.AdamW:
    parameters = [parameter for parameter in model.module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [each for each in parameters if each.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.learning_rate)


def _batches(
    model: AttentionModel, documents: Sequence[Document], settings: FineTuningSettings, order: torch.Generator
) -> Iterator[Batch]:
    for group in groups_in_random_order([len(document) for document in documents], settings.batch_size, order):
        chosen: Sequence[Document] = [documents[index] for index in group]
        if settings.remedy == MASKED:  # a mask may have more pieces than its word
            chosen = _cut(model, documents_with_hidden_words(chosen, str(model.mask_word))).documents
        yield model.batch(chosen)


def _judged(model: AttentionModel, documents: Sequence[Document]) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy."""
    logits = model.logits(documents).double().cpu()
    labels = torch.tensor(gold_labels(documents))
    return float(functional.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).double().mean())
