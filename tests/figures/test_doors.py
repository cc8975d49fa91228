"""What holds for every figure: imports, global state, the door of Result, and drawing twice."""

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

import attn_interp
from attn_interp.experiments import module_of

NAMES = ("adversary", "agreement", "examples", "permutation")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_the_figures_loads_neither_matplotlib_nor_torch() -> None:
    figures = Path(attn_interp.__file__).parent / "figures"
    modules = [path.relative_to(figures).with_suffix("").as_posix() for path in figures.rglob("[!_]*.py")]
    imports = "; ".join(f"import attn_interp.figures.{name.replace('/', '.')}" for name in modules)
    assert run(f"import sys; {imports}; print({{'matplotlib', 'torch'}} & set(sys.modules))") == "set()"


def test_drawing_uses_no_pyplot() -> None:
    code = (
        "import sys; from attn_interp.figures.draw import style\n"
        "with style.axes_or_new(None) as ax: ax.plot([0, 1])\n"
        "ax.figure.draw_without_rendering()\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert run(code) == "False"


@pytest.mark.parametrize("name", NAMES)
def test_the_door_of_a_result_leaves_no_settings_behind(name: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(name)
    if callable(result):
        result = result("exact") if name == "adversary" else result()
    before = {key: mpl.rcParams[key] for key in mpl.rcParams if key != "backend"}
    axes = result.plot()
    assert {key: mpl.rcParams[key] for key in mpl.rcParams if key != "backend"} == before
    figures = module_of("figures", name)
    assert figures.drawn(result).equals(figures.drawn(result))
    assert axes.figure.get_size_inches()[0] in (3.3, 6.9)
