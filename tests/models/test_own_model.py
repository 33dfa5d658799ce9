"""A latent variable model of one's own, with a context: trained, judged and saved as any other."""

import keras
import numpy as np
import pytest
from scipy import stats

import kelbo as kb
from kelbo import distributions as kd
from kelbo import evaluation, ops
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo.latent import LatentProblem
from kelbo.layers.frozen import stopped_log_prob
from kelbo.models import LatentVariableModel

pytestmark = pytest.mark.core


@keras.saving.register_keras_serializable("tests")
class GroupedFactors(LatentVariableModel):
    """Factor analysis whose mean hangs on a group: x = z W + c M + noise, c one-hot."""

    parts = ("posterior", "objective")
    data_parts = ("context",)

    def __init__(self, posterior, features, groups, objective=None, seed=None, name=None):
        super().__init__(objective or ko.ELBO(), seed, name, posterior=posterior)
        self.features, self.groups = features, groups
        (size,) = posterior.event_shape
        self.prior = kd.Normal.standard((size,))
        self.loadings = self.add_weight(shape=(size, features), initializer="ones", name="loadings")
        self.means = self.add_weight(shape=(groups, features), name="means")
        self.scale = kl.constrained_weight(
            self, "scale", (features,), kb.parameters.constraints.positive, 1.0, floor=1e-3
        )

    def checked_parts(self, *, posterior):
        return {"posterior": posterior}

    @property
    def example_shape(self):
        return (self.features,)

    @property
    def only_of_model(self):
        return [self.loadings, self.means, self.scale.variable]

    def build_parts(self, data_shape):
        self.build_part(self.posterior, data_shape)

    def kinds(self):
        return self.posterior.template(), self.prior

    def prior_given(self, context=None):
        return self.prior

    def problem(self, observed, step=None):
        parameters = self.posterior(observed)

        def likelihood(z, hold=lambda weight: weight):
            loc = ops.matmul(z, hold(self.loadings))
            loc = loc + ops.matmul(observed["context"], hold(self.means))
            return kd.Independent(kd.Normal(loc, hold(self.scale())), 1)

        def stopped_log_likelihood(z):
            return likelihood(z, ops.stop_gradient).log_prob(observed["x"])

        def dream(seed):
            z = self.prior.sample(ops.shape(observed["x"])[:1], seed)
            return z, {**observed, "x": likelihood(z).sample(seed=seed)}

        return LatentProblem(
            observed=observed,
            posterior=self.posterior.distribution(**parameters),
            prior=self.prior,
            log_likelihood=lambda z: likelihood(z).log_prob(observed["x"]),
            stopped_log_likelihood=stopped_log_likelihood,
            log_prior=self.prior.log_prob,
            stopped_log_posterior=stopped_log_prob(self.posterior, parameters),
            dream=dream,
            posterior_given=self.posterior.given,
            step=step,
            training_examples=self.training_examples,
        )

    def get_config(self):
        return {**super().get_config(), "features": self.features, "groups": self.groups}

    def evidence(self, data):
        """The log-likelihood in closed form."""
        means, loadings, scale = map(
            ops.convert_to_numpy, (self.means, self.loadings, self.scale())
        )
        covariance = loadings.T @ loadings + np.diag(scale**2)
        residual = data["x"] - data["context"] @ means
        return stats.multivariate_normal(np.zeros(self.features), covariance).logpdf(residual)


GENERATOR = np.random.default_rng(0)
GROUPS = np.eye(2, dtype="float32")[GENERATOR.integers(2, size=300)]
NOISE, Z = GENERATOR.normal(size=(300, 3)), GENERATOR.normal(size=(300, 1))
X = Z * [1.0, -0.5, 0.8] + GROUPS @ [[2.0, 0.0, -1.0], [-2.0, 1.0, 0.0]] + 0.5 * NOISE
DATA = {"x": X.astype("float32"), "context": GROUPS}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    posterior = kl.ConditionalNormal((1,), keras.Sequential([kl.ConcatenateParts()]))
    model = GroupedFactors(posterior, features=3, groups=2, seed=0)
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(DATA, epochs=30, batch_size=20, verbose=0)
    return model


def test_its_bound_is_its_evidence(model):
    """The posterior is linear-Gaussian, and so is the family of q."""
    model.objective = ko.ELBO(200)
    bound = -model.evaluate(DATA, batch_size=300, verbose=0, return_dict=True)["loss"]
    evidence = model.evidence(DATA)
    assert -0.01 < evidence.mean() - bound < 0.1
    error = model.log_likelihood(DATA, samples=2000) - evidence
    assert abs(error.mean()) < 0.02
    assert np.median(np.abs(error)) < 0.05
    truth = stats.multivariate_normal(
        cov=np.outer([1.0, -0.5, 0.8], [1.0, -0.5, 0.8]) + 0.25 * np.eye(3)
    )
    residual = X - GROUPS @ [[2.0, 0.0, -1.0], [-2.0, 1.0, 0.0]]
    assert evidence.mean() > truth.logpdf(residual).mean() - 0.05


@pytest.mark.slow
def test_it_is_saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "factors.keras")
    again = keras.saving.load_model(tmp_path / "factors.keras")
    np.testing.assert_array_equal(
        again.predict(DATA, verbose=0)["kl"], model.predict(DATA, verbose=0)["kl"]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "objective",
    [
        ko.IWELBO(3, "doubly_reparameterized"),
        ko.ELBO(2, "monte_carlo", "vimco"),
        ko.ChiUpperBound(2),
        ko.ReweightedWakeSleep(3, 0.5),
        ko.InfoELBO(),
    ],
    ids=repr,
)
def test_it_is_trained_by_every_kind_of_objective(model, objective):
    weights, before = model.get_weights(), model.objective
    try:
        model.objective = objective
        fixed = [np.array(v) for v in model.only_of_model]
        history = model.fit(DATA, epochs=1, batch_size=50, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        now = [np.array(v) for v in model.only_of_model]
        stood = all((a == b).all() for a, b in zip(fixed, now, strict=True))
        assert stood != objective.trains_model
    finally:
        model.objective = before
        model.set_weights(weights)


@pytest.mark.slow
def test_it_is_judged_as_any_other(model):
    evidence = model.evidence(DATA)
    few = {name: part[:50] for name, part in DATA.items()}
    annealed = evaluation.annealed_importance_sampling(model, few, chains=10, steps=50, seed=0)
    np.testing.assert_allclose(np.mean(annealed.log_likelihood), evidence[:50].mean(), atol=0.1)
    units = evaluation.active_units(model, DATA)
    assert units.active.sum() == 1


class Exact(LatentVariableModel):
    """Three methods, and nothing else: z is normal, x is z with noise, and q is the posterior."""

    parts = ("objective",)

    def __init__(self, objective=None, seed=None, name=None):
        super().__init__(objective or ko.ELBO(), seed, name)
        self.shift = self.add_weight(shape=(3,), initializer="zeros", name="shift")

    def kinds(self):
        return kd.Normal.standard((3,)), kd.Normal.standard((3,))

    def prior_given(self, context=None):
        return kd.Normal.standard((3,))

    def problem(self, observed, step=None):
        def likelihood(z, shift):
            return kd.Independent(kd.Normal(z + shift, 1.0), 1)

        def posterior_given(x):
            return kd.Independent(kd.Normal(0.5 * (x - shift), 0.5**0.5), 1)

        shift, prior = ops.convert_to_tensor(self.shift), self.prior_given()
        posterior = posterior_given(observed)
        return LatentProblem(
            observed=observed,
            posterior=posterior,
            prior=prior,
            log_likelihood=lambda z: likelihood(z, shift).log_prob(observed),
            stopped_log_likelihood=lambda z: likelihood(z, ops.stop_gradient(shift)).log_prob(
                observed
            ),
            log_prior=prior.log_prob,
            stopped_log_posterior=posterior.log_prob,
            **self.dreaming(prior, lambda z: likelihood(z, shift), posterior_given),
            step=step,
        )

    def dreaming(self, prior, likelihood, posterior_given):
        def dream(seed):
            z = prior.sample((4,), seed)
            return z, likelihood(z).sample(seed=seed)

        return {"dream": dream, "posterior_given": posterior_given}


class Dreamless(Exact):
    """It makes up no examples, or cannot say what it thinks of them."""

    def dreaming(self, prior, likelihood, posterior_given):
        if not self.can_dream:
            return {"posterior_given": posterior_given}
        return {"dream": super().dreaming(prior, likelihood, posterior_given)["dream"]}


def test_three_methods_make_a_model():
    vae, x = Exact(seed=0), np.array([[1.0, 0.0, -1.0]] * 8, "float32")
    vae.compile(keras.optimizers.Adam(0.3))
    vae.fit(x, epochs=1, batch_size=8, verbose=0)
    assert vae.example_shape == (3,)
    shift = ops.convert_to_numpy(vae.shift)
    evidence = stats.norm(shift, 2**0.5).logpdf(x).sum(axis=1)
    np.testing.assert_allclose(vae.log_likelihood(x, samples=2), evidence, rtol=1e-4)
    with pytest.raises(ValueError, match="x has the shape"):
        vae.log_likelihood(x[:, :2])


@pytest.mark.slow
def test_three_methods_are_enough_for_annealing():
    """From the exact posterior every weight is the evidence."""
    vae = Exact(seed=0)
    with pytest.raises(ValueError, match="shape of an example is not known before"):
        evaluation.bidirectional_monte_carlo(vae, n=4)
    vae.build((None, 3))
    found = evaluation.bidirectional_monte_carlo(vae, n=4, steps=3, chains=2, start="posterior")
    exact = stats.norm(0.0, 2**0.5).logpdf(found.x).sum(axis=1)
    np.testing.assert_allclose(found.lower, exact, rtol=1e-4)
    np.testing.assert_allclose(found.upper, exact, rtol=1e-4)


@pytest.mark.parametrize("can_dream", [False, True])
def test_what_cannot_be_dreamt_is_said(can_dream):
    vae = Dreamless(ko.WakeSleep(), seed=0)
    vae.can_dream = can_dream
    vae.compile("adam")
    missing = "posterior_given=None" if can_dream else "dream=None"
    with pytest.raises(ValueError, match=f"sleep phase .* its LatentProblem has {missing}"):
        vae.fit(np.zeros((4, 3), "float32"), verbose=0)
    if not can_dream:
        with pytest.raises(ValueError, match="bidirectional_monte_carlo needs examples that"):
            evaluation.bidirectional_monte_carlo(vae, n=4, steps=2)
