"""Words counted for the decision that speak against it: by hand, the laws, and words planted for and against."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attn_interp.attribution.attribution import Attribution
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.experiments.reading import read
from attn_interp.experiments.why.polarity import VALUES, polarity

LEAVE_ONE_OUT = "leave-one-out"
OF_DELETION = [name for name in VALUES if name.startswith("deletion")]


@pytest.fixture(scope="module")
def frame(reading):
    return polarity(reading.only(reading.documents[:20])).frame.set_index(["document", "method"])


def shares(weights: np.ndarray, effect: np.ndarray) -> list[float]:
    """One document, word by word."""
    counted = [t for t in range(len(weights)) if weights[t] > 0]
    if not counted:
        return [np.nan] * 3
    against = [t for t in counted if effect[t] < -1e-5]
    first = max(counted, key=lambda t: weights[t])
    total = sum(weights[t] for t in counted)
    return [len(against) / len(counted), sum(weights[t] for t in against) / total, float(first in against)]


def test_by_hand(reading, frame) -> None:
    model, of, compared = reading.model, reading.only(reading.documents[:20]), 0
    for batch, found in of.attributions(["gradient x input (detached)"]):
        for row, document in enumerate(batch.batch.documents):
            decision = int(batch.predicted[row])
            own = model.logits(document).double().softmax(-1)[0, decision]
            without = [
                model.logits(delete_words(document, {t})).double().softmax(-1)[0, decision]
                for t in range(len(document))
            ]
            deletion = np.array([float(own - each) for each in without]) / float(own * (1 - own))
            with torch.no_grad():
                alone = model.logits_under(model.batch([document]), torch.eye(len(document))[None])[0]
            vote = (alone[:, decision] - alone[:, 1 - decision]).numpy()
            gradient = found["gradient x input (detached)"].values[row, : len(document)].numpy()
            weights = {
                "attention": batch.weights[row, : len(document)].numpy(),
                "gradient x input (detached)": gradient,
                "|gradient x input (detached)|": abs(gradient),
            }
            for name, own_weights in weights.items():
                told = frame.loc[document.id, name]
                for effect, values in (("deletion", deletion), ("vote", vote)):
                    if (abs(abs(values) - 1e-5) > 1e-6).all():  # none near to what is taken as no effect
                        got = [told[f"{effect}_{part}"] for part in ("words", "weight", "top")]
                        assert got == pytest.approx(shares(own_weights, values), abs=1e-6, nan_ok=True)
                        compared += 1
                assert told["counted"] == (own_weights > 0).mean()
    assert compared > 100  # of 120


def test_leave_one_out_is_never_against_itself_and_its_size_is_where_words_oppose(frame) -> None:
    own = frame.xs(LEAVE_ONE_OUT, level="method")
    assert (own[OF_DELETION].fillna(0) == 0).all(axis=None)
    size = frame.xs(f"|{LEAVE_ONE_OUT}|", level="method")
    assert (size["deletion_words"] > 0).any()
    assert frame.xs("attention", level="method")["counted"].eq(1).all()


def test_what_turns_every_sign_is_against_all_that_opposes(reading) -> None:
    """The effect with its sign turned counts for the decision just what opposes it."""

    def turned(model, batch, classes) -> Attribution:
        values = next(iter(read(model, batch.documents, progress=False).attributions([LEAVE_ONE_OUT])))[1]
        return Attribution(-values[LEAVE_ONE_OUT].values)

    few = read(reading.model, reading.documents[:1], progress=False)
    found = polarity(few, methods={"turned": turned}).frame.set_index("method").loc["turned"]
    assert (found[OF_DELETION].dropna() == 1).all() and len(found[OF_DELETION].dropna()) == 3


def test_words_for_and_against_the_decision(three_model, three) -> None:
    """Two classes' keywords in one text: attention counts both, and the rival's speaks against the decision."""
    assert three_model.trained is not None
    documents = [
        Document(id=f"d{row}", words=("wonderful", *each.words, "awful")) for row, each in enumerate(three.test[:12])
    ]
    found = polarity(read(three_model, documents, progress=False), methods=["attention x projection"])
    frame = found.frame.set_index(["document", "method"])
    attention = frame.xs("attention", level="method")
    assert (attention["vote_words"] > 0).mean() > 0.8
    projection, size = (
        frame.xs(name, level="method") for name in ("attention x projection", "|attention x projection|")
    )
    assert projection["vote_weight"].mean() < size["vote_weight"].mean()
    assert (
        size["vote_words"] - attention["vote_words"]
    ).abs().max() < 1e-9  # an absolute value has the sign of attention


def test_votes_need_an_affine_readout_and_one_word_has_no_deletion(not_affine, model, planted) -> None:
    result = polarity(read(not_affine, planted.test[:4], progress=False), methods=[])
    frame = result.frame
    assert not result.summary()["quantity"].str.startswith("vote").any() and result.verdict() == ["not decided"]
    assert frame[["vote_words", "vote_weight", "vote_top"]].isna().all(axis=None)
    assert frame[OF_DELETION].notna().all(axis=None)
    documents = [Document(id="one", words=planted.test[0].words[:1]), *planted.test[:3]]
    one = polarity(read(model, documents, progress=False), methods=[]).frame.iloc[0]
    assert one[OF_DELETION].isna().all() and one["vote_top"] in (0.0, 1.0)


def test_a_sample_of_the_words_counts_for_those_it_has(reading) -> None:
    found = polarity(reading.only(reading.documents[:4]), methods=["leave-one-out (sampled)", "attention pushed back"])
    assert found.settings["methods"] == [
        "leave-one-out (sampled)",
        "attention pushed back",
        "|leave-one-out (sampled)|",
    ]
    own = found.frame[found.frame["method"] == "leave-one-out (sampled)"]
    assert (own["deletion_words"].fillna(0) == 0).all()
