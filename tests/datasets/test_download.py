"""The download path, against a server on this machine."""

import gzip
import hashlib
import socket
import struct
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from kelbo.datasets import load
from kelbo.datasets.catalogue import CATALOGUE, RemoteFile


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder and the address under which it is served."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


@pytest.fixture
def serve(server, monkeypatch):
    """`serve(name, files)`: publish files (by the name in their address) for a known data set.

    Hashes of the files are those of what is served; hashes of the arrays stay the real ones,
    unless `digests` are given.
    """
    folder, base = server

    def publish(name, files, digests=None):
        entry = CATALOGUE[name]
        remote = []
        for file in entry.download.files:
            file_name = file.url.rsplit("/", 1)[-1]
            content = files.get(file_name)
            known_hash = file.known_hash
            if content is not None:
                (folder / file_name).write_bytes(content)
                if known_hash is not None:
                    algorithm = known_hash.split(":")[0]
                    known_hash = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
            remote.append(RemoteFile(base + file_name, known_hash))
        download = replace(entry.download, files=tuple(remote))
        if digests is not None:
            download = replace(download, digests=digests)
        monkeypatch.setitem(CATALOGUE, name, replace(entry, download=download))

    return publish


def _idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def _digests(arrays):
    return {
        key: f"sha256:{hashlib.sha256(_idx(array)).hexdigest()}" for key, array in arrays.items()
    }


def _npz(tmp_path, arrays):
    np.savez(tmp_path / "made.npz", **arrays)
    return (tmp_path / "made.npz").read_bytes()


def _idx_gz(array):
    return gzip.compress(_idx(array), compresslevel=1)


def _idx_files(arrays):
    return {
        "train-images-idx3-ubyte.gz": _idx_gz(arrays["x_train"]),
        "train-labels-idx1-ubyte.gz": _idx_gz(arrays["y_train"]),
        "t10k-images-idx3-ubyte.gz": _idx_gz(arrays["x_test"]),
        "t10k-labels-idx1-ubyte.gz": _idx_gz(arrays["y_test"]),
    }


def _mat(tmp_path, x):
    from scipy.io import savemat

    savemat(tmp_path / "made.mat", {"ff": x.reshape(len(x), -1).T})
    return (tmp_path / "made.mat").read_bytes()


@pytest.fixture
def few():
    """A few labelled images, as the big sets have them."""
    generator = np.random.default_rng(0)
    return {
        "x_train": generator.integers(0, 256, (6, 28, 28), np.uint8),
        "y_train": np.arange(6, dtype=np.uint8),
        "x_test": generator.integers(0, 256, (2, 28, 28), np.uint8),
        "y_test": np.array([9, 3], np.uint8),
    }


def _assert_holds(data, arrays):
    np.testing.assert_allclose(data.x_train, arrays["x_train"] / 255, rtol=1e-6)
    np.testing.assert_allclose(data.x_test, arrays["x_test"] / 255, rtol=1e-6)
    np.testing.assert_array_equal(data.y_train, arrays["y_train"])
    np.testing.assert_array_equal(data.y_test, arrays["y_test"])


def _real(data_dir, name):
    with np.load(data_dir / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def test_mnist(serve, cache, tmp_path, few, capfd):
    serve("mnist", {"mnist.npz": _npz(tmp_path, few)}, _digests(few))
    data = load("mnist")
    _assert_holds(data, few)
    assert data.source == str(cache / "mnist.npz")
    assert [path.name for path in cache.iterdir()] == ["mnist.npz"]
    assert capfd.readouterr().err == ""


def test_fashion_mnist(serve, cache, few):
    serve("fashion_mnist", _idx_files(few), _digests(few))
    _assert_holds(load("fashion_mnist"), few)
    assert [path.name for path in cache.iterdir()] == ["fashion_mnist.npz"]


@pytest.mark.slow
def test_real_mnist_content(serve, cache, tmp_path, data_dir):
    arrays = _real(data_dir, "mnist")
    serve("mnist", {"mnist.npz": _npz(tmp_path, arrays)})
    _assert_holds(load("mnist"), arrays)


def test_real_frey_faces_content(serve, cache, tmp_path, data_dir):
    x = _real(data_dir, "frey_faces")["x"]
    serve("frey_faces", {"frey_rawface.mat": _mat(tmp_path, x)})
    np.testing.assert_allclose(load("frey_faces").x_train, x / 255, rtol=1e-6)


def test_the_cache_is_used_the_second_time(serve, server, cache, tmp_path, few):
    serve("mnist", {"mnist.npz": _npz(tmp_path, few)}, _digests(few))
    load("mnist")
    (server[0] / "mnist.npz").unlink()
    _assert_holds(load("mnist"), few)


def test_a_file_with_another_hash_is_refused(serve, server, cache, tmp_path, few, refuses):
    serve("mnist", {"mnist.npz": _npz(tmp_path, few)}, _digests(few))
    (server[0] / "mnist.npz").write_bytes(b"a page that says: log in first")
    refuses(lambda: load("mnist"), "mnist.npz", "not the published file", "sha256:", cache)
    assert list(cache.iterdir()) == []


def test_the_second_of_four_files_with_another_hash(serve, server, cache, few, refuses):
    serve("fashion_mnist", _idx_files(few), _digests(few))
    (server[0] / "train-labels-idx1-ubyte.gz").write_bytes(b"else")
    refuses(lambda: load("fashion_mnist"), "train-labels-idx1-ubyte.gz", "md5:")
    assert list(cache.iterdir()) == []


def test_other_content_under_a_right_file_hash_is_refused(serve, cache, tmp_path, few, refuses):
    serve("mnist", {"mnist.npz": _npz(tmp_path, few)})  # the digests are those of the real MNIST
    refuses(lambda: load("mnist"), "x_train, y_train, x_test, y_test", "not the published data")
    assert list(cache.iterdir()) == []


def test_one_wrong_pixel_of_the_unhashed_file_is_refused(serve, cache, tmp_path, data_dir, refuses):
    x = _real(data_dir, "frey_faces")["x"].copy()
    x[1000, 14, 10] ^= 1
    serve("frey_faces", {"frey_rawface.mat": _mat(tmp_path, x)})
    refuses(lambda: load("frey_faces"), "content of x", "sha256")
    assert list(cache.iterdir()) == []


def test_the_same_bytes_in_another_shape_are_refused(serve, cache, tmp_path, few, refuses):
    turned = few | {"x_train": few["x_train"].reshape(6, 14, 56)}
    serve("mnist", {"mnist.npz": _npz(tmp_path, turned)}, _digests(few))
    refuses(lambda: load("mnist"), "content of x_train", "not the published data")


def test_published_checksums_of_the_real_mnist(data_dir):
    # md5 of the files of MNIST after gunzip, as many projects quote them.
    published = {
        "x_train": "6bbc9ace898e44ae57da46a324031adb",
        "y_train": "a25bea736e30d166cdddb491f175f624",
        "x_test": "2646ac647ad5339dbf082846283269ea",
        "y_test": "27ae3e4e09519cfbb04c329615203637",
    }
    arrays = _real(data_dir, "mnist")
    digests = CATALOGUE["mnist"].download.digests
    for key, md5 in published.items():
        assert hashlib.md5(_idx(arrays[key])).hexdigest() == md5
        assert digests[key] == f"sha256:{hashlib.sha256(_idx(arrays[key])).hexdigest()}"


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("frey_faces", {"frey_rawface.mat": b"<html>moved</html>" * 100}),
        ("mnist", {"mnist.npz": b"no archive"}),
        (
            "fashion_mnist",
            dict.fromkeys(
                _idx_files(
                    dict.fromkeys(("x_train", "y_train", "x_test", "y_test"), np.zeros(1, np.uint8))
                ),
                b"no gzip",
            ),
        ),
    ],
)
def test_files_that_cannot_be_decoded_are_refused(serve, cache, name, files, refuses):
    serve(name, files)
    refuses(lambda: load(name), name, "cannot be decoded")
    assert list(cache.iterdir()) == []


def test_an_idx_file_of_other_elements_is_refused(serve, cache, few, refuses):
    files = _idx_files(few)
    wrong = gzip.decompress(files["t10k-labels-idx1-ubyte.gz"])
    files["t10k-labels-idx1-ubyte.gz"] = gzip.compress(wrong[:2] + b"\x0d" + wrong[3:])
    serve("fashion_mnist", files, _digests(few))
    refuses(lambda: load("fashion_mnist"), "no IDX file of bytes")


def test_unreachable_says_what_was_tried_and_what_to_do(cache, tmp_path, monkeypatch, refuses):
    with socket.socket() as closed:  # a port that nobody listens on
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/mnist.npz"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    entry = CATALOGUE["mnist"]
    download = replace(entry.download, files=(RemoteFile(url, entry.download.files[0].known_hash),))
    monkeypatch.setitem(CATALOGUE, "mnist", replace(entry, download=download))
    monkeypatch.setenv("KELBO_DATA_DIR", str(tmp_path / "data"))
    refuses(
        lambda: load("mnist"),
        tmp_path / "data" / "mnist.npz",
        cache / "mnist.npz",
        url,
        "(ConnectionRefusedError: ",
        f"put a file mnist.npz (arrays x_train, y_train, x_test, y_test) into {cache} by hand",
        "set KELBO_DATA_DIR",
    )
    assert list(cache.iterdir()) == []


def test_missing_on_the_server(serve, cache, refuses):
    serve("mnist", {})
    refuses(lambda: load("mnist"), "404", "by hand")


def test_a_cache_that_cannot_be_written(serve, tmp_path, monkeypatch, few, refuses):
    serve("mnist", {"mnist.npz": _npz(tmp_path, few)}, _digests(few))
    (tmp_path / "file").write_text("in the way")
    monkeypatch.delenv("KELBO_DATA_DIR", raising=False)
    monkeypatch.setenv("KELBO_CACHE_DIR", str(tmp_path / "file"))
    refuses(lambda: load("mnist"), tmp_path / "file", "KELBO_CACHE_DIR")
