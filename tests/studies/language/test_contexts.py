"""What a study of answers from contexts cannot be is refused before anything is trained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attn_interp.studies.language.contexts import ContextStudy, run_contexts


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
