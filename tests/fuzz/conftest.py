"""`throw` judges the inputs of one kind; a table of the counts stands under the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.fuzz.judge import KINDS, Trial, judged

Throw = Callable[[Iterator[Trial], int], None]


@pytest.fixture
def throw(request: pytest.FixtureRequest) -> Throw:
    """Trials and their number -> each is judged; none may be silent, refused, inside, endless or half."""

    def thrown(trials: Iterator[Trial], number: int) -> None:
        counts = judged(trials)
        request.node.user_properties.append(("thrown", dict(counts.kinds)))
        assert sum(counts.kinds.values()) == number
        assert not counts.bad, f"{len(counts.bad)} of {number}\n" + "\n".join(counts.bad[:12])

    return thrown


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = []
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            rows += [
                (report.nodeid.split("::")[-1], found) for name, found in report.user_properties if name == "thrown"
            ]
    if not rows:
        return
    rows.append(("all", {kind: sum(found.get(kind, 0) for _, found in rows) for kind in KINDS}))
    terminalreporter.section("inputs thrown at the library")
    terminalreporter.write_line(f"{'':44}" + "".join(f"{kind:>9}" for kind in (*KINDS, "sum")))
    for name, found in rows:
        numbers = [found.get(kind, 0) for kind in KINDS]
        terminalreporter.write_line(f"{name[:43]:44}" + "".join(f"{n:>9}" for n in (*numbers, sum(numbers))))
