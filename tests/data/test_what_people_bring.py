"""Tables and texts as pandas, R, spreadsheets and the hub write them: the right corpus, or a sentence with the row."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest
import torch

from attn_interp.data.formats.jsonlines import load_jsonlines
from attn_interp.data.load import load

TEXTS = [f"a fine film {number}" for number in range(12)]
MISSING = ["", " ", "nan", "NaN", "None", "null", "NULL", "NA", "N/A", "<NA>", "#N/A"]


def rows_of(*labels: object, delimiter: str = ",", head: str = "text{0}label") -> str:
    cells = [labels[number % len(labels)] for number in range(12)]
    lines = [f"{text}{delimiter}{label}" for text, label in zip(TEXTS, cells)]
    return "\n".join([head.format(delimiter), *lines, ""])


def classes_of(folder, content: str | bytes, name: str = "a.csv", **options: object) -> tuple[str, ...]:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(folder / name, **options).classes


@pytest.mark.parametrize("cell", MISSING)
@pytest.mark.parametrize("kind", ["csv", "texts", "frame"])
def test_a_missing_label_is_no_class(tmp_path, cell: str, kind: str) -> None:
    labels = ["good", "bad", cell] * 4
    with pytest.raises(ValueError, match=r"row (4|2): it has no label, got .*name the classes \(classes=\)"):
        if kind == "csv":
            classes_of(tmp_path, rows_of("good", "bad", cell))
        elif kind == "texts":
            load(TEXTS, labels=labels)
        else:
            load(pd.DataFrame({"text": TEXTS, "label": labels}))
    if cell.strip():
        assert set(classes_of(tmp_path, rows_of("good", "bad", cell), classes=["good", "bad", cell])) >= {cell}


@pytest.mark.parametrize("gone", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_a_missing_value_is_no_class(gone: object) -> None:
    labels = ["good", "bad", gone] * 4
    with pytest.raises(ValueError, match="row 2: it has no label"):
        load(TEXTS, labels=labels)
    with pytest.raises(ValueError, match="frame, row 2: label is missing; fill the cell or drop the row"):
        load(pd.DataFrame({"text": TEXTS, "label": labels}))


@pytest.mark.parametrize("several", [["good", "long"], ("good",), [], {"good": 1}, {"good"}, np.array([0, 1])])
def test_several_labels_are_refused(tmp_path, several: object) -> None:
    labels = ["good", "bad", several] * 4
    with pytest.raises(ValueError, match=r"row 2: its label is .*, a document has one"):
        load(pd.DataFrame({"text": TEXTS, "label": labels}))
    with pytest.raises(ValueError, match=r"row 2: (its label is .*, a document has one|it has no label)"):
        load(TEXTS, labels=labels)
    if isinstance(several, list | np.ndarray):
        with pytest.raises(ValueError, match=r"row 4: its label is .*, a document has one"):
            classes_of(tmp_path, rows_of("good", "bad", f'"{several}"'))


def test_a_name_in_brackets_and_none_in_small_letters_are_classes(tmp_path) -> None:
    assert classes_of(tmp_path, rows_of("[good]", "none")) == ("[good]", "none")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("0.0", "1.0"), ("0", "1")),  # a column of pandas in which a label was missing
        (("1", "1.0", "0"), ("0", "1")),
        (("1.5", "1.0"), ("1", "1.5")),
        (("-1", "0", "1"), ("-1", "0", "1")),
        (("9" * 30, "9" * 29 + "8"), ("9" * 29 + "8", "9" * 30)),
        (("9" * 5000, "1"), ("1", "9" * 5000)),
        (("1_000", "1000"), ("1000", "1_000")),
    ],
)
def test_labels_that_are_numbers_are_compared_as_numbers(tmp_path, labels, classes) -> None:
    assert classes_of(tmp_path, rows_of(*labels)) == classes


@pytest.mark.parametrize(
    "pair",
    [
        ("pos", " pos"),
        ("pos", "pos "),
        ("very good", "very  good"),
        ("very good", "very\u00a0good"),
        ("caf\u00e9", "cafe\u0301"),
        ("\ufb01ne", "fine"),
        ("\uff11", "1"),
        ("1", "01"),
        ("0.5", "0.50"),
        ("+1", "1"),
        ("1", " 1.0"),
    ],
)
def test_two_spellings_of_a_label_are_refused_with_both_rows(tmp_path, pair) -> None:
    with pytest.raises(ValueError, match=r"row 4: label .* differs from .* \(.*row 2\) in its spelling alone"):
        classes_of(tmp_path, rows_of(pair[0], "bad" if not pair[0][-1].isdigit() else "7", pair[1]))


def test_labels_that_are_hidden_are_refused(tmp_path) -> None:
    hidden = [
        (split, -1 if split == "test" else number % 2) for number, split in enumerate(["train", "dev", "test"] * 4)
    ]
    frame = pd.DataFrame({"text": TEXTS, "label": [label for _, label in hidden], "split": [s for s, _ in hidden]})
    with pytest.raises(ValueError, match=r"row 2: its label is hidden .-1., no training document has it"):
        load(frame)


@pytest.mark.parametrize("made", [np.array, torch.tensor, pd.Series, list, lambda values: np.array(values, np.uint8)])
def test_labels_come_in_any_sequence(made) -> None:
    labels = made([0, 1] * 6)
    assert load(TEXTS, labels=labels).classes == ("0", "1")
    assert load(TEXTS, labels=labels, classes=["bad", "good"]).classes == ("bad", "good")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_recognised(tmp_path, delimiter: str) -> None:
    assert classes_of(tmp_path, rows_of("good", "bad", delimiter=delimiter)) == ("bad", "good")
    assert classes_of(tmp_path, rows_of("good", "bad", delimiter=delimiter, head='"text"{0}"label"')) == ("bad", "good")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf16_and_byte_order_marks_are_recognised(tmp_path, name: str, encoding: str) -> None:
    content = rows_of("sch\u00f6n", "b\u00f6s", delimiter="," if name == "a.csv" else "\t")
    assert classes_of(tmp_path, content.encode(encoding), name) == ("b\u00f6s", "sch\u00f6n")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-16-be", "shift_jis", "utf-32"])
def test_another_encoding_is_read_where_it_is_named(tmp_path, encoding: str) -> None:
    content = rows_of("b\u00f6se" if encoding != "shift_jis" else "\u60aa", "good").encode(encoding)
    with pytest.raises(ValueError, match=r"a\.csv.*(save the file as UTF-8|save it as UTF-8|is not UTF-16)"):
        classes_of(tmp_path, content)
    assert len(classes_of(tmp_path, content, encoding=encoding)) == 2
    with pytest.raises(ValueError, match="encoding: unknown encoding: utf-9; expected one such as utf-8"):
        classes_of(tmp_path, content, encoding="utf-9")


@pytest.mark.parametrize("before", ["\n", "\r\n\n", " \n", ",\n,\n"])
def test_blank_rows_hold_nothing(tmp_path, before: str) -> None:
    assert classes_of(tmp_path, before + rows_of("good", "bad") + ",\n \n") == ("bad", "good")


def test_names_of_columns_may_be_numbers_and_have_blanks_around(tmp_path) -> None:
    assert classes_of(tmp_path, rows_of("0", "1", head=" text{0} label ")) == ("0", "1")
    for name in ("1", "true"):
        assert classes_of(tmp_path, rows_of("0", "1", head=f"text{{0}}{name}"), label=name) == ("0", "1")
    assert load(pd.DataFrame({0: TEXTS, 1: ["a", "b"] * 6}), text=0, label=1).classes == ("a", "b")
    with pytest.raises(ValueError, match="frame: names of columns repeat: text, 1, 1"):
        load(pd.DataFrame([["a b", 0, 1]], columns=["text", 1, "1"]), label=1)


def test_a_long_cell_is_read(tmp_path) -> None:
    content = rows_of("good", "bad") + f'"{"word " * 40_000}",good\n'
    assert classes_of(tmp_path, content) == ("bad", "good")


@pytest.mark.parametrize("cell", [["a", "film"], 3.5, b"a film", {"a": 1}])
def test_a_text_that_is_none_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match=r"frame, row 0: text is .*, expected a text"):
        load(pd.DataFrame({"text": [cell] * 12, "label": ["a", "b"] * 6}))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "texts", "frame", "hub"])
def test_html_is_named_and_taken_out_where_asked(tmp_path, kind: str) -> None:
    texts = [
        f"A <b>fine</b> film {n}.<br /><br/>Not &quot;so&quot; dull" if n % 2 else f"A <3 film {n}" for n in range(12)
    ]
    frame = pd.DataFrame({"text": texts, "label": ["good", "bad"] * 6})
    options: dict[str, object] = {}
    given: object = frame
    if kind == "csv":
        frame.to_csv(given := tmp_path / "a.csv", index=False)
    elif kind == "jsonl":
        frame.to_json(given := tmp_path / "a.jsonl", orient="records", lines=True)
    elif kind == "texts":
        given, options = texts, {"labels": frame["label"]}
    elif kind == "hub":
        pytest.importorskip("datasets")
        frame.to_parquet(tmp_path / "train.parquet")
        given, options = "hub", {"path": str(tmp_path)}
    with pytest.warns(
        UserWarning, match=r"6 of 12 texts hold HTML, such as '<b>' in .*row \d+, .*strip_html=True takes"
    ):
        load(given, **options)
    corpus = load(given, strip_html=True, **options)
    words = {" ".join(document.words) for part in corpus.splits.values() for document in part}
    assert words == {f'A fine film {n} . Not " so " dull' if n % 2 else f"A < 3 film {n}" for n in range(12)}


def test_what_only_looks_like_html_is_left(recwarn) -> None:
    texts = [f"<s> so <sigh> </s> a < b > c {n} AT&T <unk> <3" for n in range(12)]
    corpus = load(texts, labels=["good", "bad"] * 6, strip_html=True)
    assert {document.text for part in corpus.splits.values() for document in part} == set(texts)
    load(texts, labels=["good", "bad"] * 6)
    assert not recwarn


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a b", "text": "c d", "label": "no"}', "key 'text' stands twice"),
        ('{"text": "a b", "label": "no", "signals": {"s": [1, 2], "s": [3, 4]}}', "key 's' stands twice"),
        ('{"text": "a b", "label": ' + "9" * 5000 + "}", "Exceeds the limit"),
        ('{"text": "a b", "label": "no", "signals": {"s": [' + "9" * 400 + ", 1]}}", "infinite value"),
        ('{"text": "a b", "label": "no", "rationale": [1e400, 1]}', "outside"),
        ('{"text": "a b", "label": "no", "rationale": [NaN, 1]}', "outside"),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"text": "a b", "label": ["no"]}', "label"),
        ('{"text": "a b", "label": "n\\ud800"}', "holds half a character"),
    ],
)
def test_a_strange_line_of_json_is_named(tmp_path, line: str, message: str) -> None:
    good = [json.dumps({"text": text, "label": ("no", "yes")[n % 2]}) for n, text in enumerate(TEXTS)]
    (tmp_path / "a.jsonl").write_text("\n".join([*good, line]))
    with pytest.raises(ValueError, match=message):
        load_jsonlines(tmp_path / "a.jsonl")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_what_is_no_plain_file_is_refused_and_does_not_hang(tmp_path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match="is no plain file but a folder, a pipe or a device"):
        load(tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="is no plain file"):
        load(tmp_path / name)


def test_labels_of_the_hub_are_held_to_the_same(tmp_path) -> None:
    pytest.importorskip("datasets")
    for kind, labels in {"none": ["good", None], "several": [["good"], ["good", "bad"]], "gone": [0.0, None]}.items():
        (tmp_path / kind).mkdir()
        pd.DataFrame({"text": TEXTS, "label": labels * 6}).to_parquet(tmp_path / kind / "train.parquet")
        with pytest.raises(ValueError, match=r"train, row .: (it has no label|its label is .*, a document has one)"):
            load("hub", path=str(tmp_path / kind))
