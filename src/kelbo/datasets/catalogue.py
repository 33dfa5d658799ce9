"""The data sets that are known by name: what they are, where they come from, how to be sure."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kelbo.datasets.decoding import decode_frey_faces, decode_idx, decode_npz

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


@dataclass(frozen=True)
class RemoteFile:
    """One file to fetch.

    Attributes:
        url: Where it is.
        known_hash: "md5:..." or "sha256:..." of the file, or None where none is published.

    Example:
        >>> RemoteFile("https://example.org/x.npz").known_hash is None
        True
    """

    url: str
    known_hash: str | None = None


@dataclass(frozen=True)
class Download:
    """How to get a data set over the network.

    Attributes:
        files: The files to fetch.
        decode: Makes arrays of the fetched files, in the order of `files`.
        digests: "md5:..." or "sha256:..." of each decoded array in its IDX form (see
            `decoding.encode_idx`), by key: whatever the file was, the arrays are these. For MNIST
            and Fashion-MNIST this is the checksum of the published file after `gunzip`.

    Example:
        >>> CATALOGUE["frey_faces"].download.files[0].url
        'https://cs.nyu.edu/~roweis/data/frey_rawface.mat'
    """

    files: tuple[RemoteFile, ...]
    decode: Callable[[list[Path]], dict[str, np.ndarray]]
    digests: dict[str, str]


@dataclass(frozen=True)
class Entry:
    """A known data set.

    Attributes:
        name: What `load` calls it.
        description: One line.
        train_examples: Number of training examples.
        test_examples: Number of test examples, 0 where there is no test part.
        event_shape: Shape of one example.
        class_names: Names of the classes, or None where there are no labels.
        origin: Who made it.
        licence: The licence as far as known.
        download: How to get it, or None for what is embedded.

    Example:
        >>> CATALOGUE["mnist"].event_shape
        (28, 28)
    """

    name: str
    description: str
    train_examples: int
    test_examples: int
    event_shape: tuple[int, ...]
    class_names: tuple[str, ...] | None
    origin: str
    licence: str
    download: Download | None


_ENTRIES = (
    Entry(
        name="digits",
        description="handwritten digits, 17 grey levels",
        train_examples=1438,
        test_examples=359,
        event_shape=(8, 8),
        class_names=tuple("0123456789"),
        origin="Alpaydin and Kaynak 1998, UCI; embedded in scikit-learn",
        licence="CC BY 4.0",
        download=None,
    ),
    Entry(
        name="mnist",
        description="handwritten digits",
        train_examples=60000,
        test_examples=10000,
        event_shape=(28, 28),
        class_names=tuple("0123456789"),
        origin="LeCun, Cortes and Burges 1998, from NIST; the copy of Keras",
        licence="CC BY-SA 3.0",
        download=Download(
            files=(
                RemoteFile(
                    f"{_KERAS}mnist.npz",
                    "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                ),
            ),
            decode=decode_npz,
            digests={
                "x_train": "sha256:"
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "y_train": "sha256:"
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "x_test": "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "y_test": "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            },
        ),
    ),
    Entry(
        name="fashion_mnist",
        description="articles of clothing",
        train_examples=60000,
        test_examples=10000,
        event_shape=(28, 28),
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        origin="Xiao, Rasul and Vollgraf 2017, Zalando SE; the copy of Keras",
        licence="MIT",
        download=Download(
            files=(
                RemoteFile(
                    f"{_KERAS}train-images-idx3-ubyte.gz",
                    "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                ),
                RemoteFile(
                    f"{_KERAS}train-labels-idx1-ubyte.gz",
                    "md5:25c81989df183df01b3e8a0aad5dffbe",
                ),
                RemoteFile(
                    f"{_KERAS}t10k-images-idx3-ubyte.gz",
                    "md5:bef4ecab320f06d8554ea6380940ec79",
                ),
                RemoteFile(
                    f"{_KERAS}t10k-labels-idx1-ubyte.gz",
                    "md5:bb300cfdad3c16e7a12a480ee83cd310",
                ),
            ),
            decode=decode_idx,
            digests={
                "x_train": "md5:f4a8712d7a061bf5bd6d2ca38dc4d50a",
                "y_train": "md5:9018921c3c673c538a1fc5bad174d6f9",
                "x_test": "md5:8181f5470baa50b63fa0f6fddb340f0a",
                "y_test": "md5:15d484375f8d13e6eb1aabb0c3f46965",
            },
        ),
    ),
    Entry(
        name="frey_faces",
        description="one man's face, frames of a film in their order",
        train_examples=1965,
        test_examples=0,
        event_shape=(28, 20),
        class_names=None,
        origin="Frey and Roweis; from the page of Sam Roweis",
        licence="not stated",
        download=Download(
            files=(RemoteFile("https://cs.nyu.edu/~roweis/data/frey_rawface.mat"),),
            decode=decode_frey_faces,
            digests={
                "x": "sha256:c943677a3bcb83ed2de1207d4355c360cabfee597a538f9735ec3254886c365f"
            },
        ),
    ),
)

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""Known data sets by name."""
