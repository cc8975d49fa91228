import pytest
import torch

from attn_interp.readout.affine import advantages, decisions, logits_of
from attn_interp.readout.logit_range import reachable, unflippable


@pytest.mark.parametrize("classes", [2, 3])
def test_no_attention_leaves_the_range_and_words_attain_it(draw, classes: int) -> None:
    documents = draw(0, classes=classes)
    reach = reachable(documents.votes, documents.is_word)
    generator = torch.Generator().manual_seed(1)
    for row in range(13):
        _, votes = documents.one(row)
        tried = (torch.randn(400, len(votes), generator=generator, dtype=torch.float64) * 4).softmax(-1) @ votes
        assert (tried >= reach.least[row] - 1e-12).all() and (tried <= reach.most[row] + 1e-12).all()
        torch.testing.assert_close(reach.least[row], votes.amin(0))
        torch.testing.assert_close(reach.most[row], votes.amax(0))


def test_unflippable_decisions_survive_every_attention_and_others_do_not(draw) -> None:
    documents = draw(2, count=60, lean=2.0)
    decision = decisions(documents.weights, documents.votes)
    powerless = unflippable(documents.votes, decision, documents.is_word)
    assert 5 < powerless.sum() < 55
    for row in range(60):
        _, votes = documents.one(row)
        one_hot = votes.argmax(-1)  # two classes: any change can be had at one word
        assert bool((one_hot == decision[row]).all()) == bool(powerless[row])


def test_a_tie_is_a_change() -> None:
    votes = torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])
    assert not unflippable(votes, torch.tensor([0]), torch.ones(1, 2, dtype=torch.bool))
    assert unflippable(votes, torch.tensor([0]), torch.tensor([[True, False]]))


def test_heads_add_up(draw) -> None:
    _, first, is_word = draw(3, classes=3)
    votes = torch.stack([first, 2 - first.flip(-1)], 1) * is_word[:, None, :, None]
    reach = reachable(votes, is_word)
    corner = torch.zeros(13, 2, 7, 3, dtype=torch.float64)
    for head in range(2):
        best = votes[:, head].masked_fill(~is_word[..., None], -torch.inf).argmax(1)
        corner[:, head] = torch.nn.functional.one_hot(best, 7).transpose(1, 2)
    per_class = torch.stack([logits_of(corner[..., c], votes)[:, c] for c in range(3)], -1)
    torch.testing.assert_close(per_class, reach.most)
    decision = torch.zeros(13, dtype=torch.long)
    least = reachable(advantages(votes, decision), is_word).least[:, 1:]
    assert torch.equal(unflippable(votes, decision, is_word), (least > 0).all(-1))
