"""What many tests need: one thread, small corpora whose evidence is known, and small models trained on them."""

from __future__ import annotations

import gc
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.load import load
from attn_interp.data.sequences import on_disk
from attn_interp.experiments.reading import Reading, read
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.classifiers.trained import Trained
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap

# Thousands of collected tests stay alive, and to look through them for garbage takes a tenth of the time.
gc.freeze()
gc.set_threshold(50_000, 20, 100)


@pytest.fixture
def typeset(tmp_path: Path) -> Callable[[Iterable[Path]], str]:
    """Sets the tables of the files in one document, with booktabs alone, and gives the log; "" without pdflatex."""

    def run(files: Iterable[Path]) -> str:
        if shutil.which("pdflatex") is None:
            return ""
        inputs = "\n".join(rf"\input{{{file.as_posix()}}}\clearpage" for file in files)
        begin = r"\documentclass{article}\usepackage{booktabs}\begin{document}\listoftables"
        (tmp_path / "all_tables.tex").write_text(f"{begin}\n{inputs}\n\\end{{document}}", "utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all_tables.tex"]
        for _ in range(2):  # the second prints the captions in the list of tables too
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
            log = done.stdout.decode(errors="replace")
            assert done.returncode == 0, log[-1000:]
        assert "Missing character" not in (tmp_path / "all_tables.log").read_text("utf-8", errors="replace")
        return log

    return run


@pytest.fixture
def hardly_any_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What weighs more than a few documents goes to disk."""
    monkeypatch.setattr(on_disk, "IN_MEMORY", 200)


torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

SMALL = ClassifierSettings(embedding_width=14, hidden=6, dropout=0.0)
QUICK = TrainingSettings(epochs=12, patience=12, learning_rate=1e-2)


@pytest.fixture(scope="session")
def planted() -> Corpus:
    return load("planted", documents=500, least_length=3, most_length=17, seed=3)


@pytest.fixture(scope="session")
def trained(planted: Corpus) -> Trained:
    return fit_classifier(planted, SMALL, QUICK, seed=1, progress=False)


@pytest.fixture(scope="session")
def model(trained: Trained) -> AttentionModel:
    return wrap(trained)


@pytest.fixture(scope="session")
def reading(model: AttentionModel, planted: Corpus) -> Reading:
    return read(model, planted.test)


PIECES = ("wonder", "aw", "##ful", "continu", "##es", "fol", "##low", "##s", "##less")


@pytest.fixture(scope="session")
def of_pairs() -> Reading:
    """A classifier of two texts that has seen little, on a dozen made-up stories with their questions."""
    corpus = load("facts", documents=60, most_sentences=4)
    settings = ClassifierSettings(embedding_width=6, hidden=4, dropout=0.0)
    trained = fit_classifier(corpus, settings, TrainingSettings(epochs=1), progress=False)
    return read(wrap(trained), corpus.test, progress=False)


SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@pytest.fixture(scope="session")
def wordpiece(planted: Corpus) -> Any:
    """A tokenizer that has the planted words whole but for some, among them both keywords: these are of two pieces."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    whole = sorted({w for d in planted.train for w in d.words} - {"wonderful", "awful", "continues", "follows"})
    vocabulary = {piece: index for index, piece in enumerate((*SPECIAL, *PIECES, *whole))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


@pytest.fixture(scope="session")
def bert(planted: Corpus, wordpiece: Any) -> AttentionModel:
    """A BERT of two layers and two heads that has learned to find the keyword."""
    import transformers

    settings = {"vocab_size": len(wordpiece), "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    settings |= {"intermediate_size": 24, "max_position_embeddings": 40, "initializer_range": 0.15}
    config = transformers.BertConfig(**settings, id2label=dict(enumerate(planted.classes)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = wrap(transformers.BertForSequenceClassification(config), wordpiece)
        optimiser = torch.optim.AdamW(model.module.parameters(), lr=5e-3)
        for _ in range(4):
            for _, batch in model.batches(planted.train[:160], 16):
                loss = torch.nn.functional.cross_entropy(model.batch_logits(batch), batch.labels)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return model


ENDS = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
PLAIN = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4, **ENDS}
PLAIN |= {"initializer_range": 0.3, "max_position_embeddings": 40}
GROUPED = {**PLAIN, "num_key_value_heads": 2, "head_dim": 6}
GPT2 = {"n_embd": 24, "n_layer": 3, "n_head": 4, "n_positions": 40, "initializer_range": 0.3, **ENDS}
DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": GPT2,
    "llama": GROUPED,
    "qwen2": {**PLAIN, "num_key_value_heads": 2},
    "mistral": GROUPED,
    "gpt_neox": PLAIN,
    "opt": {**PLAIN, "ffn_dim": 20, "word_embed_proj_dim": 24, "init_std": 0.3},
    "gemma2": {**GROUPED, "query_pre_attn_scalar": 6},
    "gemma3_text": GROUPED,
}


@pytest.fixture(scope="session")
def causal(planted: Corpus, wordpiece: Any) -> Callable[..., Any]:
    """Makes a causal decoder of three layers with random weights, as a classifier of the planted classes."""
    import transformers

    def make(family: str, kind: str = "SequenceClassification", **settings: Any) -> Any:
        settings = {**DECODERS[family], "vocab_size": len(wordpiece), **settings}
        with torch.random.fork_rng():
            torch.manual_seed(2)
            config = transformers.AutoConfig.for_model(family, **settings, id2label=dict(enumerate(planted.classes)))
            return getattr(transformers, f"AutoModelFor{kind}").from_config(config).eval()

    return make
