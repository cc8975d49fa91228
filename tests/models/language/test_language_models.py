"""A language model as a classifier: its logits are those of a plain loop over tokens, its words those of the text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.experiments.deep.sink import TESTED, sink
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.experiments.serrano_smith.single_erasure import single_erasure
from attn_interp.models.alternatives import Alternatives
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.transformers.adapter import cut_to_fit
from attn_interp.models.wrap import wrap
from tests.whole_pass import uniform_is_a_whole_pass

transformers = pytest.importorskip("transformers")

SPELLED = ["the", "film", "was", "good", "bad", "fine", "awful", "very", "dull", "plot", "ok", ":", ".", "Ċ"]
SPELLED += ["Review", "Sentiment", "Answer"]
WORDS = [*SPELLED, *(f"Ġ{word}" for word in SPELLED)]
PROMPT = "Review: {text}\nSentiment:"
ONE = {"negative": " bad", "positive": " good"}
SEVERAL = {"negative": [" very bad", " awful"], "positive": [" good", " very fine"]}
ALIKE = {"negative": " very bad", "positive": " very good ."}
DOCUMENTS = [
    Document("the film was very dull", 0),
    Document("good plot", 1),
    Document("the plot was awful . the film was bad", 0),
    Document("fine", 1),
]
SIZES = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4}
SIZES |= {"initializer_range": 0.3, "max_position_embeddings": 64}
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 24, "n_layer": 3, "n_head": 4, "n_positions": 64, "initializer_range": 0.3},
    "llama": {**SIZES, "num_key_value_heads": 2},
    "qwen3": {**SIZES, "num_key_value_heads": 2, "head_dim": 6},
    "mistral": {**SIZES, "num_key_value_heads": 2},
    "gemma2": {**SIZES, "num_key_value_heads": 2, "head_dim": 6, "query_pre_attn_scalar": 6},
    "gpt_neox": SIZES,
    "phi": {**SIZES, "hidden_size": 32},
    "opt": {**SIZES, "ffn_dim": 20, "word_embed_proj_dim": 24, "init_std": 0.3},
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Bytes with a blank before a word as its own letter, as GPT-2 and Llama 3 have it."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["[UNK]", *WORDS])}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]")


def module_of(family: str) -> Any:
    ids = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0, "vocab_size": len(WORDS) + 1}
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return transformers.AutoModelForCausalLM.from_config(
            transformers.AutoConfig.for_model(family, **FAMILIES[family], **ids)
        ).eval()


@pytest.fixture(scope="module")
def module() -> Any:
    return module_of("llama")


@pytest.fixture(scope="module")
def model(module, tokenizer) -> AttentionModel:
    return wrap(module, tokenizer, prompt=PROMPT, answers=ONE)


def plain(module: Any, tokenizer: Any, text: str, answers: dict[str, Any], shared: int = 0) -> torch.Tensor:
    """(C,) by one pass for each wording: the sum of log-probabilities of its tokens after those that all share."""
    prompt = PROMPT.replace("{text}", text)
    begun = len(tokenizer(prompt)["input_ids"]) + shared
    found = []
    for wordings in answers.values():
        each = []
        for wording in [wordings] if isinstance(wordings, str) else wordings:
            ids = tokenizer(prompt + wording)["input_ids"]
            with torch.no_grad():
                logs = module(torch.tensor([ids])).logits.log_softmax(-1)[0]
            each.append(sum(logs[place - 1, ids[place]] for place in range(begun, len(ids))))
        found.append(torch.stack(each).logsumexp(0))
    return torch.stack(found)


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_a_plain_loop_over_tokens(family, tokenizer) -> None:
    module = module_of(family)
    for answers, shared in ((ONE, 0), (SEVERAL, 0), (ALIKE, 1)):
        wrapped = wrap(module, tokenizer, prompt=PROMPT, answers=answers)
        assert wrapped.classes == ("negative", "positive")
        assert wrapped.sites[-1].name == wrapped.view.site and len(wrapped.sites) == 3
        expected = torch.stack([plain(module, tokenizer, each.text, answers, shared) for each in DOCUMENTS])
        torch.testing.assert_close(wrapped.logits(DOCUMENTS), expected, atol=1e-5, rtol=1e-5)
        alone = torch.cat([wrapped.logits([each]) for each in DOCUMENTS])  # without padding
        torch.testing.assert_close(alone, expected, atol=1e-5, rtol=1e-5)


def test_words_are_those_of_the_text_and_the_prompt_is_outside(model, tokenizer) -> None:
    batch = model.batch(DOCUMENTS)
    run = model.run(batch)
    assert torch.equal(run.is_word.sum(-1), torch.tensor([len(document) for document in DOCUMENTS]))
    for row, document in enumerate(DOCUMENTS):
        spelled = tokenizer.convert_ids_to_tokens(batch.ids[row, batch.is_word[row]].tolist())
        assert [piece.lstrip("Ġ") for piece in spelled] == list(document.words)
    assert (run.word_mass < 1).all()  # prompt and first token have their share
    assert torch.allclose(run.weights.sum(-1), torch.ones(len(DOCUMENTS)))


def test_leave_one_out_is_the_prompt_written_without_the_word(model, module, tokenizer) -> None:
    values = leave_one_out(model, model.batch(DOCUMENTS), torch.ones(4, dtype=torch.long)).values
    for row, document in enumerate(DOCUMENTS[:3]):
        own = plain(module, tokenizer, document.text, ONE).double().softmax(-1)[1]
        for place in range(len(document)):
            shorter = " ".join(delete_words(document, {place}).words)
            without = plain(module, tokenizer, shorter, ONE).double().softmax(-1)[1]
            assert float(values[row, place]) == pytest.approx(float(own - without), abs=1e-5)
    assert values[3, 0].isnan()


def test_leave_one_out_runs_what_follows_the_word_alone(model, monkeypatch) -> None:
    seen: list[int] = []
    forward = type(model.module).forward

    def watched(self: Any, input_ids: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        seen.append(input_ids.numel())
        return forward(self, input_ids, *given, **named)

    batch = model.batch(DOCUMENTS)
    model.module.__dict__["forward"] = partial(watched, model.module)
    try:
        leave_one_out(model, batch, torch.ones(4, dtype=torch.long))
    finally:
        del model.module.__dict__["forward"]
    whole = sum(len(document) * int(row.sum()) for document, row in zip(DOCUMENTS, batch.is_token))
    assert sum(seen[2:]) < 0.9 * whole


def test_what_the_model_says_of_nothing_is_taken_off(model, module, tokenizer) -> None:
    calibrated = wrap(module, tokenizer, prompt=PROMPT, answers=ONE, calibrate="ok .")
    expected = model.logits(DOCUMENTS) - plain(module, tokenizer, "ok .", ONE)
    torch.testing.assert_close(calibrated.logits(DOCUMENTS), expected, atol=1e-5, rtol=1e-5)


def test_other_attention_is_run_at_the_last_position_and_behind_the_cache(model) -> None:
    for site, way in ((model.sites[-1].name, "at_query"), (model.sites[0].name, "by_cache")):
        view = model.at(site=site)
        assert (view.view.head, view.view.query) == ("mean", "last")
        batch = view.batch(DOCUMENTS)
        of = Alternatives(view, batch)
        assert getattr(of, way) is not None
        weightings = view.run(batch).weights[:, None].roll(1, 0).expand(-1, 6, -1) * view.run(batch).is_word[:, None]
        weightings = (weightings + 0.1) * view.run(batch).is_word[:, None]
        weightings = weightings / weightings.sum(-1, keepdim=True)
        with torch.no_grad():
            whole = of.whole(of.kept, batch, weightings[:, 0])
            torch.testing.assert_close(of.logits(weightings)[:, 3], whole, atol=1e-5, rtol=1e-5)
        assert (whole - view.batch_logits(batch)).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "opt"])
def test_other_attention_acts_before_an_answer_of_several_tokens(family, tokenizer) -> None:
    """The replay, which skips what ended before the site, is the whole pass under the same change."""
    module = module_of(family)
    for place in (0, 1, -1):
        model = wrap(module, tokenizer, prompt=PROMPT, answers=SEVERAL)
        uniform_is_a_whole_pass(model.at(site=model.sites[place].name), DOCUMENTS)


@pytest.mark.parametrize("answers", [ONE, SEVERAL], ids=["one token", "several"])
def test_every_question_of_the_papers_can_be_asked(answers, module, tokenizer, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.STEPS", 2)
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.candidates.HALVINGS", 2)
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.candidates.PAIRS", 2)
    monkeypatch.setattr("attn_interp.experiments.jain_wallace.parts.search.WAY", 3)
    reading = read(wrap(module, tokenizer, prompt=PROMPT, answers=answers), DOCUMENTS[:2])
    assert not reading.affine
    assert agreement(reading).frame["tau"].notna().any()
    assert (adversary(reading).frame["tvd"] <= 0.01 + 1e-6).all()
    assert all(parameter.grad is None for parameter in module.parameters())  # the search asks for none
    assert (permutation(reading, draws=2).frame["median_tvd"] >= 0).all()
    assert len(erasure(reading).frame) > 0 and len(single_erasure(reading).frame) > 0


def test_a_chat_is_the_prompt_of_its_template(module, tokenizer) -> None:
    chat = [{"role": "user", "content": "Review: {text}"}]
    with pytest.raises(ValueError, match="the tokenizer has no chat template"):
        wrap(module, tokenizer, prompt=chat, answers=ONE)
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}\n{% endfor %}Answer:"
    try:
        talked = wrap(module, tokenizer, prompt=chat, answers=ONE)
    finally:
        tokenizer.chat_template = None
    written = wrap(module, tokenizer, prompt="Review: {text}\nAnswer:", answers=ONE)
    assert torch.equal(talked.logits(DOCUMENTS), written.logits(DOCUMENTS))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": "Review:"}, "has {text} 0 times, expected once"),
        ({"prompt": 3}, "prompt is 3, expected a text with {text} in it"),
        ({"prompt": "Review:{text}\nSentiment:"}, None),
        ({"prompt": PROMPT + " "}, None),
        ({"answers": {"negative": " bad"}}, "expected two classes or more"),
        ({"answers": {"negative": " bad", "positive": ""}}, "the answer '' of class 'positive' has no token"),
        ({"answers": {"negative": " bad", "positive": 1}}, "the answer of class 'positive' is 1, expected a text"),
        ({"answers": {"negative": " very", "positive": " very good"}}, "with which one of class 'positive' begins"),
        ({"answers": {"negative": " bad", "positive": " bad"}}, "with which one of class 'positive' begins"),
        ({"answers": None}, "prompt and answers go together"),
        ({"answers": {1: " bad", 2: " good"}}, "answers names class 1, expected the name of a class"),
        ({"answers": {"negative": [" bad", " bad"], "positive": " good"}}, "is given twice in one wording"),
        ({"answers": {"negative": " very" * 80, "positive": " good"}}, "and the model has 64; shorten the prompt"),
        ({"query": "first"}, "query='first', expected 'last'"),
        ({"classes": ["x", "y"]}, "classes is not for a language model"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(changed, message, module, tokenizer) -> None:
    given = {"prompt": PROMPT, "answers": ONE, **changed}
    if message is None:  # a word tokenizer does not merge: nothing to tell
        wrap(module, tokenizer, **given)
        return
    with pytest.raises((ValueError, TypeError)) as error:
        wrap(module, tokenizer, **given)
    assert message in str(error.value)


@pytest.mark.filterwarnings("ignore:wrap. the tokenizer has ids up to 6")
def test_a_piece_of_prompt_and_text_is_told(module) -> None:
    from tokenizers import Tokenizer, models

    made = Tokenizer(models.BPE({"[UNK]": 0, "a": 1, "b": 2, ":": 3, ":a": 4, " ": 5, "x": 6}, [(":", "a")]))
    merging = transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]")
    with pytest.raises(ValueError, match="the tokenizer's piece ':a' belongs to the prompt and to the text"):
        wrap(module, merging, prompt=":{text}:", answers={"x": "x", "b": "b"}, example=["a b", "a"])


def test_other_models_are_refused(bert, wordpiece) -> None:
    with pytest.raises(TypeError, match=r"for causal language models .*got a BertForSequenceClassification"):
        wrap(bert.module, wordpiece, prompt=PROMPT, answers=ONE)


def test_a_folder_of_another_kind_of_model_is_not_filled_with_random_weights(bert, wordpiece, tmp_path) -> None:
    bert.module.save_pretrained(tmp_path)
    wordpiece.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="are not in its files and would be random"):
        wrap(tmp_path, prompt=PROMPT, answers=ONE)


def test_how_much_of_the_log_odds_the_first_token_has(module, tokenizer) -> None:
    """By two plain loops: over the whole answers, and over their first tokens alone (two wordings begin alike)."""
    answers = {"negative": [" very bad", " very dull"], "positive": [" good", " fine ."]}
    model = wrap(module, tokenizer, prompt=PROMPT, answers=answers, calibrate="plot")
    begun = {"negative": " very", "positive": [" good", " fine"]}
    frame = sink(read(model, DOCUMENTS)).frame
    tested = frame["layer"] == TESTED
    assert frame.loc[~tested, "log_odds_reached"].isna().all()
    for document, share in zip(DOCUMENTS, frame.loc[tested, "log_odds_reached"]):
        text = " ".join(document.words)
        whole, first = (plain(module, tokenizer, text, each) for each in (answers, begun))
        assert share == pytest.approx(float(first.diff() / whole.diff()), rel=1e-4)
    below = sink(read(model.at(site=model.sites[0].name), DOCUMENTS)).frame
    assert (below.loc[tested, "log_odds_reached"] == 1).all()


def test_a_prompt_may_hold_a_second_text_too(module, tokenizer) -> None:
    """It is asked as written; its words are no units, and it is held when words of the first are left out."""
    prompt = "Review: {text}\nAnswer: {second}\nSentiment:"
    model = wrap(module, tokenizer, prompt=prompt, answers=ONE)
    documents = [Document("the film was very dull", 0, second="the plot"), Document("good plot", 1, second="very fine")]
    for row, document in enumerate(documents):
        assert document.second is not None
        written = prompt.replace("{second}", " ".join(document.second.words))
        ids = tokenizer(written.replace("{text}", " ".join(document.words)), return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logs = module(input_ids=ids).logits[0, -1].log_softmax(-1)
        expected = logs[[tokenizer(answer)["input_ids"][-1] for answer in ONE.values()]]
        torch.testing.assert_close(model.logits(documents)[row], expected, atol=1e-5, rtol=1e-5)
        assert set(model.batch([document]).piece_of[0].tolist()) == {-1, *range(len(document))}
    shorter = delete_words(documents[0], {0})
    assert shorter.second == documents[0].second
    with pytest.raises(ValueError, match=r"has no second text, and the prompt a place for it, \{second\}"):
        model.logits(DOCUMENTS)
    with pytest.raises(ValueError, match=r"has a second text, and the prompt no place for it, \{second\}"):
        wrap(module, tokenizer, prompt=PROMPT, answers=ONE).logits(documents)


def test_the_settings_of_a_result_say_what_was_asked(module, tokenizer) -> None:
    plain_model = wrap(module, tokenizer, prompt=PROMPT, answers=SEVERAL)
    settings = read(plain_model, DOCUMENTS, progress=False).settings
    assert settings["prompt"] == PROMPT and settings["calibration"] is None
    said = {
        name: [" ".join(each.replace("Ġ", " ").split()) for each in told] for name, told in settings["answers"].items()
    }
    assert said == {"negative": ["very bad", "awful"], "positive": ["good", "very fine"]}
    taken = read(wrap(module, tokenizer, prompt=PROMPT, answers=ONE, calibrate="plot"), DOCUMENTS, progress=False)
    expected = plain(module, tokenizer, "plot", ONE)
    assert list(taken.settings["calibration"].values()) == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_text_that_is_too_long_can_be_cut(module, tokenizer) -> None:
    model = wrap(module, tokenizer, prompt=PROMPT, answers=SEVERAL)
    long = Document(" ".join(["good"] * 90))
    with pytest.raises(ValueError, match=r"the model has 64; .*cut_to_fit\(model, documents\) says"):
        model.logits([long])
    cut = cut_to_fit(model, [long, DOCUMENTS[0]])
    assert cut.documents[1] == DOCUMENTS[0] and 0 < len(cut.documents[0]) < 64
    assert len(model.batch(cut.documents[:1]).ids[0]) == 64 - 1  # the second token of an answer has its place
    assert model.logits(cut.documents).isfinite().all()
    asked = replace(DOCUMENTS[0], second=long)
    of_pairs = wrap(module, tokenizer, prompt="{second} " + PROMPT, answers=SEVERAL)
    with pytest.raises(ValueError, match=r"not even its first word fits; the model has 63 positions, of which .* 9\d"):
        cut_to_fit(of_pairs, [asked])


def test_a_prompt_that_begins_with_the_text_is_warned_of(module, tokenizer) -> None:
    """Attention that has nowhere to go would rest on a word."""
    with pytest.warns(UserWarning, match="the first token that the model reads is a word of the text"):
        wrap(module, tokenizer, prompt="{text}\nSentiment:", answers=ONE)


@pytest.mark.parametrize("prompt", ["{text} {foo}\nAnswer:", "{text} {Second}\nAnswer:", "{text} {second} {second}:"])
def test_a_field_that_is_none_or_comes_twice_is_refused(prompt, module, tokenizer) -> None:
    with pytest.raises(ValueError, match=r"expected \{text\}, and \{second\} at most once"):
        wrap(module, tokenizer, prompt=prompt, answers=ONE)
