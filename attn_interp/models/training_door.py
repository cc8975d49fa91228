"""The door to training: a classifier from a corpus in one call, with every setting by its name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch

from attn_interp.data.corpus import Corpus
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings, encoder_named
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.language.embedded import EMBEDDED
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.transformers.fine_tuning import FineTuningSettings, fine_tune, load_to_fine_tune
from attn_interp.models.wrap import wrap

OF_CLASSIFIER, OF_TRAINING = ({field.name for field in fields(kind)} for kind in (ClassifierSettings, TrainingSettings))


def train(
    corpus: Corpus,
    encoder: str = "lstm",
    *,
    attention: str = "additive",
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: bool = True,
    embeddings: torch.Tensor | None = None,
    **options: Any,
) -> AttentionModel | Trained:
    """A classifier trained on the corpus, with the weights of the epoch that did best on its dev split.

    On the CPU the same arguments give the same weights bit for bit. `fit_classifier` says how it is trained.

    Args:
        corpus: Its training split trains, its dev split chooses the epoch; its test split is not read.
        encoder: "average", "cnn", "gru", "hierarchical", "lstm", "lstmn", "orthogonal_lstm" or "transformer"; or the
            name of a pretrained model, as "minilm", which pip delivers and which is fine-tuned (`fine_tune`): its
            attention is its own.
        attention: "additive", "bilinear", "dot", "scaled_dot" or "uniform".
        seed: Decides the initial weights, the order of the documents and the dropout.
        device: Where it is trained, and where the model stays.
        progress: Whether to show a bar with the time left if training takes over two seconds.
        embeddings: Pretrained word vectors (V, E) to start from.
        options: Any other field of `ClassifierSettings` and `TrainingSettings`, such as hidden, heads, pooling, epochs
            or learning_rate; of a pretrained model those of `FineTuningSettings`.

    Returns:
        The model, at the attention over words before its output. Where nothing attends (pooling "last", "mean" or "max"
        over an encoder without attention), the `Trained` classifier, which has classes, seed, logits and predict too.

    Raises:
        TypeError: the corpus is none, or an option is no setting; the message lists the settings.
        ValueError: a setting that cannot be; names it and what is allowed.
        FloatingPointError: the loss became infinite or NaN; names epoch and batch.

    >>> from attn_interp.data.load import load
    >>> train(load("planted", documents=60), "average", hidden=8, epochs=1).classes
    ('negative', 'positive')
    """
    if not isinstance(corpus, Corpus):
        given = f"{corpus!r}" if isinstance(corpus, str) else f"a {type(corpus).__name__}"
        example = f"load({corpus!r})" if isinstance(corpus, str) else "load(texts, labels=[...])"
        raise TypeError(f"train: got {given}, expected a Corpus; load it first: train({example})")
    if isinstance(encoder, str) and encoder in EMBEDDED:
        ours = {"attention": attention != "additive", "embeddings": embeddings is not None}
        not_its = {name: True for name, given in ours.items() if given}
        return _fine_tuned(corpus, encoder, seed, device, progress, options | not_its)
    if unknown := sorted(set(options) - OF_CLASSIFIER - OF_TRAINING):
        known = ", ".join(sorted(OF_CLASSIFIER | OF_TRAINING))
        raise TypeError(f"train: {unknown[0]!r} is no setting; settings are {known}")
    chosen = {name: value for name, value in options.items() if name in OF_CLASSIFIER}
    settings = ClassifierSettings(encoder=encoder, attention=attention, **chosen)
    training = TrainingSettings(**{name: value for name, value in options.items() if name in OF_TRAINING})
    trained = fit_classifier(corpus, settings, training, seed, device, progress, embeddings)
    if settings.pooling != "attention" and not encoder_named(encoder).attends:
        return trained
    return wrap(trained, device=device)


def _fine_tuned(
    corpus: Corpus, name: str, seed: int, device: torch.device | str, progress: bool, options: dict[str, Any]
) -> AttentionModel:
    known = [field.name for field in fields(FineTuningSettings)]
    if unknown := sorted(set(options) - set(known)):
        raise TypeError(
            f"train: {unknown[0]!r} is no setting of a pretrained model, as {name!r} is; settings are "
            f"{', '.join(sorted(known))}"
        )
    settings = FineTuningSettings(**options)
    model = wrap(*load_to_fine_tune(name, corpus.classes, seed), classes=corpus.classes, device=device)
    fine_tune(model, corpus, settings, seed, progress)
    return model
