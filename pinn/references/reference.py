"""A reference solution: called like a trained solver, and it states its own error."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from pinn.errors import ProblemError
from pinn.jets import Jet, prolong
from pinn.noether.verify import verified_charges
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.references.fields import (
    FieldMethod,
    closed_rounding,
    course,
    finer,
    preferred,
    sample_points,
)
from pinn.references.integrate import between_steps, integrate
from pinn.references.method import AbstractMethod, Adaptive, Closed
from pinn.trajectory import POINTS, Trajectory

SAMPLES = 401
NUMBERS = 2**24
Method = AbstractMethod | FieldMethod


@dataclass(frozen=True, eq=False)
class Reference:
    """A solution to judge others by.

    Args:
        problem: what it solves.
        method: how.
        trajectory: its fields, jets and charges.
        seconds: wall time to compute it, compilation included.
        steps: how many steps were taken; 0 for a closed form.
    """

    problem: Problem
    method: Method
    trajectory: Trajectory
    seconds: float
    steps: int
    counts: tuple[int, ...] = ()

    def __call__(
        self, *coordinates: ArrayLike, extrapolate: bool = False
    ) -> dict[str, Float[Array, "..."]]:
        """Return each field at points, one broadcasting array a coordinate in the axes' order."""
        return self.trajectory.fields(*coordinates, extrapolate=extrapolate)

    def jet(
        self, *coordinates: Any, entries: tuple[str, ...] | None = None, extrapolate: bool = False
    ) -> Jet:
        """Return derivatives by name, as in `reference.jet(t, x, entries=("u", "u_x"))`."""
        return self.trajectory.jet(*coordinates, entries=entries, extrapolate=extrapolate)

    def charges(self, t: ArrayLike, extrapolate: bool = False) -> dict[str, Float[Array, "..."]]:
        """Return each charge at the times t, by name."""
        return self.trajectory.charges(t, extrapolate=extrapolate)

    @cached_property
    def error_estimate(self) -> float:
        """The estimated relative L2 error, the worst over the fields.

        For an integration, the difference to a coarser run, divided by how much worse that one
        should be, less one (Richardson). Over space, the difference to a run with half as many
        points again and a tighter tolerance. For a closed form, what round-off in the point does.
        """
        if self.problem.extent:
            return self._field_estimate
        interval = self.problem.interval
        times = np.linspace(interval.lower, interval.upper, SAMPLES)
        if isinstance(self.method, Closed):
            return self._rounding(times)
        assert isinstance(self.method, AbstractMethod)
        coarse, ratio = self.method.coarser()
        other = reference(self.problem, method=coarse)
        mine, theirs = self(times), other(times)
        differences = [relative_l2(theirs[name], mine[name]) for name in mine]
        return max(max(differences) / (ratio - 1.0), float(np.finfo(float).eps))

    @cached_property
    def _field_estimate(self) -> float:
        """The difference to a run with half as many points again and a tighter tolerance."""
        if isinstance(self.method, Closed):
            with arithmetic("float64"):
                return closed_rounding(self.problem)
        other = reference(self.problem, method=finer(self.method, self.counts))
        points = sample_points(self.problem)
        mine, theirs = self(*points), other(*points)
        eps = float(np.finfo(float).eps)
        return max(max(relative_l2(mine[name], theirs[name]) for name in mine), eps)

    def _rounding(self, times: np.ndarray) -> float:
        time, eps = self.problem.time, float(np.finfo(float).eps)
        fields = self.problem.fields
        rates = {name: self.problem.space.raised(name, time) for name in fields}
        jet = self.jet(times, (*fields, *rates.values()))
        errors = []
        for name, rate in rates.items():
            slope = np.asarray(jet[rate])
            moved = slope * times.reshape((-1,) + (1,) * (slope.ndim - 1)) * eps
            size = float(np.linalg.norm(np.asarray(jet[name])))
            errors.append(float(np.linalg.norm(moved)) / size if size else 0.0)
        return max(errors) + 4.0 * eps

    def __repr__(self) -> str:
        return f"Reference({self.problem.name}, {self.method.name}, {self.steps} steps)"


def reference(problem: Problem, *, method: Method | None = None) -> Reference:
    """Return a reference solution of a problem.

    Args:
        problem: what to solve.
        method: how; by default the first of the problem's references=, else its closed form, else
            Dopri8 with tolerances at round-off; over space the method of lines, and for a
            stationary problem collocation.

    Raises:
        PinnError: the integration failed.
        ProblemError: a closed form was asked for and the problem has none, or it misses the
            initial data.
    """
    if method is None:
        method = _preferred(problem)
    with arithmetic("float64"):
        verified_charges(problem)
        started = time.perf_counter()
        if problem.extent:
            return _over_space(problem, method, started)
        if isinstance(method, Closed):
            plan, state, joints = _closed(problem), (), ()
        else:
            method = _stepping(problem, method)
            state = integrate(problem, method)
            joints = np.asarray(state.times)
            plan = partial(between_steps, problem, method)
        seconds = time.perf_counter() - started
        trajectory = Trajectory(problem, plan, state, "float64", joints)
    return Reference(problem, method, trajectory, seconds, max(len(joints) - 1, 0))


def _stepping(problem: Problem, method: Method) -> AbstractMethod:
    if isinstance(method, AbstractMethod):
        return method
    raise ProblemError(
        f"The problem {problem.name!r} has no space, which {method.name!r} is for: use "
        "pinn.references.Adaptive() or Fixed()."
    )


def _over_space(problem: Problem, method: Method, started: float) -> Reference:
    solved = course(problem, method)
    seconds = time.perf_counter() - started
    joints = solved.joints
    # Each point has its panel's coefficients at hand: not more of them at once than memory holds.
    heaviest = max((leaf[0].size for leaf in jax.tree.leaves(solved.state) if leaf.ndim), default=1)
    few, many = POINTS
    together = (few, min(max(NUMBERS // heaviest, few), many))
    trajectory = Trajectory(
        problem, solved.plan, solved.state, "float64", joints, grid=solved.grid, together=together
    )
    steps = max(len(joints) - 1, 0)
    return Reference(problem, method, trajectory, seconds, steps, solved.counts)


def _preferred(problem: Problem) -> Method:
    if problem.references:
        return problem.references[0]
    if problem.extent:
        return preferred(problem)
    return Adaptive() if problem.exact is None else Closed()


def _closed(problem: Problem) -> Callable[[tuple[str, ...]], Callable[[Any, Array], Jet]]:
    exact = problem.exact
    if exact is None:
        raise ProblemError(
            f"The problem {problem.name!r} states no closed form: add exact=, or use a method of "
            "pinn.references."
        )
    start = jnp.asarray(problem.interval.lower)
    shapes = jax.tree.map(lambda leaf: leaf.shape, jax.eval_shape(exact, start))
    if not isinstance(shapes, Mapping) or {**shapes} != {**problem.fields}:
        raise ProblemError(
            f"exact= returns {shapes}, expected a dictionary with the fields {problem.fields}."
        )

    def plan(entries: tuple[str, ...]) -> Callable[[Any, Array], Jet]:
        jet_at = prolong(exact, problem.space, entries)
        return lambda state, t: jet_at(t)

    return plan


def relative_l2(values: ArrayLike, truth: ArrayLike) -> float:
    """Return ‖values − truth‖₂ / ‖truth‖₂ over all samples and components."""
    values, truth = np.asarray(values), np.asarray(truth)
    size = float(np.linalg.norm(truth))
    return float(np.linalg.norm(values - truth)) / (size or 1.0)
