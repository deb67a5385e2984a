"""The laws of a problem along a trajectory: where it really goes, and what it keeps there.

A law is verified on jets about the initial data. A branch, a threshold or a region without numbers
that only the solution reaches is seen along it, and so is a charge that jumps.
"""

import jax
import numpy as np

from pinn.noether.anchor import anchor
from pinn.noether.reach import Reach
from pinn.noether.refusal import refusal
from pinn.noether.rounding import EPSILON, Columns
from pinn.noether.sampling import close, resampled
from pinn.noether.verdict import Verdict
from pinn.noether.verify import Laws, laws_of, verify
from pinn.precision import arithmetic
from pinn.problem.problem import Problem
from pinn.problem.scan import places
from pinn.trajectory import Trajectory

TIMES = {0: 768, 1: 17, 2: 5, 3: 3}
NODES = {1: 129, 2: 33, 3: 13}
PLACE = "where the solution goes"
FAR = 1e3  # times the trajectory's own error
LEAST = 1e-6
LEAST_TOTAL = 1e-2  # of integrals over space, whose quadrature is the trajectory's own


def broken_laws(trajectory: Trajectory, error: float) -> dict[str, str]:
    """Return a sentence for each law that does not hold where a trajectory goes.

    Args:
        trajectory: a reference's or a trained solution's.
        error: its relative error, which a thousandth part of a charge's change must exceed.
    """
    verdicts = verdicts_along(trajectory, error)
    return {v.claim: refused_along(trajectory.problem, v) for v in verdicts if not v.holds}


def refused_along(problem: Problem, verdict: Verdict) -> str:
    """Return the sentence that refuses a law which does not hold along a trajectory."""
    return refusal(problem, laws_of(problem).charges[verdict.claim], verdict, PLACE)


def verdicts_along(trajectory: Trajectory, error: float) -> tuple[Verdict, ...]:
    """Return what each law comes to along a trajectory, as `verify` does about the initial data.

    The laws' own identities are evaluated at its states, where they hold to rounding however
    accurate it is, and conserved charges must stay what they are at its start.

    Args:
        trajectory: a reference's or a trained solution's.
        error: its relative error, which a thousandth part of a charge's change must exceed.
    """
    with arithmetic("float64"), jax.ensure_compile_time_eval():
        found = _along(trajectory, error)
    # That a charge has a gradient is seen about the initial data; a solution may be at rest.
    return tuple(v for v in found if v.kind != "no gradient")


def _along(trajectory: Trajectory, error: float) -> tuple[Verdict, ...]:
    problem = trajectory.problem
    laws = laws_of(problem)
    if not laws.charges:
        return ()
    if problem.extent:
        return _over_space(laws, trajectory, error)
    points, count = _states(laws, trajectory)
    strict = np.ones(laws.jets.count, dtype=bool)
    verdicts, _ = laws.examined(points, strict, Reach.of(problem))
    found = []
    for name, verdict in verdicts.items():
        change = _jump(laws, points, count, name, error) if verdict.holds else None
        found.append(change or verdict)
    return tuple(found)


def _states(laws: Laws, trajectory: Trajectory) -> tuple[dict[str, np.ndarray], int]:
    """Return jets on the solutions through a trajectory's states, first in order of time."""
    problem, joints = laws.problem, trajectory.joints
    chosen = joints[:: max(len(joints) // TIMES[0], 1)]
    even = np.linspace(problem.interval.lower, problem.interval.upper, TIMES[0] // 2)
    own = places(problem, TIMES[0])[problem.time]
    every = np.concatenate([even, own, chosen])
    times = np.unique(every[:: -(-every.size // laws.jets.count)])
    jet = trajectory.jet(times, entries=(problem.time, *problem.dynamics.state_entries))
    reached = {n: np.asarray(v, dtype=float) for n, v in jet.items()}
    free = laws.sampled(Reach.of(problem))
    return free | resampled(reached, laws.jets.count), len(times)


def _jump(laws: Laws, points: Columns, count: int, name: str, error: float) -> Verdict | None:
    """Return the verdict on a charge that changes along a trajectory by more than it should."""
    problem, known = laws.problem, laws.jets.run(points)["laws"][name]
    charge = laws.charges[name]
    time = np.asarray(points[problem.time])[:count]
    value = known["value"][0][:count].reshape(count, -1)
    rate = (
        known["source"][0][:count].reshape(count, -1) if charge.source is not None else 0.0 * value
    )
    steps = np.diff(time)[:, None]
    gained = 0.5 * steps * (rate[1:] + rate[:-1])
    # The trapezoidal rule is off by what its end points differ in, at most.
    unsure = steps * np.abs(np.diff(rate, axis=0))
    change = np.diff(value, axis=0) - gained
    size = np.max(np.abs(value), axis=0)
    drift = np.abs(np.cumsum(change, axis=0))
    # A component that is zero on this solution has neither a size nor a slope of its own.
    scale = anchor(problem).scales[name]
    slope = np.maximum(_slope_size(laws, points, name, count), scale)
    allowed = FAR * max(error, EPSILON) * slope + LEAST * np.maximum(size, scale)
    over = drift - np.cumsum(unsure, axis=0) - allowed
    if not np.max(over, initial=-1.0) > 0.0:
        return None
    worst = np.unravel_index(np.argmax(over), over.shape)
    first = int(np.argmax(over[:, worst[1]] > 0.0))
    relative = float(drift[worst] / np.maximum(size[worst[1]], 1e-300))
    return Verdict(name, "jump", relative, f"{problem.time} = {time[first + 1]:.4g}", True)


def _slope_size(laws: Laws, points: Columns, name: str, count: int) -> np.ndarray:
    """Return by how much a charge changes with its state, relative, at most."""
    state = laws.problem.dynamics.state_entries
    largest = np.zeros(1)
    value = laws.jets.run(points)["laws"][name]["value"][0][:count].reshape(count, -1)
    for sign in (-1.0, 1.0):
        near = {n: v * (1.0 + sign * LEAST) if n in state else v for n, v in points.items()}
        other = laws.jets.run(near)["laws"][name]["value"][0][:count].reshape(count, -1)
        largest = np.maximum(largest, np.median(np.abs(other - value), axis=0) / LEAST)
    return largest


def _over_space(laws: Laws, trajectory: Trajectory, error: float) -> tuple[Verdict, ...]:
    problem = laws.problem
    reach = _reach(problem, trajectory)
    verdicts, _ = laws.examined(laws.sampled(reach), close(laws.jets.count), reach)
    changed = {} if problem.stationary else _totals_changed(trajectory, error)
    return tuple(changed.get(n, v) if v.holds else v for n, v in verdicts.items())


def _reach(problem: Problem, trajectory: Trajectory) -> Reach:
    """Return the box of the states that a trajectory over space goes through."""
    dimensions = len(problem.extent)
    lines = {c: np.linspace(a.lower, a.upper, NODES[dimensions]) for c, a in problem.extent.items()}
    entries = problem.dynamics.state_entries or tuple(problem.fields)
    if problem.stationary:
        grid = np.meshgrid(*lines.values(), indexing="ij", sparse=True)
        jet = trajectory.jet(*grid, entries=entries)
        return Reach.over(problem, {n: np.asarray(jet[n]) for n in entries})
    found = []
    for time in np.linspace(problem.interval.lower, problem.interval.upper, TIMES[dimensions]):
        axes = {**lines, problem.time: np.array([time])}
        grid = np.meshgrid(*(axes[c] for c in problem.axes), indexing="ij", sparse=True)
        jet = trajectory.jet(*grid, entries=entries)
        index = list(problem.axes).index(problem.time)
        found.append(
            Reach.over(problem, {n: np.take(np.asarray(jet[n]), 0, index) for n in entries})
        )
    return Reach.union(found)


def _totals_changed(trajectory: Trajectory, error: float) -> dict[str, Verdict]:
    """Return the verdicts on conserved totals that change along a trajectory."""
    problem = trajectory.problem
    charges, begin = verify(problem)[0], anchor(problem)
    kept = [n for n, c in charges.items() if c.conserved]
    if not kept:
        return {}
    times = np.linspace(problem.interval.lower, problem.interval.upper, 9)
    values, found = trajectory.charges(times), {}
    for name in kept:
        gap = np.abs(np.asarray(values[name]) - begin.charges[name][None]) / begin.scales[name]
        gap = gap.reshape(len(times), -1).max(axis=1)
        if gap.max() > max(FAR * error, LEAST_TOTAL):
            where = f"{problem.time} = {times[int(np.argmax(gap))]:.4g}"
            found[name] = Verdict(name, "jump", float(gap.max()), where, True)
    return found
