import gzip
import json
import sys

import numpy as np
import pytest

from kelbo.datasets import Reading, load


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_numbers_without_header(table):
    data = load(table("1,2\n3,4.5\n-1e-3,6\n"))
    np.testing.assert_array_equal(data.x_train, np.array([[1, 2], [3, 4.5], [-1e-3, 6]], "f4"))
    assert data.y_train is None
    assert data.name == "t"


def test_header_without_labels(table):
    data = load(table("a,b\n1,2\n"))
    assert data.x_train.tolist() == [[1, 2]]
    assert data.feature_names == ("a", "b")


def test_columns_have_the_names_of_the_header(table):
    text = 'length (cm),class," petal\n width"\n1,2,3\n4,5,6\n7,8,9\n'
    data = load(table(text))
    assert data.feature_names == ("length (cm)", "petal width")
    assert data.split(0.4).feature_names == data.feature_names
    assert load(table("1,2\n3,4\n")).feature_names is None


@pytest.mark.parametrize("name", ["label", "class", "target", "y", "Label"])
def test_label_column_of_numbers(table, name):
    data = load(table(f"a,{name},b\n1,7,2\n3,8,4\n"))
    assert data.x_train.tolist() == [[1, 2], [3, 4]]
    assert data.y_train.tolist() == [7, 8]
    assert data.class_names is None


def test_label_column_of_names(table):
    data = load(table('a,class\n1,"oak, red"\n2,ash\n3,ash\n'))
    assert data.y_train.tolist() == [1, 0, 0]
    assert data.class_names == ("ash", "oak, red")


def test_header_of_numbers_is_known_by_its_label_column(table):
    data = load(table("label,0,1\n5,10,20\n"))
    assert data.x_train.tolist() == [[10, 20]]
    assert data.y_train.tolist() == [5]


@pytest.mark.parametrize("text", ["a;b\n1;2\n", "a\tb\n1\t2\n", "\ufeffa,b\r\n\r\n1, 2\r\n\r\n"])
def test_separators_byte_order_mark_and_blank_lines(table, text):
    assert load(table(text)).x_train.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ("\n\n", ["empty"]),
        ("a,b\n", ["no rows"]),
        ("1,2\n3,x\n", ["line 2", "column 2", "'x'"]),
        ("a,b\n1,2\n\n3,oak\n", ["line 4", "column 2 ('b')", "'oak'"]),
        ("label,a,b\n7,2,x\n", ["line 2", "column 3 ('b')", "'x'"]),
        ("label,a,b\n7,x,2\n", ["line 2", "column 2 ('a')", "'x'"]),
        ("a,label,b\nx,2,1\n", ["line 2", "column 1 ('a')", "'x'"]),
        ("5.1,1.4,setosa\n", ["line 1", "column 3", "'setosa'", "--label-column 3"]),
        ("a,b\n1,\n2,3\n", ["line 2", "column 2 ('b')", "1 of 2 rows", "--missing drop"]),
        ("a,b\n1,\n", ["column 2 ('b')", "no value in any row", "--drop b"]),
        ("a,b\n1,2\n3\n", ["line 3", "1 columns", "expected 2"]),
        ("a,b\n1,2,3\n", ["line 2", "3 columns", "expected 2"]),
        (",a,b\n7,1,2\n", ["column 1", "no name", "index=False"]),
        ("a,label,class\n1,2,3\n", ["'label' and 'class'"]),
        ("label\n1\n", ["only the label column"]),
        ("a,label\n1,\n", ["line 2", "'label'", "empty"]),
        ("a,b\n1,nan\n2,3\n", ["line 2", "column 2 ('b')", "--missing drop"]),
        ("a,b\n1,inf\n", ["1 infinite", "(0, 1)"]),
        ("a,b\n1,2\n\n1,1e39\n", ["line 4", "column 2 ('b')", "1e+39", "float32", "rescale"]),
        ("a,label,b\n1e300,0,2\n", ["line 2", "column 1 ('a')", "1e+300", "float32"]),
        ("a,label,b\n1,0,-1e300\n", ["line 2", "column 3 ('b')", "-1e+300"]),
    ],
)
def test_refuses_with_line_and_column(table, text, words, refuses):
    path = table(text)
    refuses(lambda: load(path), path, *words)


def test_refuses_what_is_no_text(table, refuses):
    refuses(lambda: load(table("ä,b\n1,2\n", "latin-1")), "UTF-8")
    refuses(lambda: load(table("1," + "9" * 200_000 + "\n")), "valid CSV")


@pytest.mark.parametrize(
    ("text", "rows", "said"),
    [
        ("0,1,2\n1.5,2,3\n4,5,6\n", [[1.5, 2, 3], [4, 5, 6]], "taken for names"),
        ("2019,2020,2021\n7,5,6\n", [[7, 5, 6]], "taken for names"),
        ("id,2019\n3,5\n", [[3, 5]], "taken for names"),
        ("0\n0.5\n", [[0.5]], "taken for names"),
        ("1,2\n3,4\n", [[1, 2], [3, 4]], "no header"),
        ("1,2,3\n4,5,6\n", [[1, 2, 3], [4, 5, 6]], "no header"),
        ("1,5;2,5\n0,5;-3\n", [[1.5, 2.5], [0.5, -3]], "decimal comma"),
        ("a;b\n1,5;2\n", [[1.5, 2]], "decimal comma"),
        ('a,b\n"1,5","2,25"\n', [[1.5, 2.25]], "decimal comma"),
        ("a,b\ntrue,1\nFalse,2\n", [[1, 1], [0, 2]], "become 1 and 0 in a"),
        ("y,n,y\ny,y,n\n", [[1, 0, 1], [1, 1, 0]], "no header"),
        (",a\n0,5\n1,6\n2,9\n", [[5], [6], [9]], "left out: column 1"),
        ("a,b,\n1,2,\n3,4,\n", [[1, 2], [3, 4]], "left out: column 3"),
        ('"a"\n"1",5\n"2",6\n', [[5], [6]], "left out: column 1"),
        ("id,a\n1,5\n2,6\n3,8\n", [[1, 5], [2, 6], [3, 8]], "--drop id"),
        ("x,y\n1,0.5\n", [[1, 0.5]], "kept among the data"),
        ("a,target\n1,2\n", [[1]], "labels: column 'target'"),
    ],
)
def test_what_is_not_certain_is_said(table, text, rows, said):
    data = load(table(text))
    assert data.x_train.tolist() == rows
    assert any(said in remark for remark in data.remarks)


@pytest.mark.parametrize("cell", ["", "NA", "nan", "null", "?", " "])
def test_rows_that_lack_a_value(table, cell, refuses):
    path = table(f"a,b\n1,2\n3,{cell}\n")
    refuses(lambda: load(path), "line 3", "1 of 2 rows", "--missing drop")
    data = load(path, reading=Reading(missing="drop"))
    assert data.x_train.tolist() == [[1, 2]]
    assert "left out: 1 of 2 rows, which lack a value" in data.remarks


@pytest.mark.parametrize(
    ("reading", "names", "labels"),
    [
        ({"drop": ("id",)}, ("a", "b"), ("c", "d")),
        ({"label_column": None, "drop": ("kind", "ID")}, ("a", "b"), None),
        ({"label_column": "b", "drop": ("kind",)}, ("id", "a"), None),
        ({"columns": ("b", "a")}, ("b", "a"), ("c", "d")),
        ({"label_column": "4", "drop": ("1", "kind")}, ("a",), None),
    ],
)
def test_columns_are_chosen(table, reading, names, labels):
    text = "id,a,kind,b\n1,5,c,0\n2,6,d,1\n"
    text = text.replace("kind", "label") if labels else text
    data = load(table(text), reading=Reading(**reading))
    assert data.feature_names == names
    assert data.class_names == labels


@pytest.mark.parametrize(
    ("text", "reading", "words"),
    [
        ("a,b\n1,2\n", {"drop": ("bb",)}, ["drop", "no column 'bb'", "did you mean 'b'"]),
        ("1,2\n3,4\n", {"label_column": "3"}, ["label_column", "1 to 2"]),
        ("a,b,c\n1,x,z\n2,y,z\n", {}, ["line 2", "column 2 ('b')", "--drop b,c", "NAME"]),
        ("a,2\n1,2\n", {"drop": ("1",)}, ["no column '1'"]),
        ('a,"b, c"\n1,x\n', {}, ["""--drop '"b, c"' leaves""", "--label-column 'b, c'"]),
        ('a,b\n"1,234",2\n', {}, ["'1,234'", "thousands"]),
        ("a,b\n1_000,2\n", {}, ["'1_000' is not a number"]),
        ("a b\n1 2\n", {}, ["separate the cells by commas"]),
        ("a,b\n1,$2.50\n", {}, ["write the number alone"]),
        ("a\n1\n", {"size": (8, 8)}, ["size: says how a folder of images is read"]),
    ],
)
def test_refuses_and_says_what_to_do(table, text, reading, words, refuses):
    path = table(text)
    refuses(lambda: load(path, reading=Reading(**reading)), *words)


def test_columns_of_one_name_are_found_one_after_the_other(table):
    reading = Reading().for_other_data(("a", "b", "a"))
    assert load(table("b,a,a\n1,2,3\n"), reading=reading).x_train.tolist() == [[2, 1, 3]]


def test_the_header_is_what_a_person_says(table):
    path = table("0,1,2\n1.5,2,3\n")
    assert load(path, reading=Reading(header="no")).x_train.shape == (2, 3)
    path = table("5,6\n1.5,2\n")
    assert load(path, reading=Reading(header="yes")).feature_names == ("5", "6")


def test_other_kinds_of_tables(tmp_path, refuses):
    text = "a\tclass\n1\tx\n2\ty\n"
    (tmp_path / "t.tsv").write_text(text)
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("t.tsv", "t.tsv.gz"):
        data = load(tmp_path / name)
        assert (data.name, data.x_train.tolist(), data.class_names) == ("t", [[1], [2]], ("x", "y"))
    (tmp_path / "t.csv.gz").write_text(text)
    refuses(lambda: load(tmp_path / "t.csv.gz"), "not compressed by gzip")


def write_parquet(columns, path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), path)


def write_json_lines(columns, path):
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


# Kinds of files whose values have types, and how an error names a row.
TYPED = {
    ".parquet": (write_parquet, "row 2"),
    ".jsonl": (write_json_lines, "line 2"),
    ".jsonl.gz": (write_json_lines, "line 2"),
}


@pytest.mark.parametrize(("ending", "write", "row"), [(k, *v) for k, v in TYPED.items()], ids=TYPED)
def test_tables_whose_values_have_types(tmp_path, refuses, ending, write, row):
    path = tmp_path / f"t{ending}"
    columns = {
        "a": [1.5, None, 3.0],
        "ok": [True, False, True],
        "answer": ["yes", "no", "no"],
        "class": ["x", "y", "x"],
    }
    write(columns, path)
    refuses(lambda: load(path), path, row, "column 1 ('a')", "--missing drop")
    data = load(path, reading=Reading(missing="drop"))
    assert data.x_train.tolist() == [[1.5, 1, 1], [3, 1, 0]]
    assert (data.name, data.feature_names) == ("t", ("a", "ok", "answer"))
    assert data.class_names == ("x",)
    write({"a": [1.0, 2.0], "kind": ["oak", "ash"]}, path)
    refuses(lambda: load(path), "column 2 ('kind')", "'oak'", "--label-column kind")
    write({"a": [1.0, 1e300]}, path)
    refuses(lambda: load(path), "column 1 ('a')", "1 values are too large for float32")
    write({"a": []}, path)
    refuses(lambda: load(path), path, "has no rows")
    path.write_text("no table")
    refuses(lambda: load(path), path)


def test_parquet(tmp_path, refuses, monkeypatch):
    path = tmp_path / "t.parquet"
    path.write_text("no table")
    pytest.importorskip("pyarrow")
    refuses(lambda: load(path), "no Parquet file")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refuses(lambda: load(path), "kelbo[parquet]")


def test_objects_of_json_need_not_have_the_same_names(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1, "y": 2}\n\n{"b": 4, "a": 3, "y": 0}\n{"a": 5, "b": NaN, "y": 1}\n')
    data = load(path, reading=Reading(missing="drop"))
    assert (data.x_train.tolist(), data.y_train.tolist()) == ([[3, 4]], [0])
    assert data.feature_names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1}\n{"a": }\n', ["line 2 is no JSON"]),
        ('{"a": 1}\n\n[1]\n', ["line 3 is no JSON object", "expected a line such as"]),
        ('{"a": [1, 2]}\n', ["line 1, column 'a'", "holds a list", ".npz"]),
        ('{"a": 1}\n{"a": "x"}\n', ["line 2, column 1 ('a')", "'x' is not a number"]),
    ],
)
def test_json_lines_are_refused_with_their_line(tmp_path, refuses, text, words):
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    refuses(lambda: load(path), path, *words)
