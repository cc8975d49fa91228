"""The judge finds what it is there to find, and the inputs are as many as they should be."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import attn_interp as ai
from tests.fuzz import judge, test_loaders, test_modules, test_objects, test_saved
from tests.fuzz.judge import Trial


def fail(error: Exception) -> Any:
    raise error


JUDGED: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "told": (lambda: ai.load("absent"), {"wrong": True, "names": ("absent",)}, "told"),
    "taken": (lambda: ai.load("planted", documents=30), {"wrong": False}, "taken"),
    "wrong and taken": (lambda: 1, {"wrong": True}, "silent"),
    "other than given": (lambda: 1, {"holds": lambda taken: taken == 2}, "silent"),
    "right and told": (lambda: ai.load("absent"), {"wrong": False}, "refused"),
    "of Python": (lambda: {}["a"], {}, "inside"),
    "of another library": (lambda: fail(ValueError("of nobody")), {}, "inside"),
    "without the place": (lambda: ai.load("absent"), {"names": ("reviews.csv",)}, "inside"),
    "never": (lambda: time.sleep(9), {}, "endless"),
    "of a person's module": (lambda: test_modules.raising(), {}, "told"),
}


@pytest.mark.parametrize("name", JUDGED)
def test_each_kind_is_told_apart(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "SECONDS", 1)
    call, options, kind = JUDGED[name]
    assert judge.judge(Trial(call, name, **options))[0] == kind


@pytest.mark.parametrize("name", [f".a.csv.{'0' * 32}", "a.jsonl"])
def test_half_a_file_is_found(name: str, tmp_path: Path) -> None:
    trial = Trial(lambda: (tmp_path / name).write_text("half"), "a writer", folder=tmp_path, whole=ai.load)
    assert judge.judge(trial)[0] == "half"


def test_a_thousand_inputs_are_thrown() -> None:
    kinds = [test_loaders.KINDS, test_objects.KINDS, test_saved.KINDS, test_modules.KINDS]
    assert sum(number for each in kinds for _, number in each.values()) >= 1_000
