"""Who is updated by how much in one step."""

import pytest
import torch

from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.optimisers import build_optimisers

RATE = 0.01


def one_step(updates: str, weight_decay: float = 0.0) -> tuple[dict[str, torch.Tensor], Classifier]:
    """The weights before, and the classifier after one step on a document of words 5 and 7."""
    with torch.random.fork_rng():
        torch.manual_seed(10)
        module = Classifier(ClassifierSettings(embedding_width=6, hidden=4, dropout=0.0), 11, 3)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    optimisers = build_optimisers(
        module, TrainingSettings(embedding_updates=updates, learning_rate=RATE, weight_decay=weight_decay)
    )
    ids = torch.tensor([[2, 5, 7, 3]])
    everywhere = torch.ones_like(ids, dtype=torch.bool)
    loss = module(ids, everywhere, (ids == 5) | (ids == 7))[0, 0]
    loss.backward()
    for optimiser in optimisers:
        optimiser.step()
    return before, module


def test_lazy_adam_moves_the_words_of_the_batch_alone() -> None:
    before, module = one_step("touched", weight_decay=0.5)
    moved = module.embedding.weight.detach() - before["embedding.weight"]
    touched = [2, 3, 5, 7]
    others = [row for row in range(11) if row not in touched]
    assert not moved[others].any()
    # The first step of Adam is the learning rate in the direction of the gradient's sign.
    torch.testing.assert_close(moved[touched].abs(), torch.full((4, 6), RATE), atol=1e-4, rtol=0)


def test_touched_and_all_rows_agree_on_the_first_step_without_decay() -> None:
    (_, lazy), (_, dense) = one_step("touched"), one_step("all")
    torch.testing.assert_close(lazy.embedding.weight, dense.embedding.weight, atol=1e-4, rtol=0)
    assert torch.equal(lazy.head.weight, dense.head.weight)


@pytest.mark.parametrize("updates", ["all", "touched"])
def test_everything_is_learned_once_and_by_amsgrad_but_for_lazy_rows(updates: str) -> None:
    module = Classifier(ClassifierSettings(embedding_width=6, hidden=4), 11, 3)
    optimisers = build_optimisers(module, TrainingSettings(embedding_updates=updates, learning_rate=RATE))
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    learned = [parameter for group in groups for parameter in group["params"]]
    assert sorted(map(id, learned)) == sorted(map(id, module.parameters()))
    for group in groups:
        lazy = updates == "touched" and group["params"] == [module.embedding.weight]
        assert group["lr"] == RATE
        assert group.get("amsgrad", False) is not lazy


@pytest.mark.parametrize("updates", ["all", "touched"])
def test_decay_holds_for_encoder_and_head_and_not_for_attention(updates: str) -> None:
    _, free = one_step(updates)
    _, decayed = one_step(updates, weight_decay=0.5)
    moved = {
        name: not torch.equal(value, decayed.state_dict()[name])
        for name, value in free.state_dict().items()
        if "weight" in name or "query" in name
    }
    attention = [name for name in moved if name.startswith("pooling")]
    assert len(attention) == 2
    assert not any(moved[name] for name in attention)
    assert all(moved[name] for name in moved if name.startswith(("encoder", "head")))
    assert moved["embedding.weight"] == (updates == "all")
