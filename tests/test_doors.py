"""What holds between the rooms: who imports whom, what an import costs, how long a file is, what a file is called."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import attn_interp
from attn_interp import experiments
from attn_interp.door import stub

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "attn_interp"
ROOMS = (
    *("by_name", "data", "measures", "recording", "models", "attribution", "readout", "statistics", "experiments"),
    *("figures", "report", "studies", "cli", "door", "__init__"),
)
SOURCES = sorted(PACKAGE.rglob("*.py"))
HOMES = {"captum": {"attribution"}, "datasets": {"data"}, "transformers": {"models"}, "matplotlib": {"figures"}}
HEAVY = {"matplotlib", "captum", "datasets", "sklearn", "transformers"}
LONGEST = 320
MOST = 15  # modules in a folder


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def imported(path: Path) -> tuple[tuple[str, bool], ...]:
    """Every imported module of a file, function-level ones too, and whether it is for the type checker alone."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[tuple[str, bool]]:
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in line {node.lineno}"
            module = str(node.module)
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "attn_interp" else [module]
            yield from ((name, id(node) in typing_only) for name in names)


def test_every_room_is_known() -> None:
    assert {room(path) for path in SOURCES} == set(ROOMS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_only_upward(path: Path) -> None:
    own = ROOMS.index(room(path))
    wrong = [
        name for name, _ in imported(path) if name.startswith("attn_interp.") and ROOMS.index(name.split(".")[1]) > own
    ]
    assert wrong == []


def test_only_doors_look_modules_up_by_name() -> None:
    """What is imported by a name made at run time escapes the test above: it is allowed in these files alone."""
    users = {str(path.relative_to(PACKAGE)) for path in SOURCES if "import_module(" in path.read_text("utf-8")}
    assert users == {"by_name.py", "door.py", "experiments/__init__.py"}


@pytest.mark.parametrize("package", sorted(HOMES))
def test_each_heavy_library_has_one_home(package: str) -> None:
    found = {
        room(path)
        for path in SOURCES
        for name, typing_only in imported(path)
        if name.split(".")[0] == package and not typing_only
    }
    assert found <= HOMES[package]
    assert found or package == "transformers"


def loaded_after(code: str) -> set[str]:
    code = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    loaded = loaded_after("import attn_interp")
    assert "attn_interp" in loaded
    assert loaded & (HEAVY | {"torch", "pandas"}) == set()


def test_using_every_name_of_the_door_and_the_command_line_loads_nothing_heavy() -> None:
    names = ", ".join(attn_interp.__all__)
    loaded = loaded_after(
        f"from attn_interp import {names}\nimport attn_interp.cli, attn_interp.studies.run, attn_interp.readout"
    )
    assert {"torch", "pandas"} <= loaded
    assert loaded & HEAVY == set()


def test_the_door_offers_what_it_says() -> None:
    names = set(attn_interp.__all__)
    assert {
        "record",
        "intervene",
        "sites",
        "mark",
        "wrap",
        "Corpus",
        "Document",
        "load",
        "train",
        "read",
        "ask",
    } <= names
    assert set(experiments.names()) <= names
    for name in names:
        assert getattr(attn_interp, name).__name__.split(".")[-1] == name
    assert names <= set(dir(attn_interp))
    with pytest.raises(AttributeError, match=r"no attribute 'lode'; it offers Answers, .*wrap"):
        attn_interp.lode  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        attn_interp.experiments.absent  # noqa: B018


def test_the_type_checker_sees_the_same_door() -> None:
    assert (PACKAGE / "__init__.pyi").read_text("utf-8") == stub()


def test_an_experiment_says_what_to_type(model, planted, reading) -> None:
    for wrong in (planted.test, model, None):
        with pytest.raises(
            TypeError, match=r"agreement takes a reading, got .*ai\.agreement\(ai\.read\(model, documents"
        ):
            attn_interp.agreement(wrong)
    with pytest.raises(TypeError, match=r"has no option 'seed'; options are methods\. It is called as f\(reading"):
        attn_interp.agreement(reading, seed=1)
    with pytest.raises(TypeError, match=r"takes 1 argument.s. by place, got 2; name the options: eps, method"):
        attn_interp.adversary(reading, 0.05)
    with pytest.raises(TypeError, match=r"necessity needs documents: ai\.necessity\("):
        attn_interp.necessity({"attention": {0: model}})
    with pytest.raises(
        TypeError, match=r"takes documents, got a Reading: type ai\.human_agreement\(reading\.documents"
    ):
        attn_interp.human_agreement(reading)
    with pytest.raises(AttributeError, match=r"type attn_interp\.agreement"):
        attn_interp.experiments.agreement  # noqa: B018


def test_every_experiment_is_offered() -> None:
    """Every module of the room with an EXPERIMENT stands in the list, has the name of its function, and a figure."""
    found = set()
    for path in (PACKAGE / "experiments").rglob("*.py"):
        names = [
            ast.unparse(node.targets[0])
            for node in ast.parse(path.read_text("utf-8")).body
            if isinstance(node, ast.Assign)
        ]
        if "EXPERIMENT" in names:
            found.add(path.relative_to(PACKAGE / "experiments").with_suffix("").as_posix().replace("/", "."))
    assert found == set(experiments.EXPERIMENTS)
    for name in experiments.names():
        record, figure = experiments.experiment_of(name), experiments.module_of("figures", name)
        assert record.name == name
        assert all(callable(getattr(figure, each)) for each in ("plot", "figure", "drawn", "caption"))


def test_no_room_is_crowded() -> None:
    folders = {path.parent for path in SOURCES}
    counts = {folder: len(list(folder.glob("*.py"))) - 1 for folder in folders}
    assert {str(folder): count for folder, count in counts.items() if count > MOST} == {}


def test_no_file_is_two() -> None:
    files = [*SOURCES, *(ROOT / "analyses").glob("*.py")]
    long = {
        str(path.relative_to(ROOT)): count for path in files if (count := len(path.read_text().split("\n"))) > LONGEST
    }
    assert long == {}


def test_nothing_has_the_name_of_a_package() -> None:
    """A script transformers.py would import itself."""
    files = [*(ROOT / "analyses").glob("*.py"), *(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "tests").rglob("*.py")]
    taken = set(packages_distributions()) | set(sys.stdlib_module_names)
    assert {path.name for path in files if path.stem in taken} == set()
    assert files
