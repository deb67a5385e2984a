"""The states that a problem reaches: where its entries lie, and how far they may go from there."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from pinn.jets import Entry
from pinn.problem.axes import Periodic
from pinn.problem.problem import Problem

NODES = {1: 513, 2: 65, 3: 25}
FARTHEST = 1e6
WIDE = 8.0
ROUNDING = 1e-6  # of differences, relative to a variation over the whole axis


@dataclass(frozen=True, eq=False)
class Reach:
    """A box of states, entry by entry and component by component.

    Args:
        low: the least value of each entry of the state.
        high: the largest.
        size: of each entry known, what its differences are measured in; positive.
        wide: how many sizes it may go beyond.
    """

    low: Mapping[str, np.ndarray]
    high: Mapping[str, np.ndarray]
    size: Mapping[str, np.ndarray]
    wide: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, problem: Problem) -> "Reach":
        """Return the box of a problem's initial data."""
        if problem.stationary:
            return cls({}, {}, {}, {})
        if not problem.extent:
            return _in_time(problem, problem.initial_state)
        return cls.over(problem, _initial_values(problem))

    @classmethod
    def over(cls, problem: Problem, values: Mapping[str, np.ndarray]) -> "Reach":
        """Return the box of states over space from their values on an even grid.

        Args:
            problem: over space.
            values: of each entry of the state, of shape (*grid, *entry's shape), with as many axes
                of the grid as the problem has in space, in order.
        """
        dimensions = len(problem.extent)
        over = tuple(range(dimensions))
        low = {n: v.min(axis=over) for n, v in values.items()}
        high = {n: v.max(axis=over) for n, v in values.items()}
        size = {n: _filled(np.maximum(np.abs(low[n]), np.abs(high[n]))) for n in values}
        size |= _slopes(problem, values)
        return cls(low, high, size, {n: np.full(low[n].shape, WIDE) for n in values})

    @classmethod
    def union(cls, parts: Sequence["Reach"]) -> "Reach":
        """Return the least box that holds some."""
        merged = lambda key, pick: {  # noqa: E731
            n: pick([getattr(p, key)[n] for p in parts if n in getattr(p, key)], axis=0)
            for n in {n for p in parts for n in getattr(p, key)}
        }
        return cls(
            merged("low", np.min),
            merged("high", np.max),
            merged("size", np.max),
            merged("wide", np.max),
        )


def _in_time(problem: Problem, state: Mapping[str, np.ndarray]) -> Reach:
    """Return the box about one state: what speed and time may add to each entry."""
    length, size, wide = problem.interval.length, {}, {}
    for field, order in problem.dynamics.orders.items():
        names = [problem.dynamics.entry(field, k) for k in range(order)]
        largest = [np.max(np.abs(state[n]), initial=0.0) for n in names]
        for k, name in enumerate(names):
            size[name] = _filled(np.abs(state[name]), _elsewhere(largest, k, length))
            ahead = largest[k + 1] * length if k + 1 < order else 0.0
            wide[name] = np.clip(2.0 * ahead / size[name], WIDE, FARTHEST)
    held = {n: np.asarray(v, dtype=float) for n, v in state.items()}
    return Reach(held, held, size, wide)


def _elsewhere(largest: list[float], order: int, length: float) -> float:
    """Return the size of a vanishing entry, from that of the nearest derivative."""
    known = [(abs(k - order), v * length ** (k - order)) for k, v in enumerate(largest) if v]
    return min(known)[1] if known else 1.0


def _filled(size: np.ndarray, otherwise: float = 1.0) -> np.ndarray:
    """Return sizes with the largest in place of zeros."""
    size = np.asarray(size, dtype=float)
    largest = float(np.max(size, initial=0.0))
    return np.where(size > 0.0, size, largest if largest > 0.0 else otherwise)


def _initial_values(problem: Problem) -> dict[str, np.ndarray]:
    nodes = [
        np.linspace(a.lower, a.upper, NODES[len(problem.extent)]) for a in problem.extent.values()
    ]
    points = jnp.asarray(list(itertools.product(*nodes)))
    shape = tuple(len(n) for n in nodes)

    @jax.jit
    def every(points):
        return {n: jax.vmap(lambda p: f(*p))(points) for n, f in problem.initial_state.items()}  # noqa: B023

    return {n: np.asarray(v).reshape(*shape, *v.shape[1:]) for n, v in every(points).items()}


def _slopes(problem: Problem, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the sizes of first to fourth derivatives in space, by differences on the grid."""
    found = {}
    spaces = list(problem.extent)
    orders = itertools.product(range(5), repeat=len(spaces))
    for along in (o for o in orders if 0 < sum(o) <= 4):
        for name, value in values.items():
            entry = problem.space.parse(name)
            raised = dict(zip(spaces, along, strict=True))
            counts = [
                n + raised.get(c, 0)
                for c, n in zip(problem.space.coordinates, entry.orders, strict=True)
            ]
            size = _largest_slope(problem, value, along)
            lengths = [a.length**n for a, n in zip(problem.extent.values(), along, strict=True)]
            rounding = ROUNDING * np.max(np.abs(value), initial=0.0) / np.prod(lengths)
            if np.any(size > rounding):
                found[problem.space.name(Entry(entry.field, tuple(counts)))] = _filled(size)
    return found


def _largest_slope(problem: Problem, value: np.ndarray, along: tuple[int, ...]) -> np.ndarray:
    for axis, (order, one) in enumerate(zip(along, problem.extent.values(), strict=True)):
        step = one.length / (value.shape[axis] - 1)
        for _ in range(order):
            value = _difference(value, axis, step, isinstance(one, Periodic))
    over = tuple(range(len(along)))
    size = np.sqrt(np.mean(value**2, axis=over))
    return np.where(np.isfinite(size), size, 0.0)


def _difference(value: np.ndarray, axis: int, step: float, circle: bool) -> np.ndarray:
    if not circle:
        return np.gradient(value, step, axis=axis)
    open_end = np.delete(value, -1, axis=axis)
    slope = (np.roll(open_end, -1, axis) - np.roll(open_end, 1, axis)) / (2.0 * step)
    return np.concatenate([slope, np.take(slope, [0], axis)], axis)
