"""A prompt around a text, in the pieces of a tokenizer: the words are those of the text, and all else is outside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attn_interp.data.batch import Batch
from attn_interp.data.document import Document, shortened
from attn_interp.models.transformers.subwords import REMEDY, Pieces, padded_pieces

TEXT, SECOND = "{text}", "{second}"
Message = Mapping[str, str]


@dataclass(frozen=True)
class Prompt:
    """What stands around a text.

    Attributes:
        before, after: The prompt on both sides of the text, with {second} where a second text stands.
        special: Whether the tokenizer adds its special tokens; the template of a chat model has its own.
    """

    before: str
    after: str
    special: bool = True

    @property
    def pairs(self) -> bool:
        return SECOND in self.before + self.after

    def sides(self, document: Document) -> tuple[str, str]:
        """What stands before and after the text of a document.

        Raises:
            ValueError: the document has a second text and the prompt no place for it, or the other way round.
        """
        if (document.second is not None) != self.pairs:
            has = "has a second text, and the prompt no" if document.second else "has no second text, and the prompt a"
            raise ValueError(f"document {document.id!r}: {has} place for it, {SECOND}")
        second = "" if document.second is None else " ".join(document.second.words)
        return self.before.replace(SECOND, second), self.after.replace(SECOND, second)

    def around(self, document: Document) -> str:
        before, after = self.sides(document)
        return f"{before}{' '.join(document.words)}{after}"


def prompt_of(prompt: str | Sequence[Message], tokenizer: Any) -> Prompt:
    """The prompt as a person gives it: a text with {text} in it once, or the messages of a chat, which the tokenizer's
    template turns into one.

    Raises:
        TypeError: it is neither.
        ValueError: {text} is not in it once, or the tokenizer has no template.
    """
    if isinstance(prompt, str):
        whole, special = prompt, True
    elif isinstance(prompt, Sequence) and all(isinstance(message, Mapping) for message in prompt):
        if wrong := [message for message in prompt if not {"role", "content"} <= set(message)]:
            raise ValueError(
                f"wrap: the message {shortened(repr(wrong[0]), 60)} of the prompt has no role or no content; give both"
            )
        try:
            whole = tokenizer.apply_chat_template(list(prompt), tokenize=False, add_generation_prompt=True)
        except (ValueError, AttributeError) as error:  # transformers' own, of a tokenizer without a template
            raise ValueError(
                "wrap: the prompt is a list of messages, and the tokenizer has no chat template for them "
                f"({shortened(str(error), 100)}); give the prompt as one text"
            ) from error
        special = False
    else:
        raise TypeError(
            f"wrap: prompt is {shortened(repr(prompt), 60)}, expected a text with {TEXT} in it, or messages such as "
            f"[{{'role': 'user', 'content': 'Review: {TEXT}'}}]"
        )
    if whole.count(TEXT) != 1:
        raise ValueError(
            f"wrap: the prompt {shortened(repr(whole), 80)} has {TEXT} {whole.count(TEXT)} times, expected once"
        )
    fields = re.findall(r"\{\w+\}", whole)
    if wrong := [each for each in fields if each not in (TEXT, SECOND)] or fields[2:]:
        raise ValueError(
            f"wrap: the prompt {shortened(repr(whole), 80)} has {wrong[0]}, expected {TEXT}, and {SECOND} at most once"
        )
    before, after = whole.split(TEXT)
    return Prompt(before, after, special)


@dataclass(frozen=True)
class CollatePrompts:
    """Documents -> a batch of prompts around them, padded on the left, so that the last position of each is its last;
    or, where an encoder reads them, on the right and with the end token.

    Attributes:
        tokenizer: Of the model, a fast one, which says where its pieces stand.
        prompt: What stands around each text.
        joined: Ids of the tokens with which all answers begin; they follow the prompt.
        longest: Positions that the model has; None: any number.
        further: Positions that the longest answer takes after its first token is told.
        encoded: Whether an encoder reads the prompt.
    """

    tokenizer: Any
    prompt: Prompt
    joined: tuple[int, ...]
    longest: int | None
    further: int = 0
    encoded: bool = False

    def __call__(self, documents: Sequence[Document]) -> Batch:
        rows = [self.pieces(document) for document in documents]
        for document, row in zip(documents, rows):
            if self.room is not None and len(row.ids) > self.room:
                raise ValueError(
                    f"document {document.id!r}: {len(document)} words, their prompt and an answer are "
                    f"{len(row.ids) + self.further} positions, and the model has {self.longest}; shorten the prompt or "
                    f"the answers, or {REMEDY}"
                )
        padding = self.tokenizer.pad_token_id
        return padded_pieces(documents, rows, 0 if padding is None else padding, "right" if self.encoded else "left")

    @property
    def room(self) -> int | None:
        """Positions that a prompt may have."""
        return None if self.longest is None else self.longest - self.further

    def pieces(self, document: Document) -> Pieces:
        """The pieces of the prompt around a document, each with the word in which its last character stands.

        Raises:
            ValueError: naming a word without a piece, or a piece that is of the prompt and of the text.
        """
        before, after = self.prompt.sides(document)
        text = self.prompt.around(document)
        word_at = [-1] * len(before)  # of each character; a blank goes with the word that follows
        for index, letters in enumerate(document.words):
            word_at += [index] * (len(letters) + (index > 0))
        word_at += [-1] * len(after)
        encoded = self.tokenizer(
            text, return_offsets_mapping=True, add_special_tokens=self.prompt.special, truncation=False, verbose=False
        )
        ids = list(encoded["input_ids"]) if self.encoded else without_end(encoded["input_ids"], self.tokenizer)
        word = []
        for start, end in encoded["offset_mapping"][: len(ids)]:
            word.append(word_at[max(start, end - 1)] if end > start else -1)
            within = {word_at[place] >= 0 for place in range(start, end) if not text[place].isspace()}
            if len(within) == 2:
                raise ValueError(
                    f"document {document.id!r}: the tokenizer's piece {text[start:end]!r} belongs to the prompt and to "
                    f"the text; put a blank or the end of a line beside {TEXT} in the prompt"
                )
        if missing := set(range(len(document))) - set(word):
            first = min(missing)
            raise ValueError(
                f"document {document.id!r}: of word {first}, {document.words[first]!r}, the tokenizer leaves no piece; "
                "remove or replace the word"
            )
        return Pieces((*ids, *self.joined), (*word, *[-1] * len(self.joined)))


def without_end(ids: Sequence[int], tokenizer: Any) -> list[int]:
    """The ids without the end token with which some tokenizers close a text: an answer follows."""
    kept = list(ids)
    while kept and kept[-1] in (tokenizer.eos_token_id, tokenizer.sep_token_id):
        kept.pop()
    return kept
