"""An encoder-decoder that answers: its logits are those of a plain loop over tokens, its words those of the text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from attn_interp.attribution.flow.layered import layers_of
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.experiments.deep.heads import heads
from attn_interp.experiments.deep.sink import TESTED, sink
from attn_interp.experiments.deep.uniform_layers import uniform_layers
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reach import reach
from attn_interp.experiments.reading import read
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.models.alternatives import Alternatives
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.wrap import wrap
from tests.whole_pass import uniform_is_a_whole_pass

transformers = pytest.importorskip("transformers")

SPECIAL = ["<pad>", "</s>", "<s>", "<unk>"]
SPELLED = ["the", "film", "was", "good", "bad", "fine", "awful", "very", "dull", "plot", ":", ".", "Ċ", "Review"]
WORDS = [*SPECIAL, *SPELLED, *(f"Ġ{word}" for word in SPELLED)]
PROMPT = "Review: {text}\n"
ANSWERS = {
    "one token": {"negative": "bad", "positive": "good"},
    "several wordings": {"negative": ["very bad", "awful"], "positive": ["good", "fine very good"]},
    "one beginning": {"negative": "very bad", "positive": "very good ."},
}
DOCUMENTS = [
    Document("the film was very dull", 0),
    Document("good plot", 1),
    Document("the plot was awful . the film was bad", 0),
    Document("fine", 1),
]
T5 = {"d_model": 24, "d_kv": 6, "d_ff": 20, "num_layers": 2, "num_heads": 4, "initializer_factor": 1.5}
T5 |= {"decoder_start_token_id": 0}
BART = {"d_model": 24, "init_std": 0.3, "max_position_embeddings": 40, "decoder_start_token_id": 1}
for part in ("encoder", "decoder"):
    BART |= {f"{part}_layers": 2, f"{part}_attention_heads": 4, f"{part}_ffn_dim": 20}
STEP = 1e-3  # T5 computes its norms in single precision whatever it is
FAMILIES: dict[str, dict[str, Any]] = {"t5": T5, "bart": BART}


def tokenizer_of(family: str) -> Any:
    """T5 ends a text with a token, BART begins it with one too, also the text that it is to write."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    made = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    template = "$A </s>" if family == "t5" else "<s> $A </s>"
    made.post_processor = processors.TemplateProcessing(template, None, [("<s>", 2), ("</s>", 1)])
    named = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **named)


def module_of(family: str) -> Any:
    ids = {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0, "vocab_size": len(WORDS)}
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return transformers.AutoModelForSeq2SeqLM.from_config(
            transformers.AutoConfig.for_model(family, **FAMILIES[family], **ids)
        ).eval()


@pytest.fixture(scope="module", params=FAMILIES)
def family(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def module(family) -> Any:
    return module_of(family)


@pytest.fixture(scope="module")
def tokenizer(family) -> Any:
    return tokenizer_of(family)


@pytest.fixture(scope="module")
def models_of(module, tokenizer) -> dict[str, AttentionModel]:
    return {name: wrap(module, tokenizer, prompt=PROMPT, answers=answers) for name, answers in ANSWERS.items()}


def plain(module: Any, tokenizer: Any, text: str, answers: dict[str, Any], shared: int = 0) -> torch.Tensor:
    """(C,) without a cache, one pass for each wording: the sum of log-probabilities of its tokens after the `shared`
    words, and after what a tokenizer begins each with."""
    read = tokenizer(PROMPT.replace("{text}", text), return_tensors="pt")["input_ids"]
    found = []
    for wordings in answers.values():
        each = []
        for wording in [wordings] if isinstance(wordings, str) else wordings:
            written = tokenizer(text_target=wording)["input_ids"][:-1]
            begin = shared + sum(token == 2 for token in written)
            with torch.no_grad():
                started = torch.tensor([[module.config.decoder_start_token_id, *written]])
                logs = module(input_ids=read, decoder_input_ids=started).logits.log_softmax(-1)[0]
            each.append(sum(logs[place, written[place]] for place in range(begin, len(written))))
        found.append(torch.stack(each).logsumexp(0))
    return torch.stack(found)


def test_logits_are_those_of_a_plain_loop_over_tokens(models_of, module, tokenizer) -> None:
    for name, model in models_of.items():
        shared = 1 if name == "one beginning" else 0
        expected = torch.stack([plain(module, tokenizer, each.text, ANSWERS[name], shared) for each in DOCUMENTS])
        torch.testing.assert_close(model.logits(DOCUMENTS), expected, atol=1e-5, rtol=1e-5)
        alone = torch.cat([model.logits([each]) for each in DOCUMENTS])  # without padding
        torch.testing.assert_close(alone, expected, atol=1e-5, rtol=1e-5)


def test_of_an_answer_its_first_token_is_told_alone(models_of, module, tokenizer) -> None:
    """The answers "very bad" and "very good ." share "very"; the second goes on behind the first token that differs."""
    model = models_of["one beginning"]
    cut = {"negative": "very bad", "positive": "very good"}
    expected = torch.stack([plain(module, tokenizer, each.text, cut, 1) for each in DOCUMENTS])
    with torch.no_grad():
        found = model.module.of_first_token(*model.inputs(model.batch(DOCUMENTS)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_what_the_model_says_of_nothing_is_taken_off(models_of, module, tokenizer) -> None:
    answers = ANSWERS["several wordings"]
    calibrated = wrap(module, tokenizer, prompt=PROMPT, answers=answers, calibrate="ok .")
    expected = models_of["several wordings"].logits(DOCUMENTS) - plain(module, tokenizer, "ok .", answers)
    torch.testing.assert_close(calibrated.logits(DOCUMENTS), expected, atol=1e-5, rtol=1e-5)


def test_the_view_is_the_attention_of_the_decoder_before_answers_differ(models_of, module, tokenizer) -> None:
    """The weights are those that the model itself gives of its last cross-attention at that token."""
    eager = module_of(module.config.model_type)
    eager.set_attn_implementation("eager")
    for model in models_of.values():
        assert len(model.sites) == 4 and model.view.site == model.sites[-1].name
        assert (model.view.head, model.view.query) == ("mean", 0)
        batch = model.batch(DOCUMENTS[:1])
        given = {"input_ids": batch.ids, "decoder_input_ids": torch.tensor([model.module.begin])}
        with torch.no_grad():
            weights = eager(**given, output_attentions=True).cross_attentions[-1][0, :, -1].mean(0)
        run = model.run(batch)
        assert float(run.word_mass) == pytest.approx(float(weights[batch.is_word[0]].sum()), abs=1e-5)
        torch.testing.assert_close(run.weights[0] * run.word_mass, weights[batch.is_word[0]], atol=1e-5, rtol=1e-5)
        spelled = tokenizer.convert_ids_to_tokens(batch.ids[0, batch.is_word[0]].tolist())
        assert [piece.lstrip("Ġ") for piece in spelled] == list(DOCUMENTS[0].words)


def test_other_attention_is_that_of_a_whole_pass_at_every_site(models_of) -> None:
    for model in models_of.values():
        for site in model.sites:
            view = model.at(site=site.name)
            assert view.view.query == (0 if "decoder" in site.name else "mean")
            uniform_is_a_whole_pass(view, DOCUMENTS)


def test_one_token_is_answered_at_the_query_alone(models_of) -> None:
    model = models_of["one token"]
    of = Alternatives(model, model.batch(DOCUMENTS))
    assert of.at_query is not None
    ways = torch.rand(4, 6, max(map(len, DOCUMENTS)), generator=torch.Generator().manual_seed(0))
    ways = (ways * model.run(of.batch).is_word[:, None]).softmax(-1) * model.run(of.batch).is_word[:, None]
    ways = ways / ways.sum(-1, keepdim=True)
    with torch.no_grad():
        whole = of.whole(of.kept, of.batch, ways[:, 3])
        torch.testing.assert_close(of.logits(ways)[:, 3], whole, atol=1e-5, rtol=1e-5)


def test_leave_one_out_is_the_prompt_written_without_the_word(models_of, module, tokenizer) -> None:
    answers = ANSWERS["several wordings"]
    model = models_of["several wordings"]
    values = leave_one_out(model, model.batch(DOCUMENTS), torch.ones(4, dtype=torch.long)).values
    for row, document in enumerate(DOCUMENTS[:3]):
        own = plain(module, tokenizer, document.text, answers).double().softmax(-1)[1]
        for place in range(len(document)):
            shorter = " ".join(delete_words(document, {place}).words)
            without = plain(module, tokenizer, shorter, answers).double().softmax(-1)[1]
            assert float(values[row, place]) == pytest.approx(float(own - without), abs=1e-5)
    assert values[3, 0].isnan()


def test_gradients_are_those_of_the_words_that_the_encoder_reads(models_of) -> None:
    """The slope of the probability along a random direction of the embeddings, by differences; the decoder embeds its
    own tokens by the same table, which is not moved with them."""
    model = models_of["several wordings"]
    model = replace(model, module=model.module.double())
    try:
        batch, classes = model.batch(DOCUMENTS), torch.ones(4, dtype=torch.long)
        embedded, gradient = model.gradient_at_embeddings(batch, classes, detached=False)
        along = torch.randn(embedded.shape, generator=torch.Generator().manual_seed(0)).double()
        ends = []
        for step in (STEP, -STEP):
            with torch.no_grad(), model.embeddings_given(embedded + step * along):
                ends.append(model.batch_logits(batch).softmax(-1)[:, 1])
        expected = (ends[0] - ends[1]) / (2 * STEP)
        torch.testing.assert_close((gradient * along).sum((1, 2)), expected, atol=1e-3, rtol=1e-2)
    finally:
        model.module.float()


@pytest.mark.parametrize("name", ["one token", "one beginning"])
def test_every_question_of_the_papers_can_be_asked(name, models_of, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 1)
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.candidates.HALVINGS", 1)
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.candidates.PAIRS", 1)
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.WAY", 2)
    reading = read(models_of[name], [DOCUMENTS[1], Document("very dull film", 0)])
    assert not reading.affine
    assert agreement(reading, methods=["gradient x input", "leave-one-out"]).frame["tau"].notna().any()
    assert (adversary(reading).frame["tvd"] <= 0.01 + 1e-6).all()
    assert (permutation(reading, draws=2).frame["median_tvd"] >= 0).all()
    assert len(erasure(reading).frame) > 0 and len(single_erasure(reading).frame) > 0
    assert set(heads(reading).frame["site"]) == {site.name for site in reading.model.sites}
    assert (uniform_layers(reading).frame.query("uniform == 'all layers'")["tvd"] > 0).all()
    frame = sink(reading).frame
    reached = frame.loc[frame["layer"] == TESTED, "log_odds_reached"]
    assert ((reached == 1).all()) == (name == "one token")
    with pytest.raises(ValueError, match="the logits are not affine in the attention"):
        reach(reading)
    with pytest.raises(ValueError, match="ForConditionalGeneration has an encoder and a decoder"):
        layers_of(reading.model)


def test_it_is_wrapped_by_its_folder(models_of, module, tokenizer, tmp_path) -> None:
    module.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = wrap(tmp_path, prompt=PROMPT, answers=ANSWERS["one token"])
    assert torch.equal(model.logits(DOCUMENTS), models_of["one token"].logits(DOCUMENTS))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answers": {"negative": "bad", "positive": ""}}, "the answer '' of class 'positive' has no token"),
        ({"answers": {"negative": "very", "positive": "very good"}}, "with which one of class 'positive' begins"),
        ({"query": "last"}, "query='last', expected 0 at site 'model.model.decoder.layers.1.encoder_attn': "),
        ({"query": 0, "site": "model.model.encoder.layers.0.self_attn"}, "query=0, expected 'mean' at site"),
        ({"answers": {"negative": "bad " * 40, "positive": "good"}}, "and the model has 40; shorten it"),
        ({"prompt": "the " * 50 + PROMPT}, "and the model has 40; shorten the prompt"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(changed, message) -> None:
    with pytest.raises(ValueError) as error:
        wrap(module_of("bart"), tokenizer_of("bart"), **{"prompt": PROMPT, "answers": ANSWERS["one token"], **changed})
    assert message in str(error.value)


def test_a_decoder_without_a_beginning_is_told() -> None:
    module = module_of("t5")
    module.config.decoder_start_token_id = module.generation_config.decoder_start_token_id = None
    with pytest.raises(ValueError, match="names no token with which its decoder starts"):
        wrap(module, tokenizer_of("t5"), prompt=PROMPT, answers=ANSWERS["one token"])
