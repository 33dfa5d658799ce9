import numpy as np
import pytest
from PIL import Image

from kelbo.datasets import Reading, load


def _write(path, pixels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    (image if mode is None else image.convert(mode)).save(path)


def _grey(value, height=4, width=5):
    return np.full((height, width), value, np.uint8)


def _colour(*rgb, height=4, width=5):
    return np.tile(np.array(rgb, np.uint8), (height, width, 1))


@pytest.mark.parametrize(
    "suffix", ["png", "bmp", "gif", "jpg", "PNG", "webp", "tif", "TIFF", "JPEG"]
)
def test_grey_images_in_sorted_order(tmp_path, suffix):
    for name, value in (("b", 51), ("a", 0), ("c", 255)):
        _write(tmp_path / f"{name}.{suffix}", _grey(value))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    data = load(tmp_path)
    assert data.x_train.shape == (3, 4, 5)
    np.testing.assert_allclose(data.x_train[:, 0, 0], [0, 0.2, 1], atol=0.01)
    assert data.y_train is None
    assert "left out, no images: 1 .txt" in data.remarks
    assert (data.name, data.source) == (tmp_path.name, str(tmp_path))


def test_rows_are_height(tmp_path):
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    _write(tmp_path / "a.png", pixels)
    np.testing.assert_allclose(load(tmp_path).x_train[0], pixels / 255, rtol=1e-6)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp"])
def test_colour_images(tmp_path, suffix):
    _write(tmp_path / f"a.{suffix}", _colour(255, 0, 51))
    data = load(tmp_path)
    assert data.x_train.shape == (1, 4, 5, 3)
    np.testing.assert_allclose(data.x_train[0, 0, 0], [1, 0, 0.2], atol=0.02)  # .webp rounds


def test_grey_among_colour_becomes_colour(tmp_path):
    _write(tmp_path / "a.png", _grey(51))
    _write(tmp_path / "b.png", _colour(255, 0, 0))
    x = load(tmp_path).x_train
    assert x.shape == (2, 4, 5, 3)
    np.testing.assert_allclose(x[0], 0.2, atol=1e-6)


def test_black_and_white_images_are_binary(tmp_path):
    _write(tmp_path / "a.png", _grey(0), mode="1")
    _write(tmp_path / "b.png", _grey(255), mode="1")
    data = load(tmp_path)
    assert data.is_binary
    assert data.range == (0.0, 1.0)


def test_transparency_is_laid_on_white(tmp_path):
    pixels = np.zeros((4, 5, 4), np.uint8)
    pixels[0] = (255, 0, 0, 255)
    _write(tmp_path / "a.png", pixels)
    x = load(tmp_path).x_train[0]
    np.testing.assert_array_equal(x[0], np.tile([1, 0, 0], (5, 1)))
    np.testing.assert_array_equal(x[1:], 1)


def test_camera_rotation_is_applied(tmp_path):
    image = Image.fromarray(_grey(9, height=4, width=5))
    exif = image.getexif()
    exif[0x0112] = 6  # rotate by 90 degrees to view
    image.save(tmp_path / "a.jpg", exif=exif)
    assert load(tmp_path).event_shape == (5, 4)


def test_sub_folders_are_classes(tmp_path):
    for name in ("dog/1.png", "cat/old/2.png", "cat/1.png"):
        _write(tmp_path / name, _grey(9))
    data = load(tmp_path)
    assert data.class_names == ("cat", "dog")
    assert data.y_train.tolist() == [0, 0, 1]


def test_sub_folders_named_by_numbers_are_those_classes(tmp_path):
    for name in ("3/1.png", "7/1.png"):
        _write(tmp_path / name, _grey(9))
    assert load(tmp_path).y_train.tolist() == [3, 7]


def test_no_classes_when_an_image_lies_at_the_top(tmp_path):
    _write(tmp_path / "cat/1.png", _grey(9))
    _write(tmp_path / "1.png", _grey(9))
    assert load(tmp_path).y_train is None


def test_refuses_another_size(tmp_path, refuses):
    for name, width in (("a", 5), ("b", 5), ("c", 6), ("d", 7)):
        _write(tmp_path / f"{name}.png", _grey(9, width=width))
    refuses(lambda: load(tmp_path), tmp_path / "c.png", "6 x 4", "a.png is 5 x 4")


def test_refuses_a_folder_without_images(tmp_path, refuses):
    refuses(lambda: load(tmp_path), tmp_path, "no image", ".png")


def test_refuses_damaged_images(tmp_path, refuses):
    path = tmp_path / "a.png"
    path.write_text("hello")
    refuses(lambda: load(tmp_path), path, "cannot be read as an image")
    _write(path, np.random.default_rng(0).integers(0, 255, (40, 40)))
    path.write_bytes(path.read_bytes()[:600])
    refuses(lambda: load(tmp_path), path, "cannot be read as an image")


def test_16_bits_keep_their_levels(tmp_path):
    Image.fromarray(np.full((4, 5), 40001, np.uint16)).save(tmp_path / "a.png")
    _write(tmp_path / "b.png", _grey(51))
    data = load(tmp_path)
    np.testing.assert_allclose(data.x_train[:, 0, 0], [40001 / 65535, 0.2], rtol=1e-6)
    assert "1 of 2 images have 16 bits" in data.remarks


def test_refuses_images_of_floats(tmp_path, refuses):
    Image.fromarray(np.full((4, 5), 0.5, np.float32)).save(tmp_path / "a.tif")
    refuses(lambda: load(tmp_path), tmp_path / "a.tif", "more than 16 bits")


def test_folders_of_parts_are_no_classes(tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            _write(tmp_path / part / name / "1.png", _grey(9))
    data = load(tmp_path)
    assert (len(data.x_train), len(data.x_test)) == (2, 2)
    assert data.class_names == ("cat", "dog")
    assert data.y_test.tolist() == [0, 1]
    assert any("not classes" in remark for remark in data.remarks)
    _write(tmp_path / "Val" / "dog" / "1.png", _grey(9))
    data = load(tmp_path)
    assert data.y_test.tolist() == [1]
    assert any("left out: the 2 images in test" in remark for remark in data.remarks)


def test_train_beside_other_folders_is_a_class(tmp_path):
    for name in ("train", "bus"):
        _write(tmp_path / name / "1.png", _grey(9))
    assert load(tmp_path).class_names == ("bus", "train")


def test_images_are_resized_to_one_size(tmp_path, refuses):
    _write(tmp_path / "a.png", _grey(51, height=9, width=7))
    _write(tmp_path / "b.png", _colour(51, 51, 51, height=6, width=3))
    _write(tmp_path / "c.png", _grey(51, height=6, width=4))
    refuses(lambda: load(tmp_path), "--size 9x7")
    data = load(tmp_path, reading=Reading(size=(6, 4)))
    assert data.event_shape == (6, 4, 3)
    np.testing.assert_allclose(data.x_train, 0.2, atol=1e-6)
    assert any(remark.startswith("2 of 3 images are resized") for remark in data.remarks)
