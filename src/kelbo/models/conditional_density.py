"""Probabilistic regression: a conditional fitted to pairs by maximum likelihood."""

from typing import Any

from kelbo import ops
from kelbo.distributions import Distribution
from kelbo.intake import as_parts
from kelbo.layers import Conditional
from kelbo.models.draws import predict_draws
from kelbo.models.probabilistic import ProbabilisticModel, as_rows
from kelbo.parameters import whole_number
from kelbo.parts import has_parts, require_same_parts, shapes_of, with_batch, without_batch
from kelbo.registration import registered
from kelbo.training import map_rows
from kelbo.training.loop.batches import count_examples


@registered
class ConditionalDensity(ProbabilisticModel):
    r"""A conditional $p(y \mid x)$, fitted to pairs by maximum likelihood.

    $$\text{loss} = -\frac{1}{n} \sum_{i=1}^n \log p(y_i \mid x_i)$$

    Regression and classification that say how sure they are: the last layer is a distribution, and
    any conditional can be it. `compile` it with an optimizer alone and `fit` it on x and y. The
    loss is in nats per example, summed over the event, with every normalising constant; losses of
    layers (regularisers, the divergences of `layers.DenseVariational`) come on top.

    `predict` returns a `Distribution` of batch shape (n,), not an array: `predict(x).mean()`,
    `predict(x).stddev()`, `predict(x).log_prob(y)`. Calling the model returns the parameters as a
    dict of tensors.

    Args:
        conditional: Conditional $p(y \mid x)$: any of `kelbo.layers`, a `ConditionalMixture` or a
            `Flow` too. Its network takes x, which may be a dict of arrays.
        seed: Integer that decides the order of examples and all noise; not the initial weights,
            which belong to the layers: `keras.utils.set_random_seed`, called before these are
            made, decides them, and the seed too where it is None.
        name: Name of the model.

    Raises:
        TypeError: `conditional` is not a conditional.

    Example:
        >>> import keras, numpy as np, kelbo as kb
        >>> x = np.linspace(-1, 1, 200, dtype="float32")[:, None]
        >>> y = x**2 + 0.1 * np.random.default_rng(0).standard_t(3, x.shape).astype("float32")
        >>> network = keras.layers.Dense(16, "relu")
        >>> model = kb.models.ConditionalDensity(kb.layers.ConditionalStudentT((1,), network))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=2, verbose=0)
        >>> model.predict(x, verbose=0).mean().shape
        (200, 1)
    """

    parts = ("conditional",)
    scored = "y"

    def __init__(self, conditional: Conditional, seed: int | None = None, name: str | None = None):
        super().__init__(seed, name)
        self.conditional = self.checked_parts(conditional=conditional)["conditional"]

    def checked_parts(self, *, conditional: Any) -> dict[str, Any]:
        if not isinstance(conditional, Conditional):
            raise TypeError(
                f"ConditionalDensity fits a conditional, got a {type(conditional).__name__}: give "
                "layers.ConditionalNormal((1,), network), say."
            )
        return {"conditional": conditional}

    @property
    def example_shape(self) -> tuple | None:
        """Shape of one x, or of its parts, that the conditional was built for, or None."""
        return self.conditional.context_shape

    def build(self, input_shape: Any) -> None:
        """Builds the conditional for contexts of shape `input_shape[1:]`.

        Args:
            input_shape: Shape of a batch of x, or of its parts.
        """
        # Keras may say two rows.
        self.build_part(self.conditional, with_batch(without_batch(input_shape)))
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> dict[str, Any]:
        """The parameters of $p(y | x)$ for each x, by name."""
        return self.conditional(self._context(x))

    def check_examples(self, x: Any) -> None:
        """Refuses contexts of a shape that the conditional cannot take."""
        if self.built:
            require_same_parts(type(self).__name__, "x", shapes_of(x), self.example_shape)
        try:
            self.conditional.check_context(without_batch(shapes_of(x)))
        except ValueError as error:
            if has_parts(x):
                self._require_shapes(x)
                raise
            expected = ", ".join(map(str, ("n", *self.example_shape)))
            raise ValueError(
                f"x has the shape {tuple(x.shape)}; expected ({expected}): {error}"
            ) from error

    def check_targets(self, y: Any) -> None:
        """Refuses a missing y, and one whose shape is not the conditional's event shape."""
        if y is None:
            raise ValueError(
                "ConditionalDensity learns p(y | x): it needs y as well, as in fit(x, y)."
            )
        as_rows(y, self.conditional.event_shape, "y")

    def check_values(self, x: Any, y: Any, weights: Any) -> None:
        """Refuses what cannot be scored, and contexts that the network's tables do not hold."""
        super().check_values(x, y, weights)
        self.conditional.check_numbers(type(self).__name__, "x", x)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Mean negative log density of y over the batch, plus the layers' own losses.

        Raises:
            ValueError: There is no y, or its shape is not the conditional's event shape.
        """
        self.check_targets(y)
        return super().compute_loss(x, y, (y_pred, y), sample_weight, training)

    def loss_per_example(self, outputs: tuple[dict[str, Any], Any]) -> Any:
        """Negative log density in nats per example.

        Args:
            outputs: What `call` returned, and y.

        Returns:
            A tensor of shape (batch,).
        """
        parameters, y = outputs
        return -self.conditional.distribution(**parameters).log_prob(self._floating(y))

    @property
    def scoring_part(self) -> Conditional:
        """The conditional."""
        return self.conditional

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """The running mean of the loss, in nats per example."""
        return self.get_metrics_result()

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Distribution:
        r"""The distribution $p(y | x)$ for all of x. Same noise at every call.

        The parameters are what Keras' own `predict` gathers, batch by batch, in compiled calls.

        Args:
            x: As in `keras.Model.predict`.
            batch_size: Examples per compiled call.
            verbose: As in `keras.Model.predict`.
            steps: As in `keras.Model.predict`.
            callbacks: As in `keras.Model.predict`.

        Returns:
            A distribution of batch shape (n,). Where the network is random (dropout,
            `DenseVariational`), this is one draw of it: see `predict_draws`.
        """
        parameters = super().predict(x, batch_size, verbose, steps, callbacks)
        return self.conditional.distribution(**parameters)

    def predict_draws(
        self, x: Any, draws: int = 100, seed: int = 0, batch_size: int = 512
    ) -> Distribution:
        r"""The distribution $p(y | x)$ under each of many draws of a random network.

        Its `mean()` varies over the first axis as far as the network does not know (epistemic
        uncertainty); its `variance()` is the noise of y itself (aleatoric).

        Args:
            x: Contexts, of shape (n, *context shape).
            draws: How many networks are drawn; see `models.predict_draws`.
            seed: Integer seed.
            batch_size: Rows of x per compiled call, each of them `draws` times.

        Returns:
            A distribution of batch shape (draws, n).
        """
        self._build_for(x)
        return self.conditional.distribution(**predict_draws(self, x, draws, seed, batch_size))

    def log_prob(self, x: Any, y: Any, batch_size: int = 4096) -> Any:
        r"""Log density $\log p(y | x)$ of each pair, in nats.

        Args:
            x: Contexts, of shape (n, *context shape).
            y: Values, of shape (n, *event shape).
            batch_size: Pairs per compiled call.

        Returns:
            A NumPy array of shape (n,).

        Raises:
            ValueError: x or y is empty or has another shape, or they differ in number.
        """
        x = self._build_for(x)
        y = as_rows(y, self.conditional.event_shape, "y")
        self._require_finite("y", y)
        count_examples((x, y))

        def score(x, y):
            return self.conditional.given(self._context(x)).log_prob(self._floating(y))

        run = self.compiled_verb("log_prob", score)
        return ops.convert_to_numpy(map_rows(lambda rows, _: run(*rows), (x, y), batch_size))

    def sample(self, x: Any, n: int = 1, seed: int | None = None, batch_size: int = 512) -> Any:
        r"""Draws of y for each x.

        Args:
            x: Contexts, of shape (rows, *context shape).
            n: Draws per context.
            seed: Integer seed; None draws one.
            batch_size: Contexts per compiled call.

        Returns:
            A NumPy array of shape (n, rows, *event shape).

        Raises:
            ValueError: x is empty or has another shape, or `n` is not a whole number of at least 1.
        """
        n = whole_number("sample", "n", n)
        x = self._build_for(x)
        seed = ops.whole_seed(seed)

        def draw(x, seed, index):
            seeds = ops.SeedSequence(seed).fold_in(index)
            return ops.moveaxis(self.conditional.given(self._context(x)).sample(n, seeds), 0, 1)

        run = self.compiled_verb(f"sample {n}", draw)
        draws = map_rows(lambda rows, index: run(rows, seed, index), x, batch_size)
        return ops.convert_to_numpy(ops.moveaxis(draws, 0, 1))

    def _context(self, x):
        """What the network takes of x: whole numbers as they are where it looks them up."""
        return self._floating(x, self.conditional.network)

    def _build_for(self, x):
        x = as_parts(x)
        self.require_built(x)
        self.check_examples(x)
        if has_parts(x):
            count_examples((x,))
        self._require_finite("x", x)
        self.conditional.check_numbers(type(self).__name__, "x", x)
        return x
