"""Contexts, questions and answers -> one row each: the prompt on the left of a line, the answer on its right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from attn_interp.data.batch import Batch, labels_of
from attn_interp.data.document import Document
from attn_interp.models.language.contexts.asked_document import require_asked
from attn_interp.models.language.prompts import CollatePrompts, without_end
from attn_interp.models.transformers.subwords import REMEDY, Pieces, first_pieces, padded_pieces


@dataclass(frozen=True)
class CollateAsked(CollatePrompts):
    """Documents with an answer -> a batch of P + A positions: prompts, padded on the left to P, and behind them their
    answers, padded on the right to A. `kinds` is 1 on the tokens of an answer. `further` positions stay free for an
    answer where documents are cut to the length of the model."""

    def __call__(self, documents: Sequence[Document]) -> Batch:
        rows = [self.pieces(document) for document in documents]
        for document, row in zip(documents, rows):
            if not sum(row.kind or ()):
                raise ValueError(
                    f"document {document.id!r}: has no answer; ai.read(model, documents) lets the model generate one, "
                    "or give Asked(context, question, answer)"
                )
            if self.longest is not None and len(row.ids) > self.longest:
                raise ValueError(
                    f"document {document.id!r}: its prompt and answer are {len(row.ids)} positions, and the model has "
                    f"{self.longest}; shorten the question or the answer, or {REMEDY}"
                )
        lengths = [sum(row.kind or ()) for row in rows]
        padding = self.tokenizer.pad_token_id
        padding = 0 if padding is None else padding
        prompts = [
            Pieces(row.ids[: len(row.ids) - own], row.word[: len(row.ids) - own]) for row, own in zip(rows, lengths)
        ]
        answers = [Pieces(row.ids[len(row.ids) - own :], (-1,) * own) for row, own in zip(rows, lengths)]
        left, right = (
            padded_pieces(documents, prompts, padding, "left"),
            padded_pieces(documents, answers, padding, "right"),
        )
        word = torch.cat([_piece_of(left), _piece_of(right)], 1)
        return Batch(
            documents=tuple(documents),
            ids=torch.cat([left.ids, right.ids], 1),
            is_token=torch.cat([left.is_token, right.is_token], 1),
            is_word=first_pieces(word),
            labels=labels_of(documents),
            piece_of=word,
            kinds=torch.cat([torch.zeros_like(left.ids), right.is_token.long()], 1),
        )

    def pieces(self, document: Document) -> Pieces:
        """The pieces of the prompt and, where there is an answer, of the answer, whose kind is 1.

        Raises:
            TypeError, ValueError: naming the document: it has no question, or the tokenizer joins the answer with the
                prompt.
        """
        (asked,) = require_asked([document])
        prompt = super().pieces(document)
        answer = () if asked.answer is None else self.answer_ids(document, asked.answer)
        ids, word = prompt.ids + answer, prompt.word + (-1,) * len(answer)
        return Pieces(ids, word, (0,) * len(prompt.ids) + (1,) * len(answer))

    def answer_ids(self, document: Document, answer: str) -> tuple[int, ...]:
        """The ids of the answer behind the prompt, with a blank before it where that ends without one."""
        before = self.prompt.around(document)
        joined = f"{before}{'' if before[-1:].isspace() else ' '}{answer}"
        own, whole = self._ids(before), self._ids(joined)
        if whole[: len(own)] != own or len(whole) == len(own):
            raise ValueError(
                f"document {document.id!r}: the answer {answer!r} "
                + ("has no token" if len(whole) == len(own) else "changes the tokens at the end of the prompt")
                + "; end the prompt with the end of a line or without a blank"
            )
        return tuple(whole[len(own) :])

    def prompt_ids(self, document: Document) -> list[int]:
        """The ids behind which the model answers."""
        return self._ids(self.prompt.around(document))

    def _ids(self, text: str) -> list[int]:
        encoded = self.tokenizer(text, add_special_tokens=self.prompt.special, truncation=False, verbose=False)
        return without_end(encoded["input_ids"], self.tokenizer)


def _piece_of(batch: Batch) -> torch.Tensor:
    assert batch.piece_of is not None
    return batch.piece_of
