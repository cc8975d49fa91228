"""The intra-attention of an LSTMN against a loop of its formulas, a plain LSTM, and what a recording shows of it."""

import pytest
import torch
from torch import nn

from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.models.classifiers.checkpoint import load_checkpoint, save_checkpoint
from attn_interp.models.classifiers.lstmn import LstmnEncoder
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.view import View
from attn_interp.models.wrap import wrap
from attn_interp.recording import intervene, record, replay, sites

B, T, E, D = 3, 7, 5, 4
LENGTHS = torch.tensor([7, 1, 4])
IS_TOKEN = torch.arange(T) < LENGTHS[:, None]
EMBEDDED = torch.randn(B, T, E, generator=torch.Generator().manual_seed(3))


def encoder() -> LstmnEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        made = LstmnEncoder(E, D)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.mul_(2)  # so that weights differ by more than rounding
    return made.eval()


def by_formulas(made: LstmnEncoder, document: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The states (T, D) and the weights (T, T) of one document (T, E): section 3.1 of the paper, one number at a time
    where it sums."""
    weight = {name: value.detach().double() for name, value in made.state_dict().items()}
    document = document.double()
    hidden, cells, rows = [], [], torch.zeros(len(document), len(document), dtype=torch.double)
    summary = memory = torch.zeros(D, dtype=torch.double)
    for t, word in enumerate(document):
        scores = []
        for past in hidden:
            inner = weight["of_state.weight"] @ past + weight["of_input.weight"] @ word
            inner = torch.tanh(inner + weight["of_summary.weight"] @ summary)
            scores.append(float(weight["score.weight"][0] @ inner))
        if hidden:
            powers = [torch.tensor(score, dtype=torch.double).exp() for score in scores]
            for i, power in enumerate(powers):
                rows[t, i] = power / sum(powers)
            summary = sum(rows[t, i] * past for i, past in enumerate(hidden))
            memory = sum(rows[t, i] * past for i, past in enumerate(cells))
        gates = weight["cell.weight_ih"] @ word + weight["cell.bias_ih"]
        gates = gates + weight["cell.weight_hh"] @ summary + weight["cell.bias_hh"]
        enter, forget, content, output = gates.chunk(4)
        cells.append(torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(content))
        hidden.append(torch.sigmoid(output) * torch.tanh(cells[-1]))
    return torch.stack(hidden), rows


def test_equals_the_formulas_of_the_paper() -> None:
    made = encoder()
    with torch.no_grad(), record(made, sites(made, EMBEDDED, IS_TOKEN)) as recording:
        states = made(EMBEDDED, IS_TOKEN)
    (name,) = recording
    weights = recording[name]
    assert weights.shape == (B, 1, T, T)
    for row, length in enumerate(LENGTHS.tolist()):
        expected, rows = by_formulas(made, EMBEDDED[row, :length])
        torch.testing.assert_close(states[row, :length].double(), expected, atol=1e-6, rtol=0)
        torch.testing.assert_close(weights[row, 0, :length, :length].double(), rows, atol=1e-6, rtol=0)
    assert weights[0, 0, 2:].std(-1).min() > 1e-2  # the weights of this test are not all alike


def test_the_recorded_weights_are_strictly_lower_triangular_and_sum_to_one() -> None:
    made = encoder()
    with torch.no_grad(), record(made, sites(made, EMBEDDED, IS_TOKEN)) as recording:
        made(EMBEDDED, IS_TOKEN)
    (weights,) = recording.values()
    assert not weights.triu().any()
    assert not weights[0, 0, 0].any()  # the first step has no past
    torch.testing.assert_close(weights[:, 0, 1:].sum(-1), torch.ones(B, T - 1))
    assert not (weights * ~IS_TOKEN[:, None, None]).any()


def test_all_weight_on_the_last_step_is_a_plain_lstm() -> None:
    made = encoder()
    plain = nn.LSTM(E, D, batch_first=True)
    plain.load_state_dict({f"{name}_l0": value for name, value in made.cell.state_dict().items()})
    document = EMBEDDED[:1]
    previous = torch.diag(torch.ones(T - 1), -1)[None, None]  # (1, 1, T, T)
    (site,) = sites(made, document, IS_TOKEN[:1])
    with torch.no_grad():
        with intervene(made, {site: previous}):
            forced = made(document, IS_TOKEN[:1])
        torch.testing.assert_close(forced, plain(document)[0], atol=1e-6, rtol=0)
        assert (forced - made(document, IS_TOKEN[:1])).abs().max() > 1e-2
        again = replay(made, site, document, IS_TOKEN[:1]).under(previous)
    assert torch.equal(again, forced)


def test_a_document_has_the_same_states_alone_padded_and_in_another_order() -> None:
    made = encoder()
    with torch.no_grad():
        together = made(EMBEDDED, IS_TOKEN)
        turned = made(EMBEDDED.flip(0), IS_TOKEN.flip(0)).flip(0)
        filled = made(torch.where(IS_TOKEN[..., None], EMBEDDED, EMBEDDED + 50.0), IS_TOKEN)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = made(EMBEDDED[row : row + 1, :length], IS_TOKEN[row : row + 1, :length])
            assert (alone[0] - together[row, :length]).abs().max() < 1e-6
    assert max(float((other - together).abs().max()) for other in (turned, filled)) < 1e-6
    assert not together[~IS_TOKEN].any()


def test_no_step_looks_ahead_and_later_ones_look_back() -> None:
    made = encoder()
    changed = EMBEDDED.clone()
    changed[0, 3] += 1.0
    with torch.no_grad():
        moved = (made(changed, IS_TOKEN) - made(EMBEDDED, IS_TOKEN))[0].abs().amax(-1)
    assert not moved[:3].any()
    assert moved[3:].min() > 1e-4


def test_gradients_are_finite_and_pass_through_the_weights() -> None:
    made = encoder()
    given = EMBEDDED.clone().requires_grad_()
    is_token = IS_TOKEN.clone()
    is_token[1] = False  # a row without any token
    found = sites(made, EMBEDDED, IS_TOKEN)
    with record(made, found, gradients=True) as recording:
        states = made(given, is_token)
    steps = recording.steps(found[0])
    gradients = torch.autograd.grad(states.square().sum(), [given, *steps[2:], *made.parameters()])
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
    assert all(bool(gradient.any()) for gradient in gradients)
    assert not gradients[0][~is_token].any()


def test_refuses_padding_before_a_token() -> None:
    is_token = IS_TOKEN.clone()
    is_token[0, 2] = False
    with pytest.raises(ValueError, match="padding stands before a token; an LSTMN reads"):
        encoder()(EMBEDDED, is_token)


@pytest.mark.parametrize("pooling", ["attention", "last"])
def test_a_classifier_learns_with_it_is_saved_and_answers_experiments(planted, pooling: str, tmp_path) -> None:
    settings = ClassifierSettings(encoder="lstmn", pooling=pooling, embedding_width=14, hidden=8, dropout=0.0)
    assert settings.state_width == 8  # it has one direction, whatever `bidirectional` says
    trained = fit_classifier(planted, settings, TrainingSettings(epochs=4, learning_rate=2e-2), seed=1, progress=False)
    assert trained.history[trained.best_epoch - 1].dev_accuracy > 0.95
    save_checkpoint(trained, tmp_path / "kept")
    assert isinstance(load_checkpoint(tmp_path / "kept").module.encoder, LstmnEncoder)
    model = wrap(trained)
    assert [site.name for site in model.sites] == ["encoder", "pooling"][: 1 + (pooling == "attention")]
    assert model.view == (View("pooling") if pooling == "attention" else View("encoder", "mean", "last"))
    documents = planted.test[:4]
    batch = model.batch(documents)
    run = model.run(batch)
    torch.testing.assert_close(model.logits(documents), run.logits, atol=1e-5, rtol=0)
    own = model.logits_under(batch, run.weights[:, None])[:, 0]
    torch.testing.assert_close(own, run.logits, atol=1e-5, rtol=0)
    classes = run.logits.argmax(-1)
    assert leave_one_out(model, batch, classes).values.isfinite().all()


def test_the_last_look_back_is_a_view_whose_gradient_is_that_of_differences(planted) -> None:
    settings = ClassifierSettings(encoder="lstmn", pooling="last", embedding_width=14, hidden=8, dropout=0.0)
    model = wrap(fit_classifier(planted, settings, TrainingSettings(epochs=1), seed=1, progress=False))
    model = wrap(model.module.double(), classes=model.classes, collate_documents=model.collate, example=planted.dev[:5])
    batch = model.batch([planted.test[0], planted.test[3]])
    run = model.run(batch)
    with torch.no_grad(), record(model.module, model.sites) as recording:
        model.batch_logits(batch)
    for row, count in enumerate(batch.is_word.sum(1).tolist()):
        last = recording["encoder"][row, 0, count + 1]  # the row of the end token
        assert last[count + 1 :].sum() == 0
        torch.testing.assert_close(run.weights[row, :count], last[1 : count + 1] / last[1 : count + 1].sum())
    classes = torch.tensor([0, 1])
    gradient = model.gradient_at_weights(batch, classes)
    step, small = torch.zeros_like(run.weights), 1e-4
    step[:, 0], step[:, 1] = small, -small  # mass moves from the second word to the first
    more, less = (
        model.logits_under(batch, (run.weights + sign * step)[:, None])[:, 0].softmax(-1).gather(1, classes[:, None])
        for sign in (1, -1)
    )
    slope = (more - less)[:, 0] / (2 * small)
    torch.testing.assert_close(run.word_mass * (gradient[:, 0] - gradient[:, 1]), slope, atol=1e-8, rtol=1e-4)
