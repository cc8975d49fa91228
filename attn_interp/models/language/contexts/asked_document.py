"""A context with a question to it and the answer that is explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attn_interp.data.document import Document, shortened
from attn_interp.data.tokenise import tokenise


@dataclass(frozen=True, init=False, repr=False)
class Asked(Document):
    """A context, a question and an answer, for a model of `answering`.

    The words are those of the context; the question is its second text, which is read and not weighed.

    Args:
        text: The context; or give its words (words=).
        question: What is asked.
        answer: The answer whose log-probability is explained; None: the one that the model generates when it is read.
        further: As for `Document`: id, words, rationales, signals, spans, label. A rationale marks the words of the
            sources that give the answer, where they are known.

    Raises:
        TypeError: the answer is no text, or there is no question.
        ValueError: question or answer is blank; or as for `Document`.

    >>> asked = Asked("Ada went to the attic. Ben went out.", "Where is Ada?", answer="the attic")
    >>> asked.second.words, asked.answer
    (('Where', 'is', 'Ada', '?'), 'the attic')
    """

    answer: str | None

    def __init__(
        self,
        text: str | None = None,
        question: str | Document | None = None,
        answer: str | None = None,
        *,
        second: str | Document | None = None,
        **further: Any,
    ) -> None:
        if question is not None and second is not None:
            raise ValueError(f"Asked: got the question {question!r} and second={second!r}; give one of them")
        question = second if question is None else question
        if isinstance(question, str) and not tokenise(question)[0]:
            raise ValueError(f"Asked: the question {question!r} has no words; type Asked(context, question)")
        super().__init__(text, second=question, **further)
        if self.second is None:
            raise TypeError(f"document {self.id!r}: has no question; type Asked(context, question)")
        if answer is not None and not isinstance(answer, str):
            raise TypeError(f"document {self.id!r}: answer is {shortened(repr(answer), 60)}; give a string, or None")
        if answer is not None and not answer.strip():
            raise ValueError(f"document {self.id!r}: its answer is blank; give what the model would write, or None")
        vars(self).update(answer=None if answer is None else answer.strip())

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, answer={self.answer!r}>"


def require_asked(documents: Sequence[Document]) -> tuple[Asked, ...]:
    """The documents, where each has a question.

    Raises:
        TypeError: naming the first that has none.
    """
    asked = []
    for row, document in enumerate(documents):
        if not isinstance(document, Asked):
            raise TypeError(
                f"document {document.id!r} (row {row}): has no question, and the model answers one; "
                "type Asked(context, question)"
            )
        asked.append(document)
    return tuple(asked)
