"""How far charges drift along a trajectory, with integrals that are refined until they settle."""

from collections.abc import Mapping

import numpy as np

from pinn.noether.anchor import anchor
from pinn.noether.verify import verified_charges
from pinn.problem.problem import Problem
from pinn.problem.scan import scan
from pinn.references.clock import stops
from pinn.spectral import Panelled, Rule
from pinn.trajectory import Trajectory
from pinn.watch import Watch

TIMES, LEDGER = 2001, 65
# Times at which another quadrature over space is tried: one chunk of a trajectory.
SPOTS = 7
PANELS, ORDER = {1: 8, 2: 3, 3: 2}, {1: 12, 2: 10, 3: 8}
MOST = {1: 6000, 2: 20_000, 3: 30_000}
RESOLVED = 1e-7
# Drifts agree within a fifth, or to rounding.
AGREE, ROUNDING = 0.2, 1e-13
# The rate of a charge is cut in time where its series in a panel does not fall so far.
RATE, CUTS, NOISE = 1e-9, 8, 1e-8


def ledger_times(problem: Problem, samples: int | None) -> np.ndarray:
    """Return the times at which charges are read; over space, each reading is an integral."""
    if problem.stationary:
        return np.zeros(0)
    count = LEDGER if problem.extent else samples or TIMES
    return np.linspace(problem.interval.lower, problem.interval.upper, count)


def drift(trajectory: Trajectory, times: np.ndarray) -> dict[str, float]:
    """Return max_t |I(t) − I(start) − ∫ rates| / scale of each charge along a trajectory.

    Of a stationary problem, |outflow − ∫ source| over the size of both.
    """
    if trajectory.problem.stationary:
        values, sizes = trajectory.charges(), trajectory.flows()
        return {n: float(np.max(np.abs(v)) / np.max(sizes[n])) for n, v in values.items()}
    return {name: float(np.max(gap)) for name, gap in departures(trajectory, times).items()}


def departures(trajectory: Trajectory, times: np.ndarray) -> dict[str, np.ndarray]:
    """Return |I(t) − I(start) − ∫ rates| / scale of each charge, its worst component, in time."""
    begin = anchor(trajectory.problem)
    gained = _gained(trajectory, times)
    found = {}
    for name, value in trajectory.charges(times).items():
        expected = begin.charges[name][None] + gained.get(name, 0.0)
        gap = np.abs(np.asarray(value) - expected).reshape(len(times), -1)
        found[name] = np.max(gap, axis=1) / begin.scales[name]
    return found


def resolved_departures(trajectory: Trajectory, times: np.ndarray) -> dict[str, np.ndarray]:
    """Return the same with integrals on panels that resolve every density and source."""
    laws = verified_charges(trajectory.problem)
    if not trajectory.problem.extent or not laws:
        return departures(trajectory, times)
    return departures(trajectory.on(_resolving(trajectory, times)[0]), times)


def worst_departure(trajectory: Trajectory, times: np.ndarray) -> np.ndarray:
    """Return the departure of the worst law at each time, none where there is no law."""
    laws = departures(trajectory, times).values()
    return np.max(np.stack([*laws]), axis=0) if laws else np.zeros(0)


def settled_drift(
    trajectory: Trajectory, times: np.ndarray, watch: Watch
) -> tuple[dict[str, float], bool]:
    """Return the drift of each charge, and whether its integrals over space have settled.

    The trajectory's own quadrature is compared, at a few times, with Gauss–Legendre panels that are
    cut until they resolve every density and source. Where the two differ by more than the drift
    can bear, it is measured on the panels, and on half as long ones to see whether that settles it.
    """
    found = drift(trajectory, times)
    problem = trajectory.problem
    if not found or not problem.extent:
        return found, True
    watch("looking at the charges over space")
    grid, resolved = _resolving(trajectory, times)
    finer = trajectory.on(grid)
    if problem.stationary:
        second = drift(finer, times)
        return (found, True) if _agree(found, second) else (second, resolved)
    if _same_integrals(trajectory, finer, times, found):
        return found, True
    watch("integrating the charges over space anew")
    second = drift(finer, times)
    watch("integrating the charges over space anew")
    third = drift(trajectory.on(grid.halved()), times)
    return third, resolved and _agree(second, third)


def _agree(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    near = lambda a, b: abs(a - b) <= max(AGREE * max(a, b), ROUNDING)  # noqa: E731
    return all(near(one[name], other[name]) for name in other)


def _spots(times: np.ndarray) -> np.ndarray:
    return times[np.round(np.linspace(0, len(times) - 1, SPOTS)).astype(int)]


def _resolving(trajectory: Trajectory, times: np.ndarray) -> tuple[Panelled, bool]:
    """Return panels over space that resolve densities and sources at a few times, if they do."""
    problem = trajectory.problem
    charges, dimensions = verified_charges(problem), len(problem.extent)
    changing = [c for c in charges.values() if c.source is not None]
    integrands = [*(c.density for c in charges.values()), *(c.source for c in changing)]

    def values(jet):
        return tuple(function(jet) for function in integrands if function is not None)

    knots = {name: variation.knots for name, variation in scan(problem).items()}
    grid = Panelled.of(problem.extent, PANELS[dimensions], ORDER[dimensions], knots)
    while grid.size <= MOST[dimensions]:
        sampled = trajectory.evaluate(values, *_points(problem, grid, times))
        if not problem.stationary:
            index = list(problem.axes).index(problem.time)
            sampled = [np.moveaxis(np.asarray(v), index, dimensions) for v in sampled]
        finer = grid.refined([np.asarray(v) for v in sampled], RESOLVED)
        if finer is None:
            return grid, True
        grid = finer
    return grid, False


def _points(problem: Problem, grid: Panelled, times: np.ndarray) -> list[np.ndarray]:
    """Return the grid's places, at a few times where there is time, to be broadcast."""
    if problem.stationary:
        return list(grid.lines)
    lines = [*(rule.nodes for rule in grid.bases)]
    lines.insert(list(problem.axes).index(problem.time), _spots(times))
    return list(np.meshgrid(*lines, indexing="ij", sparse=True))


def _same_integrals(
    one: Trajectory, other: Trajectory, times: np.ndarray, drifts: Mapping[str, float]
) -> bool:
    """Tell whether two quadratures give the same charges and rates, by what the drift can bear."""
    spots, scales = _spots(times), anchor(one.problem).scales
    duration = one.problem.interval.length
    pairs = [(one.charges(spots), other.charges(spots), 1.0)]
    pairs.append((one.sources(spots), other.sources(spots), duration))
    for mine, theirs, factor in pairs:
        for name, value in mine.items():
            gap = factor * float(np.max(np.abs(np.asarray(value) - np.asarray(theirs[name]))))
            if not gap <= max(AGREE * drifts[name], ROUNDING) * scales[name]:
                return False
    return True


def _gained(trajectory: Trajectory, times: np.ndarray) -> dict[str, np.ndarray]:
    """Return ∫ source dt from the first time, by Gauss–Legendre quadrature in small panels.

    The panels end at the times, where the trajectory's own pieces do, which are short where it is
    fast, and where the data vary or jump; they are cut in halves where a rate varies within one.
    """
    problem = trajectory.problem
    ends = np.concatenate([trajectory.joints, problem.interval.lower + stops(problem)])
    edges = np.union1d(times, ends[(ends > times[0]) & (ends < times[-1])])
    # A rate that is rounding of its charge is not resolved by any panels.
    scales, duration = anchor(problem).scales, times[-1] - times[0]
    for _ in range(CUTS):
        rule = Rule(edges, 8)
        rates = {n: np.asarray(r) for n, r in trajectory.sources(rule.nodes).items()}
        if not rates:
            return {}
        floors = {n: NOISE * scales[n] / duration for n in rates}
        sizes = {n: np.max(np.abs(r), initial=floors[n]) for n, r in rates.items()}
        tails = [rule.tails(r.reshape((len(r), -1)) / sizes[n]) for n, r in rates.items()]
        coarse = np.max(tails, axis=0) > RATE
        if not np.any(coarse) or np.sum(coarse) + len(edges) > MOST[1]:
            break
        edges = rule.cut(coarse).edges
    gained, edges = {}, rule.edges
    for name, rate in rates.items():
        weighted = rule.weights.reshape((-1,) + (1,) * (rate.ndim - 1)) * rate
        panels = weighted.reshape((len(edges) - 1, rule.order, *rate.shape[1:])).sum(axis=1)
        total = np.concatenate([np.zeros_like(panels[:1]), np.cumsum(panels, axis=0)])
        gained[name] = total[np.searchsorted(edges, times)]
    return gained
