"""A folder of images."""

import os
from pathlib import Path

import numpy as np

from kelbo.datasets.readers.raw import RawArrays
from kelbo.errors import InputError

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")


def read_images(folder: Path) -> RawArrays:
    """Read all images under a folder, sorted by their path.

    Grey images become (H, W); colour images, and grey ones among them, (H, W, 3). Transparent
    pixels are laid on white; of an animation the first frame is taken; names that begin with a dot
    are passed over. When every image lies in a sub-folder, the first level of sub-folders gives the
    classes.

    Args:
        folder: The folder; png, jpg, bmp and gif files of 8 bits per channel are read.

    Returns:
        `x_train`, uint8, and `y_train`, the names of the sub-folders, or None.

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
    paths = _image_paths(folder)
    if not paths:
        raise InputError(
            f"{folder}: the folder holds no image; expected {', '.join(_SUFFIXES)} files"
        )
    images = [_read_image(folder / path) for path in paths]
    height, width = images[0].shape[:2]
    for path, image in zip(paths, images, strict=True):
        if image.shape[:2] != (height, width):
            raise InputError(
                f"{folder / path}: is {image.shape[1]} x {image.shape[0]} pixels, but "
                f"{paths[0]} is {width} x {height}; expected all images of the same size"
            )
    if any(image.ndim == 3 for image in images):
        images = [
            image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)
            for image in images
        ]
    in_folders = all(len(path.parts) > 1 for path in paths)
    return RawArrays(
        np.stack(images), np.array([path.parts[0] for path in paths]) if in_folders else None
    )


def _image_paths(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from error

    found = []
    for directory, subdirectories, files in os.walk(folder, onerror=refuse):
        subdirectories[:] = [name for name in subdirectories if not name.startswith(".")]
        found += [
            Path(directory, name).relative_to(folder)
            for name in files
            if name.lower().endswith(_SUFFIXES) and not name.startswith(".")
        ]
    return sorted(found, key=lambda path: path.parts)


def _read_image(path: Path) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise InputError(
                    f"{path}: has more than 8 bits per pixel (mode {image.mode}); save it with 8 "
                    "bits, or as a .npy array"
                )
            image = ImageOps.exif_transpose(image)  # cameras store the rotation beside the pixels
            if "A" in image.getbands() or "transparency" in image.info:
                image = image.convert("RGBA")
                white = Image.new("RGBA", image.size, "white")
                pixels = np.asarray(Image.alpha_composite(white, image).convert("RGB"))
                return _drop_equal_channels(pixels)
            if image.mode in ("1", "L"):
                return np.asarray(image.convert("L"))
            if image.mode == "P":
                return _drop_equal_channels(np.asarray(image.convert("RGB")))
            return np.asarray(image.convert("RGB"))
    except InputError:
        raise
    # Pillow raises SyntaxError for a broken PNG, and its own error for a bomb.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        detail = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as an image ({detail})") from error


def _drop_equal_channels(pixels: np.ndarray) -> np.ndarray:
    """Make grey what is grey: a palette or an alpha channel hides whether there is colour."""
    grey = pixels[..., 0]
    if (pixels == grey[..., None]).all():
        return grey
    return pixels
