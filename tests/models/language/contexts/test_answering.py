"""The probability of an answer from a context is that of a plain loop over tokens; and what its tokens attend to."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

import attn_interp as ai
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.experiments.reading import read
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.language.contexts.answering_door import answering
from attn_interp.models.language.contexts.asked_document import Asked
from attn_interp.models.language.contexts.one_answer import log_of_rest
from attn_interp.models.language.contexts.rows_of_answer import layers_of_answer, rows_of_answer, steps_of
from tests.models.language.test_language_models import FAMILIES, WORDS, module_of

transformers = pytest.importorskip("transformers")

PROMPT = "Review: {text}\nSentiment {second} Answer:"
DOCUMENTS = (
    Asked("the film was very dull . the plot was good .", "good plot", answer="very bad"),
    Asked("fine . very ok . the film was bad", "bad", answer="good"),
    Asked("the plot was awful .", "film", answer="awful plot . dull"),
)


def tokenizer_of_words() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["[UNK]", *WORDS])}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tokenizer_of_words()


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> AttentionModel:
    return answering(module_of("llama"), tokenizer, prompt=PROMPT)


def ids_of(model: AttentionModel, document: Asked) -> tuple[list[int], list[int]]:
    """The ids of the prompt and of the answer."""
    collate: Any = model.collate
    return collate.prompt_ids(document), list(collate.answer_ids(document, document.answer))


def by_tokens(model: AttentionModel, document: Asked) -> list[float]:
    """The log-probability of each token of the answer, each from a run of all that stands before it."""
    ids, answer = ids_of(model, document)
    causal: Any = model.module.model
    logs = []
    for token in answer:
        with torch.no_grad():
            said = causal(torch.tensor([ids])).logits[0, -1].double().log_softmax(-1)
        logs.append(float(said[token]))
        ids = [*ids, token]
    return logs


@pytest.mark.parametrize("family", FAMILIES)
def test_the_answer_has_the_probability_of_its_tokens(family, tokenizer) -> None:
    model = answering(module_of(family), tokenizer, prompt=PROMPT)
    logits = model.logits(DOCUMENTS)
    assert logits.dtype == torch.float64
    for document, own in zip(DOCUMENTS, logits):
        log = sum(by_tokens(model, document))
        assert own.tolist() == pytest.approx([math.log1p(-math.exp(log)), log], rel=1e-4)
        assert model.logits([document])[0].tolist() == pytest.approx(own.tolist(), rel=1e-4)  # alone, without padding


def test_another_answer_has_what_this_one_leaves() -> None:
    logs = torch.tensor([-1e-12, -1e-3, -math.log(2), -5.0, -800.0, 0.0], dtype=torch.float64, requires_grad=True)
    rest = log_of_rest(logs)
    assert rest[:4].exp().tolist() == pytest.approx([1e-12, 1 - math.exp(-1e-3), 0.5, 1 - math.exp(-5)], rel=1e-3)
    assert bool(rest.isfinite().all())
    rest.sum().backward()
    assert logs.grad is not None and bool(logs.grad.isfinite().all())


def test_this_answer_is_the_decision_however_small_its_probability(model) -> None:
    reading = read(model, DOCUMENTS, units="sentence", progress=False)
    (batch,) = reading.batches
    assert bool((batch.logits.argmax(-1) == 0).all()) and batch.predicted.tolist() == [1, 1, 1]
    assert "answer 'very bad' with probability" in model.show(DOCUMENTS[0]).heat.title
    assert set(model.predict(DOCUMENTS)["predicted"]) == {"this answer"}


def test_leaving_a_sentence_out_is_the_prompt_without_it(model) -> None:
    (whole,) = read(model, DOCUMENTS[:1], units="sentence", progress=False).documents
    assert whole.words == ("the film was very dull .", "the plot was good .")
    shorter = delete_words(whole, {0})
    written = Asked("the plot was good .", "good plot", answer="very bad")
    assert isinstance(shorter, Asked) and ids_of(model, shorter) == ids_of(model, written)
    assert torch.equal(model.logits([shorter]), model.logits([written]))


def test_the_answer_is_generated_token_by_token(model, tokenizer) -> None:
    document = Asked("the film was bad", "good plot", id="own")
    (found,) = read(model, [document], progress=False).documents
    assert isinstance(found, Asked) and found.answer
    first = int(model.module.model(torch.tensor([model.collate.prompt_ids(document)])).logits[0, -1].argmax())
    assert found.answer.startswith(tokenizer.decode([first]).strip())
    given = replace(document, answer="very bad")
    assert read(model, [given], progress=False).documents == (given,)


def test_an_answer_that_is_spelled_longer_anew_loses_its_last_words(model) -> None:
    generate = replace(model.completed, collate=replace(model.collate, further=3))
    assert generate.fitting(DOCUMENTS[0], "very bad . the plot") == "very bad ."
    assert generate.fitting(DOCUMENTS[0], "bad") == "bad"


def test_the_rows_of_an_answer_are_those_of_a_whole_pass(model) -> None:
    batch = model.batch(DOCUMENTS)
    rows = rows_of_answer(model, batch, pushes=True)
    assert rows.logs.sum(-1).tolist() == pytest.approx(model.logits(DOCUMENTS)[:, 1].tolist(), rel=1e-6)
    layers = torch.cat(layers_of_answer(model, batch), 1)
    for row, document in enumerate(DOCUMENTS):
        prompt, answer = ids_of(model, document)
        whole = model.module.model
        with torch.no_grad(), ai.record(whole) as recording:
            whole(torch.tensor([[*prompt, *answer]]))
        own = torch.cat(list(recording.values()), 1)[0]  # (N, T, T)
        asked = slice(len(prompt) - 1, len(prompt) + len(answer) - 1)
        word_of = model.collate.pieces(document).word
        for word in range(len(document)):
            place = [index for index, each in enumerate(word_of) if each == word]
            torch.testing.assert_close(rows.weights[row, :, : len(answer), word], own[:, asked][..., place].sum(-1))
        torch.testing.assert_close(rows.first[row, :, : len(answer)], own[:, asked, 0])
        start = int(batch.is_token[row].int().argmax())
        end = start + len(prompt) + len(answer)
        torch.testing.assert_close(layers[row][:, start:end, start:end], own)
        assert float(steps_of(batch)[row, start + len(prompt) - 1]) == pytest.approx(1 / len(answer))
    assert rows.is_step.sum(-1).tolist() == [2, 1, 4]
    torch.testing.assert_close(rows.mean(rows.weights)[0], rows.weights[0, :, :2].mean(1))


def test_a_part_of_a_batch_says_what_the_whole_says(model) -> None:
    batch = model.batch(DOCUMENTS)
    whole, rows = model.batch_logits(batch), rows_of_answer(model, batch)
    for row in range(len(DOCUMENTS)):
        part = batch.rows(torch.tensor([row]))
        torch.testing.assert_close(model.batch_logits(part), whole[row : row + 1])
        alone = rows_of_answer(model, part)
        assert alone.is_step.sum() == rows.is_step[row].sum()
        units = alone.weights.shape[-1]
        torch.testing.assert_close(alone.mean(alone.weights)[0], rows.mean(rows.weights)[row, :, :units])


def test_pushes_are_weights_times_the_derivative_of_the_log_probability(tokenizer) -> None:
    model = answering(module_of("gpt2").double(), tokenizer, prompt=PROMPT)
    batch = model.batch(DOCUMENTS[:1])
    rows = rows_of_answer(model, batch, pushes=True)
    site, head, step, word, by = model.sites[-1], 1, 0, 2, 1e-5
    place = int((batch.piece_of[0] == word).nonzero()[0])

    def moved(sign: int) -> float:
        def change(weights: torch.Tensor) -> torch.Tensor:
            new = weights.clone()
            new[0, head, step, place] *= 1 + sign * by
            return new

        with torch.no_grad(), ai.intervene(model.module, {site: change}):
            return float(model.batch_logits(batch)[0, 1])

    index = [each.site for each in rows.places].index(site.name) + head
    expected = (moved(1) - moved(-1)) / (2 * by)
    assert float(rows.pushes[0, index, step, word]) == pytest.approx(expected, rel=1e-4)


def test_norms_are_of_the_values_that_a_head_weighs(model) -> None:
    batch = model.batch(DOCUMENTS[1:2])
    rows = rows_of_answer(model, batch)
    assert rows.pushes is None
    inside = model.module.model.model
    layer = inside.layers[0]
    with torch.no_grad():
        states = layer.input_layernorm(inside.embed_tokens(batch.ids))
        values = layer.self_attn.v_proj(states)[0].unflatten(-1, (2, -1)).transpose(0, 1)  # (shared heads, T, D)
    for head in range(4):
        weights = rows.weights[0, head, 0]
        place = [int((batch.piece_of[0] == word).nonzero()[0]) for word in range(len(weights))]
        torch.testing.assert_close(rows.norms[0, head, 0], weights * values[head // 2][place].norm(dim=-1))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rows_of_an_answer_are_those_of_its_generation(family, tokenizer) -> None:
    """The answer is what the model is made to generate, token by token, behind the prompt."""
    module: Any = module_of(family)
    model = answering(module, tokenizer, prompt=PROMPT)
    document = DOCUMENTS[0]
    prompt, answer = ids_of(model, document)
    ids = torch.tensor([prompt])
    with ai.record(module) as recording:
        out = module.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=len(answer),
            min_new_tokens=len(answer),
            do_sample=False,
            pad_token_id=0,
            prefix_allowed_tokens_fn=lambda _, before: [answer[len(before) - len(prompt)]],
        )
    assert out[0].tolist() == [*prompt, *answer]
    steps = torch.cat([weights[0, :, len(prompt) - 1 :] for weights in ai.generated(recording, out).values()])
    rows = rows_of_answer(model, model.batch([document]))
    word_of = model.collate.pieces(document).word  # type: ignore[attr-defined]
    for word in range(len(document)):
        place = [index for index, each in enumerate(word_of) if each == word]
        torch.testing.assert_close(rows.weights[0, ..., word], steps[..., place].sum(-1), atol=1e-5, rtol=0)
    torch.testing.assert_close(rows.first[0], steps[..., 0], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("the film", id="own"), r"document 'own' \(row 0\): has no question.*Asked"),
        (Asked("the film", "bad", id="own"), "document 'own': has no answer; ai.read"),
        (Asked("the film", "bad", answer="very bad . " * 20, id="own"), "document 'own': its prompt and answer are"),
    ],
)
def test_what_cannot_be_asked_is_named(model, document, message) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        model.logits([document])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"answer": 3}, "answer is 3; give a string"),
        ({"answer": " "}, "its answer is blank"),
        ({"question": None}, "has no question"),
        ({"question": " "}, r"the question ' ' has no words; type Asked\(context, question\)"),
        ({"second": "ok"}, "got the question 'bad' and second='ok'; give one of them"),
    ],
)
def test_a_context_says_what_is_wrong_with_it(given, message) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Asked("the film", **{"question": "bad", "id": "own", **given})


def test_edits_keep_question_and_answer() -> None:
    asked = DOCUMENTS[0]
    edited = delete_words(asked, {0})
    assert isinstance(edited, Asked) and edited.answer == asked.answer and edited.second == asked.second
    assert repr(edited).endswith("answer='very bad'>")


def test_models_and_prompts_that_cannot_answer_are_refused(tokenizer) -> None:
    with pytest.raises(ValueError, match=r"no place for the question; write \{text\}"):
        answering(module_of("llama"), tokenizer, prompt="Text: {text} Answer:")
    with pytest.raises(TypeError, match="got a Linear, expected a causal language model"):
        answering(torch.nn.Linear(2, 2), tokenizer)
    with pytest.raises(TypeError, match=r"answering: give the tokenizer of the LlamaForCausalLM: answering\("):
        answering(module_of("llama"))


@pytest.mark.parametrize("decodes", [False, True])
def test_an_encoder_that_reads_what_follows_is_refused(decodes, tokenizer) -> None:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    sizes |= {"vocab_size": len(tokenizer), "initializer_range": 0.3}
    config = transformers.BertConfig(is_decoder=decodes, **sizes)
    encoder = transformers.BertLMHeadModel(config)
    if decodes:
        assert answering(encoder, tokenizer, prompt=PROMPT).classes[1] == "this answer"
        return
    with pytest.raises(ValueError, match="BertLMHeadModel reads later tokens of an answer before it says"):
        answering(encoder, tokenizer, prompt=PROMPT)


def test_a_character_that_is_cut_in_two_is_left_out_of_the_answer(model, monkeypatch) -> None:
    monkeypatch.setattr(type(model.collate.tokenizer), "decode", lambda *given, **options: "very bad \ufffd\nso")
    (found,) = read(model, [Asked("the film was bad", "good plot")], progress=False).documents
    assert isinstance(found, Asked) and found.answer == "very bad"
