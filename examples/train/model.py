"""A perceptron with one hidden layer, in numpy, whose gradients can be summed over ranks."""

from __future__ import annotations

import numpy as np

from digits import PIXELS

HIDDEN, CLASSES = 64, 10
SHAPES = ((PIXELS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
SIZE = sum(int(np.prod(shape)) for shape in SHAPES)


def initial(seed: int = 0) -> np.ndarray:
    """All parameters in one array."""
    rng = np.random.default_rng(seed)
    weights = (rng.standard_normal(shape) / np.sqrt(shape[0]) for shape in SHAPES[::2])
    biases = (np.zeros(shape) for shape in SHAPES[1::2])
    return np.concatenate([part.ravel() for layer in zip(weights, biases) for part in layer])


def gradient(parameters: np.ndarray, pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The gradient of the cross entropy, summed over the samples."""
    w1, b1, w2, b2 = _views(parameters)
    hidden = np.maximum(pixels @ w1 + b1, 0.0)
    error = _softmax(hidden @ w2 + b2)
    error[np.arange(len(labels)), labels] -= 1.0
    back = (error @ w2.T) * (hidden > 0.0)
    return np.concatenate([part.ravel() for part in (pixels.T @ back, back.sum(0), hidden.T @ error, error.sum(0))])


def right(parameters: np.ndarray, pixels: np.ndarray, labels: np.ndarray) -> int:
    """How many samples are classified rightly."""
    w1, b1, w2, b2 = _views(parameters)
    return int(((np.maximum(pixels @ w1 + b1, 0.0) @ w2 + b2).argmax(1) == labels).sum())


def _views(parameters: np.ndarray) -> list[np.ndarray]:
    views, at = [], 0
    for shape in SHAPES:
        size = int(np.prod(shape))
        views.append(parameters[at : at + size].reshape(shape))
        at += size
    return views


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
