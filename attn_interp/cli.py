"""The command line: `attn-interp study` and `attn-interp data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Settles, for a model and a corpus at hand, whether attention weights explain the decisions.",
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; a mistake in the input is one line on the error stream and exit code 2."""
    try:
        app()
    except (ValueError, TypeError, FileNotFoundError, FloatingPointError, ConnectionError) as error:
        typer.secho(f"attn-interp: {error}", fg=typer.colors.RED, err=True)
        raise SystemExit(2) from None


@app.command()
def study(
    corpus: Annotated[str, typer.Option(help="Name or path of a corpus; `attn-interp data` lists them.")] = "movies",
    path: Annotated[str | None, typer.Option(help="Folder of a named corpus that you have to have, as sst.")] = None,
    encoder: Annotated[str, typer.Option(help="lstm, cnn or average.")] = "lstm",
    attention: Annotated[str, typer.Option(help="additive, dot or scaled_dot.")] = "additive",
    seed: Annotated[int, typer.Option(help="Decides training and everything drawn.")] = 0,
    documents: Annotated[int | None, typer.Option(help="Look at this many test documents only.")] = None,
    embeddings: Annotated[str | None, typer.Option(help="Pretrained word vectors (GloVe, word2vec, fastText).")] = None,
    width: Annotated[int, typer.Option(help="Width of the word vectors.")] = 300,
    eps: Annotated[float, typer.Option(help="How far the adversary may move the output (total variation).")] = 0.01,
    search: Annotated[bool, typer.Option(help="Also search for the adversary as Jain & Wallace do.")] = False,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    name: Annotated[str, typer.Option(help="Folder of this study inside it.")] = "study",
) -> None:
    """Train a classifier, put its attention to every experiment, and write tables and figures.

    What a former run finished is not done again.
    """

    from attn_interp.models.settings import ClassifierSettings
    from attn_interp.report.console import show_table
    from attn_interp.report.overview import overview
    from attn_interp.studies.cell import Cell
    from attn_interp.studies.run import run_cell

    cell = Cell(
        corpus=corpus,
        corpus_options={} if path is None else {"path": path},
        settings=ClassifierSettings(encoder=encoder, attention=attention, embedding_width=width),
        seed=seed,
        embeddings=embeddings,
        documents=documents,
        eps=eps,
        search=search,
    )
    run = run_cell(cell, results / name)
    table = overview(run.results)
    table.to_csv(run.folder / "overview.csv", index=False)
    show_table(table, title=run.folder.name)
    typer.echo(f"tables and figures: {run.folder}")


@app.command()
def data(
    corpus: Annotated[str | None, typer.Argument(help="Name or path of a corpus; none: list the named ones.")] = None,
    path: Annotated[str | None, typer.Option(help="Folder of a named corpus that you have to have, as sst.")] = None,
    convert: Annotated[Path | None, typer.Option(help="Write the corpus to this JSON-lines file.")] = None,
) -> None:
    """List the corpora, describe one, or convert it to JSON lines."""
    from attn_interp.data.describe import describe, list_corpora
    from attn_interp.data.jsonlines import save_jsonlines
    from attn_interp.data.load import load
    from attn_interp.report.console import show_table

    if corpus is None:
        show_table(list_corpora(), title="corpora")
        return
    options: dict[str, Any] = {} if path is None else {"path": path}
    loaded = load(corpus, **options)
    show_table(describe(loaded), title=f"{loaded.name}: {loaded.source}")
    if convert is not None:
        save_jsonlines(loaded, convert)
        typer.echo(f"written: {convert}")


if __name__ == "__main__":
    main()
