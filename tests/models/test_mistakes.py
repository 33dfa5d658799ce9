"""What models of densities do not do, said before anything is trained."""

import re

import numpy as np
import pytest

import kelbo as kb
from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko
from kelbo import ops
from kelbo.latent import LogLikelihood

pytestmark = pytest.mark.core


def make_vae():
    likelihood, posterior = kl.ConditionalNormal((6,)), kl.ConditionalNormal((2,))
    return kb.models.VAE(kd.Normal.standard((2,)), likelihood, posterior)


MODELS = {
    "VAE": make_vae,
    "ConditionalDensity": lambda: kb.models.ConditionalDensity(kl.ConditionalNormal(())),
    "DensityEstimator": lambda: kb.models.DensityEstimator(
        kl.Flow(kd.Normal.standard((6,)), [kl.MaskedAutoregressive((6,))])
    ),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
@pytest.mark.parametrize("argument", ["metrics", "weighted_metrics", "loss_weights"])
def test_metrics_of_outputs_are_refused_at_compile(make, argument):
    with pytest.raises(ValueError, match=rf"compile takes no {argument}.*leave it out"):
        make().compile("adam", **{argument: ["mae"]})
    with pytest.raises(ValueError, match=r"compile takes no metrics.*leave it out"):
        make().compile("adam", None, None, ["mae"])


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
@pytest.mark.parametrize("name", ["model.h5", "model.hdf5"])
def test_a_file_that_would_not_load_is_not_written(make, name, tmp_path):
    with pytest.raises(ValueError, match=r"does not load.*save it as \.keras"):
        make().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_weights_alone_go_into_hdf5(tmp_path, weights):
    model, other = make_vae(), make_vae()
    for each in (model, other):
        each.build((None, 6))
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(weights(other), weights(model))


class UnknownTerm(ko.ELBO):
    """An objective of one's own, with what is no term."""

    weight_terms = frozenset({LogLikelihood, "log_prior"})


def repr_of_a_seed(seed):
    return str(seed) if not isinstance(seed, int) or seed > -2 else "long"


def test_an_unknown_term_is_named_at_compile():
    model = make_vae()
    model.objective = UnknownTerm()
    with pytest.raises(ValueError, match=r"term 'log_prior', which is no class .*Term"):
        model.compile("adam")


def test_a_vamp_prior_is_not_called():
    with pytest.raises(TypeError, match=r"not called on tensors.*prior\.given\(posterior\)"):
        kl.VampPrior((2,), pseudo_inputs=3)(np.zeros((5, 6), "float32"))


def test_a_learned_prior_is_not_called():
    with pytest.raises(TypeError, match=r"LearnedNormal is not called.*given\(\)"):
        kl.LearnedNormal((2,))(np.zeros((5, 6), "float32"))


@pytest.mark.parametrize("seed", ["x", 1.5, [1, 2], -1, -(10**5000)], ids=repr_of_a_seed)
def test_a_seed_is_a_whole_number(seed):
    model = make_vae()
    normal = kd.Normal(0.0, 1.0)
    for use in (
        lambda: setattr(model, "seed", seed),
        lambda: model.sample(2, seed=seed),
        lambda: normal.sample(seed=seed),
        lambda: kb.evaluation.active_units(model, np.zeros((4, 6), "float32"), seed=seed),
    ):
        with pytest.raises(ValueError, match="seed must be a whole number of at least 0"):
            use()


def test_seeds_of_any_length_and_of_numpy_are_taken():
    normal = kd.Normal(np.zeros(3), 1.0)
    for seed, same in ((np.int64(3), 3), (2**31 + 3, 3), (10**5000, 10**5000 % 2**31)):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(normal.sample(seed=seed)),
            ops.convert_to_numpy(normal.sample(seed=same)),
        )
    model = make_vae()
    model.seed = 10**5000
    assert model.seed == 10**5000 % 2**32


def test_a_fit_needs_an_optimizer():
    model = make_vae()
    model.compile(None)
    with pytest.raises(ValueError, match="needs an optimizer"):
        model.fit(np.zeros((8, 6), "float32"), verbose=0)


def test_a_distribution_is_no_array():
    with pytest.raises(TypeError, match=r"Normal is no array.*mean\(\)"):
        np.asarray(kd.Normal(0.0, 1.0))


def test_distributions_are_handed_out_of_compiled_code_and_no_other_objects():
    conditional = kl.ConditionalNormal((2,))
    conditional.build((None, 6))
    given = ops.compile(lambda x: conditional.given(x), lambda: conditional.variables)
    assert given(np.zeros((5, 6), "float32")).batch_shape == (5,)
    with pytest.raises(TypeError, match=r"returns a object.*returns tensors, and distributions"):
        ops.compile(lambda: object())()


@pytest.mark.parametrize("name", ["VAE", "ConditionalDensity"])
@pytest.mark.few(1)
def test_the_summary_shows_a_batch_of_any_size(name):
    model = MODELS[name]()
    model.compile("adam")
    x = np.zeros((8, 6), "float32")
    model.fit(x, *([x[:, 0]] if name == "ConditionalDensity" else []), verbose=0)
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    shown = "".join(lines)
    assert "(None" in shown
    assert not re.search(r"[(]2,[^)]*[)]", shown)
