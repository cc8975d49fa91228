"""Any language model of the transformers library as a classifier: a prompt around the text, and answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.checks.class_names import class_names
from attn_interp.models.checks.device import device_of, require_device
from attn_interp.models.checks.documents import made_up, two_sizes
from attn_interp.models.checks.outputs import Outputs, check_outputs
from attn_interp.models.input_embeddings import watched
from attn_interp.models.language.answering import Answering, PromptedModel, answers_of, ids_behind
from attn_interp.models.language.decoding import Decoding, ids_decoded, start_of
from attn_interp.models.language.prompts import CollatePrompts, Message, prompt_of
from attn_interp.models.transformers.adapter import positions, tables, words_of
from attn_interp.models.transformers.checks import check_attention, check_tokenizer
from attn_interp.models.view import LAST, MEAN, View, chosen_view, word_of
from attn_interp.recording import Site, sites

CAUSAL = ("ForCausalLM", "LMHeadModel")
TWO_STACKS = ("ForConditionalGeneration", "MTModel")  # where the configuration says so too


def view_of(
    module: PromptedModel, found: Sequence[Site], site: str | None, head: int | str | None, query: int | str | None
) -> View:
    """The view of a language model at one of its sites; None: the last, the mean over heads, and the query from which
    the model answers.

    Raises:
        ValueError: there is no such site or head; or the query is another.
    """
    view = chosen_view(found, site or found[-1].name, MEAN if head is None else head, LAST)
    usual = module.usual_query(next(each for each in found if each.name == view.site))
    if query not in (None, usual):
        what = {
            LAST: "a language model answers from the last position of its prompt, and the rows of others do not see "
            "what follows them",
            MEAN: "this is attention between the words that an encoder reads, and no row of it is that of the answer",
        }.get(str(usual), "the decoder answers from one position, before the first token in which answers differ")
        raise ValueError(f"wrap: query={query!r}, expected {usual!r} at site {view.site!r}: {what}")
    assert usual is not None  # of the sites that are found, none is that of a further token
    return replace(view, query=usual)


def ids_and_mask(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    return batch.ids, batch.is_token.long()


def wrap_language_model(
    model: Any,
    tokenizer: Any,
    *,
    prompt: str | Sequence[Message],
    answers: Mapping[str, str | Sequence[str]],
    calibrate: str | None = None,
    example: Sequence[Document] | None = None,
    site: str | None = None,
    head: int | str | None = None,
    query: int | str | None = None,
    device: torch.device | str = "cpu",
) -> AttentionModel:
    """Make a language model, causal or of encoder and decoder, the `AttentionModel` that the experiments talk to.

    The logit of a class is the log-probability of its answer behind the prompt: of several tokens the sum, of several
    wordings the logarithm of the sum of their probabilities, in natural logarithms and never divided by a length. The
    words are those of the text, with a blank between any two, which is also what the model is asked. The prompt, the
    template of a chat and special tokens are outside: they keep the attention that they have. The view is the attention
    of the position before the first token in which the answers differ; of an answer of several tokens it reaches the
    first one alone. Where an encoder reads the prompt, that position is the decoder's, and its attention is that to the
    words that the encoder has read; in the layers of the encoder the view is the mean over the words.

    Args:
        model: A ...ForCausalLM, or an encoder-decoder ...ForConditionalGeneration, as T5 and BART are; put into eval
            mode and on `device`.
        tokenizer: Its tokenizer, a fast one.
        prompt: A text with {text} in it, or the messages of a chat with {text} in one of them; and {second} where the
            second text of a document stands, whose words are outside too.
        answers: Class -> what the model would write behind the prompt, or several wordings of it; behind an encoder
            as `tokenizer(text_target=answer)` spells it, without its end.
        calibrate: A text without content, as "N/A": what the model says of it is taken off the logits.
        example: Documents for the dry run, of at least two lengths; made up from the tokenizer's words when None.
        site: None: the attention of the last layer, in a decoder that to the encoder.
        head: None: the mean over heads.
        query: None: the position from which the model answers, "last" in a causal one, the only one in a decoder, and
            "mean" in an encoder; no other row is one that it answers from.

    Raises:
        TypeError, ValueError: why this model, tokenizer, prompt or answer cannot be used, in one sentence.
    """
    name = type(model).__name__
    encoded = name.endswith(TWO_STACKS) and model.config.is_encoder_decoder
    if not encoded and not name.endswith(CAUSAL):
        raise TypeError(
            "wrap: prompt and answers are for causal language models (...ForCausalLM) and those of encoder and decoder "
            f"(...ForConditionalGeneration), got a {name}; load it with AutoModelForCausalLM or AutoModelForSeq2SeqLM"
        )
    check_for_prompts(model, tokenizer)
    device = require_device(device)
    around = prompt_of(prompt, tokenizer)
    documents = example or made_up(words_of(tokenizer), pairs=around.pairs)
    longer, shorter = two_sizes(documents)
    trial = [*longer[:3], shorter[-1]]
    prompts = [around.around(each) for each in trial]
    behind = partial(ids_behind, tokenizer=tokenizer, prompts=prompts, special=around.special)
    wordings, joined = answers_of(answers, partial(ids_decoded, tokenizer=tokenizer) if encoded else behind)
    names = class_names(list(answers))
    further = max(len(each) for wordings_of in wordings for each in wordings_of) - 1
    longest = positions(model, tokenizer)
    if encoded:
        begin = (start_of(model), *joined)
        if longest is not None and len(begin) + further > longest:
            raise ValueError(
                f"wrap: the longest answer is {len(begin) + further} positions and the model has {longest}; shorten it"
            )
        collate = CollatePrompts(tokenizer, around, (), longest, encoded=True)
        module: Answering = Decoding(model, wordings, begin)
    else:
        collate = CollatePrompts(tokenizer, around, joined, longest, further)
        module = Answering(model, wordings)
    module = module.to(device).eval()
    start = collate(trial)
    if not encoded and (word_of(start)[range(len(start)), start.is_token.int().argmax(-1)] >= 0).any():
        warnings.warn(
            "wrap: the first token that the model reads is a word of the text, and attention that has nowhere to go "
            "rests on the first token; begin the prompt with a word of its own, as 'Text: {text}'",
            stacklevel=3,
        )

    if calibrate is not None:
        content_free = Document(calibrate, id="calibration", second=calibrate if around.pairs else None)
        with torch.no_grad():
            module.offset = module(*ids_and_mask(collate([content_free]).to(device)))[0]
    return prompted(module, collate, ids_and_mask, names, documents, view=(site, head, query))


def check_for_prompts(model: Any, tokenizer: Any, door: str = "wrap") -> None:
    """Raises TypeError or ValueError where the attention of the model cannot be recorded, or the tokenizer is another's
    or does not say where its pieces stand; in the name of the function that was called, its `door`."""
    check_attention(model)
    check_tokenizer(model, tokenizer, pads=False, door=door)
    if not tokenizer.is_fast:
        raise TypeError(
            f"{door}: {type(tokenizer).__name__} does not say where its pieces stand in the prompt; give a fast one "
            "(AutoTokenizer.from_pretrained)"
        )


def prompted(
    module: PromptedModel,
    collate: CollatePrompts,
    inputs: Callable[[Batch], tuple[Any, ...]],
    classes: tuple[str, ...],
    documents: Sequence[Document],
    view: tuple[str | None, int | str | None, int | str | None],
    **further: Any,
) -> AttentionModel:
    """The `AttentionModel` of a module that is asked at the end of a prompt, after a dry run.

    Args:
        documents: For the dry run, of at least two lengths.
        view: Site, head and query; None for those of `view_of`.
        further: What else the model has.
    """
    device, model, tokenizer = device_of(module), module.model, collate.tokenizer
    name, (longer, shorter) = type(model).__name__, two_sizes(documents)

    def tried(documents: Sequence[Document]) -> Batch:
        return collate(documents).to(device)

    def run(batch: Batch) -> torch.Tensor:
        output: torch.Tensor = module(*inputs(batch))
        return output

    check_outputs(run, Outputs(), True, classes, [*longer[:3], shorter[-1]], tried, module)
    found = sites(module, *inputs(tried(longer)), other=(inputs(tried(shorter)), {}))
    found = tuple(replace(each, name=each.path) for each in found if module.usual_query(each) is not None)
    alone = tried(longer[:1])
    return AttentionModel(
        module=module,
        classes=classes,
        view=view_of(module, found, *view),
        sites=found,
        collate=collate,
        inputs=inputs,
        logits_of=Outputs(),
        embedding=watched(lambda: run(alone), name, tables(model), alone.ids.shape),
        mask_word=tokenizer.mask_token or tokenizer.unk_token,
        unknown=tokenizer.unk_token_id,
        **further,
    )
