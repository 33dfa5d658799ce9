"""Density estimation: a distribution fitted to data by maximum likelihood."""

from typing import Any

from kelbo import ops
from kelbo.layers import Flow
from kelbo.layers.flows.use import require_same_use
from kelbo.models.probabilistic import ProbabilisticModel
from kelbo.registration import registered
from kelbo.training import map_rows


@registered
class DensityEstimator(ProbabilisticModel):
    r"""A flow, fitted to examples by maximum likelihood.

    $$\text{loss} = -\frac{1}{n} \sum_{i=1}^n \log p(x_i)$$

    `compile` it with an optimizer alone and `fit` it on x alone. The loss is in nats per example,
    with every normalising constant: the metric `loss` of `evaluate` is the negative log density of
    the data. Calling the model, or `predict`, returns the log density of each example.

    Scoring data inverts the flow: take layers that are fast that way (couplings,
    `MaskedAutoregressive`, `invert=True` for the others).

    Args:
        flow: A `Flow` without a context.
        seed: Integer that decides the order of examples and all noise; not the initial weights,
            which belong to the layers: `keras.utils.set_random_seed`, called before these are
            made, decides them, and the seed too where it is None.
        name: Name of the model.

    Raises:
        TypeError: `flow` is not a `Flow`.

    Example:
        >>> import numpy as np, kelbo as kb
        >>> x = np.random.default_rng(0).normal(3.0, 0.5, (256, 2)).astype("float32")
        >>> flow = kb.layers.Flow(
        ...     kb.distributions.Normal.standard((2,)), [kb.layers.MaskedAutoregressive((2,))]
        ... )
        >>> model = kb.models.DensityEstimator(flow, seed=0)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=2, batch_size=64, verbose=0)
        >>> model.log_prob(x).shape, model.sample(5, seed=0).shape
        ((256,), (5, 2))
    """

    parts = ("flow",)

    def __init__(self, flow: Flow, seed: int | None = None, name: str | None = None):
        super().__init__(seed, name)
        self.flow = self.checked_parts(flow=flow)["flow"]

    def checked_parts(self, *, flow: Any) -> dict[str, Any]:
        if not isinstance(flow, Flow):
            raise TypeError(
                f"DensityEstimator fits a layers.Flow, got a {type(flow).__name__}: give "
                "layers.Flow(base, bijectors)."
            )
        if flow.built:
            require_same_use(flow, None, flow.context_shape)
        return {"flow": flow}

    @property
    def example_shape(self) -> tuple:
        """Shape of one example."""
        return self.flow.event_shape

    def build(self, input_shape: Any) -> None:
        """Builds the flow for examples of shape `input_shape[1:]`.

        Args:
            input_shape: Shape of a batch of examples.

        Raises:
            ValueError: The examples do not have the shape of the flow's values.
        """
        event_shape = tuple(input_shape[1:])
        if event_shape != self.example_shape:
            raise ValueError(
                f"The examples have the shape {event_shape} but the flow is over values of shape "
                f"{self.example_shape}: reshape the data, or give the flow the shape of an example."
            )
        self.flow.build(None)
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Log density of each example in nats, of shape (batch,)."""
        return self.flow.given().log_prob(self._floating(x))

    def loss_per_example(self, outputs: Any) -> Any:
        return -outputs

    @property
    def scoring_part(self) -> Flow:
        """The flow."""
        return self.flow

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """The running mean of the loss, in nats per example."""
        return self.get_metrics_result()

    def log_prob(self, x: Any, batch_size: int = 4096) -> Any:
        """Log density of each example, in nats.

        Args:
            x: Examples, of shape (n, *event shape).
            batch_size: Examples per compiled call.

        Returns:
            A NumPy array of shape (n,).

        Raises:
            ValueError: x is empty or has another shape.
        """
        x = self.examples(x)
        run = self.compiled_verb("log_prob", self.call)
        return ops.convert_to_numpy(map_rows(lambda batch, _: run(batch), x, batch_size))

    def sample(self, n: int, seed: int | None = None, batch_size: int = 4096) -> Any:
        """Draws from the fitted distribution.

        Args:
            n: How many.
            seed: Integer seed; None draws one.
            batch_size: Draws per compiled call.

        Returns:
            A NumPy array of shape (n, *event shape).

        Raises:
            ValueError: `n` or `batch_size` is not a whole number of at least 1.
        """
        self.require_built()
        seed = ops.whole_seed(seed)

        def draw(count, seeds):
            return self.flow.given().sample((count,), seed=seeds)

        return ops.convert_to_numpy(self.compiled_draws("sample", n, batch_size, draw, seed))
