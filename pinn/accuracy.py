"""The error of a solution at points that are added until the number settles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import ArrayLike

from pinn.problem.problem import Problem
from pinn.problem.scan import scan
from pinn.spectral import Panelled, Rule
from pinn.watch import Watch

# By the number of axes: even panels along each, the first of time, and nodes in each.
PANELS = {1: (64,), 2: (8, 16), 3: (4, 5, 5), 4: (3, 3, 3, 3)}
ORDER = {1: 8, 2: 8, 3: 7, 4: 6}
# A panel is cut whose last coefficients are above this share of the field.
RESOLVED = 1e-3
AGREE = 1.25
ROUNDING = 1e-15
MOST = 250_000
KNOTS = 64
Fields = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True)
class Errors:
    """Relative L2 errors, and whether they stayed as points were added.

    Args:
        relative: ‖u − truth‖ / ‖truth‖ over the whole domain, by field.
        settled: whether finer points resolve both solutions and give the same errors.
        points: how many there were in the end.
    """

    relative: dict[str, float]
    settled: bool
    points: int


def errors(
    problem: Problem,
    mine: Fields,
    truth: Fields,
    watch: Watch,
    constants: Sequence[tuple[str, int]] = (),
) -> Errors:
    """Return the errors of a solution by Gauss–Legendre quadrature on panels.

    Panels are cut in halves wherever either solution varies within one, so that a layer is seen,
    whether it is in the truth or wrongly in the solution. Then they are filled with other points,
    and cut once more while the errors change.

    Args:
        problem: whose fields these are.
        mine: what to judge.
        truth: what to judge by.
        watch: stops it out of time.
        constants: components that are compared up to a constant.
    """
    grid, last = _first(problem), None
    while True:
        watch(f"comparing at {grid.size} points")
        here, there = mine(*grid.lines), truth(*grid.lines)
        now = {name: _relative(grid, here, there, name, constants) for name in problem.fields}
        pair = [np.asarray(values[name]) for name in problem.fields for values in (here, there)]
        finer = grid.refined(pair, RESOLVED)
        if finer is None:
            if last is not None and _agree(last, now):
                return Errors(_larger(last, now), True, grid.size)
            finer = _others(grid) if last is None else grid.halved()
            last = now
        else:
            last = None
        if finer.size > MOST:
            return Errors(now, False, grid.size)
        grid = finer


def _first(problem: Problem) -> Panelled:
    """Return even panels that also end where the data vary or jump."""
    number, variations = len(problem.axes), scan(problem)
    rules = []
    for (name, axis), count in zip(problem.axes.items(), PANELS[number], strict=True):
        knots = variations[name].knots
        stride = max(1, -(-knots.size // KNOTS))
        places = np.union1d(knots[::stride], variations[name].jumps)
        one = Panelled.of({name: axis}, count, ORDER[number], {name: places})
        rules.append(one.bases[0])
    return Panelled(tuple(problem.axes), tuple(rules))


def _others(grid: Panelled) -> Panelled:
    """Return the same panels with one node more in each, none of which was there."""
    return replace(grid, bases=tuple(Rule(r.edges, r.order + 1) for r in grid.bases))


def _relative(
    grid: Panelled,
    here: Mapping[str, ArrayLike],
    there: Mapping[str, ArrayLike],
    name: str,
    constants: Sequence[tuple[str, int]],
) -> float:
    true = np.asarray(there[name]).reshape((grid.size, -1))
    gap = np.asarray(here[name]).reshape((grid.size, -1)) - true
    for field, component in constants:
        if field == name:
            gap[:, component] -= np.average(gap[:, component], weights=grid.weights)
    size = float(np.sqrt(np.sum(grid.weights @ true**2)))
    return float(np.sqrt(np.sum(grid.weights @ gap**2))) / (size or 1.0)


def _agree(last: Mapping[str, float], now: Mapping[str, float]) -> bool:
    near = lambda a, b: max(a, b) <= max(AGREE * min(a, b), ROUNDING)  # noqa: E731
    return all(near(last[name], now[name]) for name in now)


def _larger(last: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    return {name: max(last[name], now[name]) for name in now}
