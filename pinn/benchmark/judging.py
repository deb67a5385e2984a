"""Error and drift of any trajectory against the problem's best reference."""

from dataclasses import replace
from typing import Any

from pinn.measure import drift, ledger_times, sample_points
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


def _uncached(method: Method) -> Method:
    return replace(method, cache=False) if isinstance(method, Lines) else method
