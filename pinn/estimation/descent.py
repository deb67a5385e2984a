"""Least squares whose rows and Jacobian come together."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import least_squares

# From the unknowns to the rows and their Jacobian.
Rows = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def descended(
    rows: Rows, start: np.ndarray, **options: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return where Σ rows² is least, rows and Jacobian there, and how often they were evaluated.

    SciPy's trust region asks for the rows, then for the Jacobian at the same place, which are
    computed once for both.

    Args:
        rows: what to minimise.
        start: where to begin.
        options: of `scipy.optimize.least_squares`.
    """
    known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def at(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        key = z.tobytes()
        if key not in known:
            known.clear()
            known[key] = rows(z)
        return known[key]

    jac = lambda z: at(z)[1]  # noqa: E731
    solved = least_squares(lambda z: at(z)[0], start, jac=jac, x_scale="jac", **options)
    return solved.x, *at(solved.x), solved.nfev
