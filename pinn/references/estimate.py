"""How far a reference is from the truth: differences between runs, and what rounding does."""

from collections.abc import Callable

import numpy as np
from jaxtyping import ArrayLike

from pinn.problem.problem import Problem
from pinn.problem.scan import scan
from pinn.trajectory import Trajectory

COUNT = {1: 801, 2: 4096, 3: 2048, 4: 1024}
ASYMPTOTIC = 0.7
Points = tuple[np.ndarray, ...]


def scattered(problem: Problem) -> Points:
    """Return points all over the domain, half of them spread by where the data vary.

    They are those of Roberts's sequence, fractions of n/φ, n/φ², …, with φ^(d+1) = φ + 1: no wave
    vanishes on them, as one can on even points.
    """
    axes = problem.axes
    count, variations = COUNT[len(axes)], scan(problem)
    root = 2.0
    for _ in range(40):
        root = (1.0 + root) ** (1.0 / (len(axes) + 1))
    found = []
    for index, (name, axis) in enumerate(axes.items()):
        share = (0.5 + np.arange(1, count + 1) * root ** -(index + 1.0)) % 1.0
        knots = variations[name].knots
        by_knots = np.interp(share * (knots.size - 1), np.arange(knots.size), knots)
        even = axis.lower + axis.length * share
        found.append(np.where(np.arange(count) % 2 == 0, even, by_knots))
    return tuple(found)


def distance(one: Callable[..., dict], other: Callable[..., dict], points: Points) -> float:
    """Return the relative L2 difference of two solutions at points, of the worst field."""
    mine, theirs = one(*points), other(*points)
    return max(relative_l2(theirs[name], mine[name]) for name in mine)


def converging(gap: float, before: float, ratio: float) -> float:
    """Return the error that the differences to one and between two coarser runs imply.

    Richardson's gap / (ratio − 1) where the differences fall by the ratio that the method's order
    promises; the gap itself where they do not, as at rounding.
    """
    return gap / (ratio - 1.0) if before >= ASYMPTOTIC * ratio * gap else gap


def rounding(problem: Problem, solution: Trajectory, points: Points) -> float:
    """Return what rounding in each coordinate does to the values, and in the values themselves."""
    eps, space = float(np.finfo(float).eps), problem.space
    slopes = {
        (name, c): space.raised(name, c) for name in problem.fields for c in space.coordinates
    }
    jet = solution.jet(*points, (*problem.fields, *slopes.values()))
    errors = []
    for name in problem.fields:
        size = float(np.linalg.norm(np.asarray(jet[name])))
        moved = 0.0
        for c, axis, place in zip(space.coordinates, problem.axes.values(), points, strict=True):
            slope = np.asarray(jet[slopes[name, c]])
            at = np.maximum(np.abs(place), axis.length).reshape((-1,) + (1,) * (slope.ndim - 1))
            moved += float(np.linalg.norm(slope * at)) * eps
        errors.append(moved / size if size else 0.0)
    return max(errors) + 4.0 * eps


def relative_l2(values: ArrayLike, truth: ArrayLike) -> float:
    """Return ‖values − truth‖₂ / ‖truth‖₂ over all samples and components."""
    values, truth = np.asarray(values), np.asarray(truth)
    size = float(np.linalg.norm(truth))
    return float(np.linalg.norm(values - truth)) / (size or 1.0)
