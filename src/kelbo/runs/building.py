"""Settings in, model out."""

import keras

from kelbo.bijectors import Bijector
from kelbo.datasets import Dataset
from kelbo.distributions import Normal
from kelbo.layers import (
    Bijection,
    ConcatenateParts,
    Conditional,
    ConditionalBernoulli,
    ConditionalContinuousBernoulli,
    ConditionalMultivariateNormalTriL,
    ConditionalNormal,
    Flow,
    StochasticBinarization,
)
from kelbo.models import VAE
from kelbo.objectives import ELBO
from kelbo.parts import shapes_of, with_batch, without_batch
from kelbo.runs.config import FitConfig
from kelbo.runs.likelihoods import settle
from kelbo.runs.memory_need import count_weights, enough_memory, require_memory
from kelbo.runs.scaling import scaling

_OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}


def build_model(config: FitConfig, data: Dataset) -> VAE:
    """The compiled and built model that the settings describe, for these data.

    Dense networks on flattened examples; the likelihood keeps the shape of an example. Where the
    data are scaled, the encoder sees scaled values, and the likelihood is a distribution over the
    values of the data: what the decoder says of scaled ones, mapped back. Where the data have a
    context, the networks of both get it beside what they have, and the prior is a normal
    distribution whose mean and scale are linear in it. The same settings and data give the same
    initial weights: Keras' global seed is set.

    Args:
        config: The settings.
        data: Gives the shape of an example and of its context, and decides what "auto" stands for.

    Returns:
        The model.

    Raises:
        InputError: Values of the data lie outside the support of the likelihood, or there is not
            enough memory.

    Example:
        >>> from kelbo import datasets, runs
        >>> digits = datasets.load("digits")
        >>> vae = runs.build_model(runs.FitConfig(data="digits", hidden=[16]), digits)
        >>> vae.likelihood.event_shape
        (8, 8)
    """
    config = settle(config, data)
    keras.utils.set_random_seed(config.seed)
    of_data = scaling(config.scale, data)
    context = () if data.context is None else (data.context.width,)
    likelihood = _likelihood(config, data.event_shape, context)
    posterior = _posterior(config, data.event_shape, context, of_data)
    prior = _latent_normal(config, None) if context else None
    weights = count_weights(config, data.event_shape, likelihood, posterior, prior, sum(context))
    require_memory(config, weights, likelihood)
    if of_data is not None:
        likelihood = Flow(likelihood, [of_data])
    with enough_memory():
        return _compiled(config, data, prior, likelihood, posterior)


def _compiled(
    config: FitConfig,
    data: Dataset,
    prior: Conditional | None,
    likelihood: Conditional,
    posterior: Conditional,
) -> VAE:
    model = VAE(
        prior=Normal.standard((config.latent_dim,)) if prior is None else prior,
        likelihood=likelihood,
        posterior=posterior,
        objective=ELBO(samples=config.samples, kl=config.kl),
        preprocessing=StochasticBinarization() if config.binarize == "dynamic" else None,
        seed=config.seed,
        name="vae",
    )
    model.build(with_batch(without_batch(shapes_of(data.train))))
    model.compile(_optimizer(config))
    return model


def _likelihood(
    config: FitConfig, event_shape: tuple[int, ...], context: tuple[int, ...]
) -> Conditional:
    network = _dense(config.decoder_layers, config.activation, (config.latent_dim,), context)
    if config.likelihood == "bernoulli":
        return ConditionalBernoulli(event_shape, network)
    if config.likelihood == "continuous_bernoulli":
        return ConditionalContinuousBernoulli(event_shape, network)
    return ConditionalNormal(
        event_shape,
        network,
        scale=config.likelihood_scale,
        minimum_scale=config.likelihood_minimum_scale,
        loc_activation=config.likelihood_loc_activation,
    )


def _posterior(
    config: FitConfig,
    event_shape: tuple[int, ...],
    context: tuple[int, ...],
    of_data: Bijector | None,
) -> Conditional:
    families = {
        "normal": ConditionalNormal,
        "multivariate_normal": ConditionalMultivariateNormalTriL,
    }
    network = _dense(config.hidden, config.activation, event_shape, context, of_data)
    return _latent_normal(config, network, families[config.posterior])


def _latent_normal(config, network, family=ConditionalNormal):
    return family(
        (config.latent_dim,),
        network,
        scale=config.posterior_scale,
        minimum_scale=config.posterior_minimum_scale,
    )


def _dense(sizes, activation, shape, context, of_data=None):
    """Hidden layers on values of a shape; where there is a context, on parts that it is one of."""
    scaled = []
    if of_data is not None:
        scaled = [Bijection(of_data, invert=True, part="x" if context else None)]
    if not sizes and not scaled and not context:
        return None
    flatten = [keras.layers.Flatten()] if len(shape) > 1 else []
    hidden = [keras.layers.Dense(size, activation) for size in sizes]
    return keras.Sequential([*scaled, *([ConcatenateParts()] if context else flatten), *hidden])


def _optimizer(config: FitConfig) -> keras.optimizers.Optimizer:
    given = {"learning_rate": config.learning_rate, "global_clipnorm": config.clip_norm}
    arguments = {name: value for name, value in given.items() if value is not None}
    return _OPTIMIZERS[config.optimizer](**arguments)
