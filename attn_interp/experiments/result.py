"""A result: the rows an experiment measured, what each column means, and the settings that repeat it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from attn_interp.data.whole_files import whole_file
from attn_interp.experiments import module_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMAT_VERSION = 1
METADATA_KEY = b"attn_interp"


@dataclass(frozen=True)
class Column:
    """What one column of a frame holds: its meaning, its unit and its range (None: unbounded)."""

    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Result:
    """What an experiment found, unrounded.

    Attributes:
        experiment: Name of the module in `attn_interp.experiments` that made it.
        frame: Tidy rows, one per document and whatever else varies. Undefined values are NaN, never dropped.
        settings: Everything needed to repeat the experiment; plain JSON values.
        columns: One `Column` for each column of the frame, in its order.

    Raises:
        ValueError: where frame and columns disagree or a value lies outside its stated range.
    """

    experiment: str
    frame: pd.DataFrame
    settings: Mapping[str, Any]
    columns: Mapping[str, Column]

    def __post_init__(self) -> None:
        if list(self.frame.columns) != list(self.columns):
            raise ValueError(
                f"result {self.experiment!r}: frame has columns {list(self.frame.columns)}, "
                f"described are {list(self.columns)}"
            )
        for name, column in self.columns.items():
            if column.low is None and column.high is None:
                continue
            low = -float("inf") if column.low is None else column.low
            high = float("inf") if column.high is None else column.high
            outside = (self.frame[name] < low - 1e-6) | (self.frame[name] > high + 1e-6)
            if outside.any():
                row = int(outside.to_numpy().argmax())
                raise ValueError(
                    f"result {self.experiment!r}: row {row}: {name} is {self.frame[name].iloc[row]}, "
                    f"outside [{low}, {high}]"
                )

    def summary(self) -> pd.DataFrame:
        """The statistics of the experiment, each with its 95 % interval and its n."""
        summary: pd.DataFrame = module_of("experiments", self.experiment).summarise(self)
        return summary

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the main figure of the experiment on `ax` (a new one when None) and return it."""
        axes: Axes = module_of("figures", self.experiment).plot(self, ax)
        return axes

    def caption(self) -> str:
        """What the main figure of the experiment shows, for the text under it."""
        caption: str = module_of("figures", self.experiment).caption(self)
        return caption

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write `<experiment>.parquet` (frame, settings and columns) and `<experiment>.summary.csv` into `folder`.

        Each file is written under a temporary name and moved into place, the Parquet file last: where it stands, the
        result is whole. Returns its path.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        described = {
            "format": FORMAT_VERSION,
            "experiment": self.experiment,
            "settings": dict(self.settings),
            "columns": {name: asdict(column) for name, column in self.columns.items()},
        }
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA_KEY: json.dumps(described)})
        content = BytesIO()
        pq.write_table(table, content)
        summary = self.summary().to_csv(index=False, lineterminator="\n")
        replace_file(folder / f"{self.experiment}.summary.csv", summary.encode())
        path = folder / f"{self.experiment}.parquet"
        replace_file(path, content.getvalue())
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """Read a result back from its `.parquet` file, or from a folder that holds exactly one.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, no result, or of another format version.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        if path.is_dir():
            found = sorted(path.glob("*.parquet"))
            if len(found) != 1:
                names = ", ".join(file.name for file in found) or "none"
                raise FileNotFoundError(f"{path}: expected one result, found {names}; name the file")
            path = found[0]
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such result; run the experiment and save it first")
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path}: damaged or not a Parquet file ({error}); delete it and run again") from error
        text = (table.schema.metadata or {}).get(METADATA_KEY)
        if text is None:
            raise ValueError(f"{path}: a Parquet file, but not a saved result; expected one written by Result.save")
        described = json.loads(text)
        if described["format"] != FORMAT_VERSION:
            raise ValueError(
                f"{path}: saved in format {described['format']}, this version reads format {FORMAT_VERSION}; "
                "run the experiment again"
            )
        columns = {name: Column(**fields) for name, fields in described["columns"].items()}
        return cls(described["experiment"], table.to_pandas(), described["settings"], columns)

    def _repr_html_(self) -> str:
        title = f"<p><b>{self.experiment}</b>: {len(self.frame)} rows</p>"
        return title + self.summary().to_html(index=False, float_format="{:.3f}".format, escape=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with whole_file(path) as draft:
        draft.write_bytes(content)
