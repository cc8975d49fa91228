"""What the site shows is what runs, and what it names is there; the build itself (`make docs`) runs the gallery."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import attn_interp as ai
from attn_interp import experiments
from attn_interp.cli import app
from attn_interp.studies.arguments import OPTIONS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in sorted(DOCS.rglob("*.md"))}
BLOCKS = {
    name: re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE) for name, text in PAGES.items()
}
GALLERY = sorted(name for name in PAGES if name.startswith("gallery"))
SMALL = 'load("planted", documents=90, least_length=3, most_length=9)'
QUICK = "embedding_width=6, hidden=4, epochs=1, progress=False)"


@pytest.fixture(scope="module")
def made_pages():
    sys.path.insert(0, str(DOCS))
    try:
        yield import_module("made_pages")
    finally:
        sys.path.remove(str(DOCS))


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A folder with the table of reviews that a page speaks of."""
    rows = [f'"{["a dull", "a good"][row % 2]} film, number {row}",{1 + 4 * (row % 2)}' for row in range(60)]
    (tmp_path / "reviews.csv").write_text("\n".join(["body,stars", *rows, ""]), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_classifier(tokenizer: Any, folder: Path) -> None:
    """A random BERT with its tokenizer, as the transformers library keeps them."""
    import transformers

    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.BertConfig(vocab_size=len(tokenizer), max_position_embeddings=40, **sizes)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def quick(code: str) -> str:
    """The same code with a small corpus and a small network."""
    code = re.sub(r'load\("facts", documents=\d+', 'load("facts", documents=90', code.replace('load("movies")', SMALL))
    code = re.sub(r"ReaderSettings\(steps=\d+", "ReaderSettings(steps=3", code)
    return re.sub(r"(ai\.train\(corpus, encoder=\"\w+\")[^)]*\)", rf"\1, {QUICK}", code)


@pytest.mark.filterwarnings("ignore:.*FigureCanvasAgg is non-interactive.*:UserWarning")
@pytest.mark.parametrize("page", [name for name, blocks in BLOCKS.items() if blocks and name not in GALLERY])
def test_the_python_of_a_page_runs(page: str, room, request) -> None:
    if "transformers" in page:
        save_classifier(request.getfixturevalue("wordpiece"), room / "my-classifier")
    if "my-language-model" in PAGES[page]:
        tokenizer = request.getfixturevalue("wordpiece")
        request.getfixturevalue("causal")("llama", "CausalLM").save_pretrained(room / "my-language-model")
        tokenizer.save_pretrained(room / "my-language-model")
    known: dict[str, object] = {}
    for block in BLOCKS[page]:
        exec(compile(quick(block), page, "exec"), known)
    lines = [line.partition("#")[0] for block in BLOCKS[page] for line in block.splitlines()]
    for written in re.findall(r'(?:save|save_figure|savefig|to_latex)\("([^"]+)"\)', "\n".join(lines)):
        assert Path(written).exists(), written


def test_the_gallery_shows_every_experiment_once(made_pages) -> None:
    assert sorted(made_pages.homes()) == sorted(experiments.names())
    table = made_pages.table()
    for name in experiments.names():
        assert f"#{name})" in table
        assert experiments.experiment_of(name).card.question in made_pages.card(experiments.experiment_of(name))
    for name in GALLERY:
        assert all(
            len(block.splitlines()) <= 10
            for block in re.findall(r"## \w+\n.*?```python\n(.*?)```", PAGES[name], re.DOTALL)
        )
        for block in BLOCKS[name]:
            compile(block, name, "exec")


def test_a_block_gives_the_value_of_its_last_line(made_pages) -> None:
    known: dict[str, object] = {}
    assert made_pages.run_block("a = 2\na + 1\n", known) == 3
    assert made_pages.run_block("b = a\n", known) is None
    assert known["b"] == 2


def test_indices_stand_low_outside_code(made_pages) -> None:
    made = made_pages.subscripts("Σ_t α_t v_ta, Σ_{t≠u} w_t, β_π(t), p'_i ≤ m_t] and `test_a_b`")
    low = "Σ<sub>t</sub> α<sub>t</sub> v<sub>ta</sub>, Σ<sub>t≠u</sub> w<sub>t</sub>, β<sub>π(t)</sub>"
    assert made == f"{low}, p'<sub>i</sub> ≤ m<sub>t</sub>] and `test_a_b`"
    assert "_" not in made_pages.subscripts(re.sub(r"`[^`]*`", "", PAGES["mathematics.md"]))


def test_every_public_name_and_method_has_a_docstring(made_pages, monkeypatch) -> None:
    assert made_pages.undocumented() == []
    monkeypatch.setattr(ai.Corpus.first, "__doc__", None)
    assert made_pages.undocumented() == ["attn_interp.Corpus.first"]


def test_the_reference_lists_every_name(made_pages) -> None:
    for places in (made_pages.door_names(), made_pages.readout_names()):
        for name, place in places.items():
            home, _, attribute = place.rpartition(".")
            assert hasattr(import_module(f"attn_interp.{home}"), attribute), name
    assert set(made_pages.door_names()) == set(ai.__all__)
    assert set(made_pages.readout_names()) == set(ai.readout.__all__)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_page_file_and_anchor_that_is_named_is_there(page: str) -> None:
    for path in re.findall(r"\b((?:analyses|notebooks|tests)/[\w./]+\.(?:py|ipynb|md))", PAGES[page]):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", PAGES[page]):
        assert (DOCS / page).parent.joinpath(target).exists(), target
    assert f"{page}\n" in (ROOT / "mkdocs.yml").read_text("utf-8")


def test_every_test_that_the_mathematics_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+)::(\w+)`", PAGES["mathematics.md"])
    assert len(named) > 25
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), name
    claims = re.split(r"^#+ ", PAGES["mathematics.md"], flags=re.MULTILINE)[2:]
    assert [claim.splitlines()[0] for claim in claims if "tests/" not in claim] == []


def test_every_command_is_one_with_these_options() -> None:
    commands = [line for text in PAGES.values() for line in re.findall(r"^(attn-interp .*)$", text, flags=re.MULTILINE)]
    commands += [found for text in PAGES.values() for found in re.findall(r"`(attn-interp [^`]+)`", text)]
    assert len(commands) > 8
    for command in commands:
        _, name, *words = command.split()
        told = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}, terminal_width=200)
        assert told.exit_code == 0, command
        for option in (word for word in words if word.startswith("--")):
            assert option in told.output, command


def test_every_option_of_a_script_is_its_own() -> None:
    for text in PAGES.values():
        for script, options in re.findall(r"python (analyses/\w+\.py)((?: --\w+)*)", text):
            for option in options.split():
                shared = option == "--help" or option.removeprefix("--") in OPTIONS
                assert shared or f'"{option}"' in (ROOT / script).read_text("utf-8"), (script, option)


def test_numbers_of_the_first_page_are_those_of_the_default_run_and_of_the_readme() -> None:
    found = re.findall(r"(0\.\d{3}) (\[0\.\d{3}, 0\.\d{3}\])", PAGES["index.md"])
    assert len(found) > 5
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    for estimate, interval in found:
        assert f"| {estimate} | {interval} |" in PAGES["default-run.md"], estimate
        assert f"{estimate} {interval}" in readme, estimate


def test_the_build_is_strict() -> None:
    """Under --quiet the warnings that --strict counts are never counted."""
    (line,) = [line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if "mkdocs build" in line]
    assert "--strict" in line
    assert "--quiet" not in line and " -q" not in line
    assert "make docs\n" in (ROOT / ".ci" / "run").read_text("utf-8")
