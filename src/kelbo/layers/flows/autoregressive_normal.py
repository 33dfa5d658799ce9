"""Normal blocks, each of which depends on the blocks before it."""

from collections.abc import Sequence
from typing import Any

import keras

from kelbo.bijectors import Bijector, Inverse
from kelbo.distributions import Normal
from kelbo.layers.flows.autoregressive import MaskedAutoregressive
from kelbo.layers.flows.flow import Flow
from kelbo.layers.flows.transforms import AffineTransform
from kelbo.registration import registered


@registered
class Standardization(AffineTransform):
    r"""$x = (y - \mu) / \sigma$: from a normal entry to a standard normal one.

    Args:
        minimum_scale: The floor of $\sigma$, between 0 and 1.

    Example:
        >>> from kelbo import ops
        >>> from kelbo.layers.flows.autoregressive_normal import Standardization
        >>> float(Standardization().bijector(ops.convert_to_tensor([3.0, 0.0])).forward(5.0))
        2.0
    """

    def bijector(self, raw: Any) -> Bijector:
        return Inverse(super().bijector(raw))


@registered
class ConditionalAutoregressiveNormal(Flow):
    r"""Normal blocks in a chain, $p(y \mid c) = \prod_b \mathcal{N}(y_b; \mu_b, \sigma_b^2)$.

    $\mu_b$ and $\sigma_b$ are functions of the blocks before, $y_1, \dots, y_{b-1}$, and of the
    context: the autoregressive posterior of Gregor, Danihelka, Mnih, Blundell and Wierstra (2014,
    "Deep autoregressive networks"), with normal blocks. One masked network (`MADE`) serves all of
    them. It is a masked autoregressive flow of one affine map (Papamakarios, Pavlakou and Murray,
    2017, section 3), and a `Flow`.

    **Cost.** A log density takes one pass through the masked network, a draw as many as there are
    blocks, one after another in a compiled loop. The features of the context are computed once.

    Args:
        event_shape: Shape (d,) of the value $y$.
        network: Keras layer from the context $c$ to features, which enter the masked network beside
            $y$, or None.
        blocks: Sizes of the blocks in order, or a number of blocks of one size; None makes each
            entry a block.
        hidden: Units of each hidden layer of the masked network.
        activation: Of these layers: a name or a function.
        minimum_scale: The floor $m$ of $\sigma = m + (1 - m)\, \mathrm{softplus}(r + c)$, between 0
            and 1; $\sigma$ is 1 where the masked network returns 0.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: The event is no vector, the blocks do not make it up, a number of units is not a
            whole one of at least 1, or the floor is not between 0 and 1.

    Example:
        >>> import keras, numpy as np
        >>> from kelbo.layers import ConditionalAutoregressiveNormal
        >>> network = keras.layers.Dense(16, "relu")
        >>> posterior = ConditionalAutoregressiveNormal((6,), network, blocks=3, hidden=(32,))
        >>> posterior.given(np.zeros((5, 64), "float32")).sample(seed=0).shape
        (5, 6)
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        network: keras.layers.Layer | None = None,
        *,
        blocks: int | Sequence[int] | None = None,
        hidden: Sequence[int] = (64, 64),
        activation: Any = "relu",
        minimum_scale: float = 1e-2,
        **kwargs: Any,
    ):
        map_of_blocks = MaskedAutoregressive(
            event_shape,
            hidden,
            activation,
            Standardization(minimum_scale),
            blocks,
            name="blocks",
            dtype=kwargs.get("dtype"),
        )
        base = Normal.standard(map_of_blocks.event_shape)
        super().__init__(base, [map_of_blocks], network, **kwargs)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Sizes of the blocks."""
        return self.bijectors[0].made.blocks

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["base"], config["bijectors"]
        of_map = self.bijectors[0].get_config()
        own = {name: of_map[name] for name in ("event_shape", "blocks", "hidden", "activation")}
        return {**config, **own, "minimum_scale": self.bijectors[0].transform.minimum_scale}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ConditionalAutoregressiveNormal":
        """The layer that `get_config` described."""
        return super(Flow, cls).from_config(config)
