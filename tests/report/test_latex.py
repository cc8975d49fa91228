import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.experiments.record.column import Column
from attn_interp.report.latex import MATHS, PLAIN, SPECIAL, escape, number, table

ESCAPED = {
    "\\": r"\textbackslash{}",
    "$x_1$": r"\$x\_1\$",
    "{a}": r"\{a\}",
    "~^": r"\textasciitilde{}\textasciicircum{}",
    "&%#": r"\&\%\#",
    "<script>": r"\textless{}script\textgreater{}",
    "\\input{x}": r"\textbackslash{}input\{x\}",
    "[0, .25)": "{[}0, .25)",
    "*": "{*}",
    "a--b": "a-{}-b",
    "''": "'{}'",
    "`a|b": r"\textasciigrave{}a\textbar{}b",
    "é😀": r"é\charor{😀}{\textless{}U+1F600\textgreater{}}",
    "e\u0301τ": r"é\charor{τ}{$\tau$}",
    " a\n\tb ": " a b ",
    "\x00": r"\textless{}U+0000\textgreater{}",
}


def body(source: str) -> list[list[str]]:
    """Cells of the rows between the rules."""
    rows = source.split("\\midrule\n")[1].split("\n\\bottomrule")[0].splitlines()
    return [row.removesuffix(r" \\").split(" & ") for row in rows]


@pytest.mark.parametrize("text", ESCAPED)
def test_every_special_character_is_escaped(text: str) -> None:
    assert escape(text) == ESCAPED[text]


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_no_text_reaches_latex_as_a_command(text: str) -> None:
    source = escape(text)
    commands = r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|textasciigrave)\{\}"
    characters = r"\\charor\{[^\0-\x7f]\}\{(\$(\\?[a-z-]+)\$|\\textless\{\}U\+[0-9A-F]{4,6}\\textgreater\{\})\}"
    left = (
        re.sub(r"\\[&%$#_{}]", "", re.sub(commands, "", re.sub(characters, "", source)))
        .replace("{[}", "")
        .replace("{]}", "")
    )
    left = left.replace("{*}", "").replace("{}", "")
    assert not set(left) & set("\\&%$#_{}~^<>|`[]*\n\r\0")


def test_numbers() -> None:
    assert [number(value) for value in (0.346, -0.346, -0.001, 3, 12345, np.int64(7), float("nan"))] == [
        "0.35",
        "$-$0.35",
        "0.00",
        "3",
        "12,345",
        "7",
        "--",
    ]
    assert number(float("inf")) == r"$\infty$"
    assert number(-float("inf")) == r"$-\infty$"
    assert number(0.12345, digits=4) == "0.1235"  # half to even on the binary value, which lies above


def test_estimate_and_interval_share_a_cell() -> None:
    frame = pd.DataFrame(
        {
            "pair": ["a_b", "c"],
            "estimate": [0.345678, np.nan],
            "low": [-0.1, np.nan],
            "high": [0.4, np.nan],
            "n": [1234, 0],
        }
    )
    source = table(frame)
    assert r"pair & estimate & n \\" in source
    assert body(source) == [[r"a\_b", "0.35 [$-$0.10, 0.40]", "1,234"], ["c", "--", "0"]]
    assert r"\begin{tabular}{lrr}" in source


def test_an_undefined_interval_is_left_out() -> None:
    frame = pd.DataFrame({"estimate": [0.5], "low": [np.nan], "high": [np.nan]})
    assert body(table(frame)) == [["0.50"]]


def test_cells_of_every_kind() -> None:
    frame = pd.DataFrame({"ok": [True, False], "count": pd.array([1, pd.NA], dtype="Int64"), "name": ["$", None]})
    assert body(table(frame)) == [["yes", "1", r"\$"], ["no", "--", "--"]]


def test_a_row_that_begins_with_a_bracket_is_no_argument_of_the_row_before() -> None:
    source = table(pd.DataFrame({"[bin]": ["[0, .25)", "[.25, .5)"]}))
    assert not re.search(r"\\\\\s*[\[*]", source)
    assert not re.search(r"rule\s*[\[(]", source)


def test_booktabs_caption_label_and_legend() -> None:
    frame = pd.DataFrame({"tau": [0.5], "n_words": [3]})
    columns = {"tau": Column("tau-b & so on"), "n_words": Column("length", "words"), "absent": Column("nothing")}
    source = table(frame, caption="5 % of $x$", columns=columns, label="tab:tau_1", digits=3)
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert source.count(rule) == 1
    assert r"\caption{5 \% of \$x\$}" in source
    assert r"\label{tab:tau_1}" in source
    assert r"\textit{tau}: tau-b \& so on. \textit{n\_words}: length (words)." in source
    assert "nothing" not in source
    assert "0.500" in source
    for name in ("table", "tabular"):
        assert source.count(rf"\begin{{{name}}}") == source.count(rf"\end{{{name}}}") == 1


def test_braces_are_balanced_whatever_the_cells_hold() -> None:
    source = table(pd.DataFrame({text: [text] for text in ESCAPED}), caption="".join(ESCAPED))
    bare = re.sub(r"\\[{}]", "", source)
    assert bare.count("{") == bare.count("}")
    assert len(body(re.sub(r"\\&", "", source))[0]) == len(ESCAPED)


def test_the_file_holds_what_is_returned(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tau.tex"
    source = table(pd.DataFrame({"word": ["é😀"]}), path)
    assert path.read_text(encoding="utf-8") == source
    assert [file.name for file in path.parent.iterdir()] == ["tau.tex"]


def test_a_frame_without_rows_gives_an_empty_table() -> None:
    assert r"\bottomrule" in table(pd.DataFrame({"tau": pd.Series([], dtype=float)}))


def test_repeated_rows_and_any_index_are_kept() -> None:
    frame = pd.DataFrame({"estimate": [0.1, 0.1], "low": [0.0, 0.0], "high": [1.0, np.nan]}, index=[5, 5])
    assert body(table(frame)) == [["0.10 [0.00, 1.00]"], ["0.10"]]


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="no columns"):
        table(pd.DataFrame())
    with pytest.raises(ValueError, match="label"):
        table(pd.DataFrame({"a": [1]}), label="a}b")


HOSTILE = [
    *(
        "a_b",
        "50%",
        "$x$",
        "#1",
        "a&b",
        "\\input{x}",
        "{",
        "}",
        "~",
        "^",
        "^^M",
        "\\",
        "[x]",
        "*",
        "--",
        "`'",
        '"',
        "!`",
        "",
    ),
    *(
        "😀",
        "👩\u200d💻",
        "中文",
        "हिन्दी",
        "Привет",
        "ąę «q»",
        "τ − λ",
        "e\u0301 x\u0323\u0302",
        "فيلم",
        "שלום",
        "\u202eabc",
    ),
    *("\ufeffx", "\u200b", "\u00ad", "\uffff", "\U0010ffff", "\ue000", "\x00\x7f", "a\nb", "x" * 300, "中" * 300),
    *("".join(sorted(PLAIN)), "".join(MATHS), "".join(SPECIAL)),
]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_sets_any_name_of_a_class_or_corpus(typeset, tmp_path) -> None:
    for index, name in enumerate(HOSTILE):
        frame = pd.DataFrame({name: [name, name], "class": [name, None]})
        table(frame, tmp_path / f"{index}.tex", caption=name, columns={name: name})
    typeset([tmp_path / f"{index}.tex" for index in range(len(HOSTILE))])
