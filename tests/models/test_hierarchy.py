"""A VAE of two layers of latent values, on a linear-Gaussian chain whose evidence is known."""

import keras
import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo import ops

pytestmark = pytest.mark.core

DOWN = np.array([[0.8, -0.5]], "float32")  # z1 = z2 DOWN + noise
OUT = np.array([[1.0, 0.3, -0.4], [0.2, 0.9, 0.5]], "float32")  # x = z1 OUT + noise
COVARIANCE = OUT.T @ (DOWN.T @ DOWN + 0.6**2 * np.eye(2)) @ OUT + 0.5**2 * np.eye(3)
EVIDENCE = stats.multivariate_normal(np.zeros(3), COVARIANCE)
X = EVIDENCE.rvs(400, random_state=np.random.default_rng(0)).astype("float32")


@keras.saving.register_keras_serializable("tests")
class LinearNormal(kl.Conditional):
    """A conditional without variables: its mean is the context times a matrix."""

    def __init__(self, event_shape, matrix, scale, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.matrix, self.scale = np.asarray(matrix, "float32").tolist(), scale

    def parameters_of(self, features):
        loc = ops.matmul(features, np.asarray(self.matrix, "float32"))
        return {"loc": loc, "scale": self.scale + ops.zeros_like(loc)}

    def distribution(self, **parameters):
        return self._independent(kd.Normal(**parameters, validate=False))

    def template(self):
        return self._independent(kd.Normal(np.zeros((1, *self.event_shape), "float32"), 1.0))

    def get_config(self):
        return {**super().get_config(), "matrix": self.matrix, "scale": self.scale}


def make(objective, top_down=False):
    keras.utils.set_random_seed(1)
    prior = kl.ConditionalJoint(
        {"z2": kd.Normal.standard((1,)), "z1": LinearNormal((2,), DOWN, 0.6)}
    )
    if top_down:
        both = keras.Sequential([kl.ConcatenateParts()])
        parts = {"z2": kl.ConditionalNormal((1,)), "z1": kl.ConditionalNormal((2,), both)}
    else:
        parts = {
            "z1": kl.ConditionalNormal((2,)),
            "z2": kl.ConditionalNormal((1,), parents="z1"),
        }
    return kb.models.VAE(
        prior=prior,
        likelihood=LinearNormal((3,), OUT, 0.5, parents="z1"),
        posterior=kl.ConditionalJoint(parts),
        objective=objective,
        seed=0,
    )


OBJECTIVES = {
    "analytic parts": (ko.ELBO(), True),
    "samples": (ko.ELBO(kl="monte_carlo", estimator="sticking_the_landing"), False),
    "doubly reparameterised": (ko.IWELBO(5, "doubly_reparameterized"), False),
    "Renyi": (ko.RenyiBound(0.5, 5), False),
    "VIMCO": (ko.IWELBO(5, "vimco"), True),
    "per part": (ko.ELBO(8, estimator={"z2": "vimco", "z1": "pathwise"}), True),
}


def fitted(name, epochs):
    objective, top_down = OBJECTIVES[name]
    model = make(objective, top_down)
    model.compile(keras.optimizers.Adam(0.03))
    model.fit(X, epochs=epochs, batch_size=100, verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_bound_trains_it_to_the_evidence(name):
    model = fitted(name, 120)
    model.objective = ko.IWELBO(50)
    loss = model.evaluate(X, verbose=0, return_dict=True)["loss"]
    exact = EVIDENCE.logpdf(X).mean()
    assert exact - 0.15 < -loss < exact + 0.02
    found = model.log_likelihood(X[:50], samples=2000)
    np.testing.assert_allclose(found, EVIDENCE.logpdf(X[:50]), atol=0.15)


@pytest.fixture(scope="module")
def model():
    return fitted("analytic parts", 30)


def test_its_log_likelihood_is_the_evidence(model):
    found = model.log_likelihood(X[:20], samples=5000)
    np.testing.assert_allclose(found, EVIDENCE.logpdf(X[:20]), atol=0.15)


@pytest.mark.slow
def test_saved_and_loaded_it_is_judged_the_same(model, tmp_path):
    found = model.log_likelihood(X[:20], samples=5000)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.log_likelihood(X[:20], samples=5000), found)
    annealed = kb.evaluation.annealed_importance_sampling(again, X[:5], steps=100, chains=16)
    np.testing.assert_allclose(annealed.log_likelihood, EVIDENCE.logpdf(X[:5]), atol=0.3)
    drawn = kb.evaluation.bidirectional_monte_carlo(again, n=2, steps=5, chains=2)
    assert drawn.z["z2"].shape == (2, 1)


def test_its_verbs_know_parts():
    model = make(ko.ELBO())
    model.compile("adam")
    posterior = model.encode(X[:5])
    assert posterior.names == ("z1", "z2")
    draws = posterior.sample(seed=0)
    assert {name: z.shape for name, z in draws.items()} == {"z1": (5, 2), "z2": (5, 1)}
    assert model.decode(draws).mean().shape == (5, 3)
    assert model.reconstruct(X[:5]).shape == model.sample(5, seed=0).shape == (5, 3)
    with pytest.raises(ValueError, match="one for each of z2, z1"):
        model.decode(draws["z1"])


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="latent values of shape"):
        kb.models.VAE(
            kd.Normal.standard((2,)), LinearNormal((3,), OUT, 0.5), make(ko.ELBO()).posterior
        )
    with pytest.raises(ValueError, match="nothing that it could depend on"):
        kl.ConditionalJoint({"z1": kl.ConditionalNormal((2,))}).given()
    with pytest.raises(TypeError, match="'z1' must be a distribution, a conditional"):
        kl.ConditionalJoint({"z1": 1.0})
    model = make(ko.FreeBits(0.1))
    with pytest.raises(ValueError, match="an inference in the order of the prior"):
        model.compile("adam")


def test_a_part_that_depends_on_nothing_is_drawn_for_each_example():
    parts = {"z2": kd.Normal.standard((1,)), "z1": kl.ConditionalNormal((2,))}
    both = keras.Sequential([kl.ConcatenateParts()])
    posterior = kl.ConditionalJoint(
        {"z2": kd.Normal.standard((1,)), "z1": kl.ConditionalNormal((2,), both)}
    )
    likelihood = LinearNormal((3,), OUT, 0.5, parents="z1")
    prior = kl.ConditionalJoint(parts)
    model = kb.models.VAE(prior, likelihood, posterior, ko.ELBO(samples=2), seed=0)
    model.compile("adam")
    model.fit(X[:40], verbose=0)
    found = model.encode(X[:40])
    assert found.batch_shape == (40,)
    for some, count in ((found, 40), (found[1:4], 3)):
        z2 = ops.convert_to_numpy(some.sample(seed=0)["z2"])
        assert len(np.unique(z2)) == count


class Entropy(kb.latent.Term):
    """A term that is a divergence by no known name."""

    name = "entropy"

    @classmethod
    def depends_on_draws(cls, posterior, prior):
        return False

    @classmethod
    def value(cls, problem, draws, seed):
        return problem.posterior.entropy()


class WithEntropy(ko.Objective):
    """A bound that compares no densities by itself."""

    weight_terms = frozenset({kb.latent.LogLikelihood, kb.latent.LogPrior})
    regularizer_terms = frozenset({Entropy})

    @property
    def reduction(self):
        return kb.estimators.reductions.Mean()

    def log_weights(self, terms):
        return terms["log_likelihood"] + terms["log_prior"]

    def regularizer(self, terms):
        return -terms["entropy"]


def test_metrics_have_what_they_need_of_any_bound():
    keras.utils.set_random_seed(0)
    model = kb.models.VAE(
        kd.Normal.standard((2,)), kl.ConditionalNormal((3,)), kl.ConditionalNormal((2,)), seed=0
    )
    losses = {}
    for objective in (WithEntropy(500), ko.ELBO(500)):
        model.objective = objective
        model.compile("adam")
        losses[objective] = model.evaluate(X[:100], verbose=0, return_dict=True)
    mine, usual = losses.values()
    assert mine["kl"] > 0
    for name in mine:  # the bound is the same one
        np.testing.assert_allclose(mine[name], usual[name], atol=0.15)


def test_a_context_with_parts_reaches_every_part():
    data = {"x": X[:20], "context": {"a": X[:20, :2], "b": X[:20, :1]}}

    def joint(*parts):
        return kl.ConditionalJoint(
            {
                name: kl.ConditionalNormal((size,), keras.Sequential([kl.ConcatenateParts()]))
                for name, size in parts
            }
        )

    def merged():
        return keras.Sequential([kl.ConcatenateParts()])

    model = kb.models.VAE(
        joint(("z2", 1), ("z1", 2)),
        kl.ConditionalNormal((3,), merged()),
        joint(("z1", 2), ("z2", 1)),
        ko.IWELBO(3, "doubly_reparameterized"),
        seed=0,
    )
    model.compile("adam")
    assert np.isfinite(model.fit(data, verbose=0).history["loss"]).all()
    found = model.encode(data)  # 20 rows are padded to 32
    assert found.batch_shape == (20,)
    draws = found[1:3].sample(seed=0)
    assert draws["z1"].shape == (2, 2)
    other = {**data, "context": {**data["context"], "b": data["context"]["b"] + 1.0}}
    z = found.sample(seed=0)
    moved = found.log_prob(z) - model.encode(other).log_prob(z)
    assert (np.abs(ops.convert_to_numpy(moved)) > 0).all()


def test_names_of_latent_parts_and_of_data_are_told_apart():
    def parts(name):
        return {name: kl.ConditionalNormal((2,)), "b": kl.ConditionalNormal((1,), parents=name)}

    def joint(name):
        return kd.Joint({name: kd.Normal.standard((2,)), "b": kd.Normal.standard((1,))})

    for name in ("x", "context", "mask"):
        with pytest.raises(ValueError, match=f"is called '{name}'"):
            kb.models.VAE(joint(name), kl.ConditionalNormal((3,)), kl.ConditionalJoint(parts(name)))
    with pytest.raises(ValueError, match="the name of a part and of what the parts are given"):
        kl.ConditionalJoint(parts("a")).build({"a": (None, 2), "c": (None, 1)})
