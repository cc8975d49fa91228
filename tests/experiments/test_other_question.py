"""The same text under another question: by hand, where the other is known, and where nothing can be asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import attn_interp as ai
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.experiments.other_question import other_question, why_not
from attn_interp.experiments.reading import Reading, read
from attn_interp.measures.divergence import tvd

STORY = ("Ann", "is", "in", "the", "garden", ".", "Bob", "is", "in", "the", "hall")
OF_ANN, OF_BOB = (1.0,) * 5 + (0.0,) * 6, (0.0,) * 6 + (1.0,) * 5


def pairs() -> list[Document]:
    asked = [Document(words=("Where", "is", name)) for name in ("Ann", "Bob")]
    two = [
        Document(words=STORY, id=f"d{index}", second=second, rationales=[marks])
        for index, (second, marks) in enumerate(zip(asked, (OF_ANN, OF_BOB)))
    ]
    others = [Document(words=STORY[row:], id=f"e{row}", second=asked[row % 2]) for row in range(1, 9)]
    return [*two, *others]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    documents = [
        replace(each, words=(*each.words, *["still"] * copy), rationales=(), id=f"{each.id}-{copy}")
        for copy in range(1, 4)
        for each in pairs()
    ]
    return ai.load(documents, labels=["garden", "hall"] * 15)


@pytest.fixture(scope="module")
def reading(corpus) -> Reading:
    sizes = {"embedding_width": 6, "hidden": 4, "epochs": 6, "learning_rate": 0.05, "dropout": 0.0}
    return read(ai.train(corpus, progress=False, **sizes), pairs(), progress=False)


def test_by_hand(reading) -> None:
    frame = other_question(reading).frame.set_index("document")
    model, known = reading.model, {each.id: each for each in reading.documents}
    for name, row in frame.iterrows():
        own, other = known[name], known[row["other"]]
        assert own.second.words != other.second.words
        runs = [model.run(model.batch([replace(own, second=second)])) for second in (own.second, other.second)]
        weights = [run.weights[0].double() for run in runs]
        assert row["attention_tvd"] == pytest.approx(float(tvd(*weights)), abs=1e-6)
        outputs = [run.logits[0].double().softmax(-1) for run in runs]
        assert row["output_tvd"] == pytest.approx(float(tvd(*outputs)), abs=1e-6)
        assert row["decision_flip"] == bool(outputs[0].argmax() != outputs[1].argmax())
        if own.rationales:
            marked = torch.tensor(own.rationales[0]).bool()
            assert row["on_marked"] == pytest.approx(float(weights[0][marked].sum()), abs=1e-6)
            assert row["left"] == pytest.approx(float((weights[0] - weights[1])[marked].sum()), abs=1e-6)
            there = torch.tensor(other.rationales[0]).bool()
            assert row["found"] == pytest.approx(float((weights[1] - weights[0])[there].sum()), abs=1e-6)
        else:
            assert np.isnan(row["on_marked"]) and np.isnan(row["found"])


def test_the_same_story_is_asked_the_other_question_about_it(reading) -> None:
    frame = other_question(reading).frame.set_index("document")
    assert (frame.loc["d0", "other"], frame.loc["d1", "other"]) == ("d1", "d0")
    again = other_question(reading.only(reading.documents[::-1])).frame.set_index("document")
    assert frame["attention_tvd"].loc[["d0", "d1"]].tolist() == pytest.approx(
        again["attention_tvd"].loc[["d0", "d1"]].tolist(), abs=1e-6
    )


def test_attention_that_ignores_the_question_does_not_move(corpus) -> None:
    uniform = ai.train(corpus, attention="uniform", embedding_width=4, hidden=4, epochs=1, progress=False)
    result = other_question(read(uniform, pairs(), progress=False))
    assert (result.frame["attention_tvd"] < 1e-6).all() and (result.frame["output_tvd"] > 0).any()
    assert result.verdict() == ["attention hardly depends on the question (below 0.1)"]


def test_what_it_needs(reading, model, planted) -> None:
    assert "no second text" in why_not(read(model, planted.test[:2], progress=False))
    alike = read(reading.model, [pairs()[0]], progress=False)
    with pytest.raises(ValueError, match="all second texts are the same"):
        other_question(alike)
