"""What a model gives without any noise, whatever saved it."""

import keras
import numpy as np

import kelbo as kb

GENERATOR = np.random.default_rng(0)
X = GENERATOR.uniform(size=(6, 4)).round(3).astype("float32")
Z = GENERATOR.normal(size=(6, 2)).round(3).astype("float32")


def numbers_of(model):
    """Sizes of the trained weights and of the optimizer's state, and results of verbs."""
    found = {
        "weights": [_size(variable) for variable in model.trainable_variables],
        "optimizer": [_size(variable) for variable in model.optimizer.variables],
    }
    if isinstance(model, kb.models.VAE):
        posterior = model.encode(X.round())
        found["encoded"] = posterior.mean()
        found["density"] = posterior.log_prob(posterior.mode())
        found["decoded"] = model.decode(Z.round()).mean()
    elif isinstance(model, kb.models.DensityEstimator):
        found["log_prob"] = model.log_prob(X)
    elif isinstance(model, kb.models.ConditionalDensity):
        found["log_prob"] = model.log_prob(X, Z[:, :1])
    else:
        found["kl"] = [model.layers[1].kl()]
    return {name: np.asarray(_array(x), "float64").tolist() for name, x in found.items()}


def _array(x):
    return keras.ops.convert_to_numpy(x)


def _size(variable):
    return float(np.abs(_array(variable.value).astype("float64")).sum())
