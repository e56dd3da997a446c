"""The 1,797 handwritten digits that come with scikit-learn, enlarged from 8x8 to 32x32.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

_TEST, _VALIDATION = 450, 225  # samples


def load() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split name -> (images (N, 1, 32, 32) uint8, labels (N,)), the same split every time."""
    digits = load_digits()
    ink = (digits.images * (255 / 16)).astype(np.uint8)
    images = np.stack([np.asarray(Image.fromarray(one).resize((32, 32), Image.Resampling.BILINEAR)) for one in ink])
    order = np.random.default_rng(0).permutation(len(images))
    parts = np.split(order, (_TEST, _TEST + _VALIDATION))
    return {
        name: (images[part, None], digits.target[part])
        for name, part in zip(("test", "validation", "train"), parts, strict=True)
    }
