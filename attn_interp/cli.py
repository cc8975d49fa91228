"""The command line: `attn-interp study`, `attn-interp report`, `attn-interp data` and `attn-interp models`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attn_interp.data.formats.option_values import folder_name, given, parsed, whole_numbers
from attn_interp.data.whole_files import whole_file
from attn_interp.models.classifiers.settings import COMPATIBILITIES, ENCODERS, REMEDIES
from attn_interp.models.training.garbage import collected_seldom, unseen_at_exit

if TYPE_CHECKING:
    from attn_interp.studies.cell import Cell
    from attn_interp.studies.grid import Grid

app = typer.Typer(
    add_completion=False,
    help="Settles, for a model and a corpus at hand, whether attention weights explain the decisions.",
    pretty_exceptions_enable=False,
)

RUNNING = ("grid", "results", "name", "jobs", "dask", "status", "device")
"""The parameters of a study that say how it is run; all others are what its file declares, where there is one."""

CorpusPath = Annotated[str | None, typer.Option(help="Folder of a named corpus that you have to have, as sst.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a mistake in the input is one line on the error stream and exit code 2.

    Args:
        arguments: What follows the name of the program; None: those it was called with.
    """
    if arguments is None:
        unseen_at_exit()
        arguments = sys.argv[1:]
    with mistakes_in_one_line(), collected_seldom():
        try:
            code = app(list(arguments) or ["--help"], prog_name="attn-interp", standalone_mode=False)
        except typer.TyperException as error:
            _refuse(f"{error.format_message()} (--help tells what there is)")
    raise SystemExit(code)


@contextmanager
def mistakes_in_one_line() -> Iterator[None]:
    """A mistake in the input inside is one line on the error stream and exit code 2, for commands and scripts alike;
    steps that failed are a line each, and exit code 1."""
    try:
        yield
    except RuntimeError as error:
        from attn_interp.studies.run import StepsFailed

        if not isinstance(error, StepsFailed):
            raise
        typer.secho(f"attn-interp: {error}", fg=typer.colors.RED, err=True)
        raise SystemExit(1) from None
    except (ValueError, TypeError, OSError, FloatingPointError) as error:
        _refuse(str(error))


def _refuse(message: str) -> None:
    typer.secho(f"attn-interp: {' '.join(message.split())}", fg=typer.colors.RED, err=True)
    raise SystemExit(2)


@app.command()
def study(
    context: typer.Context,
    grid: Annotated[
        Path | None, typer.Argument(help="TOML file that declares a grid of models; none: see below.")
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="Name or path of a corpus, repeatable; `attn-interp data` lists all.", show_default="movies"),
    ] = None,
    path: CorpusPath = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An option of the corpus, as label=stars for a table; repeatable."),
    ] = None,
    encoder: Annotated[str, typer.Option(help=f"Some of {', '.join(ENCODERS)}; with commas between.")] = "lstm",
    attention: Annotated[str, typer.Option(help=f"Some of {', '.join(COMPATIBILITIES)}.")] = "additive",
    normaliser: Annotated[str, typer.Option(help="What makes weights: softmax, sparsemax or entmax.")] = "softmax",
    remedy: Annotated[
        str, typer.Option(help=f"What training asks of the attention beside accuracy: {', '.join(REMEDIES)}.")
    ] = "none",
    strength: Annotated[float, typer.Option(help="Of the remedy, in nats of the loss.")] = 0.5,
    forbid: Annotated[
        str | None, typer.Option(help="Words that a deceptive model may not attend to, with commas between.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides training and everything drawn.")] = 0,
    seeds: Annotated[
        str | None, typer.Option(metavar="0,1,2", help="Several seeds; intervals are over them too.")
    ] = None,
    experiments: Annotated[str | None, typer.Option(help="Some of the experiments, with commas between.")] = None,
    documents: Annotated[int | None, typer.Option(min=1, help="Look at this many test documents only.")] = None,
    embeddings: Annotated[str | None, typer.Option(help="Pretrained word vectors (GloVe, word2vec, fastText).")] = None,
    width: Annotated[int, typer.Option(help="Width of the word vectors.")] = 300,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the documents.", show_default="1,000 steps, at most 8")
    ] = None,
    eps: Annotated[float, typer.Option(help="How far the adversary may move the output (total variation).")] = 0.01,
    search: Annotated[bool, typer.Option(help="Also search for the adversary as Jain & Wallace do.")] = False,
    device: Annotated[
        str | None, typer.Option(help="Where models are trained and read, as cuda or mps.", show_default="cpu")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    name: Annotated[
        str | None, typer.Option(help="Folder of this study.", show_default="study, or name of the file")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Models at the same time, each in a process on one thread.")] = 1,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler that gets the models.")] = None,
    status: Annotated[bool, typer.Option("--status", help="Only say where the study stands.")] = False,
) -> None:
    """Train a classifier, put its attention to every experiment, and write tables and figures.

    What a former run finished is not done again. Several corpora, encoders, attentions or seeds, by options or by a
    file, are a grid: every combination is run, what fails is a row of the table, and the tables pool the seeds.

    Example: attn-interp study --corpus reviews.csv --option text=body --option label=stars

    Example: attn-interp study --encoder lstm,average --seeds 0,1,2 --jobs 2
    """
    from attn_interp.studies.grid import Grid, read_grid
    from attn_interp.studies.questions import default_names

    folder = results / folder_name("--name", (grid.stem if grid else "study") if name is None else name)
    if status:
        return _show_status(folder)
    if grid is not None:
        _refuse_beside_a_file(context)
        declared = read_grid(grid)
        return _run_grid(declared if device is None else replace(declared, device=device), folder, jobs, dask)
    options = {**given(path=path), **dict(parsed(text) for text in option or ())}
    names = corpus or ["movies"]
    if options and len(names) > 1:
        raise ValueError("study: --path and --option belong to one corpus, several are given; declare them in a file")
    forbidden = tuple(forbid.split(",")) if forbid else ()
    declared = Grid(
        corpora=tuple({"corpus": each, **options} for each in names),
        encoders=tuple(encoder.split(",")),
        attentions=tuple(attention.split(",")),
        seeds=(seed,) if seeds is None else whole_numbers("--seeds", seeds),
        settings={"embedding_width": width, "normaliser": normaliser},
        training={"remedy": remedy, "strength": strength, "forbidden": forbidden} | given(epochs=epochs),
        embeddings=embeddings,
        documents=documents,
        eps=eps,
        search=search,
        device=device or "cpu",
        experiments=default_names() if experiments is None else tuple(experiments.split(",")),
    )
    cells = declared.cells()
    if len(cells) > 1 or seeds is not None or experiments is not None or dask is not None:
        return _run_grid(declared, folder, jobs, dask)
    _run_one(cells[0], folder)


def _run_one(cell: Cell, folder: Path) -> None:
    from rich.console import Console

    from attn_interp.experiments.record.overview import overview
    from attn_interp.report.console import show_table
    from attn_interp.report.sentence import sentence
    from attn_interp.studies.questions import default_names
    from attn_interp.studies.run import run_cell
    from attn_interp.studies.status import plan, write_plan

    write_plan(plan([cell], default_names()), folder)
    run = run_cell(cell, folder, progress=True, say=Console(stderr=True).print)
    table = overview(run.results)
    with whole_file(run.folder / "overview.csv") as draft:
        table.to_csv(draft, index=False)
    show_table(table, title=run.folder.name)
    typer.echo(sentence(run.results))
    typer.echo(f"tables and figures: {run.folder}\nas one page: attn-interp report {folder}")


def _run_grid(grid: Grid, folder: Path, jobs: int, dask: str | None) -> None:
    from attn_interp.report.console import show_table
    from attn_interp.studies.status import FAILED, by_cell
    from attn_interp.studies.study import TABLES, run_study

    tables = run_study(grid, folder, jobs, dask)
    if "overview" in tables:
        show_table(tables["overview"], title=folder.name)
        for *labels, seeds, text in tables["sentences"].itertuples(index=False):
            typer.echo(f"{', '.join(labels)}, {seeds} seeds: {text or 'the tables hold what was asked'}")
    failed = tables["cells"]["state"] == FAILED
    if failed.any():
        show_table(by_cell(tables["cells"][tables["cells"]["cell"].isin(tables["cells"]["cell"][failed])]), "failed")
    typer.echo(f"tables: {folder / TABLES}; figures: {folder}/<cell>/figures")
    typer.echo(f"as one page: attn-interp report {folder}")
    if failed.any():
        typer.secho(f"attn-interp: {int(failed.sum())} steps failed; run again to try them again", err=True, fg="red")
        raise typer.Exit(1)


def _show_status(folder: Path) -> None:
    from attn_interp.report.console import show_table
    from attn_interp.studies.status import DONE, LEFT_OUT, by_cell, read_plan, states

    found = states(read_plan(folder), folder)
    cells = by_cell(found)
    show_table(cells, title=folder.name)
    whole = found["state"].isin([DONE, LEFT_OUT]).groupby(found["cell"]).all()
    typer.echo(f"{int(whole.sum())} of {len(whole)} cells are done")


def _refuse_beside_a_file(context: typer.Context) -> None:
    """Options that a grid file decides are refused, not silently left aside."""
    for name in sorted(set(context.params) - set(RUNNING)):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise ValueError(f"study: --{name} stands beside a file; declare it there")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a study, of an analysis, or of one model in it.")],
    output: Annotated[Path | None, typer.Option(help="File to write.", show_default="report.html in it")] = None,
    paper: Annotated[Path | None, typer.Option(help="Also write figures, tables and main.tex for LaTeX here.")] = None,
) -> None:
    """Write a folder of results as one HTML page that holds its figures: verdicts, tables, documents, settings.

    The page asks the network for nothing, prints on A4 and is written anew each time.

    Example: attn-interp report results/study --paper paper
    """
    from attn_interp.report.folder import read_folder
    from attn_interp.report.page import write_report
    from attn_interp.report.paper import write_paper

    typer.echo(f"written: {write_report(folder, output)}")
    if paper is not None:
        typer.echo(f"written: {write_paper(read_folder(folder), paper)}")


@app.command()
def data(
    corpus: Annotated[str | None, typer.Argument(help="Name or path of a corpus; none: list the named ones.")] = None,
    path: CorpusPath = None,
    text: Annotated[str | None, typer.Option(help="Column of a table with running text.")] = None,
    words: Annotated[str | None, typer.Option(help="Column of a table with words parted by white space.")] = None,
    second: Annotated[str | None, typer.Option(help="Column of a table with the second text of each row.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of a table with the class names.")] = None,
    identifier: Annotated[str | None, typer.Option("--id", help="Column of a table with unique names.")] = None,
    split: Annotated[str | None, typer.Option(help="Column of a table with train, dev or test.")] = None,
    classes: Annotated[list[str] | None, typer.Option(help="A class name; repeat it for each, in order.")] = None,
    task: Annotated[
        str | None, typer.Option(help="Task of a corpus with several: binary, fine; for babi a number.")
    ] = None,
    least_words: Annotated[int | None, typer.Option(help="Refuse documents with fewer words.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws the splits that are not stated.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another option of the corpus, as part=50 for yelp-hat; repeatable."),
    ] = None,
    convert: Annotated[Path | None, typer.Option(help="Write the corpus to this JSON-lines file.")] = None,
) -> None:
    """List the corpora, describe one, or convert it to JSON lines.

    Options that a corpus does not have are refused with a list of those it has.

    Example: attn-interp data reviews.csv --text body --label stars --convert reviews.jsonl
    """
    from attn_interp.data.describe import describe, describe_rationales, list_corpora
    from attn_interp.data.formats.jsonlines import save_jsonlines
    from attn_interp.data.load import load
    from attn_interp.report.console import show_table

    options = given(
        path=path,
        text=text,
        words=words,
        second=second,
        label=label,
        id=identifier,
        split=split,
        classes=classes,
        task=None if task is None else parsed(f"task={task}")[1],
        least_words=least_words,
        seed=seed,
    )
    options |= dict(parsed(text) for text in option or ())
    if corpus is None:
        if options or convert is not None:
            raise ValueError("data: options describe a corpus, but none is named; give its name or path first")
        show_table(list_corpora(), title="corpora")
        return
    loaded = load(corpus, **options)
    show_table(describe(loaded), title=f"{loaded.name}: {loaded.source}")
    marked = describe_rationales(loaded)
    if len(marked):
        show_table(marked, title="what people marked")
    if convert is not None:
        save_jsonlines(loaded, convert)
        typer.echo(f"written: {convert}")


@app.command()
def models() -> None:
    """List the models that are fetched by name: kind, size, licence, source, and whether they are there."""
    from attn_interp.models.language.embedded import list_models
    from attn_interp.report.console import show_table

    show_table(list_models(), title="models")


if __name__ == "__main__":
    main()
