"""Sources of a decision: closed forms on classifiers, and prompts written without a sentence for answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import attn_interp as ai
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.experiments.reading import read
from attn_interp.experiments.record.over_seeds import over_seeds
from attn_interp.experiments.sources.ablations import Effects, subsets
from attn_interp.experiments.sources.learned import datamodelling_score
from attn_interp.experiments.sources.sources import LEARNED, LEAVE_ONE_OUT, ORDER, RANDOM, SURROGATE, sources
from attn_interp.figures.sources import sources as figure
from attn_interp.models.language.contexts.answering_door import answering
from attn_interp.models.language.contexts.asked_document import Asked
from attn_interp.models.language.contexts.rows_of_answer import rows_of_answer
from attn_interp.models.language.contexts.small_reader import STORY, ReaderSettings, small_reader


@pytest.fixture(scope="module")
def of_words(model, planted):
    return read(model, planted.test[:12], progress=False)


@pytest.fixture(scope="module")
def of_words_result(of_words):
    return sources(of_words, ablations=32)


@pytest.fixture(scope="module")
def of_answers():
    """A reader that has learned little, on stories of which one sentence is marked."""
    pytest.importorskip("transformers")
    rooms, persons = ("attic", "cellar", "porch"), ("Ada", "Ben", "Cleo")
    draw = np.random.default_rng(0)
    stories = []
    for number in range(12):
        told = draw.permutation(3)
        lines = [f"{persons[who]} is in the {rooms[int(draw.integers(3))]} ." for who in told]
        asked = int(draw.integers(3))
        room = lines[asked].split()[-2]
        marked = [1.0 if line == asked else 0.0 for line in range(3) for _ in lines[line].split()]
        question = f"Where is {persons[told[asked]]} ?"
        words = tuple(" ".join(lines).split())
        stories.append(Asked(question=question, words=words, answer=room, id=str(number), rationales=[marked]))
    small = ReaderSettings(layers=2, width=16, heads=2, steps=40, batch=8, rate=0.01)
    model = answering(*small_reader(stories, small, progress=False), prompt=STORY)
    return read(model, stories, units="sentence", progress=False)


@pytest.fixture(scope="module")
def of_answers_result(of_answers):
    return sources(of_answers, ablations=8)


def test_effects_are_runs_on_the_edited_document(model, planted) -> None:
    document = planted.test[0]
    whole = float(model.logits([document]).double().log_softmax(-1)[0, 1])
    effects = Effects(model, document, 1, whole)
    kept = subsets(document, 9, 3, "told")
    edited = [delete_words(document, np.flatnonzero(~row).tolist()) for row in kept]
    expected = [float(model.logits([each]).double().log_softmax(-1)[0, 1]) for each in edited]
    assert effects.of(kept) == pytest.approx(expected, abs=1e-6)
    lacking = effects.without_each()
    for place in range(len(document)):
        own = float(model.logits([delete_words(document, {place})]).double().log_softmax(-1)[0, 1])
        assert lacking[place] == pytest.approx(whole - own, abs=1e-6)
    scores = np.arange(len(document), dtype=float)
    shorter = delete_words(document, {len(document) - 1, len(document) - 2})
    expected_fall = whole - float(model.logits([shorter]).double().log_softmax(-1)[0, 1])
    assert effects.fall(scores, 2) == pytest.approx(expected_fall, abs=1e-6)
    assert np.isnan(effects.fall(scores, len(document)))


def test_scores_of_a_classifier_with_one_head(of_words, of_words_result) -> None:
    frame = of_words_result.frame
    assert list(dict.fromkeys(frame["score"])) == [name for name in ORDER if name in set(frame["score"])]
    assert LEARNED not in set(frame["score"])  # one head: nothing to combine
    first = frame[frame["document"] == of_words.documents[0].id].set_index("score")
    assert first["log_probability"].iloc[0] == pytest.approx(float(np.log(of_words.probabilities()[0].max())), abs=1e-6)
    assert first.loc[LEAVE_ONE_OUT, "passes"] == "1 for each source"
    assert (frame.groupby("document")["lds_gain"].apply(lambda own: (own == 0).sum()) >= 1).all()
    means = frame.groupby("score")["lds"].mean()
    assert means[LEAVE_ONE_OUT] > 0.8 and means[SURROGATE] > 0.7 and means[RANDOM] < 0.5


def test_rows_of_answers(of_answers, of_answers_result) -> None:
    frame = of_answers_result.frame
    assert set(frame["score"]) == set(ORDER) and len(frame) == 12 * len(ORDER)
    assert (frame["predicted"] == "this answer").all() and (frame["words"] == 3).all()
    assert of_answers_result.settings["unit"] == "sentence" and "{second}" in of_answers_result.settings["prompt"]
    document = of_answers.documents[0]
    without = of_answers.model.logits([delete_words(document, {place}) for place in range(3)])[:, 1]
    own = float(of_answers.model.logits([document])[0, 1])
    found = frame[(frame["document"] == document.id) & (frame["score"] == LEAVE_ONE_OUT)].iloc[0]
    assert found["log_probability"] == pytest.approx(own, abs=1e-6)
    assert found["fall_1"] == pytest.approx(float((own - without).max()), abs=1e-5)
    assert np.isnan(found["fall_3"])  # nothing would be left
    marked = np.array(document.rationales[0]) > 0
    assert marked.sum() == 1
    assert found["marked_first"] == float(marked[int((own - without).argmax())])
    place = int(torch.argsort(own - without, descending=True).tolist().index(int(marked.argmax())))
    assert found["average_precision"] == pytest.approx(1 / (place + 1))


def test_layers_and_heads_alone(of_answers, of_answers_result) -> None:
    result = sources(of_answers, ablations=8, heads=True)
    frame = result.frame
    plain = frame[frame["score"].isin(ORDER)].reset_index(drop=True)
    pd.testing.assert_frame_equal(plain, of_answers_result.frame)
    heads = [f"layer {layer}, head {head}" for layer in range(2) for head in range(2)]
    assert set(frame["score"]) - set(ORDER) == {"layer 0", "layer 1", *heads}
    (batch,) = [each for each in of_answers.batches if 0 in each.rows]
    rows = rows_of_answer(of_answers.model, batch.batch)
    weights = rows.mean(rows.weights)[batch.rows.index(0)].double().numpy()  # (N, S)
    document = of_answers.documents[0]
    kept = subsets(document, 8, of_answers.seed, "measured on")
    whole = float(of_answers.model.logits([document])[0, 1])
    real = Effects(of_answers.model, document, 1, whole).of(kept)
    own = frame[frame["document"] == document.id].set_index("score")["lds"]
    for name, score in {"layer 1, head 0": weights[2], "layer 0": weights[:2].mean(0)}.items():
        assert own[name] == pytest.approx(datamodelling_score(score, kept, real), nan_ok=True)
    assert len(figure.drawn(result)) == len(figure.drawn(of_answers_result))


def test_the_figure_draws_the_summary(of_answers_result, of_words_result) -> None:
    rows = figure.drawn(of_answers_result)
    assert list(dict.fromkeys(rows.panel)) == ["lds", "fall_1", "average_precision"]
    assert rows.series.tolist() == [*ORDER, *ORDER, *ORDER]
    pooled = over_seeds({0: of_answers_result, 1: of_answers_result})
    assert figure.drawn(pooled).series.tolist() == [*ORDER, *ORDER, *ORDER]
    summary = of_answers_result.summary().set_index(["score", "quantity"])["estimate"]
    for row in rows.to_dict("records"):
        assert row["x"] == pytest.approx(summary[row["series"], row["panel"]], nan_ok=True)
    assert figure.plot(of_answers_result).get_xlabel().startswith("linear datamodelling")
    assert len(figure.figure(of_words_result).axes) in (2, 3) and "sentences" in figure.caption(of_answers_result)
    with pytest.raises(ValueError, match="no panel 'tau'; there are lds, fall_1"):
        figure.plot(of_answers_result, panel="tau")


def test_a_document_of_one_source_says_so_and_too_few_teach_nothing(of_answers, model) -> None:
    short = Asked("Ada is here .", "Where?", "here")
    alone = read(of_answers.model, [of_answers.documents[0], short], units="sentence")
    frame = sources(alone, ablations=8).frame
    assert set(frame[frame["words"] == 1]["reason"]) == {"it has one source"}
    learned = frame[(frame["score"] == LEARNED) & (frame["words"] == 3)]
    assert learned["reason"].tolist() == ["too few other documents to learn from"] and learned["lds"].isna().all()
    with pytest.raises(ValueError, match="no document has two sources"):
        sources(read(model, [Document("good", 1)]))
    with pytest.raises(ValueError, match="ablations is 2, expected at least 8"):
        sources(alone, ablations=2)


def test_of_answers_what_can_be_asked_is_asked_and_sources_by_default(of_answers, of_words) -> None:
    few = of_answers.only(of_answers.documents[:10])
    answers = ai.ask(few)
    assert {"sources", "agreement", "sink", "plausibility", "other_question"} <= set(answers)
    told = [result.frame["predicted"] for result in answers.values() if "predicted" in result.frame]
    assert len(told) > 5 and {name for each in told for name in each} == {"this answer"}
    assert "near 0 whatever is done; see sources" in answers.reasons["erasure"]
    assert "by name alone" in ai.ask(of_words, None).reasons["sources"]
    assert ai.ask(few, ["erasure"]).overview()["status"].tolist() == ["left out"]
