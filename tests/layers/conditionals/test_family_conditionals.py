"""Conditionals by family: links, distributions, event shapes, errors and saving, for each class."""

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np
import pytest
from scipy import special

from kelbo import bijectors, ops
from kelbo import distributions as kd
from kelbo import layers as kl

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("quick_compilation")]

CONTEXT = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def same(r):
    return r


def positive(r):
    return 1e-3 + np.logaddexp(0, r)


def case_is_discrete(family):
    discrete = (kd.Bernoulli, kd.Poisson, kd.NegativeBinomial, kd.Categorical)
    return issubclass(family, (*discrete, kd.DiscretizedLogistic))


@dataclass
class Case:
    """A conditional, its family, and what its links compute, in NumPy."""

    layer: Callable[..., kl.Conditional]
    family: type[kd.Distribution]
    links: dict[str, Callable]
    event_shapes: list = field(default_factory=lambda: [(), (3,), (2, 3)])
    more: dict = field(default_factory=dict)
    classes: int | None = None

    def make(self, event_shape=None, network=None, **more):
        event_shape = self.event_shapes[-1] if event_shape is None else event_shape
        return self.layer(event_shape, network, **self.more, **more)

    def value(self, event_shape):
        """A value of the support: of vectors, one-hot or with equal entries that sum to 1."""
        if self.family is kd.OneHotCategorical:
            return np.broadcast_to(np.eye(event_shape[-1])[0], event_shape)
        if self.family is kd.Dirichlet:
            return np.full(event_shape, 1 / event_shape[-1])
        is_count = case_is_discrete(self.family)
        return np.full(event_shape, 1.0 if is_count else 0.3)

    def parameter_shape(self, name, event_shape):
        if name == "cov_perturb_factor":
            return (*event_shape, self.more["rank"])
        return event_shape if self.classes is None else (*event_shape, self.classes)


VECTORS = [(3,), (2, 3)]
CASES = {
    case.layer.__name__: case
    for case in [
        Case(kl.ConditionalBernoulli, kd.Bernoulli, {"logits": same}),
        Case(
            kl.ConditionalStudentT,
            kd.StudentT,
            {"df": lambda r: 1.001 + np.logaddexp(0, r), "loc": same, "scale": positive},
        ),
        Case(kl.ConditionalLaplace, kd.Laplace, {"loc": same, "scale": positive}),
        Case(kl.ConditionalLogistic, kd.Logistic, {"loc": same, "scale": positive}),
        Case(kl.ConditionalGamma, kd.Gamma, {"concentration": positive, "log_rate": same}),
        Case(kl.ConditionalLogNormal, kd.LogNormal, {"loc": same, "scale": positive}),
        Case(kl.ConditionalExponential, kd.Exponential, {"rate": positive}),
        Case(kl.ConditionalWeibull, kd.Weibull, {"concentration": positive, "scale": positive}),
        Case(kl.ConditionalBeta, kd.Beta, {"concentration1": positive, "concentration0": positive}),
        Case(kl.ConditionalPoisson, kd.Poisson, {"log_rate": same}),
        Case(
            kl.ConditionalNegativeBinomial,
            kd.NegativeBinomial,
            {"total_count": positive, "logits": same},
        ),
        Case(
            kl.ConditionalDiscretizedLogistic,
            kd.DiscretizedLogistic,
            {"loc": lambda r: 7.5 * r + 7.5, "scale": lambda r: 7.5 * positive(r)},
            more={"high": 15},
        ),
        Case(
            kl.ConditionalCategorical,
            kd.Categorical,
            {"logits": same},
            more={"classes": 4},
            classes=4,
        ),
        Case(kl.ConditionalOneHotCategorical, kd.OneHotCategorical, {"logits": same}, VECTORS),
        Case(
            kl.ConditionalMultivariateNormalDiag,
            kd.MultivariateNormalDiag,
            {"loc": same, "scale_diag": positive},
            VECTORS,
        ),
        Case(
            kl.ConditionalMultivariateNormalLowRank,
            kd.MultivariateNormalLowRank,
            {"loc": same, "cov_diag_factor": positive, "cov_perturb_factor": same},
            VECTORS,
            more={"rank": 2},
        ),
        Case(kl.ConditionalDirichlet, kd.Dirichlet, {"concentration": positive}, VECTORS),
    ]
}
all_cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def with_raw_numbers(layer, seed=1):
    """The layer on contexts of one number, with heads that return fixed numbers; and those."""
    layer.build((None, 1))
    generator, raw = np.random.default_rng(seed), {}
    for name, head in layer.heads.items():
        raw[name] = generator.normal(size=head.shape).astype("float32")
        kernel, bias = head.get_weights()
        head.set_weights([0 * kernel, raw[name].reshape(bias.shape)])
    return raw


ONE = np.ones((1, 1), "float32")


def compiled(layer, function, *arguments):
    return keras.tree.map_structure(numbers, ops.compile(function, layer.variables)(*arguments))


def test_every_class_is_in_the_table():
    classes = {
        value
        for value in vars(kl).values()
        if isinstance(value, type) and issubclass(value, kl.FamilyConditional)
    }
    tested = {case.layer for case in CASES.values()}
    assert classes - tested == {kl.FamilyConditional, kl.ConditionalContinuousBernoulli}


@all_cases
@pytest.mark.few(4)
def test_shapes_of_every_event_rank(case):
    for event_shape in case.event_shapes:
        layer = case.make(event_shape)
        shapes = layer.compute_output_shape((7, 1))
        expected = {name: (7, *case.parameter_shape(name, event_shape)) for name in case.links}
        assert shapes == expected
        zeros = {name: np.zeros(shape, "float32") for name, shape in shapes.items()}
        d = layer.distribution(**layer.parameters_from(**zeros))
        assert (d.batch_shape, d.event_shape) == ((7,), event_shape)
        assert isinstance(d.distribution, case.family)


@all_cases
@pytest.mark.few(6)
def test_links_and_densities(case):
    layer = case.make()
    raw = with_raw_numbers(layer)
    expected = {name: link(raw[name].astype("float64")) for name, link in case.links.items()}
    settings = {name: v for name, v in case.more.items() if name not in ("classes", "rank")}
    single = case.family(
        **{n: v.astype("float32") for n, v in expected.items()}, **settings, validate=False
    )
    y = case.value(layer.event_shape)

    def call(context):
        return layer(context), layer.given(context).log_prob(y), single.log_prob(y)

    parameters, log_prob, expected_log_prob = compiled(layer, call, ONE)
    for name, value in expected.items():
        np.testing.assert_allclose(parameters[name][0], value, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(log_prob[0], expected_log_prob.sum(), rtol=1e-4, atol=1e-4)


@all_cases
@pytest.mark.few(4)
def test_folded_leading_axes_give_the_same_numbers(case):
    layer = case.make(network=keras.layers.Dense(4, "tanh"))
    layer.build((None, 5))
    y = case.value(layer.event_shape)

    def log_prob(context):
        deep = layer.given(ops.reshape(context, (3, 2, 5)))
        assert deep.batch_shape[1:] == (2,)
        return layer.given(context).log_prob(y), deep.log_prob(y)

    flat, deep = compiled(layer, log_prob, CONTEXT)
    assert np.isfinite(flat).all()
    np.testing.assert_allclose(deep.ravel(), flat, rtol=1e-4, atol=1e-5)


@all_cases
@pytest.mark.few(5)
def test_saved_and_loaded_in_a_functional_model(case, tmp_path):
    inputs = keras.Input((5,))
    layer = case.make(network=keras.Sequential([keras.layers.Dense(4, "tanh")]))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    expected, found = (m.predict(CONTEXT, verbose=0) for m in (model, again))
    assert set(found) == set(case.links)
    for name in found:
        np.testing.assert_array_equal(found[name], expected[name])


def test_links_and_fixed_values_of_ones_own():
    layer = kl.ConditionalStudentT(
        (2,), links={"scale": bijectors.Exp()}, fixed={"df": [3.0, 4.0]}, name="t"
    )
    assert list(layer.heads) == ["loc", "scale"]
    raw = with_raw_numbers(layer)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.build((None, 1))
    again.set_weights(layer.get_weights())
    for one in (layer, again):
        d = one.given(ONE)
        np.testing.assert_allclose(
            numbers(d.distribution.scale)[0], np.exp(raw["scale"]), rtol=1e-6
        )
        np.testing.assert_array_equal(numbers(d.distribution.df), [3.0, 4.0])


def test_a_family_of_ones_own_with_a_matrix():
    class ConditionalMultivariateStudentT(kl.FamilyConditional):
        """The links follow from the constraints: `onto(lower_cholesky)` for the factor."""

        family = kd.MultivariateStudentT
        learned = ("df", "loc", "scale_tril")
        value_rank = 1

        def parameter_shape(self, name):
            shape = self.event_shape
            return {"df": shape[:-1], "scale_tril": (*shape, shape[-1])}.get(name, shape)

    layer = ConditionalMultivariateStudentT((2, 3))
    raw = with_raw_numbers(layer)
    assert {n: r.shape for n, r in raw.items()} == {"df": (2,), "loc": (2, 3), "scale_tril": (2, 6)}
    assert layer.compute_output_shape((1, 1))["scale_tril"] == (1, 2, 3, 3)
    d = layer.given(ONE)
    assert (d.batch_shape, d.event_shape) == ((1,), (2, 3))
    factor = numbers(d.distribution.scale_tril)[0]
    filled = numbers(ops.fill_triangular(raw["scale_tril"]))
    diagonal = np.diagonal(filled, axis1=-2, axis2=-1)
    np.testing.assert_allclose(np.diagonal(factor, axis1=-2, axis2=-1), np.exp(diagonal), rtol=1e-5)
    np.testing.assert_array_equal(np.tril(factor, -1), np.tril(filled, -1))


def test_negative_log_densities_are_the_cross_entropies_of_keras():
    logits = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    y = np.array([0, 3, 1, 2, 0, 1])
    expected = special.logsumexp(logits, axis=1) - logits[np.arange(6), y]
    categorical = kl.ConditionalCategorical((), classes=4).distribution(logits=logits)
    np.testing.assert_allclose(numbers(-categorical.log_prob(y)), expected, rtol=1e-5)
    one_hot = kl.ConditionalOneHotCategorical((4,)).distribution(logits=logits)
    np.testing.assert_allclose(numbers(-one_hot.log_prob(np.eye(4)[y])), expected, rtol=1e-5)


MIXTURES = {
    "Normal": lambda: kl.ConditionalNormal((2,), scale="log_scale", loc_activation="tanh"),
    "Bernoulli": lambda: kl.ConditionalBernoulli((2, 3)),
    "StudentT": lambda: kl.ConditionalStudentT((), fixed={"df": 3.0}),
    "Categorical": lambda: kl.ConditionalCategorical((2,), classes=3),
    "MultivariateNormalTriL": lambda: kl.ConditionalMultivariateNormalTriL((3,)),
}


@pytest.mark.parametrize("component", MIXTURES.values(), ids=MIXTURES)
@pytest.mark.few(2)
def test_mixture(component):
    layer = kl.ConditionalMixture(component(), components=3)
    raw = with_raw_numbers(layer)
    weights = special.softmax(raw.pop("mixture_logits"))
    if "loc" in raw and layer.component.heads["loc"].activation is not keras.activations.linear:
        raw["loc"] = np.tanh(raw["loc"])
    each = layer.component.distribution(**layer.component.parameters_from(**raw))
    y = np.ones(layer.event_shape)

    def call(context):
        d = layer.given(context)
        assert (d.batch_shape, d.event_shape) == ((1,), layer.event_shape)
        return layer(context), d.log_prob(y), each.log_prob(y)

    parameters, log_prob, of_each = compiled(layer, call, ONE)
    assert {n: p.shape for n, p in parameters.items()} == layer.compute_output_shape((1, 1))
    np.testing.assert_allclose(log_prob[0], np.log(np.sum(weights * np.exp(of_each))), rtol=1e-4)


@pytest.mark.slow
def test_mixture_is_saved_and_loaded(tmp_path):
    inputs = keras.Input((5,))
    network = keras.layers.Dense(4)
    mixture = kl.ConditionalMixture(kl.ConditionalStudentT((2,)), network, components=2)
    model = keras.Model(inputs, mixture(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    expected, found = (m.predict(CONTEXT, verbose=0) for m in (model, again))
    assert set(found) == {"mixture_logits", "df", "loc", "scale"}
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
    draw = mixture.given(CONTEXT).sample((3,), seed=0)
    assert tuple(draw.shape) == (3, 6, 2)


@all_cases
@pytest.mark.few(4)
def test_precision_of_the_parameters(case, float64):
    raw = {"mixed_bfloat16": "float32", "float64": "float64"}
    for policy, dtype in raw.items():
        layer = case.make(dtype=policy)
        layer.build((None, 5))
        d = layer.given(CONTEXT.astype("float64" if dtype == "float64" else "float32"))
        assert d.dtype == dtype
        spec = layer.compute_output_spec(keras.Input((5,)))
        assert {x.dtype for x in spec.values()} == {dtype}


BAD_ARGUMENTS = {
    "link of no parameter": (
        lambda: kl.ConditionalLaplace((2,), links={"sigma": bijectors.Exp()}),
        "ConditionalLaplace: links names 'sigma', but the parameters are loc, scale",
    ),
    "no link": (
        lambda: kl.ConditionalLaplace((2,), links={"scale": "softplus"}),
        r"links\['scale'\] must be a kelbo.bijectors.Bijector, got 'softplus'",
    ),
    "value of no parameter": (
        lambda: kl.ConditionalGamma((2,), fixed={"rate": 1.0}),
        "fixed names 'rate', but the parameters are concentration, log_rate",
    ),
    "value against the rule": (
        lambda: kl.ConditionalStudentT((2,), fixed={"df": -1.0}),
        r"fixed\['df'\] must be greater than 0 and finite, got -1.0",
    ),
    "all fixed": (
        lambda: kl.ConditionalPoisson((2,), fixed={"log_rate": 0.0}),
        "all of log_rate are fixed",
    ),
    "number as a vector": (
        lambda: kl.ConditionalDirichlet(()),
        r"distribution of vectors: event_shape must be \(..., d\), got \(\)",
    ),
    "classes": (lambda: kl.ConditionalCategorical((), classes=0), "classes must be .* got 0"),
    "rank": (
        lambda: kl.ConditionalMultivariateNormalLowRank((3,), rank=0),
        "ConditionalMultivariateNormalLowRank: rank must be .* got 0",
    ),
    "ends": (lambda: kl.ConditionalDiscretizedLogistic((), low=3, high=2), "high must be .* got 2"),
    "component": (
        lambda: kl.ConditionalMixture(kd.Normal(0.0, 1.0), components=2),
        "component must be a conditional such as",
    ),
    "component with a network": (
        lambda: kl.ConditionalMixture(
            kl.ConditionalNormal((1,), keras.layers.Dense(2)), components=2
        ),
        "the component must have no network",
    ),
    "components": (
        lambda: kl.ConditionalMixture(kl.ConditionalNormal((1,)), components=0),
        "components must be .* got 0",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
