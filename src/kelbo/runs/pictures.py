"""The pictures of a run."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from kelbo import ops, plots
from kelbo.datasets import Dataset
from kelbo.models import VAE
from kelbo.runs.data import examples
from kelbo.runs.folder import PICTURES
from kelbo.runs.loading import as_arrays

_MANIFOLD = 15
_SAMPLES = 64
_RECONSTRUCTIONS = 30
_MOST_POINTS = 10_000
_PRIOR_DRAWS = 4000


def drawers(
    model: VAE, data: Dataset, history: Mapping[str, Sequence[float]], seed: int = 0
) -> dict[str, Callable[[], Figure]]:
    """What draws each picture that the run can have, by name, in order.

    Args:
        model: The trained model.
        data: The data of the run.
        history: Figures per epoch.
        seed: Decides which examples are shown, and the samples.

    Returns:
        Functions without arguments that return a figure. There is a manifold only for images
        with a latent plane.
    """
    x, labels = examples(data, "validation")
    canvas = Canvas(data)

    def latent_space() -> Figure:
        shown = _some(len(x), _MOST_POINTS, seed)
        z, _ = as_arrays(model.encode(x[shown]))
        prior = PriorOf(model)
        return plots.latent_space(
            z,
            None if labels is None else labels[shown],
            data.class_names,
            seed=seed,
            log_prior=prior.log_density,
            prior_draws=prior.draws(_PRIOR_DRAWS, seed),
            total=len(x),
        )

    def manifold() -> Figure:
        grid = plots.manifold_grid(_MANIFOLD)
        return plots.manifold(canvas.shown(as_arrays(model.decode(grid))[0]), _MANIFOLD)

    def samples() -> Figure:
        # Rows stand beside those of the data, which vary about their means, too.
        return draw_samples(model.sample(_SAMPLES, seed=seed, mean=canvas.is_picture), data)

    def reconstructions() -> Figure:
        shown = _some(len(x), _RECONSTRUCTIONS, seed)
        return draw_reconstructions(x[shown], model.reconstruct(x[shown]), data)

    available = {
        "learning_curves": lambda: plots.learning_curves(history),
        "latent_space": latent_space,
        "samples": samples,
        "reconstructions": reconstructions,
    }
    if canvas.is_picture and model.prior.event_shape == (2,):
        available["manifold"] = manifold
    return {name: available[name] for name in PICTURES if name in available}


def draw_samples(values: np.ndarray, data: Dataset) -> Figure:
    """Draws generated examples, beside the data where these are no pictures."""
    canvas = Canvas(data)
    reference = None if canvas.is_picture else canvas.shown(data.x_train)
    return plots.samples(canvas.shown(values), reference, feature_names=data.feature_names)


def draw_reconstructions(originals: np.ndarray, reconstructed: np.ndarray, data: Dataset) -> Figure:
    """Draws examples beside what the model makes of them."""
    canvas = Canvas(data)
    return plots.reconstructions(
        canvas.shown(originals),
        canvas.shown(reconstructed),
        feature_names=data.feature_names,
        reference=None if canvas.is_picture else canvas.shown(data.x_train),
    )


class PriorOf:
    """The prior of a model, as `kelbo.plots` is to be given it: NumPy in, NumPy out.

    Args:
        model: The model.
    """

    def __init__(self, model: VAE):
        self._prior = model.prior_given()

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """Its log density at points of shape (n, d)."""
        values = self._prior.log_prob(ops.convert_to_tensor(z.astype("float32")))
        return ops.convert_to_numpy(values)

    def draws(self, count: int, seed: int) -> np.ndarray:
        """Draws from it, of shape (count, d)."""
        return ops.convert_to_numpy(self._prior.sample((count,), seed=seed))


class Canvas:
    """How examples of some data are shown: as pictures on a common scale, or as rows of numbers.

    Args:
        data: The data. Values that leave [0, 1] are shown from black at the least to white at
            the greatest value of the data.
    """

    def __init__(self, data: Dataset):
        self.is_picture = data.layout is not None
        self._data = data
        low, high = data.range
        self._low, self._high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)

    def shown(self, values: np.ndarray) -> np.ndarray:
        """The values, as `kelbo.plots` is to be given them."""
        if not self.is_picture:
            return self._data.in_units(values).reshape(len(values), -1)
        return (values - self._low) / (self._high - self._low or 1.0)


def _some(count, most, seed):
    """Indices of at most so many of the examples, drawn by the seed, in order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])
