"""Runs the notebooks as they are stored, and stores them with what came out.

    python notebooks/refresh.py                  every one (half an hour of one core)
    python notebooks/refresh.py tour recency     some

A notebook says of which code its outputs are; a test finds those that are stale.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

from attn_interp.models.progress import progress_bar

FOLDER = Path(__file__).parent
COARSE = """%config InlineBackend.print_figure_kwargs = {"bbox_inches": None, "dpi": 70}
import torch
torch.set_num_threads(1)
"""
CODE = "code_of_outputs"


def code_of(notebook: NotebookNode) -> str:
    """SHA-256 of all code."""
    code = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()


def smaller(picture: str) -> str:
    """A PNG in base64 with 128 colours, which the eye does not miss in a figure."""
    with Image.open(io.BytesIO(base64.b64decode(picture))) as opened:
        held = io.BytesIO()
        opened.convert("RGB").quantize(128).save(held, "PNG", optimize=True)
    return base64.b64encode(held.getvalue()).decode()


def refresh(path: Path) -> None:
    """Run a notebook with pictures of a moderate size, and store what came out without times and warnings."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(COARSE))
    NotebookClient(notebook, kernel_name="python3", timeout=3600, resources={"metadata": {"path": FOLDER}}).execute()
    del notebook.cells[0]
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count = number
        cell.metadata.pop("execution", None)
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    notebook.metadata[CODE] = code_of(notebook)
    nbformat.write(notebook, path)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    parser.add_argument("names", nargs="*", choices=[*names, []], help="names of notebooks; none: all")
    chosen = parser.parse_args(arguments).names or names
    with progress_bar("notebooks", len(chosen), shown=True) as step:
        for name in chosen:
            refresh(FOLDER / f"{name}.ipynb")
            step(name)


if __name__ == "__main__":
    main()
