"""Sequence classifiers of the transformers library as models for every experiment, in words."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document, shortened
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.checks.class_names import class_names, names_in
from attn_interp.models.checks.device import require_device
from attn_interp.models.checks.documents import made_up, two_sizes
from attn_interp.models.checks.outputs import Outputs, check_outputs
from attn_interp.models.input_embeddings import watched
from attn_interp.models.language.embedded import EMBEDDED
from attn_interp.models.transformers.checks import check_classifier, check_tokenizer
from attn_interp.models.transformers.query import with_query
from attn_interp.models.transformers.subwords import Cut, InPieces, Pieces, collate_pieces, cut_to_length, pieces_of
from attn_interp.models.view import MEAN, chosen_view
from attn_interp.recording import sites

EXAMPLE_WORDS = 40
UNLIMITED = 10**9  # tokenizers without a limit name a larger number
PADDING_SIDE = "set tokenizer.padding_side to the side on which the model was trained to be padded"


def is_transformers(module: Any) -> bool:
    """Whether a module is made by the transformers library, which is not imported to tell."""
    return any(kind.__module__.split(".")[0] == "transformers" for kind in type(module).__mro__)


def load_named(name: str | Path, auto: str | None = "AutoModelForSequenceClassification") -> tuple[nn.Module, Any]:
    """The sequence classifier, or what another class of transformers loads, and its tokenizer, as `from_files`.

    Raises:
        ImportError, OSError, ValueError: as `from_files`; or weights of the model are not in the files, so that they
            would be random.
    """
    model, tokenizer, missing = from_files(name, auto)
    if missing:
        raise ValueError(
            f"{name}: {missing[0]} and {len(missing) - 1} other weights of {type(model).__name__} are not in its files "
            "and would be random; fine-tune it on labelled documents first"
        )
    return model, tokenizer


def from_files(name: str | Path, auto: str | None, **settings: Any) -> tuple[nn.Module, Any, list[str]]:
    """What a class of transformers loads from a folder, a name of `list_models` or a name on the hub, in float32; its
    tokenizer; and the names of the weights that are not in the files.

    Weights are read from safetensors alone, and no code that comes with a model is run.

    Args:
        auto: The class; None: that of a language model, with an encoder where its configuration says so.
        settings: What else its from_pretrained takes.

    Raises:
        ImportError: transformers is not installed.
        OSError: there is no such model, or the hub cannot be reached.
        ValueError: a file is damaged.
    """
    try:
        import transformers
    except ImportError as error:
        raise ImportError("transformers is not installed; pip install 'attn-interp[transformers]'") from error
    near = get_close_matches(str(name).lower(), EMBEDDED, 1, 0.8)
    if near and str(name) not in EMBEDDED and not Path(name).exists():
        raise OSError(f"{name}: there is no such folder or model; did you mean {near[0]!r}?")
    place = EMBEDDED[str(name)].folder() if str(name) in EMBEDDED else name
    settings |= {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False}
    try:
        if auto is None:
            two_stacks = transformers.AutoConfig.from_pretrained(place, trust_remote_code=False).is_encoder_decoder
            auto = "AutoModelForSeq2SeqLM" if two_stacks else "AutoModelForCausalLM"
        with _told_of_errors_alone(transformers.logging):  # what is missing is returned, and said where it matters
            model, loading = getattr(transformers, auto).from_pretrained(place, output_loading_info=True, **settings)
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    except Exception as error:  # of the network, of the hub, or of a file
        kind = OSError if isinstance(error, OSError) else ValueError
        why = shortened(" ".join(str(error).split()), 300)
        raise kind(
            f"{name}: cannot be loaded by transformers ({why}); check the name, or the files of the folder"
        ) from error
    return model, tokenizer, sorted(loading["missing_keys"])


@contextmanager
def _told_of_errors_alone(logging: Any) -> Iterator[None]:
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


TEXTS = "attn_interp_texts"
"""In the configuration of a model that `fine_tune` has trained: 1, or 2 where it reads pairs."""


@dataclass(frozen=True)
class CollatePieces:
    """Documents -> a batch in the pieces of a tokenizer.

    Attributes:
        tokenizer: Of the model.
        room: Positions that the model has, special tokens counted; None: any number.
        exchanged: Whether the documents are pairs whose texts are exchanged, so that their second comes first.
        config: Of the model, which says under `TEXTS` how many texts it was fine-tuned on, where that was done here.
    """

    tokenizer: Any
    room: int | None
    exchanged: bool = False
    config: Any = None

    def __call__(self, documents: Sequence[Document]) -> Batch:
        texts = getattr(self.config, TEXTS, None)
        for document in documents if texts is not None else ():
            if (1 if document.second is None else 2) != texts:
                has, what = ("no", "pairs") if texts == 2 else ("a", "single texts")
                raise ValueError(
                    f"document {document.id!r}: has {has} second text, and the model was trained on {what}"
                )
        return collate_pieces(documents, self.tokenizer, self.room, self.exchanged)

    def pieces(self, document: Document) -> Pieces:
        return pieces_of(document, self.tokenizer, self.exchanged)


def cut_to_fit(model: AttentionModel, documents: Sequence[Document]) -> Cut:
    """The documents without the words, at the end of the long ones, that the model has no positions for; and which.

    Args:
        model: A model of the transformers library, from `wrap` or `answering`.
        documents: N documents.

    Returns:
        The N documents under `documents`, in their order, and under `lost` how many words each of those that were cut
        is without.

    Raises:
        TypeError: the model reads words, any number of them.
        ValueError: naming a document of which no word fits.

    >>> cut = ai.cut_to_fit(model, documents)  # doctest: +SKIP
    >>> reading = ai.read(model, cut.documents)  # doctest: +SKIP
    """
    if not isinstance(model.collate, InPieces):
        raise TypeError("cut_to_fit: this model reads documents of any length; nothing is to be cut")
    return cut_to_length(documents, model.collate)


@dataclass(frozen=True)
class Inputs:
    """Batch -> the positional arguments of a model's forward: ids, mask and, where tokenizer and model know them, the
    types of the positions (of two texts, or of XLNet's special tokens); what stands between them in the signature keeps
    its default."""

    model: nn.Module

    def __call__(self, batch: Batch) -> tuple[Any, ...]:
        parameters = inspect.signature(self.model.forward).parameters
        given = {"input_ids": batch.ids, "attention_mask": batch.is_token.long()}
        if batch.kinds is not None and "token_type_ids" in parameters:
            given["token_type_ids"] = batch.kinds
        last = max(list(parameters).index(name) for name in given)
        return tuple(given.get(name, parameter.default) for name, parameter in list(parameters.items())[: last + 1])


def wrap_classifier(
    model: Any,
    tokenizer: Any,
    *,
    classes: Sequence[str] | None = None,
    example: Sequence[Document] | None = None,
    site: str | None = None,
    head: int | str | None = None,
    query: int | str | None = None,
    device: torch.device | str = "cpu",
    exchanged: bool = False,
) -> AttentionModel:
    """Make a sequence classifier of the transformers library the `AttentionModel` that the experiments talk to.

    Documents stay in words: the tokenizer cuts them into pieces, the attention on a word is the sum over its pieces
    and so is gradient x input. An override gives each word's weight to its pieces in proportion to what they had.
    Special tokens keep the attention that they have. A second text is joined as the tokenizer joins a pair; its words
    are no units, and keep theirs too. Words are taken out before the tokenizer sees the document.

    Args:
        model: A ...ForSequenceClassification of at least two classes; put into eval mode and on `device`.
        tokenizer: Its tokenizer.
        classes: Names of the classes in the order of the logits; None: those of the model's configuration.
        example: Documents for the dry run, of at least two lengths; made up from the tokenizer's words when None.
        site: None: the last site, which is the last layer or the last attention from decoder to encoder.
        head: None: the mean over heads.
        query: None: the only token from which the classifier reads at that site ("first" or "last", found by changing
            the attention of all others), else the mean over words; "last" where words do not see later ones.
        exchanged: Whether documents are pairs whose texts are exchanged (`exchanged`): their words are the second text
            of the model, and its first is held.

    Raises:
        TypeError, ValueError: why this model or tokenizer cannot be used, in one sentence.
    """
    check_classifier(model)
    check_tokenizer(model, tokenizer)
    count = model.config.num_labels
    names = names_in(model.config.id2label, count) if classes is None else class_names(classes)
    if len(names) != count:
        raise ValueError(f"wrap: {len(names)} class names for a model of {count} classes")
    known = tuple(map(str, model.config.id2label.values()))
    if names != known and sorted(names) == sorted(known):
        warnings.warn(
            f"wrap: classes={', '.join(names)}, and the configuration of the model names its logits "
            f"{', '.join(known)}; what was given is taken as the order of the logits",
            stacklevel=3,
        )
    device = require_device(device)
    model = model.to(device).eval()
    collate = CollatePieces(tokenizer, positions(model, tokenizer), exchanged, model.config)
    pairs = exchanged or getattr(model.config, TEXTS, None) == 2
    documents = example or made_up(words_of(tokenizer), pairs=pairs)
    inputs = Inputs(model)
    longer, shorter = two_sizes(documents)

    def tried(documents: Sequence[Document]) -> Batch:
        return collate(documents).to(device)

    def run(batch: Batch) -> Any:
        return model(*inputs(batch))

    trial = [*longer[:3], shorter[-1]]
    check_outputs(run, Outputs(), True, names, trial, tried, model, PADDING_SIDE)
    found = sites(model, *inputs(tried(longer)), other=(inputs(tried(shorter)), {}))
    alone = tried(longer[:1])
    site = site or found[-1].name
    view = chosen_view(found, site, MEAN if head is None else head, MEAN if query is None else query)
    wrapped = AttentionModel(
        module=model,
        classes=names,
        view=view,
        sites=found,
        collate=collate,
        inputs=inputs,
        logits_of=Outputs(),
        embedding=watched(lambda: run(alone), type(model).__name__, tables(model), alone.ids.shape),
        mask_word=tokenizer.mask_token or tokenizer.unk_token,
        unknown=tokenizer.unk_token_id,
    )
    return with_query(wrapped, tried(longer), query, tokenizer.pad_token_id)


def tables(model: nn.Module) -> list[nn.Module]:
    """The module of the input embeddings; or where others have its weight, as in encoder and decoder, all of them."""
    table: Any = model.get_input_embeddings()  # type: ignore[operator]
    if not isinstance(table, nn.Embedding):  # an adapter around one
        return [table]
    return [part for part in model.modules() if isinstance(part, nn.Embedding) and part.weight is table.weight]


def positions(model: nn.Module, tokenizer: Any) -> int | None:
    """Positions that the model has: the smaller of what its configuration and its tokenizer say; None if neither does.

    Embeddings of positions that keep a place for padding (RoBERTa, MPNet) have that many fewer.
    """
    known = [tokenizer.model_max_length] if tokenizer.model_max_length < UNLIMITED else []
    if (most := getattr(model.config, "max_position_embeddings", None)) is not None and most > 0:
        tables = [
            part.padding_idx + 1
            for name, part in model.named_modules()
            if name.endswith("position_embeddings") and isinstance(part, nn.Embedding) and part.padding_idx is not None
        ]
        known.append(most - max(tables, default=0))
    return min(known, default=None)


def words_of(tokenizer: Any) -> list[str]:
    """Some words that the tokenizer has whole, those of the lowest ids."""
    words = (
        piece.lstrip("\u0120\u2581") for piece, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    )
    plain = [word for word in words if word.isalpha() and word not in tokenizer.all_special_tokens]
    return list(dict.fromkeys(plain))[:EXAMPLE_WORDS] or ["a"]
