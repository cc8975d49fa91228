"""Imitators: the objective in closed form, what is free to learn, and a curve that rises with its strength."""

import math
from dataclasses import replace

import pytest
import torch

from attn_interp.data.batch import collate
from attn_interp.data.load import load
from attn_interp.measures.divergence import jsd, kl, tvd
from attn_interp.models.classifiers.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.training.imitating import (
    ATTENTION,
    ATTENTION_AND_HEAD,
    FULL,
    BaseOutputs,
    Imitation,
    Outputs,
    base_outputs,
    imitate,
    sweep,
)

CORPUS = load("planted", documents=300, least_length=4, most_length=9, seed=2)
QUICK = TrainingSettings(epochs=5, patience=5, learning_rate=0.02)


@pytest.fixture(scope="module")
def base() -> Trained:
    settings = ClassifierSettings(embedding_width=10, hidden=4, dropout=0.1)
    return fit_classifier(CORPUS, settings, replace(QUICK, epochs=8), seed=1, progress=False)


def outputs(trained: Trained) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities (N, C) and attention (N, W), document by document, from the plain model."""
    batch = collate(CORPUS.test, trained.vocabulary)
    with torch.no_grad():
        found = Outputs.of(trained.module, batch)
    return found.probabilities.double(), (found.log_attention.exp() * batch.is_word).double()


def test_the_objective_is_tvd_minus_lambda_kl_of_the_imitator_from_the_base(base) -> None:
    other = fit_classifier(CORPUS, base.settings, replace(QUICK, epochs=1), seed=7, progress=False)
    batch = collate(CORPUS.test, base.vocabulary)
    given = Outputs.of(base.module, batch)
    by_id = {
        document.id: (p.detach(), a[words].detach())
        for document, p, a, words in zip(batch.documents, given.probabilities, given.log_attention, batch.is_word)
    }
    (p, a), (q, b) = outputs(other), outputs(base)
    assert torch.allclose(tvd(p, q), (p - q)[:, 1].abs())  # the true distance, not half of it
    for strength in (0.0, 0.3):
        expected = tvd(p, q) - strength * kl(a, b)
        objective = Imitation(BaseOutputs(by_id), strength)
        found, same = objective.losses(other.module, batch)
        assert torch.allclose(found.double(), expected, atol=1e-5)
        assert same.tolist() == (p.argmax(1) == q.argmax(1)).tolist()
        assert objective.loss(other.module, batch).item() == pytest.approx(float(expected.mean()), abs=1e-5)
    assert not torch.allclose(kl(a, b), kl(b, a), rtol=0.05)


@pytest.mark.parametrize(
    ("free", "fixed"), [(ATTENTION, ("embedding", "encoder", "head")), (ATTENTION_AND_HEAD, ("embedding", "encoder"))]
)
def test_only_what_is_free_learns(base, free, fixed) -> None:
    before = {name: value.clone() for name, value in base.module.state_dict().items()}
    found = imitate(base, CORPUS, 0.05, free, replace(QUICK, epochs=2), progress=False)
    after = found.trained.module.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if not name.startswith(fixed)}
    assert all(torch.equal(value, before[name]) for name, value in base.module.state_dict().items())
    assert all(parameter.requires_grad for parameter in found.trained.module.parameters())
    assert found.trained.settings == replace(base.settings, dropout=0.0)
    assert base.module.dropout.p == 0.1


def test_states_that_are_kept_change_no_imitator_and_are_kept_within_their_bound(base) -> None:
    words = sum(len(document) for document in (*CORPUS.train, *CORPUS.dev))
    size = words * base.settings.state_width * 4
    kept, none = base_outputs(base, CORPUS, size), base_outputs(base, CORPUS, size - 1)
    assert kept.states is not None
    assert sum(len(states) for states in kept.states.values()) == words
    assert none.states is None
    short = replace(QUICK, epochs=3)
    for free in (ATTENTION, ATTENTION_AND_HEAD):
        first, second = (imitate(base, CORPUS, 0.2, free, short, 5, None, False, given) for given in (kept, none))
        for one, other in zip(first.trained.history, second.trained.history, strict=True):
            assert (one.train_loss, one.dev_loss) == pytest.approx((other.train_loss, other.dev_loss), abs=1e-6)
            assert one.dev_accuracy == other.dev_accuracy
        assert torch.allclose(outputs(first.trained)[1], outputs(second.trained)[1], atol=1e-4)


def test_an_encoder_that_is_not_the_bases_is_run_itself(base) -> None:
    short = replace(QUICK, epochs=1)
    start = imitate(base, CORPUS, 0.5, FULL, QUICK, seed=3, progress=False).trained
    given = base_outputs(base, CORPUS)
    kept = imitate(base, CORPUS, 0.2, ATTENTION, short, 3, start, False, given).trained
    none = imitate(base, CORPUS, 0.2, ATTENTION, short, 3, start, False, replace(given, states=None)).trained
    assert kept.history == none.history


def test_an_interrupted_imitation_goes_on_where_it_stopped(base, tmp_path) -> None:
    state = tmp_path / "imitator.state"
    whole = imitate(base, CORPUS, 0.1, FULL, replace(QUICK, epochs=3), seed=4, progress=False).trained

    class Killed(Exception):
        pass

    class Objective(Imitation):
        def judge(self, module, vocabulary, documents):
            if state.exists():
                raise Killed
            return super().judge(module, vocabulary, documents)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Killed):
        patched.setattr("attn_interp.models.training.imitating.Imitation", Objective)
        imitate(base, CORPUS, 0.1, FULL, replace(QUICK, epochs=3), seed=4, progress=False, resume=state)
    again = imitate(base, CORPUS, 0.1, FULL, replace(QUICK, epochs=3), seed=4, progress=False, resume=state).trained
    assert again.history == whole.history
    assert torch.equal(outputs(again)[1], outputs(whole)[1])


def test_a_sweep_leads_to_other_attention_at_the_same_outputs(base) -> None:
    q, b = outputs(base)
    reached = {}
    for free in (ATTENTION, FULL):
        curve = sweep(base, CORPUS, (0.02, 1.0), free, QUICK, seed=3, progress=False)
        assert [each.strength for each in curve] == [1.0, 0.02]
        points = [(float(jsd(a, b).mean()), float(tvd(p, q).mean())) for p, a in (outputs(e.trained) for e in curve)]
        assert points[1][1] < points[0][1] + 0.01  # the outputs come closer
        reached[free] = points
    assert reached[FULL][1][1] < 0.05  # the outputs are kept
    assert reached[FULL][1][0] > 0.3  # with other attention
    assert all(0 <= x <= math.log(2) and 0 <= y <= 1 for points in reached.values() for x, y in points)


def test_the_same_seed_gives_the_same_imitator_and_a_checkpoint_keeps_it(base, tmp_path) -> None:
    short = replace(QUICK, epochs=1)
    one, two, other = (imitate(base, CORPUS, 0.05, FULL, short, seed, progress=False).trained for seed in (4, 4, 5))
    first = outputs(one)[1]
    assert torch.equal(first, outputs(two)[1])
    assert not torch.equal(first, outputs(other)[1])
    save_checkpoint(one, tmp_path / "imitator")
    assert torch.equal(outputs(load_checkpoint(tmp_path / "imitator"))[1], first)


def test_a_warm_start_goes_on_from_where_the_other_ended(base) -> None:
    still = replace(QUICK, epochs=1, learning_rate=1e-9)
    first = imitate(base, CORPUS, 0.05, FULL, QUICK, seed=3, progress=False).trained
    second = imitate(base, CORPUS, 0.1, FULL, still, seed=3, start=first, progress=False).trained
    assert torch.allclose(outputs(first)[1], outputs(second)[1], atol=1e-4)


def test_wrong_input_is_named(base) -> None:
    with pytest.raises(ValueError, match="free: got 'head', expected one of 'attention', 'attention and head', 'full'"):
        imitate(base, CORPUS, 0.1, "head", progress=False)
    with pytest.raises(ValueError, match="strength: got -1, expected at least 0"):
        imitate(base, CORPUS, -1, progress=False)
    settings = replace(base.settings, pooling="mean")
    mean = fit_classifier(CORPUS, settings, replace(QUICK, epochs=1), progress=False)
    with pytest.raises(TypeError, match="MeanPooling"):
        imitate(mean, CORPUS, 0.1, progress=False)
    two = fit_classifier(CORPUS, replace(base.settings, heads=2), replace(QUICK, epochs=1), progress=False)
    with pytest.raises(ValueError, match="has 2 attention heads, expected one"):
        imitate(two, CORPUS, 0.1, progress=False)
