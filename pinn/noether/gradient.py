"""Whether a density has a gradient, and whether it is the one that differentiation finds.

Rounding, steps, signs and `stop_gradient` have none where they are differentiated, so that whatever
they make looks conserved. Differences of the density itself, along a direction, tell.
"""

from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

import numpy as np

from pinn.noether.rounding import EPSILON, TINY, Columns, moved

STEP = 2.0**-9
STEPS = STEP * np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
WEIGHTS = np.array([1.0, -8.0, 8.0, -1.0]) / (12.0 * STEP)
ROUNDINGS = 64.0
LEAST = 1e-10  # what differences tell
OFTEN = 0.01
SCATTERS = 64.0

Values = Callable[[Columns], np.ndarray]
Direction = Mapping[str, np.ndarray]


def differences(
    values: Values, points: Columns, direction: Direction
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return derivatives along a direction by differences, what those cannot tell, and a size.

    The size is by how much the density changes at all, over the step.

    Args:
        values: from points to a density there, of shape (points, components).
        points: as many as `values` takes; an eighth of them is used.
        direction: a velocity for each entry that moves.

    Fourth-order differences at two steps: where they disagree, the density is not smooth there.
    """
    count = len(next(iter(points.values())))
    used = count // 8
    index, shift = np.repeat(np.arange(used), 8), np.tile([*STEPS, 0.0, 0.0], used)
    shifted = {n: np.asarray(v)[index] for n, v in points.items()}
    for name, velocity in direction.items():
        column = (slice(None),) + (None,) * (velocity.ndim - 1)
        shifted[name] = shifted[name] + shift[column] * velocity[index]
    found = values(shifted).reshape(used, 8, -1)
    with np.errstate(invalid="ignore", over="ignore"):
        coarse = np.einsum("s,psc->pc", WEIGHTS, found[:, [0, 1, 4, 5]])
        fine = 2.0 * np.einsum("s,psc->pc", WEIGHTS, found[:, 1:5])
        rounding = (ROUNDINGS * EPSILON * np.max(np.abs(found), axis=1) + TINY) / STEP
        size = np.max(np.abs(found - found[:, 6:7]), axis=1) / STEP
        return fine, 4.0 * np.abs(fine - coarse) + rounding, size


def flow(points: Columns, rates: Direction, longest: float) -> tuple[Direction, np.ndarray]:
    """Return the velocity of states along the solution, and in what time each moves by its size.

    Args:
        points: states.
        rates: the time derivative of each entry of the state.
        longest: the longest time to give.
    """
    pace = np.full(len(next(iter(points.values()))), 1.0 / longest)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for name, rate in rates.items():
            value = np.abs(_rows(points[name]))
            size = np.maximum(value, 0.1 * np.max(value, axis=1, keepdims=True))
            share = np.where(rate.reshape(value.shape) == 0.0, 0.0, np.abs(_rows(rate)) / size)
            pace = np.maximum(pace, np.max(share, axis=1))
        time = 1.0 / pace
        return {n: r * time.reshape(-1, *[1] * (r.ndim - 1)) for n, r in rates.items()}, time


def direction(name: str, value: Any, shape: tuple[int, ...], length: float | None) -> Any:
    """Return how one entry moves: each number by a part of itself, a coordinate by a hundredth.

    Args:
        name: of the entry; the parts are drawn for it.
        value: the entry at one jet or, with a leading axis, at many.
        shape: of the entry.
        length: of the axis, for a coordinate.
    """
    generator = np.random.default_rng(crc32(name.encode()))
    share = generator.uniform(0.3, 1.0, shape) * generator.choice([-1.0, 1.0], shape)
    if length is not None:
        return share * (0.01 * length + 0.0 * value)
    return share * (value + (value == 0.0).astype(value.dtype))


def mismatch(
    differenced: np.ndarray, unsure: np.ndarray, stated: np.ndarray, size: np.ndarray
) -> float:
    """Return how far differences are from a derivative, zero where few points disagree.

    Args:
        differenced: the differences, of shape (points, components).
        unsure: what they cannot tell.
        stated: the derivative.
        size: what both are relative to.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        missed = np.abs(differenced - stated) - unsure
        scale = np.abs(differenced) + np.abs(stated) + size
        bad = np.isfinite(missed) & np.isfinite(scale) & (missed > LEAST * scale)
    often = np.mean(bad, axis=0) > OFTEN
    if not often.any():
        return 0.0
    ratio = np.divide(missed, scale, out=np.zeros_like(missed), where=bad & often[None])
    return float(ratio.max())


def has_slope(slope: Values, points: Columns) -> bool:
    """Tell whether every component of a derivative is more than rounding somewhere."""
    index = np.arange(len(next(iter(points.values()))))
    near = [slope(points), *(slope(moved(points, index, seed)) for seed in range(3))]
    with np.errstate(invalid="ignore", over="ignore"):
        mean, scatter = np.mean(near, axis=0), np.std(near, axis=0, ddof=1)
        return bool(np.all(np.any(np.abs(mean) > SCATTERS * scatter, axis=0)))


def _rows(values: np.ndarray) -> np.ndarray:
    return np.reshape(values, (len(values), -1))
