"""A reference solution: called like a trained solver, and it states its own error."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from pinn.errors import PinnError, ProblemError
from pinn.jets import Jet, prolong
from pinn.noether.verify import verified_charges
from pinn.precision import arithmetic
from pinn.problem.ends import check_repeats
from pinn.problem.problem import Problem
from pinn.references.estimate import converging, distance, rounding, scattered
from pinn.references.estimate import relative_l2 as relative_l2
from pinn.references.fields import FieldMethod, coarser, course, finer, preferred
from pinn.references.integrate import Steps, TooManySteps, between_steps, integrate
from pinn.references.method import AbstractMethod, Adaptive, Closed
from pinn.references.shooting import Shot, shot, sizes_of
from pinn.trajectory import POINTS, Trajectory
from pinn.watch import OutOfTime, Watch

NUMBERS = 2**24
# The difference to another run is near the error itself; three times of it bounds it.
SAFETY = 3.0
# A tolerance so many times as strict, where that is above rounding.
FINER, FINEST = 1.0 / 64.0, 1e-15
FIRST, STIFF = Adaptive(), Adaptive("Kvaerno5", rtol=1e-10)
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
        counts: over space, how many points there were along each coordinate.
        constants: of a stationary problem, the components that are determined up to a constant
            only, as (field, index); their mean is zero.
        again: of a problem with conditions in time, from a factor to the solution at as much looser
            tolerances, and by how much it may still miss the conditions.
    """

    problem: Problem
    method: Method
    trajectory: Trajectory
    seconds: float
    steps: int
    counts: tuple[int, ...] = ()
    constants: tuple[tuple[str, int], ...] = ()
    again: Callable[[float], tuple[Trajectory, float]] | None = None
    _known: dict[str, float] = field(default_factory=dict, repr=False)

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

    def charges(self, *t: ArrayLike, extrapolate: bool = False) -> dict[str, Float[Array, "..."]]:
        """Return each charge at the times t, by name; a stationary problem takes none."""
        return self.trajectory.charges(*t, extrapolate=extrapolate)

    @property
    def error_estimate(self) -> float:
        """A bound on the relative L2 error, of the worst field, measured once and kept.

        Three times the difference to another run, a coarser one in mechanics (divided by how much
        worse that one is, where the two converge) and a finer one over space, and what rounding in
        the place does. For a closed form the latter alone.
        """
        return self.estimated(Watch())

    def estimated(self, watch: Watch) -> float:
        """Return `error_estimate`, found under a watch.

        Raises:
            OutOfTime: the watch's budget was too short.
        """
        if "error" not in self._known:
            with arithmetic("float64"):
                self._known["error"] = _estimate(self, watch)
        return self._known["error"]

    def __repr__(self) -> str:
        return f"Reference({self.problem.name}, {self.method.name}, {self.steps} steps)"


def _estimate(mine: Reference, watch: Watch) -> float:
    problem, method = mine.problem, mine.method
    points = scattered(problem)
    closed = isinstance(method, Closed)
    floor = rounding(problem, mine.trajectory, points, closed)
    if closed:
        return floor
    another = partial(solve_reference, problem, watch=watch)
    if problem.extent:
        other = another(finer(problem, method, mine.counts))
        if other.counts != mine.counts:
            return SAFETY * distance(mine, other, points) + floor
        # No more points fit: a coarser run is worse, and so farther from the truth than this one.
        return distance(mine, another(coarser(method, mine.counts)), points) + floor
    assert isinstance(method, AbstractMethod)
    coarse, ratio = method.coarser()
    if mine.again is not None:
        return _shooting_estimate(mine, mine.again, points) + floor
    gap = distance(mine, second := another(coarse), points)
    third = another(coarse.coarser()[0])
    if isinstance(method, Adaptive):
        # Two runs at rounding may agree by chance; a third is not likely to as well.
        return SAFETY * max(gap, distance(mine, third, points) / ratio) + floor
    return SAFETY * converging(gap, distance(second, third, points), ratio) + floor


def _shooting_estimate(
    mine: Reference, again: Callable[[float], tuple[Trajectory, float]], points: Any
) -> float:
    """Return what the tolerances of steps and of conditions leave."""
    assert isinstance(mine.method, Adaptive)
    gaps, left = [], 0.0
    # Where a stretch takes few steps a looser tolerance may change none of them; a finer one does.
    factors = (FINER, 4.0, 16.0) if FINER * mine.method.rtol > FINEST else (4.0, 16.0)
    for factor in factors:
        other, miss = again(factor)
        gaps.append(distance(mine, other.fields, points) * min(4.0 / factor, 1.0))
        left = max(left, miss)
    return SAFETY * (max(gaps) + left)


def reference(
    problem: Problem,
    *,
    method: Method | None = None,
    budget: float | None = None,
    progress: bool = False,
) -> Reference:
    """Return a reference solution of a problem.

    Args:
        problem: what to solve.
        method: how; by default the first of the problem's references=, else its closed form, else
            Dopri8 with tolerances at round-off, and Kvaerno5 where that needs too many steps; over
            space the method of lines, and for a stationary problem collocation.
        budget: give up after so many seconds; by default never.
        progress: show how far it is, off a terminal by a line every ten seconds.

    Raises:
        PinnError: the integration failed.
        OutOfTime: the budget was too short.
        ProblemError: a closed form was asked for and the problem has none, or it misses the
            initial data; a stationary problem has no solution, or many.
    """
    watch = Watch(inf if budget is None else budget, progress)
    try:
        return solve_reference(problem, method, watch)
    finally:
        watch.clear()


def solve_reference(problem: Problem, method: Method | None, watch: Watch) -> Reference:
    """Return a reference solution, found under a watch; see `reference`."""
    chosen = method is None and not problem.references
    if method is None:
        method = _preferred(problem)
    with arithmetic("float64"):
        started = time.perf_counter()
        if problem.two_point and not (isinstance(method, Closed) and not problem.unknown_names):
            return _two_point(problem, method, started, watch)
        verified_charges(problem)
        if problem.extent:
            return _over_space(problem, method, started, watch)
        if isinstance(method, Closed):
            plan, state, joints = _closed(problem), (), ()
        else:
            method = _stepping(problem, method)
            method, state = _either(problem, method, watch, chosen)
            joints = problem.interval.lower + np.asarray(state.times)
            plan = partial(between_steps, problem, method)
        seconds = time.perf_counter() - started
        trajectory = Trajectory(problem, plan, state, "float64", joints)
    return Reference(problem, method, trajectory, seconds, max(len(joints) - 1, 0))


def _two_point(problem: Problem, method: Method, started: float, watch: Watch) -> Reference:
    """Return a reference that meets conditions in time; a closed form once its start is known."""
    closed = isinstance(method, Closed)
    stepping = FIRST if closed else _stepping(problem, method)
    found, shooting, shot_at = shot(problem, stepping, watch)
    if closed:
        return solve_reference(found, method, watch)
    verified_charges(found)
    seconds = time.perf_counter() - started

    def along(steps: Steps) -> Trajectory:
        joints = found.interval.lower + np.asarray(steps.times)
        return trajectory.along(steps, joints)

    def again(factor: float) -> tuple[Trajectory, float]:
        watch("shooting again")
        other = shooting.solved(shot_at.states, shot_at.length, factor)
        return along(other.steps), max(other.left, shot_at.left)

    trajectory = Trajectory(
        found, partial(between_steps, found, stepping), shot_at.steps, "float64"
    )
    check_repeats(found, lambda share: _state(trajectory, shot_at, share), shot_at.length)
    trajectory, count = along(shot_at.steps), len(shot_at.steps.times)
    return Reference(found, stepping, trajectory, seconds, count - 1, again=again)


def _state(trajectory: Trajectory, found: Shot, share: float) -> np.ndarray:
    """Return the state at a share of the interval, in units of itself."""
    problem = trajectory.problem
    names = problem.dynamics.state_entries
    jet = trajectory.jet(problem.interval.lower + share * found.length, entries=names)
    return np.concatenate([np.ravel(jet[n]) for n in names]) / sizes_of(found.states)


def _either(
    problem: Problem, method: AbstractMethod, watch: Watch, chosen: bool
) -> tuple[AbstractMethod, Steps]:
    """Return an integration, by an implicit method where none was named and the first is slow."""
    if not chosen or method != FIRST:
        return method, integrate(problem, method, watch)
    try:
        return method, integrate(problem, method, watch.part(0.5))
    except (TooManySteps, OutOfTime) as slow:
        try:
            return STIFF, integrate(problem, STIFF, watch)
        except OutOfTime:
            raise
        except PinnError:
            raise slow from None


def _stepping(problem: Problem, method: Method) -> AbstractMethod:
    if isinstance(method, AbstractMethod):
        return method
    raise ProblemError(
        f"The problem {problem.name!r} has no space, which {method.name!r} is for: use "
        "pinn.references.Adaptive() or Fixed()."
    )


def _over_space(problem: Problem, method: Method, started: float, watch: Watch) -> Reference:
    solved = course(problem, method, watch)
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
    counts, constants = solved.counts, solved.constants
    return Reference(problem, method, trajectory, seconds, steps, counts, constants)


def _preferred(problem: Problem) -> Method:
    if problem.references:
        return problem.references[0]
    if problem.extent:
        return preferred(problem)
    return FIRST if problem.exact is None else Closed()


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
