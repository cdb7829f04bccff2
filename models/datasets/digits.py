"""The embedded data set, 1,797 handwritten digits, and a harder test part made of the same images."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from memsim.models.datasets.dataset import SPLIT_SEED, Dataset, in_parts, stratified

ROTATION, ZOOM, SHIFT, NOISE = 22.5, 0.2, 1.0, 0.05  #: of the harder digits: degrees, 1, pixels, 1
TEST, VALIDATION = 450, 180


@cache
def digits() -> Dataset:
    """Real 8 x 8 scans (Alpaydin & Kaynak 1998, shipped in scikit-learn): 1,167 / 180 / 450, stratified."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images, labels = (pixels.reshape(-1, 1, 8, 8) / 16).astype(np.float32), labels.astype(np.int64)
    test = stratified(labels, TEST, SPLIT_SEED)
    rest = np.setdiff1d(np.arange(len(labels)), test)
    train, held = (images[rest], labels[rest]), (images[test], labels[test])
    return in_parts("digits", tuple("0123456789"), train, held, validation=VALIDATION)


@cache
def digits_hard() -> Dataset:
    """The digits with a harder test part: the same 450 images, each moved and noisy once (`harden`)."""
    plain = digits()
    return replace(plain, name="digits-hard", x_test=harden(plain.x_test, seed=SPLIT_SEED + 2))


def harden(images: Tensor, *, seed: int) -> Tensor:
    """Images (B, 1, H, W), each rotated, zoomed and shifted (bilinear), then noisy, clipped to [0, 1].

    Uniform within +-ROTATION, +-ZOOM, +-SHIFT on each axis; normal noise of standard deviation NOISE.
    """
    from scipy.ndimage import affine_transform

    rng = np.random.Generator(np.random.Philox(seed))
    hard = np.empty(images.shape, dtype=np.float32)
    centre = (np.array(images.shape[-2:]) - 1) / 2
    for n, image in enumerate(images[:, 0].numpy()):
        angle, zoom, *shift = rng.uniform(-1, 1, 4) * (np.radians(ROTATION), ZOOM, SHIFT, SHIFT)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / (1 + zoom)
        moved = affine_transform(image, turn, centre - turn @ (centre + shift), order=1)
        hard[n, 0] = np.clip(moved + NOISE * rng.standard_normal(image.shape), 0, 1)
    return torch.from_numpy(hard)
