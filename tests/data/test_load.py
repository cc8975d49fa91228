import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

import attn_interp.data.corpora as corpora_room
from attn_interp.cli import app
from attn_interp.data.corpora.source import Source
from attn_interp.data.corpus import Corpus
from attn_interp.data.describe import describe, list_corpora
from attn_interp.data.load import CORPORA, corpora, load

TREES = "(4 (2 A) (4 joy))\n(0 (2 A) (0 bore))\n"
PLANTED = {"documents": 60, "least_length": 4, "most_length": 4}


@pytest.fixture
def trees(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.txt").write_text(TREES)
    return tmp_path


def test_a_new_corpus_is_its_module_and_one_line(monkeypatch):
    """Found by `load`, in the list of corpora and in that of the command line."""

    def load_toy(seed: int = 0) -> Corpus:
        return replace(load("planted", seed=seed, **PLANTED), name="toy")

    toy = ModuleType("attn_interp.data.corpora.toy")
    toy.SOURCES = (Source("toy", "for this test", "MIT", load_toy, needs_path=False),)
    monkeypatch.setitem(sys.modules, toy.__name__, toy)
    monkeypatch.setattr("attn_interp.data.load.CORPORA", (*CORPORA, "toy"))
    assert load("toy", seed=2).name == "toy"
    assert list_corpora().iloc[-1].tolist() == ["toy", "for this test", "MIT", "built in"]
    assert "for this test" in CliRunner().invoke(app, ["data"]).output


def test_every_module_of_the_room_that_has_sources_is_listed():
    folder = Path(corpora_room.__file__).parent
    having = [path for path in folder.rglob("*.py") if "\nSOURCES" in path.read_text("utf-8")]
    assert {".".join(path.relative_to(folder).with_suffix("").parts) for path in having} == set(CORPORA)


def test_the_error_for_a_name_of_the_hub_teaches_how_to_load_it():
    with pytest.raises(ValueError, match=r'load\("hub", path="its name"\)'):
        load("imdb")


def test_named_corpora():
    assert [source.name for source in corpora()] == sorted(source.name for source in corpora())
    assert load("planted", documents=40, seed=3) == load("planted", documents=40, seed=3)


def test_treebanks_by_name_and_by_path(trees):
    assert len(load("sst", path=trees).classes) == 2
    assert len(load("sst-fine", path=trees).classes) == 5
    assert load(trees, task="fine") == load(str(trees), task="fine") == load("sst-fine", path=trees)


def test_files_by_their_ending(tmp_path):
    rows = [(f"A fine film {i}", "no" if i % 2 else "yes") for i in range(20)]
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows))
    lines = "".join(
        json.dumps({"text": text, "label": label, "id": f"{i + 2}"}) + "\n" for i, (text, label) in enumerate(rows)
    )
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "train.jsonl").write_text(lines)
    (tmp_path / "a.jsonl").write_text(lines)
    loaded = [load(tmp_path / name, seed=5) for name in ("a.csv", "a.tsv", "a.jsonl", "folder")]
    assert len({corpus.fingerprint() for corpus in loaded}) == 1


def test_unknown_names_paths_and_options_are_named(tmp_path):
    with pytest.raises(ValueError) as caught:
        load("imdb")
    options = (
        "babi, cnn, eraser, esnli, facts, fair-rationales, hatexplain, hub, movies, movies-fine, planted, sick, snli, "
        "sst, sst-fine, tweets, yelp-hat"
    )
    assert f"corpus 'imdb' is unknown; options are {options}, a file *.csv" in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv': there is no such file"):
        load(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match=r"the folder holds neither train\.jsonl nor train\.txt"):
        load(tmp_path)
    with pytest.raises(TypeError, match="corpus 'movies': option 'sede' is unknown; options are seed"):
        load("movies", sede=1)
    with pytest.raises(TypeError, match="corpus 'sst': option 'path' is missing; it says where your copy"):
        load("sst")
    with pytest.raises(TypeError, match="option 'task' is unknown; options are least_words, path"):
        load("sst", path=tmp_path, task="fine")
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(TypeError, match="option 'path' is unknown"):
        load(tmp_path / "a.csv", path="b.csv")


def test_describe_counts_each_split():
    planted = load("planted", **PLANTED)
    splits = planted.splits | {"dev": tuple(replace(document, rationales=()) for document in planted.dev)}
    table = describe(replace(planted, splits=splits))
    assert table["split"].tolist() == ["train", "dev", "test"] and table["documents"].tolist() == [48, 6, 6]
    assert table["rationales"].tolist() == [48, 0, 6]
    assert (table["mean_words"] == 4).all() and (table["least_words"] == 4).all() and (table["most_words"] == 4).all()
    assert (table["classes"] == 2).all() and (table["largest_class"] == 0.5).all()
    assert set(table["corpus"]) == {"planted"} and set(table["licence"]) == {"MIT"}


def test_the_list_names_every_corpus():
    table = list_corpora()
    assert table["corpus"].tolist() == [
        *("babi", "cnn", "eraser", "esnli", "facts", "fair-rationales", "hatexplain", "hub", "movies", "movies-fine"),
        *("planted", "sick", "snli", "sst", "sst-fine", "tweets", "yelp-hat"),
    ]
    built_in = table["corpus"][table["files"] == "built in"]
    assert built_in.tolist() == ["facts", "movies", "movies-fine", "planted"]
    assert set(table["files"]) == {"built in", "your own: path=..."}


def test_a_name_goes_before_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("planted").mkdir()
    assert load("planted", **PLANTED).name == "planted"
    with pytest.raises(ValueError, match="the folder holds neither"):
        load(Path("planted"))


def test_what_is_no_corpus_is_told_with_what_to_type(tmp_path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"a\.parquet': is no file \*\.csv, .*; read it with pandas and give the frame"
    ):
        load(tmp_path / "a.parquet")
    with pytest.raises(
        ValueError, match=r"holds neither train\.jsonl nor train\.txt; load texts in files of their own"
    ):
        load(tmp_path)
    (tmp_path / "A.CSV").write_text("text,label\n" + "".join(f"a film {n},{n % 2}\n" for n in range(12)))
    assert load(tmp_path / "A.CSV").classes == ("0", "1")
    with pytest.raises(TypeError, match=r"A\.CSV': seed: got 1\.0, expected a whole number"):
        load(tmp_path / "A.CSV", seed=1.0)
