"""A small reader: it learns from the stories it is given, the same from the same seed."""

from __future__ import annotations

import pytest
import torch

import attn_interp as ai
from attn_interp.models.language.contexts.answering_door import answering
from attn_interp.models.language.contexts.asked_document import Asked
from attn_interp.models.language.contexts.small_reader import (
    STORY,
    ReaderSettings,
    as_asked,
    kept_reader,
    small_reader,
    word_tokenizer,
)

pytest.importorskip("transformers")
QUICK = ReaderSettings(layers=1, width=16, heads=2, steps=80, batch=16, rate=0.02)


def test_stories_become_contexts_with_the_room_as_answer() -> None:
    corpus = ai.load("facts", documents=20)
    for own, asked in zip(corpus.train, as_asked(corpus, corpus.train)):
        assert asked.answer == corpus.classes[own.label or 0] and asked.label is None
        assert (asked.words, asked.second, asked.rationales) == (own.words, own.second, own.rationales)


def test_it_learns_an_answer_that_is_always_the_same_and_the_end_behind_it() -> None:
    stories = [Asked(f"Ada is in room{n} .", "Where is Ben ?", answer="the attic", id=str(n)) for n in range(5)]
    module, tokenizer = small_reader(stories, QUICK, progress=False)
    model = answering(module, tokenizer, prompt=STORY)
    assert float(model.logits(stories)[:, 1].exp().min()) > 0.9
    unknown = [Asked("Ada is in room1 .", "Where is Ben ?", id="own")]
    (found,) = ai.read(model, unknown, progress=False).documents
    assert isinstance(found, Asked) and found.answer == "the attic"


def test_the_same_seed_gives_the_same_weights() -> None:
    stories = [Asked("Ada is here . Ben is out", "Where is Ada ?", answer="here")]
    short = ReaderSettings(layers=1, width=8, heads=2, steps=3, batch=2)
    modules = [small_reader(stories, short, seed, progress=False)[0] for seed in (0, 0, 1)]
    first, again, other = (torch.cat([each.flatten() for each in module.parameters()]) for module in modules)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_reader_is_made_once_and_kept_whole(tmp_path) -> None:
    stories = [Asked("Ada is here .", "Where is Ada ?", answer="here")]
    short = ReaderSettings(layers=1, width=8, heads=2, steps=1, batch=2)
    made = []

    def make():
        made.append(small_reader(stories, short, progress=False))
        return made[-1]

    (tmp_path / "reader.part").mkdir()  # of one that was killed
    module, tokenizer = kept_reader(tmp_path / "reader", make)
    again, _ = kept_reader(tmp_path / "reader", make)
    assert len(made) == 1 and tokenizer.tokenize("Ada is") == ["Ada", "is"]
    for own in (module, again):
        assert torch.equal(own.lm_head.weight, made[0][0].lm_head.weight)


def test_every_word_is_a_token() -> None:
    tokenizer = word_tokenizer([Asked("Ada went out .", "Where is Ada ?", answer="the attic")])
    assert tokenizer.tokenize("Story: Ada went out . unseen") == ["Story:", "Ada", "went", "out", ".", "[UNK]"]


def test_what_cannot_be_learned_from_is_named() -> None:
    with pytest.raises(ValueError, match="got no documents"):
        small_reader([])
    with pytest.raises(ValueError, match="document 'own': has no answer"):
        small_reader([Asked("Ada is here", "Where?", id="own")])
    with pytest.raises(ValueError, match="steps"):
        ReaderSettings(steps=0)
