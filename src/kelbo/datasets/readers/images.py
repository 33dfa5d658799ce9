"""A folder of images."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kelbo.datasets.readers.parts import Parts, part_folders
from kelbo.datasets.readers.raw import RawArrays
from kelbo.errors import InputError

# What Pillow reads by itself; it would call another program for PostScript.
_FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (),  # what some cameras write into .jpg
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm"),
    "TGA": (".tga",),
    "JPEG2000": (".jp2",),
}
# Formats that know colour only: whether an image is grey is to be seen in its pixels alone.
_WITHOUT_GREY = ("WEBP",)
_SUFFIXES = tuple(suffix for suffixes in _FORMATS.values() for suffix in suffixes)
_WORDS = 65535  # the greatest value of 16 bits


def read_images(folder: Path, size: tuple[int, int] | None = None) -> RawArrays:
    """Read all images under a folder, sorted by their path.

    Grey images become (H, W); colour images, and grey ones among them, (H, W, 3). Transparent
    pixels are laid on white; of an animation the first frame is taken; names that begin with a dot
    are passed over. Folders named train and test (or valid) at the top are the parts of the data.
    When every image lies in a sub-folder, of the folder or of each part, the first level of
    sub-folders gives the classes. What was understood stands in `remarks`.

    Args:
        folder: The folder.
        size: (height, width) that all images are resized to, or None.

    Returns:
        `x_train`, uint8 (float32 in [0, 1] where an image has 16 bits), and `y_train`, the names
        of the sub-folders, or None; `x_test` and `y_test` where there are parts.

    Raises:
        InputError: No image is there, one cannot be read, or one differs in size from the first.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("cat", "dog"):
        ...         pathlib.Path(folder, name).mkdir()
        ...         Image.new("L", (5, 4)).save(pathlib.Path(folder, name, "1.png"))
        ...     raw = read_images(pathlib.Path(folder))
        >>> raw.x_train.shape, raw.y_train.tolist()
        ((2, 4, 5), ['cat', 'dog'])
    """
    paths, others = _image_paths(folder)
    if not paths:
        there = f" (it holds {_counted(others)})" if others else ""
        raise InputError(
            f"{folder}: the folder holds no image{there}; expected {', '.join(_SUFFIXES)} files"
        )
    remarks = []
    if others:
        remarks.append(f"left out, no images: {_counted(others)}")
    parts = part_folders(paths)
    remarks += parts.remarks
    paths = [*parts.train, *parts.test]
    found = [_read_image(folder / path, size) for path in paths]
    images = _of_one_kind([image.pixels for image in found], remarks)
    _require_one_size(folder, paths, images)
    remarks += _changes(found, size)
    inner = [path.parts[parts.depth :] for path in paths]
    labels = None
    if all(len(names) > 1 for names in inner):
        labels = np.array([names[0] for names in inner])
        remarks.append(f"classes are the sub-folders: {len(set(labels.tolist()))}")
    return _split(np.stack(images), labels, parts, tuple(remarks))


@dataclass(frozen=True)
class _Found:
    """An image as it is used, and what was done to it."""

    pixels: np.ndarray
    is_resized: bool
    is_animated: bool


def _image_paths(folder: Path) -> tuple[list[Path], Counter]:
    """Images relative to the folder, in order, and how many files of which kind are none."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from error

    found, others = [], Counter()
    for directory, subdirectories, files in os.walk(folder, onerror=refuse):
        subdirectories[:] = [name for name in subdirectories if not name.startswith(".")]
        for name in files:
            if name.startswith("."):
                continue
            if name.lower().endswith(_SUFFIXES):
                found.append(Path(directory, name).relative_to(folder))
            else:
                others[Path(name).suffix.lower() or "without a suffix"] += 1
    return sorted(found, key=lambda path: path.parts), others


def _counted(others: Counter) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))


def _require_one_size(folder: Path, paths: Sequence[Path], images: Sequence[np.ndarray]) -> None:
    height, width = images[0].shape[:2]
    for path, image in zip(paths, images, strict=True):
        if image.shape[:2] != (height, width):
            others = sum(other.shape[:2] != (height, width) for other in images)
            raise InputError(
                f"{folder / path}: is {image.shape[1]} x {image.shape[0]} pixels, but "
                f"{paths[0]} is {width} x {height} ({others} of {len(images)} images differ from "
                f"it); --size {height}x{width} resizes all to that height and width"
            )


def _of_one_kind(images: list[np.ndarray], remarks: list[str]) -> list[np.ndarray]:
    """Images with the same number of channels and the same type."""
    wide = sum(image.dtype != np.uint8 for image in images)
    if wide:
        remarks.append(f"{wide} of {len(images)} images have 16 bits")
        images = [(i / (255 if i.dtype == np.uint8 else _WORDS)).astype("float32") for i in images]
    colour = sum(image.ndim == 3 for image in images)
    if 0 < colour < len(images):
        remarks.append(f"{len(images) - colour} grey images among {colour} in colour: all are RGB")
        images = [i if i.ndim == 3 else np.repeat(i[..., None], 3, axis=-1) for i in images]
    return images


def _changes(found: Iterable[_Found], size: tuple[int, int] | None) -> list[str]:
    found = list(found)
    resized = sum(image.is_resized for image in found)
    animated = sum(image.is_animated for image in found)
    remarks = []
    if resized:
        remarks.append(
            f"{resized} of {len(found)} images are resized to a height of {size[0]} and a width of "
            f"{size[1]}, whatever their proportions"
        )
    if animated:
        remarks.append(f"the first frame is taken of {animated} images that have several")
    return remarks


def _split(x: np.ndarray, y: np.ndarray | None, parts: Parts, remarks: tuple) -> RawArrays:
    cut = len(parts.train)
    if not parts.test:
        return RawArrays(x, y, remarks=remarks)
    y_train, y_test = (None, None) if y is None else (y[:cut], y[cut:])
    return RawArrays(x[:cut], y_train, x[cut:], y_test, remarks=remarks)


def _read_image(path: Path, size: tuple[int, int] | None) -> _Found:
    from PIL import Image, ImageOps

    Image.init()  # all formats are known by then
    known = [name for name in _FORMATS if name in Image.OPEN]
    try:
        with Image.open(path, formats=known) as image:
            animated = getattr(image, "n_frames", 1) > 1
            knows_grey = image.format not in _WITHOUT_GREY
            image = ImageOps.exif_transpose(image)  # cameras store the rotation beside the pixels
            wide = image.mode.startswith(("I", "F"))
            image = _sixteen_bits(image, path) if wide else _laid_on_white(image, knows_grey)
            shape = (image.height, image.width)
            if size is not None and shape != size:
                image = image.resize(size[::-1], Image.Resampling.LANCZOS)
            resized = size is not None and shape != size
            pixels = np.asarray(image)
            if wide:
                pixels = np.clip(np.rint(pixels), 0, _WORDS).astype(np.uint16)
            return _Found(pixels, resized, animated)
    except InputError:
        raise
    # Pillow raises SyntaxError for a broken PNG, and its own error for a bomb.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        detail = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as an image ({detail})") from error


def _sixteen_bits(image: Any, path: Path) -> Any:
    """A grey image of 16 bits, as one of floats, which Pillow can resize."""
    from PIL import Image

    pixels = np.asarray(image)
    if image.mode == "F" or pixels.min() < 0 or pixels.max() > _WORDS:
        raise InputError(
            f"{path}: has more than 16 bits per pixel (mode {image.mode}); save it with 8 or 16 "
            "bits, or as a .npy array"
        )
    return Image.fromarray(pixels.astype(np.float32))


def _laid_on_white(image: Any, knows_grey: bool) -> Any:
    """The image in grey or in RGB: transparent pixels on white, palettes looked up."""
    from PIL import Image

    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return _without_equal_channels(Image.alpha_composite(white, image).convert("RGB"))
    if image.mode in ("1", "L"):
        return image.convert("L")
    image, is_certain = image.convert("RGB"), knows_grey and image.mode != "P"
    return image if is_certain else _without_equal_channels(image)


def _without_equal_channels(image: Any) -> Any:
    """Make grey what is grey: a palette, an alpha channel or the format may hide it."""
    pixels = np.asarray(image)
    if (pixels == pixels[..., :1]).all():
        return image.getchannel(0)
    return image
