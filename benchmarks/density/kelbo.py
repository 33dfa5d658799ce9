"""Kelbo: `layers.Flow` in `models.DensityEstimator`, `compile` and `fit`."""

from __future__ import annotations

import keras

import kelbo as kb
from benchmarks.problems import DensityProblem
from kelbo import layers as kl


class Contender:
    """Fits from the same untrained weights in every round."""

    def __init__(self, problem: DensityProblem):
        self.problem = problem

    def setup(self) -> None:
        """Makes the flow and remembers its weights."""
        problem = self.problem
        keras.utils.set_random_seed(problem.seed)
        self.train, self.validation, self.test = problem.load()
        layers = []
        for index in range(problem.layers):
            layers += self._layers(index)
        flow = kl.Flow(kb.distributions.Normal.standard((2,)), layers)
        self.model = kb.models.DensityEstimator(flow, seed=problem.seed)
        self.model.compile(keras.optimizers.Adam(problem.learning_rate))
        self.model.build((None, 2))
        self.model.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.variables, *self.model.optimizer.variables]
        self.initial = [variable.numpy() for variable in self.variables]

    def round(self) -> dict[str, float]:
        """Fits and returns the loss of the test points."""
        for variable, value in zip(self.variables, self.initial, strict=True):
            variable.assign(value)
        self.model.fit(
            self.train,
            validation_data=(self.validation,),
            epochs=self.problem.epochs,
            batch_size=self.problem.batch_size,
            verbose=0,
        )
        return {"loss": -float(self.model.log_prob(self.test).mean())}

    def _layers(self, index):
        problem = self.problem
        if problem.flow == "maf":
            own = kl.MaskedAutoregressive((2,), (problem.width, problem.width))
            return [own] if index == problem.layers - 1 else [own, kl.Permutation((2,))]
        hidden = [keras.layers.Dense(problem.width, "relu") for _ in range(2)]
        transform = kl.SplineTransform(problem.bins, problem.bound)
        mask = ("first", "last")[index % 2]
        return [kl.CouplingFlow((2,), keras.Sequential(hidden), transform, mask)]
