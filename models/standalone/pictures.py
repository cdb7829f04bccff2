"""CIFAR-10 in two packed files under 50 MB each: `python pictures.py FILE.npz FOLDER` makes them.

A part holds residuals of the median edge predictor (Weinberger, Seroussi & Sapiro 2000) on the planes G,
R-G+128, B-G+128 modulo 256, then the labels, compressed with xz.
"""

import argparse
import lzma
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

DIGEST = "795f1793d7b8f8883c578442a02455d2469d49685325e98ea0621b15f4a88d69"
"""SHA-256 of all images (60000, 32, 32, 3) and labels, bytes in the original order, training part first."""
DATASET = "ede8199eaf3782dc"
"""What memsim calls their digest, with its own split; a training record names it."""
PARTS = ("cifar10-0.med.xz", "cifar10-1.med.xz")
HALF, TRAIN = 30_000, 50_000  #: images of a part; images to learn from
SIZE = 32 * 32 * 3  #: bytes of an image
KEYS = ("x_train", "x_test", "y_train", "y_test")


def encode(images: np.ndarray) -> np.ndarray:
    """Turn images uint8 (n, 32, 32, 3) into residuals (3, n, 32, 32), which `decode` undoes."""
    red, green, blue = (images[..., c].astype(np.int16) for c in range(3))
    planes = np.stack([green, red - green + 128, blue - green + 128]) & 255
    framed = np.pad(planes, ((0, 0), (0, 0), (1, 0), (1, 0)))
    guess = _guess(framed[:, :, 1:, :-1], framed[:, :, :-1, 1:], framed[:, :, :-1, :-1])
    return ((planes - guess) & 255).astype(np.uint8)


def decode(residual: np.ndarray) -> np.ndarray:
    """Turn residuals (3, n, 32, 32) back into images uint8 (n, 32, 32, 3)."""
    value = np.zeros((33, 33, 3, residual.shape[1]), np.int16)
    residual = np.ascontiguousarray(residual.transpose(2, 3, 0, 1))
    for y in range(32):
        for x in range(32):
            guess = _guess(value[y + 1, x], value[y, x + 1], value[y, x])
            value[y + 1, x + 1] = (guess + residual[y, x]) & 255
    green, red, blue = value[1:, 1:].transpose(2, 3, 0, 1)
    return (np.stack([red + green - 128, green, blue + green - 128], -1) & 255).astype(np.uint8)


def _guess(left: np.ndarray, up: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Predict a pixel from its neighbours at the left, above, and between these."""
    low, high = np.minimum(left, up), np.maximum(left, up)
    return np.where(corner >= high, low, np.where(corner <= low, high, left + up - corner))


def pack(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Compress images uint8 (n, 32, 32, 3) and labels (n)."""
    return lzma.compress(encode(images).tobytes() + labels.astype(np.uint8).tobytes())


def unpack(body: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (n, 32, 32, 3) and labels uint8 (n); ValueError for what `pack` has not written."""
    try:
        plain = np.frombuffer(lzma.decompress(body), np.uint8)
    except lzma.LZMAError as error:
        raise ValueError(f"it is damaged, or no packed pictures: {error}") from None
    count, odd = divmod(len(plain), SIZE + 1)
    if odd or not count:
        raise ValueError(f"{len(plain)} bytes are no whole number of pictures of {SIZE + 1} bytes")
    return decode(plain[: SIZE * count].reshape(3, count, 32, 32)), plain[SIZE * count :]


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """Return the SHA-256 (hex) of images and labels, to be compared with `DIGEST`."""
    found = sha256(np.ascontiguousarray(images).data)
    found.update(labels.astype(np.uint8).tobytes())
    return found.hexdigest()


def read_parts(paths: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Read all 60,000 images uint8 (n, 32, 32, 3) and labels uint8 (n), the 50,000 to learn from first.

    ValueError, naming the file, where one is missing, damaged, or not a part of CIFAR-10.
    """
    found = []
    for path in paths:
        try:
            found.append(unpack(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise ValueError(f"packed pictures {path} cannot be read: {error}") from None
    images, labels = (np.concatenate(part) for part in zip(*found, strict=True))
    if digest(images, labels) != DIGEST:
        raise ValueError(f"{', '.join(map(str, paths))}: not the two parts of CIFAR-10 in their order")
    return images, labels


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the same from an .npz file of x_train, y_train, x_test, y_test, bytes with channels last.

    ValueError, naming the file, where it is missing or damaged, or is not CIFAR-10 in its original order.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = [file[key] for key in KEYS]
            images, labels = np.concatenate(arrays[:2]), np.concatenate([y.reshape(-1) for y in arrays[2:]])
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"pictures {path} cannot be read: {error}; it must hold {', '.join(KEYS)}") from None
    if images.dtype != np.uint8 or digest(images, labels) != DIGEST:
        raise ValueError(f"{path} does not hold CIFAR-10 as bytes (n, 32, 32, 3) in its original order")
    return images, labels.astype(np.uint8)


def main(words: Sequence[str] | None = None) -> None:
    """Write the two packed parts of an .npz file, and print their names and sizes."""
    parser = argparse.ArgumentParser(description="Pack CIFAR-10 into two files.")
    parser.add_argument("file", type=Path, help=f".npz file that holds {', '.join(KEYS)}")
    parser.add_argument("folder", type=Path, help=f"where {' and '.join(PARTS)} are written")
    options = parser.parse_args(words)
    try:
        images, labels = read_npz(options.file)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    options.folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(PARTS):
        part = slice(number * HALF, (number + 1) * HALF)
        size = (options.folder / name).write_bytes(pack(images[part], labels[part]))
        print(f"{options.folder / name}: {size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
