"""The door from any module to an `AttentionModel`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch, Collate, collate
from attn_interp.data.document import Document, shortened
from attn_interp.data.sequences.given import documents_of
from attn_interp.data.vocabulary import SPECIALS, UNKNOWN, UNKNOWN_ID, Vocabulary
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.checks.class_names import class_names
from attn_interp.models.checks.device import require_device
from attn_interp.models.checks.documents import made_up, two_sizes
from attn_interp.models.checks.outputs import check_outputs, chosen_outputs, two_class_logits
from attn_interp.models.classifiers.checkpoint import SETTINGS, load_checkpoint
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.deletion import without_each_word
from attn_interp.models.classifiers.hierarchical import SENTENCE_ENDS, HierarchicalClassifier
from attn_interp.models.classifiers.pairs.compared import ComparedClassifier
from attn_interp.models.classifiers.pairs.pair_classifier import ReadsTwo, known_inside_tanh
from attn_interp.models.classifiers.settings import encoder_named
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.encoded_words import EXAMPLE_WORDS, Encode, EncodedWords, ids_alone
from attn_interp.models.input_embeddings import watched
from attn_interp.models.language.answering import PromptedModel
from attn_interp.models.language.embedded import EMBEDDED
from attn_interp.models.language.prompts import Message
from attn_interp.models.language.wrap_language_model import view_of, wrap_language_model
from attn_interp.models.transformers.adapter import CollatePieces, is_transformers, load_named, wrap_classifier
from attn_interp.models.units.sentence_view import collate_one_sentence, collate_sentences, last_word, sentence_of
from attn_interp.models.view import MEAN, View, chosen_view, word_of
from attn_interp.recording import Site, sites
from attn_interp.recording.engine.tracker import unwrap


def own_inputs(batch: Batch) -> tuple[torch.Tensor, ...]:
    """What our own classifiers take."""
    return batch.inputs


def wrap(
    module: nn.Module | AttentionModel | Trained | str | Path,
    tokenizer: Any = None,
    *,
    encode: Encode | None = None,
    padding_id: int = 0,
    inputs: Callable[[Batch], tuple[Any, ...]] = own_inputs,
    logits: Callable[[Any], torch.Tensor] = two_class_logits,
    outputs: str | None = None,
    prompt: str | Sequence[Message] | None = None,
    answers: Mapping[str, str | Sequence[str]] | None = None,
    calibrate: str | None = None,
    classes: Sequence[str] | None = None,
    vocabulary: Vocabulary | None = None,
    collate_documents: Collate | None = None,
    example: Sequence[Document | str] | None = None,
    embedding: str | None = None,
    site: str | None = None,
    head: int | str | None = None,
    query: int | str | None = None,
    device: torch.device | str = "cpu",
    exchanged: bool = False,
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
            `adapter.wrap_classifier`); a folder or a name on the hub stands for both, a folder that
            `AttentionModel.save` wrote for what was saved, and a name that `attn-interp models` lists for what is
            fetched with pip.
        tokenizer: Of a classifier of the transformers library.
        encode: The words of one document -> one id for each, for a module of one's own that is called with the ids
            (B, T) alone; or give vocabulary, or collate_documents.
        padding_id: The id that fills a batch after the words that `encode` reads.
        inputs: Batch -> the positional arguments of the module.
        logits: Output of the module -> (B, C) logits; a single logit z per document stands for the two classes (0, z).
            Without it the output is a tensor, or has one under the name `logits`.
        outputs: "logits", or "probabilities" of which the logarithm is taken, where one number p per document stands
            for (1 - p, p). None: logits, and what looks like probabilities is refused.
        prompt, answers, calibrate: Of a language model of the transformers library: a prompt with {text} in it
            and answers={"negative": " negative", "positive": " positive"} make a classifier of it (see
            `wrap_language_model.wrap_language_model`).
        classes: The class names, in the order of the logits.
        vocabulary: Turns words into ids, as `collate` does it; or give
        collate_documents: documents -> Batch, for a module that reads something else.
        example: Documents or texts for the dry run, of at least two lengths; made up from the vocabulary when None.
        embedding: Path of the module that yields the input embeddings; None: the only nn.Embedding there is.
        site, head, query: The attention to test (see `View`). None: the only site there is, or of a classifier of ours
            that over the words before the output; head 0 and query 0, or the mean over both where a classifier of
            ours pools without attention.
        device: Where the module is moved to, as "cuda". Its dtype stays: in bfloat16 or float16 weights that differ can
            become equal, so that words share a rank; float32 is the dtype for rankings. Logits are float32 at least.
        exchanged: Of a transformers classifier of pairs, or one of ours that compares two texts: whether documents come
            `exchanged`, so that the attention over the model's second text is asked about, and the first is held.

    Returns:
        The model: `predict` and `show` for texts, and what the experiments ask of it.

    Raises:
        TypeError: no tensor of logits comes out of the module.
        ValueError: an argument is missing or ambiguous; the message lists the choices. Or what comes out are no logits
            of these classes, or they depend on padding or on the other documents of a batch.

    >>> class Own(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.embedding, self.score, self.out = nn.Embedding(30, 8), nn.Linear(8, 1), nn.Linear(8, 2)
    ...     def forward(self, ids):
    ...         states = self.embedding(ids)
    ...         scores = self.score(states)[..., 0].masked_fill(ids == 0, -torch.inf)  # padding is not attended to
    ...         return self.out((scores.softmax(-1)[..., None] * states).sum(1))
    >>> wrap(Own(), encode=lambda words: [len(word) for word in words], classes=["no", "yes"]).classes
    ('no', 'yes')
    """
    if isinstance(module, AttentionModel):
        return module if site is head is query is None else module.at(site, head, query)
    if isinstance(module, str) and module in EMBEDDED:
        EMBEDDED[module].check_use(asked=prompt is not None)
    tried_on: Sequence[Document] | None = documents_of(example) if example else None
    if (prompt is None) != (answers is None) or (calibrate is not None and prompt is None):
        raise ValueError(
            "wrap: prompt and answers go together, as prompt='Review: {text}\\nSentiment:' and answers={'negative': "
            "' negative', 'positive': ' positive'}; calibrate needs both"
        )
    if prompt is not None and answers is not None:
        beside = {"classes": classes, "outputs": outputs, "encode": encode, "vocabulary": vocabulary}
        if wrong := [name for name, value in beside.items() if value is not None]:
            raise ValueError(
                f"wrap: {wrong[0]} is not for a language model, whose classes are the names of its answers"
            )
        if exchanged:
            raise ValueError("wrap: exchanged is not for a language model, whose prompt says where {text} stands")
        if isinstance(module, str | Path):
            module, tokenizer = load_named(module, auto=None)
        where: dict[str, Any] = {"site": site, "head": head, "query": query, "device": device}
        return wrap_language_model(
            module, tokenizer, prompt=prompt, answers=answers, calibrate=calibrate, example=tried_on, **where
        )
    if isinstance(module, str | Path):
        ours_in = Path(module) / SETTINGS
        module, tokenizer = (load_checkpoint(ours_in.parent), None) if ours_in.exists() else load_named(module)
    if isinstance(module, nn.Module):
        module = unwrap(module)
    if tokenizer is not None or is_transformers(module):
        return wrap_classifier(
            module,
            tokenizer,
            classes=classes,
            example=tried_on,
            site=site,
            head=head,
            query=query,
            device=device,
            exchanged=exchanged,
        )
    if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
        raise TypeError(f"wrap: vocabulary is a {type(vocabulary).__name__}, expected a Vocabulary; or give encode")
    for name, function in (("inputs", inputs), ("logits", logits)):
        if not callable(function):
            raise TypeError(f"wrap: {name} is {shortened(repr(function), 60)}, expected a function")
    if encode is not None:
        collate_documents = collate_documents or EncodedWords(encode, padding_id)
        inputs = ids_alone if inputs is own_inputs else inputs
        tried_on = tried_on or made_up(EXAMPLE_WORDS)
    ours = inputs is own_inputs and logits is two_class_logits and collate_documents is None
    trained = module if isinstance(module, Trained) else None
    if isinstance(module, Trained):
        classes = classes or module.classes
        vocabulary = vocabulary or module.vocabulary
        module = module.module
    if exchanged and not isinstance(module, ComparedClassifier):
        raise ValueError(
            f"wrap: {type(module).__name__} does not attend to the words of a second text; exchanged is for "
            "classifiers of the transformers library and for ours with second='compared'"
        )
    module = module.exchange() if exchanged and isinstance(module, ComparedClassifier) else module
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
    if tried_on is None:
        if vocabulary is None:
            raise ValueError("wrap: give example, a few documents of different lengths for the dry run")
        words = vocabulary.words[len(SPECIALS) :] or vocabulary.words
        tried_on = made_up(words, SENTENCE_ENDS[0] if in_sentences else None, isinstance(module, ReadsTwo))
    classes = class_names(classes)
    device = require_device(device)
    read = chosen_outputs(logits, outputs)
    try:
        module = module.to(device).eval()
    except NotImplementedError as error:  # a graph of torch.export
        raise TypeError(
            f"wrap: {type(module).__name__} has no eval mode ({error}); give the nn.Module that it was made from"
        ) from error
    to_batch = partial(collate_sentences, vocabulary=vocabulary) if over_words and vocabulary else collate_documents

    def tried(documents: Sequence[Document]) -> Batch:
        return to_batch(documents).to(device)

    def run(batch: Batch) -> Any:
        given = inputs(batch)
        if not isinstance(given, tuple | list):
            raise TypeError(f"wrap: inputs returns a {type(given).__name__}, expected a tuple of what the module takes")
        try:
            return module(*given)
        except TypeError as error:
            if "required positional argument" not in str(error):
                raise
            raise TypeError(
                f"wrap: {error}; where it reads two texts, give example=[Document(text, second=...), ...] of two "
                "lengths, else say by inputs= what it takes of a batch"
            ) from error

    most = max((part.num_embeddings for part in module.modules() if isinstance(part, nn.Embedding)), default=None)
    if encode is not None and most is not None and padding_id >= most:
        raise ValueError(f"wrap: padding_id is {padding_id}, expected one of the embedding's ids 0..{most - 1}")
    longer, shorter = two_sizes(tried_on)
    check_outputs(run, read, outputs is not None, classes, [*longer[:3], shorter[-1]], tried, module)
    found = sites(module, *inputs(tried(longer)), other=(inputs(tried(shorter)), {}))
    table, name = _embedding(module, embedding)
    if vocabulary is not None and isinstance(table, nn.Embedding) and len(vocabulary) > table.num_embeddings:
        raise ValueError(
            f"wrap: the vocabulary has {len(vocabulary):,} words, the embedding {name!r} has {table.num_embeddings:,}; "
            "they do not belong together"
        )
    alone = tried(longer[:1])
    return AttentionModel(
        module=module,
        classes=classes,
        view=_view(module, found, site, head, query),
        sites=found,
        collate=collate_documents,
        inputs=inputs,
        logits_of=read,
        embedding=watched(lambda: run(alone), f"the embedding {name!r}", [table], alone.ids.shape),
        without_each_word=without_each_word(module) if ours else None,
        unit_of=sentence_of if in_sentences and not over_words else word_of,
        query_of=last_word if over_words else None,
        mask_word=UNKNOWN if encode is None else None,
        unknown=UNKNOWN_ID if ours else None,
        trained=trained,
        inside_tanh=known_inside_tanh(module) if ours else None,
    )


def wrap_at(model: AttentionModel, site: str, head: int | str | None, query: int | str | None) -> AttentionModel:
    """The model at another of its sites; `AttentionModel.at` is the door to it."""
    if not isinstance(model.collate, CollatePieces) and not isinstance(model.module, HierarchicalClassifier):
        if isinstance(model.module, PromptedModel):
            return replace(model, view=view_of(model.module, model.sites, site, head, query))
        head, query = 0 if head is None else head, 0 if query is None else query
        return replace(model, view=chosen_view(model.sites, site, head, query))
    view: dict[str, Any] = {"site": site, "head": head, "query": query, "device": model.device}
    view["classes"] = tuple(map(str, range(len(model.classes))))  # their names and their order come from the model
    if isinstance(model.collate, CollatePieces):
        made = wrap_classifier(model.module, model.collate.tokenizer, **view, exchanged=model.collate.exchanged)
    else:
        vocabulary = getattr(model.collate, "keywords", {}).get("vocabulary")
        made = wrap(model.trained or model.module, vocabulary=vocabulary, **view)
    return replace(made, classes=model.classes, logits_of=model.logits_of)


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


def _embedding(module: nn.Module, path: str | None) -> tuple[nn.Module, str]:
    """The module that yields the input embeddings, and its path."""
    if path is not None:
        try:
            return module.get_submodule(path), path
        except AttributeError as error:
            raise ValueError(f"wrap: the model has no module {path!r}; {error}") from error
    found = [name for name, part in module.named_modules() if isinstance(part, nn.Embedding)]
    if len(found) != 1:
        raise ValueError(f"wrap: give embedding=, the path of the input embedding; candidates: {found or 'none'}")
    return module.get_submodule(found[0]), found[0]
