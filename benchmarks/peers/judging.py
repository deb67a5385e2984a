"""Error and drift of a peer's values, by the same measures as our own."""

from typing import Any

import numpy as np

from pinn.errors import PinnError
from pinn.measure import drift, ledger_times
from pinn.problem.problem import Problem
from pinn.references.reference import reference, relative_l2

from .exporting import test_grid
from .interpolation import trajectory_of

RESOLVED = 1e-6


def judged(problem: Problem, grid: np.ndarray, ledger: np.ndarray) -> dict[str, Any]:
    """Return errors on the test grid, and drifts where the values resolve the peer's field.

    Args:
        problem: what was solved.
        grid: the components (N, c) at the test grid.
        ledger: the components at the nodes that charges are computed from.
    """
    points = test_grid(problem)
    truth = reference(problem)
    theirs = _side_by_side(problem, truth(*points.T))
    errors, start = {}, 0
    for name, shape in problem.fields.items():
        stop = start + int(np.prod(shape))
        errors[name] = relative_l2(grid[:, start:stop], theirs[:, start:stop])
        start = stop
    worst = max(errors.values())
    return {
        "relative_l2": worst,
        "error": errors,
        "drift": _drifts(problem, points, grid, ledger, worst),
        "reference": {"name": truth.method.name, "error": truth.error_estimate},
    }


def _side_by_side(problem: Problem, fields: Any) -> np.ndarray:
    return np.concatenate(
        [np.asarray(fields[n]).reshape(len(np.asarray(fields[n])), -1) for n in problem.fields], -1
    )


def _drifts(
    problem: Problem, points: np.ndarray, grid: np.ndarray, ledger: np.ndarray, worst: float
) -> dict[str, float] | None:
    """Return the drift of each charge, None where interpolation would be what is measured."""
    trajectory = trajectory_of(problem, ledger)
    again = _side_by_side(problem, trajectory.fields(*points.T))
    if not relative_l2(again, grid) <= max(RESOLVED, 1e-2 * worst):
        return None
    try:
        return drift(trajectory, ledger_times(problem, None))
    except PinnError:
        return None
