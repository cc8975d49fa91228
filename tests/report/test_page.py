"""The report: one page that holds everything, of one model and of several, with every text literal."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from attn_interp.cli import main
from attn_interp.experiments.examples import examples
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.quality import quality
from attn_interp.experiments.reading import read
from attn_interp.experiments.result import Result
from attn_interp.figures.draw.files import save_figure
from attn_interp.figures.jain_wallace import permutation as figures
from attn_interp.models.classifiers.settings import TrainingSettings
from attn_interp.report.folder import read_folder
from attn_interp.report.html import number, table, with_interval
from attn_interp.report.page import report_page, write_report
from attn_interp.report.repeat import command, differing_settings, shared_settings
from attn_interp.report.run_directory import FORMAT
from attn_interp.studies.cell import Cell

VOID = {"meta", "br", "img", "hr", "link", "input"}
NASTY = '<script>alert(1)</script> &amp; $x_1$ \\input{x} 😀 e\u0301 فيلم "q"'


class Page(HTMLParser):
    """Text, attributes and whether every tag is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def settings_of(cell: Cell, name: str = "planted") -> dict:
    corpus = {"name": name, "classes": ["a", "b"], "documents": {"test": 53}, "source": NASTY}
    labels = {"corpus": name, "encoder": cell.settings.encoder, "attention": cell.settings.attention}
    about = {"format": FORMAT, "labels": labels, "seed": cell.seed, "steps": {}, "model": "one"}
    return {**about, "cell": cell.described(), "corpus": corpus, "versions": {"torch": "2.0"}}


@pytest.fixture(scope="module")
def study(tmp_path_factory, planted, model) -> Path:
    """Two models in a folder as a study leaves it; the second is a copy of the first under another seed."""
    folder = tmp_path_factory.mktemp("results") / "my study"
    first = folder / "planted-seed0"
    reading = read(model, planted.test, training=planted)
    quality(reading).save(first)
    few = reading.only(planted.test[:11])
    permuted = permutation(few, draws=5)
    permuted.save(first)
    save_figure(figures.figure(permuted), first / "figures" / "permutation", figures.drawn(permuted))
    examples(few).save(first)
    (first / "reach.left_out.txt").write_text("the readout is <not> affine\n", "utf-8")
    shutil.copytree(first, folder / "planted-seed1")
    for seed in (0, 1):
        content = json.dumps(settings_of(Cell(corpus="planted", seed=seed, documents=11)))
        (folder / f"planted-seed{seed}" / "settings.json").write_text(content, "utf-8")
    (folder / "tables").mkdir()
    pd.DataFrame({"word": [NASTY], "estimate": [0.5], "low": [0.4], "high": [0.6]}).to_csv(
        folder / "tables" / "words.csv", index=False
    )
    return folder


@pytest.fixture(scope="module")
def source(study: Path) -> str:
    return report_page(read_folder(study))


def test_the_page_is_whole_and_asks_for_nothing(source: str) -> None:
    page = Page(source)
    assert page.tags.count("script") == 1
    assert not {name for name, _ in page.attributes} & {"onclick", "onload", "srcset", "style-src"}
    script = source.split("<script>")[1].split("</script>")[0]
    assert script.count("\n") < 60 and not re.search(r"fetch|import|eval|XMLHttp|innerHTML", script)
    links = [value for name, value in page.attributes if name in ("src", "href")]
    assert links
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in links)
    assert not re.search(r"@import|url\(|https?:", re.sub(r'"data:[^"]*"', "", source))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert "prefers-color-scheme: dark" in source
    assert "size: A4" in source


def test_every_result_figure_table_and_reason_is_on_the_page(source: str, study: Path) -> None:
    page = Page(source)
    for summary in study.glob("planted-seed0/*.summary.csv"):
        for row in pd.read_csv(summary).to_dict("records"):
            if "estimate" in row:
                assert with_interval(row["estimate"], row["low"], row["high"]) in page.text
    assert page.tags.count("img") == 2
    for text in ("seed 0", "seed 1", "better than the majority class", "tables/words.csv", "0.500 [0.400, 0.600]"):
        assert text in page.text
    assert page.text.count("the readout is <not> affine") == 2
    assert "Median total variation distance" in page.text


def test_words_of_documents_and_tables_are_literal(source: str, study: Path, planted) -> None:
    page = Page(source)
    assert NASTY in page.text  # of the table and of the corpus' source
    assert source.count("<script") == 1
    chosen = Result.load(study / "planted-seed0" / "examples.parquet").frame
    words = [unescape(word) for word in re.findall(r'<bdi style="[^"]*">(.*?)</bdi>', source)]
    rows = len([name for name in chosen.columns[5:] if not name.endswith((" low", " high"))])
    assert len(words) == 2 * rows * len(chosen)
    assert set(words) == set(chosen["word"])


def test_every_document_can_be_looked_up(source: str, study: Path, planted) -> None:
    page = Page(source)
    assert page.tags.count("svg") == 2  # quality and permutation, over both seeds
    assert page.text.count("permutation: median_tvd") == 2
    lookup = source.split('<section id="lookup">')[1].split("</section>")[0]
    rows = re.findall(r"<tr><td><bdi>(.*?)</bdi>(.*?)</tr>", lookup)
    assert [name for name, _ in rows] == 2 * [document.id for document in planted.test]  # quality looked at all
    permuted = Result.load(study / "planted-seed0" / "permutation.parquet").frame.set_index("document")
    for name, cells in rows:
        value = permuted["median_tvd"].get(name)
        assert (f">{number(value)}<" if value is not None else ">–<") in cells


def test_three_documents_stand_open_with_three_rows_and_the_rest_is_folded(source: str) -> None:
    shown = source.split("<section><h2>Documents to look at")[1].split("</section>")[0]
    first = shown.split("more documents</summary>")[0]
    assert first.count('<p class="title"') == 3 == first.count("<summary>gradient x input (detached)")
    document = first.split('<p class="title"')[1].split("<details>")[0]
    names = re.findall(r'class="name" dir="auto">([^<(]+)', document)
    assert [name.strip() for name in names] == ["attention", "adversary", "leave-one-out"]


def test_the_page_depends_on_the_results_alone(study: Path, source: str) -> None:
    path = write_report(study)
    assert path == study / "report.html"
    assert path.read_text("utf-8") == source


def test_one_model_saved_by_hand_needs_no_settings(study: Path, tmp_path: Path) -> None:
    shutil.copy(study / "planted-seed0" / "permutation.parquet", tmp_path)
    page = Page(report_page(read_folder(tmp_path)))
    assert "No quality was measured here" in page.text
    assert "Does it matter which word gets which weight?" in page.text


def test_results_of_another_version_are_refused_with_the_remedy(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "planted-seed0", tmp_path / "old")
    settings = json.loads((tmp_path / "old" / "settings.json").read_text("utf-8"))
    del settings["format"]
    (tmp_path / "old" / "settings.json").write_text(json.dumps(settings), "utf-8")
    with pytest.raises(
        ValueError,
        match=r"settings\.json: 'format' is missing; damaged or of an older version; delete the folder and run",
    ):
        read_folder(tmp_path)


def test_variants_of_an_experiment_are_told_with_their_model(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "planted-seed0", tmp_path / "one")
    settings = json.loads((tmp_path / "one" / "settings.json").read_text("utf-8"))
    settings["steps"] = {"permutation": {}, "permutation, few draws": {}}
    (tmp_path / "one" / "settings.json").write_text(json.dumps(settings), "utf-8")
    (tmp_path / "one" / "few_draws").mkdir()
    shutil.copy(study / "planted-seed0" / "permutation.parquet", tmp_path / "one" / "few_draws")
    found = read_folder(tmp_path)
    names = [each.name for each in found.runs[0].found]
    assert names == ["examples", "permutation", "quality", "permutation, few draws"]
    assert found.deeper == ()
    assert "few draws" in Page(report_page(found)).text


def test_models_are_called_by_what_differs(study: Path, tmp_path: Path) -> None:
    assert [run.name for run in read_folder(study).runs] == ["seed 0", "seed 1"]
    assert [run.name for run in read_folder(study / "planted-seed1").runs] == ["planted, lstm, additive, seed 1"]
    same = tmp_path / "same"
    for name in ("x", "y"):
        shutil.copytree(study / "planted-seed0", same / name)
    names = [run.name for run in read_folder(same).runs]
    assert names == ["planted, lstm, additive, seed 0 (x)", "planted, lstm, additive, seed 0 (y)"]


def test_settings_are_told_once_where_equal_and_side_by_side_where_not(study: Path) -> None:
    runs = read_folder(study).runs
    assert differing_settings(runs).to_numpy().tolist() == [["cell.seed", "0", "1"]]
    shared = shared_settings(runs).set_index("setting")["value"]
    assert shared["cell.training.epochs"] == "8"
    assert shared["versions.torch"] == "2.0"
    assert "cell.seed" not in shared


def test_the_command_repeats_the_cell_or_is_not_given(study: Path) -> None:
    run = read_folder(study).runs[1]
    assert command(run) == (
        "attn-interp study --corpus planted --encoder lstm --attention additive --width 300 --seed 1 --eps 0.01 "
        "--documents 11"
    )
    object.__setattr__(run, "settings", settings_of(Cell(training=TrainingSettings(epochs=5))))
    assert command(run).endswith("--epochs 5")
    for cell in (Cell(draws=7), Cell(site="word_attention"), Cell(training=TrainingSettings(steps=9))):
        object.__setattr__(run, "settings", settings_of(cell))
        assert command(run) == ""
    options = settings_of(
        Cell(corpus="it's.csv", corpus_options={"classes": ["a", "b"], "text": "my text"}, search=True)
    )
    object.__setattr__(run, "settings", options)
    assert "--corpus 'it'\"'\"'s.csv' --option classes=a,b --option 'text=my text'" in command(run)
    assert command(run).endswith("--search")


def test_mistakes_say_what_to_run(study: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such folder; a report is made .*attn-interp study"):
        read_folder(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="holds no results; `attn-interp study` makes one"):
        read_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"holds several studies; name one of them: .*my study"):
        read_folder(study.parent)
    (tmp_path / "quality.parquet").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"quality\.parquet: damaged or not a Parquet file"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda own: b"", "has the columns (none), but grouping, group"),
        (lambda own: b"quantity,estimate\nshare,0.5\n", "has the columns quantity, estimate, but grouping, group"),
        (lambda own: b"".join(own.splitlines(True)[:-1]), "rows, but "),
        (lambda own: own.replace(b",mean,0.", b",mean,1.", 1), "row 1: estimate is 1."),
        (lambda own: own.replace(b",mean,0.", b",mean,half", 1), "row 1: estimate is half"),
        (
            lambda own: own.replace(b",mean,", b",median,", 1),
            "row 1: statistic is median, but mean by permutation.parquet",
        ),
        (lambda own: b'a,b\n1,2,3\n"', "is no table in UTF-8 with commas between"),
        (lambda own: b"caf\xe9,b\n1,2\n", "is no table in UTF-8 with commas between"),
    ],
)
def test_a_summary_that_is_not_that_of_its_result_is_named(study: Path, tmp_path: Path, change, message: str) -> None:
    for name in ("permutation.parquet", "permutation.summary.csv"):
        shutil.copy(study / "planted-seed0" / name, tmp_path)
    file = tmp_path / "permutation.summary.csv"
    own = file.read_bytes()
    file.write_bytes(own.replace(b"\n", b"\r\n"))
    assert read_folder(tmp_path).runs[0].found[0].summary.equals(Result.load(tmp_path).summary())
    file.write_bytes(change(own))
    with pytest.raises(ValueError, match=rf"permutation\.summary\.csv: .*{re.escape(message)}.*remove"):
        read_folder(tmp_path)


def test_results_further_below_are_listed(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "planted-seed0", tmp_path / "one")
    shutil.copytree(study / "planted-seed0" / "figures", tmp_path / "one" / "uniform" / "figures")
    shutil.copy(study / "planted-seed0" / "permutation.parquet", tmp_path / "one" / "uniform")
    found = read_folder(tmp_path)
    assert found.deeper == ("one/uniform/permutation.parquet",)
    assert "one/uniform/permutation.parquet" in Page(report_page(found)).text


def test_the_command_line_writes_the_page_or_refuses_in_one_line(study: Path, tmp_path: Path, capsys) -> None:
    shutil.copy(study / "planted-seed0" / "permutation.parquet", tmp_path)
    for arguments, code in (([str(tmp_path), "--output", str(tmp_path / "x.html")], 0), ([str(tmp_path / "no")], 2)):
        with pytest.raises(SystemExit) as stopped:
            main(["report", *arguments])
        assert int(stopped.value.code or 0) == code
    captured = capsys.readouterr()
    assert captured.out == f"written: {tmp_path / 'x.html'}\n"
    assert captured.err.count("\n") == 1
    assert (tmp_path / "x.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_numbers_and_tables() -> None:
    assert [number(value) for value in (0.4034, -0.00012, 1234, -5, float("nan"), float("inf"), 0.0, -0.0001e-9)] == [
        *("0.403", "−0.00012", "1,234", "−5", "–", "∞", "0.000", "−1e−13")
    ]
    shown = table(pd.DataFrame({"x": [0.5], "x low": [0.25], "x high": [0.75], "ok": [True], "a": ["<b>\u0000"]}))
    assert shown.headings == ("x [95 % interval]", "ok", "a")
    assert shown.rows == (("0.500 [0.250, 0.750]", "yes", "<b><U+0000>"),)
    assert with_interval(0.5, float("nan"), 1.0) == "0.500"
    assert with_interval(-2.8e-17, -1 / 3, 1 / 3) == "0.000 [−0.333, 0.333]"
    assert with_interval(2e-17, 1e-17, 3e-17) == "2e-17 [1e-17, 3e-17]".replace("e-", "e−")
