"""Picture files as arrays, whatever their mode, and safe against files made to harm."""

import io
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.data.progress import track
from yuanli.errors import DataError, ValueRangeError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # none of which starts another program
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".tif", ".tiff", ".webp")
)
PIXELS = 64_000_000  # in one picture; a small file can unpack to much more
BYTES = 4 << 30  # in one data set


def read_pictures(
    files: Sequence[str | os.PathLike], *, channels: int, size: tuple[int, int] | None = None
) -> np.ndarray:
    """Those picture files as uint8 (N, C, H, W), with 1 (grey) or 3 (red, green, blue) channels.

    Resized to `size` = (height, width), or all need the same.  Transparency is laid on white, 16-bit grey
    becomes 8-bit, of an animation the first picture is taken, and the camera's rotation mark is obeyed.
    Raises: DataError that names the file.
    """
    if channels not in (1, 3):
        raise ValueRangeError(f"pictures have 1 or 3 channels, got channels={channels}")
    if not files:
        raise DataError("no picture was given")
    images: np.ndarray | None = None
    for i, file in enumerate(track(files, len(files), "reading pictures")):
        image = decode(file, str(file), channels, size)
        if images is None:
            images = allocate(len(files), image.shape)
        if image.shape != images.shape[1:]:
            raise DataError(
                f"pictures of one size are needed, or a size to resize them to; {files[0]} has "
                f"{images.shape[2]}×{images.shape[3]} pixels, {file} {image.shape[1]}×{image.shape[2]}"
            )
        images[i] = image
    assert images is not None
    return images


def allocate(n: int, shape: tuple[int, ...]) -> np.ndarray:
    """Room for n pictures, if it is not more than can reasonably be held."""
    if (needed := n * int(np.prod(shape))) > BYTES:
        raise DataError(
            f"{n} pictures of shape {shape} need {needed / 2**30:.1f} GiB; make them smaller or fewer"
        )
    return np.empty((n, *shape), np.uint8)


def decode(
    source: str | os.PathLike | bytes, where: str, channels: int, size: tuple[int, int] | None = None
) -> np.ndarray:
    """One picture (a file, or its content) as uint8 (C, H, W); errors name it as `where`."""
    with opened(source, where) as picture:
        from PIL import Image

        flat = _flatten(picture, "L" if channels == 1 else "RGB")
        if size and flat.size != size[::-1]:
            flat = flat.resize(size[::-1], Image.Resampling.BILINEAR)
        array = np.asarray(flat)
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


@contextmanager
def opened(source: str | os.PathLike | bytes, where: str) -> Iterator[Any]:
    """The picture, only its head read so far.  Raises: DataError here or in the block when it is damaged."""
    from PIL import Image, UnidentifiedImageError

    file = io.BytesIO(source) if isinstance(source, bytes) else Path(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd files; size is checked here
            with Image.open(file, formats=FORMATS) as picture:
                if picture.width * picture.height > PIXELS:
                    raise DataError(
                        f"{where} has {picture.width}×{picture.height} pixels, more than {PIXELS:,}"
                    )
                yield picture
    except UnidentifiedImageError:
        raise DataError(f"{where} is not a picture, or damaged; known are {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise DataError(f"{where} has more than {PIXELS:,} pixels") from None
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"no picture at {where}") from None
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        raise DataError(f"{where} cannot be read as a picture: {error}") from None


def is_grey(picture: Any) -> bool:
    """Whether the picture has one channel (and perhaps transparency)."""
    return picture.mode in ("1", "L", "LA", "La") or picture.mode.startswith("I")


def _flatten(picture: Any, mode: str) -> Any:
    """Upright, opaque, 8-bit, in mode L or RGB."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits")
    if picture.mode.startswith("I"):  # 16 bits
        high = np.clip(np.asarray(picture), 0, 65535) >> 8
        picture = Image.fromarray(high.astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert(mode)
