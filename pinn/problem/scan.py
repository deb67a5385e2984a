"""Where a statement varies: pulses, switches, narrow sources, thin layers, steep initial data.

What samples an equation at a few points (a check, a training window, an integrator's step) can miss
whatever is narrower than they are apart. A scan says beforehand where to look.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import jax
import numpy as np
from jaxtyping import Float
from scipy.stats import qmc

from pinn.precision import arithmetic
from pinn.problem.axes import Axis
from pinn.problem.explicit import Explicit, explicit
from pinn.problem.problem import Problem

POINTS = 4096
LINES = 6
DEGREE = 7
TOLERANCE = 1e-7
NARROW = 2.0**-20
DEPTH = 54
# Not in the middle: what jumps at a round number would do so at the end of a piece, unseen.
SPLIT = 0.4871
MOST = 3000
SINGULAR = 32
# Around each number that is written in a function, at these fractions of the axis.
NEAR = np.concatenate([[0.0], *[s * 10.0 ** -np.linspace(0.5, 9.0, 35) for s in (-1.0, 1.0)]])
# Chebyshev points: of interpolation, and between them to test it; none at the ends of a panel.
NODES = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
TESTS = np.cos(np.pi * np.arange(1, DEGREE + 1) / (DEGREE + 1))


@dataclass(frozen=True)
class Variation:
    """Where along one axis the explicit dependence of a statement varies.

    Args:
        knots: increasing places from the lower to the upper end; between two neighbours every
            explicit function is about a polynomial of degree seven. An axis that nothing depends
            on has its two ends only.
        jumps: where something is not smooth, other than at the axis's breakpoints.
    """

    knots: Float[np.ndarray, " knots"]
    jumps: tuple[float, ...] = ()

    def reach(self, place: float, multiple: float) -> float:
        """Return the longest step from a place that leaps over nothing narrow.

        That is the least over the pieces ahead of max(distance, multiple · length of the piece).
        """
        lower, upper = self.knots[:-1], self.knots[1:]
        ahead = upper > place
        distances = np.maximum(lower - place, 0.0)[ahead]
        lengths = multiple * (upper - lower)[ahead]
        return float(np.min(np.maximum(distances, lengths), initial=np.inf))


@lru_cache(maxsize=8)
def scan(problem: Problem) -> Mapping[str, Variation]:
    """Return by axis where the equation, laws, boundary values and initial data vary.

    Each explicit function is sampled at low-discrepancy points of the domain and around every
    number written in it, then along lines through the points where it differs most; a line is cut
    in halves until a polynomial on each piece agrees with the function at points between.
    """
    with arithmetic("float64"), jax.ensure_compile_time_eval():
        found: dict[str, list[Variation]] = {name: [] for name in problem.axes}
        for one in explicit(problem):
            for name in one.coordinates:
                found[name].append(_along(problem, one, name))
    return {name: _merged(problem.axes[name], parts) for name, parts in found.items()}


def places(problem: Problem, count: int, seed: int = 0) -> dict[str, Float[np.ndarray, " count"]]:
    """Return low-discrepancy points of the domain, one array a coordinate.

    Each coordinate is, with even odds, spread evenly or by its knots, so that whatever varies has
    its share of the points however narrow it is.
    """
    variations, axes = scan(problem), problem.axes
    shares = _low_discrepancy(2 * len(axes), count, seed)
    found = {}
    for index, (name, axis) in enumerate(axes.items()):
        share, choice = shares[:, 2 * index], shares[:, 2 * index + 1]
        knots = variations[name].knots
        by_knots = np.interp(share * (knots.size - 1), np.arange(knots.size), knots)
        found[name] = np.where(choice < 0.5, axis.lower + axis.length * share, by_knots)
    return found


def density(
    problem: Problem, points: Mapping[str, Float[np.ndarray, " count"]]
) -> Float[np.ndarray, " count"]:
    """Return the density of `places` at points, whose inverses are quadrature weights."""
    whole = np.ones(len(next(iter(points.values()))))
    for name, axis in problem.axes.items():
        knots = scan(problem)[name].knots
        piece = np.clip(np.searchsorted(knots, points[name], side="right"), 1, knots.size - 1)
        lengths = knots[piece] - knots[piece - 1]
        whole = whole * (0.5 / axis.length + 0.5 / ((knots.size - 1) * lengths))
    return whole


def _low_discrepancy(dimensions: int, count: int, seed: int) -> Float[np.ndarray, "count dims"]:
    """Return scrambled Sobol points (Owen 1998, doi:10.1145/272991.273010) in the unit cube."""
    sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    return sobol.random_base2(max(int(np.ceil(np.log2(max(count, 1)))), 1))[:count]


def _domain(problem: Problem, one: Explicit) -> dict[str, np.ndarray]:
    """Return points of the domain: even ones, and others near the numbers that are written."""
    names = one.coordinates
    shares = _low_discrepancy(3 * len(names), POINTS, 1)
    found = {}
    for index, name in enumerate(names):
        axis = problem.axes[name]
        even, which, choice = shares[:, 3 * index : 3 * index + 3].T
        near = _near_numbers(axis, one.numbers)
        at = near[np.minimum((which * near.size).astype(int), near.size - 1)] if near.size else even
        at = at if near.size else axis.lower + axis.length * even
        found[name] = np.where(choice < 0.5, axis.lower + axis.length * even, at)
    return found


def _near_numbers(axis: Axis, numbers: tuple[float, ...]) -> np.ndarray:
    inside = np.array([v for v in numbers if axis.lower < v < axis.upper])
    near = (inside[:, None] + axis.length * NEAR).ravel()
    return near[(near > axis.lower) & (near < axis.upper)]


def _along(problem: Problem, one: Explicit, name: str) -> Variation:
    """Return where a function varies along one axis, on lines through where it is extreme."""
    axis, points = problem.axes[name], _domain(problem, one)
    values = one(points)
    low, high = values.min(axis=0), values.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    tolerance = TOLERANCE * (high - low) + 256.0 * np.finfo(float).eps * size
    centred = np.abs(values - np.median(values, axis=0)) / np.maximum(high - low, 1e-300)
    order = np.unique(np.argmax(centred, axis=0))[:LINES] if len(one.coordinates) > 1 else [0]
    rows = [{c: p[i] for c, p in points.items()} for i in order]
    lines = [_Line(one, name, row, tolerance) for row in rows]
    return _merged(axis, [_on_line(axis, line, one.numbers) for line in lines])


@dataclass(frozen=True, eq=False)
class _Line:
    """A function along one axis, the other coordinates fixed."""

    function: Explicit
    name: str
    fixed: Mapping[str, float]
    tolerance: np.ndarray

    def __call__(self, at: np.ndarray) -> np.ndarray:
        rest = {c: np.full(at.size, v) for c, v in self.fixed.items()}
        return self.function({**rest, self.name: at.ravel()}).reshape(*at.shape, -1)


def _on_line(axis: Axis, line: _Line, numbers: tuple[float, ...]) -> Variation:
    """Return the pieces of a line; where they shrink to a point, cut it there and begin anew."""
    fixed = [axis.lower, *getattr(axis, "breakpoints", ()), axis.upper]
    pieces = _pieces(axis, line, np.array(fixed), numbers)
    jumps = _singular(axis, pieces, numbers)
    if jumps:
        pieces = _pieces(axis, line, np.array(sorted({*fixed, *jumps})), numbers)
    return Variation(np.unique(pieces), jumps)


def _pieces(
    axis: Axis, line: _Line, edges: np.ndarray, numbers: tuple[float, ...]
) -> Float[np.ndarray, "pieces 2"]:
    """Return pieces of a line on each of which a polynomial stands for the function."""
    pool = np.concatenate(
        [np.linspace(axis.lower, axis.upper, POINTS + 1), _near_numbers(axis, numbers)]
    )
    pool = np.unique(pool[~np.isin(pool, edges)])
    known = line(pool)
    todo, done = np.array(list(pairwise(edges))), []
    for _ in range(DEPTH):
        good = _resolved(line, todo, pool, known)
        done.append(todo[good])
        todo = todo[~good]
        middle = todo[:, 0] + SPLIT * (todo[:, 1] - todo[:, 0])
        splits = (middle > todo[:, 0]) & (middle < todo[:, 1])
        done.append(todo[~splits])
        todo, middle = todo[splits], middle[splits]
        if not todo.size or 2 * len(todo) + sum(map(len, done)) > MOST:
            break
        todo = np.stack([todo[:, 0], middle, middle, todo[:, 1]], axis=1).reshape(-1, 2)
    return np.concatenate([*done, todo])


def _resolved(line: _Line, pieces: np.ndarray, pool: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Tell of each piece whether the polynomial through its nodes agrees everywhere else."""
    middle, half = pieces.mean(axis=1), 0.5 * np.diff(pieces, axis=1)[:, 0]
    at = middle[:, None] + half[:, None] * np.concatenate([NODES, TESTS])
    values = line(at)
    nodal, tests = values[:, : NODES.size], values[:, NODES.size :]
    # Far from zero a coordinate has few digits behind the point, and a function of it as few.
    rounding = 8.0 * DEGREE**2 * np.finfo(float).eps * np.abs(middle)[:, None] / half[:, None]
    tolerance = line.tolerance + np.minimum(rounding, 0.05) * np.ptp(nodal, axis=1)
    gaps = np.abs(np.einsum("tn,pnc->ptc", _interpolation(TESTS), nodal) - tests)
    good = np.all(gaps <= tolerance[:, None], axis=(1, 2))
    first, last = np.searchsorted(pool, pieces[:, 0]), np.searchsorted(pool, pieces[:, 1])
    for i in np.flatnonzero(good & (last > first)):
        here = slice(first[i], last[i])
        inside = _interpolation((pool[here] - middle[i]) / half[i]) @ nodal[i]
        good[i] = np.all(np.abs(inside - known[here]) <= tolerance[i])
    return good


def _interpolation(at: np.ndarray) -> np.ndarray:
    """Return the matrix from values at NODES to those at other places of [−1, 1]."""
    chebyshev = np.polynomial.chebyshev.chebvander
    return chebyshev(at, DEGREE) @ np.linalg.inv(chebyshev(NODES, DEGREE))


def _singular(axis: Axis, pieces: np.ndarray, numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Return the places that pieces shrink to, each a number of the function where it is one."""
    lengths = np.diff(pieces, axis=1)[:, 0]
    narrow = pieces[lengths < NARROW * axis.length]
    if not narrow.size:
        return ()
    narrow = narrow[np.argsort(narrow[:, 0])]
    cuts = np.flatnonzero(narrow[1:, 0] - narrow[:-1, 1] > 4.0 * NARROW * axis.length) + 1
    groups = np.split(narrow, cuts)
    if len(groups) > SINGULAR:
        return ()
    found = []
    for group in groups:
        place = float(group[np.argmin(np.diff(group, axis=1)[:, 0])].mean())
        written = [v for v in numbers if abs(v - place) < NARROW * axis.length]
        place = min(written, key=lambda v: abs(v - place), default=place)
        if axis.lower < place < axis.upper:
            found.append(place)
    return tuple(found)


def _merged(axis: Axis, parts: list[Variation]) -> Variation:
    """Return the knots of several functions together, none closer than rounding."""
    ends = np.array([axis.lower, axis.upper])
    knots = np.unique(np.concatenate([ends, *(p.knots for p in parts)]))
    apart = np.diff(knots, prepend=-np.inf) > 64.0 * np.finfo(float).eps * np.abs(ends).max()
    jumps = tuple(sorted({j for p in parts for j in p.jumps}))
    return Variation(np.union1d(knots[apart], ends), jumps)
