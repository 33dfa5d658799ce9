"""Kelbo: `layers.Flow` in `models.DensityEstimator`, `compile` and `fit`."""

from __future__ import annotations

import math

import keras

import kelbo as kb
from benchmarks.problems import DensityProblem
from kelbo import layers as kl

_STARTS = 10


def _dense(inputs, units):
    """Weights and biases as the peers' networks start: units of one input bend in many places."""
    limit = 1 / math.sqrt(inputs)
    return keras.layers.Dense(
        units,
        "relu",
        kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
        bias_initializer=keras.initializers.RandomUniform(-limit, limit),
    )


class Contender:
    """Fits from untrained weights, others in every round."""

    def __init__(self, problem: DensityProblem):
        self.problem = problem

    def setup(self) -> None:
        """Makes the flow, and the weights that it starts from."""
        self.train, self.validation, self.test = self.problem.load()
        self.starts = [self._state(self._made(index)) for index in range(_STARTS)]
        self.model = self._made(0)
        self.losses = []

    def round(self) -> dict[str, float]:
        """Fits, and returns the mean loss of the test points so far."""
        start = self.starts[len(self.losses) % _STARTS]
        for variable, value in zip(self._variables(self.model), start, strict=True):
            variable.assign(value)
        self.model.fit(
            self.train,
            validation_data=(self.validation,),
            epochs=self.problem.epochs,
            batch_size=self.problem.batch_size,
            verbose=0,
        )
        self.losses.append(-float(self.model.log_prob(self.test).mean()))
        return {"loss": sum(self.losses) / len(self.losses)}

    def _made(self, index):
        problem, layers = self.problem, []
        keras.utils.set_random_seed(problem.seed + index)
        for place in range(problem.layers):
            layers += self._layers(place)
        flow = kl.Flow(kb.distributions.Normal.standard((2,)), layers)
        model = kb.models.DensityEstimator(flow, seed=problem.seed + index)
        model.compile(keras.optimizers.Adam(problem.learning_rate))
        model.build((None, 2))
        model.optimizer.build(model.trainable_variables)
        return model

    def _variables(self, model):
        return [*model.variables, *model.optimizer.variables]

    def _state(self, model):
        return [variable.numpy() for variable in self._variables(model)]

    def _layers(self, index):
        problem = self.problem
        if problem.flow == "maf":
            own = kl.MaskedAutoregressive((2,), (problem.width, problem.width))
            return [own] if index == problem.layers - 1 else [own, kl.Permutation((2,))]
        hidden = [_dense(inputs, problem.width) for inputs in (1, problem.width)]
        transform = kl.SplineTransform(problem.bins, problem.bound)
        mask = ("first", "last")[index % 2]
        return [kl.CouplingFlow((2,), keras.Sequential(hidden), transform, mask)]
