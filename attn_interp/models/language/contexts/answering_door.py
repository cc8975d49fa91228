"""The door for answers from a context: a causal language model whose decision is one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document, shortened
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.checks.device import require_device
from attn_interp.models.checks.documents import made_up
from attn_interp.models.language.contexts.asked_document import Asked, require_asked
from attn_interp.models.language.contexts.collate_asked import CollateAsked
from attn_interp.models.language.contexts.one_answer import ANOTHER, THIS, OneAnswer
from attn_interp.models.language.prompts import SECOND, TEXT, Message, prompt_of
from attn_interp.models.language.wrap_language_model import CAUSAL, check_for_prompts, prompted
from attn_interp.models.predicting import evaluating
from attn_interp.models.transformers.adapter import load_named, positions, words_of
from attn_interp.models.transformers.subwords import REMEDY

PROMPT = "Context: {text}\n\nQuestion: {second}\nAnswer:"
LONGEST_ANSWER = 48  # tokens that are generated at most
ROUNDING = 1e-5  # of log-probabilities: a weight of 0 on a later token leaves no trace
HALF = "\ufffd"  # what a tokenizer writes for the first bytes of a character that is not whole


@dataclass(frozen=True)
class Generate:
    """A context and a question -> the same with the answer that the model generates."""

    model: nn.Module
    collate: CollateAsked

    def __call__(self, document: Document) -> Document:
        """The document with its answer: its own, or the first line of what is most likely token by token.

        Raises:
            TypeError: it has no question.
            ValueError: the model answers nothing.
        """
        (asked,) = require_asked([document])
        if asked.answer is not None:
            return asked
        tokenizer, model = self.collate.tokenizer, self.model
        own = self.collate.prompt_ids(document)
        if self.collate.room is not None and len(own) > self.collate.room:
            raise ValueError(
                f"document {document.id!r}: its prompt is {len(own)} positions, and the model has "
                f"{self.collate.longest} for prompt and answer; shorten the question, or {REMEDY}"
            )
        ids = torch.tensor([own], device=next(model.parameters()).device)
        padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        with evaluating(model):
            made: Any = model.generate(  # type: ignore[operator]
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self.collate.further,
                do_sample=False,
                pad_token_id=padding,
            )
        text = tokenizer.decode(made[0, len(own) :], skip_special_tokens=True).strip()
        answer = text.partition("\n")[0].rstrip(HALF).strip()
        if not answer:
            raise ValueError(
                f"document {document.id!r}: the model answers nothing; give Asked(context, question, answer)"
            )
        return replace(asked, answer=self.fitting(document, answer))

    def fitting(self, document: Document, answer: str) -> str:
        """The answer without its last words, where spelled anew it has more tokens than were generated at most."""
        words = answer.split(" ")
        while len(words) > 1 and len(self.collate.answer_ids(document, " ".join(words))) > self.collate.further:
            words.pop()
        return " ".join(words)


def answering(
    model: Any,
    tokenizer: Any = None,
    *,
    prompt: str | Sequence[Message] = PROMPT,
    site: str | None = None,
    head: int | str | None = None,
    device: torch.device | str = "cpu",
) -> AttentionModel:
    """Make a causal language model one whose decision is an answer from a context, for every context its own.

    It is read on `Asked` documents, in sentences as a rule: `ai.read(model, documents, units="sentence")`. A document
    without an answer gets the one that the model generates greedily, up to the end of the line and of at most 48
    tokens. The two classes are "this answer" and "another answer", with the logits log p and log(1 - p), where p is the
    probability of the answer's tokens behind the prompt. This answer is the decision, however small p is.
    `model.show` shades the sentences by what each token of the answer attends to; `sources` compares what scores them.

    Args:
        model: A ...ForCausalLM of the transformers library, a name of `list_models`, a folder or a name on the hub.
        tokenizer: Its tokenizer, a fast one; a name stands for both.
        prompt: A text, or the messages of a chat, with {text} for the context and {second} for the question. The
            answer follows it, behind a blank where it ends without one.
        site, head: The attention of the view (see `wrap`); None: the last layer, the mean over its heads. The query is
            the last token of the prompt, from which the model says the first token of the answer.
        device: Where the model is moved to.

    Raises:
        TypeError, ValueError: why this model, tokenizer or prompt cannot be used, in one sentence.

    >>> model = answering("smollm2")  # doctest: +SKIP
    >>> asked = Asked("Ada is in the attic. Ben went out.", "Where is Ada?")
    >>> model.show(asked, units="sentence")  # doctest: +SKIP
    >>> reading = ai.read(model, [asked], units="sentence")  # doctest: +SKIP

    Reference: Cohen-Wang et al. 2024 (ContextCite), section 2.
    """
    if isinstance(model, str | Path):
        model, tokenizer = load_named(model, auto=None)
    name = type(model).__name__
    if not name.endswith(CAUSAL):
        raise TypeError(
            f"answering: got a {name}, expected a causal language model (...ForCausalLM) of the transformers library; "
            "load it with AutoModelForCausalLM"
        )
    check_for_prompts(model, tokenizer, door="answering")
    around = prompt_of(prompt, tokenizer)
    if not around.pairs:
        raise ValueError(
            f"answering: the prompt {shortened(repr(prompt), 80)} has no place for the question; write {TEXT} for the "
            f"context and {SECOND} for the question"
        )
    device = require_device(device)
    longest = positions(model, tokenizer)
    further = LONGEST_ANSWER if longest is None else min(LONGEST_ANSWER, longest // 4)
    collate = CollateAsked(tokenizer, around, (), longest, further)
    module = OneAnswer(model).to(device).eval()
    words = words_of(tokenizer)
    trial = [
        Asked(words=each.words, second=each.second, id=each.id, answer=" ".join(each.words[: max(1, len(each) - 3)]))
        for each in made_up(words, pairs=True)
    ]
    require_causal(module, collate(trial).to(device))
    classes = (ANOTHER, THIS)
    decision: dict[str, Any] = {"decided": classes.index(THIS), "completed": Generate(model, collate)}
    return prompted(module, collate, with_answers, classes, trial, view=(site, head, None), **decision)


def require_causal(module: OneAnswer, batch: Batch) -> None:
    """Answers whose last token is another must have the same probabilities of the tokens before it.

    Raises:
        ValueError: they have not, as of an encoder that reads all tokens at once.
    """
    ids, *further = with_answers(batch)
    other = ids.clone()
    other[:, -1] = (ids[:, -1] == 0).long()
    with torch.no_grad():
        own, changed = (module(each, *further, by_token=True)[:, :-1] for each in (ids, other))
    if not torch.allclose(own, changed, rtol=ROUNDING, atol=ROUNDING):
        raise ValueError(
            f"answering: {type(module.model).__name__} reads later tokens of an answer before it says the earlier "
            "ones, and an answer is written from left to right; load a causal model, or one of an encoder's kind with "
            "config.is_decoder=True where it was trained so"
        )


def with_answers(batch: Batch) -> tuple[torch.Tensor, ...]:
    """What `OneAnswer` takes."""
    assert batch.kinds is not None
    return batch.ids, batch.is_token.long(), batch.kinds
