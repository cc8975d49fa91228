"""Classifiers of the transformers library: pieces and words, weights put back and moved, and wrong use."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

import attn_interp
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.attribution.pushed_back import pushed_back_attention
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words, replace_words
from attn_interp.experiments.people.parts.edited import check_operator
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.heads import head_weights, logits_under_heads
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.transformers.adapter import cut_to_fit, load_named
from attn_interp.models.transformers.subwords import collate_pieces, pieces_of
from attn_interp.models.wrap import wrap
from attn_interp.recording import intervene, record

transformers = pytest.importorskip("transformers")
TemplateProcessing = pytest.importorskip("tokenizers.processors").TemplateProcessing

WHOLE = Document(id="whole", words=("the", "film", "moves"), label=0)
SPLIT = Document(id="split", words=("the", "wonderful", "film", "continues", "awfulless"), label=1)
SHORT = Document(id="short", words=("awful",), label=0)
DOCUMENTS = [WHOLE, SPLIT, SHORT]


def fresh(wordpiece: Any, **settings: Any) -> Any:
    sizes = {"vocab_size": len(wordpiece), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 24, "max_position_embeddings": 40, "initializer_range": 0.15}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return transformers.BertForSequenceClassification(transformers.BertConfig(**(sizes | settings)))


def test_pieces_know_their_words(wordpiece) -> None:
    assert wordpiece.convert_ids_to_tokens(pieces_of(SPLIT, wordpiece).ids) == [
        *("[CLS]", "the", "wonder", "##ful", "film", "continu", "##es", "aw", "##ful", "##less", "[SEP]"),
    ]
    assert pieces_of(SPLIT, wordpiece).word == (-1, 0, 1, 1, 2, 3, 3, 4, 4, 4, -1)
    batch = collate_pieces(DOCUMENTS, wordpiece, None)
    assert batch.piece_of.tolist()[2] == [-1, 0, 0, -1] + [-1] * 7
    assert batch.is_word.sum(1).tolist() == [3, 5, 1]
    assert batch.is_word.int().tolist()[1] == [0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0]
    assert batch.is_token.sum(1).tolist() == [5, 11, 4]


def test_padding_on_the_left(wordpiece, monkeypatch) -> None:
    monkeypatch.setattr(wordpiece, "padding_side", "left")
    batch = collate_pieces([SPLIT, SHORT], wordpiece, None)
    assert batch.piece_of.tolist()[1] == [-1] * 7 + [-1, 0, 0, -1]
    assert batch.is_word.int().tolist()[1] == [0] * 8 + [1, 0, 0]


def test_a_tokenizer_without_offsets_is_given_word_by_word(wordpiece) -> None:
    class Slow:
        is_fast = False

        def __call__(self, text: str, add_special_tokens: bool, **options: bool) -> dict[str, list[int]]:
            return {"input_ids": wordpiece(text, add_special_tokens=add_special_tokens)["input_ids"]}

    for document in DOCUMENTS:
        assert pieces_of(document, Slow()) == pieces_of(document, wordpiece)


@pytest.mark.parametrize("kind", ["ByT5Tokenizer", "CanineTokenizer"])
def test_a_tokenizer_without_offsets_reads_the_blanks_too(kind) -> None:
    """What the model is given is what the tokenizer makes of the text; a blank goes with the word that follows."""
    tokenizer = getattr(transformers, kind)()
    found = pieces_of(Document("ab \u00e9 !", id="d"), tokenizer)
    assert not tokenizer.is_fast and found.ids == tuple(tokenizer("ab \u00e9 !")["input_ids"])
    inside = [word for word in found.word if word >= 0]
    assert inside == [0, 0, *[1] * (3 if kind == "ByT5Tokenizer" else 2), 2, 2]


def test_a_word_that_is_spelled_otherwise_when_more_follows_is_named() -> None:
    class Merging:
        is_fast = False

        def __call__(self, text: str, **options: bool) -> dict[str, list[int]]:
            return {"input_ids": [hash(text) % 1000] if "b" in text else [ord(x) for x in text]}

    with pytest.raises(ValueError, match=r"'d': the tokenizer spells word 0, 'a', otherwise .* give a fast tokenizer"):
        pieces_of(Document("a b", id="d"), Merging())


def test_a_tokenizer_of_nothing_or_of_another_model_is_found_out(wordpiece, tmp_path) -> None:
    model = fresh(wordpiece, vocab_size=200)
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"has 5 entries and no word among them.*without the tokenizer's files .*save"):
        wrap(tmp_path)
    with pytest.warns(UserWarning, match=r"has ids up to \d+, the model embeds 200; if it is another"):
        wrap(model, wordpiece)


class Adapted(torch.nn.Module):
    """An embedding and what an adapter adds to it."""

    def __init__(self, base: torch.nn.Embedding) -> None:
        super().__init__()
        self.base_layer, self.added = base, torch.nn.Embedding(*base.weight.shape)

    @property
    def weight(self) -> torch.Tensor:
        return self.base_layer.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.base_layer(ids) + self.added(ids)


def test_the_embeddings_of_an_adapter_are_the_sum_that_the_model_reads(wordpiece) -> None:
    plain = fresh(wordpiece).eval()
    adapted = copy.deepcopy(plain)
    adapted.set_input_embeddings(Adapted(copy.deepcopy(plain.get_input_embeddings())))
    plain.get_input_embeddings().weight.data += adapted.get_input_embeddings().added.weight.data
    one, two = wrap(plain, wordpiece), wrap(adapted, wordpiece)
    batch, classes = one.batch(DOCUMENTS), torch.tensor([0, 1, 0])
    for asked in (
        lambda each: each.embeddings(batch),
        lambda each: each.gradient_at_embeddings(batch, classes, False)[1],
    ):
        torch.testing.assert_close(asked(two), asked(one), atol=1e-6, rtol=1e-4)


def test_a_model_with_positions_of_its_own_is_refused(wordpiece) -> None:
    class PromptedForSequenceClassification(transformers.BertForSequenceClassification):
        def forward(self, input_ids: Any = None, attention_mask: Any = None) -> Any:
            states = self.get_input_embeddings()(input_ids)
            prompt = torch.ones(len(states), 3, states.shape[-1])
            mask = torch.cat([torch.ones_like(attention_mask[:, :1]).expand(-1, 3), attention_mask], 1)
            return super().forward(inputs_embeds=torch.cat([prompt, states], 1), attention_mask=mask)

    module = PromptedForSequenceClassification(fresh(wordpiece).config)
    with pytest.raises(ValueError, match=r"queries over 12 keys, and the documents have 9 positions; .* prompt tuning"):
        wrap(module, wordpiece)


def test_names_of_the_configuration_in_another_order_are_said(wordpiece) -> None:
    model = fresh(wordpiece, id2label={0: "yes", 1: "no"})
    with pytest.warns(UserWarning, match="classes=no, yes, and the configuration of the model names .* yes, no"):
        assert wrap(model, wordpiece, classes=("no", "yes")).classes == ("no", "yes")
    model.config.id2label = {"0": "yes", "1": "no"}
    assert wrap(model, wordpiece).classes == ("yes", "no")


def test_blanks_and_byte_pieces_go_to_the_word_that_follows() -> None:
    """A byte-level tokenizer writes the blank before a word into its first piece."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = {letter: index for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(alphabet | {"Ġb": 256, "<pad>": 257}, [("Ġ", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>")
    document = Document(id="é", words=("a", "bé", "c"), label=0)
    found = pieces_of(document, fast)
    assert fast.convert_ids_to_tokens(found.ids) == ["a", "Ġb", "Ã", "©", "Ġ", "c"]
    assert found.word == (0, 1, 1, 1, 2, 2)


def test_attention_on_a_word_is_the_sum_over_its_pieces(bert) -> None:
    batch = bert.batch(DOCUMENTS)
    run = bert.run(batch)
    with torch.no_grad(), record(bert.module) as recording:
        own = bert.module(batch.ids, batch.is_token.long()).logits
    assert torch.equal(own, run.logits)
    row = recording[bert.view.site][:, :, 0].mean(1)  # (B, T): both heads, query [CLS]
    for b, document in enumerate(DOCUMENTS):
        word = pieces_of(document, bert.collate.tokenizer).word
        naive = [sum(float(row[b, t]) for t, w in enumerate(word) if w == k) for k in range(len(document))]
        expected = torch.tensor(naive) / sum(naive)
        assert torch.allclose(run.weights[b, : len(document)], expected, atol=1e-6)
        assert float(run.word_mass[b]) == pytest.approx(sum(naive), abs=1e-6)
        assert run.is_word[b].sum() == len(document)


@pytest.mark.parametrize("head", ["mean", 0, 1])
@pytest.mark.parametrize("query", ["first", "last", "mean"])
def test_own_weights_put_back_change_nothing(bert, head, query) -> None:
    other = wrap(bert.module, bert.collate.tokenizer, head=head, query=query)
    batch = other.batch(DOCUMENTS)
    run = other.run(batch)
    with torch.no_grad():
        again = other.logits_under(batch, run.weights[:, None])[:, 0]
    assert torch.allclose(again, run.logits, atol=2e-6)


@pytest.mark.parametrize(("head", "query"), [("mean", "first"), (1, "first"), ("mean", "mean")])
def test_weightings_are_put_where_they_are_read(bert, head, query) -> None:
    """Whatever is put is what is read again; pieces keep their proportions, special tokens their weight."""
    other = wrap(bert.module, bert.collate.tokenizer, head=head, query=query)
    batch = other.batch(DOCUMENTS)
    run = other.run(batch)
    wanted = torch.rand(run.weights.shape, generator=torch.Generator().manual_seed(0)) * run.is_word
    wanted[:, 0] += 0.1
    wanted = wanted / wanted.sum(-1, keepdim=True)
    for target in (wanted, torch.eye(5)[[2, 4, 0]]):
        change = partial(other.window(batch).under, weighting=target)
        with torch.no_grad(), record(other.module) as recording, intervene(other.module, {other.site: change}):
            other.batch_logits(batch)
        moved = other._read(batch, recording[other.view.site], run.logits)
        assert torch.allclose(moved.weights, target, atol=1e-5)
        assert torch.allclose(moved.word_mass, run.word_mass, atol=1e-5)
    with torch.no_grad(), record(other.module) as before:
        other.batch_logits(batch)
    if query == "first":  # the two pieces of "wonderful", in each head that was moved
        old, new = (x[other.view.site][1, other.window(batch).heads, 0] for x in (before, recording))
        assert torch.allclose(old[:, [0, 10]], new[:, [0, 10]], atol=1e-6)


def test_each_head_is_read_and_moved_alone(bert) -> None:
    """Of a single head, the weights and the output under others are those of the view of this head."""
    batch = bert.batch(DOCUMENTS)
    weights = head_weights(bert, batch)  # (B, H, W)
    for head in (0, 1):
        alone = wrap(bert.module, bert.collate.tokenizer, head=head)
        assert torch.allclose(alone.run(batch).weights, weights[:, head], atol=1e-6)
        moved = weights.clone()
        moved[:, head] = torch.eye(5)[[2, 4, 0]]
        with torch.no_grad():
            under = logits_under_heads(bert, batch, moved[:, None])[:, 0]
            expected = alone.logits_under(batch, moved[:, None, head])[:, 0]
        assert torch.allclose(under, expected, atol=1e-6)
    with pytest.raises(ValueError, match="heads are taken at one query, and the view is the mean over the queries"):
        head_weights(wrap(bert.module, bert.collate.tokenizer, query="mean"), batch)


def test_what_needs_one_state_for_each_word_says_so(bert) -> None:
    with pytest.raises(ValueError, match="this view is a mean or weighs pieces of words; use attention rollout"):
        pushed_back_attention(bert, bert.batch(DOCUMENTS), torch.zeros(3, dtype=torch.long))


def test_a_model_without_a_mask_word_refuses_the_mask(bert) -> None:
    with pytest.raises(ValueError, match="has no mask token and no unknown token; choose 'delete'"):
        check_operator(replace(bert, mask_word=None), "mask")


def test_several_rows_are_moved_as_worked_by_hand() -> None:
    """Rows (.6, .4, 0) and (.2, .2, .6): mean (.4, .3, .3). Wanted (.2, .3, .5): word 0 halves in both rows, which
    gives .3 and .1 to word 2."""
    from attn_interp.models.rows_of_attention import Rows

    rows = torch.tensor([[[0.6, 0.4, 0.0], [0.2, 0.2, 0.6]]])
    made = Rows(rows, torch.ones(1, 2), torch.tensor([[0, 1, 2]]), torch.ones(1, 2, 1))
    expected = torch.tensor([[[0.3, 0.4, 0.3], [0.1, 0.2, 0.7]]])
    assert torch.allclose(made.under(torch.tensor([[0.2, 0.3, 0.5]])), expected)
    assert torch.equal(made.under(torch.tensor([[0.0, 1.0, 0.0]])), torch.tensor([[[0.0, 1, 0], [0, 1, 0]]]))


@pytest.mark.parametrize("head", ["mean", 0])
def test_gradient_at_weights_equals_finite_differences(bert, head) -> None:
    """Each word's weight is scaled in all pieces and rows of the view, by hand, and the output taken again."""
    other = wrap(bert.module, bert.collate.tokenizer, head=head)
    batch = other.batch([SPLIT])
    run = other.run(batch)
    word = batch.piece_of[0]
    heads = other.window(batch).heads
    decided = run.logits.argmax(-1)
    gradient = other.gradient_at_weights(batch, decided)[0]
    p = []
    for k in range(len(SPLIT)):
        for sign in (1, -1):

            def scale(weights: torch.Tensor, k: int = k, sign: int = sign) -> torch.Tensor:
                changed = weights.clone()
                changed[:, heads, 0] *= torch.where(word == k, 1 + sign * 0.05, 1.0)
                return changed

            with torch.no_grad(), intervene(other.module, {other.site: scale}, unnormalised=True):
                p.append(float(other.batch_logits(batch).double().softmax(-1)[0, decided]))
        slope = (p[-2] - p[-1]) / 0.1
        expected = float(gradient[k] * run.weights[0, k] * run.word_mass[0])
        assert slope == pytest.approx(expected, rel=1e-2, abs=2e-5)


def test_gradient_at_embeddings_sums_over_pieces(bert) -> None:
    batch = bert.batch(DOCUMENTS)
    embeddings, gradient = bert.gradient_at_embeddings(batch, batch.labels, detached=False)
    product = (embeddings * gradient).sum(-1)
    summed = bert.sum_over_words(batch, product)
    assert summed.shape == (3, 5)
    assert float(summed[1, 1]) == pytest.approx(float(product[1, 2] + product[1, 3]))
    held, _ = bert.gradient_at_embeddings(batch, batch.labels, detached=True)
    assert torch.equal(held, embeddings)
    swapped = bert.logits_with_embedding(batch, torch.tensor([[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0] * 5]) > 0,
                                         torch.zeros(16))  # fmt: skip
    changed = (swapped - bert.run(batch).logits).abs().amax(-1) > 1e-4
    assert changed.tolist() == [False, True, False]


def test_words_are_edited_before_they_are_cut(bert) -> None:
    shorter = delete_words(SPLIT, {1})
    expected = bert.module(**bert.collate.tokenizer("the film continues awfulless", return_tensors="pt")).logits
    assert torch.allclose(bert.logits([shorter]), expected, atol=1e-6)
    hidden = bert.batch([replace_words(SPLIT, {1}, bert.mask_word)])
    assert hidden.ids[0, 2] == bert.collate.tokenizer.mask_token_id
    assert hidden.piece_of[0].tolist() == [-1, 0, 1, 2, 3, 3, 4, 4, 4, -1]


def test_batch_size_padding_and_order_change_nothing(bert, planted) -> None:
    documents = list(planted.test[:12])
    together = bert.logits(documents, size=12)
    assert torch.allclose(together, bert.logits(documents[::-1], size=1).flip(0), atol=2e-6)
    whole = bert.run(bert.batch(documents))
    for index, document in enumerate(documents):
        alone = bert.run(bert.batch([document]))
        assert torch.allclose(alone.weights[0], whole.weights[index, : len(document)], atol=1e-6)


def test_the_view_is_found_by_what_the_classifier_reads(wordpiece, bert) -> None:
    assert (bert.view.head, bert.view.query) == ("mean", "first")
    assert bert.view.site == "bert.encoder.layer.1.attention.self"
    first = wrap(bert.module, wordpiece, site="bert.encoder.layer.0.attention.self")
    assert first.view.query == "mean"  # every query of the first layer reaches the output
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 30, "initializer_range": 0.15}
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    config = transformers.GPT2Config(vocab_size=len(wordpiece), **sizes, **special)
    causal = transformers.GPT2ForSequenceClassification(config)
    found = wrap(causal, wordpiece)
    assert found.view.query == "last"
    assert wrap(causal, wordpiece, site=found.sites[0].name).view.query == "last"
    batch = found.batch(DOCUMENTS)
    assert found.query_at(batch).tolist() == [4, 10, 3]
    with pytest.raises(ValueError, match=r"words do not see the words after them.*choose query='last'"):
        wrap(causal, wordpiece, query="mean")


@pytest.mark.parametrize("family", ["GPT2", "Llama"])
def test_a_classifier_that_skips_an_end_token_equal_to_padding_is_read_where_it_reads(wordpiece, family) -> None:
    tokenizer = copy.deepcopy(wordpiece)
    tokenizer.pad_token = "[SEP]"  # which ends each text, too
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "initializer_range": 0.3}
    sizes |= {"intermediate_size": 24} if family == "Llama" else {}
    special = {"vocab_size": len(tokenizer), "pad_token_id": 3, "eos_token_id": 3, "bos_token_id": 2}
    config = getattr(transformers, f"{family}Config")(**sizes, **special)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = getattr(transformers, f"{family}ForSequenceClassification")(config).eval()
    eager = copy.deepcopy(module)
    eager.set_attn_implementation("eager")
    for query in (None, "last"):
        model = wrap(module, tokenizer, query=query)
        batch = model.batch(DOCUMENTS)
        assert model.query_at(batch).tolist() == [3, 9, 2]  # the last word, not the [SEP] behind it
        weights = model.run(batch).weights
        with torch.no_grad():
            rows = (
                eager(batch.ids, attention_mask=batch.is_token.long(), output_attentions=True).attentions[-1].mean(1)
            )  # (B, T, T)
        for b, at in enumerate(model.query_at(batch).tolist()):
            words = torch.zeros(weights.shape[1]).index_add(
                0, batch.piece_of[b].clamp(min=0), rows[b, at] * (batch.piece_of[b] >= 0)
            )
            assert torch.allclose(weights[b], words / words.sum(), atol=1e-6)


def test_a_last_word_whose_id_is_that_of_padding_is_not_read(wordpiece) -> None:
    """No token ends the texts, and an unknown word has the id of padding: documents alone show which row is read."""
    tokenizer = copy.deepcopy(wordpiece)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    tokenizer.pad_token = "[UNK]"
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "initializer_range": 0.3}
    config = transformers.GPT2Config(vocab_size=len(tokenizer), **sizes, pad_token_id=1, bos_token_id=2, eos_token_id=3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = wrap(transformers.GPT2ForSequenceClassification(config).eval(), tokenizer)
    batch = model.batch([WHOLE, Document(id="unknown", words=("the", "film", "\u03be"), label=0)])
    assert batch.ids[1, 3] == tokenizer.pad_token_id and batch.is_word[1, 3]
    at = model.query_at(batch)
    assert at.tolist() == [3, 2]
    rows = torch.arange(2)
    for place, moves in ((at, True), (torch.tensor([2, 3]), False)):  # the row that is read, and one that is not

        def turned(weights: torch.Tensor, place: torch.Tensor = place) -> torch.Tensor:
            changed = weights.clone()
            changed[rows, :, place] = torch.eye(weights.shape[-1])[0]
            return changed

        with torch.no_grad(), intervene(model.module, {model.site: turned}):
            changed = model.batch_logits(batch)
        moved = (changed - model.run(batch).logits).abs().amax(1)
        assert ((moved > 1e-4) == moves).all()


def test_a_module_in_training_is_evaluated(wordpiece) -> None:
    model = wrap(fresh(wordpiece), wordpiece)
    batch, classes = model.batch(DOCUMENTS), torch.tensor([0, 1, 0])
    is_word = model.run(batch).is_word
    weightings = (is_word / is_word.sum(1, keepdim=True))[:, None]

    def asked() -> list[torch.Tensor]:
        run = model.run(batch)
        each = [run.weights, run.logits, model.logits(DOCUMENTS), model.logits_under(batch, weightings)]
        each += [model.many_under(batch, 1)(weightings), head_weights(model, batch), model.embeddings(batch)]
        each += [model.gradient_at_weights(batch, classes), *model.gradient_at_embeddings(batch, classes, False)]
        return [*each, leave_one_out(model, batch, classes).values]

    right = asked()
    model.module.train()  # a training that goes on
    for one, other in zip(right, asked()):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())
    assert all(part.training for part in model.module.modules())


def test_long_documents_are_refused_by_name_and_cut_on_demand(bert, planted) -> None:
    rationale = tuple(float(k % 2) for k in range(30))
    long = Document(
        id="long", words=("awful",) * 30, label=0, rationales=(rationale,), signals={"place": tuple(range(30))}
    )
    with pytest.raises(ValueError, match="document 'long': 30 words are 62 positions, and the model has 40; cut the"):
        bert.run(bert.batch([long]))
    cut = cut_to_fit(bert, [WHOLE, long])
    assert cut.lost == {"long": 11}
    assert str(cut) == "1 of 2 documents were cut to the length of the model; 11 words at their ends are lost"
    assert cut.documents[0] is WHOLE
    assert cut.documents[1].rationales == (rationale[:19],)
    assert cut.documents[1].signals == {"place": tuple(map(float, range(19)))}
    assert bert.batch(cut.documents).ids.shape[1] == 40
    with pytest.raises(TypeError, match="documents of any length"):
        cut_to_fit(wrap(fit_classifier(planted, epochs_of_one(), progress=False)), [WHOLE])


def epochs_of_one() -> Any:
    from attn_interp.models.classifiers.settings import ClassifierSettings

    return ClassifierSettings(encoder="average", embedding_width=4, hidden=4)


def test_a_roberta_has_fewer_positions_than_embeddings_of_them(wordpiece, monkeypatch) -> None:
    settings = {"vocab_size": len(wordpiece), "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.RobertaConfig(**settings, intermediate_size=8, max_position_embeddings=20, pad_token_id=0)
    model = wrap(transformers.RobertaForSequenceClassification(config), wordpiece)
    assert model.collate.room == 19
    model.logits([Document(id="d", words=("the",) * 17, label=0)])
    monkeypatch.setattr(wordpiece, "model_max_length", 12)
    assert wrap(model.module, wordpiece).collate.room == 12


def test_a_word_without_a_piece_is_named(bert) -> None:
    with pytest.raises(ValueError, match=r"document 'd': of word 1, '\\u200d', the tokenizer leaves no piece; remove"):
        bert.batch([Document(id="d", words=("the", "\u200d"), label=0)])


def test_a_folder_is_loaded_and_random_weights_are_refused(bert, tmp_path) -> None:
    bert.module.save_pretrained(tmp_path)
    bert.collate.tokenizer.save_pretrained(tmp_path)
    again = attn_interp.wrap(tmp_path)
    assert isinstance(again, AttentionModel)
    assert again.classes == ("negative", "positive")
    assert torch.equal(again.logits(DOCUMENTS), bert.logits(DOCUMENTS))
    headless = tmp_path / "headless"
    bert.module.bert.save_pretrained(headless)
    bert.collate.tokenizer.save_pretrained(headless)
    with pytest.raises(ValueError, match=r"classifier.bias and 1 other weights .* are not in its files"):
        load_named(headless)


def test_wrong_models_are_explained(wordpiece) -> None:
    small = {"vocab_size": len(wordpiece), "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    generator = transformers.BertForMaskedLM(transformers.BertConfig(**small, intermediate_size=8))
    with pytest.raises(TypeError, match="BertForMaskedLM does not classify sequences; load the model"):
        wrap(generator, wordpiece)
    with pytest.raises(TypeError, match=r"give the tokenizer of the BertForSequence.*wrap\(model, tokenizer\)"):
        wrap(fresh(wordpiece))
    with pytest.raises(ValueError, match=r"ids up to 55, the model embeds 50; they do not belong together"):
        wrap(fresh(wordpiece, vocab_size=50), wordpiece)
    with pytest.raises(ValueError, match="1 labels and problem_type None, expected a single-label classifier"):
        wrap(fresh(wordpiece, num_labels=1), wordpiece)
    with pytest.raises(ValueError, match=r"pads with id 0, model.config.pad_token_id is 7; set the model's"):
        wrap(fresh(wordpiece, pad_token_id=7), wordpiece)
    with pytest.warns(UserWarning, match=r"parameters of torch.bfloat16, .*weights become equal.*dtype=torch.float32"):
        wrap(fresh(wordpiece).bfloat16(), wordpiece)
    with pytest.raises(ValueError, match=r"there is no attention site 'bert'; the sites are bert.encoder.layer.0.att"):
        wrap(fresh(wordpiece), wordpiece, site="bert")
    with pytest.raises(ValueError, match=r"has heads 0\.\.1, got head=2"):
        wrap(fresh(wordpiece), wordpiece, head=2)
    with pytest.raises(ValueError, match="query: got 'cls', expected an index or one of 'first', 'last', 'mean'"):
        wrap(fresh(wordpiece), wordpiece, query="cls")
    with pytest.raises(ValueError, match="3 class names for a model of 2 classes"):
        wrap(fresh(wordpiece), wordpiece, classes=("a", "b", "c"))
    unseen = fresh(wordpiece)
    unseen.config._attn_implementation = "flex_attention"
    with pytest.raises(ValueError, match=r"'flex_attention' computes its weights where they cannot be seen; call"):
        wrap(unseen, wordpiece)


def test_a_model_without_attention_is_explained(wordpiece) -> None:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 8, "pad_token_id": 0}
    config = transformers.FNetConfig(vocab_size=len(wordpiece), **sizes)
    with pytest.raises(ValueError, match="FNetForSequenceClassification takes no attention_mask, so it has no"):
        wrap(transformers.FNetForSequenceClassification(config), wordpiece)


def test_padding_that_changes_the_output_is_refused(wordpiece, monkeypatch) -> None:
    """Absolute positions count from the left, so padding there moves the words."""
    monkeypatch.setattr(wordpiece, "padding_side", "left")
    with pytest.raises(ValueError, match=r"the logits of document '.*' change by .* when it is padded; set tok"):
        wrap(fresh(wordpiece), wordpiece)


def test_the_pieces_of_a_batch_go_along_with_its_rows(bert) -> None:
    batch = bert.batch(DOCUMENTS).rows(torch.tensor([2, 1, 1]))
    assert [document.id for document in batch.documents] == ["short", "split", "split"]
    assert torch.equal(batch.piece_of[1], bert.batch(DOCUMENTS).piece_of[1])
    assert batch.to("cpu").piece_of.shape == batch.ids.shape


@pytest.mark.parametrize("query", [None, "last"])
def test_at_a_lower_site_the_row_of_an_end_token_that_nothing_reads_is_not_reported(wordpiece, query) -> None:
    tokenizer = copy.deepcopy(wordpiece)
    tokenizer.pad_token = "[SEP]"  # which ends each text, too
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 30, "initializer_range": 0.3}
    config = transformers.GPT2Config(vocab_size=len(tokenizer), **sizes, pad_token_id=3, bos_token_id=2, eos_token_id=3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = wrap(transformers.GPT2ForSequenceClassification(config).eval(), tokenizer)
    lower = model.at(site=model.sites[0].name, query=query)
    batch = lower.batch(DOCUMENTS)
    assert lower.query_at(batch).tolist() == [3, 9, 2]  # the last word, not the [SEP] behind it
    words = lower.run(batch).is_word.float()
    moved = lower.logits_under(batch, (words / words.sum(1, keepdim=True))[:, None])[:, 0]
    assert ((moved - model.logits(DOCUMENTS)).abs().amax(1) > 1e-5)[:2].all()


def test_a_classifier_that_no_candidate_row_explains_is_refused(wordpiece) -> None:
    """It reads before the first token with the id of padding, so that a text that holds one is read in its middle."""

    class BeforeForSequenceClassification(transformers.GPT2ForSequenceClassification):
        def forward(self, input_ids: Any = None, attention_mask: Any = None) -> Any:
            states = self.transformer(input_ids, attention_mask=attention_mask)[0]
            at = (input_ids == 1).int().argmax(1) - 1
            return transformers.modeling_outputs.SequenceClassifierOutput(
                logits=self.score(states)[torch.arange(len(at)), at]
            )

    tokenizer = copy.deepcopy(wordpiece)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    tokenizer.pad_token = "[UNK]"
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 30, "initializer_range": 0.3}
    config = transformers.GPT2Config(vocab_size=len(tokenizer), **sizes, pad_token_id=1, bos_token_id=2, eos_token_id=3)
    with pytest.raises(ValueError, match=r"neither the last token .* is read by the classifier where texts"):
        wrap(BeforeForSequenceClassification(config).eval(), tokenizer)
