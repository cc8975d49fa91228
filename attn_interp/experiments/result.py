"""A result: the rows an experiment measured, what each column means, and the settings that repeat it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from attn_interp.by_name import named
from attn_interp.data.document import shortened
from attn_interp.data.formats.schema import checked, parse_json
from attn_interp.data.whole_files import replace_file
from attn_interp.experiments import experiment_of, module_of
from attn_interp.experiments.record.column import Column
from attn_interp.experiments.record.rule import verdicts
from attn_interp.experiments.record.statement import stated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMAT_VERSION = 2
METADATA_KEY, CHECKSUM_KEY = b"attn_interp", b"attn_interp.sha256"
REMEDY = "delete it and run again"
MOST_KEPT = 1000  # summaries of a few kilobytes each


@dataclass(frozen=True)
class Described:
    """What the file of a result says beside its frame."""

    format: int
    experiment: str
    settings: dict[str, Any]
    columns: dict[str, Column]


def _checksum(facts: Mapping[bytes, bytes]) -> bytes:
    """Of what a Parquet file says of its frame; the frame itself has one for each page."""
    return hashlib.sha256(facts[METADATA_KEY] + facts.get(b"pandas", b"")).hexdigest().encode()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


_SUMMARIES: dict[bytes, pd.DataFrame] = {}
"""Of files that were written or read before, by their digest: a study, its tables and its page read each several
times."""


def _kept(digest: bytes, summary: pd.DataFrame) -> pd.DataFrame:
    """The summary itself, kept; the oldest one goes where there are too many."""
    if len(_SUMMARIES) >= MOST_KEPT:
        del _SUMMARIES[next(iter(_SUMMARIES))]
    _SUMMARIES[digest] = summary
    return summary


@dataclass(frozen=True, repr=False)
class Result:
    """What an experiment found, unrounded.

    Attributes:
        experiment: Name of the experiment that made it.
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

    @cached_property
    def _summary(self) -> pd.DataFrame:
        content = vars(self).get("_content")  # the digest of its file, where it was loaded
        if content in _SUMMARIES:
            return _SUMMARIES[content]
        summary = experiment_of(self.experiment).summarise(self)
        return summary if content is None else _kept(content, summary)

    def summary(self) -> pd.DataFrame:
        """The statistics of the experiment, each with its 95 % interval and its n."""
        return self._summary.copy()

    def statements(self) -> pd.DataFrame:
        """The rows of the summary that answer the question, and what kind of number each is."""
        return stated(experiment_of(self.experiment), self.summary(), self.settings)

    def verdict(self) -> list[str]:
        """What the intervals decide, one sentence for each; "not decided" where none of them does."""
        return verdicts(experiment_of(self.experiment), self.summary())

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the main figure of the experiment on `ax` (a new one when None) and return it.

        Options are those that the figure has, such as panel=1 of the experiment recency.
        """
        shown = named("figures.words.literal.with_short_names")(self)
        return module_of("figures", self.experiment).plot(shown, ax, **options)

    def figure(self) -> Figure:
        """The whole figure of the experiment, at the width of a paper's column or page; long names of classes are
        shortened, the CSV of `save_figure` has them in full."""
        return module_of("figures", self.experiment).figure(named("figures.words.literal.with_short_names")(self))

    def caption(self) -> str:
        """What the figure of the experiment shows, for the text under it."""
        return module_of("figures", self.experiment).caption(self)

    def save_figure(self, path: str | os.PathLike[str]) -> Path:
        """Write the figure as PDF, PNG and CSV of what is drawn, and return the path that was given.

        A suffix .pdf, .png or .csv of the path is left aside: three files are made from it.
        """
        path = Path(path)
        place = path.with_suffix("") if path.suffix in (".pdf", ".png", ".csv") else path
        drawn = module_of("figures", self.experiment).drawn(self)
        named("figures.draw.files.save_figure")(self.figure(), place, drawn)
        return path

    def to_latex(self, path: str | os.PathLike[str] | None = None, digits: int = 2) -> str:
        """The statements as a LaTeX table (booktabs), also written to `path` where one is given."""
        return named("report.latex.table")(self.statements(), path, self.caption(), digits=digits)

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the frame as CSV, whole or not at all, and return its path."""
        path = Path(path)
        replace_file(path, self.frame.to_csv(index=False, lineterminator="\n").encode())
        return path

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write `<experiment>.parquet` (frame, settings and columns) and `<experiment>.summary.csv` into `folder`.

        Each file is written under a temporary name and moved into place, the Parquet file last: where it stands, the
        result is whole. Returns its path.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        described = asdict(Described(FORMAT_VERSION, self.experiment, dict(self.settings), dict(self.columns)))
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        facts = {**(table.schema.metadata or {}), METADATA_KEY: json.dumps(described).encode()}
        table = table.replace_schema_metadata({**facts, CHECKSUM_KEY: _checksum(facts)})
        content = BytesIO()
        pq.write_table(table, content, write_page_checksum=True)
        summary = _kept(_digest(content.getvalue()), self.summary())
        shown = summary.to_csv(index=False, lineterminator="\n")
        replace_file(folder / f"{self.experiment}.summary.csv", shown.encode())
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

        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"Result.load: got {shortened(repr(path), 60)}, expected the path of a file or folder")
        path = Path(path)
        if path.is_dir():
            found = sorted(path.glob("*.parquet"))
            if len(found) != 1:
                listed = ", ".join(file.name for file in found) or "none"
                raise FileNotFoundError(f"{path}: expected one result, found {listed}; name the file")
            path = found[0]
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such result; run the experiment and save it first")
        try:
            content = path.read_bytes()
            table = pq.read_table(BytesIO(content), page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            why = shortened(str(error), 200)
            raise ValueError(f"{path}: damaged or not a Parquet file ({why}); {REMEDY}") from error
        facts = table.schema.metadata or {}
        if METADATA_KEY not in facts:
            raise ValueError(f"{path}: a Parquet file, but not a saved result; expected one written by Result.save")
        if facts.get(CHECKSUM_KEY, _checksum(facts)) != _checksum(facts):
            raise ValueError(f"{path}: damaged, its checksum differs; {REMEDY}")
        told = parse_json(facts[METADATA_KEY], str(path), REMEDY)
        version = told.get("format") if isinstance(told, dict) else None
        if version != FORMAT_VERSION:
            raise ValueError(
                f"{path}: saved in format {version}, this version reads format {FORMAT_VERSION}; run the experiment "
                "again"
            )
        described = checked(told, Described, str(path), REMEDY)
        try:
            experiment_of(described.experiment)
            result = cls(described.experiment, table.to_pandas(), described.settings, described.columns)
            vars(result)["_content"] = _digest(content)
            return result
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}: damaged: {error}; {REMEDY}") from error

    def __repr__(self) -> str:
        verdict = "; ".join(self.verdict())[:300]
        return f"Result of {self.experiment}: {len(self.frame):,} rows" + (f"; {verdict}" if verdict else "")

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            raise AttributeError(
                f"a result has no {name!r}; its numbers are in .summary() and .frame, columns {', '.join(self.columns)}"
            )
        raise AttributeError(name)

    def _repr_html_(self) -> str:
        return named("report.card.result_html")(self)
