"""Error and drift of any trajectory against the problem's best reference."""

from dataclasses import replace
from typing import Any

import numpy as np

from pinn.measure import drift, ledger_times, sample_points, worst_departure
from pinn.problem.problem import Problem
from pinn.references import Lines
from pinn.references.reference import Method, Reference, reference, relative_l2
from pinn.trajectory import Trajectory


def judged(problem: Problem, trajectory: Trajectory, truth: Reference) -> dict[str, Any]:
    """Return errors on an even grid, drifts, and the reference with its own error."""
    points = sample_points(problem, None)
    mine, theirs = trajectory.fields(*points), truth(*points)
    return {
        "error": {n: relative_l2(mine[n], theirs[n]) for n in problem.fields},
        "drift": drift(trajectory, ledger_times(problem, None)),
        "reference": {"name": truth.method.name, "error": truth.error_estimate},
    }


def judged_integration(solved: Reference) -> dict[str, Any]:
    """Return the scores of an integration.

    Where it is itself the best reference, its error is its own estimate: the distance to itself
    would be zero, which measures nothing.
    """
    problem = solved.problem
    truth = reference(problem)
    if _uncached(truth.method) != _uncached(solved.method):
        return judged(problem, solved.trajectory, truth)
    estimate = solved.error_estimate
    return {
        "error": dict.fromkeys(problem.fields, estimate),
        "drift": drift(solved.trajectory, ledger_times(problem, None)),
        "reference": {"name": "its own convergence", "error": estimate},
    }


def history(trajectory: Trajectory, count: int) -> dict[str, Any]:
    """Return the worst law's departure at evenly spaced times, to three digits.

    Without any times, or without any law, there is nothing to return.
    """
    if not count:
        return {}
    interval = trajectory.problem.interval
    times = np.linspace(interval.lower, interval.upper, count)
    worst = worst_departure(trajectory, times)
    return curve(times, worst) if worst.size else {}


def curve(times: np.ndarray, drifts: np.ndarray) -> dict[str, Any]:
    """Return what a row holds of drifts at some times, to three digits."""
    return {"history": {"t": _short(times), "drift": _short(drifts)}}


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{value:.3g}") for value in values]


def _uncached(method: Method) -> Method:
    return replace(method, cache=False) if isinstance(method, Lines) else method
