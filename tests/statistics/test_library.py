"""The room of statistics: every name that it offers is told apart from its modules."""

from pathlib import Path

from attn_interp import statistics


def test_no_module_has_the_name_of_what_is_offered() -> None:
    modules = {path.stem for path in Path(statistics.__file__).parent.glob("*.py")}
    assert set(statistics.__all__) & modules == set()
    assert statistics.__all__ == sorted(statistics.__all__)
    assert all(callable(getattr(statistics, name)) for name in statistics.__all__)
