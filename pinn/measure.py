"""Accuracy and drift of a solver beside those of a reference."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from pinn.accuracy import Errors, errors
from pinn.drift import departures as departures
from pinn.drift import drift as drift
from pinn.drift import ledger_times as ledger_times
from pinn.drift import settled_drift
from pinn.drift import worst_departure as worst_departure
from pinn.errors import PinnError
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.references.estimate import relative_l2
from pinn.references.lines import Lines
from pinn.references.method import Adaptive, Closed
from pinn.references.reference import Method, Reference, solve_reference
from pinn.scores import Scores as Scores
from pinn.solution import Solution
from pinn.watch import OutOfTime, Watch

TIMES = {0: 2001, 1: 101, 2: 41, 3: 17}
PLACES = {1: 257, 2: 49, 3: 17}
BUDGET = 600.0
Value = TypeVar("Value")


def compare(
    solution: Solution,
    against: Reference | None = None,
    *,
    samples: int | None = None,
    budget: float | None = BUDGET,
    progress: bool = False,
) -> Scores:
    """Score a solution at points that training did not use.

    The errors and drifts are also noted in `solution.scores`, and saved with it. Ctrl-C ends the
    comparison and keeps what is measured so far.

    Args:
        solution: what to score, over the time that it is trained for.
        against: the reference; by default the problem's own.
        samples: compare on an even grid at so many times, instead of at points that are added until
            the errors settle.
        budget: how many seconds it may take; what was not had in time is said in the table. None
            lets it take any time.
        progress: show what is being computed, off a terminal by a line every ten seconds.

    Raises:
        PinnError: there is no reference, but for lack of time.
    """
    watch = Watch(inf if budget is None else budget, progress)
    comparison = _Comparison(solution, watch)
    try:
        comparison.run(against, samples)
    except KeyboardInterrupt:
        comparison.notes.append("The comparison was interrupted: the rest was not measured.")
    finally:
        watch.clear()
    scores = comparison.scores()
    solution.scores.update(
        error=dict(scores.error),
        drift=dict(scores.drift),
        reference_error=scores.reference_error,
        drift_before=dict(scores.drift_before),
        slip=dict(scores.slip),
    )
    return scores


class _Comparison:
    """What has been measured so far, the most wanted first."""

    def __init__(self, solution: Solution, watch: Watch):
        self.solution, self.watch = solution, watch
        self.notes: list[str] = []
        self.found: dict[str, Any] = {}
        self.unsettled: list[str] = []
        self.truth: Reference | None = None
        self.integrator: Reference | None = None

    def run(self, against: Reference | None, samples: int | None) -> None:
        """Measure one thing after the other."""
        solution, watch = self.solution, self.watch
        problem = _as_far_as_trained(solution)
        when = ledger_times(problem, samples)
        make = lambda: against or solve_reference(problem, None, watch)  # noqa: E731
        self.truth = truth = self._attempt("the reference", make, None)
        if truth is not None:
            measured = self._attempt(
                "the error", lambda: self._errors(problem, truth, samples), None
            )
            if measured is not None:
                self.found["error"] = measured.relative
                self._settled("error", measured.settled)
        self.found["drift"] = self._drift("drift", solution.trajectory, when)
        if solution.projected:
            before = self._drift("drift before projection", solution.unprojected, when)
            self.found["drift_before"] = before
            if not problem.extent:
                self.found["slip"] = slip(solution, when)
        if truth is None:
            return
        estimate = lambda: truth.estimated(watch)  # noqa: E731
        self.found["reference_error"] = self._attempt("the reference's own error", estimate, nan)
        self.integrator = self._attempt(
            "an integration to compare drifts with",
            lambda: _integrator(problem, truth, watch),
            None,
        )
        if self.integrator is not None:
            beside = self._drift("drift of the reference", self.integrator.trajectory, when)
            self.found["reference_drift"] = beside

    def _errors(self, problem: Problem, truth: Reference, samples: int | None) -> Errors:
        if samples is None:
            return errors(problem, self.solution, truth, self.watch, truth.constants)
        points = sample_points(problem, samples)
        mine, theirs = self.solution(*points), truth(*points)
        relative = {name: relative_l2(mine[name], theirs[name]) for name in problem.fields}
        return Errors(relative, True, points[0].size)

    def _drift(self, what: str, trajectory: Any, when: np.ndarray) -> dict[str, float]:
        measure = lambda: settled_drift(trajectory, when, self.watch)  # noqa: E731
        found, settled = self._attempt(f"the {what}", measure, ({}, True))
        self._settled(what, settled)
        return found

    def _settled(self, what: str, settled: bool) -> None:
        if not settled:
            self.unsettled.append(what)
            self.notes.append(f"The {what} has not settled: with more points it still changes.")

    def _attempt(self, what: str, compute: Callable[[], Value], otherwise: Value) -> Value:
        try:
            self.watch(what.removeprefix("the "))
            return compute()
        except OutOfTime:
            self.notes.append(
                f"In the {self.watch.budget:.0f} s of the comparison {what} was not had: give it a "
                "larger budget."
            )
            return otherwise

    def scores(self) -> Scores:
        """Return what there is."""
        solution, truth, beside = self.solution, self.truth, self.integrator
        timed = beside or truth
        if truth is not None and truth.constants:
            self.notes.append("The solution is unique up to a constant: means are not compared.")
        return Scores(
            self.found.get("error", {}),
            self.found.get("drift", {}),
            self.found.get("reference_drift", {}),
            self.found.get("reference_error", nan),
            {**solution.seconds, "reference": timed.seconds if timed else self.watch.elapsed},
            {
                "reference": truth.method.name if truth else "none",
                "integrator": beside.method.name if beside else "none",
                "windows": solution.model.count,
                "parameters": solution.parameter_count,
                "steps": solution.steps,
                "device": solution.device,
                "precision": solution.recipe.precision,
            },
            self.found.get("drift_before", {}),
            self.found.get("slip", {}),
            solution.converged,
            not self.unsettled,
            tuple(self.notes),
        )


def _as_far_as_trained(solution: Solution) -> Problem:
    """Return the problem, ended where training did: beyond, there may be nothing to compare to."""
    problem = solution.problem
    if solution.complete:
        return problem
    reached = replace(problem.interval, upper=solution.reached, breakpoints=())
    return replace(problem, axes={**problem.axes, problem.time: reached})


def _integrator(problem: Problem, truth: Reference, watch: Watch) -> Reference | None:
    """Return an integration, whose drift is shown even where the error is to a closed form.

    None where there is no integrator that can do it.
    """
    if not isinstance(truth.method, Closed):
        return truth
    if problem.stationary:
        return None
    method: Method = Lines() if problem.extent else Adaptive()
    try:
        return solve_reference(problem, method, watch)
    except OutOfTime:
        raise
    except PinnError:
        return None


def sample_points(problem: Problem, samples: int | None) -> tuple[np.ndarray, ...]:
    """Return an even grid over every axis, one broadcasting array a coordinate."""
    dimensions = len(problem.extent)
    lines = []
    for name, axis in problem.axes.items():
        count = PLACES[dimensions] if name in problem.extent else samples or TIMES[dimensions]
        lines.append(np.linspace(axis.lower, axis.upper, count))
    return tuple(np.meshgrid(*lines, indexing="ij", sparse=True))


def slip(solution: Solution, times: np.ndarray) -> dict[str, float]:
    """Return ‖dq/dt − q_t‖ / ‖q_t‖ of each field whose velocity is part of the projected state."""
    dynamics = solution.problem.dynamics
    names = {f: dynamics.entry(f, 1) for f, order in dynamics.orders.items() if order > 1}
    if not names:
        return {}
    with arithmetic(solution.recipe.precision):
        at = jnp.asarray(times, solution.recipe.precision)
        rate = lambda t: jax.jvp(solution.trajectory.fields, (t,), (jnp.ones_like(t),))[1]  # noqa: E731
        rates = jax.tree.map(np.asarray, jax.jit(jax.vmap(rate))(at))
    jet = solution.jet(times, entries=tuple(names.values()))
    return {f: relative_l2(rates[f], jet[name]) for f, name in names.items()}
