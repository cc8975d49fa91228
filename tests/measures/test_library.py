"""The room of measures: what it offers is all there is, and the largest divergence is said once."""

import ast
import math
from pathlib import Path

import torch

import attn_interp
from attn_interp import measures

ROOM = Path(measures.__file__).parent
NOT_MEASURES = {"rows"}  # the checks of all of them


def test_every_measure_is_offered() -> None:
    modules = {path.stem: ast.parse(path.read_text("utf-8")) for path in ROOM.glob("[a-z]*.py")}
    public = {
        node.name
        for name, tree in modules.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and name not in NOT_MEASURES
    }
    internal = {"centred_ranks"}  # what partial correlation is made of
    assert set(measures.__all__) == (public - internal) | {"LN2"}
    assert set(measures.__all__) & modules.keys() == set()
    assert measures.__all__ == sorted(measures.__all__)


def test_the_largest_divergence_is_said_once() -> None:
    apart = torch.eye(2, dtype=torch.float64)
    assert float(measures.jsd(apart[0], apart[1])) == measures.LN2 == math.log(2)
    written = [p for p in Path(attn_interp.__file__).parent.rglob("*.py") if "0.69314" in p.read_text("utf-8")]
    assert written == []
