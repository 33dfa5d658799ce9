"""The pictures of a run."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.special import logsumexp

from kelbo import ops, plots
from kelbo.datasets import Dataset
from kelbo.models import VAE
from kelbo.parts import number_of_rows, rows_of
from kelbo.runs.data import examples, without_context
from kelbo.runs.folder import PICTURES
from kelbo.runs.loading import as_arrays

_MANIFOLD = 15
_SAMPLES = 64
_RECONSTRUCTIONS = 30
_MOST_POINTS = 10_000
_PRIOR_DRAWS = 4000
_MOST_CONTEXTS = 64  # that a prior is averaged over
_ROWS, _IN_A_ROW = 12, 10  # of samples, where each row has a context of its own


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
        with a latent plane that does not depend on a context.
    """
    x, labels = examples(data, "validation")
    number, canvas = number_of_rows(x), Canvas(data)

    def latent_space() -> Figure:
        shown = _some(number, _MOST_POINTS, seed)
        z, _ = as_arrays(model.encode(rows_of(x, shown)))
        prior = PriorOf(model, data, seed)
        return plots.latent_space(
            z,
            None if labels is None else labels[shown],
            data.class_names,
            seed=seed,
            log_prior=prior.log_density,
            prior_draws=prior.draws(_PRIOR_DRAWS, seed),
            total=number,
        )

    def manifold() -> Figure:
        grid = plots.manifold_grid(_MANIFOLD)
        return plots.manifold(canvas.shown(as_arrays(model.decode(grid))[0]), _MANIFOLD)

    def samples() -> Figure:
        # Rows stand beside those of the data, which vary about their means, too.
        context, titles = _contexts_of_samples(data, canvas.is_picture, seed)
        number = _SAMPLES if context is None else len(context)
        values = model.sample(number, seed=seed, mean=canvas.is_picture, context=context)
        return draw_samples(values, data, titles)

    def reconstructions() -> Figure:
        shown = rows_of(x, _some(number, _RECONSTRUCTIONS, seed))
        return draw_reconstructions(without_context(shown), model.reconstruct(shown), data)

    available = {
        "learning_curves": lambda: plots.learning_curves(history),
        "latent_space": latent_space,
        "samples": samples,
        "reconstructions": reconstructions,
    }
    if canvas.is_picture and model.prior.event_shape == (2,) and data.context is None:
        available["manifold"] = manifold
    return {name: available[name] for name in PICTURES if name in available}


def draw_samples(values: np.ndarray, data: Dataset, titles: Sequence[str] | None = None) -> Figure:
    """Draws generated examples, beside the data where these are no pictures.

    Args:
        values: The examples, of shape (n, *event shape).
        data: Data like them.
        titles: What the rows of pictures were asked for, as many in each; None for nothing.

    Returns:
        The figure.
    """
    canvas = Canvas(data)
    reference = None if canvas.is_picture else canvas.shown(data.x_train)
    names = data.feature_names
    return plots.samples(canvas.shown(values), reference, feature_names=names, row_names=titles)


def _contexts_of_samples(data, are_pictures, seed):
    """What draws are conditioned on: contexts of the data, a row of pictures for each of some."""
    if data.context is None:
        return None, None
    if not are_pictures:
        return data.context_train[_some(len(data.context_train), _SAMPLES, seed)], None
    found, _ = data.context.distinct(data.context_train)
    shown = found[np.linspace(0, len(found) - 1, min(len(found), _ROWS)).round().astype(int)]
    return np.repeat(shown, _IN_A_ROW, axis=0), data.context.titles(shown)


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
        data: Its data. Where the prior depends on a context, it is averaged over those of the data.
        seed: Decides which contexts, where there are many.
    """

    def __init__(self, model: VAE, data: Dataset, seed: int):
        context, self._weights = None, np.ones(1)
        if data.context is not None:
            context, counts = data.context.distinct(data.context_train)
            if len(context) > _MOST_CONTEXTS:
                chosen = _some(len(data.context_train), _MOST_CONTEXTS, seed)
                context, counts = data.context_train[chosen], np.ones(_MOST_CONTEXTS)
            self._weights = counts / counts.sum()
        self._prior = model.prior_given(context)

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """Its log density at points of shape (n, d)."""
        z = ops.convert_to_tensor(z.astype("float32"))
        if not self._prior.batch_shape:
            return ops.convert_to_numpy(self._prior.log_prob(z))
        values = ops.convert_to_numpy(self._prior.log_prob(z[:, None]))
        return logsumexp(values, axis=1, b=self._weights)

    def draws(self, count: int, seed: int) -> np.ndarray:
        """Draws from it, of shape (count, d)."""
        draws = ops.convert_to_numpy(self._prior.sample((count,), seed=seed))
        if not self._prior.batch_shape:
            return draws
        generator = np.random.default_rng(seed)
        return draws[np.arange(count), generator.choice(len(self._weights), count, p=self._weights)]


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
