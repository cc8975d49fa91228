"""The door from any module to an `AttentionModel`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch, Collate, collate
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import SPECIALS, UNKNOWN, Vocabulary
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.deletion import without_each_word
from attn_interp.models.classifiers.hierarchical import SENTENCE_ENDS, HierarchicalClassifier
from attn_interp.models.classifiers.settings import encoder_named
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.dry_run_documents import made_up, two_sizes
from attn_interp.models.encoded_words import EXAMPLE_WORDS, Encode, EncodedWords, ids_alone
from attn_interp.models.sentence_view import collate_one_sentence, collate_sentences, last_word, sentence_of
from attn_interp.models.transformers.adapter import CollatePieces, is_transformers, load_classifier, wrap_classifier
from attn_interp.models.view import MEAN, View, chosen_view, word_of
from attn_interp.recording import Site, sites


def own_inputs(batch: Batch) -> tuple[torch.Tensor, ...]:
    """(ids, is_token, is_word): what our own classifiers take."""
    return batch.ids, batch.is_token, batch.is_word


def two_class_logits(output: torch.Tensor) -> torch.Tensor:
    """The output of a module as (B, C) logits: one logit z per document, (B,) or (B, 1), stands for (0, z)."""
    if output.dim() == 2 and output.shape[1] > 1:
        return output
    logit = output.reshape(output.shape[0])
    return torch.stack([torch.zeros_like(logit), logit], dim=1)


def wrap(
    module: nn.Module | AttentionModel | Trained | str | Path,
    tokenizer: Any = None,
    *,
    encode: Encode | None = None,
    padding_id: int = 0,
    inputs: Callable[[Batch], tuple[Any, ...]] = own_inputs,
    logits: Callable[[Any], torch.Tensor] = two_class_logits,
    classes: Sequence[str] | None = None,
    vocabulary: Vocabulary | None = None,
    collate_documents: Collate | None = None,
    example: Sequence[Document] | None = None,
    embedding: str | None = None,
    site: str | None = None,
    head: int | str | None = None,
    query: int | str | None = None,
    device: torch.device | str = "cpu",
) -> AttentionModel:
    """Make any classifier the `AttentionModel` that the experiments talk to.

    A dry run on example documents finds the attention sites and checks that they can be recorded and replaced. The
    module is put into eval mode and on `device`; nothing else about it changes.

    Args:
        module: A trained classifier of ours, which needs no other argument, or any nn.Module; an `AttentionModel` stays
            what it is, under the view that site, head and query name (`AttentionModel.at`). Of a hierarchical one the
            view is the attention over sentences, and sentences stand wherever others have words; or with
            site="word_attention" that over words, for documents of one sentence. A sequence classifier of the
            transformers library needs its tokenizer and takes classes, example, site, head, query and device (see
            `hugging_face.wrap_classifier`); a folder or a name on the hub stands for both.
        tokenizer: Of a classifier of the transformers library.
        encode: The words of one document -> one id for each, for a module of one's own that is called with the ids
            (B, T) alone; or give vocabulary, or collate_documents.
        padding_id: The id that fills a batch after the words that `encode` reads.
        inputs: Batch -> the positional arguments of the module.
        logits: Output of the module -> (B, C) logits; a single logit z per document stands for the two classes (0, z).
        classes: The class names, in the order of the logits.
        vocabulary: Turns words into ids, as `collate` does it; or give
        collate_documents: documents -> Batch, for a module that reads something else.
        example: Documents for the dry run, of at least two lengths; made up from the vocabulary when None.
        embedding: Path of the module that yields the input embeddings; None: the only nn.Embedding there is.
        site, head, query: The attention to test (see `View`). None: the only site there is, or of a classifier of ours
            that over the words before the output; head 0 and query 0, or the mean over both where a classifier of
            ours pools without attention.

    Returns:
        The model: `predict` and `show` for texts, and what the experiments ask of it.

    Raises:
        ValueError: an argument is missing or ambiguous; the message lists the choices.

    >>> own = nn.Sequential(nn.Embedding(30, 8), nn.TransformerEncoderLayer(8, 1, 8, batch_first=True), nn.Linear(8, 2))
    >>> wrap(own, encode=lambda words: [len(word) for word in words], logits=lambda x: x[:, 0], classes="ab").classes
    ('a', 'b')
    """
    if isinstance(module, AttentionModel):
        return module if site is head is query is None else module.at(site, head, query)
    if isinstance(module, str | Path):
        module, tokenizer = load_classifier(module)
    if tokenizer is not None or is_transformers(module):
        return wrap_classifier(
            module, tokenizer, classes=classes, example=example, site=site, head=head, query=query, device=device
        )
    if encode is not None:
        collate_documents = collate_documents or EncodedWords(encode, padding_id)
        inputs = ids_alone if inputs is own_inputs else inputs
        example = example or made_up(EXAMPLE_WORDS)
    ours = inputs is own_inputs and logits is two_class_logits and collate_documents is None
    trained = module if isinstance(module, Trained) else None
    if isinstance(module, Trained):
        classes = classes or module.classes
        vocabulary = vocabulary or module.vocabulary
        module = module.module
    in_sentences = isinstance(module, HierarchicalClassifier)
    over_words = in_sentences and site == "word_attention"
    if in_sentences:
        site = site or "pooling"
    if classes is None:
        raise ValueError("wrap: give classes, the names of the classes in the order of the logits")
    if collate_documents is None:
        if vocabulary is None:
            raise ValueError(
                "wrap: give vocabulary (or encode, or collate_documents), so that documents can become a batch"
            )
        collate_documents = partial(collate_sentences if in_sentences else collate, vocabulary=vocabulary)
        if over_words:
            collate_documents = partial(collate_one_sentence, vocabulary=vocabulary)
    if example is None:
        if vocabulary is None:
            raise ValueError("wrap: give example, a few documents of different lengths for the dry run")
        words = vocabulary.words[len(SPECIALS) :] or vocabulary.words
        example = made_up(words, SENTENCE_ENDS[0] if in_sentences else None)
    device = torch.device(device)
    module = module.to(device).eval()
    tried = partial(collate_sentences, vocabulary=vocabulary) if over_words and vocabulary else collate_documents
    first, second = (inputs(tried(part).to(device)) for part in two_sizes(example))
    found = sites(module, *first, other=(second, {}))
    return AttentionModel(
        module=module,
        classes=tuple(classes),
        view=_view(module, found, site, head, query),
        sites=found,
        collate=collate_documents,
        inputs=inputs,
        logits_of=logits,
        embedding=_embedding(module, embedding),
        device=device,
        without_each_word=without_each_word(module) if ours else None,
        unit_of=sentence_of if in_sentences and not over_words else word_of,
        query_of=last_word if over_words else None,
        mask_word=UNKNOWN if encode is None else None,
        trained=trained,
    )


def wrap_at(model: AttentionModel, site: str, head: int | str | None, query: int | str | None) -> AttentionModel:
    """The model at another of its sites; `AttentionModel.at` is the door to it."""
    view: dict[str, Any] = {"site": site, "head": head, "query": query, "device": model.device}
    if isinstance(model.collate, CollatePieces):
        return wrap_classifier(model.module, model.collate.tokenizer, classes=model.classes, **view)
    if isinstance(model.module, HierarchicalClassifier):
        vocabulary = getattr(model.collate, "keywords", {}).get("vocabulary")
        return wrap(model.trained or model.module, classes=model.classes, vocabulary=vocabulary, **view)
    return replace(
        model, view=chosen_view(model.sites, site, 0 if head is None else head, 0 if query is None else query)
    )


def _view(
    module: nn.Module, found: Sequence[Site], site: str | None, head: int | str | None, query: int | str | None
) -> View:
    """As asked for; a classifier of ours is tested at its pooling, else at the last layer that attends, at the
    query that its encoder names."""
    if site is None and isinstance(module, Classifier):
        site = found[-1].name
        if module.settings.pooling != "attention":
            head = MEAN if head is None else head
            if query is None:
                query = encoder_named(module.settings.encoder).query
    return chosen_view(found, site, 0 if head is None else head, 0 if query is None else query)


def _embedding(module: nn.Module, path: str | None) -> nn.Module:
    if path is not None:
        try:
            return module.get_submodule(path)
        except AttributeError as error:
            raise ValueError(f"wrap: the model has no module {path!r}; {error}") from error
    found = [name for name, part in module.named_modules() if isinstance(part, nn.Embedding)]
    if len(found) != 1:
        raise ValueError(f"wrap: give embedding=, the path of the input embedding; candidates: {found or 'none'}")
    return module.get_submodule(found[0])
