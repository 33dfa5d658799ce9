"""The README's example: a variational autoencoder of handwritten digits in twenty lines.

python examples/twenty_lines.py [--epochs 50]
"""

import argparse

import kelbo as kb  # before Keras: it takes JAX unless you chose another backend

# isort: split
import keras

from kelbo import distributions as kd
from kelbo import layers as kl
from kelbo import objectives as ko

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--epochs", type=int, default=50)
epochs = parser.parse_args().epochs

digits = kb.datasets.load("digits")
x_train, x_test = digits.x_train.reshape(-1, 64), digits.x_test.reshape(-1, 64)

posterior = kl.ConditionalNormal((2,), keras.layers.Dense(64, "relu"))  # q(z|x)
likelihood = kl.ConditionalContinuousBernoulli((64,), keras.layers.Dense(64, "relu"))  # p(x|z)
vae = kb.models.VAE(
    prior=kd.Normal.standard((2,)),
    likelihood=likelihood,
    posterior=posterior,
    objective=ko.ELBO(),
    seed=0,
)
vae.compile("adam")
vae.fit(x_train, epochs=epochs, batch_size=100, validation_data=(x_test,), verbose=2)

z = vae.encode(x_test).mean()  # where each image lies
x_new = vae.sample(64, seed=0)  # new images
print("log-likelihood, nats:", vae.log_likelihood(x_test, samples=1000).mean())
vae.objective = ko.IWELBO(5, "doubly_reparameterized")  # same model, another bound and gradient
vae.save("digits.keras")
print(keras.saving.load_model("digits.keras").evaluate(x_test, verbose=0, return_dict=True))
