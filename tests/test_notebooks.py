"""Every notebook runs from top to bottom on a small made-up corpus, defines nothing of its own, and is stored with the
outputs of its code."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from attn_interp.data.formats.jsonlines import save_jsonlines
from attn_interp.data.load import load

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SHORT: dict[str, Any] = {"CORPUS": "small.jsonl", "DOCUMENTS": 6, "EPOCHS": 1, "SEEDS": 2, "MODEL": "language-model"}
SHORT |= {"STORIES": 90, "STEPS": 3, "ANSWERS": {"negative": " awful", "positive": " wonderful"}}
BUILT_IN = "planted"  # where a notebook plants evidence of its own
STRICT = """%reset -f
%matplotlib inline
%config InlineBackend.print_figure_kwargs = {"bbox_inches": None, "dpi": 40}
import warnings
warnings.simplefilter('error')
import torch
torch.set_num_threads(1)
from attn_interp.experiments.jain_wallace.parts import candidates, search
from attn_interp.statistics import bootstrap
from attn_interp.studies.recency import recency_cell
from attn_interp.studies.retraining import kept_models
search.STEPS, candidates.HALVINGS, kept_models.STRENGTHS = 5, 2, (0.1, 0.01)
bootstrap._bootstrapped = lambda sample, *others: (float(sample.min()), float(sample.max()))
from functools import partial
recency_cell.Sizes = partial(recency_cell.Sizes, train=24, real=24, width=6)
import gc
gc.freeze()  # the next %reset looks at what this notebook leaves alone
"""

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def shortened(notebook: NotebookNode) -> NotebookNode:
    """The notebook with other values in its parameter cell, after a cell that makes every warning an error, pictures
    coarse, and short what is tested by itself: the search and the sweep, training, and no resamples."""
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    names = [node.targets[0].id for node in ast.parse(parameters.source).body]
    assert set(names) <= set(SHORT), f"tell SHORT what to put for {set(names) - set(SHORT)}"
    short = SHORT | ({"CORPUS": BUILT_IN} if f'CORPUS = "{BUILT_IN}"' in parameters.source else {})
    parameters.source = "\n".join(f"{name} = {short[name]!r}" for name in names)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    return notebook


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, causal, wordpiece):
    """One for all notebooks, since most of a short run is the start; each begins by forgetting every name."""
    place = tmp_path_factory.mktemp("notebooks")
    save_jsonlines(load("planted", documents=160), place / SHORT["CORPUS"])
    causal("llama", "CausalLM").save_pretrained(place / SHORT["MODEL"])
    wordpiece.save_pretrained(place / SHORT["MODEL"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))  # nothing downloaded before is found
        patch.setenv("PIP_NO_INDEX", "1")  # and nothing can be
        patch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        patch.setenv("IPYTHONDIR", str(place / "ipython"))
        settings = {"kernel_name": "python3", "timeout": 120, "shutdown_kernel": "immediate"}
        client = NotebookClient(nbformat.v4.new_notebook(), **settings)
        with client.setup_kernel(cwd=str(place)):
            yield client


def test_it_runs(path, kernel) -> None:
    notebook = shortened(nbformat.read(path, as_version=4))
    kernel.nb = notebook
    kernel.reset_execution_trackers()
    for index, cell in enumerate(notebook.cells):
        kernel.execute_cell(cell, index)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


def test_it_is_stored_with_the_outputs_of_its_code(path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    refreshed = runpy.run_path(str(path.parent / "refresh.py"))
    stale = f"its code has changed since it was run: python notebooks/refresh.py {path.stem}"
    assert notebook.metadata.get(refreshed["CODE"]) == refreshed["code_of"](notebook), stale
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert path.stat().st_size < 400_000


def test_it_opens_with_the_question_and_ends_with_an_answer_in_words(path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].source.startswith("# ")
    assert notebook.cells[-2].source == "## The answer of this run"
    assert len("".join(output["text"] for output in notebook.cells[-1].outputs).split()) > 20


def test_it_defines_nothing_but_the_readers_module(path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    tree = ast.parse(code.replace("%matplotlib inline", ""))
    for node in tree.body:
        assert not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef), node.name
        if isinstance(node, ast.ClassDef):
            assert ast.unparse(node.bases[0]) == "torch.nn.Module"


def test_it_imports_the_door_and_at_most_one_more_name(path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    imported = []
    for node in ast.walk(ast.parse(code.replace("%matplotlib inline", ""))):
        if isinstance(node, ast.Import):
            imported += [f"{name.name} as {name.asname}" for name in node.names if name.name.startswith("attn_interp")]
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("attn_interp"):
            imported += [name.name for name in node.names]
    assert imported[0] == "attn_interp as ai"
    assert len(imported) <= 2, imported
