import os
import stat

import numpy as np
import pytest
from matplotlib.image import imread

from kelbo.errors import InputError
from kelbo.files import replacing
from kelbo.plots import image_grid, latent_space, samples, save


@pytest.fixture
def figure():
    return image_grid(np.eye(8)[None])


def test_a_figure_becomes_a_png_of_the_right_size(figure, tmp_path):
    path = save(figure, str(tmp_path / "samples.png"))
    assert path == tmp_path / "samples.png"
    pixels = imread(path)
    width, height = figure.get_size_inches() * 150
    assert pixels.shape[:2] == (int(height), int(width))
    assert pixels.shape[1] == 1200
    assert [p.name for p in tmp_path.iterdir()] == ["samples.png"]


def test_the_same_figure_gives_the_same_bytes(figure, tmp_path):
    first = save(figure, tmp_path / "a.png").read_bytes()
    assert save(image_grid(np.eye(8)[None]), tmp_path / "b.png").read_bytes() == first


def test_the_file_has_the_permissions_of_any_new_file(figure, tmp_path):
    (tmp_path / "other").touch()
    path = save(figure, tmp_path / "samples.png")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(figure, tmp_path, monkeypatch):
    path = tmp_path / "samples.png"
    path.write_bytes(b"old")

    def break_off(self, file, **options):
        file.write_bytes(b"half a picture")
        raise OSError("disk full")

    monkeypatch.setattr(type(figure), "savefig", break_off)
    with pytest.raises(OSError, match="disk full"):
        save(figure, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["samples.png"]


def test_an_interruption_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def interrupted():
        with replacing(path) as temporary:
            temporary.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_file_is_complete_before_it_has_its_name(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"


def test_a_missing_folder_is_named(figure, tmp_path):
    with pytest.raises(InputError, match=r"there is no folder .*nowhere; make it"):
        save(figure, tmp_path / "nowhere" / "samples.png")


def test_a_folder_is_no_file(figure, tmp_path):
    with pytest.raises(InputError, match="it is a folder"):
        save(figure, tmp_path)


def test_a_name_that_the_font_cannot_write_is_no_reason_to_warn(tmp_path, recwarn):
    x = np.random.default_rng(0).normal(size=(80, 3))
    save(samples(x, feature_names=["価格", "b", "c"]), tmp_path / "a.png")
    save(latent_space(x, np.repeat(["価格", "b"], 40)), tmp_path / "b.png")
    assert not recwarn.list
