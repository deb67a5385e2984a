"""Least squares whose rows and Jacobian come together."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from scipy.optimize import least_squares

# From the unknowns to the rows and their Jacobian.
Rows = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class _Still(Exception):
    """The step that is left is negligible."""


def descended(
    rows: Rows, start: np.ndarray, still: float = 0.0, **options: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return where Σ rows² is least, rows and Jacobian there, and how often they were evaluated.

    SciPy's trust region asks for the rows, then for the Jacobian at the same place, which are
    computed once for both. Near the end its own rules see only rounding: the step that is left, in
    standard deviations, ends it too.

    Args:
        rows: what to minimise.
        start: where to begin.
        still: end where the Gauss–Newton step that is left is below this, |Qᵀ rows|.
        options: of `scipy.optimize.least_squares`.
    """
    known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    count, z = 0, start

    def at(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nonlocal count
        key = point.tobytes()
        if key not in known:
            known.clear()
            known[key] = rows(point)
            count += 1
        return known[key]

    def slopes(point: np.ndarray) -> np.ndarray:
        nonlocal z
        z = np.array(point)
        value, jacobian = at(point)
        if still and np.linalg.norm(np.linalg.qr(jacobian)[0].T @ value) < still:
            raise _Still
        return jacobian

    with suppress(_Still):
        z = least_squares(lambda z: at(z)[0], start, jac=slopes, x_scale="jac", **options).x
    return z, *at(z), count
