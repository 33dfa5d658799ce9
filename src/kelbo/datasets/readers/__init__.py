"""Read arrays from a person's own file or folder, by what the path is."""

from kelbo.datasets.readers.arrays import read_npy, read_npz
from kelbo.datasets.readers.images import read_images
from kelbo.datasets.readers.json_lines import read_json_lines
from kelbo.datasets.readers.parquet import read_parquet
from kelbo.datasets.readers.path import name_of, read_path
from kelbo.datasets.readers.raw import RawArrays
from kelbo.datasets.readers.table import read_csv

__all__ = [
    "RawArrays",
    "name_of",
    "read_csv",
    "read_images",
    "read_json_lines",
    "read_npy",
    "read_npz",
    "read_parquet",
    "read_path",
]
