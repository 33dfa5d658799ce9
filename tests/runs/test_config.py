from pathlib import Path

import pytest
import yaml

from kelbo.errors import InputError
from kelbo.runs import FitConfig
from kelbo.runs.config import rules

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_field_has_a_rule_and_a_default_that_obeys_it():
    config = FitConfig()
    for name, rule in rules().items():
        assert rule.checked(name, getattr(config, name)) == getattr(config, name)


def test_the_file_gives_the_same_settings_back(tmp_path):
    config = FitConfig(
        data="digits",
        hidden=[32, 16],
        decoder_hidden=(8,),
        learning_rate=1e-4,
        patience=5,
        kl="monte_carlo",
        validation_split=0.25,
    )
    config.to_yaml(tmp_path / "config.yaml")
    assert FitConfig.from_yaml(tmp_path / "config.yaml") == config


def test_what_a_file_does_not_say_keeps_its_default(tmp_path):
    (tmp_path / "a.yaml").write_text("latent_dim: 5\n")
    assert FitConfig.from_yaml(tmp_path / "a.yaml") == FitConfig(latent_dim=5)
    (tmp_path / "empty.yaml").write_text("")
    assert FitConfig.from_yaml(tmp_path / "empty.yaml") == FitConfig()


def test_a_number_without_a_point_is_a_number(tmp_path):
    assert yaml.safe_load("1e-3") == "1e-3"  # what YAML 1.1 makes of it
    (tmp_path / "a.yaml").write_text("learning_rate: 1e-3\n")
    assert FitConfig.from_yaml(tmp_path / "a.yaml").learning_rate == 1e-3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("latent_dims: 3", "no setting 'latent_dims'; did you mean 'latent_dim'?"),
        ("latent_dim: two", "latent_dim: expected a whole number from 1 to 100000, got 'two'"),
        ("latent_dim: 2.5", "latent_dim"),
        ("latent_dim: true", "latent_dim"),
        ("latent_dim: '2'", "latent_dim"),
        ("latent_dim: null", "latent_dim"),
        ("hidden: 256", "hidden"),
        ("hidden: [256, 0]", "hidden"),
        ("hidden: [[256]]", "hidden"),
        ("origin: [true]", "origin"),
        ("optimizer: adm", "did you mean 'adam'?"),
        ("optimizer: [adam]", "optimizer"),
        ("learning_rate: 0", "above 0"),
        ("learning_rate: .nan", "learning_rate"),
        ("learning_rate: .inf", "learning_rate"),
        ("validation_split: 1", "below 1"),
        ("seed: -1", "seed"),
        ("data: 5", "data"),
        ("- a\n- b", "expected settings"),
        ("a: b: c", "not valid YAML (line 1, 'a: b: c': mapping values are not allowed here"),
        ("seed: 1\nfoo bar\n", "not valid YAML (line 2, 'foo bar': could not find expected"),
        ("seed: " + 5000 * "9", "(a whole number of thousands of digits)"),
        ("just words", "expected settings"),
        ("1: 2", "no setting '1'"),
    ],
)
def test_a_file_with_a_mistake(tmp_path, content, said):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        FitConfig.from_yaml(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    for path in (tmp_path / "missing.yaml", tmp_path, tmp_path / "binary.yaml"):
        with pytest.raises(InputError, match=r"cannot be read|is no text"):
            FitConfig.from_yaml(path)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden", "256,128", (256, 128)),
        ("hidden", "[8]", (8,)),
        ("hidden", "", ()),
        ("patience", "none", None),
        ("patience", "7", 7),
        ("learning_rate", "3e-4", 3e-4),
        ("kl", "monte_carlo", "monte_carlo"),
        ("origin", "1.7e9,0", (1.7e9, 0.0)),
        ("origin", "[]", ()),
        ("drop", 'id, "height, cm"', ("id", "height, cm")),
    ],
)
def test_what_is_typed(name, text, value):
    assert rules()[name].parsed(name, text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hidden", "a,b"),
        ("hidden", "1.5"),
        ("epochs", "0"),
        ("epochs", "x"),
        ("samples", "none"),
        ("origin", "inf"),
    ],
)
def test_what_is_typed_wrongly(name, text):
    with pytest.raises(InputError, match=f"--{name}: expected"):
        rules()[name].parsed(f"--{name}", text)


def test_the_decoder_mirrors_the_encoder_unless_told_otherwise():
    assert FitConfig(hidden=(3, 2)).decoder_layers == (2, 3)
    assert FitConfig(hidden=(3, 2), decoder_hidden=()).decoder_layers == ()


def test_anchored_paths_do_not_depend_on_the_folder(tmp_path, monkeypatch):
    (tmp_path / "x.npy").touch()
    monkeypatch.chdir(tmp_path)
    config = FitConfig(data="x.npy", data_dir="data").anchored()
    assert config.data == str(tmp_path / "x.npy")
    assert config.data_dir == str(tmp_path / "data")
    assert FitConfig(data="digits").anchored().data == "digits"
    assert FitConfig(data="no/such").anchored().data == "no/such"  # for the error that names it


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mnist_bernoulli", {"likelihood": "bernoulli", "optimizer": "rmsprop", "hidden": (256,)}),
        ("frey_faces", {"likelihood": "normal", "likelihood_scale": "log_scale", "epochs": 200}),
        ("mnist_binary_elu", {"binarize": "threshold", "activation": "elu", "batch_size": 64}),
    ],
)
def test_the_recipes_are_valid(name, expected):
    config = FitConfig.from_yaml(EXAMPLES / f"{name}.yaml")
    assert {key: getattr(config, key) for key in expected} == expected


def test_every_setting_stands_in_the_page_of_the_command_line():
    page = EXAMPLES.parent.joinpath("docs/cli.md").read_text()
    assert not [name for name in rules() if name != "data" and f"`{name}`" not in page]


@pytest.mark.parametrize("given", ["none", "None", "[]", ""])
def test_no_hidden_layer(given, tmp_path):
    assert rules()["hidden"].parsed("--hidden", given) == ()
    (tmp_path / "a.yaml").write_text("hidden: null\n")
    assert FitConfig.from_yaml(tmp_path / "a.yaml").hidden == ()
