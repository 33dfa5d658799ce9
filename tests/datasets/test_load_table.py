import numpy as np
import pytest

from kelbo.datasets import load


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
