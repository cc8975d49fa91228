"""The bar is for people who wait: on the error stream, after two seconds, only if asked."""

import pytest

from attn_interp.models import progress
from attn_interp.models.progress import progress_bar


def run(shown: bool) -> None:
    with progress_bar("weighing words", 3, shown) as step:
        for number in range(3):
            step(f"round {number}")


def test_quick_work_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run(shown=True)
    assert capsys.readouterr() == ("", "")


def test_long_work_shows_its_name_on_the_error_stream(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)
    run(shown=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "weighing words" in err
    assert "round 2" in err


def test_nothing_is_shown_unless_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)
    run(shown=False)
    assert capsys.readouterr() == ("", "")


def test_in_a_notebook_without_widgets_nothing_warns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    run(shown=True)  # a warning would be an error
    assert "weighing words" in capsys.readouterr().err


def test_what_runs_within_other_work_shows_no_bar_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)
    with progress_bar("outside", 2, True) as step:
        step("", 1)
        run(shown=True)
    err = capsys.readouterr().err
    assert "outside" in err
    assert "weighing words" not in err
    run(shown=True)
    assert "weighing words" in capsys.readouterr().err
