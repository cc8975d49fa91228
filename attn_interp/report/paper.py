"""A folder of results as a paper: figures, tables and captions for LaTeX, and a document that sets them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attn_interp.data.whole_files import replace_file
from attn_interp.experiments import experiment_of, names
from attn_interp.experiments.record.rule import verdicts
from attn_interp.report import board
from attn_interp.report.folder import Found, ResultsFolder
from attn_interp.report.latex import PROVIDED, escape, table
from attn_interp.report.run_directory import as_name
from attn_interp.report.sentence import sentence

MAIN = "main.tex"
PREAMBLE = rf"""\documentclass{{article}}
\usepackage{{booktabs,graphicx}}
\usepackage[margin=2cm]{{geometry}}
{PROVIDED}
\makeatletter % a figure is at its own size, less where the page is smaller
\def\maxwidth{{\ifdim\Gin@nat@width>\linewidth\linewidth\else\Gin@nat@width\fi}}
\def\maxheight{{\ifdim\Gin@nat@height>.75\textheight.75\textheight\else\Gin@nat@height\fi}}
\makeatother
\author{{}}
\date{{}}
"""


def write_paper(results: ResultsFolder, folder: Path) -> Path:
    """Write figures/ (each as PDF, and as .tex with its caption), tables/ (.tex) and main.tex, which inputs them all.

    main.tex needs the packages booktabs, graphicx and geometry: `pdflatex main.tex` in its folder, twice for the
    references. With several models each has a section, and folders of its own below figures/ and tables/.

    Returns:
        The path of main.tex.
    """
    runs = [run for run in results.runs if run.found]
    body = []
    for model, told in board.models(runs).items():
        if text := sentence(told):
            body.append((rf"\paragraph{{{escape(model)}}} " if len(runs) > 1 else "") + escape(text))
    for run in runs:
        place = Path(as_name(run.folder.name)) if len(runs) > 1 else Path()
        body += [rf"\section{{{escape(run.name)}}}"] if len(runs) > 1 else []
        for found in sorted(run.found, key=lambda each: names().index(each.experiment)):
            body += _told(found, folder, place / as_name(found.name), "sub" * (len(runs) > 1))
    title = escape(results.path.resolve().name)
    text = "\n\n".join(body)
    source = f"{PREAMBLE}\\title{{{title}}}\n\\begin{{document}}\n\\maketitle\n\n{text}\n\n\\end{{document}}\n"
    replace_file(folder / MAIN, source.encode())
    return folder / MAIN


def _told(found: Found, folder: Path, place: Path, level: str) -> Iterator[str]:
    """Write the figure and the table of a result; the LaTeX that tells of it."""
    experiment, name = experiment_of(found.experiment), place.as_posix()
    drawn = found.figure.with_suffix(".pdf") if found.figure else None
    target = folder / "figures" / place.with_name(f"{place.name}.pdf")
    if drawn is not None and drawn.exists():
        replace_file(target, drawn.read_bytes())
    else:
        found.result.save_figure(target)
    figure = "\n".join(
        (
            r"\begin{figure}[htp]",
            r"\centering",
            rf"\includegraphics[width=\maxwidth,height=\maxheight,keepaspectratio]{{figures/{name}.pdf}}",
            rf"\caption{{{escape(found.result.caption())}}}",
            rf"\label{{fig:{name}}}",
            r"\end{figure}",
            "",
        )
    )
    replace_file(target.with_suffix(".tex"), figure.encode())
    question = experiment.card.question + (f" ({found.variant})" if found.variant else "")
    yield rf"\{level}section{{{escape(question)}}}"
    yield escape("; ".join(verdicts(experiment, found.summary)) or experiment.card.claim)
    rows = found.result.statements()
    if len(rows):
        twice = rows["statistic"].duplicated(keep=False)
        rows = rows.assign(statistic=rows["statistic"].mask(twice & (rows["question"].nunique() > 1), rows["question"]))
        table(
            rows.drop(columns="question"),
            folder / "tables" / place.with_name(f"{place.name}.tex"),
            f"{question} n: documents; in brackets 95 % intervals.",
            label=f"tab:{name}",
            digits=3,
        )
        yield rf"{{\footnotesize\input{{tables/{name}}}}}"
    yield rf"\input{{figures/{name}}}"
    yield r"\clearpage"
