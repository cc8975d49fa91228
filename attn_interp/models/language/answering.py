"""A language model as a classifier: a class is an answer, and its logit the log-probability of that answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from attn_interp.data.document import shortened
from attn_interp.models.language.prompts import without_end
from attn_interp.models.transformers.prefix import Prefixes
from attn_interp.models.view import LAST
from attn_interp.recording import Site

Wordings = tuple[tuple[int, ...], ...]
"""The ids of each wording of an answer."""


class PromptedModel(nn.Module):
    """A language model that is asked at the end of a prompt.

    Attributes:
        model: A language model of the transformers library.
        named: The arguments of its forward.
    """

    reads_cache = True  # so that what a layer writes there is written in every replay

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.named = frozenset(inspect.signature(model.forward).parameters)

    def usual_query(self, site: Site) -> int | str | None:
        """The query of the view at an attention site; None: the site is none that a view may have."""
        raise NotImplementedError

    def _next(self, position_ids: torch.Tensor, past_key_values: Any, keep: int = 1, **given: Any) -> torch.Tensor:
        """(B, S, V) log-probabilities of what follows each of the last `keep` positions, in float32 at least."""
        if "position_ids" in self.named:
            given["position_ids"] = position_ids
        if "logits_to_keep" in self.named:
            given["logits_to_keep"] = keep
        given |= {"use_cache": False} if past_key_values is None else {"past_key_values": past_key_values}
        logits = self.model(**given).logits[:, -keep:]
        return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(-1)


class Answering(PromptedModel):
    """Prompts (B, T) -> the log-probability (B, C) of each answer, in natural logarithms.

    Of an answer of several tokens the log-probabilities are summed, and of one in several wordings the probabilities;
    nothing is divided by a length. The prompt is run once, and further tokens on its cache. Prompts end at the last
    position: they are padded on the left.

    Args:
        model: A causal language model of the transformers library.
        answers: For each class the ids of its wordings, each of at least one token.
        offset: (C,) what is taken off, as the log-probabilities after a prompt without content; None: nothing.
    """

    def __init__(self, model: nn.Module, answers: Sequence[Wordings], offset: torch.Tensor | None = None) -> None:
        super().__init__(model)
        self.answers = tuple(answers)
        self.offset = offset

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, past_key_values: Any = None
    ) -> torch.Tensor:
        """The mask is 1 on tokens; with a cache it is longer than the ids, by what the cache holds. It says which place
        each token has."""
        if self.several_tokens and past_key_values is None:
            from transformers import DynamicCache

            past_key_values = DynamicCache()
        first = self._first(input_ids, attention_mask, past_key_values)
        return self.of_answers(first, lambda wording: self._further(wording, attention_mask, past_key_values))

    def of_answers(self, first: torch.Tensor, further: Callable[[tuple[int, ...]], torch.Tensor]) -> torch.Tensor:
        """(B, C) the logits, from the log-probabilities (B, V) of the first token of an answer and what gives that
        (B,) of the second and later tokens of a wording."""
        found = []
        for wordings in self.answers:
            logs = [first[:, each[0]] if len(each) == 1 else first[:, each[0]] + further(each) for each in wordings]
            found.append(torch.stack(logs, -1).logsumexp(-1))
        logits = torch.stack(found, -1)
        return logits if self.offset is None else logits - self.offset

    @property
    def several_tokens(self) -> bool:
        """Whether an answer goes on behind its first token."""
        return any(len(wording) > 1 for wordings in self.answers for wording in wordings)

    def of_first_token(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(B, C) the log-probability that the answer of each class begins: of its first token, or of any of those with
        which its wordings begin."""
        first = self._first(input_ids, attention_mask, None)
        begun = [sorted({wording[0] for wording in wordings}) for wordings in self.answers]
        return torch.stack([first[:, tokens].logsumexp(-1) for tokens in begun], -1)

    def _first(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, past_key_values: Any) -> torch.Tensor:
        """(B, V) log-probabilities of the token behind the prompt."""
        length = input_ids.shape[1]
        places = (attention_mask.cumsum(-1) - 1).clamp(min=0)[:, -length:]
        last = (attention_mask[:, -length:] * torch.arange(1, length + 1, device=input_ids.device)).argmax(-1)
        kept = length - int(last.min())  # one, but for what is padded behind a cache
        return self._next(
            input_ids=input_ids,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            position_ids=places,
            keep=kept,
        )[torch.arange(len(last), device=last.device), last - length + kept]

    def usual_query(self, site: Site) -> int | str | None:
        """The query of the view at an attention site: the last position, from which the model answers. None: it is that
        of the further tokens of an answer, which attend again."""
        return LAST if site.call == 0 else None

    def _further(self, wording: tuple[int, ...], mask: torch.Tensor, cache: Any) -> torch.Tensor:
        """(B,) log-probability of the second and later tokens of a wording, behind the cache of the prompt."""
        documents, length = mask.shape
        rows = torch.arange(documents, device=mask.device)
        ids = torch.tensor(wording[:-1], device=mask.device).expand(documents, -1)
        prefixes = Prefixes(cache, mask, self.named)
        given = prefixes.followed(rows, torch.full_like(rows, length), torch.ones_like(ids))
        place = mask.sum(-1, keepdim=True) + torch.arange(ids.shape[1], device=mask.device)
        table: Any = self.model.get_input_embeddings()  # type: ignore[operator]
        # Not by a call: an answer's words are no words of the text, whose embeddings are watched and changed.
        given["inputs_embeds"] = type(table).forward(table, ids)
        given["position_ids"] = place
        logs = self._next(keep=ids.shape[1], **given)  # (B, S, V)
        chosen = torch.tensor(wording[1:], device=mask.device).expand(documents, -1)
        return logs.gather(-1, chosen[..., None])[..., 0].sum(-1)


def answers_of(
    answers: Mapping[str, str | Sequence[str]], ids_of: Callable[[str, str], tuple[int, ...]]
) -> tuple[tuple[Wordings, ...], tuple[int, ...]]:
    """The ids of the wordings of each class, and those with which all of them begin.

    Args:
        answers: Class -> what the model would write, or several such wordings.
        ids_of: (answer, name of its class) -> its ids, as `ids_behind`.

    Raises:
        TypeError: an answer is no text.
        ValueError: there are fewer than two answers; one is that of another class or the beginning of another.
    """
    if not isinstance(answers, Mapping) or len(answers) < 2:
        raise ValueError(
            f"wrap: answers is {shortened(repr(answers), 60)}, expected two classes or more, as "
            "{'negative': ' negative', 'positive': ' positive'}"
        )
    found: dict[str, list[tuple[int, ...]]] = {}
    for name, wordings in answers.items():
        if not isinstance(name, str):
            raise TypeError(f"wrap: answers names class {name!r}, expected the name of a class, a text")
        listed = list(wordings) if isinstance(wordings, Sequence) else [wordings]
        given = [wordings] if isinstance(wordings, str) else listed
        if not given or not all(isinstance(each, str) for each in given):
            raise TypeError(f"wrap: the answer of class {name!r} is {shortened(repr(wordings), 60)}, expected a text")
        if len(set(given)) < len(given):
            raise ValueError(f"wrap: the answer of class {name!r} is given twice in one wording")
        found[name] = [ids_of(each, name) for each in given]
    every = [(wording, name) for name, wordings in found.items() for wording in wordings]
    shared = 0
    while len({wording[: shared + 1] for wording, _ in every}) == 1 and len(every[0][0]) > shared:
        shared += 1
    for wording, name in every:
        for other, rival in every:
            if (other, rival) != (wording, name) and other[: len(wording)] == wording:
                raise ValueError(
                    f"wrap: an answer of class {name!r} has the tokens with which one of class {rival!r} begins, so "
                    "that its probability would hold that of the other; end the answers alike, as with a full stop"
                )
    joined = every[0][0][:shared]
    return tuple(tuple(wording[shared:] for wording in wordings) for wordings in found.values()), joined


def ids_behind(answer: str, name: str, tokenizer: Any, prompts: Sequence[str], special: bool) -> tuple[int, ...]:
    """The ids of an answer of class `name` behind any prompt.

    Args:
        prompts: A few whole prompts, behind which the ids must be the same.
        special: Whether the tokenizer adds its special tokens.

    Raises:
        ValueError: the answer has no token, or merges with the prompt.
    """

    def ids_of(text: str) -> list[int]:
        ids = tokenizer(text, add_special_tokens=special, truncation=False, verbose=False)["input_ids"]
        return without_end(ids, tokenizer)

    found = set()
    for prompt in prompts:
        before, whole = ids_of(prompt), ids_of(prompt + answer)
        if whole[: len(before)] != before or len(whole) == len(before):
            raise ValueError(
                f"wrap: the answer {answer!r} of class {name!r} "
                + ("has no token" if len(whole) == len(before) else "changes the tokens at the end of the prompt")
                + "; end the prompt without a blank and begin the answer with one"
            )
        found.add(tuple(whole[len(before) :]))
    if len(found) > 1:
        raise ValueError(f"wrap: the answer {answer!r} of class {name!r} has other tokens after other texts")
    return found.pop()
