"""Leave-one-out of a causal decoder runs what follows the deleted word, and says what a run of every text says."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from attn_interp.attribution import leave_one_out
from attn_interp.attribution.leave_one_out import logits_without_each_word
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words, replace_words
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.transformers.prefix import Prefixes
from attn_interp.models.wrap import wrap

TEXTS = (
    "awful",
    "the film",
    "the wonderful film continues awfulless awfulless",
    "follows a film a film the film awful",
)
DOCUMENTS = [Document(text, id=str(index)) for index, text in enumerate(TEXTS)]


@pytest.mark.parametrize(
    ("family", "side", "sizes"),
    [("gpt2", "right", {}), ("llama", "right", {}), ("llama", "left", {}), ("mistral", "right", {"sliding_window": 4})],
)
@pytest.mark.parametrize("documents", [DOCUMENTS, DOCUMENTS[2:3]], ids=["four", "one"])
def test_it_is_the_loop_over_shortened_documents(
    family, side, sizes, documents, causal, wordpiece, monkeypatch
) -> None:
    monkeypatch.setattr(wordpiece, "padding_side", side)
    model = wrap(causal(family, **sizes), wordpiece)
    asked: list[int] = []
    logits = AttentionModel.logits

    def counted(self: AttentionModel, documents: Any, size: int = 64) -> torch.Tensor:
        asked.append(len(documents))
        return logits(self, documents, size)

    monkeypatch.setattr(AttentionModel, "logits", counted)
    own, without = logits_without_each_word(model, model.batch(documents))
    assert asked == [3]  # the trial
    torch.testing.assert_close(own, logits(model, documents), atol=1e-5, rtol=0)
    for row, document in enumerate(documents):
        if len(document) == 1:
            assert without[row, 0].isnan().all()
            continue
        shortened = [delete_words(document, {word}) for word in range(len(document))]
        alone = torch.cat([logits(model, [each]) for each in shortened])
        assert alone.std(0).max() > 1e-3
        torch.testing.assert_close(without[row, : len(document)], alone, atol=1e-5, rtol=0)


def test_tokens_are_compared_so_that_any_edit_is_told(causal, wordpiece) -> None:
    """The first word, the last, all of them, none; a longer text."""
    model, own = wrap(causal("gpt2"), wordpiece), DOCUMENTS[3]
    edited = [replace_words(own, {word}, "wonderful") for word in (0, 7)]
    edited += [Document("the awful film", id="a"), own, Document("follows a film that continues" * 2, id="b")]
    batch = model.batch(DOCUMENTS)
    with torch.no_grad():
        found = leave_one_out._behind_prefixes(model, batch, torch.full((5,), 3), edited)
    assert found is not None
    torch.testing.assert_close(found, model.logits(edited), atol=1e-5, rtol=0)


def test_where_no_prefix_is_shared_every_document_is_run_whole(causal, bert, wordpiece, monkeypatch) -> None:
    def behind(model: AttentionModel) -> torch.Tensor | None:
        edited = [delete_words(DOCUMENTS[3], {word}) for word in range(8)]
        with torch.no_grad():
            return leave_one_out._behind_prefixes(model, model.batch(DOCUMENTS), torch.full((8,), 3), edited)

    assert behind(bert) is None
    decoder = wrap(causal("llama"), wordpiece)
    assert behind(decoder) is not None
    followed = Prefixes.followed
    monkeypatch.setattr(Prefixes, "followed", lambda self, rows, start, mask: followed(self, rows, start - 1, mask))
    assert behind(decoder) is None  # one token too few is seen
