"""The door from any module to an `AttentionModel`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch, Collate, collate
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from attn_interp.models.deletion import without_each_word
from attn_interp.models.hierarchical import SENTENCE_ENDS, HierarchicalClassifier
from attn_interp.models.sentences import collate_one_sentence, collate_sentences, last_word, sentence_of
from attn_interp.models.trained import Trained
from attn_interp.models.wrapper import AttentionModel, View, two_class_logits, word_of
from attn_interp.recording import Site, sites


def own_inputs(batch: Batch) -> tuple[torch.Tensor, ...]:
    """(ids, is_token, is_word): what our own classifiers take."""
    return batch.ids, batch.is_token, batch.is_word


def wrap(
    module: nn.Module | Trained,
    *,
    inputs: Callable[[Batch], tuple[Any, ...]] = own_inputs,
    logits: Callable[[Any], torch.Tensor] = two_class_logits,
    classes: Sequence[str] | None = None,
    vocabulary: Vocabulary | None = None,
    collate_documents: Collate | None = None,
    example: Sequence[Document] | None = None,
    embedding: str | None = None,
    site: str | None = None,
    head: int = 0,
    query: int = 0,
    device: torch.device | str = "cpu",
) -> AttentionModel:
    """Make any classifier the `AttentionModel` that the experiments talk to.

    A dry run on example documents finds the attention sites and checks that they can be recorded and replaced. The
    module is put into eval mode and on `device`; nothing else about it changes.

    Args:
        module: A trained classifier of ours, which needs no other argument, or any nn.Module. Of a hierarchical one the
            view is the attention over sentences, and sentences stand wherever others have words; or with
            site="word_attention" that over words, for documents of one sentence.
        inputs: Batch -> the positional arguments of the module.
        logits: Output of the module -> (B, C) logits; a single logit z per document stands for the two classes (0, z).
        classes: The class names, in the order of the logits.
        vocabulary: Turns words into ids, as `collate` does it; or give
        collate_documents: documents -> Batch, for a module that reads something else.
        example: Documents for the dry run, of at least two lengths; made up from the vocabulary when None.
        embedding: Path of the module that yields the input embeddings; None: the only nn.Embedding there is.
        site, head, query: The row of attention to test; None: the only site there is.

    Raises:
        ValueError: an argument is missing or ambiguous; the message lists the choices.
    """
    ours = inputs is own_inputs and logits is two_class_logits and collate_documents is None
    if isinstance(module, Trained):
        trained, module = module, module.module
        classes = classes or trained.classes
        vocabulary = vocabulary or trained.vocabulary
    in_sentences = isinstance(module, HierarchicalClassifier)
    over_words = in_sentences and site == "word_attention"
    if in_sentences:
        site = site or "pooling"
    if classes is None:
        raise ValueError("wrap: give classes, the names of the classes in the order of the logits")
    if collate_documents is None:
        if vocabulary is None:
            raise ValueError("wrap: give vocabulary (or collate_documents), so that documents can become a batch")
        collate_documents = partial(collate_sentences if in_sentences else collate, vocabulary=vocabulary)
        if over_words:
            collate_documents = partial(collate_one_sentence, vocabulary=vocabulary)
    if example is None:
        if vocabulary is None:
            raise ValueError("wrap: give example, a few documents of different lengths for the dry run")
        example = _made_up(vocabulary, SENTENCE_ENDS[0] if in_sentences else None)
    device = torch.device(device)
    module = module.to(device).eval()
    tried = partial(collate_sentences, vocabulary=vocabulary) if over_words and vocabulary else collate_documents
    first, second = (inputs(tried(part).to(device)) for part in _two_sizes(example))
    found = sites(module, *first, other=(second, {}))
    return AttentionModel(
        module=module,
        classes=tuple(classes),
        view=_view(found, site, head, query),
        sites=found,
        collate=collate_documents,
        inputs=inputs,
        logits_of=logits,
        embedding=_embedding(module, embedding),
        device=device,
        without_each_word=without_each_word(module) if ours else None,
        unit_of=sentence_of if in_sentences and not over_words else word_of,
        query_of=last_word if over_words else None,
    )


def _made_up(vocabulary: Vocabulary, sentence_end: str | None) -> list[Document]:
    """Documents of several lengths; every third word ends a sentence if there is a word that does."""
    words = vocabulary.words[len(SPECIALS) :] or vocabulary.words
    documents = []
    for length in (7, 5, 6, 3, 4):
        chosen = [words[(length + i) % len(words)] for i in range(length)]
        if sentence_end is not None:
            chosen[2::3] = [sentence_end] * len(chosen[2::3])
        documents.append(Document(f"example {length}", tuple(chosen), 0))
    return documents


def _two_sizes(example: Sequence[Document]) -> tuple[Sequence[Document], Sequence[Document]]:
    """Two batches of documents that differ in number and in length, as the dry run needs them."""
    by_length = sorted(example, key=len, reverse=True)
    shorter = [document for document in by_length if len(document) < len(by_length[0])]
    if not shorter:
        raise ValueError(
            f"wrap: the {len(example)} example documents all have {len(by_length[0])} words; "
            "the dry run needs two different lengths"
        )
    longer = by_length[: len(shorter) + 1]
    return longer, shorter


def _view(found: Sequence[Site], site: str | None, head: int, query: int) -> View:
    names = [candidate.name for candidate in found]
    if site is None:
        if len(names) > 1:
            raise ValueError(f"wrap: the model attends at {len(names)} sites; choose site= from {', '.join(names)}")
        site = names[0]
    if site not in names:
        raise ValueError(f"wrap: there is no attention site {site!r}; the sites are {', '.join(names)}")
    heads = found[names.index(site)].heads
    if not 0 <= head < heads:
        raise ValueError(f"wrap: site {site!r} has heads 0..{heads - 1}, got head={head}")
    return View(site, head, query)


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
