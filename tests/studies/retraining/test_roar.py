"""Recursive ROAR: the words of a plain loop are removed, what the task needs is missed where it is known, and what
stands on disk is not trained again."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from attn_interp.data.corpora.planted import KEYWORDS
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.draws import generator
from attn_interp.data.load import load
from attn_interp.data.vocabulary import UNKNOWN
from attn_interp.experiments.reading import read
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training import fitting as training
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.transformers import fine_tuning
from attn_interp.models.transformers.fine_tuning import FineTuned, FineTuningSettings, save_fine_tuned
from attn_interp.models.wrap import wrap
from attn_interp.studies.deep import DeepStudy
from attn_interp.studies.retraining.roar import ranking, removed_and_retrained, run_roar

CORPUS = load("planted", documents=200, least_length=5, most_length=9, seed=2)
OWN = ClassifierSettings(encoder="average", embedding_width=6, hidden=6, dropout=0.0)
TRAINING = TrainingSettings(epochs=6, patience=6, learning_rate=0.05)


def fit(corpus: Corpus, name: str) -> AttentionModel:
    return wrap(fit_classifier(corpus, OWN, TRAINING, progress=False))


@pytest.mark.filterwarnings("ignore:read. the model does not know")
@pytest.mark.parametrize("method", ["attention", "gradient x input"])
def test_the_words_of_a_plain_loop_are_removed(method: str) -> None:
    few = replace(CORPUS, splits={split: documents[:20] for split, documents in CORPUS.splits.items()})
    given: list[Corpus] = []

    def seen(corpus: Corpus, name: str) -> AttentionModel:
        given.append(corpus)
        return fit(corpus, name)

    frame = removed_and_retrained(few, seen, ranking(method), (0.5, 0.2), seed=4)
    texts = {each.id: list(each.words) for own in few.splits.values() for each in own}
    for corpus, share in zip(given[:2], (0.2, 0.5)):
        model = fit(corpus, "")
        for documents in corpus.splits.values():
            for document in documents:
                (batch,) = read(model, [document], progress=False).batches
                values = batch.weights[0]
                if method != "attention":
                    ((_, found),) = read(model, [document], progress=False).attributions([method])
                    values = found[method].values[0].abs()
                text, drawn = texts[document.id], generator(4, f"roar {document.id}").random(len(document))
                while sum(word == UNKNOWN for word in text) < math.ceil(share * len(text)):
                    open_ = [place for place, word in enumerate(text) if word != UNKNOWN]
                    text[max(open_, key=lambda place: (float(values[place]), -drawn[place]))] = UNKNOWN
        after = given[1 if share == 0.2 else 2]
        for documents in after.splits.values():
            assert all(list(document.words) == texts[document.id] for document in documents)
    assert {word for own in given[3].splits.values() for each in own for word in each.words} == {UNKNOWN}
    assert list(frame["share"].unique()) == [0.0, 0.2, 0.5, 1.0]
    last = frame[frame["share"] == 0.5].set_index("document")
    for document in given[2].test:
        assert last.loc[document.id, "removed"] == sum(word == UNKNOWN for word in document.words)
    chances = fit(given[2], "").logits(given[2].test).double().softmax(-1)
    labels = torch.tensor([document.label for document in given[2].test])
    assert torch.equal(torch.tensor(last["probability_label"].to_numpy()), chances[range(len(labels)), labels])


def by_keyword(model: AttentionModel, documents: tuple[Document, ...]) -> list[torch.Tensor]:
    return [torch.tensor([float(word in KEYWORDS.values()) for word in document.words]) for document in documents]


def test_without_the_keyword_there_is_chance_and_without_random_words_there_is_not() -> None:
    """A fifth of five to nine words is one or two: the keyword and perhaps another, or mostly others."""
    for scored, low, high in ((by_keyword, 0.0, 0.7), (ranking("attention"), 0.0, 0.7), (ranking("random"), 0.75, 1.0)):
        right = removed_and_retrained(CORPUS, fit, scored, (0.2,)).groupby("share")["correct"].mean()
        assert right[0.0] > 0.95 and low <= right[0.2] <= high


def test_what_cannot_be_removed_is_said() -> None:
    with pytest.raises(ValueError, match=r"roar: got shares \[0.5, 1\], expected some between 0 and 1"):
        removed_and_retrained(CORPUS, fit, by_keyword, (0.5, 1))
    with pytest.raises(ValueError, match=r"roar: got shares \[0.0\], expected"):
        run_roar(DeepStudy(own=OWN), CORPUS, [0], None, shares=[0.0])
    with pytest.raises(ValueError, match="roar: removes words by hiding them, and this model has no mask"):
        removed_and_retrained(CORPUS, lambda *given: replace(fit(*given), mask_word=None), by_keyword, (0.5,))
    with pytest.raises(ValueError, match=r"attribution method 'votess' is not one of .*did you mean 'votes'"):
        run_roar(DeepStudy(own=OWN), CORPUS, [0], None, ["votess"])
    with pytest.raises(ValueError, match="roar: minilm is trained again and again; say how it is fine-tuned"):
        run_roar(DeepStudy("minilm"), CORPUS, [0], None)


def test_what_stands_on_disk_is_not_trained_again(tmp_path, monkeypatch) -> None:
    few = replace(CORPUS, splits={split: documents[:20] for split, documents in CORPUS.splits.items()})
    study = DeepStudy(own=OWN, training=replace(TRAINING, epochs=1))
    asked = [few, (0, 1), tmp_path, ("attention", "random"), (0.5,)]
    result = run_roar(study, *asked)
    assert len(list((tmp_path / "models").glob("*/*/settings.json"))) == 2 * 4  # whole, none, and one of each method
    assert (tmp_path / "roar.parquet").exists() and (tmp_path / "figures" / "roar.pdf").exists()
    assert result.settings["seeds"] == [0, 1] and len(result.frame) == 2 * 2 * 3 * len(few.test)

    def refuse(*arguments, **options) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(training, "fit", refuse)
    for path in tmp_path.rglob("roar.parquet"):
        path.unlink()
    assert run_roar(study, *asked).frame.equals(result.frame)


def test_a_transformer_is_fine_tuned_again_and_again(bert, tmp_path) -> None:
    """From where the named model stands each time; its documents are cut to what it reads."""
    pytest.importorskip("transformers")
    save_fine_tuned(bert, FineTuned(FineTuningSettings(), 0, (), 1, {}), tmp_path / "bert")
    few = replace(CORPUS, splits={split: documents[:12] for split, documents in CORPUS.splits.items()})
    long = Document(id="long", words=("the", "film") * 20, label=0)
    few = replace(few, splits={**few.splits, "test": (*few.test, long)})
    study = DeepStudy(str(tmp_path / "bert"), FineTuningSettings(epochs=1, batch_size=16), seed=0)
    result = run_roar(study, few, [3], tmp_path / "results", ("gradient x input", "random"), (0.5,))
    removed = result.frame.query("document == 'long' and method == 'random'").set_index("share")["removed"]
    assert dict(removed) == {0.0: 0, 0.5: 19, 1.0: 38}
    assert fine_tuning.MASKED == "masked"
