"""The command line in process: its help teaches, its answers stand, and a mistake is one line and exit code 2."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from attn_interp.cli import app, main
from attn_interp.data.load import corpora, load
from attn_interp.models.classifiers.settings import ENCODERS

OPTIONS = {
    "study": (
        *("corpus", "path", "option", "encoder", "attention", "seed", "documents", "embeddings", "width", "epochs"),
        *("eps", "search", "results", "name", "seeds", "experiments", "jobs", "dask", "status"),
    ),
    "report": ("output",),
    "data": (
        *("path", "text", "words", "label", "id", "split", "classes", "task", "least-words", "seed", "option"),
        "convert",
    ),
}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which no cell of a table is broken, without colours."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")


@pytest.fixture
def call(capsys):
    """Arguments -> exit code, output, errors: through the door that the installed program uses."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def refused(call):
    """Arguments -> the one line on the error stream."""

    def run(*arguments: object) -> str:
        code, out, err = call(*arguments)
        assert code == 2
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("attn-interp: ")
        assert "Traceback" not in err
        return err.removeprefix("attn-interp: ").rstrip("\n")

    return run


@pytest.fixture(scope="module")
def jsonl(tmp_path_factory) -> Path:
    """A made-up corpus as a user would bring it."""
    path = tmp_path_factory.mktemp("corpus") / "reviews.jsonl"
    rows = []
    for document in load("planted", documents=90, least_length=3, most_length=8).train:
        rows.append({"text": " ".join(document.words), "label": ("bad", "good")[document.label]})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def table(tmp_path, jsonl) -> Path:
    """The same as a table whose columns have names of their own."""
    rows = [json.loads(line) for line in jsonl.read_text("utf-8").splitlines()]
    frame = pd.DataFrame({"stars": [row["label"] for row in rows], "body": [row["text"] for row in rows]})
    frame.assign(number=[f"r{index}" for index in range(len(frame))]).to_csv(tmp_path / "reviews.csv", index=False)
    return tmp_path / "reviews.csv"


@pytest.mark.parametrize("command", OPTIONS)
def test_help_teaches_every_option_and_gives_an_example(command) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    for option in OPTIONS[command]:
        assert re.search(rf"--{option}\b", done.output), option
    assert f"attn-interp {command}" in " ".join(done.output.split())


def test_help_says_what_is_taken_where_nothing_is_said() -> None:
    output = " ".join(CliRunner().invoke(app, ["study", "--help"]).output.split())
    for default in ("(movies)", "lstm", "(1,000 steps, at most 8)", "(cpu)", "(study, or name of the file)"):
        assert f"[default: {default}]" in output


def test_help_names_every_encoder() -> None:
    output = CliRunner().invoke(app, ["study", "--help"]).output
    assert all(encoder in output for encoder in ENCODERS)


def test_the_exit_of_another_program_is_its_own(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("attn_interp.cli.unseen_at_exit", lambda: seen.append("exit"))
    monkeypatch.setattr("sys.argv", ["attn-interp", "models"])
    for arguments, expected in ((["models"], []), (None, ["exit"])):
        with pytest.raises(SystemExit):
            main(arguments)
        assert seen == expected


def test_without_a_command_the_help_is_shown(call) -> None:
    for arguments in ((), ("--help",)):
        code, out, err = call(*arguments)
        assert code == 0
        assert err == ""
        assert {"study", "data"} <= set(out.split())


def test_a_device_that_there_is_not_is_one_line(call, tmp_path) -> None:
    (tmp_path / "grid.toml").write_text("seeds = [1]")
    for arguments in ((), (tmp_path / "grid.toml",)):
        code, out, err = call("study", *arguments, "--device", "gpu0")
        assert (code, out) == (2, "") and "device: got 'gpu0', expected one of cpu" in err


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "a\\b", "x\0", "x" * 300, "é" * 150, "", ".", ".."])
def test_a_name_that_is_none_of_a_folder_is_one_line(refused, tmp_path, name) -> None:
    for further in ((), ("--status",)):
        told = refused("study", "--results", tmp_path, "--name", name, *further)
        assert told.startswith("--name: got '") and "expected the name of a file or folder in this one" in told
    assert list(tmp_path.iterdir()) == []


def test_data_lists_every_corpus(call) -> None:
    code, out, _ = call("data")
    assert code == 0
    for source in corpora():
        assert source.name in out
        assert source.licence in out


def test_data_describes_a_corpus(call, jsonl) -> None:
    code, out, err = call("data", jsonl)
    assert (code, err) == (0, "")
    corpus = load(jsonl)
    for name, documents in corpus.splits.items():
        assert re.search(rf"{name}\W+{len(documents)} ", out)


def test_data_converts_a_table_with_columns_of_other_names(call, table, tmp_path) -> None:
    target = tmp_path / "converted.jsonl"
    code, out, _ = call("data", table, "--text", "body", "--label", "stars", "--id", "number", "--convert", target)
    assert code == 0
    assert f"written: {target}" in out.replace("\n", "")
    expected = load(table, text="body", label="stars", id="number")
    assert load(target).fingerprint() == expected.fingerprint()
    assert {document.id for document in load(target).test} <= {f"r{index}" for index in range(90)}


def test_data_hands_every_option_to_the_loader(call, table, tmp_path) -> None:
    target = tmp_path / "a.jsonl"
    options = ["--words", "body", "--label", "stars", "--classes", "good", "--classes", "bad", "--least-words", "1"]
    assert call("data", table, *options, "--seed", "5", "--convert", target)[0] == 0
    expected = load(table, words="body", label="stars", classes=["good", "bad"], least_words=1, seed=5)
    assert load(target).fingerprint() == expected.fingerprint()
    assert load(target).classes == ("good", "bad")


def test_data_reads_a_treebank_of_either_task(call, tmp_path) -> None:
    for split in ("train", "dev", "test"):
        trees = [f"({k} (2 {split}{n}) ({k} word{n}))" for n, k in enumerate((0, 1, 2, 3, 4, 0, 4))]
        (tmp_path / f"{split}.txt").write_text("\n".join(trees) + "\n", "utf-8")
    assert re.search(r"train\W+7 ", call("data", tmp_path, "--task", "fine")[1])
    assert re.search(r"train\W+6 ", call("data", "sst", "--path", tmp_path)[1])


def test_data_tells_what_people_marked(call, jsonl, tmp_path) -> None:
    (tmp_path / "train.csv").write_text(
        "textID,text,selected_text,sentiment\n"
        + "".join(f"t{n},day {n} is fine,fine,{('negative', 'positive')[n % 2]}\n" for n in range(40)),
        "utf-8",
    )
    out = call("data", "tweets", "--path", tmp_path, "--option", "seed=3")[1]
    assert "what people marked" in out
    assert re.search(r"train\W+32\W+32\W+1\W+1\.000\W+1\W+0\.250\W+0\W+0\b", out)
    assert "what people marked" not in call("data", jsonl)[1]


def test_study_answers_on_a_users_table_and_does_nothing_twice(call, table, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("attn_interp.studies.run.draw", lambda result, folder: None)
    options = ["--option", "text=body", "--option", "label=stars", "--option", "least-words=3", "--option", "seed=7"]
    arguments = ["study", "--corpus", table, *options, "--encoder", "average", "--width", 6, "--documents", 4]
    arguments += ["--results", tmp_path / "results", "--name", "mine", "--seed", 2, "--epochs", 3]
    code, out, err = call(*arguments)
    assert code == 0
    assert "Traceback" not in err
    (folder,) = [path.parent for path in (tmp_path / "results" / "mine").glob("*/settings.json")]
    assert f"tables and figures: {folder}" in out.replace("\n", "")
    expected = {"settings.json", "overview.csv", "agreement.parquet", "adversary.summary.csv"}
    assert expected <= {path.name for path in folder.iterdir()}
    cell = json.loads((folder / "settings.json").read_text())["cell"]
    assert cell["corpus_options"] == {"text": "body", "label": "stars", "least_words": 3, "seed": 7}
    assert (cell["seed"], cell["documents"], cell["settings"]["embedding_width"]) == (2, 4, 6)
    assert (cell["training"]["epochs"], cell["training"]["steps"]) == (3, None)
    answers = pd.read_csv(folder / "overview.csv")
    assert list(answers.columns) == ["question", "statistic", "estimate", "low", "high", "n", "status"]
    for question in answers["question"].unique():
        assert question in out
    assert "For this model " in out or "There is little to explain: " in out
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    assert call(*arguments)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data", "moovies"), "'moovies' is unknown; options are babi, cnn, eraser, esnli, facts, fair-rationales, "),
        (("data", "absent.jsonl"), "there is no such file"),
        (("data", "absent.csv", "--label", "stars"), "there is no such file"),
        (("data", "planted", "--option", "documents"), "--option 'documents': expected NAME=VALUE"),
        (("data", "--option", "part=50"), "none is named"),
        (("data", "planted", "--text", "body"), "option 'text' is unknown; options are copies, documents,"),
        (("data", "sst"), "option 'path' is missing"),
        (("data", "planted", "--seed", "one"), "'--seed'"),
        (("data", "planted", "--seed", "-1"), "'--seed'"),
        (("data", "--seed", "1"), "none is named"),
        (("data", "planted", "--lable", "x"), "--lable"),
        (("dta",), "No such command 'dta'"),
        (("study", "--corpus", "moovies"), "'moovies' is unknown"),
        (("study", "--encoder", "rnn"), f"encoder: got 'rnn', expected one of {', '.join(map(repr, ENCODERS))}"),
        (("study", "--attention", "cosine"), "attention: got 'cosine'"),
        (("study", "--seed", "one"), "'--seed'"),
        (("study", "--eps", "2"), "eps: got 2.0, expected a total variation distance in (0, 1)"),
        (("study", "--width", "0"), "embedding_width: got 0, expected at least 1"),
        (("study", "--documents", "0"), "'--documents'"),
        (("study", "--option", "label"), "--option 'label': expected NAME=VALUE"),
        (("study", "--corpus", "planted", "--option", "label=stars"), "option 'label' is unknown"),
        (("study", "extra"), "extra: there is no such file; expected the declaration of a study"),
        (("study", "extra.toml", "--seeds", "0,1"), "--seeds stands beside a file; declare it there"),
        (("study", "extra.toml", "--encoder", "lstm"), "--encoder stands beside a file; declare it there"),
        (("study", "--seeds", "0,one"), "--seeds: got '0,one', expected whole numbers"),
        (("study", "--seeds", "0,0"), "seeds: 0 is given twice"),
        (("study", "--encoder", "lstm,rnn"), "encoder: got 'rnn'"),
        (("study", "--experiments", "quality,reech"), "experiments: got 'reech', expected some of quality"),
        (("study", "--jobs", "0"), "'--jobs'"),
        (("study", "--status"), "no study was begun here"),
        (("study", "--corpus", "a.csv", "--corpus", "b.csv", "--option", "label=x"), "belong to one corpus"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line(refused, arguments, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(*arguments)
    assert list(tmp_path.iterdir()) == []  # nothing was begun


def test_a_missing_column_and_a_bad_row_are_named(refused, table) -> None:
    assert "no column 'label'; columns are body, number, stars" in refused("data", table, "--text", "body")
    table.write_text("text,label\na fine film,good\nbad,bad\n", "utf-8")
    assert "row 3" in refused("data", table) or "line 3" in refused("data", table)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "vectors.txt"), ("film 0.5 0.5\nstory 0.1 0.2\n", "vectors.txt")],
    ids=["missing file", "another width"],
)
def test_wrong_vectors_are_named(call, jsonl, tmp_path, content, message) -> None:
    file = tmp_path / "vectors.txt"
    if content is not None:
        file.write_text(content, "utf-8")
    arguments = ["study", "--corpus", jsonl, "--encoder", "average", "--width", 6, "--embeddings", file]
    code, _, err = call(*arguments, "--results", tmp_path / "results")
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("attn-interp: ")
    assert message in last
    assert "Traceback" not in err


def test_a_folder_in_the_place_of_a_file_is_one_line(refused, tmp_path) -> None:
    (tmp_path / "reviews.jsonl").mkdir()
    refused("data", tmp_path / "reviews.jsonl")


def test_a_break_is_not_a_mistake(monkeypatch, call) -> None:
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("attn_interp.data.load.load", stopped)
    code, _, err = call("data", "planted")
    assert code == 130
    assert "Traceback" not in err
