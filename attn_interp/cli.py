"""The command line: `attn-interp study` and `attn-interp data`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from attn_interp.models.settings import COMPATIBILITIES, ENCODERS

app = typer.Typer(
    add_completion=False,
    help="Settles, for a model and a corpus at hand, whether attention weights explain the decisions.",
    pretty_exceptions_enable=False,
)

CorpusPath = Annotated[str | None, typer.Option(help="Folder of a named corpus that you have to have, as sst.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a mistake in the input is one line on the error stream and exit code 2.

    Args:
        arguments: What follows the name of the program; None: those it was called with.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(given or ["--help"], prog_name="attn-interp", standalone_mode=False)
    except typer.TyperException as error:
        _refuse(f"{error.format_message()} (--help tells what there is)")
    except (ValueError, TypeError, OSError, FloatingPointError) as error:
        _refuse(str(error))
    raise SystemExit(code)


def _refuse(message: str) -> None:
    typer.secho(f"attn-interp: {' '.join(message.split())}", fg=typer.colors.RED, err=True)
    raise SystemExit(2)


@app.command()
def study(
    corpus: Annotated[str, typer.Option(help="Name or path of a corpus; `attn-interp data` lists them.")] = "movies",
    path: CorpusPath = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An option of the corpus, as label=stars for a table; repeatable."),
    ] = None,
    encoder: Annotated[str, typer.Option(help=f"One of {', '.join(ENCODERS)}.")] = "lstm",
    attention: Annotated[str, typer.Option(help=f"One of {', '.join(COMPATIBILITIES)}.")] = "additive",
    seed: Annotated[int, typer.Option(min=0, help="Decides training and everything drawn.")] = 0,
    documents: Annotated[int | None, typer.Option(min=1, help="Look at this many test documents only.")] = None,
    embeddings: Annotated[str | None, typer.Option(help="Pretrained word vectors (GloVe, word2vec, fastText).")] = None,
    width: Annotated[int, typer.Option(help="Width of the word vectors.")] = 300,
    eps: Annotated[float, typer.Option(help="How far the adversary may move the output (total variation).")] = 0.01,
    search: Annotated[bool, typer.Option(help="Also search for the adversary as Jain & Wallace do.")] = False,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    name: Annotated[str, typer.Option(help="Folder of this study inside it.")] = "study",
) -> None:
    """Train a classifier, put its attention to every experiment, and write tables and figures.

    What a former run finished is not done again.

    Example: attn-interp study --corpus reviews.csv --option text=body --option label=stars
    """
    from rich.console import Console

    from attn_interp.models.settings import ClassifierSettings
    from attn_interp.report.console import show_table
    from attn_interp.report.overview import overview
    from attn_interp.studies.cell import Cell
    from attn_interp.studies.run import run_cell

    console = Console(stderr=True)
    cell = Cell(
        corpus=corpus,
        corpus_options={**_given(path=path), **dict(_parsed(text) for text in option or ())},
        settings=ClassifierSettings(encoder=encoder, attention=attention, embedding_width=width),
        seed=seed,
        embeddings=embeddings,
        documents=documents,
        eps=eps,
        search=search,
    )
    run = run_cell(cell, results / name, progress=True, say=console.print)
    table = overview(run.results)
    table.to_csv(run.folder / "overview.csv", index=False)
    show_table(table, title=run.folder.name)
    typer.echo(f"tables and figures: {run.folder}")


@app.command()
def data(
    corpus: Annotated[str | None, typer.Argument(help="Name or path of a corpus; none: list the named ones.")] = None,
    path: CorpusPath = None,
    text: Annotated[str | None, typer.Option(help="Column of a table with running text.")] = None,
    words: Annotated[str | None, typer.Option(help="Column of a table with words parted by white space.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of a table with the class names.")] = None,
    identifier: Annotated[str | None, typer.Option("--id", help="Column of a table with unique names.")] = None,
    split: Annotated[str | None, typer.Option(help="Column of a table with train, dev or test.")] = None,
    classes: Annotated[list[str] | None, typer.Option(help="A class name; repeat it for each, in order.")] = None,
    task: Annotated[str | None, typer.Option(help="Task of a treebank: binary or fine.")] = None,
    least_words: Annotated[int | None, typer.Option(help="Refuse documents with fewer words.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws the splits that are not stated.")] = None,
    convert: Annotated[Path | None, typer.Option(help="Write the corpus to this JSON-lines file.")] = None,
) -> None:
    """List the corpora, describe one, or convert it to JSON lines.

    Options that a corpus does not have are refused with a list of those it has.

    Example: attn-interp data reviews.csv --text body --label stars --convert reviews.jsonl
    """
    from attn_interp.data.describe import describe, list_corpora
    from attn_interp.data.jsonlines import save_jsonlines
    from attn_interp.data.load import load
    from attn_interp.report.console import show_table

    options = _given(
        path=path,
        text=text,
        words=words,
        label=label,
        id=identifier,
        split=split,
        classes=classes,
        task=task,
        least_words=least_words,
        seed=seed,
    )
    if corpus is None:
        if options or convert is not None:
            raise ValueError("data: options describe a corpus, but none is named; give its name or path first")
        show_table(list_corpora(), title="corpora")
        return
    loaded = load(corpus, **options)
    show_table(describe(loaded), title=f"{loaded.name}: {loaded.source}")
    if convert is not None:
        save_jsonlines(loaded, convert)
        typer.echo(f"written: {convert}")


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _parsed(option: str) -> tuple[str, Any]:
    """name=value -> (name, value): whole numbers, true and false as such, a,b,c for classes, other text as it is."""
    name, equals, value = option.partition("=")
    if not (name and equals):
        raise ValueError(f"--option {option!r}: expected NAME=VALUE, as in label=stars")
    name = name.replace("-", "_")
    if name == "classes":
        return name, value.split(",")
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.isdecimal() else value


if __name__ == "__main__":
    main()
