"""Real data by name, from a person's own files, or embedded: `load("digits")`."""

from kelbo.datasets.binarization import binarize
from kelbo.datasets.checking import check
from kelbo.datasets.context import Context
from kelbo.datasets.dataset import Dataset, split_indices
from kelbo.datasets.loading import DatasetInfo, available, load
from kelbo.datasets.reading import Reading

__all__ = [
    "Context",
    "Dataset",
    "DatasetInfo",
    "Reading",
    "available",
    "binarize",
    "check",
    "load",
    "split_indices",
]
