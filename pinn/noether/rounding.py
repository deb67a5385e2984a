"""Telling a sum of terms that vanishes from one that is small: what rounding alone can leave.

At a point where an identity Σ terms = 0 holds, a computed sum is rounding, which changes at random
when the point is moved by far less than anything that the terms depend on; a sum that is truly
there does not change. So a sum is taken for true where it is above the rounding of its terms and
also above its own scatter over points moved from the twelfth to the eighth digit, which shows what
terms that cancel inside others lose (stochastic arithmetic: Vignes 1993,
doi:10.1016/0378-4754(93)90003-D).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

EPSILON = float(np.finfo(float).eps)
TERMS = (
    1024.0  # roundings of the terms themselves, which do not scatter where a constant is rounded
)
SCATTERS = 64.0
COPIES = 8
MOVED = 2.0 ** -np.linspace(40.0, 26.0, COPIES)
IDLE = 4.0  # roundings of a charge over the whole interval, which a source that is none may make
DOUBTS = 10.0
TINY = 1e3 * float(np.finfo(float).tiny)

Columns = Mapping[str, np.ndarray]
Sums = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Defect:
    """How far a sum is from zero.

    Args:
        size: the largest |Σ terms| / Σ |terms| where that is more than rounding; where it nowhere
            is, the root mean square of the sum over that of its terms.
        real: whether it is more than rounding anywhere.
        place: the index of the worst point.
    """

    size: float
    real: bool
    place: int = 0


def defect_of(
    evaluate: Callable[[Columns], Sums], points: Columns, *, known: Sums | None = None
) -> Defect:
    """Return how far a sum of terms is from zero over points, beyond rounding.

    Args:
        evaluate: from points, one array an entry with a leading axis, to the sum and the sum of its
            terms' sizes, of shape (points, *components). Where either is not finite is left out.
        points: where.
        known: what `evaluate` gives at the points, where it is known.
    """
    total, size = (_flat(part) for part in (known or evaluate(points)))
    finite = np.isfinite(total) & np.isfinite(size)
    total, size = np.where(finite, total, 0.0), np.where(finite, size, 0.0)
    worst = Defect(_typical(total, size), False)
    for component in range(total.shape[1]):
        one, terms = np.abs(total[:, component]), size[:, component]
        ratio = np.divide(one, terms, out=np.zeros_like(one), where=terms > 0.0)
        suspects = np.flatnonzero(one > TERMS * EPSILON * terms + TINY)
        if suspects.size:
            found = _confirmed(evaluate, points, component, suspects[_by_size(ratio[suspects])])
            worst = max(worst, found, key=lambda d: (d.real, d.size if d.real else 0.0))
    return worst


def defect_of_integrals(total: np.ndarray, size: np.ndarray, doubt: np.ndarray) -> Defect:
    """Return how far integrals are from zero, beyond rounding and what their quadrature misses.

    Args:
        total: the integrals, of shape (samples, *components).
        size: the integrals of the absolute values.
        doubt: the difference to a coarser quadrature.
    """
    total, size, doubt = (np.abs(_flat(part)) for part in (total, size, doubt))
    finite = np.isfinite(total) & np.isfinite(size) & np.isfinite(doubt)
    total, size, doubt = (np.where(finite, part, 0.0) for part in (total, size, doubt))
    real = total > TERMS * EPSILON * size + DOUBTS * doubt + TINY
    if not real.any():
        return Defect(_typical(total, size), False)
    ratio = np.where(real, total / np.where(size > 0.0, size, 1.0), 0.0)
    return Defect(float(ratio.max()), True, int(np.argmax(ratio.max(axis=1))))


def _confirmed(evaluate, points: Columns, component: int, order: np.ndarray) -> Defect:
    """Look at the worst points again, each moved a little several times."""
    count = len(next(iter(points.values())))
    chosen = order[: max(count // COPIES, 1)]
    index = np.resize(np.repeat(chosen, COPIES), count)
    total, size = (_flat(part)[:, component] for part in evaluate(moved(points, index)))
    shape = (min(len(chosen), count // COPIES), COPIES)
    total, size = (part[: shape[0] * COPIES].reshape(shape) for part in (total, size))
    finite = np.all(np.isfinite(total) & np.isfinite(size), axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        mean, scatter, terms = total.mean(axis=1), total.std(axis=1, ddof=1), size.mean(axis=1)
        real = np.abs(mean) > SCATTERS * scatter + TERMS * EPSILON * terms + TINY
    real &= finite
    if not real.any():
        return Defect(0.0, False)
    ratio = np.abs(mean[real]) / np.where(terms[real] > 0.0, terms[real], 1.0)
    return Defect(float(ratio.max()), True, int(chosen[: shape[0]][real][np.argmax(ratio)]))


def moved(points: Columns, index: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Return points by index, each number moved at random from the twelfth to the eighth digit."""
    generator = np.random.default_rng([len(index), seed])
    sizes, found = np.resize(MOVED, len(index)), {}
    for name, values in points.items():
        chosen = np.asarray(values)[index]
        size = sizes.reshape(-1, *[1] * (chosen.ndim - 1))
        found[name] = chosen * (1.0 + size * generator.uniform(-1.0, 1.0, chosen.shape))
    return found


def _by_size(ratio: np.ndarray) -> np.ndarray:
    return np.argsort(-ratio, kind="stable")


def _flat(values: np.ndarray) -> Float[np.ndarray, "points components"]:
    values = np.asarray(values, dtype=float)
    return values.reshape(len(values), -1)


def _typical(total: np.ndarray, size: np.ndarray) -> float:
    """Return the worst component's root mean square of the sum over that of the terms."""
    largest = np.maximum(np.max(size, axis=0, initial=0.0), TINY)
    terms = np.sqrt(np.mean((size / largest) ** 2, axis=0))
    with np.errstate(over="ignore"):
        sums = np.sqrt(np.mean((total / largest) ** 2, axis=0))
        return float(np.max(sums / np.maximum(terms, EPSILON), initial=0.0))
