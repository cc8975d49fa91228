"""Studies of answers from contexts: what cannot be is refused before anything is trained, and what decides a model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from attn_interp.data.load import load
from attn_interp.models.language.contexts.small_reader import ReaderSettings, small_reader
from attn_interp.studies.language import contexts
from attn_interp.studies.language.contexts import ContextCell, ContextStudy, run_contexts


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ablations": 7}, "ablations: got 7, expected at least 8"),
        ({"documents": 0}, "documents: got 0, expected at least 1"),
        ({"stories": 5}, "stories: got 5, expected at least 20"),
        ({"question": " "}, "question: got ' ', expected a text with a word in it"),
    ],
)
def test_sizes_and_questions_that_there_are_not(given, message) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ContextStudy(**given)


def test_a_language_model_needs_a_corpus(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the model 'smollm2' is asked about the texts of a corpus, and none is named"):
        run_contexts(ContextStudy("smollm2"), None, {}, range(1), tmp_path)
    assert not any(tmp_path.iterdir())


def test_another_prompt_or_text_is_another_model_and_other_contexts_are_not(tmp_path: Path) -> None:
    """Cells of one model share what is decided alike, so what decides the answers must be in its name."""
    texts = ["It is good. Go and see it. We did.", "It is bad. Stay at home. We did not."] * 12
    corpus, other = (load([f"{start} {text}" for text in texts], labels=["a", "b"] * 12) for start in ("So.", "Oh."))
    assert corpus.name == other.name
    study = ContextStudy("some-model")
    name = ContextCell(study, corpus).model_name()
    assert ContextCell(replace(study, documents=3, question="Who?"), corpus).model_name() == name
    assert ContextCell(replace(study, prompt="{text} {second}"), corpus).model_name() != name
    assert ContextCell(study, other).model_name() != name


def test_the_answers_of_others_are_learned_from_in_the_shuffled_reader_alone(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("transformers")
    learned = []

    def watched(stories, *given):
        learned.append([each.answer for each in stories])
        return small_reader(stories, ReaderSettings(layers=1, width=8, heads=2, steps=1, batch=2), progress=False)

    monkeypatch.setattr(contexts, "small_reader", watched)
    corpus = load("facts", documents=60)
    for shuffled in (False, True):
        cell = ContextCell(ContextStudy(shuffled=shuffled), corpus)
        _ = cell.work(tmp_path / cell.model_name(), False).model
    known = [corpus.classes[document.label] for document in corpus.train]
    assert learned[0] == known and learned[1] != known and sorted(learned[1]) == sorted(known)
