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
    errors = _errors(problem, grid, theirs)
    worst = max(errors.values())
    return {
        "relative_l2": worst,
        "error": errors,
        "drift": _drifts(problem, points, grid, ledger, worst),
        "reference": {"name": truth.method.name, "error": truth.error_estimate},
    }


def looked(problem: Problem, seconds: list[float], looks: np.ndarray | None) -> dict[str, Any]:
    """Return the worst field's error at each look, to three digits: the course of a training.

    Args:
        problem: what was solved.
        seconds: from the imports to each look.
        looks: the components (looks, N, c) at the test grid.
    """
    if looks is None:
        return {}
    truth = _side_by_side(problem, reference(problem)(*test_grid(problem).T))
    errors = [_worst(problem, values, truth) for values in looks]
    short = lambda numbers: [float(f"{number:.3g}") for number in numbers]  # noqa: E731
    return {"trace": {"seconds": short(seconds), "error": short(errors)}}


def _worst(problem: Problem, mine: np.ndarray, truth: np.ndarray) -> float:
    """Return the largest relative error of the fields, infinite where a value is not finite."""
    worst = max(_errors(problem, mine, truth).values())
    return worst if np.isfinite(worst) else np.inf


def _errors(problem: Problem, mine: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    sizes = [int(np.prod(shape)) for shape in problem.fields.values()]
    cuts = np.cumsum(sizes)[:-1].tolist()
    parts = zip(np.split(mine, cuts, 1), np.split(truth, cuts, 1), strict=True)
    return {name: relative_l2(*pair) for name, pair in zip(problem.fields, parts, strict=True)}


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
