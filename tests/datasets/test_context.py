import csv
import json

import numpy as np
import pytest
from PIL import Image

from kelbo.datasets import Context, Dataset, Reading, load
from kelbo.errors import InputError

TABLE = """height,species,age,class,width
1,oak,10,a,2
3,ash,20,b,4
5,oak,30,a,6
7,"red, oak",40,b,8
"""

COLUMNS = {"species": np.array(["oak", "ash", "red, oak"]), "age": np.array([10.0, 20.0, 30.0])}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "trees.csv"
    path.write_text(TABLE)
    return path


def test_names_become_indicators_and_numbers_are_standardised():
    context = Context.of(COLUMNS)
    assert (context.names, context.width) == (("species", "age"), 4)
    z = np.sqrt(1.5)
    expected = [[0, 1, 0, -z], [1, 0, 0, 0], [0, 0, 1, z]]
    vectors = context.encode(COLUMNS, "trees")
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)
    assert vectors.dtype == np.float32
    assert context.decode(vectors) == {"species": [*COLUMNS["species"]], "age": ["10", "20", "30"]}
    again = Context.from_list(json.loads(json.dumps(context.as_list())))
    assert again == context
    # What another file writes as numbers, or as text, stands for the same.
    text = {**COLUMNS, "age": np.array(["10", " 20", "3e1"])}
    np.testing.assert_array_equal(context.encode(text, "trees"), vectors)
    classes = Context.of({"labels": np.array(["10", "9", "1"])})
    assert classes.columns[0].values == ("1", "9", "10")
    assert classes.encode({"labels": np.array([9.0])}, "trees").tolist() == [[0, 1, 0]]
    constant = Context.of({"age": np.array([2.0, 2.0])})
    assert constant.encode({"age": np.array([2.0, 3.0])}, "trees").tolist() == [[0], [1]]


def test_different_vectors_stand_in_order_and_are_counted():
    context = Context.of(COLUMNS)
    rows = [2, 0, 0, 1, 2, 0]
    vectors = context.encode({name: column[rows] for name, column in COLUMNS.items()}, "trees")
    found, counts = context.distinct(vectors)
    assert context.titles(found) == [
        "species ash, age 20",
        "species oak, age 10",
        "species red, oak, age 30",
    ]
    assert counts.tolist() == [1, 3, 2]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("oak,15", "species oak, age 15"),
        (" OAK , 1.5e1", "species oak, age 15"),
        ('"red, oak",15', "species red, oak, age 15"),
        ("age=15,species=ash", "species ash, age 15"),
    ],
)
def test_what_is_typed(typed, title):
    context = Context.of(COLUMNS)
    vector = context.parse(typed)
    assert vector.shape == (1, 4)
    assert context.titles(vector) == [title]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "oak",
            r"'oak' holds 1 value; expected SPECIES,AGE: species \(one of ash, oak, red, oak\)",
        ),
        ("oka,15", "species has no class 'oka'; did you mean 'oak'"),
        ("x,15", "species has no class 'x'; expected one of ash"),
        ("oak,old", "age is a number, got 'old'"),
        ("oak,inf", "age is a number, got 'inf'"),
        ("age=15", "'age=15' says nothing of species"),
        ("age=15,age=16", "'age=15,age=16' says nothing of species"),
        ("", "'' holds 0 values"),
    ],
)
def test_what_is_typed_wrongly(typed, said):
    with pytest.raises(InputError, match=f"^context: {said}"):
        Context.of(COLUMNS).parse(typed)


def test_a_single_column_takes_all_that_is_typed():
    context = Context.of({"species": np.array(["red, oak", "a=b"])})
    for typed in ("red, oak", "species=red, oak", "a=b"):
        assert context.titles(context.parse(typed)) == [typed.removeprefix("species=")]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"age": np.array([1.0])},
            "trees: has no column 'species', which the model is cond.* VALUE",
        ),
        ({**COLUMNS, "species": np.array(["elm"] * 3)}, "trees: species has no class 'elm'"),
        ({**COLUMNS, "age": np.array(["1", "old", "3"])}, r"got 'old' \(example 2\)"),
        (
            {**COLUMNS, "age": np.array([1.0, 2.0, np.nan])},
            r"finite numbers, got 'nan' \(example 3\)",
        ),
    ],
)
def test_columns_that_a_context_does_not_know(columns, said):
    with pytest.raises(InputError, match=said):
        Context.of(COLUMNS).encode(columns, "trees")


def test_columns_that_make_no_context():
    with pytest.raises(InputError, match="1001 different values; expected at most 1000 categories"):
        Context.of({"id": np.arange(1001).astype(str)})
    with pytest.raises(InputError, match=r"age is nan \(example 2\); expected finite numbers"):
        Context.of({"age": np.array([1.0, np.nan])})


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_columns_of_a_table(table, kind):
    if kind == "jsonl":
        names, *rows = csv.reader(table.read_text().splitlines())
        rows = [[int(cell) if cell.isdigit() else cell for cell in row] for row in rows]
        table = table.with_suffix(".jsonl")
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        table.write_text("\n".join(lines))
    if kind == "parquet":
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        pandas.read_csv(table).to_parquet(table.with_suffix(".parquet"))
        table = table.with_suffix(".parquet")
    data = load(table, reading=Reading(context=("species", "Age")))
    assert data.feature_names == ("height", "width")
    assert data.x_train.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert data.context.names == ("species", "Age")
    assert data.context.titles(data.context_train)[3] == "species red, oak, Age 40"
    assert data.y_train.tolist() == [0, 1, 0, 1]
    assert "context: species (3 classes), Age (a number)" in data.remarks
    both = load(table, reading=Reading(context=("class",), drop=("species", "age")))
    assert both.context.titles(both.context_train) == ["a", "b", "a", "b"]
    assert both.y_train.tolist() == [0, 1, 0, 1]
    labels = load(table, reading=Reading(context=("labels",), drop=("species", "age")))
    np.testing.assert_array_equal(labels.context_train, both.context_train)


def test_rows_without_a_context(table):
    table.write_text(TABLE.replace(",20,", ",,"))
    reading = Reading(context=("species", "age"))
    with pytest.raises(InputError, match=r"line 3, column 3 \('age'\): no value; 1 of 4 rows"):
        load(table, reading=reading)
    data = load(table, reading=Reading(context=("age", "species"), missing="drop"))
    assert data.x_train.tolist() == [[1, 2], [5, 6], [7, 8]]
    assert len(data.context_train) == len(data.y_train) == 3


def test_arrays_of_a_file(tmp_path):
    path = tmp_path / "points.npz"
    x, names = np.ones((4, 2)), np.array(["b", "a", "b", "a"])
    np.savez(path, x=x, y=names, age=np.arange(4), age_test=np.array([[7.0]]), x_test=x[:1], z=x)
    data = load(path, reading=Reading(context=("age",)))
    assert data.context.decode(data.context_test) == {"age": ["7"]}
    assert data.remarks[0] == "left out: z"
    with pytest.raises(InputError, match="has no labels of its test part; it has age"):
        load(path, reading=Reading(context=("age", "labels")))
    with pytest.raises(InputError, match=r"context z has type float64 and shape \(4, 2\)"):
        load(path, reading=Reading(context=("z",)))
    np.savez(path, x=x, y=names, age=np.arange(3))
    with pytest.raises(InputError, match="has 3 values of 'age'; expected one for each example"):
        load(path, reading=Reading(context=("age",)))
    labels = load(path, reading=Reading(context=("labels",)))
    assert labels.context.titles(labels.context_train) == [*names]


def test_classes_of_images_and_of_known_data(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("L", (5, 4)).save(tmp_path / name / "1.png")
    reading = Reading(context=("labels",))
    images = load(tmp_path, reading=reading)
    assert images.context.titles(images.context_train) == ["cat", "dog"]
    digits = load("digits", reading=reading)
    assert digits.context.columns[0].values == tuple("0123456789")
    np.testing.assert_array_equal(digits.context_train, np.eye(10)[digits.y_train])
    np.testing.assert_array_equal(digits.context_test, np.eye(10)[digits.y_test])
    with pytest.raises(InputError, match="context: embedded has no 'age' of its train part"):
        load("digits", reading=Reading(context=("age",)))


def test_other_data_get_the_numbers_of_the_first(table):
    reading = Reading(context=("species", "age"))
    data = load(table, reading=reading)
    other = table.with_name("other.csv")
    other.write_text("age,width,extra,species,height\n40,8,0,ash,7\n25,6,0,oak,5\n")
    again = load(other, reading=reading.for_other_data(data.feature_names, data.context))
    assert again.x_train.tolist() == [[7, 8], [5, 6]]
    assert data.context.titles(again.context_train) == [
        "species ash, age 40",
        "species oak, age 25",
    ]
    # Where one context is given for all, the columns need not be there, and are no examples.
    other.write_text("width,extra,species,height\n8,0,elm,7\n")
    plain = load(other, reading=reading.for_other_data(data.feature_names))
    assert plain.context is None
    given = plain.conditioned(data.context, data.context.parse("oak,25"))
    assert given.train["x"].tolist() == [[7, 8]]
    assert data.context.titles(given.train["context"]) == ["species oak, age 25"]
    with pytest.raises(InputError, match=r"no column 'age', which the model is .* --context VALUE"):
        load(other, reading=reading.for_other_data(data.feature_names, data.context))


def test_data_and_their_contexts_are_split_together(table):
    data = load(table, reading=Reading(context=("species", "age"))).split(0.5, seed=1)
    ages = {name: getattr(data, f"context_{name}")[:, 3] for name in ("train", "test")}
    for name, age in ages.items():
        assert len(age) == 2
        np.testing.assert_allclose(
            age, (getattr(data, name)["x"][:, 0] - 4) / np.sqrt(5), rtol=1e-6
        )
    assert load(table, reading=Reading(drop=("species",))).train.shape == (4, 3)


def test_contexts_that_do_not_fit_the_examples():
    x, context = np.zeros((2, 3), "float32"), Context.of(COLUMNS)
    with pytest.raises(
        InputError, match=r"context_train is None; expected \(\(2, 4\), 'float32'\)"
    ):
        Dataset("made", x, context=context)
    with pytest.raises(InputError, match=r"context_train is .* expected None"):
        Dataset("made", x, context_train=np.zeros((2, 4), "float32"))
