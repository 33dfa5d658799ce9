"""A variational autoencoder in the functional style: every step is a node of the graph.

The reparameterisation is explicit: a source of noise, a location-scale step, and a layer that
passes mean and log-variance through while it adds their divergence from the prior to the loss.

    python examples/functional_vae.py [--epochs 20]
"""

import argparse
from typing import Any

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras

from kelbo.distributions import ContinuousBernoulli, Independent
from kelbo.layers import KLDivergence, LocationScale, Noise


def negative_log_likelihood(x: Any, logits: Any) -> Any:
    """Reconstruction loss in nats per example, summed over pixels."""
    return -Independent(ContinuousBernoulli(logits=logits), 1).log_prob(x)


def build_model(pixels: int, hidden: int = 64, latent: int = 2) -> keras.Model:
    """Encoder, noise, location-scale step and decoder, as one functional model."""
    x = keras.Input((pixels,))
    features = keras.layers.Dense(hidden, "relu", name="encoder")(x)
    mean = keras.layers.Dense(latent, name="mean")(features)
    log_variance = keras.layers.Dense(latent, name="log_variance")(features)
    mean, log_variance = KLDivergence()([mean, log_variance])
    noise = Noise()(mean)
    z = LocationScale()([mean, log_variance, noise])
    logits = keras.Sequential(
        [keras.layers.Dense(hidden, "relu"), keras.layers.Dense(pixels)], name="decoder"
    )(z)
    return keras.Model(x, logits)


def main(epochs: int) -> dict[str, float]:
    """Trains the model on handwritten digits and returns the losses of the last epoch."""
    digits = kb.datasets.load("digits")
    x_train, x_test = digits.x_train.reshape(-1, 64), digits.x_test.reshape(-1, 64)
    model = build_model(pixels=64)
    model.compile("adam", loss=negative_log_likelihood)
    history = model.fit(
        x_train, x_train, batch_size=100, epochs=epochs, validation_data=(x_test, x_test)
    )
    return {name: values[-1] for name, values in history.history.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    print(main(parser.parse_args().epochs))
