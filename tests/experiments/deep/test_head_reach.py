"""Several heads: their votes give the model's own logits, and what is said of them holds in the model itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.experiments.deep.head_reach import ALL, head_reach
from attn_interp.experiments.deep.parts import head_reading
from attn_interp.experiments.deep.parts.head_reading import read_heads
from attn_interp.experiments.reach import reach
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.result import Result
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.heads import head_weights, logits_under_heads
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap
from attn_interp.recording import one_word, record

SETTINGS = ClassifierSettings(embedding_width=10, hidden=6, dropout=0.0, heads=2)


@pytest.fixture(scope="module")
def two_heads(planted):
    return wrap(
        fit_classifier(planted, SETTINGS, TrainingSettings(epochs=3, learning_rate=1e-2), seed=1, progress=False)
    )


@pytest.fixture(scope="module")
def documents(planted):
    return [*planted.test[:15], Document(id="one", words=("awful",), label=0)]


@pytest.fixture(scope="module")
def asked(two_heads, documents) -> Reading:
    return read(two_heads, documents)


@pytest.fixture(scope="module")
def heads_read(asked):
    return read_heads(asked)


@pytest.fixture(scope="module")
def result(asked) -> Result:
    return head_reach(asked)


def test_weights_of_every_head_are_those_recorded(two_heads, documents) -> None:
    batch = two_heads.batch(documents[:4])
    with torch.no_grad(), record(two_heads.module) as recording:
        two_heads.batch_logits(batch)
    for row in range(4):
        recorded = recording["pooling"][row, :, 0, batch.is_word[row]]  # (H, W)
        assert torch.allclose(head_weights(two_heads, batch)[row, :, : recorded.shape[1]], recorded)


def test_votes_give_the_logits_under_any_attention_of_the_heads(two_heads, heads_read) -> None:
    assert heads_read.affine
    for part in heads_read.batches[:2]:
        own = (part.weights[..., None] * part.votes).sum((1, 2))
        assert torch.allclose(own, part.logits, atol=1e-5)
        tried = torch.rand(part.weights.shape, generator=torch.Generator().manual_seed(0)) * part.is_word[:, None]
        tried = tried / tried.sum(-1, keepdim=True)
        with torch.no_grad():
            logits = logits_under_heads(two_heads, part.batch, tried[:, None])[:, 0].double()
        assert torch.allclose((tried.double()[..., None] * part.votes).sum((1, 2)), logits, atol=1e-5)
        means = part.votes.sum(2) / part.is_word.sum(-1)[:, None, None]
        assert torch.allclose(means[:, 0], means[:, 1])


def test_votes_by_derivative_are_those_by_one_run_for_each_word_and_head(asked, heads_read, monkeypatch) -> None:
    runs = []
    monkeypatch.setattr(head_reading, "checked_votes", lambda *given: None)  # as where no gradient passes
    monkeypatch.setattr(one_word, "CELLS", 1000)  # many blocks
    monkeypatch.setattr(
        head_reading, "logits_under_heads", lambda *given: runs.append(given[2].numel()) or logits_under_heads(*given)
    )
    by_runs = read_heads(asked)
    assert len(runs) > 3 * len(by_runs.batches)
    assert by_runs.affine
    for one, other in zip(heads_read.batches, by_runs.batches):
        assert torch.allclose(one.votes, other.votes, atol=1e-5)


def test_one_head_alone_is_reach_of_that_view(two_heads, documents, result) -> None:
    for head in range(2):
        view = wrap(two_heads.module, classes=two_heads.classes, collate_documents=two_heads.collate,
                    example=documents, head=head)  # fmt: skip
        expected = reach(read(view, documents)).frame
        own = result.frame[result.frame["heads"] == f"head {head}"].reset_index(drop=True)
        for name in ("margin", "margin_least", "margin_most", "spread_used"):
            assert np.allclose(own[name], expected[name], atol=1e-4, equal_nan=True), name
        assert (own["unflippable"] == expected["unflippable"]).all()
        for name in ("fewest_weights", "fewest_words_least", "fewest_words_most"):
            assert np.array_equal(own[name], expected["smallest_erasure"], equal_nan=True)
        assert (own["status"] == "exact").all()


def test_what_all_heads_can_do_is_done_by_the_model(two_heads, documents, heads_read, result) -> None:
    """All heads on the words of least lead give the smallest margin; a decision is flipped there unless unflippable."""
    rows = result.frame[result.frame["heads"] == ALL].set_index("document")
    assert set(rows["unflippable"]) == {True, False}
    for part in heads_read.batches:
        rival, predicted = part.logits.topk(2).indices[:, 1], part.logits.argmax(-1)
        each = torch.arange(len(rival))
        lead = (part.votes.transpose(1, 3)[each, predicted] - part.votes.transpose(1, 3)[each, rival]).transpose(1, 2)
        least = lead.masked_fill(~part.is_word[:, None], torch.inf).argmin(-1)
        corner = torch.nn.functional.one_hot(least, part.is_word.shape[1]).float()
        with torch.no_grad():
            logits = logits_under_heads(two_heads, part.batch, corner[:, None])[:, 0]
        for i, document in enumerate(part.batch.documents):
            row = rows.loc[document.id]
            margin = float(logits[i, predicted[i]] - logits[i, rival[i]])
            assert margin == pytest.approx(row["margin_least"], abs=1e-4)
            assert (margin < 0) != row["unflippable"]


def test_together_they_can_do_what_any_of_them_can(result) -> None:
    frame = result.frame.set_index(["document", "heads"])
    together = frame.xs(ALL, level="heads")
    for head in ("head 0", "head 1"):
        alone = frame.xs(head, level="heads").loc[together.index]
        assert (together["margin_least"] <= alone["margin_least"] + 1e-9).all()
        assert not (together["unflippable"] & ~alone["unflippable"]).any()
        assert (together["fewest_weights"].fillna(99) <= alone["fewest_weights"].fillna(99)).all()
    assert (together["fewest_words_least"].fillna(99) <= together["fewest_words_most"].fillna(99)).all()
    assert (frame["status"].eq("exact") | frame.index.get_level_values("heads").str.startswith(ALL)).all()


def test_the_summary_counts_what_never_changes_as_one(result, documents) -> None:
    summary = result.summary().set_index(["heads", "quantity"])
    own = result.frame[result.frame["heads"] == ALL]
    fraction = (own["fewest_weights"] / (2 * own["words"])).fillna(1.0)
    assert summary.loc[(ALL, "fraction_of_weights"), "estimate"] == pytest.approx(fraction.mean())
    assert summary.loc[(ALL, "unflippable"), "estimate"] == pytest.approx(own["unflippable"].mean())
    assert (summary["n"] + summary["undefined"] == len(documents)).all()


def test_it_is_saved_and_read_back(result, tmp_path) -> None:
    again = Result.load(result.save(tmp_path))
    assert again.frame.equals(result.frame)
    assert again.settings["heads"] == 2


def test_what_is_not_affine_and_nothing_at_all_are_refused(not_affine, planted) -> None:
    with pytest.raises(ValueError, match="not affine in the attention of the heads at site"):
        head_reach(read(not_affine, planted.test[:8]))
    with pytest.raises(ValueError, match="no documents"):
        read_heads(read(not_affine, []))
