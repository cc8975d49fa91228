"""The documents of a frame taken together in several ways: all of them, and by class."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

BY_PREDICTED = ("all", "predicted")
BY_EITHER_CLASS = ("all", "predicted", "label")


def grouped(frame: pd.DataFrame, groupings: tuple[str, ...] = BY_PREDICTED) -> Iterator[pd.DataFrame]:
    """The frame once per grouping, with the columns `grouping` (its name) and `group` (the document's value of it).

    "all" puts every document into the group "all"; any other grouping is a column of the frame.
    """
    for grouping in groupings:
        yield frame.assign(grouping=grouping, group="all" if grouping == "all" else frame[grouping])
