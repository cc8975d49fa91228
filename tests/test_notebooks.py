"""Every notebook runs from top to bottom on a small made-up corpus, defines nothing of its own, and is stored clean."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SHORT = {"CORPUS": "planted", "DOCUMENTS": 6, "EPOCHS": 1, "SEEDS": 2}
STRICT = "import warnings\nwarnings.simplefilter('error')\nimport torch\ntorch.set_num_threads(1)"

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def shortened(notebook: NotebookNode) -> NotebookNode:
    """The notebook with other values in its parameter cell, after a cell that makes every warning an error."""
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    names = [node.targets[0].id for node in ast.parse(parameters.source).body]
    assert set(names) <= set(SHORT), f"tell SHORT what to put for {set(names) - set(SHORT)}"
    parameters.source = "\n".join(f"{name} = {SHORT[name]!r}" for name in names)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    return notebook


def test_it_runs(path, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # nothing downloaded before is found
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # and nothing can be
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = shortened(nbformat.read(path, as_version=4))
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, kernel_name="python3", timeout=120, resources=place).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


def test_it_is_stored_without_outputs(path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_it_defines_nothing_but_the_readers_module(path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    tree = ast.parse(code.replace("%matplotlib inline", ""))
    for node in tree.body:
        assert not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef), node.name
        if isinstance(node, ast.ClassDef):
            assert ast.unparse(node.bases[0]) == "torch.nn.Module"
    assert "attn_interp" in code
