"""How long decisions stand: the share that has not changed yet, as a function of what was done to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from attn_interp.statistics.bootstrap import Floats


def survival(
    frame: pd.DataFrame,
    by: Sequence[str],
    value: str = "fraction",
    event: str = "flipped",
    unit: str = "document",
    end: float = 1.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """The share of observations whose event lies beyond a value (Kaplan & Meier), with its interval, for every group.

    What has no event is censored at `end` and stays in the sample. Where a unit has several observations, as a
    document has several random orders, the share is the mean of the units' own shares, and the unit, not the
    observation, is what varies: the interval at a value is Wilson's with the effective number of observations
    share (1 - share) / variance of that mean, which is n with one observation each. It holds at one value at a time,
    not for the whole curve, and stays honest at shares of 0 and 1; where no unit differs from another it takes n.

    Args:
        frame: One row per observation.
        by: Columns that make the groups; none for one group of all rows.
        value: Column with the place of the event, in [0, end]; it is not read where there is no event.
        event: Column that says whether there is one.
        unit: Column with the unit of each observation; each has equally many within a group.
        end: Largest value there is; observations without an event are censored here.
        level: Coverage of the interval, in (0, 1).

    Returns:
        A tidy frame with the columns of `by`, then `value`, share, low, high, n (units). In each group the first row
        is at 0 and there is one more for every place of an event and for `end`; between two rows the share stays that
        of the first. Groups stand in sorted order.

    Raises:
        KeyError: for a column that the frame lacks.
        ValueError: for an event outside [0, end], for units with different numbers of observations, or for a level
        outside (0, 1).

    >>> frame = pd.DataFrame({"document": list("abcd"), "fraction": [0.25, 0.5, 0.5, 1.0], "flipped": [1, 1, 1, 0]})
    >>> survival(frame, by=[])[["fraction", "share"]].to_numpy().tolist()
    [[0.0, 1.0], [0.25, 0.75], [0.5, 0.25], [1.0, 0.25]]

    Reference: Kaplan & Meier 1958; Wilson 1927; Korn & Graubard 1998 on the effective number.
    """
    missing = sorted({*by, value, event, unit} - set(frame.columns))
    if missing:
        raise KeyError(f"no columns {missing}; the frame has {sorted(map(str, frame.columns))}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    places = frame[value].to_numpy(np.float64, na_value=np.nan)
    happened = frame[event].to_numpy(bool)
    outside = happened & ~((places >= 0) & (places <= end))
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(f"column {value!r}: row {row} has an event at {places[row]}, expected a place in [0, {end}]")
    rows = pd.DataFrame(
        {"place": np.where(happened, places, end), "happened": happened, "unit": frame[unit].to_numpy()}
    )
    groups = frame.reset_index(drop=True).groupby(list(by), observed=True).indices if by else {(): rows.index}
    parts = []
    for key, members in groups.items():
        keys = key if isinstance(key, tuple) else (key,)
        curve = _curve(rows.iloc[members], str(unit), level).rename(columns={"place": value})
        parts.append(pd.concat([pd.DataFrame([keys] * len(curve), columns=list(by), index=curve.index), curve], axis=1))
    columns = [*by, value, "share", "low", "high", "n"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _curve(rows: pd.DataFrame, unit: str, level: float) -> pd.DataFrame:
    per_unit = rows.groupby("unit").size()
    draws, n = int(per_unit.iloc[0]), len(per_unit)
    if (per_unit != draws).any():
        odd = int((per_unit != draws).to_numpy().argmax())
        raise ValueError(
            f"{unit} {per_unit.index[odd]!r}: has {per_unit.iloc[odd]} observations, but {per_unit.index[0]!r} has "
            f"{draws}; within a group each needs as many"
        )
    sample = stats.CensoredData(
        uncensored=rows.loc[rows["happened"], "place"].to_numpy(), right=rows.loc[~rows["happened"], "place"].to_numpy()
    )
    function = stats.ecdf(sample).sf
    places = np.unique([0.0, *function.quantiles])
    share = function.evaluate(places)
    low, high = _wilson(share, _effective(share, _squares(rows, places, draws, n), n), level)
    return pd.DataFrame({"place": places, "share": share, "low": low, "high": high, "n": n})


def _squares(rows: pd.DataFrame, places: Floats, draws: int, n: int) -> Floats:
    """Mean over the units of the square of their own share beyond each place."""
    events = rows[rows["happened"]].sort_values("place", kind="stable")
    left = 1 - events.groupby("unit").cumcount().to_numpy() / draws  # of the unit, before the event
    fallen = np.concatenate([[0.0], np.cumsum(left**2 - (left - 1 / draws) ** 2)])
    return 1 - fallen[np.searchsorted(events["place"].to_numpy(), places, side="right")] / n


def _effective(share: Floats, squares: Floats, n: int) -> Floats:
    """Number of independent observations whose mean would vary as much; n where no unit differs from another."""
    single, between = share * (1 - share), squares - share**2
    varies = (single > 1e-12) & (between > 1e-12)
    return n * np.divide(single, between, out=np.ones_like(share), where=varies)


def _wilson(share: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    """Wilson's interval for a number of observations that need not be whole."""
    z = stats.norm.ppf((1 + level) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(middle - half, 0.0, share), np.clip(middle + half, share, 1.0)
