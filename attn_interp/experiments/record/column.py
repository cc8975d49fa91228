"""What one column of a frame holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """What one column of a frame holds: its meaning, its unit and its range (None: unbounded)."""

    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
